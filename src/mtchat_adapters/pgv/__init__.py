"""The truth: everything the chat keeps, in PostgreSQL 14 or later."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from attrs import frozen
from sqlalchemy.ext.asyncio import AsyncEngine

from mtchat_adapters.pgv import engine as engines
from mtchat_adapters.pgv.dialogs import PostgresDirectory
from mtchat_adapters.pgv.events import PostgresEventLog
from mtchat_adapters.pgv.failures import repeatable
from mtchat_adapters.pgv.inbox import PostgresInbox
from mtchat_adapters.pgv.messages import PostgresMessageLog, PostgresTranscript
from mtchat_adapters.pgv.migrate import migrate, migrate_async, pending
from mtchat_adapters.pgv.receipts import PostgresReceipts
from mtchat_adapters.pgv.unit_of_work import PostgresUnitsOfWork
from mtchat_adapters.system.ids import SystemIds
from mtchat_core.domain.errors import ServiceUnavailable
from mtchat_core.domain.notifications import Debounce
from mtchat_core.ports.ids import IdSource

__all__ = ["Health", "PostgresStore", "examine", "migrate", "migrate_async", "open"]


@frozen
class Health:
    """What a database says of itself."""

    version: str
    now: datetime
    has_trigrams: bool
    pending: tuple[str, ...]


@frozen
class PostgresStore:
    """Every port that PostgreSQL fulfils, over one pool."""

    engine: AsyncEngine
    units: PostgresUnitsOfWork
    log: PostgresMessageLog
    transcript: PostgresTranscript
    inbox: PostgresInbox
    directory: PostgresDirectory
    receipts: PostgresReceipts
    events: PostgresEventLog

    def ports(self) -> dict[str, Any]:
        """Return the ports by the names `Ports` gives them, to put in place of memory's."""
        names = ("units", "log", "transcript", "inbox", "directory", "receipts", "events")
        return {name: getattr(self, name) for name in names}

    async def is_ready(self) -> bool:
        """Tell whether the database answers."""

        async def ask() -> bool:
            async with self.engine.connect() as connection:
                await connection.execute(sa.text("select 1"))
            return True

        try:
            return await repeatable(ask)
        except ServiceUnavailable:
            return False


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
) -> AsyncGenerator[PostgresStore]:
    """Open a pool of at most *pool_size* connections for the block; the first query connects.

    *acquire* bounds the wait for a connection, *command* that for an answer.
    """
    engine = engines.create_engine(url, schema=schema, pool_size=pool_size, acquire=acquire, command=command)
    autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
    ids = ids or SystemIds()
    try:
        yield PostgresStore(
            engine=autocommit,
            units=PostgresUnitsOfWork(engine, ids),
            log=PostgresMessageLog(autocommit, ids, debounce or Debounce()),
            transcript=PostgresTranscript(autocommit),
            inbox=PostgresInbox(autocommit),
            directory=PostgresDirectory(autocommit),
            receipts=PostgresReceipts(autocommit),
            events=PostgresEventLog(autocommit),
        )
    finally:
        await engine.dispose()


async def examine(url: str, schema: str) -> Health:
    """Ask a database how it is.

    Raises:
        ServiceUnavailable: it can't be reached, or did not answer in time.
    """
    engine = engines.create_engine(
        url, schema=schema, pool_size=1, acquire=timedelta(seconds=5), command=timedelta(seconds=5)
    )

    async def ask() -> Health:
        async with engine.connect() as connection:
            row = (
                await connection.execute(
                    sa.text("""
                    select current_setting('server_version') as version, clock_timestamp() as now,
                      exists (select from pg_extension where extname = 'pg_trgm') as has_trigrams
                    """)
                )
            ).one()
            steps = await connection.run_sync(pending, schema)
        return Health(row.version, row.now, row.has_trigrams, tuple(steps))

    try:
        return await repeatable(ask)
    finally:
        await engine.dispose()
