"""Work that comes back: once for all processes together. The store's clock decides."""

from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from attrs import frozen

from mtchat_core.domain.jobs import Job

LEASE = timedelta(seconds=30)
"""How long a process may go on without a sign of life before another one takes over."""


@frozen
class Claim:
    """A job that is this process's to run, since `at` by the store's clock."""

    job: Job
    holder: UUID
    at: datetime


@frozen
class Schedule:
    """How a job stands: `leased_until` is set while somebody runs it, `result` is how it ended last."""

    job: Job
    plan: str
    due_at: datetime
    leased_until: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    failures: int = 0
    result: str | None = None


class Schedules(Protocol):
    """When periodic jobs run: committed state, one trip each."""

    async def plan(self, job: Job, plan: str) -> None:
        """Have *job* known by its *plan*; a new or changed plan is due at once, the same one stays as it is."""
        ...

    async def claim(self, job: Job) -> Claim | None:
        """Take *job* for `LEASE` if it is due and nobody has it; else None."""
        ...

    async def renew(self, claim: Claim) -> bool:
        """Keep a claim for another `LEASE`; False if it has run out and is somebody else's now."""
        ...

    async def finish(self, claim: Claim, *, due_at: datetime, result: str) -> None:
        """Give back a claim that is done, until *due_at*. One that was lost changes nothing."""
        ...

    async def fail(self, claim: Claim, *, again_in: timedelta, result: str) -> None:
        """Give back a claim that failed: it is due again after *again_in*."""
        ...

    async def release(self, claim: Claim) -> None:
        """Give back a claim that was left undone: it is due still."""
        ...

    async def all(self) -> tuple[Schedule, ...]:
        """Return every schedule of a job we know, by its name."""
        ...
