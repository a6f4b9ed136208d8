"""Messages in PostgreSQL: the hot path in one statement, changes in a transaction, reading in one trip."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from attrs import frozen
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mtchat_adapters.pgv import rows
from mtchat_adapters.pgv.failures import (
    FOREIGN_KEY_VIOLATION,
    UNIQUE_VIOLATION,
    is_lost,
    repeatable,
    sqlstate,
    translated,
)
from mtchat_adapters.pgv.tables import messages
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

# All parts of one statement see the snapshot taken at its start, but a row that is locked or
# updated is seen as it is by then. So: lock the dialog first; prove membership by updating the
# participant's row (a removal that was committed while we waited leaves no row to update); only
# then take numbers from the dialog. A key or a reply target that changed while we waited escapes
# the snapshot and fails on its index or foreign key: nothing is kept, and the statement runs again.
_APPEND = sa.text("""
    with locked as materialized (
      select *, greatest(clock_timestamp(), last_message_at) as sent_at,
        following(:candidate, last_issued_id) as issued_id
      from dialogs where id = :dialog for update
    ),
    me as materialized (
      select p.is_archived from participants p where p.dialog_id = :dialog and p.user_id = :sender
    ),
    said_before as materialized (
      select m.id, m.fingerprint, true as exists from messages m
      where m.dialog_id = :dialog and m.sender_id = :sender and m.client_message_id = cast(:key as text)
      union all
      select m.id, m.fingerprint, false from deleted_messages m
      where m.dialog_id = :dialog and m.sender_id = :sender and m.client_message_id = cast(:key as text)
    ),
    reply as materialized (
      select cast(:reply_to as uuid) is null or exists (
        select from messages m where m.dialog_id = :dialog and m.id = cast(:reply_to as uuid)) as is_fine
    ),
    marked as (
      update participants p set read_seq = locked.last_seq + 1, read_counted = locked.user_messages + 1,
        last_read_message_id = locked.issued_id, is_archived = false
      from locked, reply
      where p.dialog_id = locked.id and p.user_id = :sender
        and reply.is_fine and not exists (select from said_before)
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
        union all select marked.user_id from marked, me where me.is_archived
        order by 1) as people
    ),
    numbered as (
      update dialogs d set
        last_seq = locked.last_seq + 1,
        event_seq = locked.event_seq + case when woken.people = '{}' then 1 else 2 end,
        user_messages = locked.user_messages + 1,
        last_message_id = locked.issued_id,
        last_message_at = locked.sent_at,
        active_at = locked.sent_at,
        last_issued_id = locked.issued_id,
        reminder_since = coalesce(locked.reminder_since, locked.sent_at),
        reminder_due = least(
          locked.sent_at + :delay, coalesce(locked.reminder_since, locked.sent_at) + :at_most)
      from locked, marked, woken
      where d.id = locked.id
      returning d.last_seq, d.event_seq, locked.issued_id, locked.sent_at, marked.display_name
    ),
    kept as (
      insert into messages (dialog_id, id, seq, sender_id, sender_name, type, content, sent_at,
        reply_to_id, client_message_id, fingerprint)
      select :dialog, n.issued_id, n.last_seq, :sender, n.display_name, 'user', :content, n.sent_at,
        cast(:reply_to as uuid), cast(:key as text),
        case when cast(:key as text) is null then null else cast(:fingerprint as bytea) end
      from numbered n
    ),
    logged as (
      insert into events (dialog_id, seq, id, type, at, message_id, people, facts)
      select :dialog, n.event_seq, :event, 'message.new', n.sent_at, n.issued_id, null,
        jsonb_build_object('origin', cast(:origin as text))
      from numbered n
      union all
      select :dialog, n.event_seq - 1, :woken_event, 'dialog.unarchived', n.sent_at, null, woken.people,
        jsonb_build_object('people', to_jsonb(woken.people))
      from numbered n, woken where woken.people <> '{}'
    )
    select n.last_seq as seq, n.event_seq, n.issued_id as id, n.sent_at, n.display_name as sender_name,
      woken.people as woken,
      exists (select from locked) as dialog_exists,
      exists (select from me) as is_member,
      reply.is_fine as reply_is_fine,
      said_before.id as first_id, said_before.fingerprint as first_fingerprint, said_before.exists as first_exists
    from reply cross join woken left join numbered n on true left join said_before on true
""").bindparams(
    sa.bindparam("dialog", type_=messages.c.dialog_id.type),
    sa.bindparam("candidate", type_=messages.c.id.type),
    sa.bindparam("event", type_=messages.c.id.type),
    sa.bindparam("woken_event", type_=messages.c.id.type),
    sa.bindparam("sender", type_=sa.Text),
    sa.bindparam("content", type_=sa.Text),
    sa.bindparam("delay", type_=sa.Interval),
    sa.bindparam("at_most", type_=sa.Interval),
)

_AFTER_ALL = UUID(int=(1 << 128) - 1)

_ONE = sa.select(messages).where(
    messages.c.dialog_id == sa.bindparam("dialog"), messages.c.id == sa.bindparam("id")
)


@frozen
class PostgresMessageLog:
    """MessageLog as one statement, committed by itself: one trip."""

    autocommit: AsyncEngine
    ids: IdSource
    debounce: Debounce

    async def append(self, outgoing: Outgoing) -> Posted:
        """Keep a message, or say why not."""
        async with translated():
            try:
                return await self._append(outgoing)
            except DBAPIError as error:
                outpaced = sqlstate(error) in (UNIQUE_VIOLATION, FOREIGN_KEY_VIOLATION)
                if not (outpaced or (outgoing.key is not None and is_lost(error))):
                    raise
                return await self._append(outgoing)

    async def _append(self, outgoing: Outgoing) -> Posted:
        event, woken_event = EventId(self.ids.new()), EventId(self.ids.new())
        values: dict[str, Any] = {
            "dialog": outgoing.dialog_id,
            "candidate": outgoing.id,
            "sender": outgoing.sender_id,
            "content": outgoing.content,
            "reply_to": outgoing.reply_to,
            "key": outgoing.key,
            "fingerprint": outgoing.fingerprint,
            "origin": outgoing.origin.value,
            "event": event,
            "woken_event": woken_event,
            "delay": self.debounce.delay,
            "at_most": self.debounce.at_most,
        }
        async with self.autocommit.connect() as connection:
            row = (await connection.execute(_APPEND, values)).one()
            if row.seq is None:
                return Posted(await self._refuse(connection, outgoing, row))
        message = Message(
            id=row.id,
            dialog_id=outgoing.dialog_id,
            seq=row.seq,
            sender_id=outgoing.sender_id,
            sender_name=row.sender_name,
            content=outgoing.content,
            sent_at=row.sent_at,
            reply_to_id=outgoing.reply_to,
            client_message_id=outgoing.key,
        )
        sent = MessageSent(dialog_id=message.dialog_id, message=message, origin=outgoing.origin)
        recorded = [Recorded(event, row.event_seq, row.sent_at, sent)]
        if row.woken:
            woken = DialogUnarchived(dialog_id=message.dialog_id, people=row.woken)
            recorded.insert(0, Recorded(woken_event, row.event_seq - 1, row.sent_at, woken))
        return Posted(message, tuple(recorded))

    async def _refuse(self, connection: AsyncConnection, outgoing: Outgoing, row: rows.Row) -> Message:
        """Say why nothing was kept; a repeated send is answered with what it made the first time."""
        if not row.dialog_exists:
            raise DialogNotFound
        if not row.is_member:
            raise Forbidden
        if row.first_id is None:
            # Without another reason, the sender was removed while the statement waited.
            raise Forbidden if row.reply_is_fine else ReplyTargetUnknown
        if row.first_fingerprint != outgoing.fingerprint:
            raise IdempotencyKeyReused
        values = {"dialog": outgoing.dialog_id, "id": row.first_id}
        first = (await connection.execute(_ONE, values)).one_or_none() if row.first_exists else None
        if first is None:
            raise MessageNotFound("The message sent with this key has been deleted.")
        return rows.message(first)


_SAY = sa.text("""
    with next as materialized (
      select following(:candidate, last_issued_id) as id, greatest(clock_timestamp(), last_message_at) as sent_at
      from dialogs where id = :dialog
    ),
    numbered as (
      update dialogs set last_seq = last_seq + 1, system_messages = system_messages + 1,
        last_issued_id = next.id, last_message_id = next.id, last_message_at = next.sent_at, active_at = next.sent_at
      from next where dialogs.id = :dialog
      returning last_seq, last_message_id, last_message_at
    )
    insert into messages (dialog_id, id, seq, type, content, sent_at)
    select :dialog, last_message_id, last_seq, 'system', :content, last_message_at from numbered
    returning *
""").bindparams(
    sa.bindparam("dialog", type_=messages.c.dialog_id.type),
    sa.bindparam("candidate", type_=messages.c.id.type),
    sa.bindparam("content", type_=sa.Text),
)

_EDIT = sa.text("""
    with edited as (
      update messages set content = :content, last_edited_at = :at
      where dialog_id = :dialog and id = :message
    )
    insert into edits (dialog_id, message_id, number, content, edited_at)
    select :dialog, :message, 1 + count(*), :previous, :previous_at
    from edits where dialog_id = :dialog and message_id = :message
""").bindparams(
    sa.bindparam("dialog", type_=messages.c.dialog_id.type),
    sa.bindparam("message", type_=messages.c.id.type),
    sa.bindparam("content", type_=sa.Text),
    sa.bindparam("previous", type_=sa.Text),
    sa.bindparam("at", type_=messages.c.sent_at.type),
    sa.bindparam("previous_at", type_=messages.c.sent_at.type),
)

_UNLINK = sa.text("""
    update messages set reply_to_id = null where dialog_id = :dialog and reply_to_id = :message
""")

_DELETE = sa.text("""
    with gone as (
      delete from messages where dialog_id = :dialog and id = :message
      returning dialog_id, id, seq, sender_id, client_message_id, fingerprint
    ),
    remembered as (
      insert into deleted_messages select *, clock_timestamp() from gone
    ),
    newest as (
      select id, sent_at from messages where dialog_id = :dialog and id <> :message order by id desc limit 1
    ),
    counted as (
      update dialogs d set user_messages = user_messages - 1,
        last_message_id = newest.id, last_message_at = newest.sent_at,
        active_at = coalesce(newest.sent_at, d.created_at)
      from gone left join newest on true
      where d.id = gone.dialog_id
    )
    select max_older.id from gone
    left join lateral (
      select id from messages where dialog_id = :dialog and id < :message order by id desc limit 1
    ) max_older on true
""").bindparams(
    sa.bindparam("dialog", type_=messages.c.dialog_id.type), sa.bindparam("message", type_=messages.c.id.type)
)

_COUNT_UNREAD = sa.text("""
    select count(*) from messages
    where dialog_id = :dialog and seq > :after and type = 'user' and sender_id <> :reader
""")


@frozen
class PostgresMessages:
    """Messages of one transaction."""

    connection: AsyncConnection
    ids: IdSource

    async def get(self, dialog: DialogId, message: MessageId) -> Message | None:
        """Return one message."""
        row = (await self.connection.execute(_ONE, {"dialog": dialog, "id": message})).one_or_none()
        return rows.message(row) if row else None

    async def say(self, dialog: DialogId, content: str) -> Message:
        """Keep a system message."""
        values = {"dialog": dialog, "candidate": self.ids.new(), "content": content}
        return rows.message((await self.connection.execute(_SAY, values)).one())

    async def edit(self, message: Message, *, previous: Edit) -> None:
        """Keep a message's new content and its history."""
        values = {
            "dialog": message.dialog_id,
            "message": message.id,
            "content": message.content,
            "at": message.last_edited_at,
            "previous": previous.content,
            "previous_at": previous.edited_at,
        }
        await self.connection.execute(_EDIT, values)

    async def delete(self, message: Message) -> MessageId | None:
        """Delete a user message; its key stays known."""
        values = {"dialog": message.dialog_id, "message": message.id}
        await self.connection.execute(_UNLINK, values)
        older: MessageId | None = (await self.connection.execute(_DELETE, values)).scalar_one()
        return older

    async def count_unread(self, dialog: DialogId, reader: UserId, *, after: int) -> int:
        """Count user messages by others with a seq above *after*."""
        values = {"dialog": dialog, "reader": reader, "after": after}
        count: int = (await self.connection.execute(_COUNT_UNREAD, values)).scalar_one()
        return count


# Each side fetches one message more than it shows, so that the flags are the truth. A reader who
# takes part always gets a row, even if there is nothing to show.
_WINDOW = sa.text("""
    with reader as materialized (
      select p.read_seq, p.read_counted, p.last_read_message_id, d.user_messages
      from participants p join dialogs d on d.id = p.dialog_id
      where p.dialog_id = :dialog and p.user_id = :reader
    ),
    older as (
      select m.* from messages m, reader
      where m.dialog_id = :dialog and m.id < cast(:below as uuid)
      order by m.id desc limit :older
    ),
    newer as (
      select m.* from messages m, reader
      where m.dialog_id = :dialog and m.id >= cast(:above as uuid)
      order by m.id limit :newer
    )
    select reader.*, side, shown.*
    from reader left join (
      select 'older' as side, older.* from older union all select 'newer', newer.* from newer
    ) shown on true
    order by shown.id
""").bindparams(sa.bindparam("dialog", type_=messages.c.dialog_id.type), sa.bindparam("reader", type_=sa.Text))

_GET = sa.text("""
    select m.* from participants p
    left join messages m on m.dialog_id = p.dialog_id and m.id = :message
    where p.dialog_id = :dialog and p.user_id = :reader
""")

_HISTORY = sa.text("""
    select m.id, e.content, e.edited_at from participants p
    left join messages m on m.dialog_id = p.dialog_id and m.id = :message
    left join edits e on e.dialog_id = m.dialog_id and e.message_id = m.id
    where p.dialog_id = :dialog and p.user_id = :reader
    order by e.number
""")


@frozen
class PostgresTranscript:
    """Transcript: one statement each."""

    reads: AsyncEngine

    async def page(self, dialog: DialogId, reader: UserId, window: Window) -> Page | None:
        """Return a page, oldest first."""
        return _page(
            await self._rows(_WINDOW, {"dialog": dialog, "reader": reader, **_sides(window)}), reader, window
        )

    async def get(self, dialog: DialogId, reader: UserId, message: MessageId) -> Message | None:
        """Return one message."""
        found = await self._rows(_GET, {"dialog": dialog, "reader": reader, "message": message})
        if not found:
            raise Forbidden
        return rows.message(found[0]) if found[0].id else None

    async def history(self, dialog: DialogId, reader: UserId, message: MessageId) -> Sequence[Edit] | None:
        """Return earlier wordings, oldest first."""
        found = await self._rows(_HISTORY, {"dialog": dialog, "reader": reader, "message": message})
        if not found:
            raise Forbidden
        if found[0].id is None:
            return None
        return tuple(Edit(row.content, row.edited_at) for row in found if row.edited_at is not None)

    async def _rows(self, statement: sa.Executable, values: dict[str, Any]) -> Sequence[rows.Row]:
        async def read() -> Sequence[rows.Row]:
            async with self.reads.connect() as connection:
                return (await connection.execute(statement, values)).all()

        return await repeatable(read)


def _sides(window: Window) -> dict[str, Any]:
    """Return how many messages to fetch below and from the cursor, and where it stands.

    One message is fetched beyond what is shown on each side, to know whether there are more.
    """
    cursor, limit = window.cursor, window.limit
    if window.direction is Direction.LATEST or cursor is None:
        return {"below": _AFTER_ALL, "above": _AFTER_ALL, "older": limit + 1, "newer": 0}
    if window.direction is Direction.BEFORE:
        return {"below": cursor, "above": cursor, "older": limit + 1, "newer": 1}
    if window.direction is Direction.AFTER:
        above = UUID(int=min(cursor.int + 1, _AFTER_ALL.int))
        return {"below": above, "above": above, "older": 1, "newer": limit + 1}
    return {"below": cursor, "above": cursor, "older": window.before + 1, "newer": window.before + 2}


def _page(found: Sequence[rows.Row], reader: UserId, window: Window) -> Page | None:
    if not found:
        return None
    older = [rows.message(row) for row in found if row.side == "older"]
    newer = [rows.message(row) for row in found if row.side == "newer"]
    show_older, show_newer = {
        Direction.LATEST: (window.limit, 0),
        Direction.BEFORE: (window.limit, 0),
        Direction.AFTER: (0, window.limit),
        Direction.AROUND: (window.before, window.before + 1),
    }[window.direction]
    shown = (*older[max(0, len(older) - show_older) :], *newer[:show_newer])
    me = found[0]
    mark = ReadMark(seq=me.read_seq, message_id=me.last_read_message_id, counted=me.read_counted)
    unread = max(0, me.user_messages - me.read_counted)
    first = (
        None
        if window.direction is Direction.AROUND
        else first_unread(shown, reader=reader, mark=mark, unread=unread)
    )
    return Page(
        messages=shown,
        has_more_before=len(older) > show_older,
        has_more_after=len(newer) > show_newer,
        first_unread=first,
    )
