"""Ways to Redis for tests, and patience with it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

from mtchat_adapters import redis
from mtchat_adapters.memory.presence import MemoryPresence
from mtchat_adapters.memory.realtime import MemoryBroker
from tests.builders import FakeClock

SECONDS = 20.0
STEP = timedelta(milliseconds=10)


async def eventually(is_so: Callable[[], bool], clock: FakeClock | None = None) -> None:
    """Wait until *is_so*, for a while; *clock* moves on meanwhile."""
    async with asyncio.timeout(SECONDS):
        while not is_so():
            await pause(clock)


async def pause(clock: FakeClock | None = None) -> None:
    """Let others, Redis among them, do something."""
    if clock is not None:
        clock.advance(STEP)
    await asyncio.sleep(STEP.total_seconds())


def a_prefix() -> str:
    """Return a prefix that nobody else uses."""
    return f"test-{uuid4().hex}"


@asynccontextmanager
async def link(
    url: str, prefix: str | None = None, clock: FakeClock | None = None
) -> AsyncGenerator[redis.RedisLink]:
    """Open a way to a Redis as a node of its own, over memory of its own."""
    local, mirror = MemoryBroker(), MemoryPresence(clock or FakeClock())
    async with redis.open(url, local=local, mirror=mirror, prefix=prefix or a_prefix()) as opened:
        yield opened


async def subscribed(opened: redis.RedisLink, kind: str, name: object, *, nodes: int = 1) -> None:
    """Wait until *nodes* nodes are subscribed to what happens to a dialog or a user."""
    async with asyncio.timeout(SECONDS):
        channel = f"{opened.connection.prefix}:{kind}:{name}"
        while (await opened.connection.ask("PUBSUB", "NUMSUB", channel))[1] != nodes:
            await pause()
