"""Schedules in this process."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from attrs import evolve

from mtchat_core.domain.jobs import Job
from mtchat_core.ports.clock import Clock
from mtchat_core.ports.schedules import LEASE, Claim, Schedule


class MemorySchedules:
    """Schedules as one value per job."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[Job, Schedule] = {}
        self._holders: dict[Job, UUID] = {}

    async def plan(self, job: Job, plan: str) -> None:
        """Have a job known by its plan."""
        kept = self._kept.get(job)
        if kept is None:
            self._kept[job] = Schedule(job, plan, self._clock.now())
        elif kept.plan != plan:
            self._kept[job] = evolve(kept, plan=plan, due_at=self._clock.now())

    async def claim(self, job: Job) -> Claim | None:
        """Take a job that is due."""
        now, kept = self._clock.now(), self._kept.get(job)
        if kept is None or kept.due_at > now or (kept.leased_until is not None and kept.leased_until > now):
            return None
        claim = Claim(job, uuid4(), now)
        self._holders[job] = claim.holder
        self._kept[job] = evolve(kept, leased_until=now + LEASE, started_at=now)
        return claim

    async def renew(self, claim: Claim) -> bool:
        """Keep a claim."""
        now, kept = self._clock.now(), self._held(claim)
        if kept is None or kept.leased_until is None or kept.leased_until <= now:
            return False
        self._kept[claim.job] = evolve(kept, leased_until=now + LEASE)
        return True

    async def finish(self, claim: Claim, *, due_at: datetime, result: str) -> None:
        """Give back a claim that is done."""
        if kept := self._held(claim):
            now = self._clock.now()
            self._give_back(claim, evolve(kept, finished_at=now, due_at=due_at, failures=0, result=result))

    async def fail(self, claim: Claim, *, again_in: timedelta, result: str) -> None:
        """Give back a claim that failed."""
        if kept := self._held(claim):
            now, failures = self._clock.now(), kept.failures + 1
            self._give_back(
                claim, evolve(kept, finished_at=now, due_at=now + again_in, failures=failures, result=result)
            )

    async def release(self, claim: Claim) -> None:
        """Give back a claim that was left undone."""
        if kept := self._held(claim):
            self._give_back(claim, kept)

    async def all(self) -> tuple[Schedule, ...]:
        """Return every schedule."""
        return tuple(sorted(self._kept.values(), key=lambda schedule: schedule.job.value))

    def _held(self, claim: Claim) -> Schedule | None:
        return self._kept[claim.job] if self._holders.get(claim.job) == claim.holder else None

    def _give_back(self, claim: Claim, schedule: Schedule) -> None:
        del self._holders[claim.job]
        self._kept[claim.job] = evolve(schedule, leased_until=None)
