"""Live events from whoever commits to whoever listens. A push may be lost; the log may not."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from mtchat_core.domain.events import PresenceChanged, Recorded, Typing
from mtchat_core.domain.ids import DialogId, UserId

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

    def follow(self, *, dialogs: Iterable[DialogId] = (), users: Iterable[UserId] = ()) -> None:
        """Carry here what other nodes publish about these dialogs, and who of these users comes into others.

        At once, without waiting: what is published before it takes effect is found in the log.
        """
        ...

    def unfollow(self, *, dialogs: Iterable[DialogId] = (), users: Iterable[UserId] = ()) -> None:
        """Carry it no longer."""
        ...
