"""The shape of every success: what was asked for, under `data`, and how it leaves."""

from typing import Annotated, Any, Generic, TypeVar

import msgspec
from attrs import frozen
from litestar import Response
from litestar.types import ASGIApp, Receive, Scope, Send
from msgspec import Meta, Struct

T = TypeVar("T")


class Data(Struct, Generic[T], frozen=True):
    """What was asked for."""

    data: T


class Listed(Struct, Generic[T], frozen=True):
    """One page of a list."""

    data: list[T]
    next_cursor: Annotated[
        str | None, Meta(description="Give it as `cursor` for the next page; null at the end.")
    ] = None


class Stretched(Struct, Generic[T], frozen=True):
    """Some events in the order of the log."""

    data: list[T]
    cursor: Annotated[str, Meta(description="Give it as `after` to go on.")]
    has_more: Annotated[bool, Meta(description="Whether more can be had at once.")]


def described(
    description: str,
    *,
    min_length: int | None = None,
    max_length: int | None = None,
    max_items: int | None = None,
    minimum: int | None = None,
    maximum: int | None = None,
    examples: list[object] | None = None,
) -> Meta:
    """Describe a field, with limits that the API description shows and the domain checks.

    Given as limits of msgspec they would be refused with 422 before the domain could say 400.
    Lengths count characters.
    """
    limits = {
        "min_length": min_length,
        "max_length": max_length,
        "max_items": max_items,
        "minimum": minimum,
        "maximum": maximum,
    }
    shown = {name: limit for name, limit in limits.items() if limit is not None}
    return Meta(description=description, examples=examples, extra_json_schema={"extra": shown} if shown else None)


_encode = msgspec.json.Encoder().encode


class JsonResponse(Response[Any]):
    """What a route returns, as JSON: nothing of Litestar's own response is used but its place."""

    def __init__(self, content: Any, *, status_code: int | None = None, **_: object) -> None:
        """Take what the route returned."""
        self.content = content
        self.status_code = status_code

    def to_asgi_response(self, *_: object, **__: object) -> ASGIApp:  # type: ignore[override]
        """Encode it, once; nothing is nothing."""
        return _Encoded(self.status_code or 200, None if self.content is None else _encode(self.content))


@frozen
class _Encoded:
    status: int
    body: bytes | None

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        body = self.body or b""
        headers: list[tuple[bytes, bytes]] = []
        if self.body is not None:
            headers.append((b"content-type", b"application/json"))
        if self.status != 204:
            headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})
