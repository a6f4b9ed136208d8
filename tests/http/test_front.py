"""Everything before routing and after answering: addresses, errors, CORS, the log (B4-B7, B16, B17, B38, B67)."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
import structlog
from litestar import Litestar, get
from litestar.exceptions import ImproperlyConfiguredException
from litestar.params import FromQuery
from structlog.testing import capture_logs

from mtchat_app.http import health, log
from mtchat_app.http.front import Front
from mtchat_app.http.parameters import plan_of
from tests.http.house import (
    ADMIN,
    ID,
    OPEN,
    SECRET,
    SECURE,
    Answer,
    house,
    knock,
    knock_for_socket,
    refused_socket,
    scope_of,
)

TOKEN = jwt.encode({"sub": "ana"}, SECRET, algorithm="HS256")
AUTH = ((b"authorization", f"Bearer {TOKEN}".encode()),)
THING = f"/api/v1/things/{ID}"


@pytest.fixture(scope="module")
def front() -> Front:
    """The doors, with tokens on."""
    return house()


@pytest.fixture(autouse=True)
def lines() -> Iterator[list[Any]]:
    """What is logged meanwhile."""
    with capture_logs() as captured:
        yield captured


async def ask(front: Front, target: bytes | str, **options: Any) -> Answer:
    return await knock(front, target, AUTH, **options)


# Addresses


@pytest.mark.parametrize("path", ["/", "/nowhere", "/api/v1", "/api/v1/things", f"{THING}/more", "/api/v1/./me"])
async def test_an_unknown_address_is_refused_in_the_envelope(front: Front, path: str) -> None:
    answer = await ask(front, path)

    assert answer.status in (404, 405)
    assert answer.refusal[0] == answer.status


@pytest.mark.parametrize("path", ["/api/v1/me/", "/api/v1//me", "//api/v1/me", "/api/v1/me//", "/health/"])
async def test_there_are_no_addresses_with_empty_segments(front: Front, path: str) -> None:
    assert (await ask(front, path)).refusal == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("a/b", ["a", "b"]),
        ("a%2Fb/c", ["a/b", "c"]),
        ("%2f/%2F%2f", ["/", "//"]),
        ("a%2Fb%2Fc/d", ["a/b/c", "d"]),
        ("%D0%90/%F0%9F%98%80", ["А", "😀"]),
        ("a%20b/c+d", ["a b", "c+d"]),
        ("100%25/%3Fa%3Db%26", ["100%", "?a=b&"]),
        ("100%/%zz", ["100%", "%zz"]),
        ("../%2e%2e", ["..", ".."]),
        ("%0a/%7f", ["\n", "\x7f"]),
    ],
)
async def test_a_segment_is_decoded_and_an_encoded_slash_stays_inside_it(
    front: Front, path: str, names: list[str]
) -> None:
    assert (await ask(front, f"/api/v1/names/{path}")).data == names


@pytest.mark.parametrize(
    "path", ["a%00/b", "%00/%2F", "%ff/a", "a/%C3", "a/%C3%28", "%ED%A0%80/a", "%C0%AF/a", "%C3/%A9"]
)
async def test_a_path_that_is_no_text_is_refused_b4_b6(front: Front, path: str) -> None:
    assert (await ask(front, f"/api/v1/names/{path}")).refusal == (400, "BAD_REQUEST")


async def test_paths_keep_apart_what_looks_alike(front: Front) -> None:
    """Litestar remembers how it read a path; the next request must not see what we made of the last."""
    for _ in range(2):
        assert (await ask(front, "/api/v1/names/a%2Fb/c")).data == ["a/b", "c"]
        assert (await ask(front, "/api/v1/names/a/b/c")).refusal == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (b"/chat/api/v1/names/a%2Fb/c", "/api/v1/names/a/b/c"),
        (b"/chat/api/v1/names/a%2Fb/c", "/api/v1/names/a/b/c/"),
        (b"/api/v1/names/a%2Fb/c?x=%2F", "/api/v1/names/a/b/c"),
    ],
)
async def test_a_host_application_may_cut_its_prefix_off_or_hang_a_slash_on(
    front: Front, raw: bytes, path: str
) -> None:
    scope = scope_of("http", b"", AUTH, method="GET") | {"raw_path": raw, "path": path}
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await front(scope, _nothing, send)

    assert json.loads(sent[1]["body"]) == {"data": ["a/b", "c"]}


async def test_a_server_without_raw_paths_is_served_too(front: Front) -> None:
    scope = scope_of("http", b"/api/v1/names/a/b", AUTH, method="GET")
    del scope["raw_path"], scope["state"]
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await front(scope, _nothing, send)

    assert sent[0]["status"] == 200
    assert "state" not in scope


@pytest.mark.parametrize("form", [ID, ID.upper(), ID.replace("-", ""), f"%7B{ID}%7D", f"urn:uuid:{ID}"])
async def test_every_form_of_a_uuid_is_taken_in_path_and_query(front: Front, form: str) -> None:
    answer = await ask(front, f"/api/v1/things/{form}?before={form}")

    assert (answer.data["thing_id"], answer.data["before"]) == (ID, ID)


@pytest.mark.parametrize(
    "form", ["1", ID[:-1], ID + "0", "%7B" + ID, "by-object", ID.replace("-", "", 1), "urn:" + ID]
)
async def test_a_bad_uuid_in_path_or_query_is_refused_without_repeating_it(front: Front, form: str) -> None:
    for target in (f"/api/v1/things/{form}", f"{THING}?before={form}"):
        answer = await ask(front, target)

        assert answer.refusal == (400, "BAD_REQUEST")
        assert form not in answer.sentence


# Query


@pytest.mark.parametrize(
    ("query", "limit"),
    [
        ("", 50),
        ("limit=7", 7),
        ("limit=0", 0),
        ("limit=-1", -1),
        ("limit=007", 7),
        ("limit=1000000000", 10**9),
        (f"limit={2**63}", 2**63 - 1),
        (f"limit=-{2**63}", -(2**63 - 1)),
        (f"limit={'9' * 5000}", 2**63 - 1),
        ("limit=%2B5", 5),
        ("unknown=1&limit=3&unknown=2", 3),
    ],
)
async def test_any_whole_number_reaches_the_route_within_64_bits_b38(front: Front, query: str, limit: int) -> None:
    assert (await ask(front, f"{THING}?{query}")).data["limit"] == limit


@pytest.mark.parametrize(
    "query",
    [
        "limit=x",
        "limit=",
        "limit=1.0",
        "limit=1e3",
        "limit=%D9%A3",
        "limit=0x10",
        "limit=+5",
        "limit=1_000",
        "limit=1&limit=1",
        "before=",
        f"before={ID}&before={ID}",
        "type=c",
        "type=",
        "type=A",
        "type=a&type=a",
        "open=1",
        "open=",
        "open=True",
        "open=yes",
        "search=a&search=b",
        "search=%00",
        "unknown=%00",
        "search=%ff",
        "%ff=1",
        "unknown=%ED%A0%80",
    ],
)
async def test_a_query_that_says_nothing_clear_is_refused_b38(front: Front, query: str) -> None:
    assert (await ask(front, f"{THING}?{query}")).refusal == (400, "BAD_REQUEST")


async def test_a_query_is_read_as_browsers_write_it(front: Front) -> None:
    answer = await ask(front, f"{THING}?search=a+b%2Bc%20%D0%B6&type=b&open=false&label=x&label=y+z&=&&label=")

    assert answer.data["search"] == "a b+c ж"
    assert (answer.data["type"], answer.data["open"]) == ("b", False)
    assert answer.data["label"] == ["x", "y z", ""]


async def test_raw_utf_8_in_a_query_is_read_and_other_bytes_are_refused(front: Front) -> None:
    assert (await ask(front, f"{THING}?search=ж".encode())).data["search"] == "ж"
    assert (await ask(front, f"{THING}?search=ж".encode("cp1251"))).refusal == (400, "BAD_REQUEST")


def test_a_route_that_asks_for_what_a_query_can_not_say_is_found_at_the_start() -> None:
    @get("/")
    async def route(at: FromQuery[complex]) -> None: ...

    app = Litestar([route], openapi_config=None)

    with pytest.raises(ImproperlyConfiguredException):
        plan_of(app.routes[0].route_handlers[0])  # type: ignore[union-attr]


# Methods


async def test_head_answers_as_get_without_the_body(front: Front) -> None:
    got, head = await ask(front, THING), await ask(front, THING, method="HEAD")

    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"]


async def test_a_refused_head_has_no_body_either(front: Front) -> None:
    answer = await knock(front, THING, method="HEAD")

    assert (answer.status, answer.body) == (401, b"")


@pytest.mark.parametrize("method", ["TRACE", "POST", "DELETE", "PATCH", "PROPFIND"])
async def test_other_methods_are_refused_with_those_that_work_b17(front: Front, method: str) -> None:
    answer = await ask(front, THING, method=method)

    assert answer.refusal == (405, "BAD_REQUEST")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_an_address_for_sockets_says_so(front: Front) -> None:
    answer = await ask(front, "/api/v1/ws")

    assert answer.refusal == (400, "BAD_REQUEST")
    assert "WebSocket" in answer.sentence


# Headers


async def test_too_many_headers_are_refused_b16(front: Front) -> None:
    fits = await knock(front, THING, (*AUTH, *[(b"x-%d" % i, b"v" * 100) for i in range(100)]))
    exceeds = await knock(front, THING, (*AUTH, *[(b"x-%d" % i, b"v" * 100) for i in range(200)]))
    long_address = await ask(front, f"{THING}?search={'x' * 17_000}")

    assert fits.status == 200
    assert exceeds.refusal == (431, "BAD_REQUEST")
    assert long_address.refusal == (431, "BAD_REQUEST")


async def test_a_host_header_with_rubbish_is_refused_in_the_envelope(front: Front) -> None:
    scope_headers = [(b"host", b"a b<>"), *AUTH]
    scope = scope_of("http", THING.encode(), method="GET") | {"headers": scope_headers}
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await front(scope, _nothing, send)

    assert sent[0]["status"] == 400
    assert json.loads(sent[1]["body"])["error"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize("target", [THING, "/nowhere", "/health", "/api/v1/broken"])
async def test_every_answer_has_an_id_and_is_neither_kept_nor_guessed_at(front: Front, target: str) -> None:
    headers = (await ask(front, target)).headers

    assert len(headers["x-request-id"]) == 16
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("abc-1.2_3", True),
        ("x" * 64, True),
        ("x" * 65, False),
        ("a b", False),
        ("a\nb", False),
        ("ж", False),
        ("", False),
    ],
)
async def test_a_request_id_is_the_callers_if_it_is_a_decent_one(front: Front, given: str, kept: bool) -> None:
    answer = await knock(front, THING, (*AUTH, (b"x-request-id", given.encode())))

    assert (answer.headers["x-request-id"] == given) is kept


# Errors


async def test_a_failure_of_ours_tells_nothing_but_its_id(front: Front, lines: list[Any]) -> None:
    answer = await ask(front, "/api/v1/broken")

    assert answer.refusal == (500, "INTERNAL_ERROR")
    assert b"swordfish" not in answer.body
    assert answer.json["error"]["request_id"] == answer.headers["x-request-id"]
    assert [(line["event"], str(line["exc_info"])) for line in lines] == [
        ("request failed", "the secret is swordfish")
    ]


async def test_a_failure_before_any_route_looks_the_same(front: Front, lines: list[Any]) -> None:
    async def broken(*_: Any) -> None:
        raise RuntimeError("swordfish")

    answer = await ask(Front(broken, front.cors, front.max_header_bytes), THING)  # type: ignore[arg-type]

    assert answer.refusal == (500, "INTERNAL_ERROR")
    assert answer.headers["x-request-id"] == lines[0]["request_id"]


async def test_a_failure_in_the_middle_of_an_answer_ends_it(front: Front, lines: list[Any]) -> None:
    async def broken(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        raise RuntimeError("swordfish")

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message["type"])

    half = Front(broken, front.cors, front.max_header_bytes)  # type: ignore[arg-type]
    await half(scope_of("http", b"/", method="GET"), _nothing, send)

    assert sent == ["http.response.start"]
    assert lines[0]["event"] == "request failed"


async def test_refusals_of_the_core_keep_code_and_sentence(front: Front) -> None:
    invalid = await ask(front, "/api/v1/refused/invalid")
    denied = await ask(front, "/api/v1/refused/forbidden")
    unavailable = await ask(front, "/api/v1/refused/unavailable")

    assert (invalid.refusal, invalid.sentence) == ((400, "INVALID_INPUT"), "name is too long.")
    assert (denied.refusal, denied.sentence) == ((403, "FORBIDDEN"), "Forbidden: you may not.")
    assert unavailable.refusal == (503, "SERVICE_UNAVAILABLE")
    assert unavailable.headers["retry-after"] == "1"


async def test_a_client_that_leaves_during_its_body_is_no_failure_of_ours(front: Front, lines: list[Any]) -> None:
    headers = (*AUTH, (b"content-type", b"application/json"))

    await knock(front, "/api/v1/things", headers, method="POST", body=[])

    assert lines[0]["event"] == "request"


# CORS


async def test_every_options_is_answered_wherever_it_goes(front: Front) -> None:
    for target in (THING, "/nowhere", "/api/v1/me/", "/api/v1/management/host"):
        asked = (
            (b"origin", b"https://a.test"),
            (b"access-control-request-headers", b"x-scope-config, authorization"),
        )
        answer = await knock(front, target, asked, method="OPTIONS")

        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["access-control-allow-headers"] == "x-scope-config, authorization"
        assert "PATCH" in answer.headers["access-control-allow-methods"]
        assert answer.headers["access-control-max-age"] == "3600"
        assert "access-control-allow-credentials" not in answer.headers


async def test_who_does_not_ask_for_headers_is_told_those_there_are(front: Front) -> None:
    for asked in ((), ((b"access-control-request-headers", b"a\x01b"),)):
        allowed = (await knock(front, THING, asked, method="OPTIONS")).headers["access-control-allow-headers"]

        assert {"Authorization", "X-Scope-Config", "Idempotency-Key", "Content-Type"} <= set(allowed.split(", "))


@pytest.mark.parametrize("target", [THING, "/nowhere", "/api/v1/broken", "/api/v1/refused/forbidden"])
async def test_every_answer_may_be_read_by_other_pages_with_its_id(front: Front, target: str) -> None:
    headers = (await ask(front, target)).headers

    assert headers["access-control-allow-origin"] == "*"
    assert headers["access-control-expose-headers"] == "X-Request-Id, Retry-After"


async def test_listed_origins_are_repeated_and_others_are_not() -> None:
    front = house(
        {
            **SECURE,
            "CORS_ALLOWED_ORIGINS": "https://a.test, https://b.test:8443",
            "CORS_ALLOW_CREDENTIALS": "true",
            "CORS_ALLOWED_HEADERS": "authorization",
            "CORS_ALLOWED_METHODS": "get",
        }
    )

    async def headers(origin: bytes | None, method: str = "GET") -> dict[str, str]:
        sent = () if origin is None else ((b"origin", origin),)
        return (await knock(front, "/health", sent, method=method)).headers

    good = await headers(b"https://b.test:8443")
    assert good["access-control-allow-origin"] == "https://b.test:8443"
    assert good["access-control-allow-credentials"] == "true"
    assert good["vary"] == "Origin"
    for other in (b"https://a.test.evil", b"https://A.test", b"null", None):
        assert "access-control-allow-origin" not in await headers(other)
        assert (await headers(other))["vary"] == "Origin"
    preflight = await headers(b"https://a.test", "OPTIONS")
    assert preflight["access-control-allow-headers"] == "authorization"
    assert preflight["access-control-allow-methods"] == "GET"
    assert "access-control-allow-origin" not in await headers(b"https://evil.test", "OPTIONS")


# Log


async def test_one_line_per_request_without_query_token_or_text(front: Front, lines: list[Any]) -> None:
    headers = (*AUTH, (b"content-type", b"application/json"))
    await knock(front, f"{THING}?search=swordfish", AUTH)
    await knock(
        front, "/api/v1/things?user_id=ana", headers, method="POST", body=b'{"name":"swordfish","count":"x"}'
    )
    await ask(front, "/nowhere/at%20all?x=swordfish")
    await knock(front, "/api/v1/management/host", ((b"authorization", b"Bearer swordfish"),))

    assert [(line["method"], line["path"], line["status"], line["user_id"]) for line in lines] == [
        ("GET", "/api/v1/things/{thing_id}", 200, "ana"),
        ("POST", "/api/v1/things", 422, "ana"),
        ("GET", "/nowhere/at%20all", 404, None),
        ("GET", "/api/v1/management/host", 403, None),
    ]
    assert all(line["ms"] >= 0 and line["request_id"] for line in lines)
    assert "swordfish" not in str(lines)
    assert TOKEN not in str(lines)


async def test_probes_do_not_fill_the_log(front: Front, lines: list[Any]) -> None:
    await knock(front, "/health")

    assert [line["log_level"] for line in lines] == ["debug"]


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """What has gone to standard error, with logging as it was afterwards."""
    kept, root = structlog.get_config(), logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    levels = {name: logging.getLogger(name).level for name in ("uvicorn", "uvicorn.error", "httpx")}
    yield lambda: capsys.readouterr().err
    structlog.configure(**kept)
    root.setLevel(level)
    root.handlers[:] = handlers
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


@pytest.mark.parametrize("look", ["json", "console"])
async def test_whatever_is_logged_stays_inside_its_line_b67(written: Callable[[], str], look: Any) -> None:
    log.configure("info", look)
    front = house(OPEN)

    await knock(front, "/api/v1/me?user_id=ana%0A%7B%22event%22:%22forged%22%7D%0D%1b[2J")
    logging.getLogger("elsewhere").warning("a line\nand %s", "an\x1bother")

    found = written()
    assert len(found.splitlines()) == 2
    assert "\x1b" not in found
    if look == "json":
        assert [json.loads(line)["level"] for line in found.splitlines()] == ["info", "warning"]


@pytest.mark.parametrize("look", ["json", "console"])
async def test_a_traceback_shows_no_variables(written: Callable[[], str], look: Any) -> None:
    log.configure("warning", look)
    password = "swordfish-in-a-variable"

    try:
        raise RuntimeError(len(password))
    except RuntimeError:
        structlog.get_logger().exception("failed")

    found = written()
    assert "RuntimeError" in found
    assert "swordfish" not in found


def test_lines_that_repeat_addresses_are_silenced(written: Callable[[], str]) -> None:
    log.configure("debug", "json")

    logging.getLogger("uvicorn.error").info('"WebSocket /ws?token=swordfish" [accepted]')
    logging.getLogger("httpx").info("GET https://keys.test/?key=swordfish")

    assert written() == ""


# Sockets


async def test_a_socket_is_opened_and_closed_with_a_line_each(front: Front, lines: list[Any]) -> None:
    sent = await knock_for_socket(front, f"/api/v1/ws?token={TOKEN}", says=["hello"])

    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.send", "websocket.send"]
    assert sent[2]["text"] == "hello"
    assert [(line["event"], line["user_id"]) for line in lines] == [
        ("socket opened", "ana"),
        ("socket closed", "ana"),
    ]
    assert lines[1]["code"] == 1000
    assert (b"x-request-id", lines[0]["request_id"].encode()) in sent[0]["headers"]
    assert TOKEN not in str(lines)


@pytest.mark.parametrize(
    ("target", "refusal"),
    [
        ("/nowhere", (404, "NOT_FOUND")),
        ("/api/v1/me", (400, "BAD_REQUEST")),
        ("/api/v1/ws/", (404, "NOT_FOUND")),
        ("/api/v1/ws%ff", (400, "BAD_REQUEST")),
        ("/api/v1/ws", (401, "UNAUTHORIZED")),
        (f"/api/v1/ws?token={TOKEN}&user_id=bo", (403, "FORBIDDEN")),
    ],
)
async def test_a_refused_handshake_gets_an_ordinary_answer(
    front: Front, lines: list[Any], target: str, refusal: tuple[int, str]
) -> None:
    answer = await refused_socket(front, target)

    assert answer.refusal == refusal
    assert answer.headers["x-request-id"] == lines[0]["request_id"]
    assert (lines[0]["event"], lines[0]["code"]) == ("socket refused", refusal[0])


async def test_a_route_may_refuse_before_it_accepts() -> None:
    answer = await refused_socket(house(OPEN), "/api/v1/ws?user_id=full")

    assert answer.refusal == (503, "SERVICE_UNAVAILABLE")
    assert answer.headers["retry-after"] == "1"


async def test_a_server_that_can_not_answer_handshakes_gets_a_close(front: Front) -> None:
    sent = await knock_for_socket(front, "/api/v1/ws", can_answer=False)

    assert sent == [{"type": "websocket.close", "code": 1008, "reason": "UNAUTHORIZED"}]


async def test_a_failure_on_an_open_socket_closes_it_without_details(front: Front, lines: list[Any]) -> None:
    sent = await knock_for_socket(front, f"/api/v1/ws?token={TOKEN}", says=["fail"])

    assert sent[-1] == {"type": "websocket.close", "code": 1011, "reason": ""}
    assert (lines[-1]["event"], lines[-1]["log_level"]) == ("socket closed", "error")


async def test_a_peer_that_is_gone_is_no_failure_of_ours(front: Front, lines: list[Any]) -> None:
    messages = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": "hello"}]

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        if message["type"] != "websocket.accept":
            raise OSError("gone")

    scope = scope_of("websocket", f"/api/v1/ws?token={TOKEN}".encode(), extensions={}, subprotocols=[])
    await front(scope, receive, send)

    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("socket opened", "info"),
        ("socket closed", "info"),
    ]


# Health


async def test_health_answers_whatever_else_is_wrong() -> None:
    for environ in (SECURE, OPEN, {}):
        answer = await knock(house(environ), "/health")

        assert answer.json == {"status": "ok", "version": health.VERSION}


async def test_ready_follows_the_database_and_tells_what_is_switched_off() -> None:
    front = house(OPEN)

    async def yes() -> bool:
        return True

    async def broken() -> bool:
        raise OSError

    before = await knock(front, "/health/ready")
    front.app.state.condition = health.Condition(["loud"], yes, lambda: ["search"])
    ready = await knock(front, "/health/ready")
    front.app.state.condition = health.Condition([], broken)
    failed = await knock(front, "/health/ready")

    assert (before.status, before.json["status"]) == (503, "not_ready")
    assert "ALLOW_OPEN_MANAGEMENT" in str(before.json["insecure"])
    assert (ready.status, ready.json) == (200, {"status": "ready", "insecure": ["loud"], "degraded": ["search"]})
    assert (failed.status, failed.json["status"]) == (503, "not_ready")


async def test_the_management_reads_its_query_as_strictly() -> None:
    front = house()
    bearer = ((b"authorization", f"Bearer {ADMIN}".encode()),)

    assert (await knock(front, "/api/v1/management/host?label=a+b", bearer)).data == "a b"
    assert (await knock(front, "/api/v1/management/host?label=%ff", bearer)).refusal == (400, "BAD_REQUEST")


async def _nothing() -> Any:
    return {"type": "http.disconnect"}
