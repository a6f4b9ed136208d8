"""One fault at a time, at a moment the test chooses, on the real service with a database of its own."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mtchat_adapters import postgres
from tests.asking import SCOPES
from tests.chaos.faults import Database, until
from tests.chaos.scene import (
    ANSWER_SECONDS,
    HEALED_SECONDS,
    SAID,
    SESSIONS,
    WAITING,
    a_dialog,
    at_least,
    attempted,
    connected,
    count,
    holding,
    serving,
    status_of,
    until_counted,
    until_ready,
)
from tests.journeys.service import Service, listening, people

FROZEN_SECONDS = 4.0
"""Longer than any answer may take; `make chaos` does it for thirty."""
DISK_BYTES = 192 * 1024 * 1024


@pytest.fixture(scope="module")
async def service(database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """A service for those who do not end it."""
    async with serving(database, tmp_path_factory.mktemp("service")) as service:
        yield service


async def test_killed_before_the_commit_nothing_of_it_is_kept_f1(database: Database, tmp_path: Path) -> None:
    async with serving(database, tmp_path) as service, people(service.url) as make:
        host, cy = await make(), await make("cy", SCOPES)
        dialog = await a_dialog(host, "ana")
        async with holding(database, dialog) as watcher:
            before = await watcher.fetch("select * from events where dialog_id = $1", dialog)
            body = {"display_name": "Cy", "company": "Nordwind"}
            joining = asyncio.create_task(attempted(cy, "POST", f"/dialogs/{dialog}/join", body))
            await until_counted(watcher, at_least(1), WAITING)
            service.kill()
            status, _ = await joining
        async with connected(database) as watcher:
            await until_counted(watcher, lambda number: number == 0, SESSIONS)
            joined = "select count(*) from participants where dialog_id = $1 and user_id = 'cy'"
            assert await count(watcher, joined, dialog) == 0
            assert await watcher.fetch("select * from events where dialog_id = $1", dialog) == before

    assert status == 0


async def test_killed_after_the_commit_a_keyed_retry_gets_the_same_message_f1_g1_g3(
    database: Database, tmp_path: Path
) -> None:
    async with serving(database, tmp_path) as service:
        async with people(service.url) as make:
            host, ana = await make(), await make("ana")
            dialog = await a_dialog(host, "ana", "bo")
            body = {"content": "once", "client_message_id": "k"}
            async with holding(database, dialog, "participants where dialog_id") as watcher:
                sending = asyncio.create_task(attempted(ana, "POST", f"/dialogs/{dialog}/messages", body))
                await until_counted(watcher, at_least(1), WAITING)
                # The statement that will commit waits to move ana's mark, and its answer is never read.
                os.kill(service.pid, signal.SIGSTOP)
            async with connected(database) as watcher:
                await until_counted(watcher, at_least(1), SAID, dialog, "once")
                kept = str(await watcher.fetchval("select id from messages where content = 'once'"))
            service.kill()
            status, _ = await sending
        await asyncio.to_thread(service.__enter__)
        async with people(service.url) as make:
            ana, bo = await make("ana"), await make("bo")
            delivered = await bo.data("GET", f"/dialogs/{dialog}/messages")
            retried = await ana.data("POST", f"/dialogs/{dialog}/messages", body)
            page = await bo.data("GET", f"/dialogs/{dialog}/messages")
            unread = await bo.data("GET", "/unread")

    assert status == 0
    assert retried["id"] == kept
    assert delivered == page
    assert [message["id"] for message in page["messages"] if message["content"] == "once"] == [kept]
    assert unread["unread_count"] == 1


async def test_a_frozen_database_delays_nobody_for_long_and_heals_by_itself_f5(
    database: Database, service: Service
) -> None:
    async with people(service.url) as make:
        host, ana = await make(), await make("ana")
        dialog = await a_dialog(host, "ana")
        message = {"content": "hello"}
        asks = (
            ("GET", "/dialogs", None),
            ("GET", "/unread", None),
            ("POST", f"/dialogs/{dialog}/messages", message),
            ("POST", f"/dialogs/{dialog}/messages", {**message, "client_message_id": "k"}),
            ("POST", f"/dialogs/{dialog}/archive", None),
        )
        async with listening(service.url, ana.token) as phone:
            answers: list[tuple[int, float]] = []
            thaws_at = time.monotonic() + FROZEN_SECONDS
            with database.frozen():
                while time.monotonic() < thaws_at:
                    answers += await asyncio.gather(*(attempted(ana, *ask) for ask in asks for _ in range(6)))
                    live, live_after = await status_of(f"{service.url}/health")
                    ready, ready_after = await status_of(f"{service.url}/health/ready")
                    assert await phone.heard() == []
                    assert (live, ready) == (200, 503)
                    assert live_after < 1
                    assert ready_after < ANSWER_SECONDS
            healed = await until_ready(service)
        again = [await attempted(ana, *ask) for ask in asks]

    assert {status for status, _ in answers} == {503}
    assert max(after for _, after in answers) < ANSWER_SECONDS
    assert healed < HEALED_SECONDS
    assert {status for status, _ in again} == {200}


async def test_a_full_pool_sends_people_away_soon_and_leaves_health_and_sockets_alone_f7(
    database: Database, tmp_path: Path
) -> None:
    limits = {"DATABASE_MAX_CONNECTIONS": "2", "DATABASE_ACQUIRE_TIMEOUT_SECS": "0.5"}
    async with serving(database, tmp_path, **limits) as service, people(service.url) as make:
        host, ana = await make(), await make("ana")
        dialog = await a_dialog(host, "ana")
        async with listening(service.url, ana.token) as phone, holding(database, dialog) as watcher:
            held = [
                asyncio.create_task(attempted(ana, "POST", f"/dialogs/{dialog}/archive", None)) for _ in range(2)
            ]
            await until_counted(watcher, at_least(2), WAITING)
            others = await asyncio.gather(*(attempted(ana, "GET", "/unread") for _ in range(20)))
            live, live_after = await status_of(f"{service.url}/health")
            ready, _ = await status_of(f"{service.url}/health/ready")
            assert await phone.heard() == []
            await asyncio.gather(*held)
        after = await attempted(ana, "GET", "/unread")

    assert {status for status, _ in others} == {503}
    assert max(seconds for _, seconds in others) < 1
    assert (live, ready, live_after < 1) == (200, 200, True)
    assert after[0] == 200


async def test_a_server_without_connections_to_spare_is_unavailable_and_nothing_else_f7(
    database: Database, service: Service
) -> None:
    async with people(service.url) as make:
        host, ana = await make(), await make("ana")
        dialog = await a_dialog(host, "ana")
        async with listening(service.url, ana.token) as phone, connected(database) as watcher:
            await watcher.execute("alter database mtchat connection limit 1")
            await watcher.fetch(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'mtchat'"
            )
            body = {"content": "hello"}
            refused = await asyncio.gather(
                *(attempted(ana, "GET", "/dialogs") for _ in range(5)),
                *(attempted(ana, "POST", f"/dialogs/{dialog}/messages", body) for _ in range(5)),
            )
            live, live_after = await status_of(f"{service.url}/health")
            assert await phone.heard() == []
            await watcher.execute("alter database mtchat connection limit -1")
            healed = await until_ready(service)
        after = await attempted(ana, "POST", f"/dialogs/{dialog}/messages", body)
        assert service.runs

    assert {status for status, _ in refused} == {503}
    assert max(seconds for _, seconds in refused) < 1.5
    assert (live, live_after < 1) == (200, True)
    assert healed < HEALED_SECONDS
    assert after[0] == 200


async def test_a_restart_of_the_database_under_load_is_503_and_nothing_else_f4(
    database: Database, service: Service
) -> None:
    is_over = False
    async with people(service.url) as make:
        host, ana = await make(), await make("ana")
        dialog = await a_dialog(host, "ana")
        answered: list[tuple[int, float]] = []

        async def talk() -> None:
            while not is_over:
                answered.append(await attempted(ana, "POST", f"/dialogs/{dialog}/messages", {"content": "hello"}))

        talking = [asyncio.create_task(talk()) for _ in range(4)]
        healed: list[float] = []
        for how in (signal.SIGINT, signal.SIGQUIT):
            await database.end(how)
            await asyncio.sleep(0.3)
            await database.start()
            healed.append(await until_ready(service))
            await database.end_one_session()
            healed.append(await until_ready(service))
        is_over = True
        await asyncio.gather(*talking)
        async with connected(database) as watcher:
            kept = await count(watcher, SAID, dialog, "hello")
        assert service.runs

    statuses = [status for status, _ in answered]
    assert set(statuses) == {200, 503}
    assert statuses.count(200) <= kept <= len(statuses)
    assert max(healed) < HEALED_SECONDS


# A full disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 192 MB, mounted for the test."""
    disk = tmp_path / "disk"
    disk.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=755", "mtchat"]
    try:
        mounted = subprocess.run(["mount", *options, str(disk)], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command here, and a full disk of our own needs one")
    if mounted.returncode != 0:
        pytest.skip(f"mounting a small disk needs root: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(ballast: Path) -> None:
    """Write until nothing fits any more."""
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(65536))


async def test_on_a_full_disk_nothing_answered_is_missing_and_it_heals_f10_g1(
    small_disk: Path, tmp_path: Path
) -> None:
    database = Database(tmp_path, data=small_disk / "postgres")
    try:
        await database.start()
        await postgres.migrate_async(database.dsn)
        async with serving(database, tmp_path) as service, people(service.url) as make:
            host, ana = await make(), await make("ana")
            dialog = await a_dialog(host, "ana")
            said: set[str] = set()
            statuses: list[int] = []

            async def say() -> int:
                text = f"{len(statuses)} " + "long " * 8000
                body = {"content": text, "client_message_id": str(len(statuses))}
                status, _ = await attempted(ana, "POST", f"/dialogs/{dialog}/messages", body)
                statuses.append(status)
                if status == 200:
                    said.add(body["client_message_id"])
                return status

            assert await say() == 200
            ballast = small_disk / "ballast"
            fill(ballast)
            while await say() == 200:
                assert len(statuses) < 5000
            ready, _ = await status_of(f"{service.url}/health/ready")
            live, _ = await status_of(f"{service.url}/health")
            ballast.unlink()
            if not await until(lambda: database.runs, within=1):
                await database.start()
            healed = await until_ready(service)
            assert await say() == 200
            assert service.runs
            async with connected(database) as watcher:
                keys = await watcher.fetch(
                    "select client_message_id as key from messages where client_message_id is not null"
                )
    finally:
        database.close()

    assert set(statuses) == {200, 503}
    assert (live, ready) == (200, 503)
    assert healed < HEALED_SECONDS
    assert said <= {row["key"] for row in keys}
