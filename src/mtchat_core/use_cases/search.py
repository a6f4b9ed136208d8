"""People find what was said."""

from attrs import frozen

from mtchat_core.domain.errors import Forbidden
from mtchat_core.domain.ids import UserId
from mtchat_core.domain.scopes import UserScope
from mtchat_core.domain.search import Found, Search
from mtchat_core.ports.search import MessageSearch


@frozen
class Searches:
    """What people find."""

    messages: MessageSearch

    async def find(self, reader: UserId, scopes: UserScope | None, search: Search) -> Found:
        """Find messages, the newest first, in the dialogs the reader takes part in.

        Raises:
            Forbidden: the search is for one dialog, and the reader is not in it, or there is none.
        Source: docs/guide/chat.md, "Search".
        """
        found = await self.messages.find(reader, scopes, search)
        if found is None:
            raise Forbidden
        return found
