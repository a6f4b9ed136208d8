"""Requests on the wire: uvicorn's HTTP/1.1, with the limits it lacks.

A head has to end, within a time and a size, before anything of ours runs; a request has to end; and
what the parser itself refuses is told in the same JSON as every refusal.
"""

import asyncio
import base64
import binascii
from typing import Any, cast

from attrs import define
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from mtchat_app.http.errors import DoorError, HeadersTooLarge, SocketVersionUnknown, answer_to

_MAX_SOCKET_LINE_BYTES, _MAX_SOCKET_HEADERS = 8000, 100
"""What the library behind the sockets takes, with something to spare."""
_WIRE_BYTES_PER_BODY_BYTE = 8
"""Even a body in chunks of one byte is framed by fewer; more are trailers without end."""
_PATIENCE_SECONDS = 5.0
"""How long a request that was told to end may take to say so."""


@define
class Terms:
    """What holds for every request of this process; `is_leaving` once it is about to end."""

    head_seconds: float
    head_bytes: int
    body_seconds: float
    request_seconds: float
    is_leaving: bool = False


class Http1(HttpToolsProtocol):
    """One connection that speaks HTTP/1.1, until it becomes a socket or closes.

    Instead of a timer for each request, the server asks every connection once a second whether it
    is late.
    """

    def __init__(self, *args: Any, terms: Terms, **options: Any) -> None:
        super().__init__(*args, **options)
        self._terms = terms
        self._waiting_since: float | None = self.loop.time()
        self._answering_since = 0.0
        self._task: asyncio.Task[None] | None = None
        self._is_in_body = False
        self._is_refused = False
        self._head_bytes = 0

    @property
    def _is_answering(self) -> bool:
        return self._cycle is not None and not self._cycle.response_complete

    @property
    def _cycle(self) -> RequestResponseCycle | None:
        # uvicorn's types leave out that there is none at first.
        return self.cycle

    # What arrives

    def data_received(self, data: bytes) -> None:
        """Parse what came; a head that does not end is refused while it grows."""
        if self._is_refused:
            return
        if self._waiting_since is None and not self._is_answering:
            self._waiting_since = self.loop.time()
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > self._terms.head_bytes and not self._is_refused:
            self.refuse(HeadersTooLarge())

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        self._waiting_since = None
        self._is_in_body = True
        self._head_bytes = 0
        super().on_headers_complete()
        if self._terms.is_leaving and self._cycle is not None:
            # The next request is for another process.
            self._cycle.keep_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; what comes behind the body (a trailer) nobody asks for."""
        if not self._is_in_body:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, which has limits of its own, and pays for the lines that frame its chunks."""
        self._head_bytes -= _WIRE_BYTES_PER_BODY_BYTE * len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the body has ended: from here on it is our turn."""
        self._is_in_body = False
        self._head_bytes = 0
        self._answering_since = self.loop.time()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Become a socket, if the handshake is one (RFC 6455, section 4.2.1)."""
        try:
            self._check_handshake()
        except DoorError as error:
            self.refuse(error)
        else:
            super().handle_websocket_upgrade()
            # Another protocol has the connection now; parser and protocol would keep each other alive.
            self.parser = cast(Any, None)

    def _check_handshake(self) -> None:
        given = dict(self.headers)
        longest = max(len(self.url), *(len(name) + len(value) for name, value in self.headers))
        if longest > _MAX_SOCKET_LINE_BYTES or len(self.headers) > _MAX_SOCKET_HEADERS:
            raise HeadersTooLarge
        if self.scope["method"] != "GET":
            raise DoorError("A socket is opened with GET.")
        if given.get(b"sec-websocket-version") != b"13":
            raise SocketVersionUnknown
        try:
            key = base64.b64decode(given.get(b"sec-websocket-key", b""), validate=True)
        except binascii.Error:
            key = b""
        if len(key) != 16:
            raise DoorError("Sec-WebSocket-Key must be 16 bytes in base64.")

    # What leaves

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words, not for outside
        """Refuse what is not HTTP."""
        self.refuse(DoorError("The request is not valid HTTP/1.1."))

    def refuse(self, error: DoorError) -> None:
        """Answer with *error* and hang up; a client that is being answered is just left.

        What it still sends is let in and dropped for a while: closing at once would make the system
        take back the answer.
        """
        self._is_refused = True
        if self._is_answering:
            self.transport.close()
            return
        answer = answer_to(error)
        body = answer.body("")
        headers = [
            *self.server_state.default_headers,
            *((name.lower().encode(), value.encode()) for name, value in answer.headers),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        head = b"".join(b"%s: %s\r\n" % header for header in headers)
        self.transport.write(STATUS_LINE[answer.status] + head + b"\r\n" + body)
        self.transport.write_eof()
        self._waiting_since = self.loop.time()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Begin to answer, and remember who does."""
        self._answering_since = self.loop.time()
        self._task = self.loop.create_task(cycle.run_asgi(app))
        self._task.add_done_callback(self.tasks.discard)
        self.tasks.add(self._task)

    def on_response_complete(self) -> None:
        """Wait for the next request, for as long as connections are kept alive."""
        self._waiting_since = self._task = None
        super().on_response_complete()

    # What takes too long

    def check(self, now: float) -> None:
        """End what is late at *now* (the loop's time): a head, a request, or a peer that takes nothing."""
        if self.transport.is_closing():
            self._waiting_since = self._waiting_since or now
        if not self._is_answering or self.transport.is_closing():
            if self._waiting_since is not None and now - self._waiting_since > self._terms.head_seconds:
                self.transport.abort()
            return
        allowed = self._terms.request_seconds + (self._terms.body_seconds if self.cycle.more_body else 0)
        late = now - self._answering_since - allowed
        if late > _PATIENCE_SECONDS:
            self.transport.abort()
        elif late > 0 and self._task is not None:
            # The front answers with 503, if nothing has been answered yet.
            self._task.cancel()
            self._task = None
