"""The real doors with rooms made up behind them, and ways to knock that no polite client knows."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import unquote
from uuid import UUID

from attrs import frozen
from litestar import Litestar, Router, WebSocket, get, post, websocket
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.types import Scope
from msgspec import UNSET, Struct, UnsetType

from mtchat_app.http import health
from mtchat_app.http.bodies import BodyLimits, StrictRequest
from mtchat_app.http.callers import Callers, Person, person_at
from mtchat_app.http.cors import Cors
from mtchat_app.http.envelope import Data, described
from mtchat_app.http.errors import handle
from mtchat_app.http.front import Front, note_error
from mtchat_app.http.identity import KeySet, Verifier
from mtchat_app.http.limits import MEMBERSHIP, MESSAGES
from mtchat_app.http.parameters import SCOPED
from mtchat_app.http.realtime import Sockets
from mtchat_app.settings import Settings
from mtchat_core.domain.errors import Forbidden, InvalidInput, ServiceUnavailable
from tests.builders import no_links

SECRET = "a-house-secret-of-more-than-thirty-two-bytes"
ADMIN = "the-admin-token"
SECURE = {"JWT_SECRET": SECRET, "ADMIN_API_TOKEN": ADMIN}
OPEN = {"ALLOW_INSECURE_USER_ID": "true", "ALLOW_OPEN_MANAGEMENT": "true"}
ID = "0197c0de-0000-7000-8000-0000000000a1"


class Guest(Struct, kw_only=True, frozen=True):
    """Somebody inside a body."""

    user_id: str
    id: UUID | None = None


class Thing(Struct, kw_only=True, frozen=True):
    """A body with one field of each sort."""

    name: Annotated[str, described("1 to 5 characters.", min_length=1, max_length=5, examples=["desk"])]
    count: int = 0
    is_open: bool = False
    kind: Literal["a", "b"] = "a"
    reply_to: UUID | None = None
    guests: list[Guest] = []
    note: str | UnsetType | None = UNSET
    meta: Any = None


@get("/things/{thing_id:str}")
async def show(
    thing_id: FromPath[UUID],
    caller: NamedDependency[Person],
    limit: Annotated[int, QueryParameter(description="How many.")] = 50,
    before: Annotated[UUID | None, QueryParameter(description="A cursor.")] = None,
    kind: Annotated[Literal["a", "b"] | None, QueryParameter(name="type", description="Which.")] = None,
    is_open: Annotated[bool | None, QueryParameter(name="open", description="Open ones.")] = None,
    search: Annotated[str | None, QueryParameter(description="Words.")] = None,
    labels: Annotated[list[str] | None, QueryParameter(name="label", description="Labels.")] = None,
) -> Data[dict[str, Any]]:
    """Repeat what arrived."""
    return Data(
        {
            "thing_id": thing_id,
            "user_id": caller.user_id,
            "limit": limit,
            "before": before,
            "type": kind,
            "open": is_open,
            "search": search,
            "label": labels,
        }
    )


@get("/names/{first:str}/{second:str}")
async def names(first: FromPath[str], second: FromPath[str]) -> Data[list[str]]:
    """Repeat two names."""
    return Data([first, second])


@post("/things", status_code=200)
async def make(data: JSONBody[Thing]) -> Data[Thing]:
    """Repeat the body."""
    return Data(data)


@post("/things/{thing_id:str}/make", status_code=200, opt=SCOPED)
async def make_in(
    thing_id: FromPath[UUID],
    data: JSONBody[Thing],
    limit: Annotated[int, QueryParameter(description="How many.")] = 50,
) -> Data[Thing]:
    """Take everything at once, for looking at the order of checks."""
    return Data(data)


@post("/maybe", status_code=200)
async def maybe(data: JSONBody[Thing | None] = None) -> Data[Thing | None]:
    """Repeat the body, if there is one."""
    return Data(data)


@get("/me", opt=SCOPED)
async def me(caller: NamedDependency[Person]) -> Data[dict[str, Any]]:
    """Say who asks."""
    levels = None if caller.scopes is None else [sorted(level) for level in caller.scopes.levels]
    return Data({"user_id": caller.user_id, "scopes": levels, "expires_at": caller.expires_at})


@get("/unscoped")
async def unscoped(caller: NamedDependency[Person]) -> Data[bool]:
    """Say whether scopes were read although nobody asked."""
    return Data(caller.scopes is not None)


@get("/broken")
async def broken() -> None:
    """Fail in a way nobody foresaw."""
    raise RuntimeError("the secret is swordfish")


@get("/stuck")
async def stuck() -> None:
    """Never answer."""
    await asyncio.Event().wait()


@get("/refused/{how:str}")
async def refused(how: FromPath[str]) -> None:
    """Refuse as the core does."""
    match how:
        case "forbidden":
            raise Forbidden("you may not.")
        case "unavailable":
            raise ServiceUnavailable
        case _:
            raise InvalidInput("name is too long.")


@post("/say", status_code=200, opt=MESSAGES)
async def say() -> None:
    """Count as saying something."""


@post("/join", status_code=200, opt=MEMBERSHIP)
async def join() -> None:
    """Count as joining."""


@websocket("/ws")
async def ear(socket: WebSocket[Any, Any, Any], caller: NamedDependency[Person]) -> None:
    """Greet, then repeat what is said until somebody says `fail`."""
    if caller.user_id == "full":
        raise ServiceUnavailable("There are too many connections right now.")
    await socket.accept()
    await socket.send_text(json.dumps({"user_id": caller.user_id, "expires_at": caller.expires_at}))
    while (event := await socket.receive())["type"] == "websocket.receive":
        if event["text"] == "fail":
            raise RuntimeError("the secret is swordfish")
        await socket.send_text(event["text"] or "")


@get("/host")
async def host(label: Annotated[str | None, QueryParameter(description="Words.")] = None) -> Data[str | None]:
    """Answer the host."""
    return Data(label)


_ROOMS = (show, names, make, make_in, maybe, me, unscoped, broken, stuck, refused, say, join, ear)


def house(environ: dict[str, str] = SECURE, *, key_set: KeySet | None = None, now: float | None = None) -> Front:
    """Build the doors as *environ* says, with these rooms behind them."""
    settings = Settings.load(environ)
    callers = Callers.of(settings)
    if (verifier := callers.verifier) is not None:
        _adjust(verifier, key_set, now)
    app = Litestar(
        [
            Router(
                "/api/v1",
                route_handlers=[
                    show,
                    names,
                    make,
                    make_in,
                    maybe,
                    me,
                    unscoped,
                    broken,
                    stuck,
                    refused,
                    say,
                    join,
                    ear,
                ],
                guards=[callers.person],
                dependencies={"caller": Provide(_caller)},
            ),
            Router("/api/v1/management", route_handlers=[host], guards=[callers.admin]),
            health.health,
            health.ready,
        ],
        request_class=StrictRequest,
        exception_handlers={Exception: handle},
        after_exception=[note_error],
        state=State(
            {
                "body_limits": BodyLimits(settings.request_max_body_bytes, settings.request_body_timeout_secs),
                "condition": health.Condition(settings.insecurities()),
                "sockets": Sockets.of(settings, no_links()),
            }
        ),
        logging_config=None,
        debug=False,
    )
    return Front(app, Cors.of(settings), settings.request_max_header_bytes)


async def _caller(scope: Scope) -> Person:
    return person_at(scope)


def _adjust(verifier: Verifier, key_set: KeySet | None, now: float | None) -> None:
    if key_set is not None:
        verifier.key_set = key_set
    if now is not None:
        verifier.now = lambda: now


@frozen
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)

    @property
    def data(self) -> Any:
        """What is under `data`."""
        assert self.status == 200, (self.status, self.body)
        return self.json["data"]

    @property
    def refusal(self) -> tuple[int, str]:
        """Status and code; the body must be the envelope and nothing else."""
        assert self.headers["content-type"] == "application/json", self.headers
        assert self.json.keys() == {"error"}, self.body
        assert self.json["error"].keys() - {"request_id"} == {"code", "message"}, self.body
        return self.status, self.json["error"]["code"]

    @property
    def sentence(self) -> str:
        """The message of a refusal."""
        message: str = self.json["error"]["message"]
        return message


Headers = Iterable[tuple[bytes, bytes]]


def scope_of(kind: str, target: bytes, headers: Headers = (), **more: Any) -> dict[str, Any]:
    """Return the scope a server makes of a request line and headers."""
    raw_path, _, query = target.partition(b"?")
    return {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "http",
        "path": unquote(raw_path.decode("latin-1")),
        "raw_path": raw_path,
        "query_string": query,
        "root_path": "",
        "headers": [(b"host", b"house.test"), *headers],
        "client": ("192.0.2.1", 50000),
        "server": ("house.test", 80),
        "state": {},
        **more,
    }


async def knock(
    front: Front,
    target: bytes | str,
    headers: Headers = (),
    *,
    method: str = "GET",
    body: bytes | Sequence[bytes] = b"",
    **more: Any,
) -> Answer:
    """Send one request exactly as given; a body in several parts comes chunked, and *more* goes into the scope."""
    chunks = [body] if isinstance(body, bytes) else list(body)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not chunks:
            return {"type": "http.disconnect"}
        chunk = chunks.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = scope_of(
        "http", target.encode() if isinstance(target, str) else target, headers, method=method, **more
    )
    await front(scope, receive, send)  # type: ignore[arg-type]
    return _answer(sent, "http.response")


async def knock_for_socket(
    front: Front, target: str, headers: Headers = (), *, says: Iterable[str] = (), can_answer: bool = True
) -> list[dict[str, Any]]:
    """Open a socket, say a few things, hang up; return everything that was sent, one way or the other."""
    sent: list[dict[str, Any]] = []
    heard: list[dict[str, Any]] = [
        {"type": "websocket.connect"},
        *({"type": "websocket.receive", "text": text} for text in says),
        {"type": "websocket.disconnect", "code": 1000},
    ]

    async def receive() -> dict[str, Any]:
        return heard.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    extensions: dict[str, Any] = {"websocket.http.response": {}} if can_answer else {}
    scope = scope_of("websocket", target.encode(), headers, extensions=extensions, subprotocols=[])
    await front(scope, receive, send)  # type: ignore[arg-type]
    return sent


async def refused_socket(front: Front, target: str, headers: Headers = ()) -> Answer:
    """Ask for a socket and return the refusal."""
    return _answer(await knock_for_socket(front, target, headers), "websocket.http.response")


def _answer(sent: list[dict[str, Any]], prefix: str) -> Answer:
    start, *rest = sent
    assert start["type"] == f"{prefix}.start", sent
    assert all(message["type"] == f"{prefix}.body" for message in rest), sent
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], headers, b"".join(message["body"] for message in rest))
