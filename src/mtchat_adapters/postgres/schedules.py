"""Schedules in PostgreSQL: a row per periodic job, claimed by one update."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from attrs import frozen

from mtchat_adapters.postgres.session import Trips, statement
from mtchat_core.domain.jobs import Job
from mtchat_core.ports.schedules import LEASE, Claim, Schedule

_PLAN = statement("""
    insert into schedules as kept (name, plan, due_at) values (:name, :plan, clock_timestamp())
    on conflict (name) do update set plan = excluded.plan, due_at = excluded.due_at
    where kept.plan <> excluded.plan
""")

# Whoever comes second waits for the row, and then finds it leased. Asking again as the same holder, after a
# lost connection, finds one's own claim.
_CLAIM = statement("""
    update schedules set holder = :holder, started_at = clock_timestamp(),
      leased_until = clock_timestamp() + cast(:lease as interval)
    where name = :name and due_at <= clock_timestamp()
      and (leased_until is null or leased_until <= clock_timestamp() or holder = :holder)
    returning started_at
""")

_RENEW = statement("""
    update schedules set leased_until = clock_timestamp() + cast(:lease as interval)
    where name = :name and holder = :holder and leased_until > clock_timestamp()
    returning name
""")

_FINISH = statement("""
    update schedules set holder = null, leased_until = null, finished_at = clock_timestamp(), due_at = :due_at,
      failures = 0, result = :result
    where name = :name and holder = :holder
""")

_FAIL = statement("""
    update schedules set holder = null, leased_until = null, finished_at = clock_timestamp(),
      due_at = clock_timestamp() + cast(:again_in as interval), failures = failures + 1, result = :result
    where name = :name and holder = :holder
""")

_RELEASE = statement(
    "update schedules set holder = null, leased_until = null where name = :name and holder = :holder"
)

_ALL = statement("""
    select name, plan, due_at, leased_until, started_at, finished_at, failures, result from schedules
    where name = any(cast(:names as text[])) order by name
""")
_JOBS = {job.value: job for job in Job}


@frozen
class PostgresSchedules:
    """Schedules: one statement each."""

    trips: Trips

    async def plan(self, job: Job, plan: str) -> None:
        """Have a job known by its plan."""
        await self.trips.all(_PLAN, {"name": job.value, "plan": plan})

    async def claim(self, job: Job) -> Claim | None:
        """Take a job that is due."""
        holder = uuid4()
        row = await self.trips.one(_CLAIM, {"name": job.value, "holder": holder, "lease": LEASE})
        return Claim(job, holder, row["started_at"]) if row else None

    async def renew(self, claim: Claim) -> bool:
        """Keep a claim."""
        return await self.trips.one(_RENEW, {**_of(claim), "lease": LEASE}) is not None

    async def finish(self, claim: Claim, *, due_at: datetime, result: str) -> None:
        """Give back a claim that is done."""
        await self.trips.all(_FINISH, {**_of(claim), "due_at": due_at, "result": result})

    async def fail(self, claim: Claim, *, again_in: timedelta, result: str) -> None:
        """Give back a claim that failed."""
        await self.trips.all(_FAIL, {**_of(claim), "again_in": again_in, "result": result})

    async def release(self, claim: Claim) -> None:
        """Give back a claim that was left undone."""
        await self.trips.all(_RELEASE, _of(claim))

    async def all(self) -> tuple[Schedule, ...]:
        """Return every schedule."""
        return tuple(
            Schedule(
                job=_JOBS[row["name"]],
                plan=row["plan"],
                due_at=row["due_at"],
                leased_until=row["leased_until"],
                started_at=row["started_at"],
                finished_at=row["finished_at"],
                failures=row["failures"],
                result=row["result"],
            )
            for row in await self.trips.all(_ALL, {"names": list(_JOBS)})
        )


def _of(claim: Claim) -> dict[str, Any]:
    return {"name": claim.job.value, "holder": claim.holder}
