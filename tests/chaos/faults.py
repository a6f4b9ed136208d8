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
from pathlib import Path
from urllib.parse import quote

import asyncpg  # type: ignore[import-untyped]
import httpx

from mtchat_adapters.embedded.postgres import EmbeddedPostgres
from tests.journeys.service import Service

KINDS = ("kill", "backend", "restart", "crash", "freeze", "cut")
LONG_FREEZE = "long freeze"
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

    def __init__(
        self,
        database: Database,
        nodes: Sequence[Service],
        cut: Callable[[], None],
        chance: random.Random,
    ) -> None:
        self._database = database
        self._nodes = nodes
        self._cut = cut
        self._chance = chance
        self.happened = defaultdict[str, list[float]](list)
        """Seconds until all was well again, by kind."""

    async def strike(self, kind: str) -> None:
        """Break something of that *kind*, and wait until all is well again."""
        faults: dict[str, Callable[[], Awaitable[float]]] = {
            "kill": self._kill,
            "backend": self._end_one_session,
            "restart": lambda: self._restart(signal.SIGINT),
            "crash": lambda: self._restart(signal.SIGQUIT),
            "freeze": lambda: self._freeze(self._chance.uniform(*FROZEN_SECONDS)),
            LONG_FREEZE: lambda: self._freeze(LONG_SECONDS),
            "cut": self._cut_sockets,
        }
        mended_at = await faults[kind]()
        await self.until_healthy()
        self.happened[kind].append(time.monotonic() - mended_at)

    async def until_healthy(self) -> None:
        """Return once every process says that it is ready.

        Raises:
            TimeoutError: one is not within 30 s.
        """
        deadline = time.monotonic() + HEALTHY_WITHIN_SECONDS
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            for node in self._nodes:
                while not await _is_ready(client, node.url):
                    if time.monotonic() > deadline:
                        raise TimeoutError(f"not ready within {HEALTHY_WITHIN_SECONDS:.0f} s")
                    await asyncio.sleep(0.02)

    async def _kill(self) -> float:
        node = self._chance.choice(self._nodes)
        await asyncio.to_thread(node.kill)
        started = time.monotonic()
        await asyncio.to_thread(node.__enter__)
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
