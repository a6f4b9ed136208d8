"""The composition root: start from memory, replace what is configured, close in reverse."""

from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from attrs import evolve, frozen

from mtchat_adapters import memory
from mtchat_adapters.httpx import scanner, webhooks
from mtchat_app import addresses
from mtchat_app.http.files import Shelf
from mtchat_app.settings import Settings
from mtchat_core.chat import Chat, Habits
from mtchat_core.domain.archiving import Silence
from mtchat_core.domain.notifications import Debounce
from mtchat_core.domain.presence import Discretion
from mtchat_core.domain.webhooks import Schedule, types_of
from mtchat_core.use_cases.files import FileTerms
from mtchat_core.use_cases.webhooks import OwnEndpoint, Terms, Webhooks

if TYPE_CHECKING:
    from mtchat_adapters.s3 import Bucket


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
    queue: SharedQueue | None = None
    degraded: Callable[[], list[str]] = _nothing
    redis: SharedRedis | None = None
    shelf: Shelf | None = None
    """Files that the service hands out itself."""


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
        webhooks=webhook_terms(settings),
        files=file_terms(settings),
    )
    is_ready: Callable[[], Awaitable[bool]] = _always
    queue, link, shelf = None, None, None
    troubles: list[Callable[[], list[str]]] = []
    may_call = partial(addresses.may_be_called, deny_private=settings.webhook_deny_private)
    async with AsyncExitStack() as stack:
        sender = await stack.enter_async_context(
            webhooks.open(deadline=timedelta(seconds=settings.webhook_timeout_secs), may_call=may_call)
        )
        ports = evolve(memory.ports(debounce=habits.debounce), sender=sender, storage=None)
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
            ports = evolve(ports, **link.ports(), jobs=queue)
            troubles.append(link.degraded)
        if settings.s3_bucket is not None:
            from mtchat_adapters import s3

            patience = timedelta(seconds=settings.s3_timeout_secs)
            files = await stack.enter_async_context(s3.open(bucket_of(settings), patience=patience))
            ports = evolve(ports, storage=files.storage)
            troubles.append(files.degraded)
        if settings.storage_dir is not None:
            from mtchat_adapters import disk

            shelf = await stack.enter_async_context(
                disk.open(Path(settings.storage_dir), public_url=settings.public_url or "", clock=ports.clock)
            )
            ports = evolve(ports, storage=shelf)
            troubles.append(shelf.degraded)
        if ports.storage is not None and settings.file_thumbnails:
            from mtchat_adapters import pillow

            if (why := pillow.why_not()) is None:
                ports = evolve(ports, thumbnailer=await stack.enter_async_context(pillow.open()))
            else:
                habits = evolve(habits, files=evolve(habits.files, draws=False))
                troubles.append(partial(_no_thumbnails, why))
        if settings.file_scan_url is not None:
            asked = scanner.open(
                settings.file_scan_url,
                settings.file_scan_secret or "",
                clock=ports.clock,
                deadline=timedelta(seconds=settings.file_scan_timeout_secs),
                may_call=may_call,
            )
            ports = evolve(ports, scanner=await stack.enter_async_context(asked))
        chat = Chat.over(ports, habits)
        stack.callback(chat.presence.close)
        if link is not None:
            link.broker.on_resubscribed = chat.follower.hurry

        def degraded() -> list[str]:
            return [said for trouble in troubles for said in trouble()]

        yield Service(chat, is_ready, queue, degraded, link, shelf)


def _no_thumbnails(why: str) -> list[str]:
    return [f"files: no small pictures are made. {why} FILE_THUMBNAILS=false says that none are wanted."]


def bucket_of(settings: Settings) -> "Bucket":
    """Return the bucket that *settings* name, as the S3 adapter knows it."""
    from mtchat_adapters import s3

    return s3.Bucket(
        name=settings.s3_bucket or "",
        region=settings.s3_region,
        endpoint=settings.s3_endpoint,
        public_endpoint=settings.s3_public_endpoint,
        access_key_id=settings.s3_access_key_id,
        secret_access_key=settings.s3_secret_access_key,
    )


@asynccontextmanager
async def open_webhooks(url: str, schema: str) -> AsyncGenerator[Webhooks]:
    """Open what an operator needs to look after webhooks in a database; nothing is sent from here."""
    from mtchat_adapters import postgres

    ports = memory.ports()
    async with postgres.open(url, schema=schema, pool_size=1) as store:
        yield Webhooks(store.webhooks, ports.sender, ports.jobs, ports.clock, ports.ids)


def file_terms(settings: Settings) -> FileTerms:
    """Return how files are handled."""
    return FileTerms(
        upload_ttl=timedelta(seconds=settings.s3_presign_upload_expiry),
        download_ttl=timedelta(seconds=settings.s3_presign_download_expiry),
        quota_bytes=settings.file_quota_bytes or None,
        draws=settings.file_thumbnails,
        scan=None if settings.file_scan_url is None else settings.file_scan_mode,
        keep_unsent=timedelta(seconds=settings.file_unsent_secs),
    )


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
