"""What is refused changes nothing: no row of any table, no event, no word to anybody (G2).

Every write of both doors meets every sort of bad request; both lists are checked to be whole.
"""

import gzip
import json
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import httpx
import jwt
import pytest
import sqlalchemy as sa
from attrs import evolve, field, frozen

from mtchat_adapters.postgres import PostgresStore
from mtchat_app.asgi import describe
from mtchat_core.chat import Ports
from mtchat_core.domain.webhooks import DeliveryState, Receipt
from mtchat_core.ports.realtime import Announcement
from mtchat_core.use_cases.files import PARTS_FROM
from tests.asking import ADMIN, MANAGEMENT, OTHER_SCOPES, PERSON, SCOPES, SECRET, token
from tests.http.filing import send, storage, upload
from tests.http.hooks import carry, create
from tests.http.world import World

Refusal = tuple[int, str]

NONSENSE, UNFIT, SHAPE = (400, "BAD_REQUEST"), (400, "INVALID_INPUT"), (422, "INVALID_INPUT")
UNKNOWN, EXPIRED, FORBIDDEN = (401, "UNAUTHORIZED"), (401, "TOKEN_EXPIRED"), (403, "FORBIDDEN")
TOO_LARGE, MEDIA, HEADERS = (413, "BAD_REQUEST"), (415, "BAD_REQUEST"), (431, "BAD_REQUEST")
NO_MESSAGE, NOT_AUTHOR = (404, "MESSAGE_NOT_FOUND"), (403, "NOT_MESSAGE_AUTHOR")
NOT_IN, NO_DIALOG = (403, "NOT_PARTICIPANT"), (404, "NOT_FOUND")

CREATE = {
    "object_type": "order",
    "object_id": "1",
    "title": "an order",
    "object_url": "https://example.com/1",
    "participants": ["dan"],
    "access_scopes": [],
    "meta": {"a": 1},
}
PROFILE = {"display_name": "Cy", "company": "Cy & Co", "email": "cy@example.com", "phone": "1"}
SAY = {"content": "hello", "reply_to": "{message_id}", "client_message_id": "key-1", "attachments": []}
PLACE = {"dialog_id": "{dialog_id}", "filename": "a.mp4", "content_type": "video/mp4", "size": PARTS_FROM}
WRITES: dict[str, Any] = {
    f"POST {MANAGEMENT}/dialogs": CREATE,
    f"POST {MANAGEMENT}/dialogs/search": {"object_type": "order", "object_id": "1", "access_scopes": []},
    f"PATCH {MANAGEMENT}/dialogs/{{dialog_id}}": {
        "title": "new",
        "object_url": "https://example.com/2",
        "meta": None,
    },
    f"DELETE {MANAGEMENT}/dialogs/{{dialog_id}}": None,
    f"POST {MANAGEMENT}/dialogs/{{dialog_id}}/participants": {"user_id": "dan", **PROFILE},
    f"POST {MANAGEMENT}/dialogs/{{dialog_id}}/participants/batch": {"participants": ["dan"]},
    f"DELETE {MANAGEMENT}/dialogs/{{dialog_id}}/participants/{{participant_id}}": None,
    f"PUT {MANAGEMENT}/dialogs/{{dialog_id}}/access-scopes": {"access_scopes": [{"scope_level0": ["x"]}]},
    f"POST {MANAGEMENT}/dialogs/{{dialog_id}}/messages": {"sender_id": "ana", "content": "hello"},
    f"POST {MANAGEMENT}/webhooks": {
        "name": "new",
        "url": "https://erp.example/",
        "events": ["message.new"],
        "secrets": ["a-secret-of-the-host"],
    },
    f"PATCH {MANAGEMENT}/webhooks/{{webhook_id}}": {
        "name": "new",
        "url": "https://erp.example/",
        "events": ["message.new"],
        "secrets": ["a-secret-of-the-host"],
        "state": "disabled",
    },
    f"DELETE {MANAGEMENT}/webhooks/{{webhook_id}}": None,
    f"POST {MANAGEMENT}/webhooks/{{webhook_id}}/resume": None,
    f"POST {MANAGEMENT}/webhooks/{{webhook_id}}/replay": None,
    f"POST {MANAGEMENT}/webhooks/{{webhook_id}}/deliveries/{{delivery_id}}/replay": None,
    f"POST {PERSON}/dialogs/{{dialog_id}}/archive": None,
    f"POST {PERSON}/dialogs/{{dialog_id}}/unarchive": None,
    f"POST {PERSON}/dialogs/{{dialog_id}}/pin": None,
    f"POST {PERSON}/dialogs/{{dialog_id}}/unpin": None,
    f"POST {PERSON}/dialogs/{{dialog_id}}/notifications": {"enabled": False},
    f"POST {PERSON}/dialogs/{{dialog_id}}/join": PROFILE,
    f"POST {PERSON}/dialogs/{{dialog_id}}/leave": None,
    f"POST {PERSON}/dialogs/{{dialog_id}}/read": {"last_read_message_id": "{message_id}"},
    f"POST {PERSON}/dialogs/{{dialog_id}}/messages": SAY,
    f"PUT {PERSON}/dialogs/{{dialog_id}}/messages/{{message_id}}": {"content": "hello"},
    f"DELETE {PERSON}/dialogs/{{dialog_id}}/messages/{{message_id}}": None,
    f"POST {PERSON}/upload/presign": PLACE,
    f"POST {PERSON}/upload/multipart": PLACE,
    f"POST {PERSON}/upload/multipart/complete": {"s3_key": "{s3_key}"},
    f"DELETE {PERSON}/upload/multipart": None,
}
"""Every write, with a body that would do (None: it takes none)."""
QUERIES = {f"DELETE {PERSON}/upload/multipart": "?s3_key={s3_key}"}
MAY_BE_ABSENT = {f"POST {PERSON}/dialogs/{{dialog_id}}/join"}
HOLDS_ANYTHING = {"meta", "params"}


@frozen
class Request:
    """One request, ready to be spoiled."""

    verb: str
    path: str
    bearer: str
    body: bytes = b""
    headers: dict[str, str] = field(factory=dict)
    query: str = ""


@frozen
class Attempt:
    """A spoiled request, and what it must be answered."""

    name: str
    request: Request
    refusal: Refusal


@frozen
class Scene:
    """A dialog with people and messages, and another one."""

    world: World
    store: PostgresStore
    heard: list[Announcement]
    places: dict[str, str]

    def request(self, address: str) -> Request:
        """Return the request that would be granted."""
        verb, path = address.split(" ")
        body = WRITES[address]
        document = b"" if body is None else self.fill(json.dumps(body)).encode()
        who = "cy" if path.endswith("/join") else "ana"
        bearer = ADMIN if path.startswith(MANAGEMENT) else token(who, SCOPES)
        query = self.fill(QUERIES.get(address, ""))
        return Request(verb, self.fill(path), bearer, document, {"Content-Type": "application/json"}, query)

    def fill(self, text: str) -> str:
        """Put ids into their places."""
        for name, value in self.places.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    async def ask(self, request: Request) -> httpx.Response:
        """Send a request."""
        headers = {"Authorization": f"Bearer {request.bearer}", **request.headers}
        return await self.world.client.request(
            request.verb, request.path + request.query, content=request.body, headers=headers
        )

    async def state(self) -> dict[str, tuple[int, str]]:
        """Return the number of rows of every table, and a digest of what is in them."""
        async with self.store.engine.connect() as connection:
            tables = await connection.scalars(_TABLES)
            each = " union all ".join(
                f"select '{table}', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text"
                f" from {table} t"
                for table in tables
            )
            return {name: (count, digest) for name, count, digest in await connection.execute(sa.text(each))}

    async def refuses(self, attempts: Iterator[Attempt]) -> None:
        """Make every attempt; each is refused as it must be, and nothing changes."""
        before = await self.state()
        self.heard.clear()
        assert len(before) > 5
        for attempt in attempts:
            answer = await self.ask(attempt.request)
            code = answer.json().get("error", {}).get("code")
            assert (answer.status_code, code) == attempt.refusal, (attempt.name, answer.text)
            assert await self.state() == before, attempt.name
            assert self.heard == [], attempt.name


_TABLES = sa.text("select table_name from information_schema.tables where table_schema = current_schema()")


@pytest.fixture
def ports(postgres_ports: Ports) -> Ports:
    """Everything in PostgreSQL, where every row can be counted."""
    return postgres_ports


@pytest.fixture
async def scene(world: World, postgres_store: PostgresStore) -> AsyncGenerator[Scene]:
    """Two dialogs: one to ask about, and a foreign one."""
    dialog, other = await world.dialog("ana", "bo"), await world.dialog("ana", object_id="other")
    webhook = await create(world)
    await world.say("bo", dialog, "from bo")
    places = {
        "dialog_id": dialog,
        "other_dialog_id": other,
        "message_id": (await world.say("ana", dialog, "mine"))["id"],
        "foreign_message_id": (await world.say("ana", other, "elsewhere"))["id"],
        "participant_id": "bo",
        "webhook_id": webhook,
        "delivery_id": await carry(world.chat.ports, webhook, receipt=Receipt(500), state=DeliveryState.DEAD),
    }
    places["s3_key"] = await _whole_parts(world, dialog)
    for name, user, where in (("", "ana", dialog), ("foreign_", "ana", other), ("others_", "bo", dialog)):
        places[f"{name}file_key"] = (await upload(world, user, where, "a.png", "image/png", b"12345"))["s3_key"]
    used = await upload(world, "ana", dialog)
    await send(world, "ana", dialog, used)
    places["used_file_key"] = used["s3_key"]
    transcript = await world.transcript("ana", dialog)
    places["system_message_id"], places["others_message_id"] = transcript[0]["id"], transcript[1]["id"]
    heard: list[Announcement] = []
    unlisten = world.chat.ports.broker.listen(heard.append)
    yield Scene(world, postgres_store, heard, places)
    unlisten()


async def _whole_parts(world: World, dialog: str) -> str:
    """Have ana upload every part of a large file, and return its key."""
    begun = await world.person("ana").data("POST", "/upload/multipart", {**PLACE, "dialog_id": dialog})
    for part in begun["parts"]:
        storage(world).put(part["upload_url"], bytes(part["size"]), content_type="")
    key: str = begun["s3_key"]
    return key


def spoiled_bodies(address: str, good: Request) -> Iterator[Attempt]:
    """Spoil the body in every way JSON can be spoiled, the rest of it being fine (B1 to B3, B5, B7 to B15)."""
    start = good.body[:-1]

    def body(name: str, content: bytes, refusal: Refusal, **headers: str) -> Attempt:
        return Attempt(name, evolve(good, body=content, headers={**good.headers, **headers}), refusal)

    def extra(name: str, value: bytes, refusal: Refusal) -> Attempt:
        return body(name, start + b', "unknown": ' + value + b"}", refusal)

    for constant in (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"[NaN]"):
        yield extra("b1", constant, NONSENSE)
    for text in (rb'"\ud800"', rb'"\udc00\ud800"', rb'{"\udfff": 1}', rb'["x", "a\ud83dz"]'):
        yield extra("b2", text, NONSENSE)
    for text in (rb'"a\u0000b"', rb'{"\u0000": 1}'):
        yield extra("b3", text, UNFIT)
    for text in (b'"\xff"', b'"\xc0\xaf"', b'"\xed\xa0\x80"', b'"\xf5\x80\x80\x80"'):
        yield extra("b5", text, NONSENSE)
    yield body("b7", good.body.decode().encode("utf-16"), NONSENSE)
    yield body("b7", b"\xef\xbb\xbf" + good.body, NONSENSE)
    yield body("b8", start + b', "unknown": 1, "unknown": 1}', SHAPE)
    yield body("b8", start + b", " + start[1:] + b"}", SHAPE)
    for depth in (65, 100_000):
        yield extra("b9", b"[" * depth + b"]" * depth, NONSENSE)
    for digits in (b"9223372036854775808", b"-9223372036854775809", b"9" * 5000):
        yield extra("b10", digits, SHAPE)
    may_be_absent = address in MAY_BE_ABSENT
    for other in (b"[]", b'""', b"1", b"true", *([] if may_be_absent else [b"null"])):
        yield body("b12", other, SHAPE)
    for broken in (b"{", b"x", b"[1,]", b"{} {}", *([] if may_be_absent else [b""])):
        yield body("b12", broken, NONSENSE)
    for media in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""):
        yield body("b13", good.body, MEDIA, **{"Content-Type": media})
    yield body("b14", start + b', "unknown": "' + b"x" * 2**21 + b'"}', TOO_LARGE)
    yield body("b15", gzip.compress(good.body), MEDIA, **{"Content-Encoding": "gzip"})


def spoiled_fields(address: str, good: Request) -> Iterator[Attempt]:
    """Spoil one field after the other: another type, U+0000 (B3, B11)."""
    document = json.loads(good.body)

    def with_field(name: str, value: object, refusal: Refusal) -> Attempt:
        changed = json.dumps(document | {name: value}).encode()
        return Attempt(f"{name}={value!r}", evolve(good, body=changed), refusal)

    for name, value in WRITES[address].items():
        if name in HOLDS_ANYTHING:
            continue
        match value:
            case bool():
                others: list[object] = ["true", 1, 0, 1.0, None, []]
            case int():
                others = ["1", 1.0, True, None, [], {}]
            case str():
                others = [1, 1.0, True, [], {}, ["x"]]
                yield with_field(name, "a\x00b", UNFIT)
            case _:
                others = ["x", 1, True, {}, [1], [None], [["x"]]]
        for other in others:
            yield with_field(name, other, SHAPE)


def spoiled_rest(good: Request) -> Iterator[Attempt]:
    """Spoil everything around the body (B4, B6, B16, B18 to B21, B26 to B28, B36)."""
    for query in ("?x=%00", "?%00=x"):
        yield Attempt("b4", evolve(good, query=query), NONSENSE)
    for query in ("?x=%ff", "?x=%ed%a0%80"):
        yield Attempt("b6", evolve(good, query=query), NONSENSE)
    for tail in ("%00", "%ff", "%c0%af"):
        yield Attempt("b4 b6", evolve(good, path=f"{good.path}{tail}"), NONSENSE)
    yield Attempt("b16", evolve(good, headers={**good.headers, "X-Padding": "x" * 17_000}), HEADERS)
    if good.path.startswith(MANAGEMENT):
        for wrong in (f"{ADMIN}x", ADMIN[:-1], ADMIN.upper(), token("ana", SCOPES), "x" * 10_000):
            yield Attempt("b28", evolve(good, bearer=wrong), FORBIDDEN)
    else:
        for query in ("?user_id=bo", "?sender_id=bo", "?user_id=bo&user_id=ana", "?user_id="):
            yield Attempt("b19 b20", evolve(good, query=query), FORBIDDEN)
        claims = {"sub": "ana", "scopes": SCOPES}
        foreign = [
            jwt.encode(claims, "", algorithm="none"),
            jwt.encode(claims, SECRET * 2, algorithm="HS384"),
            jwt.encode(claims, SECRET + "x", algorithm="HS256"),
            token("ana", SCOPES, nbf=2**40),
            token("ana", SCOPES, padding="x" * 9000),
            token("a\x00b", SCOPES),
            token(1.5, SCOPES),
            token("", SCOPES),
            ADMIN,
            "",
        ]
        for wrong in foreign:
            yield Attempt("b18 b21 b22 b23 b26", evolve(good, bearer=wrong), UNKNOWN)
        yield Attempt("b21", evolve(good, bearer=token("ana", SCOPES, exp=1)), EXPIRED)
    for scheme in ("", "bearer ", "Basic ", "Bearer  "):
        authorization = {"Authorization": f"{scheme}{good.bearer}" if scheme != "Bearer  " else "Bearer"}
        yield Attempt("b27", evolve(good, headers={**good.headers, **authorization}), UNKNOWN)


@pytest.mark.parametrize("address", WRITES)
async def test_no_write_takes_anything_from_a_bad_request_g2(scene: Scene, address: str) -> None:
    good = scene.request(address)

    await scene.refuses(spoiled_rest(good))
    if good.body:
        await scene.refuses(spoiled_bodies(address, good))
        await scene.refuses(spoiled_fields(address, good))
    assert (await scene.ask(good)).status_code < 300, "the request would have been fine"


def test_every_write_is_attacked_g2() -> None:
    writes = {
        f"{method.upper()} {path}"
        for path, operations in describe()["paths"].items()
        for method in operations
        if method != "get"
    }

    assert writes == set(WRITES)


def to_a_person(verb: str, tail: str, body: object, refusal: Refusal, who: str = "ana", **headers: str) -> Any:
    """Return one case: what somebody asks of a dialog."""
    return verb, f"{PERSON}/dialogs/{{dialog_id}}{tail}", body, refusal, who, headers


def to_the_host(verb: str, path: str, body: object, refusal: Refusal, **headers: str) -> Any:
    """Return one case: what the host asks."""
    return verb, f"{MANAGEMENT}/dialogs{path}", body, refusal, None, headers


NOWHERE = "0197c0de-0000-7000-8000-0000000000a1"
BLANK = [
    "",
    " \t\r\n",
    "<p></p>",
    "\u200b\u2060\ufeff",
    "\u3164",
    "<b>\u2800</b>",
    "\U000e0041",
    "\u0301",
    "\u202e",
]
TALL: Any = 1
for _ in range(21):
    TALL = [TALL]
WRONG_DIALOGS: list[dict[str, Any]] = [
    {"object_url": "javascript:alert(1)"},
    {"object_url": "//evil.example"},
    {"object_url": "data:text/html,x"},
    {"object_url": "https://e/" + "x" * 2048},
    {"object_type": ""},
    {"object_id": "x" * 256},
    {"title": "x" * 501},
    {"meta": {"x": "y" * 16_384}},
    {"meta": TALL},
    {"participants": [f"u{n}" for n in range(1001)]},
    {"participants": [""]},
    {"participants": ["x" * 256]},
    {"access_scopes": [{}] * 101},
    {"access_scopes": [{"scope_level0": [str(n) for n in range(101)]}]},
    {"access_scopes": [{"scope_level0": ["x" * 256]}]},
]
FILE = {"s3_key": "{file_key}", "filename": "a.png", "content_type": "image/png", "size": 5}
WRONG_FILES: list[tuple[list[dict[str, Any]], Refusal]] = [
    *(
        ([FILE | {"s3_key": key}], UNFIT)
        for key in (
            "dialogs/{dialog_id}/../x",
            "dialogs/{dialog_id}/%2e%2e/x",
            "{foreign_file_key}",
            "{others_file_key}",
            "{used_file_key}",
            "dialogs/{dialog_id}/x",
        )
    ),
    ([FILE, FILE | {"s3_key": "{others_file_key}"}], UNFIT),
    ([FILE | {"filename": ".."}], UNFIT),
    *(([FILE | {"content_type": kind}], NONSENSE) for kind in ("image/png; q=1", "IMAGE/PNG", "image/gif")),
    *(([FILE | {"size": size}], NONSENSE) for size in (0, -1, 100 * 2**20 + 1, 4)),
    ([FILE] * 2, NONSENSE),
    ([FILE | {"s3_key": f"dialogs/{{dialog_id}}/{n}"} for n in range(11)], NONSENSE),
]
WRONG_PLACES: list[tuple[dict[str, Any], Refusal]] = [
    *(({"content_type": kind}, (400, "UNSUPPORTED_FILE_TYPE")) for kind in ("image/png; q=1", "IMAGE/PNG", "x")),
    *(({"size": size}, (400, "FILE_TOO_LARGE")) for size in (0, -1, 100 * 2**20 + 1)),
    ({"dialog_id": NOWHERE}, (404, "DIALOG_NOT_FOUND")),
    *(({"filename": name}, UNFIT) for name in ("", "..", "x" * 256)),
]
CASES = [
    *(
        (verb, f"{PERSON}/upload/{path}", PLACE | wrong, refusal, "ana", {})
        for wrong, refusal in WRONG_PLACES
        for verb, path in (("POST", "presign"), ("POST", "multipart"))
    ),
    ("POST", f"{PERSON}/upload/presign", PLACE, FORBIDDEN, "cy", {}),
    ("POST", f"{PERSON}/upload/multipart", PLACE | {"size": PARTS_FROM - 1}, NONSENSE, "ana", {}),
    ("POST", f"{PERSON}/upload/multipart/complete", {"s3_key": "{s3_key}"}, UNFIT, "bo", {}),
    *(to_a_person("POST", "/messages", {"content": content}, UNFIT) for content in BLANK),
    *(to_a_person("PUT", "/messages/{message_id}", {"content": content}, UNFIT) for content in BLANK),
    *(
        to_a_person(verb, tail, {"content": content}, UNFIT)
        for content in ("x" * 50_001, "<b>" * 4000 + "x", "\U0001f642" * 50_001)
        for verb, tail in (("POST", "/messages"), ("PUT", "/messages/{message_id}"))
    ),
    *(
        to_a_person("POST", "/messages", {"content": "x", "attachments": files}, refusal)
        for files, refusal in WRONG_FILES
    ),
    *(
        to_a_person("POST", "/messages", {"content": "x", "reply_to": target}, UNFIT)
        for target in ("{foreign_message_id}", NOWHERE)
    ),
    *(
        to_a_person("POST", "/read", {"last_read_message_id": target}, UNFIT)
        for target in ("{foreign_message_id}", NOWHERE)
    ),
    *(
        to_a_person(verb, f"/messages/{target}", body, NO_MESSAGE)
        for target in ("{foreign_message_id}", NOWHERE)
        for verb, body in (("PUT", {"content": "x"}), ("DELETE", None))
    ),
    *(
        to_a_person(verb, f"/messages/{target}", body, NOT_AUTHOR)
        for target in ("{system_message_id}", "{others_message_id}")
        for verb, body in (("PUT", {"content": "x"}), ("DELETE", None))
    ),
    *(
        to_a_person("POST", f"/{verb}", None, NOT_IN, "cy")
        for verb in ("leave", "archive", "unarchive", "pin", "unpin")
    ),
    to_a_person("POST", "/notifications", {"enabled": True}, NOT_IN, "cy"),
    to_a_person("POST", "/messages", {"content": "x"}, FORBIDDEN, "cy"),
    to_a_person("POST", "/read", {"last_read_message_id": "{message_id}"}, FORBIDDEN, "cy"),
    to_a_person("PUT", "/messages/{message_id}", {"content": "x"}, FORBIDDEN, "cy"),
    to_a_person("DELETE", "/messages/{message_id}", None, FORBIDDEN, "cy"),
    to_a_person("POST", "/join", PROFILE, NONSENSE, "ana"),
    to_a_person("POST", "/join", PROFILE, FORBIDDEN, "stranger"),
    *(
        to_a_person("POST", "/join", {**PROFILE, **wrong}, UNFIT, "cy")
        for wrong in (
            {"display_name": ""},
            {"display_name": "\u200b"},
            {"display_name": "\u3164"},
            {"display_name": "x" * 201},
            {"company": "x" * 201},
            {"email": "x" * 255},
            {"phone": "1" * 51},
        )
    ),
    *(
        to_a_person("POST", "/messages", {"content": "x"}, NONSENSE, **{"Idempotency-Key": key})
        for key in ("", "x" * 256, "a b", "a\tb")
    ),
    *(
        to_a_person("POST", "/messages", {"content": "x", "client_message_id": key}, NONSENSE)
        for key in ("", "x" * 256, "a b", "ключ")
    ),
    *(to_the_host("POST", "", {**CREATE, **wrong}, UNFIT) for wrong in WRONG_DIALOGS),
    *(to_the_host("POST", "", CREATE, NONSENSE, **{"Idempotency-Key": key}) for key in ("", "x" * 256, "a b")),
    to_the_host("POST", "/{dialog_id}/participants/batch", {"participants": ["u"] * 1001}, UNFIT),
    to_the_host("POST", "/{dialog_id}/participants/batch", {"participants": ["dan", ""]}, UNFIT),
    to_the_host("POST", "/{dialog_id}/participants", {"user_id": "dan", "display_name": "\u2800"}, UNFIT),
    to_the_host("PUT", "/{dialog_id}/access-scopes", {"access_scopes": [{}] * 101}, UNFIT),
    to_the_host("PATCH", "/{dialog_id}", {"object_url": "javascript:x"}, UNFIT),
    to_the_host("PATCH", f"/{NOWHERE}", {"title": "x"}, NO_DIALOG),
    to_the_host("DELETE", "/junk", None, NONSENSE),
    to_the_host("POST", f"/{NOWHERE}/participants", {"user_id": "dan"}, NO_DIALOG),
]


async def test_no_rule_of_the_chat_is_broken_half_g2_b32_b33_b35_b40_b42_b43_b47_b49_b50_b52_b54_b56_b59_b65_b66(
    scene: Scene,
) -> None:
    def attempts() -> Iterator[Attempt]:
        for verb, path, body, refusal, who, headers in CASES:
            scopes = OTHER_SCOPES if who == "stranger" else SCOPES
            bearer = ADMIN if who is None else token(who, scopes)
            content = b"" if body is None else scene.fill(json.dumps(body)).encode()
            sent = {**({"Content-Type": "application/json"} if content else {}), **headers}
            name = f"{verb} {path} {str(body)[-60:]} {headers}"
            yield Attempt(name, Request(verb, scene.fill(path), bearer, content, sent), refusal)

    await scene.refuses(attempts())
