"""The socket: one connection's frames, in and out, with a limit on everything."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from uuid import UUID

import msgspec

from mtchat_app.http.frames import PONG, Frames
from mtchat_core.chat import Chat
from mtchat_core.domain.errors import ChatError
from mtchat_core.domain.ids import UserId
from mtchat_core.ports.realtime import Announcement

FEATURES = ("idempotency", "sender_names", "history")
"""What clients may count on beyond the original; named in `connected`."""

GOING_AWAY, POLICY_VIOLATION, TRY_AGAIN_LATER = 1001, 1008, 1013

_log = logging.getLogger(__name__)


class _Frame(msgspec.Struct):
    type: str = ""


_decode = msgspec.json.Decoder(_Frame).decode


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one connection may hold and do."""

    queued_frames: int = 256
    queued_bytes: int = 1024 * 1024
    write_seconds: float = 10.0
    frames_in: int = 60
    frames_in_seconds: float = 10.0


class Connection:
    """One open socket of one person: a Sink for events, and an ear for pings.

    Frames wait in a bounded queue that a single writer empties; whoever reads too slowly is
    closed with 1013 and reloads, so that nobody ever waits for them.
    """

    def __init__(self, id: UUID, user_id: UserId, frames: Frames, limits: Limits) -> None:  # noqa: A002
        self.id = id
        self.user_id = user_id
        self._frames = frames
        self._limits = limits
        self._queue: deque[str] = deque()
        self._queued_bytes = 0
        self._wake = asyncio.Event()
        self._closing: tuple[int, str] | None = None
        self._heard: deque[float] = deque(maxlen=limits.frames_in)

    @property
    def closing(self) -> tuple[int, str] | None:
        """Code and reason, once the connection is to end."""
        return self._closing

    def deliver(self, announcement: Announcement) -> None:
        """Queue one event."""
        self.push(self._frames.of(announcement))

    def give_up(self) -> None:
        """End the connection: events were missed."""
        self.close(TRY_AGAIN_LATER, "resync")

    def push(self, frame: str) -> None:
        """Queue one frame, or end the connection if too much waits already."""
        if self._closing is not None:
            return
        self._queued_bytes += len(frame)
        if len(self._queue) >= self._limits.queued_frames or self._queued_bytes > self._limits.queued_bytes:
            self.close(TRY_AGAIN_LATER, "slow_consumer")
            return
        self._queue.append(frame)
        self._wake.set()

    def close(self, code: int, reason: str) -> None:
        """End the connection; the first reason wins."""
        if self._closing is None:
            self._closing = (code, reason)
            self._queue.clear()
            self._wake.set()

    async def write(self, send: Callable[[str], Awaitable[None]]) -> None:
        """Send what is queued until the connection is to end.

        Raises:
            TimeoutError: the peer took nothing for 10 s.
        """
        while self._closing is None:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                frame = self._queue.popleft()
                self._queued_bytes -= len(frame)
                async with asyncio.timeout(self._limits.write_seconds):
                    await send(frame)

    async def hear(self, chat: Chat, text: str) -> None:
        """Take one frame from the client: a ping is answered, anything else is ignored."""
        now = time.monotonic()
        if len(self._heard) == self._heard.maxlen and now - self._heard[0] < self._limits.frames_in_seconds:
            self.close(POLICY_VIOLATION, "too_many_frames")
            return
        self._heard.append(now)
        try:
            kind = _decode(text).type
        except msgspec.MsgspecError:
            return
        if kind == "ping":
            self.push(PONG)
            await self._beat(chat)

    async def _beat(self, chat: Chat) -> None:
        try:
            await chat.presence.beat(self.user_id, self.id)
        except ChatError as error:
            _log.warning("presence could not be refreshed: %s", error.code)
