"""Messages in this process: the hot path, changes inside a transaction, and reading."""

from collections.abc import Sequence

from attrs import evolve, frozen

from mtchat_adapters.memory.store import Changes, Key, Look, Room, Store
from mtchat_core.domain.attachments import UploadUnknown
from mtchat_core.domain.dialogs import DialogNotFound
from mtchat_core.domain.errors import Forbidden
from mtchat_core.domain.events import DialogUnarchived, Event, MessageSent
from mtchat_core.domain.ids import DialogId, MessageId, UserId
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
from mtchat_core.domain.participants import Participant
from mtchat_core.domain.receipts import ReadMark
from mtchat_core.ports.messages import Posted


@frozen
class MemoryMessageLog:
    """MessageLog over the committed rooms: every check comes before the first change."""

    store: Store
    debounce: Debounce

    async def append(self, outgoing: Outgoing) -> Posted:
        """Keep a message, or say why not."""
        async with self.store.lock:
            room = self.store.rooms.get(outgoing.dialog_id)
            if room is None:
                raise DialogNotFound
            sender = room.people.get(outgoing.sender_id)
            if sender is None:
                raise Forbidden
            if repeated := _repeated(room, outgoing):
                return Posted(repeated)
            if outgoing.reply_to is not None and outgoing.reply_to not in room.messages:
                raise ReplyTargetUnknown
            keys = {file.key for file in outgoing.files}
            if len(self.store.uploads_of(outgoing.sender_id, outgoing.dialog_id, keys)) < len(outgoing.files):
                raise UploadUnknown
            message = self._keep(room, outgoing, sender)
            unarchived = _unarchive(room)
            events: list[Event] = []
            if unarchived:
                events.append(DialogUnarchived(dialog_id=message.dialog_id, people=unarchived))
            events.append(MessageSent(dialog_id=message.dialog_id, message=message, origin=outgoing.origin))
            return Posted(message, self.store.write_log(events))

    def _keep(self, room: Room, outgoing: Outgoing, sender: Participant) -> Message:
        issued, seq, sent_at = room.number(outgoing.id, self.store.clock.now())
        message = Message(
            id=issued,
            dialog_id=outgoing.dialog_id,
            seq=seq,
            sender_id=outgoing.sender_id,
            sender_name=sender.profile.display_name,
            content=outgoing.content,
            sent_at=sent_at,
            reply_to_id=outgoing.reply_to,
            client_message_id=outgoing.key,
            attachments=tuple(file.kept() for file in outgoing.files),
        )
        room.append(message)
        for file in outgoing.files:
            del self.store.uploads[file.key]
            if file.is_seen_later:
                room.looks[file.id] = Look(self.store.clock.now())
        if outgoing.key is not None:
            room.keys[outgoing.sender_id, outgoing.key] = Key(issued, outgoing.fingerprint)
        mark = ReadMark(seq=seq, message_id=issued, counted=room.dialog.tally.user_messages)
        room.people[outgoing.sender_id] = evolve(sender, mark=mark)
        room.reminder_since = room.reminder_since or sent_at
        room.reminder_due = self.debounce.due(now=sent_at, first=room.reminder_since)
        return message


def _repeated(room: Room, outgoing: Outgoing) -> Message | None:
    key = None if outgoing.key is None else room.keys.get((outgoing.sender_id, outgoing.key))
    if key is None:
        return None
    if key.fingerprint != outgoing.fingerprint:
        raise IdempotencyKeyReused
    if key.message not in room.messages:
        raise MessageNotFound("The message sent with this key has been deleted.")
    return room.messages[key.message]


def _unarchive(room: Room) -> list[UserId]:
    archived = sorted(user for user, person in room.people.items() if person.is_archived)
    for user in archived:
        room.people[user] = evolve(room.people[user], is_archived=False)
    return archived


@frozen
class MemoryMessages:
    """Messages of one transaction."""

    changes: Changes

    async def get(self, dialog: DialogId, message: MessageId) -> Message | None:
        """Return one message."""
        return self.changes.room(dialog).messages.get(message)

    async def say(self, dialog: DialogId, content: str) -> Message:
        """Keep a system message."""
        room = self.changes.room(dialog)
        store = self.changes.store
        issued, seq, sent_at = room.number(MessageId(store.ids.new()), store.clock.now())
        message = Message(
            id=issued,
            dialog_id=dialog,
            seq=seq,
            sender_id=None,
            sender_name=None,
            content=content,
            sent_at=sent_at,
            type=MessageType.SYSTEM,
        )
        room.append(message)
        return message

    async def edit(self, message: Message, *, previous: Edit) -> None:
        """Keep a message's new content and its history."""
        room = self.changes.room(message.dialog_id)
        room.messages[message.id] = message
        room.edits[message.id] = (*room.edits.get(message.id, ()), previous)

    async def delete(self, message: Message) -> MessageId | None:
        """Delete a user message; its key stays known."""
        room = self.changes.room(message.dialog_id)
        self.changes.leave([message])
        for file in message.attachments:
            room.looks.pop(file.id, None)
        del room.messages[message.id]
        room.edits.pop(message.id, None)
        for reply in [m for m in room.messages.values() if m.reply_to_id == message.id]:
            room.messages[reply.id] = evolve(reply, reply_to_id=None)
        newest = max(room.messages.values(), key=lambda m: m.seq, default=None)
        room.dialog = evolve(
            room.dialog,
            tally=evolve(
                room.dialog.tally,
                user_messages=room.dialog.tally.user_messages - 1,
                last_message_id=newest.id if newest else None,
                last_message_at=newest.sent_at if newest else None,
            ),
        )
        return max((other for other in room.messages if other < message.id), default=None)

    async def count_unread(self, dialog: DialogId, reader: UserId, *, after: int) -> int:
        """Count user messages by others with a seq above *after*."""
        messages = self.changes.room(dialog).messages.values()
        return sum(m.seq > after and m.type is MessageType.USER and m.sender_id != reader for m in messages)


@frozen
class MemoryTranscript:
    """Transcript over the committed rooms."""

    store: Store

    async def page(self, dialog: DialogId, reader: UserId, window: Window) -> Page | None:
        """Return a page, oldest first."""
        room = self.store.rooms.get(dialog)
        me = room.people.get(reader) if room else None
        if room is None or me is None:
            return None
        everything = list(room.messages.values())
        start, end = _bounds(everything, window)
        shown = tuple(everything[start:end])
        unread = me.mark.unread(room.dialog.tally)
        first = (
            None
            if window.direction is Direction.AROUND
            else first_unread(shown, reader=reader, mark=me.mark, unread=unread)
        )
        return Page(shown, has_more_before=start > 0, has_more_after=end < len(everything), first_unread=first)

    async def get(self, dialog: DialogId, reader: UserId, message: MessageId) -> Message | None:
        """Return one message."""
        return self._entered(dialog, reader).messages.get(message)

    async def history(self, dialog: DialogId, reader: UserId, message: MessageId) -> Sequence[Edit] | None:
        """Return earlier wordings, oldest first."""
        room = self._entered(dialog, reader)
        return room.edits.get(message, ()) if message in room.messages else None

    def _entered(self, dialog: DialogId, reader: UserId) -> Room:
        room = self.store.rooms.get(dialog)
        if room is None or reader not in room.people:
            raise Forbidden
        return room


def _bounds(messages: Sequence[Message], window: Window) -> tuple[int, int]:
    """Return from where to where a window shows *messages*."""
    total, cursor = len(messages), window.cursor
    if window.direction is Direction.LATEST or cursor is None:
        return max(0, total - window.limit), total
    older = sum(message.id < cursor for message in messages)
    if window.direction is Direction.BEFORE:
        return max(0, older - window.limit), older
    if window.direction is Direction.AFTER:
        start = sum(message.id <= cursor for message in messages)
        return start, min(total, start + window.limit)
    return max(0, older - window.before), min(total, older + window.before + 1)
