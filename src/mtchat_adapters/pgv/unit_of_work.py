"""Transactions over PostgreSQL: one connection, one BEGIN, everything or nothing."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from attrs import frozen
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mtchat_adapters.pgv.dialogs import PostgresDialogs
from mtchat_adapters.pgv.events import write_log
from mtchat_adapters.pgv.failures import translated
from mtchat_adapters.pgv.keys import PostgresKeys
from mtchat_adapters.pgv.messages import PostgresMessages
from mtchat_adapters.pgv.participants import PostgresParticipants
from mtchat_core.domain.events import Event, Recorded
from mtchat_core.domain.ids import DialogId
from mtchat_core.ports.ids import IdSource


class PostgresUnitOfWork:
    """UnitOfWork on one connection."""

    def __init__(self, connection: AsyncConnection, ids: IdSource) -> None:
        self._connection = connection
        self._ids = ids
        self._event_seqs: dict[DialogId, int] = {}
        self._events: list[Event] = []
        self.recorded: Sequence[Recorded] = ()
        self.dialogs = PostgresDialogs(connection, self._event_seqs)
        self.participants = PostgresParticipants(connection)
        self.messages = PostgresMessages(connection, ids)
        self.keys = PostgresKeys(connection)

    def record(self, *events: Event) -> None:
        """Remember *events* for the log."""
        self._events.extend(events)

    async def finish(self) -> Sequence[Recorded]:
        """Write the log, as the last statement before the commit."""
        return await write_log(self._connection, self._ids, self._events, self._event_seqs)


@frozen
class PostgresUnitsOfWork:
    """UnitsOfWork from a pool."""

    engine: AsyncEngine
    ids: IdSource

    @asynccontextmanager
    async def begin(self) -> AsyncGenerator[PostgresUnitOfWork]:
        """Open a transaction for the block."""
        async with translated():
            async with self.engine.begin() as connection:
                tx = PostgresUnitOfWork(connection, self.ids)
                yield tx
                recorded = await tx.finish()
            tx.recorded = recorded
