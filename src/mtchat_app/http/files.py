"""The door for the bytes of files, where the service keeps them itself: a signed link is all it asks for.

An ASGI application beside the routes: bodies here are no JSON, longer than any other, and pass through
piece by piece, so that neither a slow sender nor a slow reader holds more than a piece in memory.
"""

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, ClassVar, Final, Protocol, Self

from attrs import frozen
from litestar.types import Receive, Scope, Send

from mtchat_app.http import pace
from mtchat_app.http.cors import Headers
from mtchat_app.http.errors import AddressUnknown, BodyTooSlow, DoorError, MethodUnknown, PeerGone
from mtchat_app.http.parameters import Pairs, header, read_query
from mtchat_core.domain.attachments import AttachmentNotFound

PATH: Final = "/files/"
SLOWEST_BYTES_PER_SECOND: Final = 16 * 1024
"""Whoever sends or reads on and on slower than this is cut off."""
_PIECE_BYTES: Final = 64 * 1024
_GATHERED_BYTES: Final = 256 * 1024
_LAST_SECONDS: Final = 30.0
"""For the bytes to reach the disk once all of them are here."""
_RANGE = re.compile(rb"bytes=([0-9]{0,18})-([0-9]{0,18})", re.IGNORECASE)
_UNKNOWN_TYPE: Final = b"application/octet-stream"
_NO_SCRIPT: Final = b"sandbox; default-src 'none'"
_NO_SCRIPT_BUT_SHOWN: Final = b"default-src 'none'; style-src 'unsafe-inline'; object-src 'self'"
"""For PDF: browsers show none in a sandbox, and what shows them runs outside of our origin."""


class Intake(Protocol):
    """One PUT through a link: exactly *size_bytes* of *content_type*, which is None where any will do."""

    @property
    def size_bytes(self) -> int: ...
    @property
    def content_type(self) -> str | None: ...
    async def begin(self) -> None:
        """Make ready to take the bytes; raises where they can't be."""
        ...

    async def add(self, body: bytes) -> None:
        """Take the next bytes."""
        ...

    async def keep(self) -> str:
        """Keep what came, and return its etag."""
        ...

    def close(self) -> None:
        """Forget what was not kept."""
        ...


class Reading(Protocol):
    """A file on its way out."""

    @property
    def size_bytes(self) -> int: ...
    @property
    def etag(self) -> str: ...
    async def read(self, begin: int, size: int) -> bytes:
        """Return some of its bytes."""
        ...

    def close(self) -> None:
        """Let it go."""
        ...


class Handout(Protocol):
    """One GET through a link."""

    @property
    def content_type(self) -> str: ...
    @property
    def disposition(self) -> str: ...
    @property
    def life(self) -> timedelta:
        """How much longer the link is good."""
        ...

    async def open(self) -> Reading | None:
        """Open the file; None if there is none."""
        ...


class Shelf(Protocol):
    """A storage without a server of its own, whose links lead here."""

    def intake(self, key: str, pairs: Pairs) -> Intake:
        """Return what may be put through a link; raises if nothing may."""
        ...

    def handout(self, key: str, pairs: Pairs) -> Handout:
        """Return what a link gives out; raises if it gives nothing."""
        ...


class LengthMissing(DoorError):
    """The body does not say how long it is."""

    status = 411
    says = "Send the file with its Content-Length."


class NotAsAgreed(DoorError):
    """The body is not of the type and length that the link was made for."""

    status, code = 403, "FORBIDDEN"
    says = "Forbidden: the link is for a file of another Content-Type or Content-Length."


class RangeUnknown(DoorError):
    """The file has no such bytes."""

    status, code = 416, "RANGE_NOT_SATISFIABLE"
    says = "The file has no such bytes."

    def __init__(self, size_bytes: int) -> None:
        super().__init__()
        self.headers: Mapping[str, str] = {"Content-Range": f"bytes */{size_bytes}"}  # type: ignore[misc]


class OnlyThese(MethodUnknown):
    """Links are for putting and getting."""

    headers: ClassVar[Mapping[str, str]] = {"Allow": "GET, HEAD, OPTIONS, PUT"}


@frozen
class Span:
    """Bytes of a file, from the first to before the last."""

    begin: int
    end: int

    @property
    def size_bytes(self) -> int:
        """How many they are."""
        return self.end - self.begin

    @classmethod
    def asked(cls, scope: Scope, etag: bytes, size: int) -> Self | None:
        """Return what part of a file of *size* is asked for; None: all of it (RFC 9110, section 14.2).

        Raises:
            RangeUnknown: none of it is there.
        """
        asked = _RANGE.fullmatch(header(scope, b"range") or b"")
        only_if = header(scope, b"if-range")
        if asked is None or asked.groups() == (b"", b"") or only_if not in (None, etag):
            # Several ranges at once are a way to ask much for little: like others we do not serve them.
            return None
        first, last = asked.groups()
        if not first:
            begin, end = max(0, size - int(last)), size
        else:
            begin, end = int(first), min(size, int(last) + 1) if last else size
            if last and int(last) < int(first):
                return None
        if begin >= end:
            raise RangeUnknown(size)
        return cls(begin, end)


@frozen
class FileDoor:
    """What lives below `/files/`; `state.shelf` is there once the service is open, if it keeps files itself."""

    state: Any
    body_seconds: float
    """What a body may take, beside the time its bytes take at the slowest pace."""
    answer_seconds: float
    """The same for an answer."""

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            AddressUnknown: the service keeps no files itself.
            MethodUnknown: neither GET, HEAD nor PUT.
            And what the shelf raises about links.
        """
        scope["path_template"] = f"{PATH}{{key}}"
        shelf: Shelf | None = self.state.get("shelf")
        if shelf is None:
            raise AddressUnknown
        key, pairs = own_path(scope).removeprefix(PATH), read_query(scope["query_string"])
        if scope["method"] == "PUT":
            await self._take(scope, shelf.intake(key, pairs), receive, send)
        elif scope["method"] in ("GET", "HEAD"):
            await self._give(scope, shelf.handout(key, pairs), receive, send)
        else:
            raise OnlyThese

    async def _take(self, scope: Any, intake: Intake, receive: Receive, send: Send) -> None:
        announced = header(scope, b"content-length")
        if announced is None:
            raise LengthMissing
        if announced != str(intake.size_bytes).encode() or not _is_agreed(scope, intake.content_type):
            raise NotAsAgreed
        await intake.begin()
        try:
            await self._receive(scope, intake, receive)
            etag = await intake.keep()
        finally:
            intake.close()
        await _start(send, 200, [(b"etag", _quoted(etag)), (b"content-length", b"0")])
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _receive(self, scope: Any, intake: Intake, receive: Receive) -> None:
        began, own = asyncio.get_running_loop().time(), pace.of(scope)
        gathered, arrived, is_more = bytearray(), 0, True
        while is_more:
            late_at = began + self.body_seconds + arrived / SLOWEST_BYTES_PER_SECOND
            own.until = late_at + _LAST_SECONDS
            try:
                async with asyncio.timeout_at(late_at):
                    event: Any = await receive()
            except TimeoutError:
                raise BodyTooSlow from None
            if event["type"] != "http.request":
                raise PeerGone
            body: bytes = event.get("body", b"")
            arrived, is_more = arrived + len(body), event.get("more_body", False)
            if arrived > intake.size_bytes:
                raise NotAsAgreed
            gathered += body
            if len(gathered) >= _GATHERED_BYTES or not is_more:
                await intake.add(bytes(gathered))
                gathered.clear()
        if arrived < intake.size_bytes:
            raise PeerGone

    async def _give(self, scope: Any, handout: Handout, receive: Receive, send: Send) -> None:
        if (file := await handout.open()) is None:
            raise AttachmentNotFound
        try:
            etag = _quoted(file.etag)
            headers = _headers_of(handout, etag)
            if _is_known(header(scope, b"if-none-match"), etag):
                await _start(send, 304, headers)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
            span = Span.asked(scope, etag, file.size_bytes) if scope["method"] == "GET" else None
            asked = span or Span(0, file.size_bytes)
            headers.append((b"content-length", str(asked.size_bytes).encode()))
            if span is not None:
                place = f"bytes {span.begin}-{span.end - 1}/{file.size_bytes}"
                headers.append((b"content-range", place.encode()))
            await _start(send, 200 if span is None else 206, headers)
            if scope["method"] == "HEAD":
                asked = Span(0, 0)
            await self._send(scope, file, asked, receive, send)
        finally:
            file.close()

    async def _send(self, scope: Any, file: Reading, span: Span, receive: Receive, send: Send) -> None:
        began, own = asyncio.get_running_loop().time(), pace.of(scope)
        leaving = asyncio.create_task(_left(receive))
        try:
            for begin in range(span.begin, span.end, _PIECE_BYTES):
                own.until = began + self.answer_seconds + (begin - span.begin) / SLOWEST_BYTES_PER_SECOND
                body = await file.read(begin, min(_PIECE_BYTES, span.end - begin))
                if leaving.done():
                    return
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            leaving.cancel()


async def _left(receive: Receive) -> None:
    """Return once the peer has gone; a server writes on as if it had not."""
    with suppress(OSError):
        while (await receive())["type"] != "http.disconnect":
            pass


async def _start(send: Send, status: int, headers: Headers) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})


def _is_agreed(scope: Scope, content_type: str | None) -> bool:
    given = header(scope, b"content-type") or b""
    if content_type is None:
        return True
    # A file whose type nobody knows comes without one, or as what clients call it then.
    return given == content_type.encode() or (not content_type and given == _UNKNOWN_TYPE)


def _headers_of(handout: Handout, etag: bytes) -> Headers:
    is_pdf = handout.content_type == "application/pdf"
    return [
        (b"content-type", handout.content_type.encode()),
        (b"content-disposition", handout.disposition.encode()),
        (b"content-security-policy", _NO_SCRIPT_BUT_SHOWN if is_pdf else _NO_SCRIPT),
        (b"cross-origin-resource-policy", b"cross-origin"),
        (b"cache-control", f"private, max-age={max(0, int(handout.life.total_seconds()))}".encode()),
        (b"accept-ranges", b"bytes"),
        (b"etag", etag),
    ]


def _is_known(asked: bytes | None, etag: bytes) -> bool:
    """Tell whether the reader has this already (RFC 9110, section 13.1.2)."""
    given = [] if asked is None else [tag.strip().removeprefix(b"W/") for tag in asked.split(b",")]
    return etag in given or given == [b"*"]


def _quoted(etag: str) -> bytes:
    return f'"{etag}"'.encode()


def own_path(scope: Any) -> str:
    """Return the path below where the service is mounted."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path") or "")
