"""`mtchat worker` beside `mtchat serve`: reminders come from the database, whoever dies meanwhile."""

import asyncio
import signal
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import define

from mtchat_adapters import postgres
from mtchat_adapters.postgres.session import Trips, statement
from tests.asking import ADMIN, Asker
from tests.journeys.service import Service, people
from tests.journeys.test_cli import run
from tests.valkey import Valkey

PATIENCE_SECONDS = 20.0
_PENDING = statement("select facts from events where type = 'notification.pending' order by at")
_OVERDUE = statement("select id from dialogs where reminder_due < clock_timestamp() - interval '3 seconds'")


@define
class Town:
    """A service without jobs of its own, two people in a dialog, and a look into the database."""

    ana: Asker
    bo: Asker
    dialog: str
    store: postgres.PostgresStore
    worker: Callable[..., Service]

    async def say(self, content: str) -> str:
        sent = await self.ana.data("POST", f"/dialogs/{self.dialog}/messages", {"content": content})
        message: str = sent["id"]
        return message

    async def reminded(self) -> list[str]:
        """Return whom reminders went to so far."""
        rows = await Trips(self.store.pool).all(_PENDING, {})
        return [one["user_id"] for row in rows for one in row["facts"]["recipients"]]

    async def until_reminded(self, times: int) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(await self.reminded()) < times:
            assert time.monotonic() < deadline, "no reminder came"
            await asyncio.sleep(0.02)


@pytest.fixture(params=["without Redis", "with Redis"])
async def town(request: pytest.FixtureRequest, empty_database: str, tmp_path: Path) -> AsyncIterator[Town]:
    environment = {
        "DATABASE_URL": empty_database,
        "WORKER": "external",
        "NOTIFICATION_DELAY_SECS": "1",
    }
    if request.param == "with Redis":
        valkey: Valkey = request.getfixturevalue("valkey")
        environment |= {"REDIS_URL": valkey.url, "REDIS_PREFIX": tmp_path.name[-40:]}

    def worker(**more: str) -> Service:
        return Service("worker", log=tmp_path / "worker.log", **{**environment, **more})

    async with AsyncExitStack() as stack:
        served = stack.enter_context(Service("serve", log=tmp_path / "service.log", **environment))
        make = await stack.enter_async_context(people(served.url))
        host = await make()
        dialog = await host.data(
            "POST", "/dialogs", {"object_type": "o", "object_id": "1", "participants": ["ana", "bo"]}
        )
        store = await stack.enter_async_context(postgres.open(empty_database, pool_size=1))
        yield Town(await make("ana"), await make("bo"), dialog["id"], store, worker)


async def test_what_is_unread_in_time_reminds_and_what_is_read_does_not_g12(town: Town) -> None:
    with town.worker() as worker:
        message = await town.say("read in time")
        await town.bo.data("POST", f"/dialogs/{town.dialog}/read", {"last_read_message_id": message})
        await town.say("unread")
        await town.until_reminded(1)

        worker.tell(signal.SIGTERM)
        assert await asyncio.to_thread(worker.ended, 25) == 0

    assert await town.reminded() == ["bo"]
    assert "Traceback" not in worker.logged()


async def test_a_worker_that_is_killed_loses_nothing_and_doubles_nothing_g12_f2(town: Town) -> None:
    with town.worker() as worker:
        await town.say("1")
        worker.kill()
    assert await town.reminded() == []

    with town.worker(), town.worker():
        await town.until_reminded(1)
        await town.say("2")
        await town.until_reminded(2)

    assert await town.reminded() == ["bo", "bo"]


async def test_the_service_itself_runs_no_job_when_workers_do(town: Town) -> None:
    await town.say("1")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not await Trips(town.store.pool).all(_OVERDUE, {}):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)

    assert await town.reminded() == []


async def test_an_operator_sees_what_is_due_with_the_token_only(town: Town) -> None:
    with town.worker() as worker:
        async with httpx.AsyncClient(base_url=worker.url, timeout=10) as anybody:
            ready = await anybody.get("/health/ready")
            refused = [
                (await anybody.get(path)).status_code for path in ("/jobs", "/queues/", "/queues/api/queues")
            ]
            bearer = {"Authorization": f"Bearer {ADMIN}"}
            basic = {"Authorization": f"Basic {b64encode(f'operator:{ADMIN}'.encode()).decode()}"}
            wrong = await anybody.get("/jobs", headers={"Authorization": f"Bearer {ADMIN}x"})
            seen: dict[str, Any] = (await anybody.get("/jobs", headers=bearer)).json()["data"]
            page = await anybody.get("/queues/", headers=basic)
            queues = await anybody.get("/queues/api/queues", headers=basic)
            forged = await anybody.post(
                "/queues/api/queues/q/jobs/j/retry", headers={**basic, "Sec-Fetch-Site": "cross-site"}
            )

    assert ready.json() == {"status": "ready", "insecure": [], "degraded": []}
    assert refused == [401, 401, 401]
    assert wrong.status_code == 401
    assert seen["reminders"] == {"waiting": 0, "late": 0, "parked": 0}
    assert {one["job"] for one in seen["schedules"]} <= {"archive", "prune"}
    assert set(seen["here"]) == {"deliver", "remind", "archive", "prune", "files"}
    assert forged.status_code == 403
    if seen["queue"] is None:
        assert page.status_code == 404
    else:
        assert "saq" in page.text.lower()
        assert queues.status_code == 200


async def test_the_program_shows_what_is_due_late_and_done(town: Town, tmp_path: Path) -> None:
    with town.worker():
        await town.say("1")
        await town.until_reminded(1)
    environment = town.worker().environment

    shown = await asyncio.to_thread(run, "jobs", cwd=tmp_path, **environment)

    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert lines[0].split() == ["Reminders", "0", "waiting,", "0", "late,", "0", "parked"]
    assert {line.split()[0] for line in lines[3:5]} == {"archive", "prune"}
    assert all("done" in line for line in lines[3:5])
    assert ("Queue" in shown.stdout) == ("REDIS_URL" in environment)
