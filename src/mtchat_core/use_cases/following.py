"""Each process follows the log: what no broker brings is heard all the same."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress

from mtchat_core.domain.cursors import CursorExpired
from mtchat_core.domain.errors import ChatError
from mtchat_core.ports.events import EventLog, Head
from mtchat_core.use_cases.realtime import Realtime

PATIENCE_SECONDS = 0.05
"""How long a broker may take to bring what is in the log already, before it is fetched."""
SLOWEST_SECONDS = 2.0
"""Between two attempts, however often they failed."""
_LEAST_SECONDS = 0.01
_HEADS = 2000
_ROUNDS = 10
_BATCH = 1000
_TRIPS = 10

_log = logging.getLogger(__name__)


class Follower:
    """Looks into the log for what those who listen here have not heard, and tells them.

    `counts` tells how often it looked (`looks`) and failed (`failures`), how many events it
    fetched (`fetched`), and how often it gave everybody up (`cut_offs`).
    """

    def __init__(self, events: EventLog, realtime: Realtime) -> None:
        self.counts = Counter[str]()
        self._events = events
        self._realtime = realtime
        self._cursor: str | None = None
        self._settled: str | None = None
        self._is_well = True
        self._hurried = asyncio.Event()

    @property
    def cursor(self) -> str | None:
        """A place in the log: all before it was handed to the connections here. None before the beginning."""
        return self._settled

    async def begin(self) -> None:
        """Begin here, unless it has begun. Nobody listens before that.

        Raises:
            ServiceUnavailable: the log can't be read.
        """
        if self._cursor is None:
            cursor = await self._events.latest()
            self._cursor = self._settled = self._cursor or cursor

    @asynccontextmanager
    async def follow(self, *, every: float, cut_off: float) -> AsyncGenerator[None]:
        """Look *every* so many seconds, for the block; after *cut_off* seconds in vain give everybody up."""
        task = asyncio.create_task(self._follow(max(every, _LEAST_SECONDS), cut_off))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def hurry(self) -> None:
        """Look at once, without waiting: something may have been missed."""
        self._hurried.set()

    async def catch_up(self) -> None:
        """Tell those who listen here what was logged since last time.

        Raises:
            ServiceUnavailable: the log can't be read; next time goes on from the same place.
        """
        await self.begin()
        for _ in range(_ROUNDS):
            assert self._cursor is not None
            try:
                found = await self._events.heads(self._cursor, limit=_HEADS)
            except CursorExpired:
                await self._begin_anew()
                return
            await self._serve(found.heads)
            self._cursor = found.cursor
            if self._realtime.is_settled:
                self._settled = self._cursor
            if not found.has_more:
                return

    async def _begin_anew(self) -> None:
        _log.error("the event log has another history than before; everybody starts afresh")
        self._cursor = self._settled = await self._events.latest()
        self._give_everybody_up()

    async def _serve(self, heads: Sequence[Head]) -> None:
        if not self._realtime.lacking(heads):
            return
        await asyncio.sleep(PATIENCE_SECONDS)
        for _ in range(_TRIPS):
            if not (lacking := self._realtime.lacking(heads)):
                return
            events = await self._events.of_dialogs(tuple(lacking.items()), limit=_BATCH)
            self.counts["fetched"] += len(events)
            self._realtime.hear(events)
            if not events:
                break
        for dialog in self._realtime.lacking(heads):
            self._realtime.give_up(dialog)

    async def _follow(self, every: float, cut_off: float) -> None:
        now = asyncio.get_running_loop().time
        pause, succeeded_at = every, now()
        while True:
            if await self._succeeds(cut_off):
                pause, succeeded_at = every, now()
            else:
                pause = max(every, min(pause * 2, SLOWEST_SECONDS))
                if now() - succeeded_at >= cut_off and self._realtime.connections():
                    _log.error("the event log has been out of reach for too long; everybody goes elsewhere")
                    self._give_everybody_up()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._hurried.wait()
            self._hurried.clear()

    async def _succeeds(self, within: float) -> bool:
        self.counts["looks"] += 1
        try:
            async with asyncio.timeout(within):
                await self.catch_up()
        except (ChatError, TimeoutError) as error:
            if self._is_well:
                _log.warning("the event log can't be followed: %s", getattr(error, "code", "no answer"))
            self._is_well = False
        except Exception:
            _log.exception("the event log can't be followed")
            self._is_well = False
        else:
            self._is_well = True
            return True
        self.counts["failures"] += 1
        return False

    def _give_everybody_up(self) -> None:
        self.counts["cut_offs"] += 1
        self._realtime.give_everybody_up()
