"""Messages: the hot path of sending, changes inside a transaction, and reading."""

from collections.abc import Sequence
from typing import Protocol

from attrs import frozen

from mtchat_core.domain.events import Recorded
from mtchat_core.domain.ids import DialogId, MessageId, UserId
from mtchat_core.domain.messages import Edit, Message, Outgoing, Page, Window


@frozen
class Posted:
    """A message as it was kept, and the events that go with it; a repeated send has none."""

    message: Message
    recorded: tuple[Recorded, ...] = ()


class MessageLog(Protocol):
    """The hot path: one call and one trip, all or nothing, one message at a time per dialog."""

    async def append(self, outgoing: Outgoing) -> Posted:
        """Keep a message with its files: check, number, store, move the sender's mark, un-archive, log.

        `seq` follows the dialog's last without a gap; the id and `sent_at` never fall behind
        the previous message's, whatever the clocks say. The same `key` by the same sender
        returns the message it made the first time, and changes nothing.
        Raises:
            DialogNotFound: there is no such dialog.
            Forbidden: the sender does not take part.
            ReplyTargetUnknown: the message to reply to is not in this dialog.
            IdempotencyKeyReused: the key came with another fingerprint before.
            MessageNotFound: the key's message has been deleted since.
            UploadUnknown: a file's place was not given out to the sender here, or has served already.
            ServiceUnavailable: the store can't be reached, or did not answer in time.
        """
        ...


class Messages(Protocol):
    """Messages of dialogs that this transaction has locked."""

    async def get(self, dialog: DialogId, message: MessageId) -> Message | None:
        """Return one message of this dialog; None if unknown or another dialog's."""
        ...

    async def say(self, dialog: DialogId, content: str) -> Message:
        """Keep a system message, numbered like any other, and return it. Unread counts stay."""
        ...

    async def edit(self, message: Message, *, previous: Edit) -> None:
        """Keep a message's new content, and *previous* in its history."""
        ...

    async def delete(self, message: Message) -> MessageId | None:
        """Delete a user message, its history and references; remember its key.

        Replies to it lose their target. The dialog's newest message and counts follow. Return
        the nearest older message that exists, if any.
        """
        ...

    async def count_unread(self, dialog: DialogId, reader: UserId, *, after: int) -> int:
        """Count user messages by others with a seq above *after*."""
        ...


class Transcript(Protocol):
    """Messages as participants read them: committed state, one trip each."""

    async def page(self, dialog: DialogId, reader: UserId, window: Window) -> Page | None:
        """Return a page, oldest first; None if *reader* does not take part."""
        ...

    async def get(self, dialog: DialogId, reader: UserId, message: MessageId) -> Message | None:
        """Return one message; None if it is not in this dialog.

        Raises:
            Forbidden: *reader* does not take part.
        """
        ...

    async def history(self, dialog: DialogId, reader: UserId, message: MessageId) -> Sequence[Edit] | None:
        """Return earlier wordings, oldest first; None if the message is not in this dialog.

        Raises:
            Forbidden: *reader* does not take part.
        """
        ...
