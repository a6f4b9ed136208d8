"""The socket: one connection's frames, in and out, with a limit on everything."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import msgspec
from litestar import WebSocket, websocket
from litestar.di import NamedDependency
from litestar.exceptions import WebSocketException

from mtchat_app.http.callers import Person
from mtchat_app.http.frames import PONG, Frames, connected
from mtchat_app.settings import Settings
from mtchat_core.chat import Chat
from mtchat_core.domain.errors import ChatError, ServiceUnavailable
from mtchat_core.domain.ids import UserId
from mtchat_core.ports.realtime import Announcement

FEATURES = ("idempotency", "sender_names", "history")
"""What clients may count on beyond the original; named in `connected`."""

TOKEN_GRACE_SECONDS = 25.0
"""How long a socket outlives its token, so that a client can renew it in time."""
_LONG_LIFE_SECONDS = 30 * 24 * 3600
CLOSE_SECONDS = 5.0

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


class Sockets:
    """Every open socket of this process, within its limits."""

    def __init__(self, *, per_user: int, per_node: int, limits: Limits) -> None:
        self._per_user = per_user
        self._per_node = per_node
        self._limits = limits
        self._frames = Frames()
        self._open: dict[UserId, set[Connection]] = {}

    @classmethod
    def of(cls, settings: Settings) -> "Sockets":
        """Return none yet, within the limits of *settings*."""
        return cls(
            per_user=settings.sockets_per_user,
            per_node=settings.sockets_per_node,
            limits=Limits(
                queued_frames=settings.socket_queue_frames,
                queued_bytes=settings.socket_queue_bytes,
                write_seconds=settings.socket_write_timeout_secs,
                frames_in=settings.socket_frames_in,
                frames_in_seconds=settings.socket_frames_in_secs,
            ),
        )

    def open(self, user: UserId) -> Connection:
        """Make room for one more connection of *user*.

        Raises:
            ServiceUnavailable: the person, or this process, has too many.
        """
        mine = self._open.get(user, set())
        if len(mine) >= self._per_user:
            raise ServiceUnavailable(f"You have {self._per_user} connections already. Close one.")
        if sum(map(len, self._open.values())) >= self._per_node:
            raise ServiceUnavailable("There are too many connections right now. Try again shortly.")
        connection = Connection(uuid4(), user, self._frames, self._limits)
        self._open.setdefault(user, set()).add(connection)
        return connection

    def forget(self, connection: Connection) -> None:
        """Give a connection's room back."""
        remaining = self._open[connection.user_id]
        remaining.discard(connection)
        if not remaining:
            del self._open[connection.user_id]

    def close(self) -> None:
        """End every connection: the service is going away."""
        for connections in self._open.values():
            for connection in connections:
                connection.close(GOING_AWAY, "going_away")


@websocket("/ws")
async def listen(
    socket: WebSocket[Any, Any, Any], caller: NamedDependency[Person], chat: NamedDependency[Chat]
) -> None:
    """Tell a person live what happens in their dialogs, until either side hangs up."""
    sockets: Sockets = socket.app.state.sockets
    connection = sockets.open(caller.user_id)
    expiry = _expire(connection, caller)
    try:
        # First in the queue, so that it is the first frame; what happens from here on comes after.
        connection.push(connected(caller.user_id, features=FEATURES, cursor=await chat.ports.events.latest()))
        await chat.realtime.connect(connection)
        await chat.presence.beat(caller.user_id, connection.id)
        await socket.accept()
        await _talk(socket, connection, chat)
    finally:
        if expiry is not None:
            expiry.cancel()
        try:
            await chat.presence.leave(caller.user_id, connection.id)
        finally:
            chat.realtime.disconnect(connection)
            sockets.forget(connection)


def _expire(connection: Connection, caller: Person) -> asyncio.TimerHandle | None:
    """End the connection when the token has ended, and a client had time to renew it."""
    if caller.expires_at is None or (left := caller.expires_at - time.time()) > _LONG_LIFE_SECONDS:
        return None
    end = asyncio.get_running_loop().call_later
    return end(max(0.0, left + TOKEN_GRACE_SECONDS), connection.close, POLICY_VIOLATION, "token_expired")


async def _talk(socket: WebSocket[Any, Any, Any], connection: Connection, chat: Chat) -> None:
    """Send and hear until the peer is gone or the connection is to end."""

    async def send(frame: str) -> None:
        await socket.send_text(frame)

    async def hear() -> None:
        while (event := await socket.receive())["type"] == "websocket.receive":
            if text := event.get("text"):
                await connection.hear(chat, text)

    writing, hearing = asyncio.create_task(connection.write(send)), asyncio.create_task(hear())
    try:
        await asyncio.wait({writing, hearing}, return_when=asyncio.FIRST_COMPLETED)
        if not hearing.done() and connection.closing is not None:
            code, reason = connection.closing
            async with asyncio.timeout(CLOSE_SECONDS):
                await socket.close(code, reason)
    except (TimeoutError, OSError):
        # The peer takes nothing any more: ending the route aborts its connection.
        _log.info("a socket could not be closed in order")
    finally:
        for task in (writing, hearing):
            task.cancel()
        ended = await asyncio.gather(writing, hearing, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception) and not isinstance(error, TimeoutError | OSError | WebSocketException):
            raise error
