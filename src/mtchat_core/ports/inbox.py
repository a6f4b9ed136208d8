"""The dialog lists as one person sees them: a read model, committed state, one trip each."""

from typing import Protocol

from mtchat_core.domain.dialogs import ObjectRef
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.domain.inbox import Entry, Listing, People, Query
from mtchat_core.domain.scopes import UserScope


class Inbox(Protocol):
    """What a person finds.

    A participant's lists leave out dialogs whose scopes do not match the scopes presented
    (`scopes.hides_from_lists`). Text of messages is only in entries the reader takes part in.
    Order: pinned first, then the newest activity, then the id, all descending.
    """

    async def participating(self, reader: UserId, scopes: UserScope | None, query: Query) -> tuple[Entry, ...]:
        """Return dialogs the reader takes part in."""
        ...

    async def available(self, reader: UserId, scopes: UserScope, query: Query) -> tuple[Entry, ...]:
        """Return dialogs the reader could join; `archived` is ignored."""
        ...

    async def of_object(
        self,
        reader: UserId,
        scopes: UserScope | None,
        about: ObjectRef,
        listing: Listing | None,
        query: Query,
    ) -> tuple[Entry, ...]:
        """Return the object's dialogs that the reader takes part in or could join, newest created first.

        `archived` narrows the former only, and nothing when *listing* is available. Without
        *scopes* nothing is joinable. *query*'s limits and places do not apply.
        """
        ...

    async def newest_of(self, reader: UserId, scopes: UserScope | None, about: ObjectRef) -> Entry | None:
        """Return the newest created of the object's dialogs that the reader takes part in or could join."""
        ...

    async def entry(self, reader: UserId, scopes: UserScope | None, dialog: DialogId) -> Entry | None:
        """Return one dialog as the reader sees it, whether or not they may; None if unknown."""
        ...

    async def people(self, reader: UserId, scopes: UserScope | None, dialog: DialogId) -> People | None:
        """Return everybody in the dialog, by `joined_at`, then `user_id`; None if the dialog is unknown."""
        ...

    async def dialogs_of(self, reader: UserId) -> tuple[tuple[DialogId, int], ...]:
        """Return every dialog the reader takes part in, each with the seq of its last event."""
        ...
