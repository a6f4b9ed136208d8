"""The jobs of this process: each looks into the store for what is due, every second and when it is woken.

Several processes may run the same jobs: the store's locks and leases divide the work.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol

import structlog
from attrs import Factory, define
from croniter import croniter  # type: ignore[import-untyped]

from mtchat_core.chat import Chat
from mtchat_core.domain.errors import ServiceUnavailable
from mtchat_core.domain.jobs import Job
from mtchat_core.ports.schedules import LEASE, Claim

TICK_SECONDS = 1.0
LEAVE_SECONDS = 20.0
"""How long what is under way may take to end, once the process leaves."""
PRUNE_EVERY = timedelta(minutes=10)
_MOST_PAUSE_SECONDS = 30.0
_MOST_OUTAGE_PAUSE_SECONDS = 5.0
_AT_ONCE = 100
_FILES_AT_ONCE = 10
"""Each takes its time: whoever leaves waits for the last of them."""
PATIENCE = 3
_RELEASE_SECONDS = 2.0

_log = structlog.get_logger()


@define
class State:
    """How one job fares in this process."""

    woken: asyncio.Event = Factory(asyncio.Event)
    runs: int = 0
    failures: int = 0
    """In a row; 0 once it has succeeded."""
    succeeded_at: datetime | None = None
    trouble: str | None = None


class Webhooks(Protocol):
    """What brings webhooks to the host."""

    async def tick(self) -> object:
        """Begin what is to be done; never waits for a receiver."""
        ...

    async def close(self) -> object:
        """Begin nothing more, end what is under way, and give back what was held."""
        ...


class Lost(Exception):
    """Somebody else has taken over what was ours."""


class Runner:
    """Runs the jobs of a chat, each at most once at a time."""

    def __init__(self, chat: Chat, archive_cron: str, webhooks: Webhooks | None = None) -> None:
        """Run the jobs of *chat*; *webhooks* stand in for its own, *archive_cron* has six fields."""
        self._chat = chat
        self._archive_cron = archive_cron
        self._webhooks: Webhooks = webhooks or chat.webhooks
        self._work: dict[Job, Callable[[], Awaitable[None]]] = {
            Job.DELIVER: self._deliver_due,
            Job.REMIND: self._remind_due,
            Job.ARCHIVE: self._archive_quiet,
            Job.PRUNE: self._prune_old,
            Job.FILES: self._inspect_files,
        }
        self._planned: set[Job] = set()
        self._leaving = asyncio.Event()
        self._left_at = 0.0
        self._closing: asyncio.Task[None] | None = None
        self.states: dict[Job, State] = {job: State() for job in self._work}
        self.counts = Counter[str]()
        """`<job>.runs` and `<job>.failures`."""

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Run the jobs until the block ends; what is under way then has 20 s to end."""
        async with self._chat.ports.jobs.runner(self._wake):
            tasks = [asyncio.create_task(self._attend(job), name=job.value) for job in self._work]
            try:
                yield
            finally:
                self.leave()
                await self._end(tasks)

    def leave(self) -> None:
        """Begin nothing any more."""
        if not self._leaving.is_set():
            self._left_at = time.monotonic()
            self._leaving.set()
            self._closing = asyncio.create_task(self._close(), name=Job.DELIVER.value)
            for state in self.states.values():
                state.woken.set()

    @property
    def is_leaving(self) -> bool:
        """Whether nothing is begun any more."""
        return self._leaving.is_set()

    def degraded(self) -> list[str]:
        """Return a sentence for each job that fails again and again."""
        return [
            f"jobs: {job.value} failed {state.failures} times in a row ({state.trouble})"
            for job, state in self.states.items()
            if state.failures > PATIENCE
        ]

    def report(self) -> dict[str, dict[str, Any]]:
        """Return how each job fares in this process, as JSON values."""
        return {
            job.value: {
                "runs": state.runs,
                "failures": state.failures,
                "succeeded_at": state.succeeded_at,
                "trouble": state.trouble,
            }
            for job, state in self.states.items()
        }

    async def _close(self) -> None:
        try:
            await self._webhooks.close()
        except Exception as error:
            _log.warning("webhooks could not be closed in order", kind=type(error).__name__)

    async def _end(self, tasks: list[asyncio.Task[None]]) -> None:
        if self._closing is not None:
            tasks.append(self._closing)
        left = max(0.0, self._left_at + LEAVE_SECONDS - time.monotonic())
        _, late = await asyncio.wait(tasks, timeout=left)
        for task in late:
            _log.warning("a job was cut short: it goes on elsewhere, or after the next start", job=task.get_name())
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _wake(self, job: Job) -> None:
        self.states[job].woken.set()

    async def _attend(self, job: Job) -> None:
        """Run one job whenever it is woken, and every second; after failures less often."""
        state = self.states[job]
        while not self._leaving.is_set():
            state.woken.clear()
            pause = await self._run(job, state)
            awaited = self._leaving if state.failures else state.woken
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await awaited.wait()

    async def _run(self, job: Job, state: State) -> float:
        """Run a job, and return how long to wait until the next time."""
        state.runs += 1
        self.counts[f"{job.value}.runs"] += 1
        try:
            await self._work[job]()
        except Exception as error:
            return self._failed(job, state, error)
        if state.failures:
            _log.info("a job works again", job=job.value, failures=state.failures)
        state.failures, state.trouble, state.succeeded_at = 0, None, datetime.now(UTC)
        return TICK_SECONDS

    def _failed(self, job: Job, state: State, error: Exception) -> float:
        self.counts[f"{job.value}.failures"] += 1
        state.failures += 1
        state.trouble = type(error).__name__
        is_outage = isinstance(error, ServiceUnavailable)
        if not is_outage:
            _log.error("a job failed", job=job.value, failures=state.failures, exc_info=error)
        elif state.failures == 1:
            # An outage is told of once, not at every try.
            _log.warning("a job can't reach the database", job=job.value, kind=state.trouble)
        most = _MOST_OUTAGE_PAUSE_SECONDS if is_outage else _MOST_PAUSE_SECONDS
        pause: float = min(most, TICK_SECONDS * 2 ** (state.failures - 1))
        return pause

    # What each job does

    async def _deliver_due(self) -> None:
        await self._webhooks.tick()

    async def _remind_due(self) -> None:
        while not self._leaving.is_set() and await self._chat.notifications.remind_due(_AT_ONCE) == _AT_ONCE:
            pass

    async def _inspect_files(self) -> None:
        inspect = self._chat.inspection.inspect_due
        while not self._leaving.is_set() and await inspect(_FILES_AT_ONCE) == _FILES_AT_ONCE:
            pass

    async def _archive_quiet(self) -> None:
        cron = self._archive_cron

        async def sweep(_claim: Claim) -> bool:
            place = await self._chat.archiving.sweep()
            while place is not None and not self._leaving.is_set():
                place = await self._chat.archiving.sweep(after=place)
            return place is None

        def following(at: datetime) -> datetime:
            due: datetime = croniter(cron, at, second_at_beginning=True).get_next(datetime)
            return due

        await self._scheduled(Job.ARCHIVE, cron, sweep, following)

    async def _prune_old(self) -> None:
        async def prune(claim: Claim) -> bool:
            is_more = True
            while is_more and not self._leaving.is_set():
                is_more = await self._chat.retention.prune(claim.at)
            return not is_more

        plan = f"every {PRUNE_EVERY.total_seconds():.0f} s"
        await self._scheduled(Job.PRUNE, plan, prune, lambda at: at + PRUNE_EVERY)

    async def _scheduled(
        self,
        job: Job,
        plan: str,
        work: Callable[[Claim], Awaitable[bool]],
        following: Callable[[datetime], datetime],
    ) -> None:
        """Do *work* if it is due and nobody else does it; *work* tells whether it came to its end."""
        schedules = self._chat.ports.schedules
        if job not in self._planned:
            await schedules.plan(job, plan)
            self._planned.add(job)
        claim = await schedules.claim(job)
        if claim is None:
            return
        ended: Literal["done", "failed", "left"] = "left"
        try:
            is_done = await self._while_ours(claim, work(claim))
            ended = "done" if is_done else "left"
        except Exception as error:
            ended = "failed"
            again_in = min(timedelta(seconds=_MOST_PAUSE_SECONDS), following(claim.at) - claim.at)
            await schedules.fail(claim, again_in=again_in, result=type(error).__name__)
            raise
        finally:
            if ended == "left":
                with suppress(ServiceUnavailable, TimeoutError):
                    async with asyncio.timeout(_RELEASE_SECONDS):
                        await schedules.release(claim)
        if ended == "done":
            await schedules.finish(claim, due_at=following(claim.at), result="done")

    async def _while_ours(self, claim: Claim, work: Awaitable[bool]) -> bool:
        """Do *work*, renewing the claim; stop if it is lost."""
        working = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait([working], timeout=LEASE.total_seconds() / 3))[0]:
                if not await self._chat.ports.schedules.renew(claim):
                    raise Lost
            return working.result()
        finally:
            if not working.done():
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)
