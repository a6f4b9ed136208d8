"""Who is online, seen from this process."""

from collections.abc import Collection
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

from attrs import define, field

from mtchat_core.domain.ids import UserId
from mtchat_core.ports.clock import Clock


@define
class _Person:
    until: datetime
    connections: dict[UUID, datetime] = field(factory=dict[UUID, datetime])


class MemoryPresence:
    """PresenceTracker as an expiry per connection."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._people: dict[UserId, _Person] = {}

    async def beat(self, user: UserId, connection: UUID, *, ttl: timedelta) -> bool:
        """Keep *connection* alive; return whether that is news."""
        now = self._clock.now()
        is_new = user not in self._people
        person = self._people.setdefault(user, _Person(now))
        person.connections = {**_alive(person, now), connection: now + ttl}
        person.until = max(person.connections.values())
        return is_new

    async def leave(self, user: UserId, connection: UUID, *, grace: timedelta) -> None:
        """Forget *connection*."""
        now = self._clock.now()
        person = self._people.get(user)
        if person is None or connection not in (alive := _alive(person, now)):
            return
        del alive[connection]
        person.connections = alive
        person.until = max(alive.values(), default=now + grace)

    async def online(self, users: Collection[UserId]) -> frozenset[UserId]:
        """Return those of *users* who are online."""
        now = self._clock.now()
        return frozenset(user for user in users if user in self._people and self._people[user].until > now)

    async def expired(self, limit: int) -> frozenset[UserId]:
        """Take who fell silent."""
        now = self._clock.now()
        gone = frozenset(islice((user for user, person in self._people.items() if person.until <= now), limit))
        for user in gone:
            del self._people[user]
        return gone


def _alive(person: _Person, now: datetime) -> dict[UUID, datetime]:
    return {connection: until for connection, until in person.connections.items() if until > now}
