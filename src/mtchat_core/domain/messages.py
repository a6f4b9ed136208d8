"""What people say: composing, replying, editing, deleting, and reading it in pages."""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from enum import Enum

from attrs import evolve, field, frozen

from mtchat_core.domain import markup
from mtchat_core.domain.attachments import Attachment, FileClaim, SentFile
from mtchat_core.domain.errors import BadRequest, ChatError, InvalidInput, Kind
from mtchat_core.domain.ids import DialogId, MessageId, UserId
from mtchat_core.domain.receipts import ReadMark

MAX_PAGE = 100
"""Most messages in one page."""
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class MessageNotFound(ChatError):
    """There is no such message in this dialog."""

    code, kind = "MESSAGE_NOT_FOUND", Kind.MISSING
    says = "There is no such message in this dialog."


class NotMessageAuthor(ChatError):
    """Somebody other than the author edits or deletes a message."""

    code, kind = "NOT_MESSAGE_AUTHOR", Kind.DENIED
    says = "Forbidden: only its author can change or delete a message."


class ReplyTargetUnknown(InvalidInput):
    """The message to reply to is not in this dialog."""

    says = "reply_to names no message of this dialog."


class BlankMessage(InvalidInput):
    """The message shows nothing."""

    says = "content must show some text."


class IdempotencyKeyReused(ChatError):
    """The same key came with another payload."""

    code, kind = "IDEMPOTENCY_KEY_REUSED", Kind.REUSED
    says = "This idempotency key was used for another request. Use a new key for a new request."


class IdempotencyConflict(ChatError):
    """The first request with this key is still under way."""

    code, kind = "IDEMPOTENCY_CONFLICT", Kind.CONFLICT
    says = "A request with this idempotency key is still under way. Try again shortly."


class MessageType(Enum):
    """A person's message, or the dialog's own voice."""

    USER = "user"
    SYSTEM = "system"


class Origin(Enum):
    """Which door something came through: it decides about webhooks."""

    CHAT = "chat"
    MANAGEMENT = "management"


@frozen
class Message:
    """A message as it is kept: numbered by `seq` within its dialog, ids rising with it.

    `content` is sanitised HTML, or compact JSON for a system message. `sender_name` is the
    name the sender had when sending, so that it stays readable after they leave.
    """

    id: MessageId
    dialog_id: DialogId
    seq: int
    sender_id: UserId | None
    sender_name: str | None
    content: str
    sent_at: datetime
    type: MessageType = MessageType.USER
    last_edited_at: datetime | None = None
    reply_to_id: MessageId | None = None
    client_message_id: str | None = None
    attachments: tuple[Attachment, ...] = ()

    def require_author(self, user: UserId) -> None:
        """Refuse anyone but the author; a system message has none.

        Raises:
            NotMessageAuthor: *user* did not write it.
        """
        if self.sender_id != user:
            raise NotMessageAuthor

    def edited(self, content: str, *, at: datetime) -> "Message":
        """Return the message with another content."""
        return evolve(self, content=content, last_edited_at=at)


@frozen
class Draft:
    """What a person wants to say, before anything is checked against the dialog.

    `content` is HTML or plain text as typed. `key` makes a repeated send harmless.
    """

    content: str
    reply_to: MessageId | None = None
    key: str | None = None
    files: tuple[FileClaim, ...] = ()

    def fingerprint(self) -> bytes:
        """Return 16 bytes that differ when the same key comes with something else to say."""
        files = "".join(f"{file.key}\n" for file in self.files)
        said = f"{files}{self.reply_to or ''}\n{self.content}".encode()
        return hashlib.blake2b(said, digest_size=16).digest()


def idempotency_key(key: str) -> str:
    """Return a well-formed key.

    Raises:
        BadRequest: not 1 to 255 visible ASCII characters.
    """
    if not _KEY.fullmatch(key):
        raise BadRequest("An idempotency key is 1 to 255 visible ASCII characters.")
    return key


@frozen
class Outgoing:
    """A message that is decided but for what only the dialog's lock can give: seq, id, time."""

    id: MessageId
    dialog_id: DialogId
    sender_id: UserId
    content: str
    reply_to: MessageId | None = None
    key: str | None = None
    fingerprint: bytes = b""
    origin: Origin = Origin.CHAT
    files: tuple[SentFile, ...] = ()


@frozen
class Edit:
    """An earlier wording of a message, and when it was replaced."""

    content: str
    edited_at: datetime


def require_visible(content: str, *, has_files: bool = False) -> str:
    """Return sanitised *content* if a reader would see something: text, or the files that go with it.

    Raises:
        BlankMessage: nothing visible is left.
    """
    if not has_files and markup.is_blank(content):
        raise BlankMessage
    return content


class Direction(Enum):
    """Which part of a dialog a page shows, seen from its cursor."""

    LATEST = "latest"
    BEFORE = "before"
    AFTER = "after"
    AROUND = "around"


def _clamp_page(limit: int) -> int:
    return max(1, min(limit, MAX_PAGE))


@frozen
class Window:
    """Which messages to read: up to `limit` (1 to 100), seen from `cursor`.

    Cursors are compared by id alone: they need not exist.
    """

    direction: Direction = Direction.LATEST
    cursor: MessageId | None = None
    limit: int = field(default=50, converter=_clamp_page)

    @property
    def before(self) -> int:
        """How many messages older than the cursor `around` shows."""
        return self.limit // 2


@frozen
class Page:
    """One page of messages, oldest first, with truthful flags."""

    messages: tuple[Message, ...]
    has_more_before: bool
    has_more_after: bool
    first_unread: MessageId | None = None


def first_unread(messages: Sequence[Message], *, reader: UserId, mark: ReadMark, unread: int) -> MessageId | None:
    """Return the first message of a page that counts as unread, if anything is unread at all."""
    if unread == 0:
        return None
    for message in messages:
        after = message.seq > mark.seq
        counts = message.type is MessageType.USER and message.sender_id != reader
        if after and (counts or mark.has_history_unread):
            return message.id
    return None
