"""`mtchat webhooks`, as an operator whose receiver was down meets it."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from attrs import evolve, frozen

from mtchat_adapters import memory, postgres
from mtchat_core.chat import Ports
from mtchat_core.domain.webhooks import (
    DeliveryState,
    Endpoint,
    EndpointId,
    EndpointState,
    Outcome,
    Receipt,
    letters,
)
from tests.asking import ADMIN, SECRET
from tests.builders import ANN, START, a_dialog_id, open_dialog, say
from tests.journeys.test_cli import run

WORKER, HOUR = a_dialog_id(), timedelta(hours=1)
COMMANDS = ["list", "show", "resume", "replay"]


@frozen
class Scene:
    """A database with one webhook, one dead letter and one that has arrived."""

    url: str
    ports: Ports
    endpoint: EndpointId
    dead: UUID
    arrived: UUID


@pytest.fixture
async def scene(empty_database: str) -> AsyncIterator[Scene]:
    await postgres.migrate_async(empty_database)
    async with postgres.open(empty_database, pool_size=2) as store:
        ports = evolve(memory.ports(), **store.ports())
        endpoint = EndpointId(a_dialog_id())
        await ports.webhooks.add(
            Endpoint(
                id=endpoint,
                name="erp",
                url="https://erp.example/",
                secrets=("the-secret-canary",),
                created_at=START,
            )
        )
        await say(ports, await open_dialog(ports, ANN), "text-canary")
        await say(ports, await open_dialog(ports, ANN), "text-canary")
        await ports.webhooks.lease(WORKER, ttl=HOUR, running=[])
        await ports.webhooks.relay(WORKER, endpoint, letters, ttl=HOUR, wait=timedelta(), limit=10)
        dues = await ports.webhooks.due(endpoint, under_way=[], limit=10)
        ends = [
            (DeliveryState.DEAD, Receipt(None, "connection refused", 4)),
            (DeliveryState.DELIVERED, Receipt(204, None, 21)),
        ]
        outcomes = [
            Outcome(number=due.number, dialog_id=due.dialog_id, state=state, attempts=10, receipt=receipt)
            for due, (state, receipt) in zip(dues, ends, strict=True)
        ]
        await ports.webhooks.settle(WORKER, endpoint, outcomes, ttl=HOUR, log_all=True)
        yield Scene(empty_database, ports, endpoint, dues[0].id, dues[1].id)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_every_command_about_webhooks(tmp_path: Path, command: str) -> None:
    overview = run("webhooks", "--help", cwd=tmp_path)
    helped = run("webhooks", command, "--help", cwd=tmp_path)

    assert command in overview.stdout
    assert helped.returncode == 0
    assert len(helped.stdout.splitlines()) > 4


def test_the_list_and_the_details_say_what_is_wrong(tmp_path: Path, scene: Scene) -> None:
    listed = run("webhooks", "list", cwd=tmp_path, DATABASE_URL=scene.url)
    shown = run("webhooks", "show", "erp", cwd=tmp_path, DATABASE_URL=scene.url)
    delivery = run("webhooks", "show", str(scene.dead), cwd=tmp_path, DATABASE_URL=scene.url)

    head, row = listed.stdout.splitlines()
    assert head.split()[:4] == ["NAME", "STATE", "PENDING", "DEAD"]
    assert row.split()[:4] == ["erp", "active", "0", "1"]
    assert "connection refused" in row
    assert "https://erp.example/" in shown.stdout
    assert [line.split()[1:4] for line in shown.stdout.splitlines()[-2:]] == [
        ["message.new", "delivered", "10"],
        ["message.new", "dead", "10"],
    ]
    assert delivery.stdout.splitlines()[-1].split()[2:] == ["connection", "refused", "4", "ms"]
    assert "canary" not in json.dumps([listed.stdout, shown.stdout, delivery.stdout])


async def test_dead_letters_are_replayed_one_by_one_or_all(tmp_path: Path, scene: Scene) -> None:
    one = run("webhooks", "replay", str(scene.dead), cwd=tmp_path, DATABASE_URL=scene.url)
    [due] = await scene.ports.webhooks.due(scene.endpoint, under_way=[], limit=10)
    again = run("webhooks", "replay", str(scene.arrived), cwd=tmp_path, DATABASE_URL=scene.url)
    everything = run("webhooks", "replay", "--dead", "--webhook", "erp", cwd=tmp_path, DATABASE_URL=scene.url)

    assert (one.returncode, due.id) == (0, scene.dead)
    assert "erp" in one.stdout
    assert again.returncode == 1
    assert "dead letter" in again.stderr
    assert everything.stdout.startswith("0 dead letters")


async def test_a_parked_webhook_is_resumed_f14(tmp_path: Path, scene: Scene) -> None:
    kept = await scene.ports.webhooks.endpoint(scene.endpoint)
    assert kept is not None
    await scene.ports.webhooks.change(evolve(kept, state=EndpointState.PARKED, why="it answered 410 Gone"))

    shown = run("webhooks", "show", str(scene.endpoint), cwd=tmp_path, DATABASE_URL=scene.url)
    resumed = run("webhooks", "resume", "erp", cwd=tmp_path, DATABASE_URL=scene.url)

    assert "parked (it answered 410 Gone)" in shown.stdout
    assert "erp is active" in resumed.stdout


def test_mistakes_are_told_in_a_sentence(tmp_path: Path, scene: Scene) -> None:
    for arguments in (
        ["show", "nobody"],
        ["show", str(a_dialog_id())],
        ["resume", "nobody"],
        ["replay"],
        ["replay", "--dead", str(scene.dead)],
        ["replay", "junk"],
        ["replay", "--dead", "--webhook", "nobody"],
    ):
        wrong = run("webhooks", *arguments, cwd=tmp_path, DATABASE_URL=scene.url)
        assert (wrong.returncode, wrong.stdout) == (1, ""), arguments
        assert wrong.stderr.startswith("Error: ")
    assert "DATABASE_URL" in run("webhooks", "list", cwd=tmp_path).stderr


async def test_doctor_says_what_to_do_about_dead_letters(tmp_path: Path, scene: Scene) -> None:
    settings = {"ADMIN_API_TOKEN": ADMIN, "JWT_SECRET": SECRET, "DATABASE_URL": scene.url}

    said = run("doctor", cwd=tmp_path, **settings)

    assert said.returncode == 0
    assert "mtchat webhooks replay --dead --webhook erp" in said.stdout
