"""Requests on the wire, as no polite client sends them: endless, dribbled, broken, stuck (F34, B16, B62)."""

import asyncio
import json
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import jwt
import pytest
from attrs import frozen

from mtchat_app.server import Server
from mtchat_app.settings import Settings
from tests.http.house import SECRET, SECURE, house

TOKEN = jwt.encode({"sub": "ana"}, SECRET, algorithm="HS256")
HASTE = {
    "REQUEST_HEAD_TIMEOUT_SECS": "1",
    "REQUEST_BODY_TIMEOUT_SECS": "1",
    "REQUEST_TIMEOUT_SECS": "2",
    "SHUTDOWN_GRACE_SECS": "0",
}
KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="


@pytest.fixture(scope="module")
async def port() -> AsyncIterator[int]:
    """The real server on a real port, in a hurry."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings = Settings.load({**SECURE, **HASTE})
        server = Server(house({**SECURE, **HASTE}), settings)
        serving = asyncio.create_task(server.serve([listener]))
        yield listener.getsockname()[1]
        server.should_exit = True
        await serving


@frozen
class Answer:
    """What came over the wire until the server hung up."""

    status: int
    headers: dict[str, str]
    body: bytes

    @classmethod
    def of(cls, wire: bytes) -> "Answer":
        head, _, body = wire.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return cls(int(first.split()[1]), headers, body)

    @property
    def refusal(self) -> tuple[int, str]:
        """Status and code; the body must be the envelope, whole."""
        assert len(self.body) == int(self.headers["content-length"])
        assert self.headers["content-type"] == "application/json"
        error = json.loads(self.body)["error"]
        assert error["message"]
        return self.status, error["code"]


@asynccontextmanager
async def line(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def say(port: int, wire: bytes | str) -> Answer:
    """Send *wire*, and return what comes until the server hangs up."""
    async with line(port) as (reader, writer), asyncio.timeout(10):
        writer.write(wire.encode() if isinstance(wire, str) else wire)
        return Answer.of(await reader.read())


async def hung_up(reader: asyncio.StreamReader) -> bytes:
    """Wait until the server hangs up, in whichever way, and return what it said before."""
    try:
        return await reader.read()
    except ConnectionError:
        return b""


def handshake(*headers: str, verb: str = "GET") -> str:
    lines = (f"{verb} /api/v1/ws?token={TOKEN} HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: websocket")
    return "\r\n".join([*lines, *headers, "", ""])


async def test_what_is_not_http_is_refused_in_the_envelope(port: int) -> None:
    assert (await say(port, "\x16\x03\x01 hello\r\n\r\n")).refusal == (400, "BAD_REQUEST")


@pytest.mark.parametrize("head", ["GET /", "GET / HTTP/1.1\r\nX: ", "GET / HTTP/1.1\r\n" + "A: b\r\n" * 4000])
async def test_a_head_that_does_not_end_is_refused_while_it_grows_b16(port: int, head: str) -> None:
    async with line(port) as (reader, writer), asyncio.timeout(10):
        writer.write(head.encode())
        for _ in range(20):
            writer.write(b"a" * 1024)
            await asyncio.sleep(0)

        assert Answer.of(await reader.read(2000)).refusal == (431, "BAD_REQUEST")


CHUNKED = (
    f"POST /api/v1/things HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\n"
    "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
)


async def test_a_body_in_the_smallest_chunks_is_read_and_what_comes_behind_it_is_not(port: int) -> None:
    body = json.dumps({"name": "desk", "meta": "x" * 4000})
    chunks = "".join(f"1\r\n{byte}\r\n" for byte in body)

    answer = await say(port, f"{CHUNKED}Connection: close\r\n\r\n{chunks}0\r\nAuthorization: Bearer x\r\n\r\n")

    assert answer.status == 200


@pytest.mark.parametrize("trailers", ["a" * 40_000, "A: b\r\n" * 8000], ids=["one", "many"])
async def test_trailers_without_end_are_cut_off_b16(port: int, trailers: str) -> None:
    async with line(port) as (reader, writer), asyncio.timeout(0.9):
        writer.write(f"{CHUNKED}\r\n1\r\n{{\r\n0\r\nX: ".encode())
        ending = asyncio.create_task(hung_up(reader))
        while not ending.done():
            writer.write(trailers.encode())
            await asyncio.wait([ending], timeout=0.01)

        assert Answer.of(ending.result()).refusal == (431, "BAD_REQUEST")


@pytest.mark.parametrize(
    ("wire", "refusal"),
    [
        (handshake("Sec-WebSocket-Version: 13"), (400, "BAD_REQUEST")),
        (handshake("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: short"), (400, "BAD_REQUEST")),
        (handshake("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: €"), (400, "BAD_REQUEST")),
        (handshake("Sec-WebSocket-Version: 8", KEY), (426, "BAD_REQUEST")),
        (handshake(KEY), (426, "BAD_REQUEST")),
        (handshake("Sec-WebSocket-Version: 13", KEY, verb="POST"), (400, "BAD_REQUEST")),
        (handshake("Sec-WebSocket-Version: 13", KEY, f"X: {'a' * 9000}"), (431, "BAD_REQUEST")),
        (handshake("Sec-WebSocket-Version: 13", KEY, *["X: a"] * 200), (431, "BAD_REQUEST")),
        (f"GET /api/v1/ws?token={TOKEN} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", (400, "BAD_REQUEST")),
    ],
    ids=[
        "no key",
        "short key",
        "odd key",
        "old version",
        "no version",
        "verb",
        "long line",
        "many lines",
        "plain",
    ],
)
async def test_a_bad_handshake_is_refused_in_the_envelope_b62(
    port: int, wire: str, refusal: tuple[int, str]
) -> None:
    answer = await say(port, wire)

    assert answer.refusal == refusal
    assert answer.headers.get("sec-websocket-version") == ("13" if answer.status == 426 else None)


async def test_a_thousand_who_dribble_are_let_go_and_others_served_meanwhile_f34(
    port: int, many_files: None
) -> None:
    bearer = f"authorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n"
    beginnings = (
        b"GET /",
        b"",
        f"POST /api/v1/things HTTP/1.1\r\nhost: a\r\n{bearer}content-length: 1000\r\n\r\n".encode(),
        b"POST /nowhere HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n",
    )
    peers = [await asyncio.open_connection("127.0.0.1", port) for _ in range(1000)]
    for n, (_, writer) in enumerate(peers):
        writer.write(beginnings[n % 4])
    endings = asyncio.gather(*(hung_up(reader) for reader, _ in peers))

    served = []
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as others, asyncio.timeout(30):
        while not endings.done():
            for _, writer in peers:
                writer.write(b"a")
            served.append((await others.get("/health")).status_code)
            await asyncio.wait([endings], timeout=0.1)
        heads, nonsense, bodies, rests = (endings.result()[n::4] for n in range(4))
    for _, writer in peers:
        writer.transport.abort()

    assert set(served) == {200}
    assert set(heads) == {b""}
    assert {Answer.of(wire).refusal for wire in nonsense} == {(400, "BAD_REQUEST")}
    # Who still sends when the connection closes may lose the answer: that is how TCP resets.
    assert {Answer.of(wire).refusal for wire in bodies if wire} == {(408, "BAD_REQUEST")}
    assert {Answer.of(wire).refusal for wire in rests} == {(404, "NOT_FOUND")}


@pytest.fixture
def many_files() -> Iterator[None]:
    """Leave to open as many files as the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_request_that_takes_too_long_is_answered(port: int) -> None:
    wire = f"GET /api/v1/stuck HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"

    answer = await say(port, wire)

    assert answer.refusal == (503, "SERVICE_UNAVAILABLE")
    assert answer.headers["retry-after"] == "1"


async def test_a_kept_connection_serves_one_request_after_the_other(port: int) -> None:
    ask = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
    async with line(port) as (reader, writer), asyncio.timeout(10):
        for pause in (0, 0.2, 1.5):
            await asyncio.sleep(pause)
            writer.write(ask[:10])
            await asyncio.sleep(0)
            writer.write(ask[10:])
            answer = Answer.of(await reader.read(2000))
            assert answer.status == 200
