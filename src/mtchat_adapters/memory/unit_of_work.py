"""Transactions over this process's store: rooms are changed aside and put in place at the end."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from attrs import frozen

from mtchat_adapters.memory.archiving import MemoryArchive
from mtchat_adapters.memory.attachments import MemoryMessageFiles
from mtchat_adapters.memory.dialogs import MemoryDialogs
from mtchat_adapters.memory.keys import MemoryKeys
from mtchat_adapters.memory.messages import MemoryMessages
from mtchat_adapters.memory.participants import MemoryParticipants
from mtchat_adapters.memory.reminders import MemoryReminders
from mtchat_adapters.memory.store import Changes, Store
from mtchat_core.domain.events import Event, Recorded


class MemoryUnitOfWork:
    """UnitOfWork over rooms set aside."""

    def __init__(self, store: Store) -> None:
        self.changes = Changes(store)
        self.dialogs = MemoryDialogs(self.changes)
        self.participants = MemoryParticipants(self.changes)
        self.messages = MemoryMessages(self.changes)
        self.keys = MemoryKeys(self.changes)
        self.reminders = MemoryReminders(self.changes)
        self.archive = MemoryArchive(self.changes)
        self.files = MemoryMessageFiles(self.changes)
        self.events: list[Event] = []
        self.recorded: Sequence[Recorded] = ()

    def record(self, *events: Event) -> None:
        """Remember *events* for the log."""
        self.events.extend(events)

    def commit(self) -> None:
        """Put everything in place at once."""
        store = self.changes.store
        for dialog, room in self.changes.rooms.items():
            if room is None:
                store.rooms.pop(dialog, None)
            else:
                store.rooms[dialog] = room
        store.claims.update(self.changes.claims)
        store.leftovers.update(self.changes.leftovers)
        self.recorded = store.write_log(self.events)


@frozen
class MemoryUnitsOfWork:
    """UnitsOfWork, one at a time."""

    store: Store

    @asynccontextmanager
    async def begin(self) -> AsyncGenerator[MemoryUnitOfWork]:
        """Open a transaction for the block."""
        async with self.store.lock:
            tx = MemoryUnitOfWork(self.store)
            yield tx
            tx.commit()
