"""The composition root: start from memory, replace what is configured, close in reverse."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any, Protocol

from attrs import evolve, frozen

from mtchat_adapters import memory
from mtchat_app.settings import Settings
from mtchat_core.chat import Chat, Habits
from mtchat_core.domain.archiving import Silence
from mtchat_core.domain.notifications import Debounce
from mtchat_core.domain.presence import Discretion


async def _always() -> bool:
    return True


class _Queued(Protocol):
    @property
    def waiting(self) -> int: ...
    @property
    def under_way(self) -> int: ...
    @property
    def workers(self) -> int: ...


class SharedQueue(Protocol):
    """The queue that wakes runners in other processes, as its operator sees it."""

    async def queued(self) -> _Queued:
        """Look into the queue; raises if it can't be asked."""
        ...

    def page(self, path: str) -> Any:
        """Return the queue's own page as an ASGI application, to be mounted at *path*."""
        ...


def _nothing() -> list[str]:
    return []


@frozen
class Service:
    """The chat with what the doors need to know of its surroundings."""

    chat: Chat
    is_ready: Callable[[], Awaitable[bool]] = _always
    queue: SharedQueue | None = None
    degraded: Callable[[], list[str]] = _nothing


@asynccontextmanager
async def open_service(settings: Settings) -> AsyncGenerator[Service]:
    """Open everything *settings* name, and close it after the block."""
    habits = Habits(
        debounce=Debounce(
            delay=timedelta(seconds=settings.notification_delay_secs),
            at_most=timedelta(seconds=settings.notification_max_delay_secs),
        ),
        tells_cancelled=settings.notification_cancelled,
        silence=Silence(timedelta(seconds=settings.archive_after_secs)),
        discretion=Discretion(
            grace=timedelta(seconds=settings.presence_grace_secs), audience=settings.presence_audience
        ),
        keep_events=timedelta(seconds=settings.event_retention_secs),
    )
    ports = memory.ports(debounce=habits.debounce)
    is_ready: Callable[[], Awaitable[bool]] = _always
    degraded, queue = _nothing, None
    async with AsyncExitStack() as stack:
        if settings.database_url is not None:
            from mtchat_adapters import postgres

            store = await stack.enter_async_context(
                postgres.open(
                    settings.database_url,
                    schema=settings.database_schema,
                    debounce=habits.debounce,
                    pool_size=settings.database_max_connections,
                    acquire=timedelta(seconds=settings.database_acquire_timeout_secs),
                )
            )
            ports, is_ready = evolve(ports, **store.ports()), store.is_ready
        if settings.redis_url is not None:
            from mtchat_adapters import redis
            from mtchat_adapters.saq import jobs as saq

            patience = timedelta(seconds=settings.redis_timeout_secs)
            link = await stack.enter_async_context(
                redis.open(
                    settings.redis_url,
                    local=ports.broker,
                    mirror=ports.presence,
                    prefix=settings.redis_prefix,
                    patience=patience,
                )
            )
            queue = await stack.enter_async_context(
                saq.open(settings.redis_url, ports.jobs, prefix=settings.redis_prefix, patience=patience)
            )
            ports, degraded = evolve(ports, **link.ports(), jobs=queue), link.degraded
        chat = Chat.over(ports, habits)
        stack.callback(chat.presence.close)
        yield Service(chat, is_ready, queue, degraded)
