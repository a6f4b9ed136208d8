"""Wake-ups between processes, by SAQ over Redis. Nothing else is in there: what is due lies in the store.

SAQ is configured as docs/dependencies.md says: it leaves signals to the process, stops at once, waits for
Redis without a deadline where it blocks, and stays quiet while Redis is away.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, TypeVar, cast

from attrs import frozen
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from saq import Job as Errand
from saq import Worker
from saq.queue.redis import RedisQueue
from saq.web.starlette import saq_web
from starlette.applications import Starlette

from mtchat_core.domain.jobs import Job
from mtchat_core.ports.jobs import JobQueue, Run

T = TypeVar("T")

TIMEOUT = timedelta(milliseconds=500)
EVERY_SECONDS = 0.05
"""Between two wake-ups for the same job: a thousand sends a second do not become a thousand errands."""
BREATHER_SECONDS = 1.0
"""How long Redis is left alone after it failed. Runners look by themselves as often."""
_DEQUEUE_SECONDS = 1.0
_STOP_SECONDS = 2
_ERRAND: dict[str, Any] = {"timeout": 5, "retries": 1, "retry_delay": 1.0, "ttl": -1}
_TROUBLE = (RedisError, OSError, TimeoutError)

_log = logging.getLogger(__name__)


@frozen
class Queued:
    """How SAQ's queue looks: errands that wait and are under way, and the workers that fetch them."""

    waiting: int
    under_way: int
    workers: int


class _Queue(RedisQueue):
    """SAQ's queue, which takes a breather when Redis is away instead of trying at once, again and again."""

    async def dequeue(self, *limits: float, **named: float) -> Errand | None:
        try:
            return await super().dequeue(*limits, **named)
        except _TROUBLE:
            await asyncio.sleep(BREATHER_SECONDS)
            return None


class _Worker(Worker[Any]):
    """SAQ's worker as part of a process that has its own way to end."""

    SIGNALS = []  # noqa: RUF012 - as SAQ has it

    async def upkeep(self) -> list[asyncio.Task[None]]:
        self._upkeep = await super().upkeep()
        return self._upkeep

    async def process(self) -> bool:
        try:
            return await super().process()
        except _TROUBLE:
            await asyncio.sleep(BREATHER_SECONDS)
            return False

    async def stop(self) -> None:
        self.event.set()
        for timer in getattr(self, "_upkeep", ()):
            timer.cancel()
        await super().stop()


class SaqJobQueue:
    """JobQueue over Redis, for as long as `open` lasts. A runner in this process is woken directly."""

    def __init__(
        self, url: str, local: JobQueue, *, prefix: str = "mtchat", patience: timedelta = TIMEOUT
    ) -> None:
        """Carry wake-ups through the queue *prefix*; *local* wakes the runner of this process."""
        seconds = patience.total_seconds()
        self._asking = _client(url, answer_within=seconds, connect_within=seconds)
        # Whoever waits for an errand must not give up waiting: the errand would be lost.
        self._fetching = _client(url, answer_within=None, connect_within=seconds)
        self._queue = RedisQueue(self._asking, name=prefix)
        self._errands = _Queue(self._fetching, name=prefix)
        self._local = local
        self._seconds = seconds
        self._has_runner = False
        self._asked: set[Job] = set()
        self._carrying: dict[Job, asyncio.Task[None]] = {}
        self._quiet_until = 0.0
        self.is_down = False
        """Whether the last wake-up did not get through."""
        self.counts = Counter[str]()
        """Wake-ups `carried` and `dropped`."""

    def wake(self, job: Job) -> None:
        """Wake the runner here, or one elsewhere; while Redis is away, nobody."""
        if self._has_runner:
            self._local.wake(job)
            return
        self._asked.add(job)
        if job not in self._carrying:
            self._carrying[job] = asyncio.create_task(self._carry(job))

    async def _carry(self, job: Job) -> None:
        """Carry what is asked for until nothing is; what comes meanwhile goes together."""
        is_again = False
        try:
            while job in self._asked:
                self._asked.discard(job)
                is_new = await self._send(job)
                await asyncio.sleep(EVERY_SECONDS)
                # An errand of the same name waits, or was fetched a moment ago: only the second can have come
                # too early for what we were asked for, and then it is gone by now.
                is_again = not is_new and not is_again
                if is_again:
                    self._asked.add(job)
        finally:
            del self._carrying[job]

    async def _send(self, job: Job) -> bool:
        """Put an errand into the queue; return False if one of that name is there already."""
        now = asyncio.get_running_loop().time()
        if now < self._quiet_until:
            self.counts["dropped"] += 1
            return True
        try:
            sent = await self._within_patience(self._queue.enqueue(job.value, key=job.value, **_ERRAND))
        except _TROUBLE as error:
            self._quiet_until = now + BREATHER_SECONDS
            self.counts["dropped"] += 1
            if not self.is_down:
                _log.warning("Redis carries no wake-ups, runners look by themselves: %s", type(error).__name__)
            self.is_down = True
            return True
        self.is_down = False
        self.counts["carried"] += 1
        return sent is not None

    @asynccontextmanager
    async def runner(self, run: Run) -> AsyncGenerator[None]:
        """Call *run* for what is woken here or elsewhere, until the block ends."""
        async with self._local.runner(run):
            functions = [(job.value, self._fetched(job)) for job in Job]
            worker = _Worker(
                self._errands,
                functions,
                concurrency=2,
                dequeue_timeout=_DEQUEUE_SECONDS,
                shutdown_grace_period_s=_STOP_SECONDS,
            )
            working = asyncio.create_task(worker.start())
            self._has_runner = True
            try:
                yield
            finally:
                self._has_runner = False
                await worker.stop()
                await working

    def _fetched(self, job: Job) -> Callable[[Any], Awaitable[None]]:
        async def wake(_context: Any) -> None:
            self._local.wake(job)

        return wake

    async def queued(self) -> Queued:
        """Look into the queue.

        Raises:
            RedisError, OSError, TimeoutError: it can't be asked.
        """
        told = await self._within_patience(self._queue.info())
        return Queued(waiting=told["queued"], under_way=told["active"], workers=len(told["workers"]))

    def page(self, path: str) -> Starlette:
        """Return SAQ's own page, to be mounted at *path*."""
        return saq_web(path, [self._queue])

    async def close(self) -> None:
        """Let go of Redis; what is still to be carried is dropped."""
        carrying = list(self._carrying.values())
        for task in carrying:
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)
        for client in (self._asking, self._fetching):
            with suppress(*_TROUBLE):
                await self._within_patience(client.aclose())

    async def _within_patience(self, asked: Awaitable[T]) -> T:
        async with asyncio.timeout(self._seconds):
            return await asked


def _client(url: str, *, answer_within: float | None, connect_within: float) -> Redis:
    make = cast(Callable[..., Redis], Redis.from_url)  # pyright: ignore[reportUnknownMemberType]
    without_retries = Retry(NoBackoff(), 0)
    return make(url, socket_timeout=answer_within, socket_connect_timeout=connect_within, retry=without_retries)


@asynccontextmanager
async def open(  # noqa: A001 - read as saq.open
    url: str, local: JobQueue, *, prefix: str = "mtchat", patience: timedelta = TIMEOUT
) -> AsyncGenerator[SaqJobQueue]:
    """Open the queue for the block, whether or not Redis is there."""
    # It tells of every errand and of every attempt to reach Redis; what matters is said above.
    logging.getLogger("saq").setLevel(logging.CRITICAL)
    queue = SaqJobQueue(url, local, prefix=prefix, patience=patience)
    try:
        yield queue
    finally:
        await queue.close()
