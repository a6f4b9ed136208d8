"""Files of messages in this process."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from attrs import evolve, frozen

from mtchat_adapters.memory.store import Changes, Look, Room, Store
from mtchat_core.domain.attachments import Attachment, Filed, FileKind, FilePage, FileQuotaExceeded, Upload
from mtchat_core.domain.dialogs import DialogNotFound
from mtchat_core.domain.errors import Forbidden
from mtchat_core.domain.ids import AttachmentId, DialogId, UserId
from mtchat_core.domain.messages import Message
from mtchat_core.ports.attachments import FileBacklog, Leftover, Unseen

_MOST_COUNTED = 10_000
_LATE = timedelta(minutes=1)


@frozen
class MemoryUploads:
    """Uploads."""

    store: Store

    async def reserve(self, upload: Upload, *, quota_bytes: int | None) -> None:
        """Keep a place."""
        async with self.store.lock:
            self._require_participant(upload.user_id, upload.dialog_id)
            if quota_bytes is not None and self._bytes_of(upload.user_id) + upload.size_bytes > quota_bytes:
                raise FileQuotaExceeded
            self.store.uploads[upload.key] = upload

    async def find(self, user: UserId, dialog: DialogId, keys: Sequence[str]) -> tuple[Upload, ...]:
        """Return those of *keys* that wait to be sent."""
        self._require_participant(user, dialog)
        return self.store.uploads_of(user, dialog, keys)

    async def get(self, user: UserId, key: str) -> Upload | None:
        """Return a place."""
        upload = self.store.uploads.get(key)
        return upload if upload and upload.user_id == user else None

    async def note_parts(self, key: str, parts_id: str | None) -> None:
        """Remember the storage's name."""
        async with self.store.lock:
            if upload := self.store.uploads.get(key):
                self.store.uploads[key] = evolve(upload, parts_id=parts_id)

    def _require_participant(self, user: UserId, dialog: DialogId) -> None:
        room = self.store.rooms.get(dialog)
        if room is None:
            raise DialogNotFound
        if user not in room.people:
            raise Forbidden

    def _bytes_of(self, user: UserId) -> int:
        sent = (
            file.size_bytes
            for room in self.store.rooms.values()
            for message, file in _files(room)
            if message.sender_id == user
        )
        reserved = (upload.size_bytes for upload in self.store.uploads.values() if upload.user_id == user)
        return sum(sent) + sum(reserved)


@frozen
class MemoryAttachments:
    """Attachments."""

    store: Store

    async def get(self, reader: UserId, attachment: AttachmentId) -> Attachment | None:
        """Return a file."""
        rooms = (room for room in self.store.rooms.values() if reader in room.people)
        return next((file for room in rooms for _, file in _files(room) if file.id == attachment), None)

    async def page(
        self, reader: UserId, dialog: DialogId, *, kind: FileKind | None, before: AttachmentId | None, limit: int
    ) -> FilePage | None:
        """Return a dialog's files."""
        room = self.store.rooms.get(dialog)
        if room is None or reader not in room.people:
            return None
        found = [
            Filed(file, message.id, message.sender_id, message.sender_name, message.sent_at)
            for message, file in _files(room)
            if kind in (None, file.kind) and (before is None or file.id < before)
        ]
        found.sort(key=lambda filed: filed.attachment.id, reverse=True)
        return FilePage(tuple(found[:limit]), has_more=len(found) > limit)


@frozen
class MemoryFileWork:
    """FileWork."""

    store: Store

    async def take(self, limit: int, *, lease: timedelta) -> tuple[Unseen, ...]:
        """Take what is due."""
        async with self.store.lock:
            now = self.store.clock.now()
            due = sorted((look.due_at, id_) for id_, look in self._looks() if look.due_at <= now)
            taken = [self._unseen(id_) for _, id_ in due[:limit]]
            for unseen in taken:
                self._put(unseen, Look(now + lease, unseen.tries))
            return tuple(taken)

    async def postpone(self, attachment: AttachmentId, *, wait: timedelta) -> None:
        """Have a file due again."""
        async with self.store.lock:
            if any(id_ == attachment for id_, _ in self._looks()):
                unseen = self._unseen(attachment)
                self._put(unseen, Look(self.store.clock.now() + wait, unseen.tries + 1))

    async def leftovers(self, *, unsent_before: datetime, limit: int) -> tuple[Leftover, ...]:
        """Return things to delete."""
        async with self.store.lock:
            now, store = self.store.clock.now(), self.store
            unsent = [upload for upload in store.uploads.values() if upload.created_at < unsent_before]
            for upload in sorted(unsent, key=lambda upload: upload.created_at)[:limit]:
                del store.uploads[upload.key]
                store.leftovers[upload.key] = now, Leftover(upload.key, upload.parts_id)
            due = sorted(store.leftovers.values(), key=lambda left: left[0])
            return tuple(leftover for due_at, leftover in due if due_at <= now)[:limit]

    async def forget(self, keys: Sequence[str]) -> None:
        """Forget leftovers."""
        for key in keys:
            self.store.leftovers.pop(key, None)

    async def backlog(self) -> FileBacklog:
        """Count what waits."""
        late = self.store.clock.now() - _LATE
        dues = [look.due_at for _, look in self._looks()]
        counts = len(dues), sum(due_at <= late for due_at in dues), len(self.store.leftovers)
        return FileBacklog(*(min(count, _MOST_COUNTED) for count in counts))

    def _looks(self) -> Iterator[tuple[AttachmentId, Look]]:
        return (look for room in self.store.rooms.values() for look in room.looks.items())

    def _unseen(self, attachment: AttachmentId) -> Unseen:
        return next(
            Unseen(message.dialog_id, message.id, file, message.sent_at, room.looks[attachment].tries)
            for room in self.store.rooms.values()
            for message, file in _files(room)
            if file.id == attachment
        )

    def _put(self, unseen: Unseen, look: Look) -> None:
        self.store.rooms[unseen.dialog_id].looks[unseen.attachment.id] = look


@frozen
class MemoryMessageFiles:
    """MessageFiles of one transaction."""

    changes: Changes

    async def change(
        self, dialog: DialogId, attachment: Attachment, *, look_again_in: timedelta | None
    ) -> Message | None:
        """Keep what was found out about a file."""
        room = self.changes.room(dialog)
        message = next((message for message, file in _files(room) if file.id == attachment.id), None)
        if message is None:
            return None
        changed = evolve(message, attachments=tuple(_found_out(file, attachment) for file in message.attachments))
        room.messages[message.id] = changed
        room.looks.pop(attachment.id, None)
        if look_again_in is not None:
            room.looks[attachment.id] = Look(self.changes.store.clock.now() + look_again_in)
        return changed


def _files(room: Room) -> Iterator[tuple[Message, Attachment]]:
    return ((message, file) for message in room.messages.values() for file in message.attachments)


def _found_out(file: Attachment, new: Attachment) -> Attachment:
    """Return a file, with what can be found out about it if it is *new*; what was sent stays."""
    if file.id != new.id:
        return file
    return evolve(file, width=new.width, height=new.height, thumbnail_key=new.thumbnail_key, state=new.state)
