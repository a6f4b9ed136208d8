"""Files that go with messages: what may be one, what it is called, and how far it is trusted."""

import re
from datetime import datetime
from enum import Enum
from typing import Final
from uuid import UUID

from attrs import evolve, frozen

from mtchat_core.domain import text
from mtchat_core.domain.errors import BadRequest, ChatError, InvalidInput, Kind
from mtchat_core.domain.ids import AttachmentId, DialogId, MessageId, UserId

MAX_BYTES: Final = 100 * 1024 * 1024
MAX_FILES: Final = 10
"""Most files of one message."""
MAX_FILENAME, MAX_CONTENT_TYPE, MAX_KEY = 255, 100, 512
MAX_PAGE: Final = 100
"""Most files in one page of a dialog's files."""

_EXTENSION = re.compile(r"[A-Za-z0-9]{1,16}")
_UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters, and those that turn the direction of writing: `exe.gpj` must not read `jpg.exe`."""


class FileKind(Enum):
    """The sort of file, for people who look for one."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    DOCUMENT = "document"
    ARCHIVE = "archive"


_DOCUMENTS = """
    application/pdf application/msword
    application/vnd.openxmlformats-officedocument.wordprocessingml.document
    application/vnd.ms-excel application/vnd.openxmlformats-officedocument.spreadsheetml.sheet
    application/vnd.ms-powerpoint application/vnd.openxmlformats-officedocument.presentationml.presentation
    application/vnd.oasis.opendocument.text application/vnd.oasis.opendocument.spreadsheet
    application/vnd.oasis.opendocument.presentation application/rtf
    text/plain text/csv text/markdown text/html text/xml application/json
"""
_ARCHIVES = """
    application/zip application/x-rar-compressed application/vnd.rar application/x-7z-compressed
    application/gzip application/x-tar
"""
_IMAGES = "image/jpeg image/png image/gif image/webp image/svg+xml image/bmp image/tiff"
_SOUNDS = "audio/mpeg audio/wav audio/ogg audio/mp4"
_FILMS = "video/mp4 video/webm video/ogg video/quicktime"
KINDS: Final[dict[str, FileKind]] = {
    "": FileKind.DOCUMENT,
    **dict.fromkeys(_IMAGES.split(), FileKind.IMAGE),
    **dict.fromkeys(_DOCUMENTS.split(), FileKind.DOCUMENT),
    **dict.fromkeys(_ARCHIVES.split(), FileKind.ARCHIVE),
    **dict.fromkeys(_SOUNDS.split(), FileKind.AUDIO),
    **dict.fromkeys(_FILMS.split(), FileKind.VIDEO),
}
"""Every type that may be sent, exactly so; "" is a file whose type its sender does not know."""
DRAWABLE: Final = frozenset(_IMAGES.split()) - {"image/svg+xml"}
"""Images that a small picture is made of."""
_SHOWN_IN_PLACE: Final = DRAWABLE | frozenset(_SOUNDS.split()) | frozenset(_FILMS.split()) | {"application/pdf"}
"""What a browser may open; everything else is only ever saved, as it may hold a script."""


class UnsupportedFileType(ChatError):
    """Not a type that may be sent."""

    code, kind = "UNSUPPORTED_FILE_TYPE", Kind.INVALID
    says = "Files of this type can't be sent. The type must be one of the documented ones, without parameters."


class FileTooLarge(ChatError):
    """Empty, or over 100 MiB."""

    code, kind = "FILE_TOO_LARGE", Kind.INVALID
    says = f"size must be 1 to {MAX_BYTES} bytes."


class FileQuotaExceeded(ChatError):
    """The person has sent as much as the host lets them."""

    code, kind = "FILE_QUOTA_EXCEEDED", Kind.DENIED
    says = "Forbidden: your files take up all the room there is for them. Delete some first."


class FilesOff(ChatError):
    """This chat keeps no files."""

    code, kind = "FILES_OFF", Kind.UNAVAILABLE
    says = "This chat keeps no files: no storage is configured."


class AttachmentNotFound(ChatError):
    """There is no such file, or it is none of the reader's business."""

    code, kind = "ATTACHMENT_NOT_FOUND", Kind.MISSING
    says = "There is no such file."


class UploadUnknown(InvalidInput):
    """The key was never given out to this person for this dialog, or has served already."""

    says = "An s3_key is unknown here: it belongs to somebody else or another dialog, or has been used already."


class UploadDiffers(BadRequest):
    """What lies in the storage is not what was announced."""

    says = "A file has not been uploaded, or differs in type or size from what was announced."


class FileState(Enum):
    """How far a file is trusted."""

    AVAILABLE = "available"
    SCANNING = "scanning"
    """Nobody gets at it until it has been looked into."""
    FLAGGED = "flagged"
    """Found harmful; people are warned."""
    BLOCKED = "blocked"
    """Found harmful, or exchanged after it was sent: nobody gets at it."""


@frozen
class Attachment:
    """A file of a message. `key` is its place in the storage, `etag` what the storage called its bytes.

    `width` and `height` are those of the upright picture in pixels, once it has been looked at.
    """

    id: AttachmentId
    key: str
    filename: str
    content_type: str
    size_bytes: int
    etag: str
    width: int | None = None
    height: int | None = None
    thumbnail_key: str | None = None
    state: FileState = FileState.AVAILABLE

    @property
    def kind(self) -> FileKind:
        """The sort of file."""
        return KINDS.get(self.content_type, FileKind.DOCUMENT)

    @property
    def is_open(self) -> bool:
        """Whether links to it are given out."""
        return self.state in (FileState.AVAILABLE, FileState.FLAGGED)

    @property
    def shows_in_place(self) -> bool:
        """Whether a browser may show it, rather than save it."""
        return self.content_type in _SHOWN_IN_PLACE


@frozen
class Filed:
    """A file as a dialog's list of files shows it: with the message that brought it."""

    attachment: Attachment
    message_id: MessageId
    sender_id: UserId | None
    sender_name: str | None
    sent_at: datetime


@frozen
class FilePage:
    """Some of a dialog's files, newest first."""

    files: tuple[Filed, ...]
    has_more: bool


@frozen
class Upload:
    """A place in the storage given out to one person for one file of one dialog, until it is sent.

    `parts_id` names the storage's own record of an upload in parts.
    """

    id: UUID
    key: str
    dialog_id: DialogId
    user_id: UserId
    filename: str
    content_type: str
    size_bytes: int
    created_at: datetime
    link_until: datetime
    parts_id: str | None = None

    def agrees(self, claim: "FileClaim") -> bool:
        """Tell whether what is sent is what the place was given out for; the name may have changed."""
        return (self.content_type, self.size_bytes) == (claim.content_type, claim.size_bytes)


@frozen
class FileClaim:
    """A file as a message that is being sent names it."""

    key: str
    filename: str
    content_type: str
    size_bytes: int


@frozen
class SentFile:
    """A file of a message on its way: it has arrived in the storage as announced."""

    id: AttachmentId
    key: str
    filename: str
    content_type: str
    size_bytes: int
    etag: str
    state: FileState = FileState.AVAILABLE
    is_seen_later: bool = False
    """Whether a job is to look at it."""

    def kept(self) -> Attachment:
        """Return it as a file of its message."""
        return Attachment(
            id=self.id,
            key=self.key,
            filename=self.filename,
            content_type=self.content_type,
            size_bytes=self.size_bytes,
            etag=self.etag,
            state=self.state,
        )


def require_type(content_type: str) -> str:
    """Return an allowed type.

    Raises:
        UnsupportedFileType: it is none.
    """
    if content_type not in KINDS:
        raise UnsupportedFileType
    return content_type


def require_size(size_bytes: int) -> int:
    """Return a possible size in bytes.

    Raises:
        FileTooLarge: below 1, or above 100 MiB.
    """
    if not 1 <= size_bytes <= MAX_BYTES:
        raise FileTooLarge
    return size_bytes


def clean_filename(filename: str) -> str:
    """Return the name itself: no folders, nothing unshown, no spaces or dots around it.

    Raises:
        InvalidInput: nothing is left, it is longer than 255 characters, or can't be stored.
    """
    text.required("filename", filename, at_most=4 * MAX_FILENAME)
    own = _UNSHOWN.sub("", filename.replace("\\", "/").rpartition("/")[2]).strip().rstrip(". ")
    return text.required("filename", own, at_most=MAX_FILENAME)


def object_key(dialog: DialogId, id_: UUID, filename: str) -> str:
    """Return the place for a new file: nothing in it is the sender's but a harmless extension."""
    extension = filename.rpartition(".")[2]
    return f"dialogs/{dialog}/{id_}.{extension.lower() if _EXTENSION.fullmatch(extension) else 'bin'}"


def thumbnail_key(key: str) -> str:
    """Return the place of the small picture of what lies at *key*."""
    return f"{key}.thumbnail.webp"


def require_key(key: str, dialog: DialogId) -> str:
    """Return a key that may be one of *dialog*'s.

    Raises:
        InvalidInput: it leads elsewhere, or can't be a key.
    """
    leads_elsewhere = ".." in key or "%2e" in key.lower() or not text.is_clean(key)
    if leads_elsewhere or not key.startswith(f"dialogs/{dialog}/") or len(key) > MAX_KEY:
        raise InvalidInput("An s3_key is not one of this dialog's.")
    return key


def require_claims(claims: tuple[FileClaim, ...], dialog: DialogId) -> tuple[FileClaim, ...]:
    """Return what a message names as its files, with clean names.

    Raises:
        BadRequest: more than 10, the same one twice, or a type or size that can't be.
        InvalidInput: a key or name that can't be.
    """
    if len(claims) > MAX_FILES:
        raise BadRequest(f"A message has at most {MAX_FILES} attachments.")
    if len({claim.key for claim in claims}) < len(claims):
        raise BadRequest("The same s3_key is named twice.")
    kept: list[FileClaim] = []
    for claim in claims:
        require_key(claim.key, dialog)
        try:
            require_type(claim.content_type)
            require_size(claim.size_bytes)
        except (UnsupportedFileType, FileTooLarge) as error:
            raise BadRequest(error.message) from None
        kept.append(evolve(claim, filename=clean_filename(claim.filename)))
    return tuple(kept)
