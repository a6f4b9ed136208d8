"""The machine's clock."""

from datetime import UTC, datetime

from attrs import frozen


@frozen
class SystemClock:
    """Clock as the machine tells it."""

    def now(self) -> datetime:
        """Return the present instant in UTC."""
        return datetime.now(UTC)
