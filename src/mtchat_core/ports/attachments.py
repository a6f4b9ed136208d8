"""Files of messages: places given out, files that were sent, and what is still to be done about them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from attrs import frozen

from mtchat_core.domain.attachments import Attachment, FileKind, FilePage, Upload
from mtchat_core.domain.ids import AttachmentId, DialogId, MessageId, UserId
from mtchat_core.domain.messages import Message


class Uploads(Protocol):
    """Places for files that have not been sent yet: committed state, one trip each."""

    async def reserve(self, upload: Upload, *, quota_bytes: int | None) -> None:
        """Keep a place.

        Raises:
            DialogNotFound: there is no such dialog.
            Forbidden: the person does not take part.
            FileQuotaExceeded: with it, all that the person has sent and reserved is above *quota_bytes*.
        """
        ...

    async def find(self, user: UserId, dialog: DialogId, keys: Sequence[str]) -> tuple[Upload, ...]:
        """Return those of *keys* that were given out to *user* for this dialog and wait to be sent.

        Raises:
            DialogNotFound: there is no such dialog.
            Forbidden: the person does not take part.
        """
        ...

    async def get(self, user: UserId, key: str) -> Upload | None:
        """Return a place that waits to be sent; None if it is unknown, somebody else's, or has served."""
        ...

    async def note_parts(self, key: str, parts_id: str | None) -> None:
        """Remember under which name the storage takes the file in parts; None: it has them all."""
        ...


class Attachments(Protocol):
    """Files as participants find them: committed state, one trip each."""

    async def get(self, reader: UserId, attachment: AttachmentId) -> Attachment | None:
        """Return a file; None if it is unknown, or of a dialog *reader* does not take part in."""
        ...

    async def page(
        self, reader: UserId, dialog: DialogId, *, kind: FileKind | None, before: AttachmentId | None, limit: int
    ) -> FilePage | None:
        """Return a dialog's files, newest first, from *before* on; None if *reader* does not take part."""
        ...


@frozen
class Unseen:
    """A file that is to be looked at, by a job. `tries` counts those that came to nothing."""

    dialog_id: DialogId
    message_id: MessageId
    attachment: Attachment
    sent_at: datetime
    tries: int


@frozen
class Leftover:
    """Something in the storage that nobody needs; with `parts_id`, an upload in parts that never ended."""

    key: str
    parts_id: str | None = None


@frozen
class FileBacklog:
    """What waits: files to be looked at, those that are late by a minute or more, things to be deleted."""

    unseen: int
    late: int
    leftovers: int


class FileWork(Protocol):
    """What jobs do about files: committed state, one trip each; the store's clock decides."""

    async def take(self, limit: int, *, lease: timedelta) -> tuple[Unseen, ...]:
        """Take up to *limit* files that are due, the longest waiting first; they are due again after *lease*."""
        ...

    async def postpone(self, attachment: AttachmentId, *, wait: timedelta) -> None:
        """Count a try that came to nothing, and have the file due again after *wait*."""
        ...

    async def leftovers(self, *, unsent_before: datetime, limit: int) -> tuple[Leftover, ...]:
        """Return up to *limit* things to delete: of deleted messages, and places given out before *unsent_before*.

        Such a place can't be used any more from then on.
        """
        ...

    async def forget(self, keys: Sequence[str]) -> None:
        """Forget leftovers that have been deleted."""
        ...

    async def backlog(self) -> FileBacklog:
        """Count what waits, each up to 10,000."""
        ...


class MessageFiles(Protocol):
    """Files of messages, in dialogs that this transaction has locked."""

    async def change(
        self, dialog: DialogId, attachment: Attachment, *, look_again_in: timedelta | None
    ) -> Message | None:
        """Keep what was found out about a file, and when it is to be looked at again, if it is.

        Return the message with it as it is now; None if it is gone.
        """
        ...
