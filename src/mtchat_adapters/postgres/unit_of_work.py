"""Transactions over PostgreSQL: one connection, everything or nothing."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from attrs import frozen

from mtchat_adapters.postgres.archiving import PostgresArchive
from mtchat_adapters.postgres.attachments import PostgresMessageFiles
from mtchat_adapters.postgres.dialogs import PostgresDialogs
from mtchat_adapters.postgres.events import write_log
from mtchat_adapters.postgres.keys import PostgresKeys
from mtchat_adapters.postgres.messages import PostgresMessages
from mtchat_adapters.postgres.participants import PostgresParticipants
from mtchat_adapters.postgres.reminders import PostgresReminders
from mtchat_adapters.postgres.session import Pool, Session, transaction
from mtchat_core.domain.events import Event, Recorded
from mtchat_core.domain.ids import DialogId
from mtchat_core.ports.ids import IdSource


class PostgresUnitOfWork:
    """UnitOfWork on one connection."""

    def __init__(self, session: Session, ids: IdSource) -> None:
        self._session = session
        self._ids = ids
        self._event_seqs: dict[DialogId, int] = {}
        self._events: list[Event] = []
        self.recorded: Sequence[Recorded] = ()
        self.dialogs = PostgresDialogs(session, self._event_seqs)
        self.participants = PostgresParticipants(session)
        self.messages = PostgresMessages(session, ids)
        self.keys = PostgresKeys(session)
        self.reminders = PostgresReminders(session, self._event_seqs)
        self.archive = PostgresArchive(session, self._event_seqs)
        self.files = PostgresMessageFiles(session)

    def record(self, *events: Event) -> None:
        """Remember *events* for the log."""
        self._events.extend(events)

    async def write_log(self) -> Sequence[Recorded]:
        """Write what was recorded, as the last statement before the commit."""
        return await write_log(self._session, self._ids, self._events, self._event_seqs)


@frozen
class PostgresUnitsOfWork:
    """UnitsOfWork from a pool."""

    pool: Pool
    ids: IdSource

    @asynccontextmanager
    async def begin(self) -> AsyncGenerator[PostgresUnitOfWork]:
        """Open a transaction for the block."""
        async with transaction(self.pool) as session:
            tx = PostgresUnitOfWork(session, self.ids)
            yield tx
            recorded = await tx.write_log()
        tx.recorded = recorded
