"""The outermost layer: everything every request goes through, before routing and after answering.

It gives the request an id and reads its address strictly, answers OPTIONS, keeps one log line per
request, and lets nothing leave without the headers that every answer has. A socket refused before
the upgrade gets the same JSON as any request (ASGI extension `websocket.http.response`).
"""

import asyncio
import re
import time
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import unquote_to_bytes

import structlog
from attrs import field, frozen
from litestar import Litestar
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from mtchat_app.http import files, trace
from mtchat_app.http.cors import Cors, Headers
from mtchat_app.http.errors import AddressUnknown, Answer, HeadersTooLarge, PeerGone, answer_to, is_failure
from mtchat_app.http.metrics import Metrics
from mtchat_app.http.parameters import SLASH_IN_SEGMENT, header
from mtchat_app.http.trace import Trace
from mtchat_core.domain.errors import BadRequest, ServiceUnavailable

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_ALWAYS: Headers = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
_NO_STORE = (b"cache-control", b"no-store")
_HEALTH = ("/health", "/health/ready")
_POLICY_VIOLATION, _OUR_FAULT = 1008, 1011
_MAX_LOGGED_PATH = 200

_log = structlog.get_logger()


async def note_error(error: Exception, scope: Scope) -> None:
    """Keep what a route raised (a hook of Litestar's), for the log and for refusing a handshake."""
    trace.of(scope).error = error


@frozen
class Front:
    """The whole service as one ASGI application; `app` is what it stands before."""

    app: Litestar
    cors: Cors
    max_header_bytes: int
    metrics: Metrics = field(factory=Metrics)
    files: ASGIApp | None = None
    """Who serves what lies below `/files`: bodies there are no JSON, and longer than any other."""

    def lifespan(self) -> AbstractAsyncContextManager[None]:
        """Open the service for the block, for a host that mounts it: hosts do not pass their lifespan on."""
        return self.app.lifespan()

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Serve one connection, or the lifespan."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        # Ours to change: the server keeps reading its own.
        own: Any = {**scope, "state": dict(scope.get("state") or {})}
        given = header(own, b"x-request-id")
        traced = trace.begin(own, given.decode() if given and _REQUEST_ID.fullmatch(given) else None)
        kind = _Visit if own["type"] == "http" else _Handshake
        await kind(self, own, traced, receive, send).serve()


class _Visit:
    """One request on its way through."""

    def __init__(self, front: Front, scope: Any, traced: Trace, receive: Receive, send: Send) -> None:
        self._front = front
        self._scope = scope
        self._trace = traced
        self._receive = receive
        self._send = send
        self._began = time.perf_counter()
        self._status = 0
        self._is_head = False

    async def serve(self) -> None:
        """Serve the request, whatever happens; cancellation goes on."""
        try:
            await self._serve()
        except asyncio.CancelledError:
            # The server's way to say that this takes too long, or that the process can't wait for it.
            if not self._status:
                await self.refuse(ServiceUnavailable("This took too long. Try again."))
            raise
        except Exception as error:
            self._trace.error = _cause(error)
            if not self._status:
                await self.refuse(error)
        finally:
            self._report()

    async def _serve(self) -> None:
        scope = self._scope
        if scope["method"] == "OPTIONS":
            await self._answer(200, [(b"content-length", b"0")], b"")
            return
        self._is_head = scope["method"] == "HEAD"
        _read_address(scope, self._front.max_header_bytes)
        if self._front.files is not None and files.own_path(scope).startswith(files.PATH):
            await self._front.files(scope, self._receive, self.pass_on)
            return
        if self._is_head:
            scope["method"] = "GET"
        await self._front.app(scope, self._receive, self.pass_on)

    async def refuse(self, error: BaseException) -> None:
        """Answer with *error*."""
        answer = answer_to(error)
        body = answer.body(self._trace.request_id)
        await self._answer(answer.status, _own_headers(answer, body), body)

    async def _answer(self, status: int, headers: Headers, body: bytes) -> None:
        await self.pass_on({"type": "http.response.start", "status": status, "headers": headers})
        await self.pass_on({"type": "http.response.body", "body": body, "more_body": False})

    async def pass_on(self, message: Message) -> None:
        """Send a part of the answer, with what every answer has."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            own = list(message.get("headers", ()))
            message["headers"] = [*own, *self._common(own)]
        elif message["type"] == "http.response.body" and self._is_head:
            message["body"] = b""
        await self._send(message)

    def _common(self, own: Headers) -> Headers:
        cors, scope = self._front.cors, self._scope
        origin = header(scope, b"origin")
        if scope["method"] == "OPTIONS":
            allowed = cors.for_preflight(origin, header(scope, b"access-control-request-headers"))
        else:
            allowed = cors.for_answer(origin)
        common = [(b"x-request-id", self._trace.request_id.encode()), *_ALWAYS]
        said = {name.lower() for name, _ in own}
        if b"access-control-allow-origin" not in said:
            common += allowed
        if b"cache-control" not in said:
            common.append(_NO_STORE)
        return common

    def _report(self) -> None:
        """Write the request's line; a failure of ours brings its cause along."""
        scope, traced = self._scope, self._trace
        path = _logged_path(scope)
        seconds = time.perf_counter() - self._began
        method = "HEAD" if self._is_head else scope["method"]
        self._front.metrics.answered(method, scope.get("path_template"), self._status, seconds)
        line = {
            "method": method,
            "path": path,
            "status": self._status,
            "ms": round(seconds * 1000, 2),
            "request_id": traced.request_id,
            "user_id": traced.user_id,
        }
        if traced.error is not None and is_failure(traced.error):
            _log.error("request failed", exc_info=traced.error, **line)
        elif self._status >= 500:
            _log.warning("request", **line)
        elif path in _HEALTH:
            _log.debug("request", **line)
        else:
            _log.info("request", **line)


class _Handshake:
    """One socket on its way through; refusals before the upgrade become ordinary answers."""

    def __init__(self, front: Front, scope: Any, traced: Trace, receive: Receive, send: Send) -> None:
        self._front = front
        self._scope = scope
        self._trace = traced
        self._receive = receive
        self._send = send
        self._began = time.perf_counter()
        self._state = "new"
        self._code = 0

    async def serve(self) -> None:
        """Serve the socket until it is closed, by whomever; cancellation goes on."""
        try:
            _read_address(self._scope, self._front.max_header_bytes)
            await self._front.app(self._scope, self.take, self.pass_on)
            if (conversation := self._trace.conversation) is not None:
                self._forget_the_route()
                await conversation(self.take, self.pass_on)
        except PeerGone:
            pass
        except Exception as error:
            self._trace.error = _cause(error)
            if self._state in ("new", "open"):
                await self.pass_on({"type": "websocket.close", "code": _OUR_FAULT, "reason": ""})
        finally:
            self._report("socket refused" if self._state == "refused" else "socket closed")

    def _forget_the_route(self) -> None:
        """Keep of the scope what the last log line needs: an idle socket holds it for days."""
        kept = {name: self._scope.get(name) for name in ("path_template", "raw_path")}
        self._scope.clear()
        self._scope.update(kept)

    async def take(self) -> Any:
        """Take what the client sends."""
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._code = self._code or message.get("code", 0)
        return message

    async def pass_on(self, message: Message) -> None:
        """Send a message on, or what takes its place.

        Raises:
            PeerGone: nobody is there any more.
        """
        try:
            if message["type"] == "websocket.send":
                await self._send(message)
            elif message["type"] == "websocket.close":
                await self._close(message)
            else:
                await self._open(message)
        except OSError:
            # The way of ASGI (2.4) to say that the client has left.
            raise PeerGone from None

    async def _open(self, message: Any) -> None:
        self._state = "open"
        own = (b"x-request-id", self._trace.request_id.encode())
        message["headers"] = [*message.get("headers", ()), own]
        await self._send(message)
        self._report("socket opened")

    async def _close(self, message: Any) -> None:
        if self._state == "new":
            await self._refuse()
            return
        self._state = "over"
        if self._trace.error is not None:
            # Litestar names a code of its own, and the error's words.
            message = {"type": "websocket.close", "code": _OUR_FAULT, "reason": ""}
        self._code = self._code or message["code"]
        await self._send(message)

    async def _refuse(self) -> None:
        self._state = "refused"
        answer = answer_to(self._trace.error or BadRequest("The handshake was refused."))
        self._code = answer.status
        if "websocket.http.response" not in (self._scope.get("extensions") or {}):
            await self._send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": answer.code})
            return
        body = answer.body(self._trace.request_id)
        headers = [
            *_own_headers(answer, body),
            (b"x-request-id", self._trace.request_id.encode()),
            _NO_STORE,
            *_ALWAYS,
            *self._front.cors.for_answer(header(self._scope, b"origin")),
        ]
        start: Any = {"type": "websocket.http.response.start", "status": answer.status, "headers": headers}
        rest: Any = {"type": "websocket.http.response.body", "body": body, "more_body": False}
        await self._send(start)
        await self._send(rest)

    def _report(self, event: str) -> None:
        traced = self._trace
        line: dict[str, object] = {
            "path": _logged_path(self._scope),
            "request_id": traced.request_id,
            "user_id": traced.user_id,
        }
        if event != "socket opened":
            line |= {"code": self._code, "ms": round((time.perf_counter() - self._began) * 1000, 2)}
        if traced.error is not None and is_failure(traced.error):
            _log.error(event, exc_info=traced.error, **line)
        else:
            _log.info(event, **line)


def _own_headers(answer: Answer, body: bytes) -> Headers:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    return headers + [(name.lower().encode(), value.encode()) for name, value in answer.headers]


def _read_address(scope: Any, max_bytes: int) -> None:
    """Put the decoded path into *scope*: an encoded slash stays inside its segment.

    Raises:
        HeadersTooLarge: address and headers are over the limit together.
        BadRequest: the path is not UTF-8, or holds U+0000.
        AddressUnknown: it has an empty segment, as with a slash at the end.
    """
    # What follows the question mark is no path, whatever a server thinks.
    raw: bytes = (scope.get("raw_path") or b"").partition(b"?")[0]
    size = len(raw) + len(scope["query_string"])
    for name, value in scope["headers"]:
        size += len(name) + len(value)
    if size > max_bytes:
        raise HeadersTooLarge
    if b"%" in raw:
        scope["path"] = _cut(_decode(raw), scope["path"])
    path: str = scope["path"]
    ends_with_slash = raw.endswith(b"/") if raw else path.endswith("/")
    if "//" in path or (ends_with_slash and path != "/"):
        raise AddressUnknown


def _decode(raw: bytes) -> str:
    try:
        segments = [unquote_to_bytes(segment).decode() for segment in raw.split(b"/")]
    except UnicodeDecodeError:
        raise BadRequest("The address is not valid UTF-8.") from None
    if any("\x00" in segment for segment in segments):
        raise BadRequest("The address contains a character that can't be stored (U+0000).")
    return "/".join(segment.replace("/", SLASH_IN_SEGMENT) for segment in segments)


def _cut(decoded: str, path: str) -> str:
    """Return the part of *decoded* that *path* is: a host application may cut a prefix off, or hang a slash on."""
    plain = decoded.replace(SLASH_IN_SEGMENT, "/")
    kept = path if plain.endswith(path) else path[:-1]
    return decoded[-len(kept) :]


def _logged_path(scope: Any) -> str:
    """Return the route's template, or the address as it came where no route took it; never the query."""
    template = scope.get("path_template")
    if isinstance(template, str):
        return template
    raw: bytes = (scope.get("raw_path") or b"").partition(b"?")[0]
    return raw[:_MAX_LOGGED_PATH].decode("latin-1")


def _cause(error: Exception) -> Exception:
    """Return what went wrong first: Litestar wraps what happens once an answer has begun."""
    return error.__cause__ if isinstance(error.__cause__, Exception) else error
