"""The composition root: start from memory, replace what is configured, close in reverse."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial

from attrs import evolve, frozen

from mtchat_adapters import memory
from mtchat_adapters.httpx import webhooks
from mtchat_app import addresses
from mtchat_app.settings import Settings
from mtchat_core.chat import Chat
from mtchat_core.domain.notifications import Debounce
from mtchat_core.domain.webhooks import Schedule, types_of
from mtchat_core.use_cases.webhooks import OwnEndpoint, Terms, Webhooks


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
    async with AsyncExitStack() as stack:
        sender = await stack.enter_async_context(
            webhooks.open(
                deadline=timedelta(seconds=settings.webhook_timeout_secs),
                may_call=partial(addresses.may_be_called, deny_private=settings.webhook_deny_private),
            )
        )
        ports = evolve(memory.ports(debounce=debounce), sender=sender)
        is_ready: Callable[[], Awaitable[bool]] = _always
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
        chat = Chat.over(ports, webhooks=webhook_terms(settings))
        stack.push_async_callback(chat.webhooks.close)
        yield Service(chat, is_ready)


@asynccontextmanager
async def open_webhooks(url: str, schema: str) -> AsyncGenerator[Webhooks]:
    """Open what an operator needs to look after webhooks in a database; nothing is sent from here."""
    from mtchat_adapters import postgres

    ports = memory.ports()
    async with postgres.open(url, schema=schema, pool_size=1) as store:
        yield Webhooks(store.webhooks, ports.sender, ports.jobs, ports.clock, ports.ids)


def webhook_terms(settings: Settings) -> Terms:
    """Return how the host is told."""
    own = None
    if settings.webhook_url is not None and settings.webhook_secret is not None:
        secrets = [secret for secret in (settings.webhook_secret, settings.webhook_secret_previous) if secret]
        own = OwnEndpoint(settings.webhook_url, tuple(secrets), types_of(settings.webhook_events or None))
    return Terms(
        own=own,
        style=settings.webhook_type_style,
        schedule=Schedule.of(settings.webhook_retry_secs),
        parallel=settings.webhook_parallel,
        lease=timedelta(seconds=settings.webhook_lease_secs),
        log_all=settings.webhook_log == "all",
        log_retention=timedelta(seconds=settings.webhook_log_retention_secs),
        dead_retention=timedelta(seconds=settings.webhook_dead_retention_secs),
    )
