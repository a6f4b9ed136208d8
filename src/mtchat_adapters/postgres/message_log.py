"""Sending in PostgreSQL: the hot path, one statement (docs/adr/0002-one-hot-path-for-send.md)."""

from attrs import frozen

from mtchat_adapters.postgres import rows
from mtchat_adapters.postgres.failures import Outpaced
from mtchat_adapters.postgres.session import Row, Trips, Values, statement, transaction
from mtchat_core.domain.dialogs import DialogNotFound
from mtchat_core.domain.errors import Forbidden
from mtchat_core.domain.events import DialogUnarchived, MessageSent, Recorded
from mtchat_core.domain.ids import EventId
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

# All parts of one statement see the database as it was when the statement began; only a row that
# is locked or updated is seen as it has become while we waited. Hence the order of the parts: lock
# the dialog, prove membership by updating the sender's row (who was removed meanwhile has none),
# and only then take numbers. What else may have changed while we waited is found out in three ways,
# and each of them keeps nothing at all: a key that was used meanwhile breaks its unique index, a
# reply target that was deleted meanwhile breaks its foreign key, and archives that changed meanwhile
# show in their count. Then, "outpaced", the statement runs again with the dialog locked before it
# begins, and there is no meanwhile. See docs/adr/0002-one-hot-path-for-send.md.
_APPEND = statement(f"""
    with locked as materialized (
      select id, last_seq, event_seq, user_messages, archive_changes, reminder_since,
        greatest(clock_timestamp(), last_message_at) as sent_at,
        following(:candidate, last_issued_id) as issued_id
      from dialogs where id = :dialog for update
    ),
    as_it_was as materialized (
      select archive_changes from dialogs where id = :dialog
    ),
    sender as materialized (
      select is_archived from participants where dialog_id = :dialog and user_id = :sender
    ),
    said_before as materialized (
      select id, fingerprint from messages
      where dialog_id = :dialog and sender_id = :sender and client_message_id = :key
      union all
      select id, fingerprint from deleted_messages
      where dialog_id = :dialog and sender_id = :sender and client_message_id = :key
    ),
    answered as materialized (
      select cast(:reply_to as uuid) is null or exists (
        select from messages where dialog_id = :dialog and id = :reply_to) as is_here
    ),
    marked as (
      update participants p set read_seq = locked.last_seq + 1, read_counted = locked.user_messages + 1,
        last_read_message_id = locked.issued_id, is_archived = false
      from locked, as_it_was, answered
      where p.dialog_id = locked.id and p.user_id = :sender
        and locked.archive_changes = as_it_was.archive_changes
        and answered.is_here and not exists (select from said_before)
      returning p.user_id, p.display_name
    ),
    unarchived as (
      update participants p set is_archived = false
      from marked
      where p.dialog_id = :dialog and p.is_archived and p.user_id <> marked.user_id
      returning p.user_id
    ),
    woken as materialized (
      select array(
        select user_id from unarchived
        union all select marked.user_id from marked, sender where sender.is_archived
        order by user_id) as people
    ),
    numbered as (
      update dialogs d set
        last_seq = locked.last_seq + 1,
        event_seq = locked.event_seq + case when woken.people = '{{}}' then 1 else 2 end,
        archive_changes = locked.archive_changes + case when woken.people = '{{}}' then 0 else 1 end,
        user_messages = locked.user_messages + 1,
        last_message_id = locked.issued_id,
        last_message_at = locked.sent_at,
        active_at = locked.sent_at,
        last_issued_id = locked.issued_id,
        reminder_since = coalesce(locked.reminder_since, locked.sent_at),
        reminder_due = least(locked.sent_at + cast(:delay as interval),
          coalesce(locked.reminder_since, locked.sent_at) + cast(:at_most as interval))
      from locked, marked, woken
      where d.id = locked.id
      returning d.last_seq, d.event_seq, locked.issued_id, locked.sent_at, marked.display_name
    ),
    kept as (
      insert into messages (dialog_id, id, seq, sender_id, sender_name, type, content, search_text, sent_at,
        reply_to_id, client_message_id, fingerprint)
      select :dialog, issued_id, last_seq, :sender, display_name, '{MessageType.USER.value}', :content,
        :search_text, sent_at, cast(:reply_to as uuid), :key, cast(:fingerprint as bytea)
      from numbered
    ),
    logged as (
      insert into events (dialog_id, seq, id, type, at, message_id, people, facts)
      select :dialog, event_seq, cast(:event as uuid), '{MessageSent.type}', sent_at, issued_id, null,
        jsonb_build_object('origin', cast(:origin as text))
      from numbered
      union all
      select :dialog, event_seq - 1, cast(:woken_event as uuid), '{DialogUnarchived.type}', sent_at, null, people,
        jsonb_build_object('people', people)
      from numbered, woken where people <> '{{}}'
    )
    select
      case
        when numbered.last_seq is not null then 'appended'
        when not exists (select from locked) then 'no dialog'
        when not exists (select from sender) then 'not participant'
        when said_before.id is not null then 'said before'
        when not answered.is_here then 'reply unknown'
        else 'outpaced'
      end as outcome,
      numbered.last_seq as new_seq, numbered.event_seq, numbered.issued_id, numbered.sent_at as new_sent_at,
      numbered.display_name, woken.people as woken,
      said_before.fingerprint as first_fingerprint, {rows.MESSAGE}
    from answered cross join woken
    left join numbered on true
    left join said_before on true
    left join messages m on m.dialog_id = :dialog and m.id = said_before.id
""")  # noqa: S608 - built from our own constants

_LOCK = statement("select from dialogs where id = :dialog for update")


@frozen
class PostgresMessageLog:
    """MessageLog as one statement, committed by itself: one trip."""

    trips: Trips
    ids: IdSource
    debounce: Debounce

    async def append(self, outgoing: Outgoing) -> Posted:
        """Keep a message, or say why not."""
        values = self._values(outgoing)
        try:
            row = await self.trips.one(_APPEND, values, is_repeatable=outgoing.key is not None)
            if row is None or row["outcome"] == "outpaced":
                row = await self._append_locked(values)
        except Outpaced:
            row = await self._append_locked(values)
        return _posted(outgoing, values, row)

    async def _append_locked(self, values: Values) -> Row:
        async with transaction(self.trips.pool) as session:
            await session.all(_LOCK, values)
            [row] = await session.all(_APPEND, values)
        return row

    def _values(self, outgoing: Outgoing) -> Values:
        return {
            "dialog": outgoing.dialog_id,
            "candidate": outgoing.id,
            "sender": outgoing.sender_id,
            "content": outgoing.content,
            "search_text": search_text(outgoing.content),
            "reply_to": outgoing.reply_to,
            "key": outgoing.key,
            "fingerprint": None if outgoing.key is None else outgoing.fingerprint,
            "origin": outgoing.origin.value,
            "event": self.ids.new(),
            "woken_event": self.ids.new(),
            "delay": self.debounce.delay,
            "at_most": self.debounce.at_most,
        }


def _posted(outgoing: Outgoing, values: Values, row: Row) -> Posted:
    if row["outcome"] != "appended":
        return Posted(_said_before(outgoing, row))
    sent_at = row["new_sent_at"]
    message = Message(
        id=row["issued_id"],
        dialog_id=outgoing.dialog_id,
        seq=row["new_seq"],
        sender_id=outgoing.sender_id,
        sender_name=row["display_name"],
        content=outgoing.content,
        sent_at=sent_at,
        reply_to_id=outgoing.reply_to,
        client_message_id=outgoing.key,
    )
    sent = MessageSent(dialog_id=message.dialog_id, message=message, origin=outgoing.origin)
    logged = Recorded(EventId(values["event"]), row["event_seq"], sent_at, sent)
    if not row["woken"]:
        return Posted(message, (logged,))
    woken = DialogUnarchived(dialog_id=message.dialog_id, people=row["woken"])
    return Posted(
        message, (Recorded(EventId(values["woken_event"]), row["event_seq"] - 1, sent_at, woken), logged)
    )


def _said_before(outgoing: Outgoing, row: Row) -> Message:
    """Return what the key made the first time, or say why there is nothing to return."""
    match row["outcome"]:
        case "no dialog":
            raise DialogNotFound
        case "reply unknown":
            raise ReplyTargetUnknown
        case "said before":
            if row["first_fingerprint"] != outgoing.fingerprint:
                raise IdempotencyKeyReused
            if row["id"] is None:
                raise MessageNotFound("The message sent with this key has been deleted.")
            return rows.message(row)
        case _:
            raise Forbidden
