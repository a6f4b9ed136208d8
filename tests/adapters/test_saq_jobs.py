"""Wake-ups over Redis while Redis comes, goes, forgets and hangs: nobody waits, nobody fails."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from mtchat_adapters.memory.jobs import MemoryJobQueue
from mtchat_adapters.saq import jobs as saq
from mtchat_adapters.saq.jobs import SaqJobQueue
from mtchat_core.domain.jobs import Job
from tests.valkey import Valkey

PATIENCE_SECONDS = 15


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[Valkey]:
    """A Redis that may be broken; not started."""
    server = Valkey(tmp_path)
    yield server
    server.kill()


@pytest.fixture
async def sender(own_valkey: Valkey) -> AsyncIterator[SaqJobQueue]:
    async with saq.open(own_valkey.url, MemoryJobQueue()) as queue:
        yield queue


@pytest.fixture
async def woken(own_valkey: Valkey) -> AsyncIterator[asyncio.Event]:
    """Set whenever a runner in another process is woken."""
    event = asyncio.Event()

    async def run(_job: Job) -> None:
        event.set()

    async with saq.open(own_valkey.url, MemoryJobQueue()) as queue, queue.runner(run):
        yield event


async def gets_through(sender: SaqJobQueue, woken: asyncio.Event) -> None:
    """Wake until somebody is woken: a wake-up may be lost, but not all of them."""
    woken.clear()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not woken.is_set():
            sender.wake(Job.DELIVER)
            await asyncio.sleep(0.02)


async def until_dropped(sender: SaqJobQueue) -> None:
    """Wake until one is known not to have got through."""
    dropped = sender.counts["dropped"]
    async with asyncio.timeout(PATIENCE_SECONDS):
        while sender.counts["dropped"] == dropped:
            sender.wake(Job.DELIVER)
            await asyncio.sleep(0.02)


async def test_redis_may_be_absent_at_the_start_f29(
    own_valkey: Valkey, sender: SaqJobQueue, woken: asyncio.Event
) -> None:
    await until_dropped(sender)
    assert sender.is_down

    own_valkey.start()

    await gets_through(sender, woken)
    assert not sender.is_down


async def test_redis_may_be_killed_and_come_back_empty_f30(
    own_valkey: Valkey, sender: SaqJobQueue, woken: asyncio.Event
) -> None:
    own_valkey.start()
    await gets_through(sender, woken)

    own_valkey.kill()
    await until_dropped(sender)
    own_valkey.start()

    await gets_through(sender, woken)


async def test_redis_may_forget_everything_f30(
    own_valkey: Valkey, sender: SaqJobQueue, woken: asyncio.Event
) -> None:
    own_valkey.start()
    await gets_through(sender, woken)

    own_valkey.flush()

    await gets_through(sender, woken)


async def test_redis_may_hang_f31(own_valkey: Valkey, sender: SaqJobQueue, woken: asyncio.Event) -> None:
    own_valkey.start()
    await gets_through(sender, woken)

    own_valkey.freeze()
    await until_dropped(sender)
    own_valkey.thaw()

    await gets_through(sender, woken)


async def test_leaving_does_not_wait_for_a_redis_that_hangs_f31(own_valkey: Valkey, sender: SaqJobQueue) -> None:
    async def run(_job: Job) -> None:
        pass

    own_valkey.start()
    async with asyncio.timeout(PATIENCE_SECONDS):
        async with saq.open(own_valkey.url, MemoryJobQueue()) as queue, queue.runner(run):
            sender.wake(Job.DELIVER)
            while not sender.counts["carried"]:  # noqa: ASYNC110 - the sender is another task
                await asyncio.sleep(0)
            own_valkey.freeze()
            queue.wake(Job.DELIVER)
            sender.wake(Job.DELIVER)


async def test_a_thousand_wake_ups_travel_together(own_valkey: Valkey, sender: SaqJobQueue) -> None:
    own_valkey.start()

    for _ in range(1000):
        sender.wake(Job.DELIVER)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not sender.counts["carried"]:  # noqa: ASYNC110 - the sender is another task
            await asyncio.sleep(0)

    assert (await sender.queued()).waiting == 1
    assert sender.counts["carried"] <= 2
