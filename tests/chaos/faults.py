"""What breaks, and how long it takes until all is well again.

On Linux: the processes of a server to freeze are found in /proc.
"""

import asyncio
import os
import random
import signal
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from urllib.parse import quote

import asyncpg  # type: ignore[import-untyped]
import httpx

from mtchat_adapters.embedded.postgres import EmbeddedPostgres
from tests.chaos.receiver import MOODS, Receiver
from tests.journeys.service import Service
from tests.valkey import Valkey

KINDS = (
    "node killed",
    "worker killed",
    "rolling restart",
    "session ended",
    "database restarted",
    "database killed",
    "database frozen",
    "sockets torn",
)
REDIS_KINDS = ("Redis killed", "Redis flushed", "Redis frozen")
RECEIVER_KINDS = ("receiver away", *(f"receiver {mood}" for mood in MOODS))
LONG_FREEZE = "database frozen for long"
AWAY_SECONDS, MOODY_SECONDS = (1.0, 4.0), (0.5, 2.0)
FROZEN_SECONDS, LONG_SECONDS = (1.0, 3.0), 30.0
HEALTHY_WITHIN_SECONDS = 30.0
_END_ONE = """
    select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'mtchat' order by random() limit 1
"""


class Database:
    """A durable PostgreSQL of its own, at one address through all its restarts."""

    def __init__(self, folder: Path, *, data: Path | None = None) -> None:
        self._server = EmbeddedPostgres(data or folder / "postgres")
        self._address = folder / "address"
        self._address.mkdir()
        self.dsn = f"postgresql://mtchat@/mtchat?host={quote(str(self._address), safe='/')}"
        # The server ends with the thread that started it.
        self._thread = ThreadPoolExecutor(max_workers=1)

    @property
    def runs(self) -> bool:
        """Whether the server has not ended."""
        return self._server.pid is not None

    async def start(self) -> None:
        """Start the server, and have the address lead to it."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._server.start)
        sockets = Path(httpx.URL(self._server.dsn).params["host"])
        link = self._address / ".s.PGSQL.5432"
        link.unlink(missing_ok=True)
        link.symlink_to(sockets / ".s.PGSQL.5432")

    async def end(self, how: signal.Signals) -> None:
        """End the server: SIGINT as an operator would, SIGQUIT at once, without cleaning up."""
        if (pid := self._server.pid) is not None:
            os.kill(pid, how)
        await until(lambda: self._server.pid is None)

    def close(self) -> None:
        """End the server for good."""
        self._server.stop()
        self._thread.shutdown()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop every process of the server for the block."""
        pid = self._server.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        try:
            for child in children:
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGSTOP)
            yield
        finally:
            for one in (pid, *children):
                with suppress(ProcessLookupError):
                    os.kill(one, signal.SIGCONT)

    async def end_one_session(self) -> None:
        """End one of the service's sessions, in the middle of whatever it does."""
        connection = await asyncpg.connect(self.dsn)
        try:
            await connection.fetch(_END_ONE)
        finally:
            await connection.close()


class Faults:
    """Breaks one thing after the other, and measures how long it takes to heal."""

    def __init__(self) -> None:
        self.happened = defaultdict[str, list[float]](list)
        """Seconds until all was well again, by kind."""
        self._acts: dict[str, Callable[[], Awaitable[float]]] = {}

    @property
    def kinds(self) -> frozenset[str]:
        """What it can break."""
        return frozenset(self._acts)

    async def strike(self, kind: str) -> None:
        """Break something of that *kind*, and wait until all is well again."""
        mended_at = await self._acts[kind]()
        await self.until_healthy()
        self.happened[kind].append(time.monotonic() - mended_at)

    async def until_healthy(self) -> None:
        """Return once all is well, as far as that can be seen from outside."""


class ServiceFaults(Faults):
    """What happens to our own processes, their database and their sockets."""

    def __init__(
        self,
        database: Database,
        nodes: Sequence[Service],
        worker: Service,
        cut: Callable[[], None],
        chance: random.Random,
    ) -> None:
        super().__init__()
        self._database = database
        self._nodes = nodes
        self._worker = worker
        self._cut = cut
        self._chance = chance
        self._acts = {
            "node killed": lambda: self._kill(chance.choice(self._nodes)),
            "worker killed": lambda: self._kill(self._worker),
            "rolling restart": self._roll,
            "session ended": self._end_one_session,
            "database restarted": lambda: self._restart(signal.SIGINT),
            "database killed": lambda: self._restart(signal.SIGQUIT),
            "database frozen": lambda: self._freeze(chance.uniform(*FROZEN_SECONDS)),
            LONG_FREEZE: lambda: self._freeze(LONG_SECONDS),
            "sockets torn": self._cut_sockets,
        }

    async def until_healthy(self) -> None:
        """Return once every process says that it is ready.

        Raises:
            TimeoutError: one is not within 30 s.
        """
        deadline = time.monotonic() + HEALTHY_WITHIN_SECONDS
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            for process in (*self._nodes, self._worker):
                while not await _is_ready(client, process.url):
                    if time.monotonic() > deadline:
                        raise TimeoutError(f"not ready within {HEALTHY_WITHIN_SECONDS:.0f} s")
                    await asyncio.sleep(0.02)

    async def _kill(self, process: Service) -> float:
        await asyncio.to_thread(process.kill)
        started = time.monotonic()
        await asyncio.to_thread(process.__enter__)
        return started

    async def _roll(self) -> float:
        """Replace one process after the other, as a release does."""
        for process in (*self._nodes, self._worker):
            await asyncio.to_thread(process.stop)
            started = time.monotonic()
            await asyncio.to_thread(process.__enter__)
        return started

    async def _end_one_session(self) -> float:
        await self._database.end_one_session()
        return time.monotonic()

    async def _restart(self, how: signal.Signals) -> float:
        await self._database.end(how)
        await asyncio.sleep(self._chance.uniform(0, 1))
        await self._database.start()
        return time.monotonic()

    async def _freeze(self, seconds: float) -> float:
        with self._database.frozen():
            await asyncio.sleep(seconds)
        return time.monotonic()

    async def _cut_sockets(self) -> float:
        self._cut()
        return time.monotonic()


class RedisFaults(Faults):
    """What happens to Redis."""

    def __init__(self, redis: Valkey, chance: random.Random) -> None:
        super().__init__()
        self._redis = redis
        self._chance = chance
        self._acts = {"Redis killed": self._kill, "Redis flushed": self._flush, "Redis frozen": self._freeze}

    async def _kill(self) -> float:
        self._redis.kill()
        await asyncio.sleep(self._chance.uniform(0, 3))
        await asyncio.to_thread(self._redis.start)
        return time.monotonic()

    async def _flush(self) -> float:
        self._redis.flush()
        return time.monotonic()

    async def _freeze(self) -> float:
        self._redis.freeze()
        await asyncio.sleep(self._chance.uniform(*FROZEN_SECONDS))
        self._redis.thaw()
        return time.monotonic()


class ReceiverFaults(Faults):
    """What happens at the host: its receiver is away, or there and of no use."""

    def __init__(self, receiver: Receiver, chance: random.Random) -> None:
        super().__init__()
        self._receiver = receiver
        self._chance = chance
        moods = {f"receiver {mood}": partial(self._turn, mood) for mood in MOODS}
        self._acts = {"receiver away": self._go, **moods}

    async def _go(self) -> float:
        await self._receiver.stop()
        await asyncio.sleep(self._chance.uniform(*AWAY_SECONDS))
        await self._receiver.start()
        return time.monotonic()

    async def _turn(self, mood: str) -> float:
        self._receiver.mood = mood
        await asyncio.sleep(self._chance.uniform(*MOODY_SECONDS))
        self._receiver.mood = "well"
        return time.monotonic()


async def until(is_so: Callable[[], bool], *, within: float = 60.0) -> bool:
    """Look again and again, for so many seconds, and return whether it ever was so."""
    deadline = time.monotonic() + within
    while not (so := is_so()) and time.monotonic() < deadline:  # noqa: ASYNC110 - nobody tells us
        await asyncio.sleep(0.02)
    return so


async def _is_ready(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/health/ready")).status_code == 200
    except httpx.TransportError:
        return False
