"""Who is online, however many sockets they hold."""

from collections.abc import Collection
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from mtchat_core.domain.ids import UserId


class PresenceTracker(Protocol):
    """Who is online. Every adapter forgets a connection once `ttl` has passed since its last beat, unasked."""

    async def beat(self, user: UserId, connection: UUID, *, ttl: timedelta) -> bool:
        """Keep *connection* of *user* alive for *ttl*; return whether the user had been offline."""
        ...

    async def leave(self, user: UserId, connection: UUID) -> bool:
        """Forget *connection*; return whether that took the user offline. An unknown one changes nothing."""
        ...

    async def online(self, users: Collection[UserId]) -> frozenset[UserId]:
        """Return those of *users* who are online."""
        ...
