"""Sockets come, beat and go; people are online as long as one of their sockets beats."""

import asyncio
import logging
from collections.abc import Collection
from uuid import UUID

from mtchat_core.domain.errors import ChatError
from mtchat_core.domain.events import PresenceChanged
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.domain.presence import TTL, Discretion
from mtchat_core.ports.inbox import Inbox
from mtchat_core.ports.presence import PresenceTracker
from mtchat_core.ports.realtime import RealtimeBroker
from mtchat_core.use_cases.realtime import Realtime

SWEEP_SECONDS = 1.0
_IN_ONE_GO = 100

_log = logging.getLogger(__name__)


class Presence:
    """Who is online, told to those who share a dialog with them.

    Coming is told at once. Going is told by whichever node finds it out: when a person's last
    socket has been gone for the grace, or silent for too long, as when its node died.
    """

    def __init__(
        self,
        tracker: PresenceTracker,
        broker: RealtimeBroker,
        inbox: Inbox,
        realtime: Realtime,
        discretion: Discretion,
    ) -> None:
        self.tracker = tracker
        self._broker = broker
        self._inbox = inbox
        self._realtime = realtime
        self._grace = discretion.grace
        self._untold: set[UserId] = set()
        self._sweeping: asyncio.Task[None] | None = None

    def close(self) -> None:
        """Look after nobody any more."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None

    async def beat(self, user: UserId, connection: UUID) -> None:
        """Keep one connection alive for 60 s; the first one brings the person online."""
        if self._sweeping is None:
            self._sweeping = asyncio.create_task(self._sweep_on_and_on())
        if await self.tracker.beat(user, connection, ttl=TTL):
            await self._tell([user], online={user})

    async def leave(self, user: UserId, connection: UUID) -> None:
        """End one connection; the last one takes the person offline, unless they return within the grace."""
        await self.tracker.leave(user, connection, grace=self._grace)
        if not self._grace:
            await self.sweep()

    async def sweep(self) -> None:
        """Tell who went offline, and of whom could not be told before."""
        await self._tell(frozenset(self._untold))
        while not self._untold and (gone := await self.tracker.expired(_IN_ONE_GO)):
            await self._tell(gone)

    async def _sweep_on_and_on(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                await self.sweep()
            except Exception:
                _log.exception("a look at who went offline failed; the next one follows")

    async def _tell(self, users: Collection[UserId], online: Collection[UserId] | None = None) -> None:
        """Tell how *users* are, as soon as the database says to whom."""
        self._untold.update(users)
        try:
            dialogs = {user: await self._dialogs_of(user) for user in users}
        except ChatError as error:
            _log.warning("comings and goings can't be told yet: %s", error.code)
            return
        # Asked last: somebody may have come back meanwhile, and another node has told so.
        online = await self.tracker.online(users) if online is None else online
        self._untold.difference_update(users)
        self._broker.publish([PresenceChanged(user, user in online, dialogs[user]) for user in users])

    async def _dialogs_of(self, user: UserId) -> frozenset[DialogId]:
        known = self._realtime.dialogs_of(user)
        if known is None:
            known = frozenset(dialog for dialog, _ in await self._inbox.dialogs_of(user))
        return known
