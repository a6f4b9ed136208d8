"""The log over HTTP: a person's own, and the host's whole."""

from typing import Any
from uuid import UUID

import pytest

from mtchat_core.chat import Ports
from mtchat_core.domain.cursors import Cursor
from mtchat_core.domain.events import NotificationCancelled, NotificationPending, Reminded
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.domain.messages import Window
from tests.asking import Asker
from tests.builders import locked
from tests.http.world import World

CANARY = "canary-text-that-nobody-else-may-hear"


async def read(asker: Asker, after: str | None = None, **options: Any) -> dict[str, Any]:
    """Read one stretch."""
    answer = await asker("GET", "/events", params=options if after is None else {"after": after, **options})
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"data", "cursor", "has_more"}
    stretch: dict[str, Any] = answer.json()
    return stretch


async def test_a_person_reads_what_a_socket_would_have_told_them_g5(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    start = await read(world.person("bo"))
    ear = await world.listen("bo")
    message = await world.say("ana", dialog)
    await world.person("ana").data("PUT", f"/dialogs/{dialog}/messages/{message['id']}", {"content": "better"})
    await world.person("bo").data("POST", f"/dialogs/{dialog}/read", {"last_read_message_id": message["id"]})
    await world.person("bo").data("POST", f"/dialogs/{dialog}/pin")
    await world.person("ana").data("POST", f"/dialogs/{dialog}/pin")
    await world.host("POST", f"/dialogs/{dialog}/participants", {"user_id": "cy"})
    await world.host("PATCH", f"/dialogs/{dialog}", {"title": "New title"})

    told = await read(world.person("bo"), start["cursor"])

    live = await ear.heard()
    assert start["data"] == []
    assert not start["has_more"]
    # What was edited since is told as it is now.
    assert [frame["type"] for frame in told["data"]] == [frame["type"] for frame in live]
    assert told["data"][1:] == live[1:]
    assert told["data"][0]["content"] == "better"
    assert not told["has_more"]
    assert (await read(world.person("bo"), told["cursor"]))["data"] == []


async def test_pieces_make_the_whole_and_limits_are_clamped_g5(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    start = (await read(world.person("bo")))["cursor"]
    said = [(await world.say("ana", dialog, str(n)))["id"] for n in range(5)]

    for asker in (world.person("bo"), world.host):
        pieces = [await read(asker, start, limit=2)]
        while pieces[-1]["has_more"]:
            pieces.append(await read(asker, pieces[-1]["cursor"], limit=2))
        assert [frame["id"] for piece in pieces for frame in piece["data"]] == said
        assert [len(piece["data"]) for piece in pieces] == [2, 2, 1]
        for limit, count in ((-1, 1), (0, 1), (10**30, 5)):
            assert len((await read(asker, start, limit=limit))["data"]) == count


async def test_cursors_serve_sockets_and_requests_alike(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    ear = await world.listen("bo")
    message = await world.say("ana", dialog)

    told = await read(world.person("bo"), ear.greeting["cursor"])

    assert [frame["id"] for frame in told["data"]] == [message["id"]]


async def test_a_removal_is_told_and_what_follows_is_not_g5_g8(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    start = (await read(world.person("bo")))["cursor"]
    await world.host("DELETE", f"/dialogs/{dialog}/participants/bo")
    await world.say("ana", dialog, CANARY)

    told = await read(world.person("bo"), start)
    nothing = await read(world.person("eve"), start)

    assert [(frame["type"], frame["user_id"]) for frame in told["data"]] == [("participant.left", "bo")]
    assert nothing["data"] == []


@pytest.mark.parametrize("cursor", ["", "junk", "memory:0", "7.7.7", "a." + "9" * 20, "a.1\n", "x" * 2000])
async def test_a_cursor_that_is_none_is_refused_b39(world: World, cursor: str) -> None:
    for asker in (world.person("ana"), world.host):
        assert await asker.refused("GET", "/events", params={"after": cursor}) == (400, "BAD_REQUEST")


async def test_a_cursor_that_has_expired_says_to_load_afresh_g5_b39(world: World) -> None:
    now = Cursor.read((await read(world.host))["cursor"])
    ahead = Cursor(now.history, now.xid + 1_000_000)

    for cursor in (Cursor("another", now.xid), ahead):
        for asker in (world.person("ana"), world.host):
            answer = await asker("GET", "/events", params={"after": str(cursor)})
            assert (answer.status_code, answer.json()["error"]["code"]) == (410, "CURSOR_EXPIRED")
            assert str(cursor) not in answer.text


async def test_the_host_reads_everything_from_the_beginning_g22(world: World) -> None:
    first, second = await world.dialog("ana", "bo"), await world.dialog("cy")
    message = await world.say("ana", first, "hello")
    await world.person("bo").data("POST", f"/dialogs/{first}/pin")
    doomed = await world.say("cy", second, CANARY)
    await world.person("cy")("DELETE", f"/dialogs/{second}/messages/{doomed['id']}")
    await world.host("DELETE", f"/dialogs/{second}")

    told = (await read(world.host))["data"]

    of_first = [frame for frame in told if frame["dialog_id"] == first]
    assert [frame["type"] for frame in of_first] == [
        "message.new",
        "participant.joined",
        "participant.joined",
        "message.new",
        "dialog.pinned",
    ]
    assert of_first[3]["payload"]["message"] == message
    assert of_first[4]["user_ids"] == ["bo"]
    assert all(frame["at"] for frame in told)
    deletions = [frame for frame in told if frame["dialog_id"] == second][-2:]
    assert [frame["type"] for frame in deletions] == ["message.deleted", "dialog.deleted"]
    assert deletions[1]["user_ids"] == ["cy"]
    assert CANARY not in str(told)


async def test_the_host_alone_is_told_of_reminders_with_whom_they_concern_g8(world: World, ports: Ports) -> None:
    dialog = await world.dialog("ana", "bo")
    start = (await read(world.host))["cursor"]
    said = await world.say("ana", dialog, "hello")
    here = DialogId(UUID(dialog))
    page = await ports.transcript.page(here, UserId("ana"), Window())
    assert page is not None
    message = page.messages[-1]
    ears = [await world.listen("ana"), await world.listen("bo")]
    async with locked(ports, here) as tx:
        tx.record(
            NotificationPending(dialog_id=here, message=message, recipients=[Reminded(UserId("bo"), 1)]),
            NotificationCancelled(dialog_id=here, people=[UserId("bo")]),
        )
    world.chat.ports.broker.publish(tx.recorded)

    _, pending, cancelled = (await read(world.host, start))["data"]

    assert pending["type"] == "notification.pending"
    assert pending["recipients"] == [{"user_id": "bo", "unread_count": 1}]
    assert pending["payload"]["message"] == said
    assert (cancelled["type"], cancelled["user_ids"]) == ("notification.cancelled", ["bo"])
    for ear in ears:
        assert await ear.heard() == []
    for user in ("ana", "bo"):
        told = (await read(world.person(user), start))["data"]
        assert [frame["type"] for frame in told] == ["message.new"]
