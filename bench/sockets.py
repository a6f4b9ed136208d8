"""Sockets: P9 and P10."""

import asyncio
import statistics
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, closing

from bench import load
from bench.processes import Child, bare, service
from bench.rows import Goal, Row
from bench.stage import IN_DIALOG, Database, Stage, Stopwatch, message, socket_path, tell

ROWS = ("P9", "P10")
_EVERYBODY, _APART = 300_000, 400_000
"""Numbers of the dialog that everybody is in, and of the first of those where a few are."""
_NEW = b'{"type":"message.new"'
_LEAST_GROWTH = 4096
"""Bytes: a page. Less can't be seen from outside."""
EACH = 5
"""Sockets of one person in P9: as they come online, everybody who shares a dialog with them hears of it."""
_QUIET_SECONDS = 0.3


async def measure(stage: Stage, wanted: frozenset[str]) -> AsyncIterator[Row]:
    """Measure the wanted rows of this file; memory first, in a process that has done nothing else."""
    async with stage.database() as database:
        with service(database.url, stage.folder) as served:
            if "P10" in wanted:
                yield await _p10(stage, database, served)
            if "P9" in wanted:
                yield await _p9(stage, database, served)


Publish = Callable[[], Awaitable[object]]


class Crowd:
    """Sockets that all hear the same, and know when the last of them has heard it."""

    def __init__(self, server: Child, beginning: bytes) -> None:
        self.ears: list[load.Ear] = []
        self.frame_bytes = 0
        self.seconds: list[float] = []
        self.cpu_seconds = 0.0
        self.own_cpu_seconds = 0.0
        self._server = server
        self._beginning = beginning
        self._missing = 0
        self._all: asyncio.Future[float] | None = None

    def heard(self, _who: str, frame: bytes) -> None:
        """Take a frame; others than the awaited ones pass by."""
        if self._all is None or not frame.startswith(self._beginning):
            return
        self._missing -= 1
        if self._missing == 0:
            self.frame_bytes = len(frame)
            self._all.set_result(time.perf_counter())

    async def hear(self, publish: Publish) -> float:
        """Have one event published, and return the seconds until the last has heard it."""
        self._missing = len(self.ears)
        self._all = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        async with asyncio.timeout(60):
            await publish()
            ended = await self._all
        self._all = None
        return ended - began

    async def measure(self, publish: Publish, events: int) -> None:
        """Have one event after the other published, and keep what each took."""
        server, own = self._server.cpu_seconds(), time.process_time()
        self.seconds += [await self.hear(publish) for _ in range(events)]
        self.cpu_seconds += self._server.cpu_seconds() - server
        self.own_cpu_seconds += time.process_time() - own

    @property
    def per_second(self) -> float:
        """Deliveries per second, of the median event."""
        return len(self.ears) / statistics.median(self.seconds)


@asynccontextmanager
async def crowd(database: Database, served: Child) -> AsyncGenerator[tuple[Crowd, Publish]]:
    """Open the sockets of everybody in one dialog, and return them with a way to say something there."""
    people = [f"listener{number}" for number in range(database.sizes.sockets // EACH)]
    await database.furnish_with(_EVERYBODY, ["p0", *people])
    await database.settle()
    listeners = Crowd(served, _NEW)
    paths = [(who, socket_path(who)) for who in people * EACH]
    request = message("p0", _EVERYBODY)
    tell(f"  opening {len(paths)} sockets …")
    caller = load.LoneCaller(served.port)
    async with load.ears(served.port, paths, listeners.heard) as ears:
        listeners.ears = ears

        async def say() -> object:
            return await caller.answer(request)

        # Until everybody has heard this, they may still be hearing of each other.
        await listeners.hear(say)
        with closing(caller):
            yield listeners, say
        if closed := sum(ear.is_closed for ear in ears):
            raise load.Unexpected(f"the service closed {closed} of {len(ears)} sockets")


async def _p9(stage: Stage, database: Database, served: Child) -> Row:
    sizes = stage.sizes
    with bare("broadcast", stage.folder) as plain:
        floor = Crowd(plain, b"")
        async with (
            crowd(database, served) as (ours, say),
            load.ears(plain.port, [("", "/")] * len(ours.ears), floor.heard) as floor.ears,
        ):
            text = b"." * ours.frame_bytes

            async def broadcast() -> None:
                floor.ears[0].say(text)

            with Stopwatch(f"P9: {sizes.rounds} x {sizes.events} events on each side"):
                for _ in range(sizes.rounds):
                    await ours.measure(say, sizes.events)
                    await floor.measure(broadcast, sizes.events)
    deliveries = len(ours.ears) * len(ours.seconds)
    return Row(
        "P9",
        f"one event of {ours.frame_bytes} bytes to {len(ours.ears)} sockets, sent over HTTP",
        "websockets library, broadcast",
        "deliveries/s",
        ours.per_second,
        floor.per_second,
        Goal("higher", 0.7, 0.9),
        {
            "until the last has it, ms": statistics.median(ours.seconds) * 1e3,
            "floor, ms": statistics.median(floor.seconds) * 1e3,
            "service CPU, us/delivery": ours.cpu_seconds / deliveries * 1e6,
            "floor CPU, us/delivery": floor.cpu_seconds / deliveries * 1e6,
            "client CPU, us/delivery": ours.own_cpu_seconds / deliveries * 1e6,
        },
    )


async def _p10(stage: Stage, database: Database, served: Child) -> Row:
    """Open a few sockets first, so that what is made once does not count; then all of them, and nobody speaks."""
    sizes = stage.sizes
    people = [f"idler{number}" for number in range(sizes.sockets)]
    for number in range(0, len(people), IN_DIALOG):
        await database.furnish_with(_APART + number, people[number : number + IN_DIALOG])
    await database.settle()
    paths = [(who, socket_path(who)) for who in people]
    with Stopwatch(f"P10: opening {len(people)} sockets on each side"):
        ours = await _bytes_per_socket(served, paths)
        with bare("asgi", stage.folder) as plain:
            floor = await _bytes_per_socket(plain, paths)
    return Row(
        "P10",
        f"memory per idle socket at {len(people)}",
        "bare uvicorn socket",
        "kB",
        ours / 1000,
        floor / 1000,
        Goal("lower", 1.4, 1.2),
    )


async def _bytes_per_socket(server: Child, paths: Sequence[tuple[str, str]]) -> float:
    few, rest = paths[: len(paths) // 10], paths[len(paths) // 10 :]
    async with load.ears(server.port, few, _ignore_frame):
        await asyncio.sleep(_QUIET_SECONDS)
        before = server.rss_bytes()
        async with load.ears(server.port, rest, _ignore_frame) as ears:
            await asyncio.sleep(_QUIET_SECONDS)
            grown = server.rss_bytes() - before
            if any(ear.is_closed for ear in ears):
                raise load.Unexpected("a socket was closed")
    return max(grown, _LEAST_GROWTH) / len(rest)


def _ignore_frame(_who: str, _frame: bytes) -> None:
    """Nobody waits for this frame."""
