"""Bytes at the port of the real service: whatever they are, answers are whole, proper and never a 5xx (G17)."""

import asyncio
import json
import re

from hypothesis import given
from hypothesis import strategies as st

from tests.asking import ADMIN, SCOPES, token
from tests.fuzzing import trying
from tests.journeys.service import Service

ANA = token("ana", SCOPES).encode()
AT_ONCE = 16
SILENCE_SECONDS = 0.15
"""After this long without a byte a connection is taken to wait for more from us."""

METHODS = st.sampled_from(
    [b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE", b"get", b"CONNECT", b"\xff"]
)
PARTS = st.sampled_from(
    [b"/", b"/api/v1", b"/management", b"/dialogs", b"/unread", b"/search", b"/messages", b"/health",
     b"/openapi.json",
     b"0197c0de-0000-7000-8000-0000000000a1", b"%00", b"%ff", b"%2F", b"%2e%2e", b"%", b"%zz", b"..", b"?",
     b"&", b"=",
     b"limit", b"cursor", b"search", b"9" * 25, b"-1", b"#", b"{", b"\\", b" ", b"\t", b"\xc3\xa9",
     b"http://other", b"*"]
)  # fmt: skip
TARGETS = st.one_of(
    st.lists(PARTS, max_size=8).map(lambda parts: b"/api/v1/" + b"".join(parts)),
    st.lists(PARTS, max_size=4).map(b"".join),
)
VERSIONS = st.sampled_from([b"HTTP/1.1"] * 8 + [b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9", b"http/1.1", b""])
ENDS = st.sampled_from([b"\r\n"] * 12 + [b"\n", b"\r", b"\r\n "])
HEADERS = st.one_of(
    st.sampled_from(
        [b"Authorization: Bearer " + ANA, b"Authorization: Bearer " + ADMIN.encode(),
         b"Authorization: Bearer x",
         b"Content-Type: application/json", b"Content-Type: text/plain", b"Content-Length: 5",
         b"Content-Length: -1",
         b"Content-Length: 99999999999999999999", b"Transfer-Encoding: chunked",
         b"Transfer-Encoding: gzip, chunked",
         b"Transfer-Encoding : chunked", b"Content-Encoding: gzip", b"Expect: 100-continue",
         b"Connection: close",
         b"Connection: keep-alive", b"Connection: Upgrade\r\nUpgrade: h2c", b"Host: other",
         b"X-Request-Id: \xff",
         b"Idempotency-Key: a b", b"Origin: null", b"Trailer: X-A", b"X-Scope-Config: e30=", b"no colon",
         b": no name",
         b"X-Long: " + b"x" * 17_000, b"Accept: \x00", b"Range: bytes=0-1"]
    ),
    st.tuples(st.binary(max_size=6), st.binary(max_size=12)).map(b": ".join),
)  # fmt: skip
BODIES = st.one_of(
    st.just(b""),
    st.sampled_from(
        [b'{"content":"x"}', b"{", b"\xff", b"[" * 5000, b"null",
         b'{"object_type":"a","object_id":"b","participants":[]}']
    ),
    st.sampled_from(
        [b"5\r\nhello\r\n0\r\n\r\n", b"5;x=y\r\nhello\r\n0\r\nX-A: b\r\n\r\n", b"zz\r\n",
         b"ffffffffffffffffff\r\n", b"-1\r\n",
         b"5\r\nhel", b"2\nab\n0\n\n", b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n"]
    ),
    st.binary(max_size=30),
)  # fmt: skip


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Make a request that is nearly one."""
    headers = [b"Host: chat.test", *draw(st.lists(HEADERS, max_size=5))]
    if draw(st.booleans()):
        headers += [b"Authorization: Bearer " + ANA, b"Content-Type: application/json"]
    body = draw(BODIES)
    if draw(st.booleans()):
        headers.append(b"Content-Length: %d" % len(body))
    end = draw(ENDS)
    head = b" ".join([draw(METHODS), draw(TARGETS), draw(VERSIONS)])
    whole = end.join([head, *headers, b"", body])
    at = draw(st.integers(0, len(whole)))
    return whole if draw(st.integers(0, 3)) else whole[:at] + draw(st.binary(max_size=3)) + whole[at:]


async def exchange(port: int, sent: bytes) -> bytes:
    """Send bytes and return everything that comes back before silence or the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = b""
    try:
        writer.write(sent)
        while True:
            async with asyncio.timeout(SILENCE_SECONDS):
                if not (part := await reader.read(65_536)):
                    break
            received += part
    except (TimeoutError, ConnectionError):
        pass
    finally:
        writer.transport.abort()
    return received


def check(received: bytes) -> None:
    """Read every answer to its last byte."""
    while received:
        head, found, received = received.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("ascii").split("\r\n")
        assert found, head
        answer = re.fullmatch(r"HTTP/1\.1 ([1-5][0-9]{2}) [A-Za-z -]+", status_line)
        assert answer, status_line
        status = int(answer[1])
        if status == 100:
            continue
        assert status < 500 or status == 503, head
        headers = dict(line.lower().split(": ", 1) for line in lines)
        assert "transfer-encoding" not in headers
        assert "x-request-id" in headers
        length = int(headers.get("content-length", "0"))
        body, received = received[:length], received[length:]
        assert len(body) == length
        if status >= 400:
            assert headers["content-type"] == "application/json"
            error = json.loads(body)["error"]
            assert error.keys() >= {"code", "message"}


@trying(40)
@given(st.lists(requests(), min_size=AT_ONCE, max_size=AT_ONCE))
async def test_whatever_arrives_the_answers_are_proper_g17_b17(served: Service, several: list[bytes]) -> None:
    answers = await asyncio.gather(*[exchange(served.port, sent) for sent in several])

    for received in answers:
        check(received)
