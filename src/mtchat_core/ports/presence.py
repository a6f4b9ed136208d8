"""Who is online, however many sockets they hold, on however many nodes."""

from collections.abc import Collection
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from mtchat_core.domain.ids import UserId


class PresenceTracker(Protocol):
    """Who is online: from their first beat until they are silent for too long, or gone for longer than a grace.

    It never fails. An adapter that can't reach the other nodes answers for this one.
    """

    async def beat(self, user: UserId, connection: UUID, *, ttl: timedelta) -> bool:
        """Keep *connection* of *user* alive for *ttl*; return whether that is news.

        It is none while `expired` has not handed out a person who fell silent: nobody was told.
        """
        ...

    async def leave(self, user: UserId, connection: UUID, *, grace: timedelta) -> None:
        """Forget *connection*; with the last one, *user* goes offline after *grace*, unless they beat again.

        An unknown one changes nothing.
        """
        ...

    async def online(self, users: Collection[UserId]) -> frozenset[UserId]:
        """Return those of *users* who are online."""
        ...

    async def expired(self, limit: int) -> frozenset[UserId]:
        """Take up to *limit* people who went offline: each is handed out once, to one node."""
        ...
