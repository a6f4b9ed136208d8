"""The composition root: start from memory, replace what is configured, close in reverse."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from attrs import evolve, frozen

from mtchat_adapters import memory
from mtchat_app.settings import Settings
from mtchat_core.chat import Chat, Ports
from mtchat_core.domain.notifications import Debounce
from mtchat_core.domain.presence import Discretion


async def _always() -> bool:
    return True


def _nothing() -> list[str]:
    return []


@frozen
class Service:
    """The chat with what the doors need to know of its surroundings."""

    chat: Chat
    is_ready: Callable[[], Awaitable[bool]] = _always
    degraded: Callable[[], list[str]] = _nothing


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
    is_ready: Callable[[], Awaitable[bool]] = _always
    degraded = _nothing
    async with AsyncExitStack() as stack:
        ports = memory.ports(debounce=debounce)
        if settings.database_url is not None:
            ports, is_ready = await _with_postgres(ports, settings, settings.database_url, debounce, stack)
        if settings.redis_url is not None:
            ports, degraded = await _with_redis(ports, settings, settings.redis_url, stack)
        chat = Chat.over(ports, discretion)
        stack.callback(chat.presence.close)
        yield Service(chat, is_ready, degraded)


async def _with_postgres(
    ports: Ports, settings: Settings, url: str, debounce: Debounce, stack: AsyncExitStack
) -> tuple[Ports, Callable[[], Awaitable[bool]]]:
    from mtchat_adapters import postgres

    store = await stack.enter_async_context(
        postgres.open(
            url,
            schema=settings.database_schema,
            debounce=debounce,
            pool_size=settings.database_max_connections,
            acquire=timedelta(seconds=settings.database_acquire_timeout_secs),
        )
    )
    return evolve(ports, **store.ports()), store.is_ready


async def _with_redis(
    ports: Ports, settings: Settings, url: str, stack: AsyncExitStack
) -> tuple[Ports, Callable[[], list[str]]]:
    from mtchat_adapters import redis

    link = await stack.enter_async_context(
        redis.open(
            url,
            local=ports.broker,
            mirror=ports.presence,
            prefix=settings.redis_prefix,
            patience=timedelta(seconds=settings.redis_timeout_secs),
        )
    )
    return evolve(ports, **link.ports()), link.degraded
