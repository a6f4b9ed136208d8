"""When an unread message deserves a nudge."""

from datetime import datetime, timedelta

from attrs import frozen


@frozen
class Debounce:
    """Wait `delay` after each new message, but never longer than `at_most` after the first."""

    delay: timedelta = timedelta(seconds=30)
    at_most: timedelta = timedelta(seconds=120)

    def due(self, *, now: datetime, first: datetime) -> datetime:
        """Return when to remind, given a message *now* and the *first* one not yet reminded of."""
        return min(now + self.delay, first + self.at_most)
