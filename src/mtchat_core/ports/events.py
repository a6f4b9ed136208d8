"""The event log, for whoever missed something.

A cursor is opaque text. It stands for a place in one history of the log: after a restore from a
backup, or a failover that lost something, the history is another one.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from attrs import frozen

from mtchat_core.domain.events import Recorded
from mtchat_core.domain.ids import DialogId, UserId

MOST_BYTES = 4 * 1024 * 1024
"""Text of messages in one stretch; what would be more comes in the next one."""


@frozen
class Head:
    """That something happened: where, as which number, and who came with it, if somebody did."""

    dialog_id: DialogId
    seq: int
    joined: UserId | None = None


@frozen
class Heads:
    """What happened next in all dialogs, without saying what."""

    heads: tuple[Head, ...]
    cursor: str
    """Behind the last of them."""
    has_more: bool


@frozen
class Stretch:
    """Some events in the order of the log. Those of one dialog are in the order of their `seq`."""

    events: tuple[Recorded, ...]
    cursor: str
    """Where to go on."""
    has_more: bool


class EventLog(Protocol):
    """Everything that happened, as committed. Texts are joined when it is read.

    Transactions end in another order than they began: a place in the log is settled once every
    transaction before it has ended, so that nothing can come before it any more. What is read by
    a cursor is settled, unless said otherwise, and thus never skips anything.

    A message that was deleted since reads as `Withdrawn`, and so does a change of a deleted dialog.
    """

    async def of_dialog(self, dialog: DialogId, *, after: int, limit: int) -> tuple[Recorded, ...]:
        """Return up to *limit* events of a dialog with a seq above *after*, in order, without gaps."""
        ...

    async def of_dialogs(self, after: Sequence[tuple[DialogId, int]], *, limit: int) -> tuple[Recorded, ...]:
        """Return up to *limit* events of several dialogs together, each as `of_dialog` does."""
        ...

    async def latest(self) -> str:
        """Return a cursor for everything logged so far, and settled."""
        ...

    async def heads(self, after: str, *, limit: int) -> Heads:
        """Return up to *limit* of what happened after a cursor, cheaply.

        Raises:
            EventCursorUnknown: *after* is not one of ours.
            CursorExpired: what followed it is not wholly known any more.
        """
        ...

    async def stream(self, after: str | None, *, limit: int) -> Stretch:
        """Return up to *limit* events after a cursor, or from the beginning of what is kept.

        Raises:
            EventCursorUnknown, CursorExpired: see `heads`.
        """
        ...

    async def missed(self, user: UserId, after: str, *, limit: int, only_settled: bool = True) -> Stretch:
        """Return up to *limit* events after a cursor that concern one person.

        That is everything in the dialogs they are in now, but nothing from before they came last;
        and that they left others, or that those were deleted. Where what is not settled is wanted
        too, it is all there, and `cursor` serves only once there is no more.
        Raises:
            EventCursorUnknown, CursorExpired: see `heads`.
        """
        ...

    async def lag(self) -> timedelta:
        """Return the age of the oldest event that is not settled yet; zero without any."""
        ...

    async def prune(self, before: datetime, *, limit: int) -> int:
        """Forget up to *limit* of the oldest events, if they are older than *before*; return how many.

        Cursors from before them have expired from then on.
        """
        ...
