"""Request bodies: read within limits, then decoded strictly into the type the route declares."""

import asyncio
import re
from functools import lru_cache
from typing import Any

import msgspec
from attrs import frozen
from litestar import Request
from litestar.handlers import BaseRouteHandler
from litestar.types import Empty

from mtchat_app.http import strict_json
from mtchat_app.http.errors import BodyTooLarge, BodyTooSlow, MediaTypeUnknown, PeerGone, WrongShape
from mtchat_app.http.parameters import header, read_uuid
from mtchat_core.domain.errors import BadRequest

_MEDIA_TYPE = re.compile(rb"application/(?:json|[a-z0-9!#$&^_.+-]+\+json)")
_AT = re.compile(r"Invalid UUID - at `\$((?:\.\w+|\[[0-9]+\])+)`")
_STEP = re.compile(r"\.(\w+)|\[([0-9]+)\]")
_MAX_RARE_UUIDS = 16
"""Most UUIDs of one body in braces or as URNs: each costs another look at the whole."""


@frozen
class BodyLimits:
    """How large a body may be, in bytes, and how long it may take, in seconds."""

    max_bytes: int
    seconds: float


class StrictRequest(Request[Any, Any, Any]):
    """A request whose body is JSON as we promise it, or none at all."""

    async def body(self) -> bytes:
        """Return the body.

        Raises:
            MediaTypeUnknown: there is one (or must be one), and it is not announced as plain JSON.
            BadRequest: it must not be empty, and is.
            BodyTooLarge: over the limit; what lies beyond is not read.
            BodyTooSlow: it did not arrive in time.
        """
        if self._body is Empty:
            self._body = await self._read_body()
        return self._body

    async def json(self) -> Any:
        """Return the body as the type that the route's `data` declares.

        Raises:
            BadRequest, WrongShape, InvalidInput: see `strict_json.read`.
            WrongShape: JSON of another shape.
        """
        return decode(await self.body(), _wanted(self.scope["route_handler"]).type)

    async def _read_body(self) -> bytes:
        wanted = _wanted(self.scope["route_handler"])
        media_type = header(self.scope, b"content-type")
        is_json = media_type is not None and _is_json(media_type)
        is_plain = (header(self.scope, b"content-encoding") or b"identity").lower() == b"identity"
        if wanted.is_required and not (is_json and is_plain):
            raise MediaTypeUnknown
        body = await receive_body(self, self.app.state["body_limits"])
        if body and not (is_json and is_plain):
            raise MediaTypeUnknown
        if wanted.is_required and not body:
            raise BadRequest("The body must not be empty.")
        return body


def decode(body: bytes, kind: Any) -> Any:
    """Return *body* as a value of *kind*.

    Raises:
        WrongShape: JSON of another shape; the sentence gives the place, never the value.
        BadRequest, InvalidInput: see `strict_json.read`.
    """
    document = strict_json.read(body)
    said = ""
    for _ in range(_MAX_RARE_UUIDS + 1):
        try:
            return msgspec.convert(document, kind)
        except msgspec.ValidationError as error:
            said = str(error)
        if not _make_uuid_plain(document, said):
            break
    raise WrongShape(_sentence(said))


async def receive_body(request: Request[Any, Any, Any], limits: BodyLimits) -> bytes:
    """Read the whole body, chunked or not.

    Raises:
        BodyTooLarge: it is larger than allowed, or says so beforehand.
        BodyTooSlow: it does not arrive in time.
        PeerGone: it never ended.
    """
    announced = header(request.scope, b"content-length")
    if announced is not None and announced.isdigit() and int(announced[:20]) > limits.max_bytes:
        raise BodyTooLarge
    try:
        async with asyncio.timeout(limits.seconds):
            return await _collect(request, limits.max_bytes)
    except TimeoutError:
        raise BodyTooSlow from None


async def _collect(request: Request[Any, Any, Any], max_bytes: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        event = await request.receive()
        if event["type"] != "http.request":
            raise PeerGone
        chunk = event.get("body", b"")
        size += len(chunk)
        if size > max_bytes:
            raise BodyTooLarge
        if not event.get("more_body", False):
            return b"".join([*chunks, chunk]) if chunks else chunk
        chunks.append(chunk)


@frozen
class _Wanted:
    """What one route takes as its body."""

    type: Any
    is_required: bool


@lru_cache(1024)
def _wanted(handler: BaseRouteHandler) -> _Wanted:
    data = handler.parsed_fn_signature.parameters["data"]
    return _Wanted(data.annotation, is_required=not data.is_optional and not data.has_default)


def _is_json(media_type: bytes) -> bool:
    return _MEDIA_TYPE.fullmatch(media_type.partition(b";")[0].strip().lower()) is not None


def _make_uuid_plain(document: Any, said: str) -> bool:
    """Put the usual form in place of a UUID in braces or as a URN, which msgspec does not read.

    msgspec tells where it met one; this way the rest of the world pays nothing for the rare forms.
    """
    if not (found := _AT.fullmatch(said)):
        return False
    *path, last = (name or int(index) for name, index in _STEP.findall(found[1]))
    for step in path:
        document = document[step]
    if not isinstance(document[last], str) or (uuid := read_uuid(document[last])) is None:
        return False
    document[last] = str(uuid)
    return True


def _sentence(said: str) -> str:
    """Return msgspec's sentence without the value that some of them repeat."""
    what, at, where = said.rpartition(" - at ")
    if not at:
        what = said
    if what.startswith("Invalid"):
        what = "Invalid value"
    return f"The JSON does not fit: {what}{at}{where}."
