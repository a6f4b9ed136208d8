"""The socket: who hears what, in which order, and nobody else."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast
from uuid import uuid4

import pytest
import websockets.frames
from attrs import evolve
from websockets.client import ClientProtocol
from websockets.protocol import State
from websockets.uri import parse_uri

from mtchat_app.http.frames import PONG, Frame, Frames
from mtchat_app.http.realtime import Connection, Limits
from mtchat_core.chat import Chat, Ports
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.ports.inbox import Inbox
from tests.asking import token
from tests.builders import no_links
from tests.http.house import scope_of
from tests.http.world import House, World

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


async def test_typing_reaches_the_other_participants_and_says_how_long_it_counts_g8(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    await world.dialog("ana", "eve")
    ana, phone, bo, eve = [await world.listen(user) for user in ("ana", "ana", "bo", "eve")]

    await ana.say(json.dumps({"type": "typing", "dialog_id": dialog}))
    await ana.say(json.dumps({"type": "typing", "dialog_id": dialog, "is_typing": False}))
    await eve.say(json.dumps({"type": "typing", "dialog_id": dialog}))

    assert await ana.heard() == await phone.heard() == await eve.heard() == []
    assert await bo.heard() == [
        {"type": "typing", "dialog_id": dialog, "user_id": "ana", "is_typing": is_typing, "expires_in": 6}
        for is_typing in (True, False)
    ]
    assert {"typing", "search"} <= set(bo.greeting["features"])


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "typing"},
        {"type": "typing", "dialog_id": None},
        {"type": "typing", "dialog_id": "nonsense"},
        {"type": "typing", "dialog_id": "00000000-0000-0000-0000-000000000000"},
        {"type": "typing", "dialog_id": 5, "is_typing": True},
        {"type": "typing", "dialog_id": "THE DIALOG", "is_typing": "yes"},
    ],
)
async def test_typing_that_makes_no_sense_is_ignored(world: World, frame: dict[str, object]) -> None:
    dialog = await world.dialog("ana", "bo")
    ana, bo = await world.listen("ana"), await world.listen("bo")

    await ana.say(json.dumps({name: dialog if value == "THE DIALOG" else value for name, value in frame.items()}))
    await ana.say(json.dumps({"type": "ping", "dialog_id": 5, "is_typing": "?"}))

    assert await ana.heard() == []
    assert await bo.heard() == []


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


# Who does not read


class Line:
    """A line that takes as many frames as it is told."""

    def __init__(self, takes: int = 0) -> None:
        self.takes = takes
        self.taken: list[Frame] = []
        self.goodbye: tuple[int, str] | None = None

    def open(self, speaker: Connection) -> None:
        pass

    def write(self, frame: Frame) -> bool:
        if len(self.taken) >= self.takes:
            return False
        self.taken.append(frame)
        return True

    def close(self, code: int, reason: str) -> None:
        self.goodbye = (code, reason)


def frames(count: int) -> list[Frame]:
    return [Frame.of({"n": n}) for n in range(count)]


def a_connection(limits: Limits) -> Connection:
    return Connection(uuid4(), UserId("ana"), Frames(no_links()), limits)


@pytest.mark.parametrize("limits", [Limits(queued_frames=3), Limits(queued_bytes=29)], ids=["frames", "bytes"])
def test_who_reads_too_slowly_is_ended_and_told_to_come_back_f17(limits: Limits) -> None:
    connection, line = a_connection(limits), Line()
    connection.open(line)

    for frame in frames(3):
        connection.push(frame)
    within = connection.closing
    connection.push(PONG)

    assert within is None
    assert connection.closing == line.goodbye == (1013, "slow_consumer")


def test_what_waits_leaves_in_order_as_far_as_the_line_takes_it() -> None:
    connection, line = a_connection(Limits(queued_frames=4)), Line(takes=2)
    first, second, third, fourth, fifth, sixth = frames(6)
    connection.push(first)
    connection.open(line)
    for frame in (second, third, fourth, fifth):
        connection.push(frame)
    taken_at_once = list(line.taken)

    line.takes = 4
    connection.flush()
    connection.push(sixth)
    line.takes = 6
    connection.flush()

    assert taken_at_once == [first, second]
    assert line.taken == [first, second, third, fourth, fifth, sixth]
    assert line.goodbye is None


def test_what_ended_before_it_was_open_says_goodbye_when_it_opens() -> None:
    connection, line = a_connection(Limits()), Line(takes=1)
    connection.push(PONG)
    connection.close(1013, "resync")

    connection.open(line)

    assert line.goodbye == (1013, "resync")
    assert line.taken == []


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_a_frame_is_what_the_standard_says_it_is(size: int) -> None:
    overhead = len(json.dumps({"x": ""}, separators=(",", ":")))
    frame = Frame.of({"x": "a" * max(0, size - overhead)})
    client = ClientProtocol(parse_uri("ws://chat.test"), state=State.OPEN)

    client.receive_data(frame.wire)

    [received] = client.events_received()
    assert isinstance(received, websockets.frames.Frame)
    assert (received.opcode, received.fin) == (websockets.frames.Opcode.TEXT, True)
    assert bytes(received.data).decode() == frame.message["text"]


async def test_a_peer_that_takes_nothing_is_given_up_on_any_server_f18(memory_ports: Ports) -> None:
    house = House(SOCKET_WRITE_TIMEOUT_SECS="0.01")
    house.chat = chat = Chat.over(memory_ports)

    async def take(message: Any) -> None:
        if message["type"] == "websocket.send":
            await asyncio.Event().wait()

    async with house.app.lifespan(), asyncio.timeout(10):
        await come(house, "ana", take)

    assert chat.realtime.connections() == 0


async def test_many_who_come_at_once_ask_the_database_a_few_at_a_time_f19(memory_ports: Ports) -> None:
    house, asking = House(), Counting(memory_ports.inbox)
    house.chat = Chat.over(evolve(memory_ports, inbox=cast(Inbox, asking)))
    sent = asyncio.Queue[Any]()

    async with house.app.lifespan():
        coming = [asyncio.create_task(come(house, f"user-{n}", sent.put)) for n in range(40)]
        async with asyncio.timeout(10):
            for _ in range(2 * 40):
                await sent.get()
    await asyncio.gather(*coming)

    assert asking.total == 40
    assert asking.most_at_once <= 8


async def come(house: House, user: str, take: Callable[[Any], Awaitable[None]]) -> None:
    """Open a socket as a bare server would, and stay until the service ends it."""
    query = f"/api/v1/ws?token={token(user)}".encode()
    events = asyncio.Queue[Any]()
    events.put_nowait({"type": "websocket.connect"})

    async def send(message: Any) -> None:
        if message["type"] == "websocket.close":
            events.put_nowait({"type": "websocket.disconnect", "code": message["code"]})
        elif "presence" not in message.get("text", ""):
            await take(message)

    await house.app(scope_of("websocket", query, extensions={}, subprotocols=[]), events.get, send)


class Counting:
    """An inbox that counts who asks for their dialogs at the same time."""

    def __init__(self, inbox: Inbox) -> None:
        self.total = 0
        self.most_at_once = 0
        self._now = 0
        self._inbox = inbox

    async def dialogs_of(self, reader: UserId) -> tuple[tuple[DialogId, int], ...]:
        self.total += 1
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        for _ in range(5):
            await asyncio.sleep(0)
        self._now -= 1
        return await self._inbox.dialogs_of(reader)

    def __getattr__(self, name: str) -> object:
        return getattr(self._inbox, name)
