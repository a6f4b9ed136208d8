"""What the database holds when all is over, and how it came about."""

import json
from collections import defaultdict
from datetime import datetime
from typing import Any

import asyncpg  # type: ignore[import-untyped]
from attrs import Factory, define, frozen


@frozen
class Kept:
    """A message, or what is left of a deleted one: then content, type and time are None."""

    id: str
    dialog: str
    seq: int
    sender: str | None
    key: str | None = None
    content: str | None = None
    sent_at: datetime | None = None


@frozen
class Logged:
    """One row of the event log."""

    seq: int
    type: str
    at: float
    message: str | None = None
    user: str | None = None
    joined_as: str | None = None
    xid: int = 0
    """Of the transaction that wrote it; readers of the whole log go by it."""
    people: frozenset[str] = frozenset()
    origin: str | None = None
    reminded: dict[str, int] = Factory(dict[str, int])
    """Who was reminded, and of how many unread messages."""


@frozen
class Standing:
    """One participant as kept."""

    read_seq: int
    is_archived: bool
    unread: int


@define
class Final:
    """The database, and the unread counts as people are told them."""

    messages: dict[str, Kept] = Factory(dict[str, Kept])
    deleted: dict[str, Kept] = Factory(dict[str, Kept])
    wordings: dict[str, list[str]] = Factory(dict[str, list[str]])
    """Earlier contents by message, oldest first."""
    numbers: dict[str, tuple[int, int]] = Factory(dict[str, tuple[int, int]])
    """The last `seq` and the last `event_seq` by dialog."""
    log: dict[str, list[Logged]] = Factory(dict[str, list[Logged]])
    people: dict[tuple[str, str], Standing] = Factory(dict[tuple[str, str], Standing])
    """By dialog and user."""
    told: dict[tuple[str, str], int] = Factory(dict[tuple[str, str], int])
    """Unread counts as the service answers them, by dialog and user."""
    attempts: dict[tuple[str, int, str], list[str]] = Factory(dict[tuple[str, int, str], list[str]])
    """What the service itself says of its webhooks' attempts, by dialog, `seq` and type."""

    def all_messages(self, dialog: str) -> list[Kept]:
        """Return a dialog's messages by `seq`, deleted ones too."""
        both = [*self.messages.values(), *self.deleted.values()]
        return sorted((kept for kept in both if kept.dialog == dialog), key=lambda kept: kept.seq)


_MESSAGES = """
    select id::text, dialog_id::text as dialog, seq, sender_id as sender, client_message_id as key, content,
      sent_at
    from mtchat.messages
"""
_DELETED = """
    select id::text, dialog_id::text as dialog, seq, sender_id as sender, client_message_id as key
    from mtchat.deleted_messages
"""
_EDITS = "select message_id::text as id, content from mtchat.edits order by message_id, number"
_DIALOGS = "select id::text, last_seq, event_seq from mtchat.dialogs"
_EVENTS = """
    select dialog_id::text as dialog, seq, type, xid::text::bigint as xid, extract(epoch from at)::float8 as at,
      coalesce(message_id::text, facts->>'message_id') as message,
      facts->>'user_id' as user, facts->>'joined_as' as joined_as, people, facts->>'origin' as origin,
      (
        select jsonb_object_agg(one->>'user_id', one->'unread_count')
        from jsonb_array_elements(facts->'recipients') as one
      ) as reminded
    from mtchat.events order by dialog_id, seq
"""
_PEOPLE = """
    select p.dialog_id::text as dialog, user_id, read_seq, is_archived,
      greatest(0, d.user_messages - p.read_counted) as unread
    from mtchat.participants p join mtchat.dialogs d on d.id = p.dialog_id
"""
_ATTEMPTS = """
    select d.dialog_id::text as dialog, d.seq, d.type,
      format('%s-%s ms: %s', extract(epoch from a.at), a.milliseconds, coalesce(a.failure, a.status::text)) as says
    from mtchat.webhook_attempts a join mtchat.webhook_deliveries d using (endpoint_id, number) order by a.at
"""


async def read_final(dsn: str) -> Final:
    """Read everything from the database at *dsn*."""
    connection: Any = await asyncpg.connect(dsn)
    try:
        wordings, log = defaultdict[str, list[str]](list), defaultdict[str, list[Logged]](list)
        for row in await connection.fetch(_EDITS):
            wordings[row["id"]].append(row["content"])
        for row in await connection.fetch(_EVENTS):
            facts = dict(row)
            facts["people"] = frozenset(facts["people"] or ())
            facts["reminded"] = json.loads(facts["reminded"] or "{}")
            log[facts.pop("dialog")].append(Logged(**facts))
        attempts = defaultdict[tuple[str, int, str], list[str]](list)
        for row in await connection.fetch(_ATTEMPTS):
            attempts[row["dialog"], row["seq"], row["type"]].append(row["says"])
        return Final(
            messages={row["id"]: Kept(**row) for row in await connection.fetch(_MESSAGES)},
            deleted={row["id"]: Kept(**row) for row in await connection.fetch(_DELETED)},
            wordings=dict(wordings),
            numbers={row["id"]: (row["last_seq"], row["event_seq"]) for row in await connection.fetch(_DIALOGS)},
            log=dict(log),
            attempts=dict(attempts),
            people={
                (row["dialog"], row["user_id"]): Standing(row["read_seq"], row["is_archived"], row["unread"])
                for row in await connection.fetch(_PEOPLE)
            },
        )
    finally:
        await connection.close()
