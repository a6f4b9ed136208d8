"""What time it is."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The present instant, aware, in UTC."""

    def now(self) -> datetime:
        """Return the present instant with at most microseconds."""
        ...
