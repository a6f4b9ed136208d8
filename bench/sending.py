"""Sending: P1 to P4 and P11."""

import asyncio
import os
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import closing
from functools import partial

from bench import floors, load
from bench.deliveries import Deliveries
from bench.processes import SECRET, Child, bare, service
from bench.rows import Goal, Row, latencies, percentile
from bench.stage import (
    CONTENT,
    IN_DIALOG,
    Database,
    Stage,
    Stopwatch,
    dialog_id,
    message,
    send_requests,
    tell,
)
from bench.timing import BARE, by_turns
from mtchat_app.settings import Settings
from mtchat_app.wiring import open_service
from mtchat_core.domain.messages import Draft

ROWS = ("P1", "P2", "P3", "P4", "P11")
_SMALL, _CROWDED, _ONE = 0, 100_000, 200_000
"""Numbers of the first small dialog, of the first crowded one, and of the one with many senders."""

_CORES_FOR_TWO = 4
"""Two processes of the service, PostgreSQL, and the driver."""


async def measure(stage: Stage, wanted: frozenset[str]) -> AsyncIterator[Row]:
    """Measure the wanted rows of this file, each as soon as it is done."""
    measures = {"P1": _p1, "P2": _p2, "P3": _p3, "P4": _p4, "P11": _p11}
    async with stage.database() as database:
        with Stopwatch("making dialogs"):
            await _furnish(database, with_crowds="P3" in wanted)
        with service(database.url, stage.folder) as served:
            for name in ROWS:
                if name in wanted:
                    async for row in measures[name](database, served):
                        yield row


async def _furnish(database: Database, *, with_crowds: bool) -> None:
    sizes = database.sizes
    await database.furnish(_SMALL, sizes.dialogs, IN_DIALOG)
    if with_crowds:
        await database.furnish(_CROWDED, sizes.dialogs, sizes.crowd)
    await database.furnish_with(_ONE, [f"p{number}" for number in range(sizes.in_one_dialog)])
    await database.settle()


class _Meter:
    """What a request costs in processor time, summed over several loads."""

    def __init__(self, database: Database, served: Child) -> None:
        self._database = database
        self._served = served
        self._service = self._server = self._driver = 0.0
        self.loads: list[load.Tally] = []

    async def drive(self, senders: Sequence[Sequence[bytes]], seconds: float) -> load.Tally:
        """Drive the service, and count."""
        service_before, server_before = self._served.cpu_seconds(), self._database.cpu_seconds()
        tally = await load.drive(self._served.port, senders, seconds)
        self._service += self._served.cpu_seconds() - service_before
        self._server += self._database.cpu_seconds() - server_before
        self._driver += tally.own_cpu_seconds
        self.loads.append(tally)
        return tally

    @property
    def per_second(self) -> float:
        """Requests per second, the median of the loads."""
        return statistics.median(tally.per_second for tally in self.loads)

    def seen(self) -> dict[str, float]:
        """Return latencies, and microseconds of processor time per request."""
        times = [time for tally in self.loads for time in tally.latencies]
        overloaded = sum(tally.overloaded for tally in self.loads)
        return {
            **latencies("answer", times),
            "service CPU, us/message": self._service / len(times) * 1e6,
            "PostgreSQL CPU, us/message": self._server / len(times) * 1e6,
            "driver CPU, us/message": self._driver / len(times) * 1e6,
            **({"answered 503": overloaded} if overloaded else {}),
        }


async def _beside_pgbench(
    database: Database, served: Child, senders: list[list[bytes]], choose: str, clients: int
) -> tuple[_Meter, list[float], float]:
    """Drive the service and pgbench by turns; return what the first saw, the second's rates, and its CPU each."""
    sizes = database.sizes
    meter, rates, server = _Meter(database, served), list[float](), list[float]()
    await load.warm_up(served.port, senders, sizes.warm_up)
    for _ in range(sizes.rounds):
        await meter.drive(senders, sizes.seconds)
        before = database.cpu_seconds()
        rates.append(await floors.pgbench(database, choose, clients=clients, seconds=sizes.seconds))
        server.append((database.cpu_seconds() - before) / (rates[-1] * max(1, round(sizes.seconds))))
    return meter, rates, statistics.median(server) * 1e6


async def _p1(database: Database, served: Child) -> AsyncIterator[Row]:
    sizes = database.sizes
    senders = send_requests(database, _SMALL, sizes.dialogs)
    choose = floors.choose_any(database, _SMALL, sizes.dialogs)
    with Stopwatch(f"P1: {sizes.rounds} x {sizes.seconds:g} s of messages, and as much of pgbench"):
        meter, rates, server = await _beside_pgbench(database, served, senders, choose, clients=8)
    yield Row(
        "P1",
        f"send, {sizes.senders} senders, {sizes.dialogs} dialogs of {IN_DIALOG}",
        "pgbench, 8 clients",
        "messages/s",
        meter.per_second,
        statistics.median(rates),
        Goal("higher", 0.6, 1.0),
        {**meter.seen(), "PostgreSQL CPU for pgbench, us/message": server},
    )
    async for row in _second_process(database, served):
        yield row


async def _second_process(database: Database, served: Child) -> AsyncIterator[Row]:
    """Give half of the senders to a second process, where there are cores for it."""
    cores = os.cpu_count() or 1
    if cores < _CORES_FOR_TWO:
        tell(f"P1 with a second process: not measured, {cores} cores are too few to show it")
        return
    sizes = database.sizes
    senders = send_requests(database, _SMALL, sizes.dialogs)
    one, two = list[float](), list[float]()
    with (
        service(database.url, database.folder) as second,
        Stopwatch(f"P1: {sizes.rounds} x {sizes.seconds:g} s with a second process, and as much without"),
    ):
        await load.warm_up(second.port, senders, sizes.warm_up)
        for _ in range(sizes.rounds):
            one.append((await load.drive(served.port, senders, sizes.seconds)).per_second)
            halves = await asyncio.gather(
                load.drive(served.port, senders[::2], sizes.seconds),
                load.drive(second.port, senders[1::2], sizes.seconds),
            )
            two.append(sum(half.per_second for half in halves))
    alone = statistics.median(one)
    yield Row(
        "P1 second",
        "what a second process adds to P1",
        "the first process",
        "messages/s",
        statistics.median(two) - alone,
        alone,
        Goal("higher", 0.7),
    )


async def _p2(database: Database, served: Child) -> AsyncIterator[Row]:
    sizes = database.sizes
    senders = [[message(f"p{number}", _ONE)] for number in range(sizes.in_one_dialog)]
    with Stopwatch(f"P2: {sizes.rounds} x {sizes.seconds:g} s of messages, and as much of pgbench"):
        meter, rates, server = await _beside_pgbench(
            database, served, senders, floors.choose_one(_ONE), clients=sizes.in_one_dialog
        )
    yield Row(
        "P2",
        f"send, {sizes.in_one_dialog} senders in one dialog",
        f"pgbench, {sizes.in_one_dialog} clients, one dialog",
        "messages/s",
        meter.per_second,
        statistics.median(rates),
        Goal("higher", 1.5, 3.0),
        {**meter.seen(), "PostgreSQL CPU for pgbench, us/message": server},
    )


async def _p3(database: Database, served: Child) -> AsyncIterator[Row]:
    sizes = database.sizes
    small = send_requests(database, _SMALL, sizes.dialogs)
    crowded = send_requests(database, _CROWDED, sizes.dialogs)
    few, many = _Meter(database, served), _Meter(database, served)
    with Stopwatch(f"P3: {sizes.rounds} x {sizes.seconds:g} s to crowded dialogs, and as much to small ones"):
        await load.warm_up(served.port, crowded, sizes.warm_up)
        for _ in range(sizes.rounds):
            await many.drive(crowded, sizes.seconds)
            await few.drive(small, sizes.seconds)
    yield Row(
        "P3",
        f"P1 with dialogs of {sizes.crowd} participants, nobody connected",
        "P1",
        "messages/s",
        many.per_second,
        few.per_second,
        Goal("higher", 0.8, 1.0),
        many.seen(),
    )


async def _p4(database: Database, served: Child) -> AsyncIterator[Row]:
    """Take turns: the plain statement, the use case in this process, the whole request."""
    settings = Settings.load({"DATABASE_URL": database.url, "ADMIN_API_TOKEN": "bench", "JWT_SECRET": SECRET})
    dialog, sender = dialog_id(_SMALL), database.sender(_SMALL, 0)
    request = message(sender, _SMALL)
    sizes = database.sizes
    async with open_service(settings) as here, database.connection() as connection:
        caller = load.LoneCaller(served.port)
        plain = await floors.statement(connection, dialog, sender)

        async def use_case() -> object:
            return await here.chat.messages.send(sender, dialog, Draft(CONTENT))

        async def whole_request() -> object:
            return await caller.answer(request)

        work = f"P4: {sizes.rounds} x {sizes.lone} sends of each kind, one after the other"
        with bare("asgi", database.folder) as nothing, closing(caller), Stopwatch(work):
            bare_caller = load.LoneCaller(nothing.port)
            with closing(bare_caller):
                works: list[Callable[[], Awaitable[object]]] = [
                    plain,
                    use_case,
                    whole_request,
                    partial(bare_caller.answer, request),
                ]
                floor, in_process, over_http, at_least = await by_turns(
                    works, sizes.rounds, sizes.lone, sizes.warm_up
                )
    for name, work, ours in (
        ("P4", "a lone sender over HTTP, p50", over_http),
        ("P4 in process", "a lone sender, chat.messages.send, p50", in_process),
    ):
        yield Row(
            name,
            work,
            "the statement alone, asyncpg",
            "ms",
            statistics.median(ours) * 1e3,
            statistics.median(floor) * 1e3,
            Goal("lower", 2.5, 1.7),
            {
                "p99, ms": percentile(ours, 0.99) * 1e3,
                "floor p99, ms": percentile(floor, 0.99) * 1e3,
                BARE: statistics.median(at_least) * 1e3,
            },
        )


async def _p11(database: Database, served: Child) -> AsyncIterator[Row]:
    """Number the messages, so that a delivery can be told from another; time those on others' sockets."""
    sizes = database.sizes
    deliveries = Deliveries(database, _SMALL)
    alone: list[float] = []
    among_listeners: list[float] = []
    with Stopwatch(f"P11: {sizes.rounds} x {sizes.seconds:g} s at {sizes.rate} messages/s, alone and listened to"):
        for _ in range(sizes.rounds):
            alone.extend((await deliveries.send(served.port)).latencies)
            among_listeners.extend((await deliveries.send_and_hear(served.port, served.port)).latencies)
    yield Row(
        "P11",
        f"send to delivered on another socket, {sizes.rate} messages/s, p99",
        "send alone at that rate, p99",
        "ms",
        percentile(deliveries.seconds, 0.99) * 1e3,
        percentile(alone, 0.99) * 1e3,
        Goal("lower", 1.5),
        {
            "delivered p50, ms": statistics.median(deliveries.seconds) * 1e3,
            "send alone p50, ms": statistics.median(alone) * 1e3,
            **latencies("answer among listeners", among_listeners),
        },
    )
