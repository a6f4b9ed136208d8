"""How long a request may take that moves more bytes than others."""

from typing import Any

from attrs import define

_KEY = "mtchat_pace"


@define
class Pace:
    """Until when (the loop's time) a request may go on, where that is longer than the server's own terms say.

    The server makes one for each connection, and whoever moves a file's bytes moves it on with them.
    """

    until: float = 0.0

    def follow(self, scope: Any) -> None:
        """Let whoever serves the request of *scope* find it."""
        scope["state"][_KEY] = self


def of(scope: Any) -> Pace:
    """Return the pace of a request; another server than ours has none, and its own terms."""
    found: Pace = scope["state"].get(_KEY) or Pace()
    return found
