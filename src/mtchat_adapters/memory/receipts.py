"""Unread totals in this process."""

from attrs import frozen

from mtchat_adapters.memory.store import Store
from mtchat_core.domain.ids import UserId
from mtchat_core.domain.inbox import Unread


@frozen
class MemoryReceipts:
    """Receipts over the committed rooms."""

    store: Store

    async def unread(self, reader: UserId) -> Unread:
        """Sum up what *reader* has not read."""
        mine = ((room, room.people.get(reader)) for room in self.store.rooms.values())
        counts = [me.mark.unread(room.dialog.tally) for room, me in mine if me is not None and not me.is_archived]
        return Unread(messages=sum(counts), dialogs=sum(count > 0 for count in counts))
