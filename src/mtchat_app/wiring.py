"""The composition root: start from memory, replace what is configured, close in reverse."""

from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Protocol

from attrs import evolve, frozen

from mtchat_adapters import memory
from mtchat_app.settings import Settings
from mtchat_core.chat import Chat
from mtchat_core.domain.notifications import Debounce
from mtchat_core.domain.presence import Discretion


async def _always() -> bool:
    return True


class SharedRedis(Protocol):
    """The Redis between the nodes, as its operator sees it."""

    @property
    def is_up(self) -> bool: ...
    @property
    def counts(self) -> Counter[str]: ...


def _nothing() -> list[str]:
    return []


@frozen
class Service:
    """The chat with what the doors need to know of its surroundings."""

    chat: Chat
    is_ready: Callable[[], Awaitable[bool]] = _always
    degraded: Callable[[], list[str]] = _nothing
    redis: SharedRedis | None = None


@asynccontextmanager
async def open_service(settings: Settings) -> AsyncGenerator[Service]:
    """Open everything *settings* name, and close it after the block."""
    debounce = Debounce(
        delay=timedelta(seconds=settings.notification_delay_secs),
        at_most=timedelta(seconds=settings.notification_max_delay_secs),
    )
    discretion = Discretion(
        grace=timedelta(seconds=settings.presence_grace_secs), audience=settings.presence_audience
    )
    ports = memory.ports(debounce=debounce)
    is_ready: Callable[[], Awaitable[bool]] = _always
    degraded, link = _nothing, None
    async with AsyncExitStack() as stack:
        if settings.database_url is not None:
            from mtchat_adapters import postgres

            store = await stack.enter_async_context(
                postgres.open(
                    settings.database_url,
                    schema=settings.database_schema,
                    debounce=debounce,
                    pool_size=settings.database_max_connections,
                    acquire=timedelta(seconds=settings.database_acquire_timeout_secs),
                )
            )
            ports, is_ready = evolve(ports, **store.ports()), store.is_ready
        if settings.redis_url is not None:
            from mtchat_adapters import redis

            link = await stack.enter_async_context(
                redis.open(
                    settings.redis_url,
                    local=ports.broker,
                    mirror=ports.presence,
                    prefix=settings.redis_prefix,
                    patience=timedelta(seconds=settings.redis_timeout_secs),
                )
            )
            ports, degraded = evolve(ports, **link.ports()), link.degraded
        chat = Chat.over(ports, discretion=discretion)
        stack.callback(chat.presence.close)
        yield Service(chat, is_ready, degraded, link)
