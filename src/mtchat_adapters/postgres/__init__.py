"""The truth: everything the chat keeps, in PostgreSQL 14 or later."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from attrs import frozen
from sqlalchemy.ext.asyncio import AsyncEngine

from mtchat_adapters.postgres import engine as engines
from mtchat_adapters.postgres.archiving import PostgresQuietDialogs
from mtchat_adapters.postgres.attachments import PostgresAttachments, PostgresFileWork, PostgresUploads
from mtchat_adapters.postgres.combining import Limits
from mtchat_adapters.postgres.dialogs import PostgresDirectory
from mtchat_adapters.postgres.events import PostgresEventLog
from mtchat_adapters.postgres.inbox import PostgresInbox
from mtchat_adapters.postgres.keys import PostgresOldKeys
from mtchat_adapters.postgres.message_log import PostgresMessageLog
from mtchat_adapters.postgres.messages import PostgresTranscript
from mtchat_adapters.postgres.migrate import migrate, migrate_async, pending_migrations
from mtchat_adapters.postgres.receipts import PostgresReceipts
from mtchat_adapters.postgres.reminders import PostgresDueReminders
from mtchat_adapters.postgres.schedules import PostgresSchedules
from mtchat_adapters.postgres.search import PostgresSearch
from mtchat_adapters.postgres.session import Pool, Trips, statement
from mtchat_adapters.postgres.unit_of_work import PostgresUnitsOfWork
from mtchat_adapters.postgres.webhooks import PostgresWebhooks
from mtchat_adapters.system.ids import SystemIds
from mtchat_core.domain.errors import ServiceUnavailable
from mtchat_core.domain.notifications import Debounce
from mtchat_core.ports.ids import IdSource

__all__ = ["Health", "PostgresStore", "examine", "migrate", "migrate_async", "open", "pending_migrations"]

_EXAMINATION_LIMIT = timedelta(seconds=5)

_IS_WRITABLE = statement("select current_setting('transaction_read_only') = 'off' as is_writable")

_HEALTH = statement("""
    select current_setting('server_version') as version, clock_timestamp() as now,
      exists (select from pg_extension where extname = 'pg_trgm') as has_trigrams
""")


@frozen
class Health:
    """What a database says of itself."""

    version: str
    now: datetime
    has_trigrams: bool
    pending: tuple[str, ...]


@frozen
class PostgresStore:
    """Every port that PostgreSQL fulfils, over one pool; `watch` is a connection apart, to see how it is."""

    pool: Pool
    watch: Pool
    units: PostgresUnitsOfWork
    log: PostgresMessageLog
    transcript: PostgresTranscript
    inbox: PostgresInbox
    directory: PostgresDirectory
    receipts: PostgresReceipts
    search: PostgresSearch
    events: PostgresEventLog
    reminders: PostgresDueReminders
    quiet: PostgresQuietDialogs
    schedules: PostgresSchedules
    old_keys: PostgresOldKeys
    webhooks: PostgresWebhooks
    uploads: PostgresUploads
    attachments: PostgresAttachments
    file_work: PostgresFileWork

    def ports(self) -> dict[str, Any]:
        """Return the ports by the names `Ports` gives them, to put in place of memory's."""
        names = ("units", "log", "transcript", "inbox", "directory", "receipts", "search", "events")
        of_jobs = ("reminders", "quiet", "schedules", "old_keys", "webhooks")
        of_files = ("uploads", "attachments", "file_work")
        return {name: getattr(self, name) for name in (*names, *of_jobs, *of_files)}

    @property
    def engine(self) -> AsyncEngine:
        """The engine below, for whoever has statements of their own."""
        return self.pool.engine.execution_options(isolation_level="AUTOCOMMIT")

    async def is_ready(self) -> bool:
        """Tell whether the database answers, and takes changes: it is writable, and has room.

        However busy the pool is: that is no reason to be taken out of service.
        """
        if self.pool.lacks_room:
            return False
        try:
            [database] = await Trips(self.watch).all(_IS_WRITABLE, {})
        except ServiceUnavailable:
            return False
        is_writable: bool = database["is_writable"]
        return is_writable


@asynccontextmanager
async def open(  # noqa: A001 - read as postgres.open
    url: str,
    *,
    schema: str = "mtchat",
    debounce: Debounce | None = None,
    ids: IdSource | None = None,
    pool_size: int = 20,
    acquire: timedelta = engines.ACQUIRE,
    command: timedelta = engines.COMMAND,
    lifetime: timedelta = engines.LIFETIME,
) -> AsyncGenerator[PostgresStore]:
    """Open a pool of at most *pool_size* connections, and one to watch, for the block; the first query connects.

    *acquire* bounds the wait for a connection, *command* that for an answer; a connection is
    replaced after *lifetime*.
    Raises:
        InvalidInput: a URL or a schema name that can't be used.
    """

    def opened(size: int) -> Pool:
        limits = {"acquire": acquire, "command": command, "lifetime": lifetime}
        return Pool(
            engines.create_engine(url, schema=schema, pool_size=size, **limits), size=size, acquire=acquire
        )

    pool, watch, ids, debounce = opened(pool_size), opened(1), ids or SystemIds(), debounce or Debounce()
    trips = Trips(pool)
    # Whoever waits for a lock keeps a connection: half of them stay free for those who wait for none.
    sends = Limits(patience=acquire, patient=max(1, pool_size // 2))
    log = PostgresMessageLog(trips, ids, debounce, sends)
    try:
        yield PostgresStore(
            pool=pool,
            watch=watch,
            units=PostgresUnitsOfWork(pool, ids),
            log=log,
            transcript=PostgresTranscript(trips),
            inbox=PostgresInbox(trips),
            directory=PostgresDirectory(trips),
            receipts=PostgresReceipts(trips),
            search=PostgresSearch(trips),
            events=PostgresEventLog(trips),
            reminders=PostgresDueReminders(trips, debounce),
            quiet=PostgresQuietDialogs(trips),
            schedules=PostgresSchedules(trips),
            old_keys=PostgresOldKeys(trips),
            webhooks=PostgresWebhooks(trips),
            uploads=PostgresUploads(trips),
            attachments=PostgresAttachments(trips),
            file_work=PostgresFileWork(trips),
        )
    finally:
        await log.close()
        await pool.engine.dispose()
        await watch.engine.dispose()


async def examine(url: str, schema: str) -> Health:
    """Ask a database how it is.

    Raises:
        ServiceUnavailable: it can't be reached, or did not answer in time.
        InvalidInput: a URL or a schema name that can't be used.
    """
    engine = engines.create_engine(url, schema=schema, acquire=_EXAMINATION_LIMIT, command=_EXAMINATION_LIMIT)
    try:
        pool = Pool(engine, size=1, acquire=_EXAMINATION_LIMIT)
        [health] = await Trips(pool).all(_HEALTH, {})
    finally:
        await engine.dispose()
    pending = await pending_migrations(url, schema)
    return Health(health["version"], health["now"], health["has_trigrams"], tuple(pending))
