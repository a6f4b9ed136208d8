"""Places in the event log as opaque text: a client hands back what it was given, and nothing else."""

import re
from uuid import UUID

from attrs import frozen

from mtchat_core.domain.errors import BadRequest, ChatError, Kind
from mtchat_core.domain.ids import DialogId

_TEXT = re.compile(r"([0-9a-z-]{1,60})\.([0-9]{1,20})(?:\.([0-9a-f]{32})\.([0-9]{1,19}))?")
_MOST_TRANSACTIONS, _MOST_EVENTS = 2**64, 2**63
NOWHERE = DialogId(UUID(int=0))
"""Before every dialog."""


class EventCursorUnknown(BadRequest):
    """The cursor was not made here."""

    says = "after must be a cursor from an earlier answer, or from a socket."


class CursorExpired(ChatError):
    """What followed the cursor is not wholly known any more: it is too old, or of another history."""

    code, kind = "CURSOR_EXPIRED", Kind.GONE
    says = "What followed this cursor is no longer kept. Load everything afresh, and go on with a new cursor."


@frozen
class Cursor:
    """A place in one history's log: behind all transactions below `xid`, and behind that event of `xid`'s own."""

    history: str
    xid: int
    dialog_id: DialogId = NOWHERE
    seq: int = 0

    @classmethod
    def read(cls, text: str) -> "Cursor":
        """Return the place that *text* stands for.

        Raises:
            EventCursorUnknown: it is none of ours.
        """
        if (found := _TEXT.fullmatch(text)) is None:
            raise EventCursorUnknown
        history, xid, dialog, seq = found.groups(default="0")
        cursor = cls(history, int(xid), DialogId(UUID(int=int(dialog, 16))), int(seq))
        if cursor.xid >= _MOST_TRANSACTIONS or cursor.seq >= _MOST_EVENTS:
            raise EventCursorUnknown
        return cursor

    def __str__(self) -> str:
        """Return the text a client keeps."""
        place = f"{self.history}.{self.xid}"
        return f"{place}.{self.dialog_id.hex}.{self.seq}" if self.seq else place
