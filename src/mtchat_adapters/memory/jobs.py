"""A job queue in this process."""

from datetime import datetime

from mtchat_core.domain.jobs import Job


class MemoryJobQueue:
    """JobQueue as a dictionary of due times."""

    def __init__(self) -> None:
        self._due: dict[Job, datetime] = {}

    async def wake(self, job: Job, *, at: datetime) -> None:
        """Have *job* run at *at*, or earlier if it waits already."""
        self._due[job] = min(at, self._due.get(job, at))

    async def due(self, *, now: datetime, limit: int) -> tuple[Job, ...]:
        """Take jobs that are due, earliest first."""
        ready = sorted((job for job, at in self._due.items() if at <= now), key=lambda job: self._due[job])[:limit]
        for job in ready:
            del self._due[job]
        return tuple(ready)
