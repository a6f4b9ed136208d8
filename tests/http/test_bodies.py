"""Bodies: what counts as JSON, what fits, and how the rest is refused (B1-B15)."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID

import jwt
import pytest
from litestar import Litestar
from structlog.testing import capture_logs

from mtchat_app.http import strict_json
from mtchat_app.http.errors import WrongShape
from mtchat_app.http.front import Front
from mtchat_core.domain.errors import BadRequest, InvalidInput
from tests.http.house import ID, SECRET, SECURE, Answer, house, knock, make, scope_of

TOKEN = jwt.encode({"sub": "ana"}, SECRET, algorithm="HS256").encode()
AUTH = ((b"authorization", b"Bearer " + TOKEN),)
JSON = (*AUTH, (b"content-type", b"application/json"))
CANARY = "c4n4ry"


@pytest.fixture(scope="module")
def front() -> Front:
    """The doors, with tokens on."""
    return house()


async def post(front: Front, body: bytes | list[bytes], path: str = "/api/v1/things") -> Answer:
    return await knock(front, path, JSON, method="POST", body=body)


async def test_a_body_arrives_as_its_type_and_unknown_keys_are_ignored(front: Front) -> None:
    body = (
        b'{"name":"\xd0\xbf\xd1\x80\xd0\xb8","count":-3,"is_open":true,"kind":"b","unknown":{"a":[1]},"note":null}'
    )

    answer = await post(front, body)

    assert answer.data == {
        "name": "при",
        "count": -3,
        "is_open": True,
        "kind": "b",
        "reply_to": None,
        "guests": [],
        "note": None,
        "meta": None,
    }


async def test_an_absent_key_differs_from_null(front: Front) -> None:
    absent, null = await post(front, b'{"name":"x"}'), await post(front, b'{"name":"x","note":null}')

    assert "note" not in absent.data
    assert null.data["note"] is None


@pytest.mark.parametrize(
    "document",
    [b'{"name":"x","meta":%s}' % number for number in (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999")],
)
async def test_what_is_no_number_is_refused_b1(front: Front, document: bytes) -> None:
    assert (await post(front, document)).refusal == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    "document",
    [
        rb'{"name":"\ud800"}',
        rb'{"name":"x","unknown":"\udfff"}',
        rb'{"name":"x","\ud800":1}',
        rb'{"name":"x","meta":[[{"a":{"\udc00\ud800":1}}]]}',
        rb'{"name":"\ud83d"}',
    ],
)
async def test_a_lone_surrogate_is_refused_wherever_it_hides_b2(front: Front, document: bytes) -> None:
    assert (await post(front, document)).refusal == (400, "BAD_REQUEST")


async def test_a_whole_surrogate_pair_and_an_escaped_backslash_are_text(front: Front) -> None:
    answer = await post(front, rb'{"name":"\ud83d\ude00","meta":"\\u0000 \\ud800"}')

    assert answer.data["name"] == "😀"
    assert answer.data["meta"] == r"\u0000 \ud800"


@pytest.mark.parametrize("document", [rb'{"name":"a\u0000"}', rb'{"name":"x","meta":{"\u0000":1}}'])
async def test_an_escaped_nul_breaks_a_rule_b3(front: Front, document: bytes) -> None:
    assert (await post(front, document)).refusal == (400, "INVALID_INPUT")


@pytest.mark.parametrize(
    "document",
    [
        b'{"name":"\x00"}',
        b'{"name":"\xff"}',
        b'{"name":"\xed\xa0\x80"}',
        b'{"name":"\xc0\xaf"}',
        '{"name":"x"}'.encode("utf-16"),
        '{"name":"x"}'.encode("utf-16-le"),
        b'\xef\xbb\xbf{"name":"x"}',
        b'{"name":"x"} trailing',
        b'{"name":"x",}',
        b"{'name':'x'}",
        b'{"name":"x"',
        b'{"name":"a\nb"}',
        b'{"name":01}',
        b" ",
    ],
)
async def test_what_is_not_json_in_utf_8_is_refused_b5_b7(front: Front, document: bytes) -> None:
    assert (await post(front, document)).refusal == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    "document",
    [b'{"name":"x","name":"y"}', b'{"name":"x","meta":[{"a":1,"a":1}]}', b'{"name":"x","name":"y"} and rubbish'],
)
async def test_the_same_key_twice_is_refused_b8(front: Front, document: bytes) -> None:
    assert (await post(front, document)).refusal == (422, "INVALID_INPUT")


def nested(depth: int, opening: bytes = b"[", closing: bytes = b"]", inside: bytes = b"") -> bytes:
    return opening * depth + inside + closing * depth


@pytest.mark.parametrize(
    "document",
    [
        nested(65),
        nested(65, inside=b"1"),
        nested(65, b'{"a":', b"}", b"1"),
        nested(500),
        nested(100_000),
        nested(100_000, b'{"a":', b"}", b"1"),
        b"[" * 1_000_000,
    ],
)
def test_a_document_nested_too_deep_is_refused_b9(document: bytes) -> None:
    with pytest.raises(BadRequest):
        strict_json.read(document)


@pytest.mark.parametrize("document", [nested(64), nested(64, inside=b"1"), b"[%s]" % b",".join([nested(63)] * 50)])
def test_sixty_four_levels_are_fine_however_many_brackets_there_are(document: bytes) -> None:
    assert strict_json.read(document) == json.loads(document)


@pytest.mark.parametrize("number", [str(2**63), str(-(2**63) - 1), "9" * 5000, "-" + "9" * 5000, "9" * 20])
async def test_a_whole_number_beyond_64_bits_is_refused_b10(front: Front, number: str) -> None:
    for field in ("count", "meta", "unknown"):
        answer = await post(front, f'{{"name":"x","{field}":{number}}}'.encode())

        assert answer.refusal == (422, "INVALID_INPUT")
        assert number not in answer.sentence


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 0])
async def test_the_ends_of_64_bits_fit(front: Front, number: int) -> None:
    assert (await post(front, f'{{"name":"x","count":{number}}}'.encode())).data["count"] == number


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"count": True}, "$.count"),
        ({"count": "1"}, "$.count"),
        ({"count": 1.0}, "$.count"),
        ({"count": None}, "$.count"),
        ({"name": 1}, "$.name"),
        ({"name": None}, "$.name"),
        ({"is_open": 1}, "$.is_open"),
        ({"is_open": "true"}, "$.is_open"),
        ({"kind": CANARY}, "$.kind"),
        ({"kind": "c4n4ry' - at `$.nowhere`"}, "$.kind"),
        ({"reply_to": CANARY}, "$.reply_to"),
        ({"reply_to": f"{{{CANARY}}}"}, "$.reply_to"),
        ({"reply_to": 7}, "$.reply_to"),
        ({"reply_to": ID[:-1]}, "$.reply_to"),
        ({"guests": None}, "$.guests"),
        ({"guests": [{"user_id": "u"}, {"user_id": 1}]}, "$.guests[1].user_id"),
        ({"guests": [{}]}, "user_id"),
        ({"guests": {"user_id": "u"}}, "$.guests"),
    ],
)
async def test_a_wrong_shape_is_refused_with_its_place_and_without_its_value_b11(
    front: Front, fields: dict[str, Any], place: str
) -> None:
    answer = await post(front, json.dumps({"name": "x", **fields}).encode())

    assert answer.refusal == (422, "INVALID_INPUT")
    assert place in answer.sentence
    assert CANARY not in answer.sentence


@pytest.mark.parametrize("document", [b"null", b"[]", b'""', b"1", b"{}"])
async def test_json_of_another_kind_is_refused_b12(front: Front, document: bytes) -> None:
    assert (await post(front, document)).refusal == (422, "INVALID_INPUT")


async def test_an_empty_body_is_no_body_b12(front: Front) -> None:
    needed = await post(front, b"")
    without_type = await knock(front, "/api/v1/things", AUTH, method="POST")
    optional = await knock(front, "/api/v1/maybe", AUTH, method="POST")
    optional_with_type = await post(front, b"", "/api/v1/maybe")
    null = await post(front, b"null", "/api/v1/maybe")

    assert needed.refusal == (400, "BAD_REQUEST")
    assert without_type.refusal == (415, "BAD_REQUEST")
    assert [optional.data, optional_with_type.data, null.data] == [None, None, None]


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "text/json", "json", "", "*/*"],
)
@pytest.mark.parametrize("path", ["/api/v1/things", "/api/v1/maybe"])
async def test_what_is_not_announced_as_json_is_refused_b13(front: Front, path: str, media_type: str) -> None:
    headers = (*AUTH, (b"content-type", media_type.encode()))

    answer = await knock(front, path, headers, method="POST", body=b'{"name":"x"}')

    assert answer.refusal == (415, "BAD_REQUEST")


@pytest.mark.parametrize(
    "media_type",
    ["application/json; charset=utf-8", "Application/JSON", "application/merge-patch+json", "application/json;"],
)
async def test_every_name_of_json_is_taken(front: Front, media_type: str) -> None:
    headers = (*AUTH, (b"content-type", media_type.encode()))

    answer = await knock(front, "/api/v1/things", headers, method="POST", body=b'{"name":"x"}')

    assert answer.status == 200


async def test_a_body_without_a_media_type_is_refused_even_where_none_is_needed(front: Front) -> None:
    answer = await knock(front, "/api/v1/maybe", AUTH, method="POST", body=b'{"name":"x"}')

    assert answer.refusal == (415, "BAD_REQUEST")


async def test_a_body_announced_too_large_is_not_read_b14(front: Front) -> None:
    headers = (*JSON, (b"content-length", str(2 * 1024 * 1024 + 1).encode()))
    asked: list[int] = []

    async def receive() -> Any:
        asked.append(1)

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await front(scope_of("http", b"/api/v1/things", headers, method="POST"), receive, send)

    assert sent[0]["status"] == 413
    assert (b"connection", b"close") in sent[0]["headers"]
    assert not asked


async def test_a_chunked_body_is_cut_at_the_limit_b14(front: Front) -> None:
    chunk = b" " * 1024 * 1024

    fits = await post(front, [b'{"name":"x"}', chunk, b" " * (len(chunk) - 12)])
    exceeds = await post(front, [b'{"name":"x"}', chunk, b" " * (len(chunk) - 11)])

    assert fits.status == 200
    assert exceeds.refusal == (413, "BAD_REQUEST")


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate", b"br", b"identity, gzip"])
async def test_a_compressed_body_is_refused_b15(front: Front, encoding: bytes) -> None:
    headers = (*JSON, (b"content-encoding", encoding))

    for path in ("/api/v1/things", "/api/v1/maybe"):
        answer = await knock(front, path, headers, method="POST", body=b'{"name":"x"}')

        assert answer.refusal == (415, "BAD_REQUEST")


async def test_a_body_that_drips_is_given_up() -> None:
    front = house({**SECURE, "REQUEST_BODY_TIMEOUT_SECS": "0.01"})
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    await front(scope_of("http", b"/api/v1/things", JSON, method="POST"), receive, send)

    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["error"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize("form", [ID, ID.upper(), ID.replace("-", ""), f"{{{ID}}}", f"urn:uuid:{ID}"])
async def test_every_form_of_a_uuid_is_taken(front: Front, form: str) -> None:
    guests = [{"user_id": "u", "id": form}, {"user_id": f"{{{ID}}}", "id": form}]
    body = {"name": "x", "reply_to": form, "guests": guests, "meta": f"{{{ID}}}"}

    answer = await post(front, json.dumps(body).encode())

    assert UUID(answer.data["reply_to"]) == UUID(ID)
    assert [guest["id"] for guest in answer.data["guests"]] == [ID, ID]
    assert [guest["user_id"] for guest in answer.data["guests"]] == ["u", f"{{{ID}}}"]
    assert answer.data["meta"] == f"{{{ID}}}"


async def test_rare_forms_of_uuids_can_not_be_used_to_keep_us_busy(front: Front) -> None:
    body = {"name": "x", "guests": [{"user_id": "u", "id": f"urn:uuid:{ID}"}] * 1000}

    assert (await post(front, json.dumps(body).encode())).refusal == (422, "INVALID_INPUT")


async def test_limits_are_shown_but_left_to_the_domain(front: Front) -> None:
    answer = await post(front, b'{"name":"longer than five"}')
    schema = _described_name()

    assert answer.status == 200
    assert (schema["minLength"], schema["maxLength"], schema["description"]) == (1, 5, "1 to 5 characters.")
    assert schema["examples"] == ["desk"]


def _described_name() -> dict[str, Any]:
    components = Litestar([make]).openapi_schema.to_schema()["components"]["schemas"]
    name: dict[str, Any] = components["Thing"]["properties"]["name"]
    return name


def test_reading_tells_apart_what_is_wrong() -> None:
    for document, refusal in (
        (b"{", BadRequest),
        (b'{"a":1,"a":2}', WrongShape),
        (rb'["\u0000"]', InvalidInput),
    ):
        with pytest.raises(refusal):
            strict_json.read(document)


@pytest.fixture(scope="module", autouse=True)
async def _quiet() -> AsyncGenerator[None]:
    with capture_logs():
        yield
