"""Whatever reads what callers send: any bytes are understood or refused, and nothing else happens (G17)."""

import base64
import contextlib
import hashlib
import hmac
import json
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from mtchat_app.http import cursors, strict_json
from mtchat_app.http.bodies import decode
from mtchat_app.http.cursors import CursorUnknown
from mtchat_app.http.errors import DoorError, Unauthorized
from mtchat_app.http.front import Front
from mtchat_app.http.identity import Verifier, read_scopes
from mtchat_app.http.parameters import read_query, read_uuid
from mtchat_app.settings import Settings
from mtchat_core.domain import markup
from mtchat_core.domain.errors import BadRequest, ChatError
from mtchat_core.domain.ids import DialogId
from mtchat_core.domain.inbox import Position
from mtchat_core.domain.markup import TangledMarkup
from tests.fuzzing import trying
from tests.http.house import OPEN, SECRET, SECURE, Answer, Thing, house, knock

OURS = (ChatError, DoorError)
PIECES = st.sampled_from(
    [
        b"{", b"}", b"[", b"]", b",", b":", b'"', b'"a"', b'"name"', b"\\", rb"\u0000", rb"\ud800", rb"\ude00",
        b"0", b"-", b"1e", b"1e999", b".5", b"9" * 30, b"true", b"null", b"NaN", b"Infinity", b" ", b"\n",
        b"\x00", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", "ж".encode(), "🙂".encode(), b"[" * 70, b"]" * 70,
        b"//", b"'",
    ]
)  # fmt: skip
JSON_TEXT = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
).map(lambda value: json.dumps(value).encode())
DOCUMENTS = st.one_of(st.binary(max_size=40), st.lists(PIECES, max_size=12).map(b"".join), JSON_TEXT)


@trying(500)
@given(DOCUMENTS)
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b"9" * 100_000)
@example(b"1." + b"9" * 100_000)
@example(b'"' + b"\\ud800" * 1000)
def test_a_document_is_read_as_json_means_it_or_refused_g17_b1_b2_b3_b5_b8_b9_b10(document: bytes) -> None:
    try:
        value = strict_json.read(document)
    except OURS:
        return

    assert json.loads(document.decode()) == value
    written = json.dumps(value, allow_nan=False, ensure_ascii=False)
    assert strict_json.read(written.encode()) == value


@trying(300)
@given(DOCUMENTS)
def test_a_body_fits_its_type_or_is_refused_g17_b11_b12(document: bytes) -> None:
    for kind in (Thing, Thing | None):
        try:
            value = decode(document, kind)
        except OURS:
            continue
        assert value is None or isinstance(value, Thing)


def encoded(document: str) -> str:
    """Return what a cursor looks like."""
    return base64.urlsafe_b64encode(document.encode()).decode()


PLACES = st.tuples(
    st.sampled_from(["true", "false", "1", "null", '"true"']),
    st.one_of(
        st.datetimes().map(lambda at: at.isoformat()),
        st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat()),
        st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2031-02-30T00:00:00Z", ""]),
    ),
    st.one_of(st.uuids().map(str), st.text(max_size=5)),
)
CURSORS = st.one_of(
    st.text(max_size=60),
    st.text(max_size=45).map(encoded),
    PLACES.map(
        lambda place: base64.urlsafe_b64encode(f'[{place[0]},"{place[1]}","{place[2]}"]'.encode()).decode()
    ),
    PLACES.map(lambda place: base64.urlsafe_b64encode(f'["{place[1]}","{place[2]}"]'.encode()).decode()),
)


@trying(500)
@given(CURSORS)
@example("W2ZhbHNlLCIwMDAxLTAxLTAxVDAwOjAwOjAwKzE0OjAwIiwiMDE5N2MwZGUtMDAwMC03MDAwLTgwMDAtMDAwMDAwMDAwMGExIl0")
def test_a_cursor_is_a_place_in_time_or_refused_g17_b39(cursor: str) -> None:
    readers: list[Any] = [cursors.read_position, cursors.read_place]
    for read in readers:
        try:
            place = read(cursor)
        except CursorUnknown:
            continue
        at = place.active_at if isinstance(place, Position) else place.created_at
        assert at.tzinfo is UTC


@trying(100)
@given(st.booleans(), st.datetimes(), st.uuids())
def test_our_own_cursors_are_read_again_b39(is_pinned: bool, at: datetime, id_: UUID) -> None:
    place = Position(is_pinned, at.replace(tzinfo=UTC), DialogId(id_))

    assert cursors.read_position(cursors.write_position(place)) == place


QUERIES = st.one_of(
    st.binary(max_size=40),
    st.lists(
        st.sampled_from(
            [
                b"user_id",
                b"=",
                b"&",
                b"%",
                b"%00",
                b"%ff",
                b"%C3%A9",
                b"+",
                b";",
                b"a",
                b"?",
                b"#",
                b"%2",
                "ж".encode(),
            ]
        ),
        max_size=12,
    ).map(b"".join),
)


@trying(300)
@given(QUERIES)
def test_a_query_is_read_as_browsers_mean_it_or_refused_g17_b4_b6(query: bytes) -> None:
    try:
        pairs = read_query(query)
    except BadRequest:
        return

    assert list(pairs) == parse_qsl(query.decode(), keep_blank_values=True)
    assert not any("\x00" in name + value for name, value in pairs)


@trying(300)
@given(
    st.one_of(
        st.text(max_size=45),
        st.uuids().map(str),
        st.uuids().map(lambda uuid: uuid.urn),
        st.uuids().map(lambda uuid: f"{{{uuid}}}"),
        st.uuids().map(lambda uuid: uuid.hex + "0"),
        st.from_regex(re.compile(r"[{]?[0-9a-fA-F٠-٩-]{30,38}[}]?"), fullmatch=True),
    )
)
def test_a_uuid_is_one_to_python_too_or_none_g17(text: str) -> None:
    if (uuid := read_uuid(text)) is not None:
        assert UUID(text) == uuid


LEVELS = st.sampled_from(["scope_level0", "scope_level1", "scope_level2", "x"])


@trying(200)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["scope_level0", "scope_level1", "scope_level2", "x"]), inner, max_size=3
            )
        ),
        max_leaves=8,
    )
)
def test_scopes_are_lists_of_text_or_refused_g17_b36(document: object) -> None:
    try:
        scopes = read_scopes(document)
    except BadRequest:
        return

    assert isinstance(document, dict)
    for number, level in enumerate(scopes.levels):
        assert level == frozenset(document.get(f"scope_level{number}", []))


def signed(header: bytes, payload: bytes) -> bytes:
    """Return a token with a good signature over whatever it says."""
    said = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (header, payload))
    signature = hmac.new(SECRET.encode(), said, hashlib.sha256).digest()
    return said + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")


GOOD = signed(b'{"alg":"HS256","typ":"JWT"}', b'{"sub":"ana"}')
CLAIMS = st.one_of(
    DOCUMENTS,
    st.builds(
        lambda sub, exp: json.dumps({"sub": sub, "exp": exp}).encode(),
        st.one_of(st.text(max_size=3), st.integers(), st.floats(), st.none(), st.lists(st.integers(), max_size=1)),
        st.one_of(st.integers(), st.floats(), st.text(max_size=2), st.none()),
    ),
)
ALGORITHMS = st.sampled_from([b'{"alg":"HS256"}', b'{"alg":"none"}', b'{"alg":"RS256"}', b"{}", b"[]", b"\xff"])


@pytest.fixture(scope="module")
def verifier() -> Verifier:
    found = Verifier.of(Settings.load(SECURE))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def doors() -> Front:
    return house({**SECURE, "AUTH_FAILURES_BURST": "1000000000", "SCOPE_SOURCE": "header"})


@trying(300)
@given(header=ALGORITHMS, payload=CLAIMS)
async def test_a_signed_token_names_a_person_or_nobody_g17_b21_b22_b23(
    verifier: Verifier, header: bytes, payload: bytes
) -> None:
    try:
        identity = await verifier.verify(signed(header, payload))
    except Unauthorized:
        return

    claims = json.loads(payload)
    assert header == b'{"alg":"HS256"}'
    assert identity.user_id == str(claims["sub"])
    assert type(claims["sub"]) in (str, int)


@trying(200)
@given(st.integers(0, len(GOOD) - 1), st.binary(max_size=3), st.integers(0, 3))
async def test_a_changed_token_is_nobodys_g17_b18(verifier: Verifier, at: int, put: bytes, drop: int) -> None:
    changed = GOOD[:at] + put + GOOD[at + drop :]
    assume(changed != GOOD)
    try:
        identity = await verifier.verify(changed)
    except Unauthorized:
        return

    # The last letter of a signature has spare bits (RFC 4648, section 3.5): the bytes are the same.
    assert identity.user_id == "ana"
    assert changed[:-1] == GOOD[:-1] or changed.rstrip(b"=") == GOOD


HEADER_NAMES = st.sampled_from(
    [b"authorization", b"content-type", b"content-encoding", b"content-length", b"x-scope-config",
     b"x-request-id",
     b"idempotency-key", b"origin", b"access-control-request-headers", b"host", b"accept", b"expect", b"x-a"]
)  # fmt: skip
HEADER_VALUES = st.one_of(
    st.binary(max_size=30),
    st.sampled_from([b"application/json", b"gzip", b"Bearer " + GOOD, b"Bearer ", b"e30=", b"9" * 30, b"*"]),
)
TARGETS = st.lists(
    st.sampled_from(
        [b"/", b"/api/v1", b"/things", b"/names", b"/me", b"/ws", b"/management/host", b"%00", b"%ff", b"%2F",
         b"%2e%2e", b"%", b"..", b"a", b"?", b"&", b"=", b"user_id=ana", b"limit=", b"9" * 25, b"-1", b"\xff",
         b";", b"#", b"{", b"\\", b"0197c0de-0000-7000-8000-0000000000a1"]
    ),
    max_size=8,
).map(lambda parts: b"/" + b"".join(parts))  # fmt: skip


def check_answer(answer: Answer) -> None:
    """An answer is fine, or a refusal in the envelope; never a failure of ours."""
    assert answer.status < 500, answer
    assert "x-request-id" in answer.headers
    if answer.status >= 400 and answer.body:
        assert answer.refusal


@trying(400)
@given(
    target=TARGETS,
    headers=st.lists(st.tuples(HEADER_NAMES, HEADER_VALUES), max_size=4),
    method=st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "TRACE", "get", "X"]),
    body=st.lists(DOCUMENTS, min_size=1, max_size=3),
    is_known=st.booleans(),
)
async def test_every_request_gets_a_proper_answer_g17(
    doors: Front, target: bytes, headers: list[tuple[bytes, bytes]], method: str, body: list[bytes], is_known: bool
) -> None:
    known = [(b"authorization", b"Bearer " + GOOD), (b"content-type", b"application/json")] if is_known else []

    check_answer(await knock(doors, target, [*known, *headers], method=method, body=body))


@pytest.fixture(scope="module")
def open_doors() -> Front:
    return house(OPEN)


@trying(100)
@given(query=QUERIES)
async def test_insecure_doors_give_proper_answers_too_g17(open_doors: Front, query: bytes) -> None:
    check_answer(await knock(open_doors, b"/api/v1/me?" + query))


@trying(300)
@given(st.text(st.sampled_from("<>/ =\"'&;#abpx!-\n\x0c\u00a0\u3164" + "é"), max_size=40))
def test_no_markup_is_too_much_to_look_at_g17_b47(content: str) -> None:
    with contextlib.suppress(TangledMarkup):
        assert markup.affordable(content) == content
    for tag, name in (("a", "href"), ("span", "class"), ("p", "title")):
        kept = markup.attribute(tag, name, content)
        assert kept is None or markup.attribute(tag, name, kept) == kept
