"""The composition root: start from memory, replace what is configured, close in reverse."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from attrs import evolve, frozen

from mtchat_adapters import memory
from mtchat_app.settings import Settings
from mtchat_core.chat import Chat
from mtchat_core.domain.notifications import Debounce


async def _always() -> bool:
    return True


@frozen
class Service:
    """The chat with what the doors need to know of its surroundings."""

    chat: Chat
    is_ready: Callable[[], Awaitable[bool]] = _always


@asynccontextmanager
async def open_service(settings: Settings) -> AsyncGenerator[Service]:
    """Open everything *settings* name, and close it after the block."""
    debounce = Debounce(
        delay=timedelta(seconds=settings.notification_delay_secs),
        at_most=timedelta(seconds=settings.notification_max_delay_secs),
    )
    ports = memory.ports(debounce=debounce)
    if settings.database_url is None:
        yield Service(Chat.over(ports))
        return
    from mtchat_adapters import postgres

    async with postgres.open(
        settings.database_url,
        schema=settings.database_schema,
        debounce=debounce,
        pool_size=settings.database_max_connections,
        acquire=timedelta(seconds=settings.database_acquire_timeout_secs),
    ) as store:
        yield Service(Chat.over(evolve(ports, **store.ports())), store.is_ready)
