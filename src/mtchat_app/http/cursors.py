"""Places in lists as opaque text: a client hands back what it was given, and nothing else."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Annotated, TypeVar
from uuid import UUID

import msgspec

from mtchat_core.domain.errors import BadRequest
from mtchat_core.domain.ids import DialogId, MessageId
from mtchat_core.domain.inbox import Position
from mtchat_core.ports.dialogs import Place

T = TypeVar("T")


class CursorUnknown(BadRequest):
    """The cursor was not made here, or for another list."""

    says = "cursor must be a next_cursor from an earlier answer of the same list."


def write_position(place: Position) -> str:
    """Return a cursor for a place in a person's list."""
    return _write((place.is_pinned, place.active_at, place.id))


def read_position(cursor: str) -> Position:
    """Return the place in a person's list.

    Raises:
        CursorUnknown: *cursor* is not one of ours.
    """
    is_pinned, active_at, id_ = _read(cursor, tuple[bool, datetime, UUID])
    return Position(is_pinned, _aware(active_at), DialogId(id_))


def write_place(place: Place) -> str:
    """Return a cursor for a place in the host's list."""
    return _write((place.created_at, place.id))


def read_place(cursor: str) -> Place:
    """Return the place in the host's list.

    Raises:
        CursorUnknown: *cursor* is not one of ours.
    """
    created_at, id_ = _read(cursor, tuple[datetime, UUID])
    return Place(_aware(created_at), DialogId(id_))


def write_message(message: MessageId) -> str:
    """Return a cursor for a place among messages found."""
    return _write((message,))


def read_message(cursor: str) -> MessageId:
    """Return the place among messages found.

    Raises:
        CursorUnknown: *cursor* is not one of ours.
    """
    (id_,) = _read(cursor, tuple[UUID])
    return MessageId(id_)


def write_number(number: int) -> str:
    """Return a cursor for a place among an endpoint's deliveries."""
    return _write((number,))


def read_number(cursor: str) -> int:
    """Return the place among an endpoint's deliveries.

    Raises:
        CursorUnknown: *cursor* is not one of ours.
    """
    (number,) = _read(cursor, tuple[Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]])
    return number


def _write(place: tuple[object, ...]) -> str:
    return urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def _read(cursor: str, kind: type[T]) -> T:
    try:
        decoded = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        return msgspec.json.decode(decoded, type=kind)
    except (ValueError, msgspec.MsgspecError):
        raise CursorUnknown from None


def _aware(instant: datetime) -> datetime:
    try:
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except OverflowError:
        pass  # a made-up instant before the year 1, or after 9999
    raise CursorUnknown
