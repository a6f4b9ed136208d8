"""The demo's pages, part of `mtchat demo` alone: three people at a desk, what the host hears, a gallery."""

import hmac
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

from attrs import asdict, field, frozen
from litestar import Request, Response, get, post
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.params import FromPath, QueryParameter

from mtchat_app.http import sdk
from mtchat_app.http.assets import Assets
from mtchat_app.http.bodies import receive_body
from mtchat_app.http.errors import AddressUnknown
from mtchat_app.http.parameters import header
from mtchat_core.domain.errors import Forbidden
from mtchat_core.domain.webhooks import Verified, verify

PAGES: Final = Assets(Path(__file__).parent.parent / "demo_pages")
_NOT_BUILT = "The demo's pages have not been built here. Say `make web` in the repository."
_SDK = "<!-- the sdk's script tag -->"
_KEPT = 100
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws:; img-src 'self' blob:; "
    "media-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types vue mtchat dompurify"
)


@frozen
class Someone:
    """Who sits at the desk."""

    user_id: str
    name: str
    company: str
    note: str
    mode: str


Heard = tuple[int, str, Verified]
"""A webhook with its number and the instant it came."""


@frozen
class Desk:
    """An order desk on this machine: who sits there, which order lies on it, and what the host has heard."""

    people: Sequence[Someone]
    order: Mapping[str, str]
    token: Callable[[str], str]
    """Signs a token for somebody."""
    webhook_secret: str
    hosts: frozenset[str]
    """What a browser on this machine may call us; other names lead here only by a trick (DNS rebinding)."""
    _heard: deque[tuple[int, str, Verified]] = field(
        factory=lambda: deque[tuple[int, str, Verified]](maxlen=_KEPT)
    )

    def hear(self, told: Verified) -> None:
        """Keep what the host was told, once."""
        if all(told.id != known.id for _, _, known in self._heard):
            number = self._heard[-1][0] + 1 if self._heard else 1
            self._heard.append((number, datetime.now(UTC).isoformat(), told))

    def heard(self, after: int) -> list[dict[str, Any]]:
        """Return what the host was told since number *after*."""
        return [
            {"number": number, "at": at, "type": told.type, "payload": told.payload}
            for number, at, told in self._heard
            if number > after
        ]

    def admits(self, connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
        """Tell whether a page of ours asks, or somebody who opens one: tokens are given out here."""
        scope = connection.scope
        host = (header(scope, b"host") or b"").decode("latin-1")
        site = header(scope, b"sec-fetch-site")
        origin = header(scope, b"origin")
        return (
            host in self.hosts
            and site in (None, b"same-origin", b"none")
            and (origin is None or origin.decode("latin-1") == f"http://{host}")
        )


def derived_secret(secret: str) -> str:
    """Return the secret that webhooks of the demo are signed with."""
    return hmac.digest(secret.encode(), b"webhooks of the demo", "sha256").hex()


def routes(desk: Desk) -> list[HTTPRouteHandler]:
    """Return the addresses of *desk*, for a service on this machine alone."""

    async def only_here(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        if not desk.admits(connection):
            raise Forbidden("Forbidden: the demo is for browsers on this machine.")

    ours: dict[str, Any] = {"include_in_schema": False, "guards": [only_here]}

    @get("/", **ours)
    async def home() -> Response[bytes]:
        return Response(b"", status_code=302, headers={"Location": "/demo"})

    @get("/demo", **ours)
    async def page() -> Response[str]:
        return _page("desk.html")

    @get("/demo/gallery", **ours)
    async def gallery() -> Response[str]:
        return _page("gallery.html")

    @get("/demo/gallery/element", **ours)
    async def gallery_of_the_element() -> Response[str]:
        return _page("gallery-element.html")

    @get("/demo/files/{name:str}", **ours)
    async def file(name: FromPath[str], request: Request[Any, Any, Any]) -> Response[bytes]:
        return PAGES.get(name).answer(request, {})

    @get("/demo/desk.json", **ours)
    async def people() -> dict[str, Any]:
        return {
            "order": desk.order,
            "people": [asdict(one) for one in desk.people],
        }

    @get("/demo/token/{user_id:str}", **ours)
    async def token(user_id: FromPath[str]) -> dict[str, str]:
        if all(user_id != one.user_id for one in desk.people):
            raise AddressUnknown
        return {"token": desk.token(user_id)}

    @get("/demo/webhooks", **ours)
    async def webhooks(
        after: Annotated[int, QueryParameter(description="The last number that is known.")] = 0,
    ) -> dict[str, Any]:
        return {"data": desk.heard(after)}

    @post("/demo/webhook", include_in_schema=False, status_code=204)
    async def webhook(request: Request[Any, Any, Any]) -> None:
        # What any host does: believe nobody without the signature.
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.scope["headers"]}
        body = await receive_body(request, request.app.state["body_limits"])
        desk.hear(verify(body, headers, [desk.webhook_secret], now=datetime.now(UTC)))

    return [home, page, gallery, gallery_of_the_element, file, people, token, webhooks, webhook]


def _page(name: str) -> Response[str]:
    if not PAGES.is_built or not sdk.FILES.is_built:
        raise AddressUnknown(_NOT_BUILT)
    text = PAGES.get(name).bodies[""].decode().replace(_SDK, sdk.script_tag("", sdk.FILES))
    return Response(text, media_type="text/html", headers={"Content-Security-Policy": _CSP})
