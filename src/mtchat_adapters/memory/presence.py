"""Who is online, seen from this process."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from mtchat_core.domain.ids import UserId
from mtchat_core.ports.clock import Clock


class MemoryPresence:
    """PresenceTracker as an expiry per connection."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[UserId, dict[UUID, datetime]] = {}

    async def beat(self, user: UserId, connection: UUID, *, ttl: timedelta) -> bool:
        """Keep *connection* alive; return whether the user had been offline."""
        alive = self._alive(user)
        self._until[user] = {**alive, connection: self._clock.now() + ttl}
        return not alive

    async def leave(self, user: UserId, connection: UUID) -> bool:
        """Forget *connection*; return whether that took the user offline."""
        alive = self._alive(user)
        left = alive.pop(connection, None) is not None
        if alive:
            self._until[user] = alive
        else:
            self._until.pop(user, None)
        return left and not alive

    async def online(self, users: Collection[UserId]) -> frozenset[UserId]:
        """Return those of *users* who are online."""
        return frozenset(user for user in users if self._alive(user))

    def _alive(self, user: UserId) -> dict[UUID, datetime]:
        now = self._clock.now()
        return {one: until for one, until in self._until.get(user, {}).items() if until > now}
