"""Messages in PostgreSQL: changes in a transaction, reading in one trip. Sending is in `message_log`."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from attrs import frozen

from mtchat_adapters.postgres import rows
from mtchat_adapters.postgres.session import Row, Session, Trips, statement
from mtchat_core.domain.errors import Forbidden
from mtchat_core.domain.ids import DialogId, MessageId, UserId
from mtchat_core.domain.messages import (
    Direction,
    Edit,
    Message,
    MessageType,
    Page,
    Window,
    first_unread,
)
from mtchat_core.domain.receipts import ReadMark
from mtchat_core.domain.search import search_text
from mtchat_core.ports.ids import IdSource

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
      update messages set content = :content, search_text = :search_text, last_edited_at = :edited_at
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
            "search_text": search_text(message.content),
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
      select {rows.MESSAGE_ROW}, true as is_older from messages m
      where m.dialog_id = :dialog and m.id < :below
      order by m.id desc limit cast(:older as bigint)
    ),
    above as (
      select {rows.MESSAGE_ROW}, false as is_older from messages m
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
