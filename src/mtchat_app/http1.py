"""HTTP/1.1 as RFC 9112 means it: uvicorn's parser, less kind, and refusing in our envelope.

What two parsers read differently is how one request hides in another (request smuggling), so a
request that is not sound ends its connection. Everything well-formed goes on to `http/front.py`.
"""

from http import HTTPStatus
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from mtchat_app.http.errors import DoorError, HeadersTooLarge, answer_to
from mtchat_app.http.trace import Trace

_FRAMING = frozenset({b"content-length", b"transfer-encoding"})


class Malformed(DoorError):
    """The bytes are not one whole, unambiguous HTTP/1.1 request."""

    says = "This is not a valid HTTP/1.1 request."


class Http1(HttpToolsProtocol):
    """One connection. A refusal is its last answer, and comes after those to the requests before."""

    max_stray_bytes = 2 * 16 * 1024
    """Most bytes in a row that neither finish a head nor belong to a body."""

    _is_refused = False
    _has_moved = False
    _stray_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Read on, unless this is over already, or a head, trailers or a chunk extension never end."""
        if self._is_refused:
            return
        self._has_moved = False
        super().data_received(data)
        self._stray_bytes = 0 if self._has_moved else self._stray_bytes + len(data)
        if self._stray_bytes > self.max_stray_bytes and not self._is_refused:
            self._refuse(HeadersTooLarge())

    def on_headers_complete(self) -> None:
        """Hand the request on.

        Raises:
            Malformed: RFC 9112 asks us to refuse it (sections 2.3, 3.2, 6.1), or it can't become a socket.
        """
        self._has_moved = True
        parser: Any = self.parser
        is_socket = parser.should_upgrade() and self._should_upgrade()
        if not self._is_sound(is_socket=is_socket):
            raise Malformed
        super().on_headers_complete()
        if not is_socket:
            # Trailers would pass for headers after everybody has looked: they end up in a list nobody has.
            self.headers = []

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._has_moved = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        self._has_moved = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - ours is the same for all of them
        """Refuse what the parser refuses."""
        self._refuse(Malformed())

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
            return parser.get_method() == b"GET" and _FRAMING.isdisjoint(named) and self._unanswered() is None
        return True

    def _unanswered(self) -> RequestResponseCycle | None:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return None if cycle is None or cycle.response_complete else cycle

    def _refuse(self, error: DoorError) -> None:
        """Answer with *error* and hang up, unless the answer would land inside or before another one."""
        self._is_refused = True
        cycle = self._unanswered()
        if cycle is not None and not cycle.more_body:
            # That request was whole, and may have changed something: its answer is the last.
            cycle.keep_alive = False
            return
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()
        if cycle is None or not (cycle.response_started or self.pipeline):
            self.transport.write(_written(error))
        self.transport.close()


def within(max_header_bytes: int) -> type[Http1]:
    """Return the protocol for heads of about *max_header_bytes*; the front counts finished ones exactly."""

    class Bounded(Http1):
        max_stray_bytes = 2 * max_header_bytes

    return Bounded


def _written(error: DoorError) -> bytes:
    answer = answer_to(error)
    body = answer.body("")
    head = [
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        f"x-request-id: {Trace().request_id}",
        "cache-control: no-store",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "connection: close",
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body
