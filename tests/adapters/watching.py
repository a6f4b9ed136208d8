"""What tests of the PostgreSQL adapter watch: who waits, and which statements travel."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import sqlalchemy as sa
from attrs import define, evolve, field

from mtchat_adapters import memory, postgres
from mtchat_adapters.postgres import PostgresStore
from mtchat_adapters.postgres.session import Trips, statement
from mtchat_core.chat import Ports

_WAITING = statement("""
    select count(*) as people from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'
""")


async def until_waiting(store: PostgresStore, people: int = 1) -> None:
    """Return once as many statements of this database wait for somebody's lock."""
    while (await Trips(store.pool).all(_WAITING, {}))[0]["people"] < people:
        pass


async def query(store: PostgresStore, sql: str, **values: object) -> list[dict[str, Any]]:
    """Ask the tables themselves."""
    return [dict(row) for row in await Trips(store.pool).all(statement(sql), values)]


@define
class Witness:
    """Every statement that went to the server, in order."""

    statements: list[str] = field(factory=list[str])

    def forget(self) -> None:
        """Begin anew."""
        self.statements.clear()


@asynccontextmanager
async def witnessed(url: str) -> AsyncIterator[tuple[Ports, Witness]]:
    """Open ports over PostgreSQL whose statements are witnessed."""
    witness = Witness()

    def watch(connection: Any, _record: object) -> None:
        connection.driver_connection.add_query_logger(lambda told: witness.statements.append(told.query))

    async with postgres.open(url, pool_size=1) as store:
        sa.event.listen(store.engine.sync_engine, "connect", watch)
        yield evolve(memory.ports(), **store.ports()), witness
