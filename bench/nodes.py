"""Two processes of the service: P13, P16 and P17."""

import json
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.valkey import Valkey

from bench import load
from bench.deliveries import Deliveries
from bench.processes import Child, service
from bench.rows import Goal, Row, latencies, percentile
from bench.stage import IN_DIALOG, Database, Stage, Stopwatch, message, send_requests, socket_path

ROWS = ("P13", "P16", "P17")
_SMALL, _APART = 0, 400_000
"""Numbers of the first small dialog, and of the first of those whose people come back."""
_SENT_AT = b'"sent_at":"'
_LISTENERS = 4
_PROMISED_SECONDS = 2.0
"""Between processes without Redis (G6)."""
_AT_ONCE = 200


async def measure(stage: Stage, wanted: frozenset[str]) -> AsyncIterator[Row]:
    """Measure the wanted rows of this file."""
    async with stage.database() as database:
        await database.furnish(_SMALL, stage.sizes.dialogs, IN_DIALOG)
        await database.settle()
        if "P13" in wanted:
            with TemporaryDirectory(prefix="mtchat-bench-") as folder, Valkey(Path(folder)) as redis:
                yield await _p13(database, "P13", "Redis", REDIS_URL=redis.url)
            yield await _p13(database, "P13 log alone", "the log alone")
        if "P16" in wanted:
            yield await _p16(database)
        if "P17" in wanted:
            yield await _p17(database)


def _two(stack: ExitStack, database: Database, **settings: str) -> tuple[Child, Child]:
    one, other = (stack.enter_context(service(database.url, database.folder, **settings)) for _ in range(2))
    return one, other


async def _p13(database: Database, name: str, by: str, **settings: str) -> Row:
    """Take turns: everybody listens where everybody sends, and at the other process."""
    sizes = database.sizes
    here, across = Deliveries(database, _SMALL), Deliveries(database, _SMALL)
    with (
        ExitStack() as stack,
        Stopwatch(f"{name}: {sizes.rounds} x {sizes.seconds:g} s at {sizes.rate} messages/s, by {by}"),
    ):
        one, other = _two(stack, database, **settings)
        for _ in range(sizes.rounds):
            await here.send_and_hear(one.port, one.port)
            await across.send_and_hear(one.port, other.port)
    return Row(
        name,
        f"send to delivered at another process by {by}, {sizes.rate} messages/s, p99",
        "the same at one process, p99",
        "ms",
        percentile(across.seconds, 0.99) * 1e3,
        percentile(here.seconds, 0.99) * 1e3,
        # By the log alone it is the promise of two seconds that counts.
        Goal("lower", 2.0, 1.5) if settings else Goal("lower"),
        {
            **latencies("across", across.seconds),
            **latencies("at one", here.seconds),
        },
    )


async def _p16(database: Database) -> Row:
    """Have everybody go, something be said in every dialog, and everybody come back, with cursors and without."""
    sizes = database.sizes
    people = [f"returner{number}" for number in range(sizes.sockets)]
    dialogs = [_APART + number for number in range(0, len(people), IN_DIALOG)]
    for number, dialog in enumerate(dialogs):
        await database.furnish_with(dialog, people[number * IN_DIALOG : (number + 1) * IN_DIALOG])
    await database.settle()
    cursors, resumed, afresh, recovered = dict[str, str](), list[float](), list[float](), list[int]()

    async def say(port: int) -> None:
        def request(number: int) -> bytes:
            return message(people[number * IN_DIALOG], dialogs[number])

        await load.at_rate(port, 16, request, sizes.rate, len(dialogs) / sizes.rate, [])

    with ExitStack() as stack, Stopwatch(f"P16: {len(people)} sockets go and come back, {sizes.rounds} x 2 times"):
        one = stack.enter_context(service(database.url, database.folder))
        await _greeted(one.port, [(who, socket_path(who)) for who in people], cursors)
        for _ in range(sizes.rounds):
            await say(one.port)
            afresh.append((await _greeted(one.port, [(who, socket_path(who)) for who in people], {}))[0])
            paths = [(who, f"{socket_path(who)}&cursor={cursors[who]}") for who in people]
            seconds, went_on = await _greeted(one.port, paths, cursors)
            resumed.append(seconds)
            recovered.append(went_on)
    return Row(
        "P16",
        f"{len(people)} sockets come back with cursors, until all are greeted",
        "without cursors",
        "s",
        statistics.median(resumed),
        statistics.median(afresh),
        Goal("lower", 2.0, 1.3),
        {"went on where they were": statistics.median(recovered)},
    )


async def _greeted(port: int, paths: Sequence[tuple[str, str]], cursors: dict[str, str]) -> tuple[float, int]:
    """Open sockets; return the seconds until all are greeted, and how many could go on; keep their cursors."""
    greeted = dict[str, bool]()

    def heard(who: str, frame: bytes) -> None:
        if who not in greeted:
            greeting = json.loads(frame)
            greeted[who] = greeting["recovered"]
            cursors[who] = greeting["cursor"]

    began = time.perf_counter()
    async with load.ears(port, paths, heard, at_once=_AT_ONCE):
        await load.until(lambda: len(greeted) == len(paths), "everybody to be greeted")
        return time.perf_counter() - began, sum(greeted.values())


async def _p17(database: Database) -> Row:
    """Put P1's load on one process, and have a few people listen at another one, which has the log alone."""
    sizes = database.sizes
    senders = send_requests(database, _SMALL, sizes.dialogs)
    people = sorted({database.sender(_SMALL, place) for place in range(IN_DIALOG)})[:_LISTENERS]
    lags: list[float] = []

    def heard(_who: str, frame: bytes) -> None:
        now = time.time()
        if (at := frame.find(_SENT_AT)) >= 0:
            at += len(_SENT_AT)
            lags.append(now - datetime.fromisoformat(frame[at : frame.index(b'"', at)].decode()).timestamp())

    with ExitStack() as stack, Stopwatch(f"P17: {sizes.rounds} x {sizes.seconds:g} s of messages"):
        one, other = _two(stack, database)
        await load.warm_up(one.port, senders, sizes.warm_up)
        async with load.ears(other.port, [(who, socket_path(who)) for who in people], heard):
            sent = [(await load.drive(one.port, senders, sizes.seconds)).per_second for _ in range(sizes.rounds)]
            await load.until(partial(_is_quiet, lags, [0.0, 0.0]), "the last message to be delivered")
    return Row(
        "P17",
        "relay lag under P1's load: sent to delivered at a process that has the log alone, p99",
        "2 s, the promise",
        "ms",
        percentile(lags, 0.99) * 1e3,
        _PROMISED_SECONDS * 1e3,
        Goal("lower", 1.0, 0.5),
        {**latencies("lag", lags), "messages/s meanwhile": statistics.median(sent)},
    )


def _is_quiet(heard: Sequence[float], last: list[float]) -> bool:
    """Tell whether nothing has come for a second; *last* keeps how much there was, and since when."""
    if last[0] != len(heard):
        last[:] = [len(heard), time.monotonic()]
    return bool(heard) and time.monotonic() - last[1] > 1
