"""What is left unread, for people and their badges."""

from typing import Protocol

from mtchat_core.domain.ids import UserId
from mtchat_core.domain.inbox import Unread


class Receipts(Protocol):
    """Unread totals: committed state, one trip."""

    async def unread(self, reader: UserId) -> Unread:
        """Sum up what *reader* has not read, over their dialogs that are not archived."""
        ...
