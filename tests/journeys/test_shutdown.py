"""Leaving: whoever was let in is answered, sockets are told to come back, and the process ends in time (F33)."""

import asyncio
import contextlib
import signal
import time
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.asking import PERSON, token
from tests.journeys.rude import Rude
from tests.journeys.service import Service, people

GRACE_SECONDS = 2.0
WORKERS, PAUSE_SECONDS = 10, 0.05
"""200 requests a second, at most."""


class Talkers:
    """Ten people who send keyed messages, each over a connection of their own, until the door is shut."""

    def __init__(self, service: Service, dialog: str) -> None:
        self._service = service
        self._address = f"{PERSON}/dialogs/{dialog}/messages"
        self.answered = 0
        self.odd: list[object] = []
        self.shut_at: list[float] = []

    async def talk(self, n: int) -> None:
        headers = {"Authorization": f"Bearer {token('ana')}"}
        async with httpx.AsyncClient(base_url=self._service.url, headers=headers, timeout=20) as client:
            for turn in range(1000):
                body = {"content": "hello", "client_message_id": f"{n}-{turn}"}
                try:
                    answer = await client.post(self._address, json=body)
                except httpx.ConnectError:
                    self.shut_at.append(time.monotonic())
                    return
                except httpx.TransportError as error:
                    self.odd.append(error)
                    return
                if answer.status_code == 200:
                    self.answered += 1
                else:
                    self.odd.append(answer.status_code)
                await asyncio.sleep(PAUSE_SECONDS)


async def closed_with(service: Service, user: str, opened: asyncio.Event) -> int:
    """Listen until the service says goodbye, and return the code."""
    async with connect(f"ws://127.0.0.1:{service.port}/api/v1/ws?token={token(user)}") as connection:
        opened.set()
        with contextlib.suppress(ConnectionClosed):
            while True:
                await connection.recv()
        assert connection.close_code is not None
        return connection.close_code


async def a_dialog(service: Service) -> str:
    async with people(service.url) as make:
        host = await make()
        created = await host.data(
            "POST", "/dialogs", {"object_type": "o", "object_id": "1", "participants": ["ana"]}
        )
        dialog: str = created["id"]
        return dialog


async def test_whoever_was_let_in_is_answered_and_the_door_is_shut_only_after_the_grace_f33(
    tmp_path: Path,
) -> None:
    log = tmp_path / "service.log"
    with Service("serve", "--memory", log=log, SHUTDOWN_GRACE_SECS=str(GRACE_SECONDS)) as service:
        talkers, opened = Talkers(service, await a_dialog(service)), asyncio.Event()
        sockets = [asyncio.create_task(closed_with(service, f"user-{n}", opened)) for n in range(20)]
        talking = [asyncio.create_task(talkers.talk(n)) for n in range(WORKERS)]
        async with asyncio.timeout(10):
            await opened.wait()
            while talkers.answered < WORKERS:  # noqa: ASYNC110 - the talkers are other tasks
                await asyncio.sleep(0.01)

        told_at = time.monotonic()
        service.tell(signal.SIGTERM)
        async with httpx.AsyncClient(base_url=service.url) as anybody, asyncio.timeout(1):
            while (await anybody.get("/health/ready")).status_code != 503:
                pass
            alive = (await anybody.get("/health")).status_code
        await asyncio.gather(*talking)
        codes = await asyncio.gather(*sockets)
        exit_code = await asyncio.to_thread(service.ended, 15)

    assert alive == 200
    assert talkers.odd == []
    assert talkers.answered > 10 * WORKERS
    assert min(talkers.shut_at) - told_at >= GRACE_SECONDS
    assert codes == [1001] * 20
    assert exit_code == 0
    assert "Traceback" not in service.logged()


@pytest.mark.parametrize("signs", [(signal.SIGINT,), (signal.SIGTERM, signal.SIGTERM)], ids=["Ctrl-C", "twice"])
async def test_who_is_in_a_hurry_does_not_wait_f33(tmp_path: Path, signs: tuple[signal.Signals, ...]) -> None:
    log = tmp_path / "service.log"
    with Service("serve", "--memory", log=log, SHUTDOWN_GRACE_SECS="60") as service:
        opened = asyncio.Event()
        socket = asyncio.create_task(closed_with(service, "ana", opened))
        await asyncio.wait_for(opened.wait(), 10)

        for sign in signs:
            service.tell(sign)
            with contextlib.suppress(httpx.TransportError):
                await asyncio.to_thread(httpx.get, f"{service.url}/health/ready")

        assert await asyncio.to_thread(service.ended, 5) == 0
        assert await socket == 1001


async def test_a_peer_that_takes_nothing_does_not_keep_the_service_f33(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    with Service("serve", "--memory", log=log, SOCKET_WRITE_TIMEOUT_SECS="60") as service:
        dialog = await a_dialog(service)
        with Rude(service, "ana", receives=4096):
            async with people(service.url) as make:
                ana = await make("ana")
                for _ in range(60):
                    await ana.data("POST", f"/dialogs/{dialog}/messages", {"content": "x" * 50_000})

            service.tell(signal.SIGTERM)

            assert await asyncio.to_thread(service.ended, 10) == 0
