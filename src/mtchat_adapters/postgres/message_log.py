"""Sending in PostgreSQL: what waits together goes in one statement (docs/adr/0006-write-combining.md).

A message with files goes by itself, in a transaction (docs/adr/0013-files-as-rows.md).
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from attrs import frozen

from mtchat_adapters.postgres import rows
from mtchat_adapters.postgres.combining import Combiner, Limits
from mtchat_adapters.postgres.failures import Fault, Lost
from mtchat_adapters.postgres.session import Row, Trips, Values, statement, transaction
from mtchat_core.domain.attachments import UploadUnknown
from mtchat_core.domain.dialogs import DialogNotFound
from mtchat_core.domain.errors import ChatError, Forbidden, ServiceUnavailable
from mtchat_core.domain.events import DialogUnarchived, MessageSent, Recorded
from mtchat_core.domain.ids import DialogId, EventId, MessageId, following
from mtchat_core.domain.messages import (
    IdempotencyKeyReused,
    Message,
    MessageNotFound,
    MessageType,
    Outgoing,
    ReplyTargetUnknown,
)
from mtchat_core.domain.notifications import Debounce
from mtchat_core.domain.search import search_text
from mtchat_core.ports.ids import IdSource
from mtchat_core.ports.messages import Posted

# Read it top to bottom: what came in; the dialogs' locks; what is decided about each message;
# the numbers of those that are kept; what is written.
#
# All parts of a statement see the database as it was when the statement began, but a row that is
# locked is seen as it has become. Every change of a dialog is an event, so an `event_seq` that is
# still the one we saw proves that nothing has changed, and that all we see of the dialog is true.
# A dialog that somebody else holds is passed over ("held") and one that has changed is left alone
# ("changed"), so that nobody waits for another dialog's sake and no two sends can lock each other
# out: such messages come again, by themselves, once the lock is theirs.
#
# Whoever has waited for a dialog may have a smaller transaction number than those who came before it
# (events.py), whoever has not has a greater one: it began after what it has seen.
#
# What is looked up among messages is looked up one by one (`limit 1`): a plan made while the table
# was new and small would rather read all of it, and go on doing so while it grows.
_APPEND = statement(f"""
    with incoming as materialized (
      select * from unnest(
        cast(:dialogs as uuid[]), cast(:candidates as uuid[]), cast(:senders as text[]), cast(:contents as text[]),
        cast(:search_texts as text[]), cast(:replies as uuid[]), cast(:keys as text[]),
        cast(:fingerprints as bytea[]), cast(:origins as text[]), cast(:events as uuid[]),
        cast(:woken_events as uuid[])
      ) with ordinality as i (dialog_id, candidate, sender_id, content, search_text, reply_to_id, key,
        fingerprint, origin, event_id, woken_event_id, n)
    ),
    seen as materialized (
      select id, event_seq from dialogs where id = any(cast(:dialogs as uuid[]))
    ),
    locked as materialized (
      select id, last_seq, event_seq, user_messages, last_issued_id, reminder_since,
        greatest(clock_timestamp(), last_message_at) as at,
        case when cast(:has_waited as boolean) then
          (select e.xid from events e where e.dialog_id = dialogs.id and e.seq = dialogs.event_seq) end as last_xid
      from dialogs where id = any(cast(:dialogs as uuid[])) order by id for update skip locked
    ),
    decided as materialized (
      select i.*, p.display_name, before.id as said_id, before.fingerprint as said_fingerprint,
        case
          when seen.id is null then 'no dialog'
          when locked.id is null then 'held'
          when locked.event_seq <> seen.event_seq then 'changed'
          when p.user_id is null then 'not participant'
          when before.id is not null then 'said before'
          when i.reply_to_id is not null and not exists (
            select from messages m where m.dialog_id = i.dialog_id and m.id = i.reply_to_id) then 'reply unknown'
          else 'appended'
        end as outcome
      from incoming i
      left join seen on seen.id = i.dialog_id
      left join locked on locked.id = i.dialog_id
      left join participants p on p.dialog_id = i.dialog_id and p.user_id = i.sender_id
      left join lateral (
        select m.id, m.fingerprint from messages m where i.key is not null
          and m.dialog_id = i.dialog_id and m.sender_id = i.sender_id and m.client_message_id = i.key
        union all
        select m.id, m.fingerprint from deleted_messages m where i.key is not null
          and m.dialog_id = i.dialog_id and m.sender_id = i.sender_id and m.client_message_id = i.key
        limit 1
      ) before on true
    ),
    placed as materialized (
      select d.*, row_number() over dialog as place, first_value(candidate) over dialog as first_candidate
      from decided d where outcome = 'appended' window dialog as (partition by dialog_id order by n)
    ),
    archived as materialized (
      select p.dialog_id, p.user_id from participants p
      where p.is_archived and p.dialog_id in (select dialog_id from placed)
    ),
    woken as materialized (
      select dialog_id, array_agg(user_id order by user_id) as people from archived group by dialog_id
    ),
    numbered as materialized (
      select p.*, locked.at, locked.last_xid, locked.last_seq + p.place as seq,
        locked.user_messages + p.place as counted,
        locked.event_seq + p.place + case when woken.people is null then 0 else 1 end as event_seq,
        case when locked.last_issued_id is null or p.first_candidate > locked.last_issued_id
          then p.candidate else following(locked.last_issued_id, cast(p.place as integer)) end as id,
        case when p.place = 1 then woken.people end as woken
      from placed p join locked on locked.id = p.dialog_id left join woken on woken.dialog_id = p.dialog_id
    ),
    newest as (
      select distinct on (dialog_id) * from numbered order by dialog_id, n desc
    ),
    advanced as (
      update dialogs d set
        last_seq = newest.seq,
        event_seq = newest.event_seq,
        user_messages = newest.counted,
        last_message_id = newest.id,
        last_issued_id = newest.id,
        last_message_at = newest.at,
        active_at = newest.at,
        reminder_since = coalesce(locked.reminder_since, newest.at),
        reminder_due = least(newest.at + cast(:delay as interval),
          coalesce(locked.reminder_since, newest.at) + cast(:at_most as interval))
      from newest join locked on locked.id = newest.dialog_id
      where d.id = newest.dialog_id
    ),
    own as (
      select distinct on (dialog_id, sender_id) dialog_id, sender_id as user_id, seq, counted, id
      from numbered order by dialog_id, sender_id, n desc
    ),
    moved as (
      update participants p set
        is_archived = false,
        read_seq = coalesce(who.seq, p.read_seq),
        read_counted = coalesce(who.counted, p.read_counted),
        last_read_message_id = coalesce(who.id, p.last_read_message_id)
      from (select * from own full join archived using (dialog_id, user_id)) who
      where p.dialog_id = who.dialog_id and p.user_id = who.user_id
    ),
    kept as (
      insert into messages (dialog_id, id, seq, sender_id, sender_name, type, content, search_text, sent_at,
        reply_to_id, client_message_id, fingerprint)
      select dialog_id, id, seq, sender_id, display_name, '{MessageType.USER.value}', content, search_text, at,
        reply_to_id, key, fingerprint
      from numbered
    ),
    logged as (
      insert into events (dialog_id, seq, id, type, at, message_id, people, facts, xid)
      select dialog_id, event_seq, event_id, '{MessageSent.type}', at, id, null,
        jsonb_build_object('origin', origin), greatest(last_xid, pg_current_xact_id())
      from numbered
      union all
      select dialog_id, event_seq - 1, woken_event_id, '{DialogUnarchived.type}', at, null, woken,
        jsonb_build_object('people', woken), greatest(last_xid, pg_current_xact_id())
      from numbered where woken is not null
    )
    select d.outcome, d.display_name, d.said_fingerprint, n.seq as new_seq, n.event_seq, n.id as new_id,
      n.at, n.woken, {rows.MESSAGE}
    from decided d
    left join numbered n on n.n = d.n
    left join lateral (
      select * from messages where d.said_id is not null and dialog_id = d.dialog_id and id = d.said_id limit 1
    ) m on true
    order by d.n
""")  # noqa: S608 - built from our own constants

# After `_APPEND` in the same transaction: unless every place was there to be used, all of it is undone.
_ATTACH = statement("""
    with sent as materialized (
      select * from jsonb_to_recordset(cast(:files as jsonb)) as s (id uuid, key text, filename text,
        content_type text, kind text, size_bytes bigint, etag text, state text, is_seen_later boolean)
    ),
    used as (
      delete from uploads u using sent where u.key = sent.key and u.user_id = :sender and u.dialog_id = :dialog
      returning u.key
    ),
    kept as (
      insert into attachments (dialog_id, id, message_id, user_id, key, filename, content_type, kind, size_bytes,
        etag, state, sent_at, look_due)
      select :dialog, id, :message, :sender, key, filename, content_type, kind, size_bytes, etag, state, :at,
        case when is_seen_later then clock_timestamp() end
      from sent join used using (key)
    ),
    counted as (
      update messages set file_count = (select count(*) from sent) where dialog_id = :dialog and id = :message
    )
    select count(*) as count from used
""")

_LOCK = statement("select from dialogs where id = :dialog for update")


@frozen
class _Sending:
    """A message on its way, and the ids of the events it may cause."""

    outgoing: Outgoing
    event_id: UUID
    woken_event_id: UUID

    @property
    def dialog(self) -> DialogId:
        """Where it goes."""
        return self.outgoing.dialog_id

    @property
    def once(self) -> object | None:
        """Sender and key: who sends the same again wants the answer of the first time, and waits for it."""
        return None if self.outgoing.key is None else (self.outgoing.sender_id, self.outgoing.key)


_Outcome = Posted | Exception | None
"""What came of a message; None: not yet, somebody else holds its dialog."""


class PostgresMessageLog:
    """MessageLog as one statement for all that wait, committed by itself."""

    def __init__(self, trips: Trips, ids: IdSource, debounce: Debounce, limits: Limits | None = None) -> None:
        """Append over *trips*; *limits* say how much travels at once."""
        self._trips = trips
        self._ids = ids
        self._debounce = debounce
        self._combiner = Combiner[_Sending, Posted](self._at_once, self._under_lock, limits or Limits())

    async def append(self, outgoing: Outgoing) -> Posted:
        """Keep a message, or say why not."""
        sending = _Sending(outgoing, self._ids.new(), self._ids.new())
        if not outgoing.files:
            return await self._combiner.carry(sending)
        [outcome] = await _outcomes([sending], self._with_files)
        if isinstance(outcome, Posted):
            return outcome
        raise outcome or Fault("a dialog that is ours was taken for somebody else's")

    async def close(self) -> None:
        """Wait for what is under way."""
        await self._combiner.close()

    async def _at_once(self, sendings: Sequence[_Sending]) -> Sequence[_Outcome]:
        """Append to dialogs that nobody holds."""

        async def run(some: Sequence[_Sending]) -> Sequence[Row]:
            values = self._values(some, has_waited=False)
            return await self._trips.all(_APPEND, values, is_repeatable=False)

        return await _outcomes(sendings, run)

    async def _under_lock(self, sendings: Sequence[_Sending]) -> Sequence[_Outcome]:
        """Append to one dialog, once it is ours."""

        async def run(some: Sequence[_Sending]) -> Sequence[Row]:
            async with transaction(self._trips.pool) as session:
                await session.all(_LOCK, {"dialog": some[0].dialog})
                return await session.all(_APPEND, self._values(some, has_waited=True))

        return await _outcomes(sendings, run)

    async def _with_files(self, sendings: Sequence[_Sending]) -> Sequence[Row]:
        """Append one message and use up the places of its files, in one transaction."""
        [sending] = sendings
        async with transaction(self._trips.pool) as session:
            await session.all(_LOCK, {"dialog": sending.dialog})
            [row] = await session.all(_APPEND, self._values(sendings, has_waited=True))
            if row["outcome"] == "appended":
                [used] = await session.all(_ATTACH, _attaching(sending.outgoing, row))
                if used["count"] < len(sending.outgoing.files):
                    raise UploadUnknown
        return [row]

    def _values(self, sendings: Sequence[_Sending], *, has_waited: bool) -> Values:
        going = [sending.outgoing for sending in sendings]
        return {
            "has_waited": has_waited,
            "dialogs": [one.dialog_id for one in going],
            "candidates": _rising(going),
            "senders": [one.sender_id for one in going],
            "contents": [one.content for one in going],
            "search_texts": [search_text(one.content) for one in going],
            "replies": [one.reply_to for one in going],
            "keys": [one.key for one in going],
            "fingerprints": [None if one.key is None else one.fingerprint for one in going],
            "origins": [one.origin.value for one in going],
            "events": [sending.event_id for sending in sendings],
            "woken_events": [sending.woken_event_id for sending in sendings],
            "delay": self._debounce.delay,
            "at_most": self._debounce.at_most,
        }


async def _outcomes(
    sendings: Sequence[_Sending], run: Callable[[Sequence[_Sending]], Awaitable[Sequence[Row]]]
) -> Sequence[_Outcome]:
    """Say of each message what came of it; a failure is tried again where that can do no harm."""
    try:
        rows = await run(sendings)
    except Lost as error:
        # It may have been committed all the same: only a key makes trying again harmless.
        keyed = [sending for sending in sendings if sending.outgoing.key is not None]
        again = iter(await _once_more(keyed, run))
        return [error if sending.outgoing.key is None else next(again) for sending in sendings]
    except ServiceUnavailable as error:
        return [error] * len(sendings)
    except Exception as error:
        # One of them is at fault, and nothing was kept: each goes alone.
        if len(sendings) == 1:
            return [error]
        return [(await _once_more([sending], run))[0] for sending in sendings]
    return [_outcome(sending, row) for sending, row in zip(sendings, rows, strict=True)]


async def _once_more(
    sendings: Sequence[_Sending], run: Callable[[Sequence[_Sending]], Awaitable[Sequence[Row]]]
) -> Sequence[_Outcome]:
    if not sendings:
        return []
    try:
        rows = await run(sendings)
    except Exception as error:
        return [error] * len(sendings)
    return [_outcome(sending, row) for sending, row in zip(sendings, rows, strict=True)]


def _rising(going: Sequence[Outgoing]) -> list[MessageId]:
    """Return the ids proposed for the messages, each above the one before it in its dialog."""
    rising: list[MessageId] = []
    last: dict[DialogId, MessageId] = {}
    for one in going:
        last[one.dialog_id] = MessageId(following(one.id, last.get(one.dialog_id)))
        rising.append(last[one.dialog_id])
    return rising


def _attaching(outgoing: Outgoing, row: Row) -> Values:
    """Return the values for `_ATTACH`, of a message that `_APPEND` has kept."""
    files = [
        {
            "id": str(file.id),
            "key": file.key,
            "filename": file.filename,
            "content_type": file.content_type,
            "kind": file.kept().kind.value,
            "size_bytes": file.size_bytes,
            "etag": file.etag,
            "state": file.state.value,
            "is_seen_later": file.is_seen_later,
        }
        for file in outgoing.files
    ]
    return {
        "files": json.dumps(files),
        "sender": outgoing.sender_id,
        "dialog": outgoing.dialog_id,
        "message": row["new_id"],
        "at": row["at"],
    }


def _outcome(sending: _Sending, row: Row) -> _Outcome:
    outgoing = sending.outgoing
    match row["outcome"]:
        case "appended":
            return _posted(sending, row)
        case "held" | "changed":
            return None
        case "no dialog":
            return DialogNotFound()
        case "not participant":
            return Forbidden()
        case "reply unknown":
            return ReplyTargetUnknown()
        case _:
            return _said_before(outgoing, row)


def _said_before(outgoing: Outgoing, row: Row) -> Posted | ChatError:
    """Return what the key made the first time, or why there is nothing to return."""
    if row["said_fingerprint"] != outgoing.fingerprint:
        return IdempotencyKeyReused()
    if row["id"] is None:
        return MessageNotFound("The message sent with this key has been deleted.")
    return Posted(rows.message(row))


def _posted(sending: _Sending, row: Row) -> Posted:
    outgoing, at = sending.outgoing, row["at"]
    message = Message(
        id=row["new_id"],
        dialog_id=outgoing.dialog_id,
        seq=row["new_seq"],
        sender_id=outgoing.sender_id,
        sender_name=row["display_name"],
        content=outgoing.content,
        sent_at=at,
        reply_to_id=outgoing.reply_to,
        client_message_id=outgoing.key,
        attachments=tuple(file.kept() for file in outgoing.files),
    )
    sent = MessageSent(dialog_id=message.dialog_id, message=message, origin=outgoing.origin)
    logged = Recorded(EventId(sending.event_id), row["event_seq"], at, sent)
    if row["woken"] is None:
        return Posted(message, (logged,))
    woken = DialogUnarchived(dialog_id=message.dialog_id, people=row["woken"])
    return Posted(message, (Recorded(EventId(sending.woken_event_id), row["event_seq"] - 1, at, woken), logged))
