"""Bring a database to the newest schema: one migrator at a time, nobody else's tables touched."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError

from mtchat_adapters.postgres.engine import create_engine
from mtchat_adapters.postgres.failures import Busy, translated
from mtchat_core.domain.errors import ServiceUnavailable

T = TypeVar("T")

ATTEMPTS = 20
BETWEEN_ATTEMPTS = timedelta(seconds=1)
LOCK_WAIT = timedelta(seconds=2)
"""Longer, and everybody who needs the table would queue up behind us."""
VERSION_TABLE = "schema_version"

_ACQUIRE = timedelta(seconds=10)
ONE_MIGRATOR = int.from_bytes(b"mtchat", "big")
"""The advisory lock that all migrators of a database take."""

_log = logging.getLogger(__name__)


def migrate(url: str, schema: str = "mtchat") -> None:
    """Create the schema if it is missing and run every pending step. Safe to run again, and by several at once.

    Raises:
        ServiceUnavailable: the database can't be reached, or somebody held a lock for a minute.
        InvalidInput: a URL or a schema name that can't be used.
        DBAPIError: the database refuses a step; what that step did is undone.
    """
    asyncio.run(migrate_async(url, schema))


async def migrate_async(url: str, schema: str = "mtchat") -> None:
    """Do what `migrate` does, inside a running loop."""
    for attempt in range(1, ATTEMPTS):
        try:
            await _run(url, schema, _upgrade)
        except Busy:
            _log.info("a table is in use, or another migrator at work: trying again (%s of %s)", attempt, ATTEMPTS)
            await asyncio.sleep(BETWEEN_ATTEMPTS.total_seconds())
        else:
            return
    await _run(url, schema, _upgrade)


async def pending_migrations(url: str, schema: str = "mtchat") -> list[str]:
    """Return the steps the database has not seen, oldest first.

    Raises:
        ServiceUnavailable: the database can't be reached.
        InvalidInput: a URL or a schema name that can't be used.
    """
    return await _run(url, schema, _pending)


async def _run(url: str, schema: str, work: Callable[[sa.Connection, str], T]) -> T:
    engine = create_engine(url, schema=schema, acquire=_ACQUIRE, command=None, lock_wait=LOCK_WAIT)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(work, schema)
    except (DBAPIError, OSError) as error:
        refusal = translated((isinstance(error, DBAPIError) and error.orig) or error)
        raise refusal if isinstance(refusal, ServiceUnavailable) else error from None
    finally:
        await engine.dispose()


def _upgrade(connection: sa.Connection, schema: str) -> None:
    lock = {"key": ONE_MIGRATOR}
    # Waiting inside a statement would keep the other one waiting, who may be building an index concurrently.
    is_ours = connection.scalar(sa.text("select pg_try_advisory_lock(:key)"), lock)
    connection.commit()
    if not is_ours:
        raise Busy
    try:
        _make(connection, schema)
        config = _config()
        config.attributes["connection"] = connection
        config.attributes["schema"] = schema
        command.upgrade(config, "head")
    finally:
        connection.rollback()
        connection.execute(sa.text("select pg_advisory_unlock(:key)"), lock)
        connection.commit()


def _make(connection: sa.Connection, schema: str) -> None:
    """Make the schema unless it is there: making even then would take a right we may not have."""
    is_there = sa.text("select exists (select from pg_namespace where nspname = :schema)")
    if not connection.scalar(is_there, {"schema": schema}):
        connection.execute(sa.schema.CreateSchema(schema))
    connection.commit()


def _pending(connection: sa.Connection, schema: str) -> list[str]:
    options = {"version_table": VERSION_TABLE, "version_table_schema": schema}
    seen = MigrationContext.configure(connection, opts=options).get_current_revision()
    steps = [step.revision for step in ScriptDirectory.from_config(_config()).walk_revisions()]
    return list(reversed(steps[: steps.index(seen)] if seen in steps else steps))


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config
