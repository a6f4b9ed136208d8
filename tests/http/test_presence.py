"""Presence and typing through the doors of two nodes, with one PostgreSQL and one Redis between them."""

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mtchat_app.asgi import create_app
from mtchat_app.doctor import examine
from mtchat_app.http.front import Front
from mtchat_app.settings import Settings
from mtchat_app.wiring import open_service
from mtchat_core.chat import Ports
from tests.asking import ADMIN, SECRET
from tests.holding import Held
from tests.http.world import Ear, World, open_doors
from tests.links import SECONDS, a_prefix, pause
from tests.valkey import Valkey

NEVER = 3600


def doors(**environment: object) -> Front:
    """Build the whole service as an operator would."""
    settings = Settings.load(
        {
            "ADMIN_API_TOKEN": ADMIN,
            "JWT_SECRET": SECRET,
            "PRESENCE_GRACE_SECS": "0",
            **{name: str(value) for name, value in environment.items()},
        }
    )
    return create_app(settings, open_service)


@pytest.fixture(scope="module")
def fronts(postgres_url: str, valkey: Valkey) -> tuple[Front, Front]:
    """Two nodes, not yet open."""
    one, other = (
        doors(DATABASE_URL=postgres_url, REDIS_URL=valkey.url, REDIS_PREFIX=prefix) for prefix in [a_prefix()] * 2
    )
    return one, other


@pytest.fixture
async def nodes(postgres_ports: Ports, fronts: tuple[Front, Front]) -> AsyncGenerator[tuple[World, World]]:
    """Two nodes, open, with an empty database."""
    held = [Held(open_doors(front)) for front in fronts]
    one, other = [await node.value() for node in held]
    await healthy(one)
    await healthy(other)
    yield one, other
    for node in held:
        await node.release()


async def degraded(node: World) -> list[str]:
    """Return what a node says is amiss."""
    answer: httpx.Response = await node.client.get("/health/ready")
    assert answer.status_code == 200
    parts: list[str] = answer.json()["degraded"]
    return parts


async def healthy(node: World, *, is_so: bool = True) -> None:
    """Wait until nothing is amiss, or something is."""
    async with asyncio.timeout(SECONDS):
        while bool(await degraded(node)) == is_so:
            await pause()


async def redis_up(node: World) -> float:
    """Return what monitoring is told of Redis."""
    answer = await node.client.get("/metrics", headers={"Authorization": f"Bearer {ADMIN}"})
    [line] = [line for line in answer.text.splitlines() if line.startswith("mtchat_redis_up ")]
    return float(line.split()[1])


async def hears(ear: Ear, kind: str) -> dict[str, Any]:
    """Return the next frame of a kind."""
    while (frame := await ear.next())["type"] != kind:
        pass
    return frame


async def shown_online(node: World, reader: str, dialog: str) -> set[str]:
    """Return who is online in a dialog, as somebody sees it."""
    people = await node.person(reader).data("GET", f"/dialogs/{dialog}/participants")
    return {person["user_id"] for person in people if person["is_online"]}


async def test_comings_and_goings_reach_acquaintances_on_other_nodes_and_nobody_else_g8(
    nodes: tuple[World, World],
) -> None:
    one, other = nodes
    dialog = await one.dialog("ana", "bo")
    await one.dialog("eve", "di")
    ana, eve = await other.listen("ana"), await other.listen("eve")

    first = await one.listen("bo")
    came = await hears(ana, "presence.update")
    assert await shown_online(other, "ana", dialog) == {"ana", "bo"}
    second = await other.listen("bo")
    await first.close()
    assert await shown_online(other, "ana", dialog) == await shown_online(one, "ana", dialog) == {"ana", "bo"}
    await second.close()
    went = await hears(ana, "presence.update")

    assert came == {"type": "presence.update", "user_id": "bo", "is_online": True}
    assert went == {"type": "presence.update", "user_id": "bo", "is_online": False}
    assert await ana.heard(presence=True) == await eve.heard(presence=True) == []


async def test_who_comes_and_goes_sees_who_is_there_on_another_node(nodes: tuple[World, World]) -> None:
    one, other = nodes
    dialog = await one.dialog("ana", "bo")
    await one.listen("ana")

    bo = await other.listen("bo")

    assert await shown_online(other, "bo", dialog) == {"ana", "bo"}
    await bo.close()
    assert await shown_online(one, "ana", dialog) == {"ana"}


async def test_typing_reaches_the_other_participants_on_other_nodes_and_nobody_else_g8(
    nodes: tuple[World, World],
) -> None:
    one, other = nodes
    dialog = await one.dialog("ana", "bo")
    await one.dialog("ana", "eve")
    ana, bo, eve = await one.listen("ana"), await other.listen("bo"), await other.listen("eve")
    typing = {"type": "typing", "dialog_id": dialog, "is_typing": True}

    heard: list[dict[str, Any]] = []
    async with asyncio.timeout(SECONDS):
        while not heard:
            # A node that has just begun to listen to the dialog may miss the first.
            await ana.say(json.dumps({**typing, "is_typing": False}))
            await ana.say(json.dumps(typing))
            heard = [frame for frame in await bo.heard() if frame["type"] == "typing"]
            await pause()

    assert {"type": "typing", "dialog_id": dialog, "user_id": "ana", "expires_in": 6}.items() <= heard[0].items()
    assert await eve.heard() == []


async def test_what_is_said_on_one_node_is_heard_on_the_other_at_once(
    postgres_url: str, valkey: Valkey, postgres_ports: Ports
) -> None:
    # The log is never looked at: what comes, comes through Redis.
    prefix = a_prefix()
    environment = {
        "DATABASE_URL": postgres_url,
        "REDIS_URL": valkey.url,
        "REDIS_PREFIX": prefix,
        "LOG_POLL_SECS": NEVER,
        "NODE_CUT_OFF_SECS": 2 * NEVER,
    }
    held = [Held(open_doors(doors(**environment))) for _ in range(2)]
    one, other = [await node.value() for node in held]
    await healthy(one)
    await healthy(other)
    bo = await other.listen("bo")
    watch = await other.listen("ana")
    async with asyncio.timeout(SECONDS):
        # Until the other node is subscribed to who comes into dialogs.
        while "participant.joined" not in await watch.types():
            await one.dialog("ana", "bo", "cy")
            await pause()
    dialog = await one.dialog("ana", "bo", object_id="the one")

    message = await one.say("ana", dialog)

    while (frame := await hears(bo, "message.new"))["dialog_id"] != dialog:
        pass
    assert frame["payload"]["message"] == message
    for node in held:
        await node.release()


async def test_what_was_said_while_redis_was_dead_is_heard_once_it_is_back_f30(
    postgres_url: str, postgres_ports: Ports, tmp_path: Path
) -> None:
    with Valkey(tmp_path) as server:
        # Nobody looks into the log by the clock: whoever hears Redis again looks by themselves.
        environment = {"DATABASE_URL": postgres_url, "REDIS_URL": server.url, "LOG_POLL_SECS": NEVER}
        held = [Held(open_doors(doors(**environment, NODE_CUT_OFF_SECS=2 * NEVER))) for _ in range(2)]
        one, other = [await node.value() for node in held]
        dialog = await one.dialog("ana", "bo")
        bo = await other.listen("bo")
        await healthy(one)
        await healthy(other)

        server.kill()
        await healthy(other, is_so=False)
        missed = await one.say("ana", dialog)
        server.start()

        assert (await hears(bo, "message.new"))["id"] == missed["id"]
        for node in held:
            await node.release()


async def test_readiness_and_doctor_say_what_works_without_redis_f29(tmp_path: Path) -> None:
    server = Valkey(tmp_path)
    held = Held(open_doors(doors(REDIS_URL=server.url)))
    node = await held.value()
    environment = {"ADMIN_API_TOKEN": ADMIN, "JWT_SECRET": SECRET, "REDIS_URL": server.url}

    [sentence] = await degraded(node)
    assert sentence.startswith("redis: does not answer since 20")
    assert "presence shows this process only" in sentence
    dialog = await node.dialog("ana", "bo")
    ana, bo = await node.listen("ana"), await node.listen("bo")
    await node.say("ana", dialog)
    assert await ana.types() == await bo.types() == ["message.new"]
    assert await shown_online(node, "ana", dialog) == {"ana", "bo"}
    assert any("Redis does not answer" in finding.says for finding in await examine(environment))

    with server:
        await healthy(node)
        assert any("Redis" in finding.says and finding.is_fine for finding in await examine(environment))
        await ana.heard()
        assert await shown_online(node, "bo", dialog) == {"ana", "bo"}
        assert await redis_up(node) == 1
    await healthy(node, is_so=False)
    assert await redis_up(node) == 0
    await held.release()
