"""Bring a database to the newest schema: one migrator at a time, nobody else's tables touched."""

import asyncio
import logging
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from mtchat_adapters.pgv.engine import database_url, schema_name, session_settings
from mtchat_adapters.pgv.failures import LOCK_NOT_AVAILABLE, sqlstate

ATTEMPTS = 10
LOCK_TIMEOUT = timedelta(seconds=2)
_ONE_MIGRATOR = 0x6D746368_6174
"""The advisory lock all migrators take: "mtchat" in ASCII."""

_log = logging.getLogger(__name__)


def migrate(url: str, schema: str = "mtchat") -> None:
    """Create the schema if it is missing and run every pending step. Safe to run again.

    Raises:
        DBAPIError: the database can't be reached or refuses.
    """
    asyncio.run(migrate_async(url, schema))


async def migrate_async(url: str, schema: str = "mtchat") -> None:
    """Do what `migrate` does, inside a running loop."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            await _run(url, schema)
        except DBAPIError as error:
            if sqlstate(error) != LOCK_NOT_AVAILABLE or attempt == ATTEMPTS:
                raise
            _log.info("a table is in use; migrating again in a moment (%s of %s)", attempt, ATTEMPTS)
            await asyncio.sleep(attempt / 2)
        else:
            return


def scripts() -> ScriptDirectory:
    """Return the steps there are."""
    return ScriptDirectory.from_config(_config())


def pending(connection: sa.Connection, schema: str) -> list[str]:
    """Return the steps that *connection*'s database has not seen, oldest first."""
    options = {"version_table": "schema_version", "version_table_schema": schema}
    seen = MigrationContext.configure(connection, opts=options).get_current_revision()
    steps = [step.revision for step in scripts().walk_revisions()]
    return list(reversed(steps[: steps.index(seen)] if seen in steps else steps))


async def _run(url: str, schema: str) -> None:
    settings = {**session_settings(schema), "lock_timeout": str(int(LOCK_TIMEOUT.total_seconds() * 1000))}
    engine = create_async_engine(database_url(url), connect_args={"server_settings": settings})
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_upgrade, schema_name(schema))
    finally:
        await engine.dispose()


def _upgrade(connection: sa.Connection, schema: str) -> None:
    with connection.begin():
        # The wait for another migrator has no limit of its own: it ends when the other one does.
        connection.execute(sa.text("set local lock_timeout = 0"))
        connection.execute(sa.text("select pg_advisory_xact_lock(:key)"), {"key": _ONE_MIGRATOR})
        connection.execute(sa.text(f"set local lock_timeout = {int(LOCK_TIMEOUT.total_seconds() * 1000)}"))
        connection.execute(sa.text(f"create schema if not exists {schema}"))
        config = _config()
        config.attributes["connection"] = connection
        config.attributes["schema"] = schema
        command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config
