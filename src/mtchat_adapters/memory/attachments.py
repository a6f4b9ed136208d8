"""Files of messages in this process."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from attrs import frozen

from mtchat_adapters.memory.store import Changes, Store
from mtchat_core.domain.attachments import Attachment, FileKind, FilePage, Upload
from mtchat_core.domain.ids import AttachmentId, DialogId, UserId
from mtchat_core.domain.messages import Message
from mtchat_core.ports.attachments import FileBacklog, Leftover, Unseen


@frozen
class MemoryUploads:
    """Uploads."""

    store: Store

    async def reserve(self, upload: Upload, *, quota_bytes: int | None) -> None:
        """Keep a place."""
        raise NotImplementedError

    async def find(self, user: UserId, dialog: DialogId, keys: Sequence[str]) -> tuple[Upload, ...]:
        """Return those of *keys* that wait to be sent."""
        raise NotImplementedError

    async def get(self, user: UserId, key: str) -> Upload | None:
        """Return a place."""
        raise NotImplementedError

    async def note_parts(self, key: str, parts_id: str | None) -> None:
        """Remember the storage's name."""
        raise NotImplementedError


@frozen
class MemoryAttachments:
    """Attachments."""

    store: Store

    async def get(self, reader: UserId, attachment: AttachmentId) -> Attachment | None:
        """Return a file."""
        raise NotImplementedError

    async def page(
        self, reader: UserId, dialog: DialogId, *, kind: FileKind | None, before: AttachmentId | None, limit: int
    ) -> FilePage | None:
        """Return a dialog's files."""
        raise NotImplementedError


@frozen
class MemoryFileWork:
    """FileWork."""

    store: Store

    async def take(self, limit: int, *, lease: timedelta) -> tuple[Unseen, ...]:
        """Take what is due."""
        raise NotImplementedError

    async def postpone(self, attachment: AttachmentId, *, wait: timedelta) -> None:
        """Have a file due again."""
        raise NotImplementedError

    async def leftovers(self, *, unsent_before: datetime, limit: int) -> tuple[Leftover, ...]:
        """Return things to delete."""
        raise NotImplementedError

    async def forget(self, keys: Sequence[str]) -> None:
        """Forget leftovers."""
        raise NotImplementedError

    async def backlog(self) -> FileBacklog:
        """Count what waits."""
        raise NotImplementedError


@frozen
class MemoryMessageFiles:
    """MessageFiles of one transaction."""

    changes: Changes

    async def change(
        self, dialog: DialogId, attachment: Attachment, *, look_again_in: timedelta | None
    ) -> Message | None:
        """Keep what was found out about a file."""
        raise NotImplementedError
