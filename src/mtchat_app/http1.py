"""HTTP/1.1 as RFC 9112 means it: uvicorn's parser, less kind, with the limits it lacks.

What two parsers read differently is how one request hides in another (request smuggling), so a
request that is not sound ends its connection. A head has to end, within a time and a size, before
anything of ours runs; a request has to end; and every refusal is told in the same JSON.
Everything well-formed goes on to `http/front.py`.
"""

import asyncio
import base64
import binascii
from typing import Any, cast

from attrs import define
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from mtchat_app.http.errors import DoorError, HeadersTooLarge, SocketVersionUnknown, answer_to
from mtchat_app.http.pace import Pace
from mtchat_app.http.trace import Trace

_FRAMING = frozenset({b"content-length", b"transfer-encoding"})

_MAX_SOCKET_LINE_BYTES, _MAX_SOCKET_HEADERS = 8000, 100
"""What the library behind the sockets takes, with something to spare."""
_WIRE_BYTES_PER_BODY_BYTE = 8
"""Even a body in chunks of one byte is framed by fewer; more are trailers without end."""
_PATIENCE_SECONDS = 5.0
"""How long a request that was told to end may take to say so."""


class Malformed(DoorError):
    """The bytes are not one whole, unambiguous HTTP/1.1 request."""

    says = "This is not a valid HTTP/1.1 request."


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
    is late. A refusal is a connection's last answer, and comes after those to the requests before.
    """

    def __init__(self, *args: Any, terms: Terms, **options: Any) -> None:
        super().__init__(*args, **options)
        self._terms = terms
        self._waiting_since: float | None = self.loop.time()
        self._answering_since = 0.0
        self._task: asyncio.Task[None] | None = None
        self._is_refused = False
        self._head_bytes = 0
        self._pace = Pace()

    @property
    def _unanswered(self) -> RequestResponseCycle | None:
        # uvicorn's types leave out that there is none at first.
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return None if cycle is None or cycle.response_complete else cycle

    # What arrives

    def data_received(self, data: bytes) -> None:
        """Parse what came; a head that does not end is refused while it grows."""
        if self._is_refused:
            return
        if self._waiting_since is None and self._unanswered is None:
            self._waiting_since = self.loop.time()
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > self._terms.head_bytes and not self._is_refused:
            self.refuse(HeadersTooLarge())

    def on_headers_complete(self) -> None:
        """Begin to answer.

        Raises:
            Malformed: RFC 9112 asks us to refuse it (sections 2.3, 3.2, 6.1), or it can't become a socket.
        """
        self._waiting_since = None
        self._head_bytes = 0
        parser: Any = self.parser
        is_socket = parser.should_upgrade() and self._should_upgrade()
        if not self._is_sound(is_socket=is_socket):
            raise Malformed
        super().on_headers_complete()
        if not is_socket:
            # Trailers would pass for headers after everybody has looked: they end up in a list nobody has.
            self.headers = []
        if self._terms.is_leaving and (cycle := self._unanswered) is not None:
            # The next request is for another process.
            cycle.keep_alive = False

    def _is_sound(self, *, is_socket: bool) -> bool:
        parser: Any = self.parser
        version = parser.get_http_version()
        named = [name for name, _ in self.headers]
        codings = [value.lower() for name, value in self.headers if name == b"transfer-encoding"]
        if (version, named.count(b"host")) not in (("1.1", 1), ("1.0", 1), ("1.0", 0)):
            return False
        if codings and (version, codings) != ("1.1", [b"chunked"]):
            return False
        if is_socket:
            return parser.get_method() == b"GET" and _FRAMING.isdisjoint(named) and self._unanswered is None
        return True

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, which has limits of its own, and pays for the lines that frame its chunks."""
        self._head_bytes -= _WIRE_BYTES_PER_BODY_BYTE * len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the body has ended: from here on it is our turn."""
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
        if given.get(b"sec-websocket-version") != b"13":
            raise SocketVersionUnknown
        try:
            key = base64.b64decode(given.get(b"sec-websocket-key", b""), validate=True)
        except binascii.Error:
            key = b""
        if len(key) != 16:
            raise DoorError("Sec-WebSocket-Key must be 16 bytes in base64.")

    # What leaves

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - ours is the same for all of them
        """Refuse what the parser refuses."""
        self.refuse(Malformed())

    def refuse(self, error: DoorError) -> None:
        """Answer with *error* and hang up, unless that would land inside or before another answer."""
        self._is_refused = True
        cycle = self._unanswered
        if cycle is not None and not cycle.more_body:
            # That request was whole, and may have changed something: its answer is the last.
            cycle.keep_alive = False
            return
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()
        if cycle is not None and (cycle.response_started or self.pipeline):
            self.transport.close()
            return
        self.transport.write(self._written(error))
        # What still comes is let in and dropped for a while: closing at once would make the system take
        # back the answer.
        self.transport.write_eof()
        self._waiting_since = self.loop.time()

    def _written(self, error: DoorError) -> bytes:
        answer = answer_to(error)
        body = answer.body("")
        headers = [
            *self.server_state.default_headers,
            *((name.lower().encode(), value.encode()) for name, value in answer.headers),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"x-request-id", Trace().request_id.encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
            (b"connection", b"close"),
        ]
        return STATUS_LINE[answer.status] + b"".join(b"%s: %s\r\n" % header for header in headers) + b"\r\n" + body

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Begin to answer, and remember who does."""
        self._pace.until = 0.0
        self._pace.follow(cycle.scope)
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
        cycle = self._unanswered
        if cycle is None or self._is_refused or self.transport.is_closing():
            if self._waiting_since is not None and now - self._waiting_since > self._terms.head_seconds:
                self.transport.abort()
            return
        allowed = self._terms.request_seconds + (self._terms.body_seconds if cycle.more_body else 0)
        late = now - max(self._answering_since + allowed, self._pace.until)
        if late > _PATIENCE_SECONDS:
            self.transport.abort()
        elif late > 0 and self._task is not None:
            # The front answers with 503, if nothing has been answered yet.
            self._task.cancel()
            self._task = None
