"""Redis (or Valkey): optional, and never the truth."""

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from attrs import frozen

from mtchat_adapters.redis.connection import TIMEOUT, RedisConnection, RedisIsDown
from mtchat_adapters.redis.presence import RedisPresence
from mtchat_adapters.redis.realtime import RedisBroker
from mtchat_core.ports.presence import PresenceTracker
from mtchat_core.ports.realtime import RealtimeBroker

__all__ = ["RedisBroker", "RedisConnection", "RedisIsDown", "RedisLink", "RedisPresence", "examine", "open"]

_WITHOUT = "live events travel through the database"


@frozen
class RedisLink:
    """The ports that Redis fulfils, over one connection to ask and one to listen."""

    connection: RedisConnection
    broker: RedisBroker
    presence: RedisPresence

    def ports(self) -> dict[str, Any]:
        """Return the ports by the names `Ports` gives them, to put in place of memory's."""
        return {"broker": self.broker, "presence": self.presence}

    @property
    def is_up(self) -> bool:
        """Whether Redis answers, and live events can come from other nodes."""
        return self.connection.is_up and self.broker.is_subscribed

    @property
    def counts(self) -> Counter[str]:
        """What went wrong so far, and what was heard from other nodes, by its sort."""
        return self.connection.failures + self.broker.counts

    def degraded(self) -> list[str]:
        """Return a sentence if Redis is of no use right now."""
        if (since := self.connection.down_since) is not None:
            trouble = f"does not answer since {since:%Y-%m-%dT%H:%M:%SZ} ({self.connection.trouble})"
            return [f"redis: {trouble}; {_WITHOUT}, presence shows this process only"]
        if not self.broker.is_subscribed:
            return [f"redis: this process can't subscribe to anything; {_WITHOUT}"]
        return []


@asynccontextmanager
async def open(  # noqa: A001 - read as redis.open
    url: str,
    *,
    local: RealtimeBroker,
    mirror: PresenceTracker,
    prefix: str = "mtchat",
    patience: timedelta = TIMEOUT,
) -> AsyncGenerator[RedisLink]:
    """Open the way to Redis for the block, whether or not it is there: what is missing is found when it comes.

    *local* carries announcements within this process, *mirror* keeps its presence; *patience* bounds each call.
    Raises:
        InvalidInput: a URL that can't be used.
    """
    connection = RedisConnection(url, prefix=prefix, timeout=patience)
    broker = RedisBroker(connection, local)
    await connection.open()
    await broker.open()
    try:
        yield RedisLink(connection, broker, RedisPresence(connection, mirror))
    finally:
        await broker.close()
        await connection.close()


async def examine(url: str) -> str:
    """Ask a Redis for its version.

    Raises:
        RedisIsDown: it does not answer, or refuses.
        InvalidInput: a URL that can't be used.
    """
    connection = RedisConnection(url, timeout=timedelta(seconds=5))
    await connection.open()
    try:
        told: bytes = await connection.ask("INFO", "server")
    finally:
        await connection.close()
    lines = {name: value for name, _, value in (line.partition(":") for line in told.decode().splitlines())}
    return lines.get("valkey_version") or lines.get("redis_version", "of unknown version")
