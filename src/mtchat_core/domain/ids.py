"""Names of things. Ids made by us are UUIDv7 (RFC 9562), so that they sort by creation."""

from typing import NewType
from uuid import UUID

from mtchat_core.domain import text

DialogId = NewType("DialogId", UUID)
MessageId = NewType("MessageId", UUID)
AttachmentId = NewType("AttachmentId", UUID)
ScopeId = NewType("ScopeId", UUID)
EventId = NewType("EventId", UUID)
UserId = NewType("UserId", str)
"""A person as the host names them: compared exactly, case-sensitive, 1 to 255 characters."""

MAX_EXTERNAL_ID = 255
"""Longest external id (user, object), in characters."""

_LOW_48 = (1 << 48) - 1


def user_id(value: str, *, field: str = "user_id") -> UserId:
    """Return *value* as a user id.

    Raises:
        InvalidInput: empty, longer than 255 characters, or not storable.
    """
    return UserId(text.required(field, value, at_most=MAX_EXTERNAL_ID))


def following(candidate: UUID, last: UUID | None) -> UUID:
    """Return *candidate*, or the nearest UUIDv7 above *last* if *candidate* would not rise.

    Clocks of several nodes disagree; the ids of one dialog rise all the same, because whoever
    holds the dialog's lock calls this with the last id issued there.
    """
    if last is None or candidate > last:
        return candidate
    low = last.int & _LOW_48
    if low < _LOW_48:
        return UUID(int=last.int + 1)
    milliseconds = (last.int >> 80) + 1
    return UUID(int=milliseconds << 80 | 0x7 << 76 | 0x2 << 62)
