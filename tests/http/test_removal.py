"""Somebody is removed, or leaves, while everybody talks: within a second they know and can do nothing more."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from tests.asking import Asker
from tests.http.world import World

SECONDS = 1.0
TALKERS, EACH = 4, 15
"""Fewer messages in all than a socket holds for somebody who does not read."""

Departure = Callable[[World, Asker, str], Awaitable[object]]


async def removed(world: World, bo: Asker, dialog: str) -> None:
    assert (await world.host("DELETE", f"/dialogs/{dialog}/participants/bo")).status_code == 204


async def leaves(world: World, bo: Asker, dialog: str) -> None:
    assert (await bo("POST", f"/dialogs/{dialog}/leave")).status_code == 200


@pytest.mark.parametrize("departs", [removed, leaves])
async def test_in_a_flood_who_is_gone_hears_and_does_nothing_more_within_a_second_g9_g8(
    world: World, departs: Departure
) -> None:
    dialog = await world.dialog("ana", "bo", scopes=[])
    ana, bo = world.person("ana"), world.person("bo")
    phone, screen = await world.listen("bo"), await world.listen("ana")
    messages = f"/dialogs/{dialog}/messages"
    attempts: list[tuple[float, int]] = []
    in_full_flood = asyncio.Event()

    async def flood(asker: Asker) -> None:
        for _ in range(EACH):
            await asyncio.sleep(0)  # over memory nothing else would let others have their turn
            began = time.monotonic()
            status = (await asker("POST", messages, {"content": "flood"})).status_code
            if asker is bo:
                attempts.append((began, status))
                if len(attempts) > TALKERS:
                    in_full_flood.set()

    async with asyncio.timeout(60), asyncio.TaskGroup() as flooding:
        for asker in (ana, bo) * TALKERS:
            flooding.create_task(flood(asker))
        await in_full_flood.wait()
        await departs(world, bo, dialog)
        gone_at = time.monotonic()
        while not (tail := [frame for frame in await phone.heard() if frame["type"] == "participant.left"]):
            assert time.monotonic() - gone_at < SECONDS
        told_after = time.monotonic() - gone_at
    await world.say("ana", dialog, "a secret")
    heard = await phone.heard()
    page = await world.transcript("ana", dialog)
    knocks = [
        ("GET", messages, None),
        ("POST", messages, {"content": "let me in"}),
        ("GET", f"/dialogs/{dialog}/participants", None),
        ("POST", f"/dialogs/{dialog}/read", {"last_read_message_id": page[-1]["id"]}),
        ("PUT", f"{messages}/{page[-1]['id']}", {"content": "let me in"}),
        ("POST", f"/dialogs/{dialog}/archive", None),
    ]
    refused = [await bo.refused(*knock) for knock in knocks]
    log = [frame["event_seq"] for frame in await screen.heard() if frame.get("dialog_id") == dialog]

    assert [frame["user_id"] for frame in tail] == ["bo"]
    assert told_after < SECONDS
    assert {status for began, status in attempts if began < gone_at} >= {200}
    assert {status for began, status in attempts if began > gone_at} == {403}
    assert [frame for frame in heard if frame.get("dialog_id") == dialog] == []
    assert {status for status, _ in refused} == {403}
    assert (await bo.data("GET", "/unread"))["unread_count"] == 0
    # Whoever stays hears everything, in order, before and after.
    assert log == list(range(log[0], log[0] + len(log)))


async def test_who_loses_the_scopes_of_a_dialog_can_neither_find_nor_join_it_any_more_g9(world: World) -> None:
    dialog = await world.dialog("ana")
    cy = world.person("cy")
    before = await cy.data("GET", "/dialogs?type=available")

    await world.host.data(
        "PUT", f"/dialogs/{dialog}/access-scopes", {"access_scopes": [{"scope_level0": ["elsewhere"]}]}
    )

    assert [entry["id"] for entry in before] == [dialog]
    assert await cy.data("GET", "/dialogs?type=available") == []
    join = await cy.refused("POST", f"/dialogs/{dialog}/join", {"display_name": "Cy", "company": "Nordwind"})
    assert join[0] == 403
