"""The socket: who hears what, in which order, and nobody else."""

import asyncio
import json
import time
from uuid import uuid4

import pytest

from mtchat_app.http.frames import Frames
from mtchat_app.http.realtime import Connection, Limits
from mtchat_core.domain.ids import UserId
from tests.asking import token
from tests.http.world import World

CANARY = "canary-text-that-nobody-else-may-hear"


async def test_the_first_frame_greets_and_says_what_clients_may_count_on(world: World) -> None:
    ear = await world.listen("ana")

    assert ear.greeting["type"] == "connected"
    assert ear.greeting["employee_id"] == "ana"
    assert ear.greeting["user_id"] == "ana"
    assert ear.greeting["cursor"]
    assert "idempotency" in ear.greeting["features"]


async def test_a_ping_is_answered_and_everything_else_is_ignored(world: World) -> None:
    ear = await world.listen("ana")

    for frame in (
        "{",
        "[]",
        "1",
        '"ping"',
        '{"type":7}',
        '{"type":"subscribe","dialog_id":"x"}',
        '{"type":"typing"}',
    ):
        await ear.say(frame)

    assert await ear.heard() == []


async def test_a_message_reaches_every_device_of_every_participant_whole(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    ears = [await world.listen("ana"), await world.listen("ana"), await world.listen("bo")]

    first = await world.say("ana", dialog, "one")
    second = await world.say("bo", dialog, "two", reply_to=first["id"], client_message_id="k1")

    for ear in ears:
        frames = await ear.heard()
        assert [frame["id"] for frame in frames] == [first["id"], second["id"]]
        assert frames[1]["payload"]["message"] == second
        assert {name: frames[1][name] for name in ("dialog_id", "sender_id", "content", "message_type")} == {
            "dialog_id": dialog,
            "sender_id": "bo",
            "content": "two",
            "message_type": "user",
        }
        assert frames[1]["reply_to_id"] == first["id"]
        assert frames[1]["event_seq"] == frames[0]["event_seq"] + 1


async def test_an_outsider_hears_nothing_whatever_happens(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    outside = await world.listen("cy")
    ana = world.person("ana")

    message = await world.say("ana", dialog, CANARY)
    await ana("PUT", f"/dialogs/{dialog}/messages/{message['id']}", {"content": CANARY})
    await world.person("bo")("POST", f"/dialogs/{dialog}/read", {"last_read_message_id": message["id"]})
    await ana("DELETE", f"/dialogs/{dialog}/messages/{message['id']}")
    await ana("POST", f"/dialogs/{dialog}/archive")
    await world.host("PATCH", f"/dialogs/{dialog}", {"title": CANARY})
    await world.host("POST", f"/dialogs/{dialog}/messages", {"text": CANARY})
    await world.host("DELETE", f"/dialogs/{dialog}")

    assert await outside.heard(presence=True) == []


async def test_a_system_message_carries_no_sender(world: World) -> None:
    dialog = await world.dialog("ana")
    ear = await world.listen("ana")

    await world.host("POST", f"/dialogs/{dialog}/messages", {"event": "order.confirmed", "params": {"by": "Bo"}})

    [frame] = await ear.heard()
    assert frame["message_type"] == "system"
    assert "sender_id" not in frame
    assert json.loads(frame["content"]) == {"event": "order.confirmed", "params": {"by": "Bo"}}


async def test_edits_deletions_and_reads_arrive_as_the_contract_writes_them(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    message = await world.say("ana", dialog)
    ear = await world.listen("bo")

    await world.person("ana").data("PUT", f"/dialogs/{dialog}/messages/{message['id']}", {"content": "better"})
    await world.person("bo").data("POST", f"/dialogs/{dialog}/read", {"last_read_message_id": message["id"]})
    await world.person("ana")("DELETE", f"/dialogs/{dialog}/messages/{message['id']}")

    edited, read, deleted = await ear.heard()
    assert (edited["type"], edited["id"], edited["content"]) == ("message.edited", message["id"], "better")
    assert edited["last_edited_at"]
    assert (read["type"], read["user_id"]) == ("message.read", "bo")
    assert read["last_read_message_id"] == message["id"]
    assert (deleted["type"], deleted["id"], deleted["dialog_id"]) == ("message.deleted", message["id"], dialog)


async def test_a_newcomer_hears_from_then_on_and_a_leaver_hears_of_it_and_no_more(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    ana, cy = await world.listen("ana"), await world.listen("cy")

    await world.say("ana", dialog, "before")
    await world.person("cy").data("POST", f"/dialogs/{dialog}/join", {"display_name": "Cy", "company": ""})
    await world.say("ana", dialog, "between")
    await world.person("cy").data("POST", f"/dialogs/{dialog}/leave")
    await world.say("ana", dialog, "after")

    heard = await cy.heard()
    assert [frame["type"] for frame in heard] == [
        "message.new",
        "participant.joined",
        "message.new",
        "message.new",
        "participant.left",
    ][-len(heard) :]
    contents = [frame.get("content") for frame in heard]
    assert "between" in contents
    assert "before" not in contents
    assert "after" not in contents
    assert heard[-1]["user_id"] == "cy"
    assert "after" in [frame.get("content") for frame in await ana.heard()]


async def test_the_host_adding_and_removing_somebody_reaches_them(world: World) -> None:
    dialog = await world.dialog("ana")
    bo = await world.listen("bo")

    await world.host("POST", f"/dialogs/{dialog}/participants", {"user_id": "bo"})
    await world.host("POST", f"/dialogs/{dialog}/participants", {"user_id": "bo"})
    await world.say("ana", dialog, "welcome")
    await world.host("DELETE", f"/dialogs/{dialog}/participants/bo")
    await world.host("DELETE", f"/dialogs/{dialog}/participants/bo")
    await world.say("ana", dialog, CANARY)

    assert await bo.types() == ["participant.joined", "message.new", "participant.left"]


@pytest.mark.parametrize(
    ("verb", "expected"),
    [
        ("archive", "dialog.archived"),
        ("unarchive", "dialog.unarchived"),
        ("pin", "dialog.pinned"),
        ("unpin", "dialog.unpinned"),
    ],
)
async def test_ones_own_view_reaches_ones_own_devices_alone(world: World, verb: str, expected: str) -> None:
    dialog = await world.dialog("ana", "bo")
    opposite = {"unarchive": "archive", "unpin": "pin"}
    if verb in opposite:
        await world.person("ana").data("POST", f"/dialogs/{dialog}/{opposite[verb]}")
    ana, bo = await world.listen("ana"), await world.listen("bo")

    await world.person("ana").data("POST", f"/dialogs/{dialog}/{verb}")
    await world.person("ana").data("POST", f"/dialogs/{dialog}/{verb}")

    assert await ana.types() == [expected]
    assert await bo.types() == []


async def test_a_message_unarchives_for_those_who_had_archived_and_comes_after(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    await world.person("bo").data("POST", f"/dialogs/{dialog}/archive")
    ana, bo = await world.listen("ana"), await world.listen("bo")

    await world.say("ana", dialog)

    assert await bo.types() == ["dialog.unarchived", "message.new"]
    assert await ana.types() == ["message.new"]


async def test_a_changed_and_a_deleted_dialog_are_told_to_those_in_it(world: World) -> None:
    dialog = await world.dialog("ana")
    ear = await world.listen("ana")

    await world.host("PATCH", f"/dialogs/{dialog}", {"title": "New title"})
    await world.host("DELETE", f"/dialogs/{dialog}")

    updated, deleted = await ear.heard()
    assert updated["type"] == "dialog.updated"
    assert updated["payload"]["dialog"]["title"] == "New title"
    assert (deleted["type"], deleted["dialog_id"]) == ("dialog.deleted", dialog)


async def test_presence_reaches_acquaintances_with_the_first_and_the_last_socket(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    ana, stranger = await world.listen("ana"), await world.listen("eve")

    first = await world.listen("bo")
    second = await world.listen("bo")
    await first.close()
    online = {
        person["user_id"]: person["is_online"]
        for person in await world.person("ana").data("GET", f"/dialogs/{dialog}/participants")
    }
    await second.close()
    came, went = await ana.next(), await ana.next()

    assert online == {"ana": True, "bo": True}
    assert (came["type"], came["user_id"], came["is_online"]) == ("presence.update", "bo", True)
    assert (went["type"], went["user_id"], went["is_online"]) == ("presence.update", "bo", False)
    assert await stranger.heard(presence=True) == []


@pytest.mark.parametrize(
    "query", ["", "token=nonsense", "user_id=ana", "token="], ids=lambda query: query or "none"
)
async def test_a_socket_without_a_valid_token_is_refused_before_it_opens_b29(world: World, query: str) -> None:
    assert await world.handshake(query) == "UNAUTHORIZED"


async def test_too_many_frames_end_the_socket_b60(world: World) -> None:
    ear = await world.listen("ana")

    for _ in range(61):
        await ear.say("{}")

    assert await ear.closed() == 1008


async def test_the_21st_socket_of_one_person_is_refused(world: World) -> None:
    for _ in range(20):
        await world.listen("ana")

    assert await world.handshake(f"token={token('ana')}") == "SERVICE_UNAVAILABLE"
    assert (await world.listen("bo")).greeting["user_id"] == "bo"


async def test_a_socket_ends_25_seconds_after_its_token(world: World) -> None:
    ear = await world.listen("ana", f"token={token('ana', exp=int(time.time()) - 22)}")

    assert await ear.closed() == 1008


@pytest.mark.parametrize("limits", [Limits(queued_frames=3), Limits(queued_bytes=30)], ids=["frames", "bytes"])
def test_who_reads_too_slowly_is_ended_and_told_to_come_back(limits: Limits) -> None:
    connection = Connection(uuid4(), UserId("ana"), Frames(), limits)

    for _ in range(3):
        connection.push("0123456789")
    within = connection.closing
    connection.push("0123456789")

    assert within is None
    assert connection.closing == (1013, "slow_consumer")


async def test_a_peer_that_takes_nothing_is_given_up() -> None:
    connection = Connection(uuid4(), UserId("ana"), Frames(), Limits(write_seconds=0.01))
    connection.push("never taken")

    async def never(_: str) -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await connection.write(never)
