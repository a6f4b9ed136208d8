"""Who wakes up when. The truth about what is due lives in the store; a queue only wakes."""

from datetime import datetime
from typing import Protocol

from mtchat_core.domain.jobs import Job


class JobQueue(Protocol):
    """Wakes workers: at least once, at or after the due time, once per key while it waits."""

    async def wake(self, job: Job, *, at: datetime) -> None:
        """Have a worker run *job* at *at*; the earlier time wins for a job that waits already."""
        ...

    async def due(self, *, now: datetime, limit: int) -> tuple[Job, ...]:
        """Take up to *limit* jobs that are due, earliest first."""
        ...
