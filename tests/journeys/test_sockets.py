"""Sockets on the real server, with peers that do not read, do not answer, or talk nonsense."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Opcode

from tests.asking import Asker, token
from tests.journeys.rude import Rude
from tests.journeys.service import Listener, Service, listening, people

PING_SECONDS, DEAD_SECONDS, WRITE_SECONDS = 1, 2, 4
SOCKETS = 500
CONTENT = "x" * 50_000
"""Twice in each frame."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all, in a hurry."""
    with Service(
        "serve",
        "--memory",
        log=tmp_path_factory.mktemp("sockets") / "service.log",
        SOCKET_PING_SECS=str(PING_SECONDS),
        PRESENCE_GRACE_SECS="0",
        SOCKET_DEAD_SECS=str(DEAD_SECONDS),
        SOCKET_WRITE_TIMEOUT_SECS=str(WRITE_SECONDS),
        SOCKETS_PER_NODE=str(SOCKETS),
    ) as service:
        yield service


class Room:
    """A dialog with people in it."""

    def __init__(self, dialog: str, ana: Asker) -> None:
        self.dialog = dialog
        self.ana = ana

    async def say(self, content: str) -> str:
        said: dict[str, Any] = await self.ana.data(
            "POST", f"/dialogs/{self.dialog}/messages", {"content": content}
        )
        return str(said["id"])

    async def online(self) -> set[str]:
        everybody = await self.ana.data("GET", f"/dialogs/{self.dialog}/participants")
        return {person["user_id"] for person in everybody if person["is_online"]}

    async def comes_to(self, online: set[str], *, within: float) -> None:
        async with asyncio.timeout(within):
            while await self.online() != online:  # noqa: ASYNC110 - only asking tells
                await asyncio.sleep(0.05)


@pytest.fixture
async def room(service: Service) -> AsyncIterator[Room]:
    """Ana and Bo, and Ana ready to talk."""
    async with people(service.url) as make:
        host, ana = await make(), await make("ana")
        body = {"object_type": "order", "object_id": "1", "participants": ["ana", "bo", "cy"]}
        yield Room((await host.data("POST", "/dialogs", body))["id"], ana)


async def test_who_does_not_read_is_told_to_come_back_and_nobody_else_notices_f17_g15(
    service: Service, room: Room
) -> None:
    before = service.resident_kb()
    with Rude(service, "cy", receives=4096) as slow:
        async with listening(service.url, token("bo")) as bo:
            hearing = asyncio.create_task(hear(bo, 100))
            said = [await room.say(CONTENT) for _ in range(100)]
            heard = await hearing
            code = await asyncio.to_thread(slow.closing)

    assert heard == said
    assert code == 1013
    assert service.resident_kb() - before < 40_000


async def hear(listener: Listener, count: int) -> list[str]:
    return [(await listener.next("message.new"))["id"] for _ in range(count)]


async def test_who_takes_nothing_is_cut_off_although_a_write_is_stuck_f18(service: Service, room: Room) -> None:
    await room.comes_to(set(), within=5)
    before = service.open_files()
    with Rude(service, "cy", receives=4096):
        await room.comes_to({"cy"}, within=5)
        for _ in range(60):
            await room.say(CONTENT)
        await room.comes_to(set(), within=WRITE_SECONDS + 2)

        async with asyncio.timeout(WRITE_SECONDS + 2):
            while service.open_files() > before:  # noqa: ASYNC110 - only asking tells
                await asyncio.sleep(0.05)


async def test_who_gives_no_sign_of_life_is_cut_off_and_who_does_stays_f18(service: Service, room: Room) -> None:
    async with listening(service.url, token("bo")) as bo:
        with Rude(service, "cy") as silent:
            took = await asyncio.to_thread(silent.ended)
        await room.comes_to({"bo"}, within=2)

        assert DEAD_SECONDS - PING_SECONDS < took < DEAD_SECONDS + 2
        assert await bo.heard() == []


@pytest.mark.parametrize(
    ("opcode", "data", "bits", "code"),
    [
        (Opcode.TEXT, b"\xff\xfe", 0, 1007),
        (Opcode.TEXT, b"a" * 65_537, 0, 1009),
        (Opcode.TEXT, b"\xaaV*I-.\x01\x00", 0x40, 1002),
    ],
    ids=["bad UTF-8", "too large", "compressed"],
)
async def test_frames_that_can_not_be_end_the_socket_b60_b61(
    service: Service, opcode: Opcode, data: bytes, bits: int, code: int
) -> None:
    with Rude(service, "eve", headers="Sec-WebSocket-Extensions: permessage-deflate\r\n") as rude:
        rude.say(opcode, data, bits=bits)

        assert b"extensions" not in rude.head.lower()
        assert await asyncio.to_thread(rude.closing) == code
    assert "Traceback" not in service.logged()


async def test_junk_is_ignored_and_a_flood_is_not_b60_b61(service: Service) -> None:
    with Rude(service, "eve") as rude:
        for data in (b"\x00\x01", b"{", b"[]", b'{"type":null}', b'{"type":"ping","type":1}'):
            rude.say(Opcode.BINARY, data)
            rude.say(Opcode.TEXT, data if data != b"\x00\x01" else b"\x00")
        rude.say(Opcode.TEXT, b'{"type":', fin=False)
        rude.say(Opcode.CONT, b'"ping"}')

        assert json.loads((await asyncio.to_thread(rude.next))[1])["type"] == "connected"
        assert json.loads((await asyncio.to_thread(rude.next))[1])["type"] == "pong"

        for _ in range(60):
            rude.say(Opcode.TEXT, b"{}")
        assert await asyncio.to_thread(rude.closing) == 1008


async def test_a_full_house_stays_small_and_refuses_the_next_and_all_may_come_back_f19(service: Service) -> None:
    before = service.resident_kb()
    async with full_house(service):
        each = (service.resident_kb() - before) / SOCKETS
        refused = await asyncio.to_thread(knock, service)
    async with full_house(service):
        refused_again = await asyncio.to_thread(knock, service)

    assert each < 40
    for refusal in (refused, refused_again):
        assert (refusal.status_code, refusal.headers["retry-after"]) == (503, "1")
        assert refusal.json()["error"]["code"] == "SERVICE_UNAVAILABLE"


@contextlib.asynccontextmanager
async def full_house(service: Service) -> AsyncIterator[None]:
    """Let everybody in at once."""
    async with contextlib.AsyncExitStack() as stack:
        await asyncio.gather(*(stack.enter_async_context(idle(service, n)) for n in range(SOCKETS)))
        yield


@contextlib.asynccontextmanager
async def idle(service: Service, n: int) -> AsyncIterator[None]:
    """Hold a socket that says nothing."""
    url = f"ws://127.0.0.1:{service.port}/api/v1/ws?token={token(f'idle-{n}')}"
    async with connect(url, compression=None) as connection:
        await connection.recv()
        yield
        with contextlib.suppress(ConnectionClosed):
            await connection.close()


def knock(service: Service) -> httpx.Response:
    """Ask for one more socket."""
    return httpx.get(
        f"{service.url}/api/v1/ws?token={token('late')}",
        headers={
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
        },
    )
