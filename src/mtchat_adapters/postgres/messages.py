"""Messages in PostgreSQL: the hot path in one statement, changes in a transaction, reading in one trip."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from attrs import frozen

from mtchat_adapters.postgres import rows
from mtchat_adapters.postgres.failures import Outpaced
from mtchat_adapters.postgres.session import Row, Session, Trips, Values, statement, transaction
from mtchat_core.domain.dialogs import DialogNotFound
from mtchat_core.domain.errors import Forbidden
from mtchat_core.domain.events import DialogUnarchived, MessageSent, Recorded
from mtchat_core.domain.ids import DialogId, EventId, MessageId, UserId
from mtchat_core.domain.messages import (
    Direction,
    Edit,
    IdempotencyKeyReused,
    Message,
    MessageNotFound,
    MessageType,
    Outgoing,
    Page,
    ReplyTargetUnknown,
    Window,
    first_unread,
)
from mtchat_core.domain.notifications import Debounce
from mtchat_core.domain.receipts import ReadMark
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
      insert into messages (dialog_id, id, seq, sender_id, sender_name, type, content, sent_at,
        reply_to_id, client_message_id, fingerprint)
      select :dialog, issued_id, last_seq, :sender, display_name, '{MessageType.USER.value}', :content, sent_at,
        cast(:reply_to as uuid), :key, cast(:fingerprint as bytea)
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


_GET = statement(f"select {rows.MESSAGE} from messages m where m.dialog_id = :dialog and m.id = :message")  # noqa: S608

_SAY = statement(f"""
    with numbered as (
      update dialogs d set last_seq = d.last_seq + 1, system_messages = d.system_messages + 1,
        last_issued_id = next.id, last_message_id = next.id, last_message_at = next.at, active_at = next.at
      from (
        select following(:candidate, last_issued_id) as id, greatest(clock_timestamp(), last_message_at) as at
        from dialogs where id = :dialog
      ) next
      where d.id = :dialog
      returning d.last_seq, next.id, next.at
    )
    insert into messages as m (dialog_id, id, seq, type, content, sent_at)
    select :dialog, id, last_seq, '{MessageType.SYSTEM.value}', :content, at from numbered
    returning {rows.MESSAGE}
""")  # noqa: S608 - built from our own constants

_EDIT = statement("""
    with edited as (
      update messages set content = :content, last_edited_at = :edited_at
      where dialog_id = :dialog and id = :message
    )
    insert into edits (dialog_id, message_id, number, content, edited_at)
    select :dialog, :message, 1 + count(*), :previous, :replaced_at
    from edits where dialog_id = :dialog and message_id = :message
""")

_UNLINK = statement("""
    update messages set reply_to_id = null where dialog_id = :dialog and reply_to_id = :message
""")

_DELETE = statement("""
    with gone as (
      delete from messages where dialog_id = :dialog and id = :message
      returning dialog_id, id, seq, sender_id, client_message_id, fingerprint
    ),
    remembered as (
      insert into deleted_messages (dialog_id, id, seq, sender_id, client_message_id, fingerprint, deleted_at)
      select dialog_id, id, seq, sender_id, client_message_id, fingerprint, clock_timestamp() from gone
    ),
    newest as (
      select id, sent_at from messages where dialog_id = :dialog and id <> :message order by id desc limit 1
    ),
    counted as (
      update dialogs d set user_messages = d.user_messages - 1, last_message_id = newest.id,
        last_message_at = newest.sent_at, active_at = coalesce(newest.sent_at, d.created_at)
      from gone left join newest on true
      where d.id = gone.dialog_id
    )
    select id as older from messages where dialog_id = :dialog and id < :message order by id desc limit 1
""")

_COUNT_UNREAD = statement(f"""
    select count(*) as unread from messages
    where dialog_id = :dialog and seq > :after and type = '{MessageType.USER.value}' and sender_id <> :reader
""")  # noqa: S608 - built from our own constants


@frozen
class PostgresMessages:
    """Messages of one transaction."""

    session: Session
    ids: IdSource

    async def get(self, dialog: DialogId, message: MessageId) -> Message | None:
        """Return one message."""
        row = await self.session.one(_GET, {"dialog": dialog, "message": message})
        return rows.message(row) if row else None

    async def say(self, dialog: DialogId, content: str) -> Message:
        """Keep a system message."""
        values = {"dialog": dialog, "candidate": self.ids.new(), "content": content}
        [said] = await self.session.all(_SAY, values)
        return rows.message(said)

    async def edit(self, message: Message, *, previous: Edit) -> None:
        """Keep a message's new content and its history."""
        values = {
            "dialog": message.dialog_id,
            "message": message.id,
            "content": message.content,
            "edited_at": message.last_edited_at,
            "previous": previous.content,
            "replaced_at": previous.edited_at,
        }
        await self.session.all(_EDIT, values)

    async def delete(self, message: Message) -> MessageId | None:
        """Delete a user message; its key stays known."""
        values = {"dialog": message.dialog_id, "message": message.id}
        await self.session.all(_UNLINK, values)
        row = await self.session.one(_DELETE, values)
        return row["older"] if row else None

    async def count_unread(self, dialog: DialogId, reader: UserId, *, after: int) -> int:
        """Count user messages by others with a seq above *after*."""
        [counted] = await self.session.all(_COUNT_UNREAD, {"dialog": dialog, "reader": reader, "after": after})
        unread: int = counted["unread"]
        return unread


# Each side fetches one message more than it shows, so that the flags are the truth. A reader who
# takes part always gets a row, even if there is nothing to show.
_WINDOW = statement(f"""
    with reader as materialized (
      select p.read_seq, p.read_counted, p.last_read_message_id, d.user_messages
      from participants p join dialogs d on d.id = p.dialog_id
      where p.dialog_id = :dialog and p.user_id = :reader
    ),
    below as (
      select {rows.MESSAGE}, true as is_older from messages m
      where m.dialog_id = :dialog and m.id < :below
      order by m.id desc limit cast(:older as bigint)
    ),
    above as (
      select {rows.MESSAGE}, false as is_older from messages m
      where m.dialog_id = :dialog and m.id >= :above
      order by m.id limit cast(:newer as bigint)
    )
    select reader.read_seq, reader.read_counted, reader.last_read_message_id, reader.user_messages,
      m.is_older, {rows.MESSAGE}
    from reader left join (select * from below union all select * from above) m on true
    order by m.id
""")  # noqa: S608 - built from our own constants

_READ_ONE = statement(f"""
    select {rows.MESSAGE} from participants p
    left join messages m on m.dialog_id = p.dialog_id and m.id = :message
    where p.dialog_id = :dialog and p.user_id = :reader
""")  # noqa: S608 - built from our own constants

_HISTORY = statement("""
    select m.id, e.content, e.edited_at from participants p
    left join messages m on m.dialog_id = p.dialog_id and m.id = :message
    left join edits e on e.dialog_id = m.dialog_id and e.message_id = m.id
    where p.dialog_id = :dialog and p.user_id = :reader
    order by e.number
""")


@frozen
class PostgresTranscript:
    """Transcript: one statement each."""

    trips: Trips

    async def page(self, dialog: DialogId, reader: UserId, window: Window) -> Page | None:
        """Return a page, oldest first."""
        values = {"dialog": dialog, "reader": reader, **_sides(window)}
        return _page(await self.trips.all(_WINDOW, values), reader, window)

    async def get(self, dialog: DialogId, reader: UserId, message: MessageId) -> Message | None:
        """Return one message."""
        row = await self.trips.one(_READ_ONE, {"dialog": dialog, "reader": reader, "message": message})
        if row is None:
            raise Forbidden
        return rows.message(row) if row["id"] else None

    async def history(self, dialog: DialogId, reader: UserId, message: MessageId) -> Sequence[Edit] | None:
        """Return earlier wordings, oldest first."""
        found = await self.trips.all(_HISTORY, {"dialog": dialog, "reader": reader, "message": message})
        if not found:
            raise Forbidden
        if found[0]["id"] is None:
            return None
        return tuple(Edit(row["content"], row["edited_at"]) for row in found if row["edited_at"] is not None)


def _sides(window: Window) -> dict[str, Any]:
    """Return how many messages to fetch below and from the cursor, and where it stands.

    One message is fetched beyond what is shown on each side, to know whether there are more.
    """
    cursor, limit = window.cursor, window.limit
    if window.direction is Direction.LATEST or cursor is None:
        return {"below": rows.LAST_ID, "above": rows.LAST_ID, "older": limit + 1, "newer": 0}
    if window.direction is Direction.BEFORE:
        return {"below": cursor, "above": cursor, "older": limit + 1, "newer": 1}
    if window.direction is Direction.AFTER:
        above = UUID(int=min(cursor.int + 1, rows.LAST_ID.int))
        return {"below": above, "above": above, "older": 1, "newer": limit + 1}
    return {"below": cursor, "above": cursor, "older": window.before + 1, "newer": window.before + 2}


def _page(found: Sequence[Row], reader: UserId, window: Window) -> Page | None:
    if not found:
        return None
    messages = [row for row in found if row["id"] is not None]
    older = [rows.message(row) for row in messages if row["is_older"]]
    newer = [rows.message(row) for row in messages if not row["is_older"]]
    show_older, show_newer = {
        Direction.LATEST: (window.limit, 0),
        Direction.BEFORE: (window.limit, 0),
        Direction.AFTER: (0, window.limit),
        Direction.AROUND: (window.before, window.before + 1),
    }[window.direction]
    shown = (*older[max(0, len(older) - show_older) :], *newer[:show_newer])
    me = found[0]
    mark = ReadMark(seq=me["read_seq"], message_id=me["last_read_message_id"], counted=me["read_counted"])
    unread = max(0, me["user_messages"] - me["read_counted"])
    is_around = window.direction is Direction.AROUND
    return Page(
        messages=shown,
        has_more_before=len(older) > show_older,
        has_more_after=len(newer) > show_newer,
        first_unread=None if is_around else first_unread(shown, reader=reader, mark=mark, unread=unread),
    )
