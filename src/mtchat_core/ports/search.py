"""Finding what was said, over everything one person may read."""

from typing import Protocol

from mtchat_core.domain.ids import UserId
from mtchat_core.domain.scopes import UserScope
from mtchat_core.domain.search import Found, Search


class MessageSearch(Protocol):
    """What people said, searched: committed state, one trip.

    Searched is what people wrote, as `domain/search.py` has it, in dialogs the reader takes part in
    now; the system's messages are not. Where *search* names no dialog, those that the reader's lists
    leave out (`scopes.hides_from_lists`) are left out too.
    """

    async def find(self, reader: UserId, scopes: UserScope | None, search: Search) -> Found | None:
        """Return the newest hits, by id descending; None if the reader is not in the dialog *search* names.

        The work for one answer is bounded, however much there is to search and however rare the
        hits are: see `Found`. Going on from each place to the next ends, and finds every hit once.
        """
        ...
