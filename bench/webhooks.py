"""Telling the host: P14 and P15."""

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import closing

import httpx

from bench import load
from bench.processes import HOST, Child, bare, service, worker
from bench.rows import Goal, Row, percentile
from bench.stage import IN_DIALOG, Database, Stage, Stopwatch, message

ROWS = ("P14", "P15")
_SMALL = 0
_PARALLEL = 10
_SECRET = "a benchmark's webhook secret"
_DELAY_SECONDS = 1.0
_ORIGINAL = 4.0
"""Reminders per second: four at a time, each after a sleep of a second."""
_PATIENCE_SECONDS = 120.0


async def measure(stage: Stage, wanted: frozenset[str]) -> AsyncIterator[Row]:
    """Measure the wanted rows of this file, each on a database of its own."""
    measures = {"P14": _p14, "P15": _p15}
    for name in ROWS:
        if name in wanted:
            async with stage.database() as database:
                await database.furnish(_SMALL, stage.sizes.dialogs, IN_DIALOG)
                await database.settle()
                with bare("receiver", stage.folder) as receiver:
                    yield await measures[name](database, receiver)


class _Taken:
    """What the receiver got since it was asked the last time: when, and when the message was sent."""

    def __init__(self, receiver: Child) -> None:
        self._receiver = receiver

    async def wait_for(self, count: int) -> list[tuple[float, float]]:
        """Return so many, as soon as they are there.

        Raises:
            load.Unexpected: they are not in time.
        """
        caller = load.LoneCaller(self._receiver.port)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        taken: list[tuple[float, float]] = []
        with closing(caller):
            while len(taken) < count:
                if time.monotonic() > deadline:
                    raise load.Unexpected(f"{len(taken)} of {count} webhooks came within {_PATIENCE_SECONDS:g} s")
                await asyncio.sleep(0.2)
                taken += json.loads(await caller.answer(load.get("/taken", "")))
        return taken


def _settings(receiver: Child, event: str) -> dict[str, str]:
    return {
        "WORKER": "external",
        "WEBHOOK_URL": f"http://{HOST}:{receiver.port}/webhooks",
        "WEBHOOK_SECRET": _SECRET,
        "WEBHOOK_EVENTS": event,
        "NOTIFICATION_DELAY_SECS": str(_DELAY_SECONDS),
    }


async def _say(database: Database, port: int, count: int) -> int:
    """Say so much, dialog by dialog, and return how much of it was taken."""
    sizes = database.sizes

    def request(number: int) -> bytes:
        dialog = _SMALL + number % sizes.dialogs
        return message(database.sender(dialog, 0), dialog)

    # Fast, but not so fast that the service says that it is overloaded.
    rate = 1000
    return len((await load.at_rate(port, 16, request, rate, count / rate, [])).latencies)


def _per_second(taken: list[tuple[float, float]]) -> float:
    times = sorted(at for at, _ in taken)
    return (len(times) - 1) / max(times[-1] - times[0], 1e-3)


async def _p14(database: Database, receiver: Child) -> Row:
    """Let webhooks pile up, then start a worker and time their coming; by turns with a bare loop."""
    sizes, taken = database.sizes, _Taken(receiver)
    settings = _settings(receiver, "message.new")
    ours, floor, cpu = list[float](), list[float](), list[float]()
    with (
        service(database.url, database.folder, **settings) as served,
        Stopwatch(f"P14: {sizes.rounds} x {sizes.webhooks} webhooks, and as many bare posts"),
    ):
        with worker(database.url, database.folder, **settings):
            await _say(database, served.port, 1)
            await taken.wait_for(1)
        for _ in range(sizes.rounds):
            waiting = await _say(database, served.port, sizes.webhooks)
            with worker(database.url, database.folder, **settings) as telling:
                began = telling.cpu_seconds()
                ours.append(_per_second(await taken.wait_for(waiting)))
                cpu.append((telling.cpu_seconds() - began) / waiting)
            await _post(receiver, sizes.webhooks)
            floor.append(_per_second(await taken.wait_for(sizes.webhooks)))
    return Row(
        "P14",
        f"webhooks of one worker, {sizes.dialogs} dialogs, {_PARALLEL} at once",
        f"a bare httpx loop, {_PARALLEL} at once",
        "deliveries/s",
        statistics.median(ours),
        statistics.median(floor),
        Goal("higher", 0.3, 0.6),
        {"worker CPU, us/delivery": statistics.median(cpu) * 1e6},
    )


async def _post(receiver: Child, count: int) -> None:
    """Post as much as a webhook carries, ten at a time, and nothing else."""
    body, waiting = b'{"payload":{"content":"' + b"." * 600 + b'"}}', iter(range(count))
    async with httpx.AsyncClient(base_url=f"http://{HOST}:{receiver.port}", trust_env=False) as client:

        async def post() -> None:
            for _ in waiting:
                answer = await client.post("/webhooks", content=body, headers={"content-type": "application/json"})
                answer.raise_for_status()

        await asyncio.gather(*(post() for _ in range(_PARALLEL)))


async def _p15(database: Database, receiver: Child) -> Row:
    """Say one thing in every dialog at once: everybody else there is due at the same moment."""
    sizes, taken = database.sizes, _Taken(receiver)
    settings = _settings(receiver, "notification.pending")
    rates, late = list[float](), list[float]()
    with (
        service(database.url, database.folder, **settings) as served,
        worker(database.url, database.folder, **settings),
        Stopwatch(f"P15: {sizes.rounds} x {sizes.dialogs * (IN_DIALOG - 1)} reminders"),
    ):
        for _ in range(sizes.rounds):
            said = await _say(database, served.port, sizes.dialogs)
            reminders = await taken.wait_for(said * (IN_DIALOG - 1))
            rates.append(_per_second(reminders))
            late += [at - sent_at - _DELAY_SECONDS for at, sent_at in reminders]
    return Row(
        "P15",
        f"reminders of {sizes.dialogs} dialogs of {IN_DIALOG} that are due at once",
        "the original's four a second",
        "reminders/s",
        statistics.median(rates),
        _ORIGINAL,
        Goal("higher", 10.0, 50.0),
        {"late p50, ms": statistics.median(late) * 1e3, "late p99, ms": percentile(late, 0.99) * 1e3},
    )
