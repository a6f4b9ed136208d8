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

DIALOG = b"0197c0de-0000-7000-8000-0000000000a1"
ROUTES = st.sampled_from(
    [b"/health", b"/openapi.json", b"/api/v1/unread", b"/api/v1/dialogs", b"/api/v1/dialogs/" + DIALOG,
     b"/api/v1/dialogs/by-object/a/b/list", b"/api/v1/dialogs/" + DIALOG + b"/messages",
     b"/api/v1/dialogs/" + DIALOG + b"/join", b"/api/v1/management/dialogs",
     b"/api/v1/management/dialogs/search"]
)  # fmt: skip
PARTS = st.sampled_from(
    [b"/", b"%00", b"%ff", b"%2F", b"%2e%2e", b"%", b"%zz", b"..", b"?", b"&", b"=", b"limit=", b"cursor=",
     b"search=",
     b"type=available", b"user_id=ana", b"%C3%A9", b"9" * 25, b"-1", b"#", b"{", b"\\", b"W10", b"*", b"|",
     b"\"", b";"]
)  # fmt: skip
METHODS = st.sampled_from(b"GET POST PUT PATCH DELETE OPTIONS TRACE".split())
KEYS = st.sampled_from(
    [
        b"Authorization: Bearer " + ANA,
        b"Authorization: Bearer " + ADMIN.encode(),
        b"Authorization: Bearer x",
        b"X-A: b",
    ]
)
HEADERS = st.sampled_from(
    [b"Content-Type: text/plain", b"Content-Encoding: gzip", b"Expect: 100-continue", b"Expect: 200-ok",
     b"Connection: close", b"Connection: keep-alive", b"Connection: Upgrade\r\nUpgrade: h2c",
     b"X-Request-Id: \xff",
     b"Idempotency-Key: a b", b"Origin: null", b"Trailer: X-A", b"X-Scope-Config: e30=",
     b"X-Long: " + b"x" * 17_000,
     b"Range: bytes=0-1", b"Accept: \xff", b"X-Forwarded-For: junk, 1.2.3.4", b"X-Forwarded-Proto: wss"]
)  # fmt: skip
ODD_WORDS = st.sampled_from(b"get CONNECT HTTP/1.0 HTTP/2.0 http/1.1 * http://other/health \xff".split())
BODIES = st.one_of(
    st.sampled_from(
        [b"", b'{"content":"x"}', b"{", b"\xff", b"[" * 5000, b"null", b'{"display_name":"x","company":""}',
         b'{"object_type":"a","object_id":"b","participants":[],"access_scopes":[]}']
    ),
    st.binary(max_size=30),
)  # fmt: skip
FLAWS = st.sampled_from(
    [b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: 99999999999999999999", b"Host: other",
     b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding : chunked",
     b"no colon",
     b": no name", b"Accept: \x00", b"X-A: a\n b", b"X-A: a\r b", b"\r\nGET / HTTP/1.1"]
)  # fmt: skip
CHUNKS = st.sampled_from(
    [b"5\r\nhello\r\n0\r\n\r\n", b"5;x=y\r\nhello\r\n0\r\nX-A: b\r\n\r\n", b"zz\r\n", b"f" * 18 + b"\r\n",
     b"-1\r\n",
     b"5\r\nhel", b"2\nab\n0\n\n", b"0\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n"]
)  # fmt: skip


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Make a request that is right but for one thing, which the parser may pass or not."""
    flaw = draw(st.sampled_from(["none", "target", "header", "chunks", "first line", "bytes"]))
    target = draw(ROUTES) + (b"" if flaw == "none" else b"".join(draw(st.lists(PARTS, max_size=4))))
    body = draw(BODIES)
    headers = [b"Host: chat.test", draw(KEYS), b"Content-Type: application/json"]
    headers += draw(st.lists(HEADERS, max_size=2))
    if flaw == "chunks":
        headers.append(b"Transfer-Encoding: chunked")
        body = draw(CHUNKS)
    else:
        headers.append(b"Content-Length: %d" % len(body))
    if flaw == "header":
        headers.append(draw(FLAWS))
    first = [draw(METHODS), target, b"HTTP/1.1"]
    if flaw == "first line":
        at = draw(st.integers(0, 2))
        first[at] = draw(
            st.sampled_from(b"get CONNECT HTTP/1.0 HTTP/2.0 http/1.1 * http://other/health \xff".split())
        )
    whole = b"\r\n".join([b" ".join(first), *headers, b"", body])
    if flaw == "bytes":
        at = draw(st.integers(0, len(whole)))
        whole = whole[:at] + draw(st.binary(max_size=3)) + whole[at + draw(st.integers(0, 3)) :]
    return whole


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
