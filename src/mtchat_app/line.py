"""Sockets on the wire: uvicorn's WebSocket, with a way to send at once and an end for who takes nothing.

ASGI can only send by waiting, and can only close in order: with a task per socket to wait, and a peer
that keeps its connection by not reading. The scope extension `mtchat.line` offers more to our own
doors, and everything else stays plain ASGI.
"""

import asyncio
from asyncio.transports import BaseTransport
from typing import Any, Protocol

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.protocol import OPEN

from mtchat_app.http.frames import Frame

EXTENSION = "mtchat.line"

_UNSENT_BYTES = 4096
"""What may wait outside the kernel before a peer counts as stuck; until then one loop's frames leave together."""
_CLOSE_SECONDS = 5.0
_INVALID_DATA = 1007


class Speaker(Protocol):
    """Who sends over a line."""

    def flush(self) -> None:
        """Send what waits: the line takes frames again."""
        ...


class Line(WebSocketsSansIOProtocol):
    """One socket. A peer that takes nothing for `write_seconds`, or answers no ping, is cut off."""

    def __init__(self, *args: Any, write_seconds: float, **options: Any) -> None:
        super().__init__(*args, **options)
        self._write_seconds = write_seconds
        self._speaker: Speaker | None = None
        self._is_stuck = False
        self._deadline: asyncio.TimerHandle | None = None

    # For our doors

    def open(self, speaker: Speaker) -> None:
        """Take frames of *speaker*, now that the handshake is complete."""
        self._speaker = speaker
        # Thousands of idle sockets need not remember how they came, nor keep themselves alive by it.
        self.scope["headers"] = []
        self.scope["extensions"] = {}
        del self.request, self.response

    def write(self, frame: Frame) -> bool:
        """Send *frame* at once, or return False: the speaker's `flush` is called when it is time to try again.

        What comes after the end is dropped.
        """
        if self._is_stuck:
            return False
        if self.conn.state is OPEN and not self.disconnected:
            self.transport.write(frame.wire)
        return True

    def close(self, code: int, reason: str) -> None:
        """Say goodbye at once, and hang up when the peer has answered or 5 s have passed."""
        if self.disconnected or self.close_sent or self.transport.is_closing():
            return
        self.stop_keepalive()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(_CLOSE_SECONDS, self.transport.abort)

    # For uvicorn

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin."""
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=_UNSENT_BYTES)

    def handle_connect(self, event: Request) -> None:
        """Offer ourselves to the application."""
        super().handle_connect(event)
        if not self.close_sent:
            scope: Any = self.scope
            scope["extensions"][EXTENSION] = self

    def send_receive_event_to_app(self) -> None:
        """Pass a message on; text that is not UTF-8 ends the socket (RFC 6455, section 8.1)."""
        if self.curr_msg_data_type == "text" and not _is_text(b"".join(self.frames)):
            self.frames = []
            self.close(_INVALID_DATA, "")
        else:
            super().send_receive_event_to_app()

    def pause_writing(self) -> None:
        """Give the peer its time to take what was sent."""
        super().pause_writing()
        self._is_stuck = True
        self._deadline = self.loop.call_later(self._write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on with what waited."""
        super().resume_writing()
        self._unstick()
        if self._speaker is not None:
            self._speaker.flush()

    def _unstick(self) -> None:
        self._is_stuck = False
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._unstick()
        self._speaker = None
        super().connection_lost(exc)

    def keepalive_timeout(self) -> None:
        """Cut off a peer that answers no ping: closing in order would wait for it."""
        self.transport.abort()

    async def run_asgi(self) -> None:
        """Run the application; when it has ended, the peer has a moment to take what is left."""
        await super().run_asgi()
        if self.transport.get_write_buffer_size():
            self.loop.call_later(_CLOSE_SECONDS, self.transport.abort)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
