"""The doors behind the real server, spoken to byte by byte (B14-B17, B29, G20)."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncGenerator, Iterator

import jwt
import pytest
import structlog
import uvicorn
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from mtchat_app.http import log
from tests.http.house import ID, SECRET, house

TOKEN = jwt.encode({"sub": "ana"}, SECRET, algorithm="HS256")
HEAD = f"Host: house.test\r\nAuthorization: Bearer {TOKEN}\r\n"
THING = f"/api/v1/things/{ID}"


@pytest.fixture
async def port() -> AsyncGenerator[int]:
    """A server with the doors, on a port of its own."""
    config = uvicorn.Config(
        house(),
        http="httptools",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        access_log=False,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        yield listener.getsockname()[1]
        server.should_exit = True
        await serving


async def speak(port: int, *parts: str | bytes) -> tuple[int, dict[str, str], bytes]:
    """Write bytes, read one answer up to the end of the connection; return status, headers and body."""
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for part in parts:
                writer.write(part.encode() if isinstance(part, str) else part)
                await writer.drain()
        except ConnectionError:
            pass  # an answer may come before everything was said
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
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


async def test_b14_an_endless_chunked_body_is_cut_off(port: int) -> None:
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


async def test_b17_a_length_next_to_chunks_is_refused_and_the_connection_closed(port: int) -> None:
    status, headers, _ = await speak(
        port,
        f"POST /api/v1/things HTTP/1.1\r\n{HEAD}Content-Type: application/json\r\n"
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    )

    assert status == 400
    assert headers["connection"] == "close"


async def test_b17_trace_is_refused_with_those_that_work(port: int) -> None:
    status, headers, _ = await speak(port, f"TRACE {THING} HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n")

    assert (status, headers["allow"]) == (405, "GET, HEAD, OPTIONS")


async def test_b16_headers_over_the_limit_are_refused(port: int) -> None:
    padding = "".join(f"X-{n}: {'v' * 1000}\r\n" for n in range(20))

    status, _, body = await speak(port, f"GET {THING} HTTP/1.1\r\n{HEAD}{padding}Connection: close\r\n\r\n")

    assert status == 431
    assert json.loads(body)["error"]["code"] == "BAD_REQUEST"


async def test_b6_bad_escapes_on_the_wire_are_refused(port: int) -> None:
    for path in ("/api/v1/names/%ff/a", "/api/v1/names/a/%00"):
        status, _, body = await speak(port, f"GET {path} HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n")

        assert status == 400
        assert json.loads(body)["error"]["code"] == "BAD_REQUEST"


async def test_b29_a_refused_handshake_is_an_answer_in_the_envelope(port: int) -> None:
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
async def test_g20_the_log_never_holds_a_token_or_a_query(port: int, capsys: pytest.CaptureFixture[str]) -> None:
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
