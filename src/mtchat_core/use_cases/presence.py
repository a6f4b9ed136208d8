"""Sockets come, beat and go; people are online as long as one of their sockets beats."""

from uuid import UUID

from attrs import frozen

from mtchat_core.domain.events import PresenceChanged
from mtchat_core.domain.ids import UserId
from mtchat_core.domain.presence import TTL
from mtchat_core.ports import presence as ports
from mtchat_core.ports.realtime import RealtimeBroker


@frozen
class Presence:
    """Who is online."""

    tracker: ports.PresenceTracker
    broker: RealtimeBroker

    async def beat(self, user: UserId, connection: UUID) -> None:
        """Keep one connection alive for 60 s; the first one brings the person online."""
        if await self.tracker.beat(user, connection, ttl=TTL):
            self.broker.publish([PresenceChanged(user, is_online=True)])

    async def leave(self, user: UserId, connection: UUID) -> None:
        """End one connection; the last one takes the person offline."""
        if await self.tracker.leave(user, connection):
            self.broker.publish([PresenceChanged(user, is_online=False)])
