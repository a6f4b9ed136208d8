"""The event log, for whoever missed something."""

from datetime import datetime
from typing import Protocol

from mtchat_core.domain.events import Recorded
from mtchat_core.domain.ids import DialogId


class EventLog(Protocol):
    """Everything that happened, as committed. Texts are joined when it is read."""

    async def of_dialog(self, dialog: DialogId, *, after: int, limit: int) -> tuple[Recorded, ...]:
        """Return up to *limit* events of a dialog with a seq above *after*, in order, without gaps.

        A message that was deleted since reads as `Withdrawn`.
        """
        ...

    async def latest(self) -> str:
        """Return an opaque cursor for everything logged so far."""
        ...

    async def prune(self, before: datetime, *, limit: int) -> int:
        """Forget up to *limit* events logged *before* then, and return how many."""
        ...
