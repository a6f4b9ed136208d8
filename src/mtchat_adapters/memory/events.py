"""The event log of this process."""

from datetime import datetime

from attrs import frozen

from mtchat_adapters.memory.store import Store
from mtchat_core.domain.events import Recorded
from mtchat_core.domain.ids import DialogId


@frozen
class MemoryEventLog:
    """EventLog over what was committed."""

    store: Store

    async def of_dialog(self, dialog: DialogId, *, after: int, limit: int) -> tuple[Recorded, ...]:
        """Return events of a dialog above *after*, in order."""
        log = self.store.events.get(dialog, [])
        return tuple(self.store.read_log(entry) for entry in log[after : after + limit])

    async def latest(self) -> str:
        """Return a cursor for everything logged so far."""
        return f"memory:{self.store.logged}"

    async def prune(self, before: datetime, *, limit: int) -> int:  # noqa: ARG002
        """Forget nothing: what this process remembers ends with it."""
        return 0
