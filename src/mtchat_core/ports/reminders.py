"""Reminders that wait for their time. The times lie beside the dialogs; the store's clock decides."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from attrs import frozen

from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.domain.notifications import Round, Waiting

LATE = timedelta(seconds=5)
"""Overdue by that much, an operator should look."""


@frozen
class Fallen:
    """A dialog whose reminder is due, by the store's clock, and whom it concerns.

    `caught_up` have read, since, what they were reminded of.
    """

    now: datetime
    waiting: tuple[Waiting, ...]
    caught_up: tuple[UserId, ...]


class Reminders(Protocol):
    """Reminders inside one transaction."""

    async def take(self, dialog: DialogId) -> Fallen | None:
        """Lock a dialog whose reminder is due, and say whom it concerns.

        Never waits: None if it is not due (any more), unknown, or held by somebody else. Waiting is
        who wants reminders and has unread user messages of others, at least one of them sent since
        the reminder began to wait, after the one they were last reminded of.
        """
        ...

    async def settle(self, dialog: DialogId, decided: Round, caught_up: Sequence[UserId]) -> None:
        """Remember of a taken dialog who was reminded of what, and when to look again, if at all."""
        ...


@frozen
class Outlook:
    """How many dialogs have a reminder waiting, how many of them are overdue, and how many are parked."""

    waiting: int
    late: int
    parked: int


class DueReminders(Protocol):
    """Which dialogs to look at: committed state, one trip each."""

    async def due(self, limit: int) -> tuple[DialogId, ...]:
        """Return up to *limit* dialogs whose reminder is due, the longest waiting first."""
        ...

    async def postpone(self, dialog: DialogId, reason: str) -> None:
        """Look at a dialog again later, as its reminder failed: later each time, and after some times never.

        *reason* is for the operator. Parked then, it is tried anew with its next message, and a
        success forgets all of it.
        """
        ...

    async def outlook(self) -> Outlook:
        """Count what waits, for the operator: late is what has been due for `LATE` or longer."""
        ...
