"""Announcements within this process."""

import logging
from collections.abc import Callable, Iterable, Sequence

from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.ports.realtime import Announcement, Listener

_log = logging.getLogger(__name__)


class MemoryBroker:
    """RealtimeBroker as plain calls, in the order of subscription."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def publish(self, announcements: Sequence[Announcement]) -> None:
        """Hand over *announcements* at once."""
        for announcement in announcements:
            for listener in tuple(self._listeners):
                try:
                    listener(announcement)
                except Exception:
                    _log.exception("a listener failed; the others go on")

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call *listener* from now on; return the undo."""
        self._listeners.append(listener)

        def unlisten() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unlisten

    def follow(self, *, dialogs: Iterable[DialogId] = (), users: Iterable[UserId] = ()) -> None:
        """Change nothing: everything is carried within one process."""

    def unfollow(self, *, dialogs: Iterable[DialogId] = (), users: Iterable[UserId] = ()) -> None:
        """Change nothing."""
