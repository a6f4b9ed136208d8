"""The socket: one connection's frames, in and out, with a limit on everything."""

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from math import ceil
from typing import Annotated, Any, Protocol
from uuid import UUID, uuid4

import msgspec
from litestar import WebSocket, websocket
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.types import Receive, Send

from mtchat_app.http import trace
from mtchat_app.http.callers import Person
from mtchat_app.http.frames import Frame, Frames, connected
from mtchat_app.settings import Settings
from mtchat_core.chat import Chat
from mtchat_core.domain.errors import ChatError, ServiceUnavailable
from mtchat_core.domain.events import Recorded
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.ports.realtime import Announcement
from mtchat_core.use_cases.events import Resumed
from mtchat_core.use_cases.files import Links

FEATURES = ("idempotency", "sender_names", "history", "resume", "search", "typing")
"""What clients may count on beyond the original; named in `connected`; `files` joins where files are kept."""

TOKEN_GRACE_SECONDS = 25.0
"""How long a socket outlives its token, so that a client can renew it in time."""
_LONG_LIFE_SECONDS = 30 * 24 * 3600
_OPENINGS_AT_ONCE = 8
"""Sockets that ask the database at the same time: when thousands come back at once, requests go on."""
OPENING_SECONDS = 10.0
CLOSE_SECONDS = 5.0

GOING_AWAY, POLICY_VIOLATION, TRY_AGAIN_LATER = 1001, 1008, 1013

_log = logging.getLogger(__name__)


class _Frame(msgspec.Struct):
    type: str = ""


class _Typing(msgspec.Struct):
    dialog_id: UUID
    is_typing: bool = True


_decode = msgspec.json.Decoder(_Frame).decode
_decode_typing = msgspec.json.Decoder(_Typing).decode


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one connection may hold and do."""

    queued_frames: int = 256
    queued_bytes: int = 1024 * 1024
    write_seconds: float = 10.0
    frames_in: int = 60
    frames_in_seconds: float = 10.0
    resumed_events: int = 1000
    resumed_bytes: int = 4 * 1024 * 1024


class Line(Protocol):
    """Where frames leave; our own server offers one as scope extension `mtchat.line`."""

    def open(self, speaker: "Connection") -> None:
        """Take what *speaker* says from here on."""
        ...

    def write(self, frame: Frame) -> bool:
        """Send *frame* at once, or return False: the speaker's `flush` is called when it is time to try again."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Say goodbye, without waiting; the peer's `websocket.disconnect` follows."""
        ...


class Connection:
    """One open socket of one person: a Sink for events, and an ear for pings.

    Frames leave at once where the line takes them; else they wait in a bounded queue, and
    whoever reads too slowly is closed with 1013 and reloads. Nobody ever waits for anybody.
    Until the connection is greeted, what it is told is held back: the greeting comes first.
    """

    __slots__ = (
        "_closing",
        "_first",
        "_frames",
        "_heard",
        "_heard_since",
        "_held",
        "_limits",
        "_line",
        "_queue",
        "_queued_bytes",
        "_told",
        "id",
        "user_id",
    )

    def __init__(self, id: UUID, user_id: UserId, frames: Frames, limits: Limits) -> None:  # noqa: A002
        self.id = id
        self.user_id = user_id
        self._frames = frames
        self._limits = limits
        self._line: Line | None = None
        self._held: list[Announcement] | None = []
        self._first: list[Frame] = []
        self._told: dict[DialogId, int] = {}
        self._queue: list[Frame] = []
        self._queued_bytes = 0
        self._closing: tuple[int, str] | None = None
        self._heard = 0
        self._heard_since = 0.0

    @property
    def closing(self) -> tuple[int, str] | None:
        """Code and reason, once the connection is to end."""
        return self._closing

    def open(self, line: Line) -> None:
        """Send over *line* from here on, beginning with what waits already."""
        self._line = line
        line.open(self)
        self.flush()
        if self._closing is not None:
            line.close(*self._closing)

    def greet(self, greeting: Frame, missed: Sequence[tuple[Recorded, Frame]] = ()) -> None:
        """Send the greeting, then what was missed, then what was held back; nothing of that twice.

        The first two count against no limit: they are bounded already.
        """
        self._first = [greeting, *(frame for _, frame in missed)]
        self._told = {recorded.event.dialog_id: recorded.seq for recorded, _ in missed}
        held, self._held = self._held or (), None
        for announcement in held:
            self.deliver(announcement)

    def deliver(self, announcement: Announcement) -> None:
        """Send one event."""
        if self._held is None:
            if not self._told or self._is_news(announcement):
                self.push(self._frames.of(announcement))
        elif len(self._held) < self._limits.queued_frames:
            self._held.append(announcement)
        else:
            self.close(TRY_AGAIN_LATER, "slow_consumer")

    def _is_news(self, announcement: Announcement) -> bool:
        """Tell whether an event was not told as missed already; the first that was not ends the asking."""
        if not isinstance(announcement, Recorded):
            return True
        dialog = announcement.event.dialog_id
        if announcement.seq <= self._told.get(dialog, 0):
            return False
        self._told.pop(dialog, None)
        return True

    def give_up(self) -> None:
        """End the connection: events were missed."""
        self.close(TRY_AGAIN_LATER, "resync")

    def push(self, frame: Frame) -> None:
        """Send one frame, or have it wait; end the connection if too much waits already."""
        if self._closing is not None:
            return
        if self._line is not None and not self._first and not self._queue and self._line.write(frame):
            return
        self._queued_bytes += len(frame.wire)
        if len(self._queue) >= self._limits.queued_frames or self._queued_bytes > self._limits.queued_bytes:
            self.close(TRY_AGAIN_LATER, "slow_consumer")
            return
        self._queue.append(frame)

    def flush(self) -> None:
        """Send what waits, as far as the line takes it."""
        self._write(self._first)
        if not self._first:
            self._queued_bytes -= self._write(self._queue)

    def _write(self, frames: list[Frame]) -> int:
        """Send *frames* as far as the line takes them, and return the bytes of those it took."""
        assert self._line is not None
        sent, size = 0, 0
        while sent < len(frames) and self._line.write(frames[sent]):
            size += len(frames[sent].wire)
            sent += 1
        del frames[:sent]
        return size

    def close(self, code: int, reason: str) -> None:
        """End the connection; the first reason wins, and what waits is dropped."""
        if self._closing is None:
            self._closing = (code, reason)
            self._first.clear()
            self._queue.clear()
            if self._line is not None:
                self._line.close(code, reason)

    async def hear(self, chat: Chat, text: str) -> None:
        """Take one frame from the client: a ping is answered, typing is passed on, anything else is ignored."""
        if self._is_flooded():
            self.close(POLICY_VIOLATION, "too_many_frames")
            return
        try:
            kind = _decode(text).type
        except msgspec.MsgspecError:
            return
        if kind == "ping":
            self.push(self._frames.pong(chat.follower.cursor))
            await self._beat(chat)
        elif kind == "typing":
            with suppress(msgspec.MsgspecError):
                typing = _decode_typing(text)
                chat.realtime.typing(self.user_id, DialogId(typing.dialog_id), is_typing=typing.is_typing)

    def _is_flooded(self) -> bool:
        now = time.monotonic()
        if now - self._heard_since >= self._limits.frames_in_seconds:
            self._heard, self._heard_since = 0, now
        self._heard += 1
        return self._heard > self._limits.frames_in

    async def _beat(self, chat: Chat) -> None:
        try:
            await chat.presence.beat(self.user_id, self.id)
        except ChatError as error:
            _log.warning("presence could not be refreshed: %s", error.code)


class Sockets:
    """Every open socket of this process, within its limits."""

    def __init__(self, *, per_user: int, per_node: int, limits: Limits, links: Links) -> None:
        self.limits = limits
        self.openings = asyncio.Semaphore(_OPENINGS_AT_ONCE)
        self._per_user = per_user
        self._per_node = per_node
        self.frames = Frames(links)
        self._open: dict[UserId, set[Connection]] = {}
        self._count = 0
        self._is_leaving = False

    @classmethod
    def of(cls, settings: Settings, links: Links) -> "Sockets":
        """Return none yet, within the limits of *settings*; what they tell of has *links* to its files."""
        return cls(
            per_user=settings.sockets_per_user,
            per_node=settings.sockets_per_node,
            limits=Limits(
                queued_frames=settings.socket_queue_frames,
                queued_bytes=settings.socket_queue_bytes,
                write_seconds=settings.socket_write_timeout_secs,
                frames_in=settings.socket_frames_in,
                frames_in_seconds=settings.socket_frames_in_secs,
                resumed_events=settings.resume_events,
            ),
            links=links,
        )

    def __len__(self) -> int:
        return self._count

    def open(self, user: UserId) -> Connection:
        """Make room for one more connection of *user*.

        Raises:
            ServiceUnavailable: the person, or this process, has too many, or it is about to end.
        """
        mine = self._open.get(user, set())
        if self._is_leaving:
            raise ServiceUnavailable("The service is restarting. Try again shortly.")
        if len(mine) >= self._per_user:
            raise ServiceUnavailable(f"You have {self._per_user} connections already. Close one.")
        if self._count >= self._per_node:
            raise ServiceUnavailable("There are too many connections right now. Try again shortly.")
        connection = Connection(uuid4(), user, self.frames, self.limits)
        self._open.setdefault(user, set()).add(connection)
        self._count += 1
        return connection

    def forget(self, connection: Connection) -> None:
        """Give a connection's room back."""
        remaining = self._open[connection.user_id]
        remaining.discard(connection)
        self._count -= 1
        if not remaining:
            del self._open[connection.user_id]

    def leave(self, steps: int = 1) -> Iterator[None]:
        """End every connection, and let nobody in any more: the service is going away.

        Some end with each of at most *steps* steps: who reconnects at once is a storm for the other nodes.
        """
        self._is_leaving = True
        everybody = [connection for connections in self._open.values() for connection in connections]
        share = ceil(len(everybody) / steps)
        while everybody:
            for connection in everybody[:share]:
                connection.close(GOING_AWAY, "going_away")
            del everybody[:share]
            yield


@websocket("/ws")
async def listen(
    socket: WebSocket[Any, Any, Any],
    caller: NamedDependency[Person],
    chat: NamedDependency[Chat],
    cursor: Annotated[str | None, QueryParameter(description="The newest cursor from an earlier socket.")] = None,
) -> None:
    """Open a socket that tells a person live what happens in their dialogs.

    The route ends here: the front goes on with the conversation, so that an idle socket does not keep
    everything that led to it.
    """
    scope: Any = socket.scope
    extensions: dict[str, Any] = scope.get("extensions") or {}
    line: Line | None = extensions.get("mtchat.line")
    sockets: Sockets = socket.app.state.sockets
    conversation = Conversation(sockets.open(caller.user_id), sockets, chat, line)
    try:
        await conversation.begin(cursor)
        await socket.accept()
    except BaseException:
        await conversation.end()
        raise
    conversation.expire(caller)
    trace.of(scope).conversation = conversation.hold


class Conversation:
    """What is said over one socket, from the first frame until either side hangs up."""

    __slots__ = ("_chat", "_connection", "_expiry", "_line", "_sockets")

    def __init__(self, connection: Connection, sockets: Sockets, chat: Chat, line: Line | None) -> None:
        self._connection = connection
        self._sockets = sockets
        self._chat = chat
        self._line = line
        self._expiry: asyncio.TimerHandle | None = None

    async def begin(self, cursor: str | None) -> None:
        """Let the connection hear: its greeting, what it missed since *cursor*, and what happens from here on.

        Raises:
            ServiceUnavailable: too many come at once, or the database does not answer.
        """
        connection, chat = self._connection, self._chat
        user = connection.user_id
        try:
            async with asyncio.timeout(OPENING_SECONDS), self._sockets.openings:
                await chat.follower.begin()
                # First it listens, then it is told what it missed: nothing falls between the two.
                await chat.realtime.connect(connection)
                self._greet(await chat.events.resume(user, cursor, limit=self._sockets.limits.resumed_events))
        except TimeoutError:
            raise ServiceUnavailable("Too many connect right now. Try again shortly.") from None
        await chat.presence.beat(user, connection.id)

    def _greet(self, resumed: Resumed) -> None:
        frames, limits = self._sockets.frames, self._sockets.limits
        missed = [(recorded, frames.of(recorded)) for recorded in resumed.events]
        fits = sum(len(frame.wire) for _, frame in missed) <= limits.resumed_bytes
        greeting = connected(
            self._connection.user_id,
            features=(*FEATURES, "files") if self._chat.files.is_on else FEATURES,
            cursor=resumed.cursor,
            recovered=resumed.recovered and fits,
        )
        self._connection.greet(greeting, missed if fits else ())

    def expire(self, caller: Person) -> None:
        """End the connection when the token has ended, and a client had time to renew it."""
        if caller.expires_at is None or (left := caller.expires_at - time.time()) > _LONG_LIFE_SECONDS:
            return
        later = asyncio.get_running_loop().call_later
        end = self._connection.close
        self._expiry = later(max(0.0, left + TOKEN_GRACE_SECONDS), end, POLICY_VIOLATION, "token_expired")

    async def hold(self, receive: Receive, send: Send) -> None:
        """Send and hear until the peer is gone or the connection is to end."""
        try:
            if self._line is not None:
                self._connection.open(self._line)
                await self._hear(receive)
            else:
                await self._talk(receive, send)
        finally:
            await self.end()

    async def end(self) -> None:
        """Forget the connection."""
        connection, chat = self._connection, self._chat
        if self._expiry is not None:
            self._expiry.cancel()
        try:
            await chat.presence.leave(connection.user_id, connection.id)
        finally:
            chat.realtime.disconnect(connection)
            self._sockets.forget(connection)

    async def _hear(self, receive: Receive) -> None:
        while (event := await receive())["type"] == "websocket.receive":
            if text := event.get("text"):
                await self._connection.hear(self._chat, text)

    async def _talk(self, receive: Receive, send: Send) -> None:
        """Send and hear by turns, on a server that offers no line."""
        messages = _Messages(send, self._sockets.limits.write_seconds)
        self._connection.open(messages)
        speaking, hearing = asyncio.create_task(messages.send()), asyncio.create_task(self._hear(receive))
        try:
            await asyncio.wait({speaking, hearing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (speaking, hearing):
                task.cancel()
            ended = await asyncio.gather(speaking, hearing, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception):
                raise error


class _Messages:
    """A line over plain ASGI, one frame at a time, for a server that offers nothing better."""

    def __init__(self, send: Send, seconds: float) -> None:
        self._send = send
        self._seconds = seconds
        self._speaker: Connection | None = None
        self._frame: Frame | None = None
        self._goodbye: tuple[int, str] | None = None
        self._wake = asyncio.Event()

    def open(self, speaker: Connection) -> None:
        """Take what *speaker* says from here on."""
        self._speaker = speaker

    def write(self, frame: Frame) -> bool:
        """Take *frame*, unless one is under way."""
        if self._frame is not None:
            return False
        self._frame = frame
        self._wake.set()
        return True

    def close(self, code: int, reason: str) -> None:
        """Say goodbye after the frame that is under way."""
        self._goodbye = (code, reason)
        self._wake.set()

    async def send(self) -> None:
        """Send what is said until goodbye, or until the peer takes nothing any more."""
        # Ending the route is all one can do about a peer that takes nothing, or that is gone.
        with suppress(TimeoutError, OSError):
            while self._goodbye is None:
                await self._wake.wait()
                self._wake.clear()
                while self._frame is not None:
                    await self._within(self._seconds, self._frame.message)
                    self._frame = None
                    if self._speaker is not None:
                        self._speaker.flush()
            code, reason = self._goodbye
            await self._within(CLOSE_SECONDS, {"type": "websocket.close", "code": code, "reason": reason})

    async def _within(self, seconds: float, message: Any) -> None:
        async with asyncio.timeout(seconds):
            await self._send(message)
