"""The doors behind the real server, spoken to byte by byte (B14-B17, B29, G20)."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncGenerator, Iterator

import jwt
import pytest
import structlog
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from mtchat_app.http import log
from mtchat_app.server import Server
from mtchat_app.settings import Settings
from tests.http.house import ID, SECRET, SECURE, house

TOKEN = jwt.encode({"sub": "ana"}, SECRET, algorithm="HS256")
HEAD = f"Host: house.test\r\nAuthorization: Bearer {TOKEN}\r\n"
THING = f"/api/v1/things/{ID}"


@pytest.fixture(scope="module")
async def port() -> AsyncGenerator[int]:
    """A server with the doors, on a port of its own."""
    environment = {**SECURE, "SHUTDOWN_GRACE_SECS": "0"}
    server = Server(house(environment), Settings.load(environment))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        yield listener.getsockname()[1]
        server.should_exit = True
        await serving


Answer = tuple[int, dict[str, str], bytes]


async def speak(port: int, *parts: str | bytes) -> Answer:
    """Write bytes, read one answer up to the end of the connection; return status, headers and body."""
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for part in parts:
                writer.write(part.encode() if isinstance(part, str) else part)
                await writer.drain()
        except ConnectionError:
            pass  # an answer may come before everything was said
        answer = await reader.read()
        writer.close()
    return _read(answer)


async def drip(port: int, head: str, drop: bytes) -> Answer:
    """Write a beginning, then drops without end; return the answer that comes nevertheless."""
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode())
        answer = asyncio.create_task(reader.read())
        while not answer.done():
            writer.write(drop)
            await asyncio.wait([answer], timeout=0.01)
        writer.close()
    return _read(answer.result())


def _read(answer: bytes) -> Answer:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}, body


async def test_an_answer_on_the_wire_is_what_it_is_in_here(port: int) -> None:
    status, headers, body = await speak(port, f"GET {THING}?limit=3 HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n")

    assert (status, json.loads(body)["data"]["limit"]) == (200, 3)
    assert headers["x-content-type-options"] == "nosniff"
    assert len(headers["x-request-id"]) == 16


async def test_head_on_the_wire_has_a_length_and_no_body(port: int) -> None:
    status, headers, body = await speak(port, f"HEAD {THING} HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n")

    assert (status, body) == (200, b"")
    assert int(headers["content-length"]) > 100


async def test_an_endless_chunked_body_is_cut_off_b14(port: int) -> None:
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"

    status, headers, body = await speak(
        port,
        f"POST /api/v1/things HTTP/1.1\r\n{HEAD}Content-Type: application/json\r\n",
        "Transfer-Encoding: chunked\r\n\r\n",
        *[chunk] * 33,
    )

    assert status == 413
    assert headers["connection"] == "close"
    assert json.loads(body)["error"]["code"] == "BAD_REQUEST"


BODY = '{"name":"desk"}'
POST = f"POST /api/v1/things HTTP/1.1\r\n{HEAD}Content-Type: application/json\r\n"
SIZED = f"{POST}Content-Length: {len(BODY)}\r\n"
CHUNKED = f"{POST}Transfer-Encoding: chunked\r\n"
CHUNKS = f"{len(BODY):x}\r\n{BODY}\r\n0\r\n\r\n"
AMBIGUOUS = {
    "length before chunks": f"{POST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks before length": f"{POST}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": f"{SIZED}Content-Length: 3\r\n\r\n{BODY}",
    "the same length twice": f"{SIZED}Content-Length: {len(BODY)}\r\n\r\n{BODY}",
    "a list of lengths": f"{POST}Content-Length: 15, 15\r\n\r\n{BODY}",
    "a signed length": f"{POST}Content-Length: +15\r\n\r\n{BODY}",
    "a hexadecimal length": f"{POST}Content-Length: 0xf\r\n\r\n{BODY}",
    "an endless length": f"{POST}Content-Length: {10**30}\r\n\r\n{BODY}",
    "an empty length": f"{POST}Content-Length: \r\n\r\n{BODY}",
    "an unknown coding": f"{POST}Transfer-Encoding: xchunked\r\n\r\n{CHUNKS}",
    "a coding beneath the chunks": f"{POST}Transfer-Encoding: gzip, chunked\r\n\r\n{CHUNKS}",
    "a coding above the chunks": f"{POST}Transfer-Encoding: chunked, identity\r\n\r\n{CHUNKS}",
    "no coding at all": f"{POST}Transfer-Encoding: identity\r\n\r\n{BODY}",
    "chunks twice": f"{CHUNKED}Transfer-Encoding: chunked\r\n\r\n{CHUNKS}",
    "a hidden coding": f"{POST}Transfer-Encoding: \x0bchunked\r\n\r\n{CHUNKS}",
    "chunks before 1.1": f"{CHUNKED}\r\n{CHUNKS}".replace("HTTP/1.1", "HTTP/1.0"),
    "another major version": f"{SIZED}\r\n{BODY}".replace("HTTP/1.1", "HTTP/2.0"),
    "a blank before the colon": f"{SIZED}Transfer-Encoding : chunked\r\n\r\n{BODY}",
    "a folded line": f"{SIZED}X-Folded: a\r\n b\r\n\r\n{BODY}",
    "a folded coding": f"{POST}Transfer-Encoding:\r\n chunked\r\n\r\n{CHUNKS}",
    "bare line feeds": f"{SIZED}\r\n".replace("\r\n", "\n") + BODY,
    "one bare line feed": f"{POST}X-A: b\nContent-Length: 15\r\n\r\n{BODY}",
    "a bare return": f"{POST}X-A: b\rContent-Length: 15\r\n\r\n{BODY}",
    "U+0000 in a header": f"{SIZED}X-A: a\x00b\r\n\r\n{BODY}",
    "a header without a name": f"{SIZED}: a\r\n\r\n{BODY}",
    "a header without a colon": f"{SIZED}X-A\r\n\r\n{BODY}",
    "a header's name with brackets": f"{SIZED}X(A): b\r\n\r\n{BODY}",
    "no host": f"{SIZED}\r\n{BODY}".replace("Host: house.test\r\n", ""),
    "two hosts": f"{SIZED}Host: other.test\r\n\r\n{BODY}",
    "a chunk longer than it says": f"{CHUNKED}\r\n5\r\n{BODY}\r\n0\r\n\r\n",
    "a chunk of no size": f"{CHUNKED}\r\nzz\r\n{BODY}\r\n0\r\n\r\n",
    "a chunk of a prefixed size": f"{CHUNKED}\r\n0xf\r\n{BODY}\r\n0\r\n\r\n",
    "a chunk of an endless size": f"{CHUNKED}\r\n{'f' * 17}\r\n{BODY}\r\n0\r\n\r\n",
    "chunks with bare line feeds": f"{CHUNKED}\r\n{CHUNKS}".replace("\r\n" + CHUNKS, "\r\nf\n" + BODY + "\n0\n\n"),
    "a method in small letters": f"{SIZED}\r\n{BODY}".replace("POST", "post"),
    "an unknown method": f"{SIZED}\r\n{BODY}".replace("POST", "FROB"),
    "a tunnel": f"CONNECT other.test:443 HTTP/1.1\r\n{HEAD}\r\n",
    "an address without a slash": f"GET api HTTP/1.1\r\n{HEAD}\r\n",
    "an address with raw letters": f"GET /api/v1/names/ж/a HTTP/1.1\r\n{HEAD}\r\n",
    "an address with a blank": f"GET /api/v1/names/a b HTTP/1.1\r\n{HEAD}\r\n",
    "a socket by POST": f"{POST}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "a socket with a body": f"GET /api/v1/ws HTTP/1.1\r\n{HEAD}Connection: Upgrade\r\nUpgrade: websocket\r\n"
    "Content-Length: 3\r\n\r\nabc",
    "another protocol": "\x16\x03\x01\x02\x00\x01\x00",
}


@pytest.mark.parametrize("request_", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
async def test_what_two_parsers_could_read_differently_ends_the_connection_b17(port: int, request_: str) -> None:
    status, headers, body = await speak(port, request_)

    assert (status, headers["connection"]) == (400, "close")
    assert json.loads(body)["error"]["code"] == "BAD_REQUEST"
    assert headers["content-type"] == "application/json"
    assert headers["x-content-type-options"] == "nosniff"
    assert len(headers["x-request-id"]) == 16


async def test_what_follows_a_whole_request_takes_nothing_from_its_answer_b17_g2(port: int) -> None:
    for rest in ("RUBBISH\r\n\r\n", AMBIGUOUS["length before chunks"]):
        status, _, body = await speak(port, f"{SIZED}\r\n{BODY}{rest}")

        assert (status, json.loads(body)["data"]["name"]) == (200, "desk")


async def test_a_body_that_ends_in_rubbish_is_refused_once_b17(port: int) -> None:
    status, headers, body = await speak(port, f"{CHUNKED}\r\n2\r\n", '{"\r\n', "rubbish\r\n")

    assert (status, headers["connection"]) == (400, "close")
    assert json.loads(body)["error"]["code"] == "BAD_REQUEST"


async def test_headers_after_the_body_change_nothing_b17(port: int) -> None:
    late = "Content-Encoding: gzip\r\nContent-Type: text/plain\r\n"
    chunks = CHUNKS.removesuffix("\r\n")

    status, _, _ = await speak(port, f"{CHUNKED}Connection: close\r\n\r\n{chunks}{late}\r\n")

    assert status == 200


@pytest.mark.parametrize(
    "head",
    [
        f"GET {THING} HTTP/1.1\r\n{HEAD}X-A: ",
        f"GET {THING}?",
        f"{CHUNKED}\r\n{CHUNKS[:-2]}X-A: ",
        f"{CHUNKED}\r\nf;a=",
    ],
    ids=["header", "address", "trailer", "chunk extension"],
)
async def test_what_never_ends_is_refused_before_it_does_b16(port: int, head: str) -> None:
    status, headers, body = await drip(port, head, b"x" * 4096)

    assert (status, headers["connection"]) == (431, "close")
    assert json.loads(body)["error"]["code"] == "BAD_REQUEST"


async def test_trace_is_refused_with_those_that_work_b17(port: int) -> None:
    status, headers, _ = await speak(port, f"TRACE {THING} HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n")

    assert (status, headers["allow"]) == (405, "GET, HEAD, OPTIONS")


async def test_headers_over_the_limit_are_refused_b16(port: int) -> None:
    padding = "".join(f"X-{n}: {'v' * 1000}\r\n" for n in range(20))

    status, _, body = await speak(port, f"GET {THING} HTTP/1.1\r\n{HEAD}{padding}Connection: close\r\n\r\n")

    assert status == 431
    assert json.loads(body)["error"]["code"] == "BAD_REQUEST"


async def test_bad_escapes_on_the_wire_are_refused_b6(port: int) -> None:
    for path in ("/api/v1/names/%ff/a", "/api/v1/names/a/%00"):
        status, _, body = await speak(port, f"GET {path} HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n")

        assert status == 400
        assert json.loads(body)["error"]["code"] == "BAD_REQUEST"


async def test_a_refused_handshake_is_an_answer_in_the_envelope_b29(port: int) -> None:
    for query, status, code in (("", 401, "UNAUTHORIZED"), (f"?token={TOKEN}&user_id=bo", 403, "FORBIDDEN")):
        with pytest.raises(InvalidStatus) as refusal:
            await connect(f"ws://127.0.0.1:{port}/api/v1/ws{query}")

        answer = refusal.value.response
        assert answer.status_code == status
        assert json.loads(answer.body)["error"]["code"] == code
        assert answer.headers["X-Request-Id"]


async def test_a_socket_talks_and_a_failure_closes_it_without_details(port: int) -> None:
    async with connect(f"ws://127.0.0.1:{port}/api/v1/ws?token={TOKEN}") as open_socket:
        assert json.loads(await open_socket.recv())["user_id"] == "ana"
        await open_socket.send("hello")
        assert await open_socket.recv() == "hello"
        await open_socket.send("fail")
        await open_socket.wait_closed()

        assert (open_socket.close_code, open_socket.close_reason) == (1011, "")


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    """Put everything about logging back afterwards."""
    kept, root = structlog.get_config(), logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    structlog.configure(**kept)
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.mark.usefixtures("logging_as_it_was")
async def test_the_log_never_holds_a_token_or_a_query_g20(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", "json")
    async with connect(f"ws://127.0.0.1:{port}/api/v1/ws?token={TOKEN}") as open_socket:
        await open_socket.recv()
    await speak(port, f"GET {THING}?search=swordfish HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n")
    with pytest.raises(InvalidStatus):
        await connect(f"ws://127.0.0.1:{port}/api/v1/ws?token={TOKEN}&user_id=bo")

    found = capsys.readouterr().err
    assert '"event":"socket opened"' in found
    assert '"event":"request"' in found
    assert '"event":"socket refused"' in found
    assert TOKEN not in found
    assert "swordfish" not in found
