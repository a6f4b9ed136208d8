"""Live events from whoever commits to whoever listens. A push may be lost; the log may not."""

from collections.abc import Callable, Sequence
from typing import Protocol

from mtchat_core.domain.events import PresenceChanged, Recorded, Typing

Announcement = Recorded | PresenceChanged | Typing
Listener = Callable[[Announcement], None]


class RealtimeBroker(Protocol):
    """Carries announcements between the nodes of one service."""

    def publish(self, announcements: Sequence[Announcement]) -> None:
        """Hand over *announcements*, in order, at once: never waits, never fails."""
        ...

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call *listener* with everything published from now on; return the undo.

        The order may be disturbed between concurrent publishers: a listener goes by `seq`. A
        listener that fails does not disturb the others.
        """
        ...
