"""Whoever comes back is told what they missed, once and in order, or that they have to start afresh (G5)."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from attrs import define, evolve, field
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtchat_adapters.memory.realtime import MemoryBroker
from mtchat_app.http.frames import Frame
from mtchat_app.http.realtime import Connection, Conversation, Limits, Sockets
from mtchat_core.chat import Chat, Ports
from mtchat_core.domain.events import ParticipantJoined, ParticipantLeft, Recorded, Withdrawn
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.domain.messages import Draft
from mtchat_core.domain.scopes import AccessScope, UserScope
from mtchat_core.ports.events import EventLog, Stretch
from tests.asking import SCOPES, token
from tests.builders import a_dialog_id, a_new_dialog, a_profile, an_invitation, no_links
from tests.http.world import Ear, World

CANARY = "canary-text-that-nobody-else-may-hear"


async def come_back(world: World, user: str, cursor: object) -> Ear:
    return await world.listen(user, f"token={token(user, SCOPES)}&cursor={cursor}")


async def test_whoever_comes_back_is_told_what_they_missed_after_the_greeting_g5(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    first = await world.listen("bo")
    heard = await world.say("ana", dialog, "heard")
    cursor = first.greeting["cursor"]
    await first.heard()
    await first.close()
    missed = await world.say("ana", dialog, "missed")
    await world.person("ana")("POST", f"/dialogs/{dialog}/pin")

    ear = await come_back(world, "bo", cursor)
    live = await world.say("ana", dialog, "live")

    assert "resume" in ear.greeting["features"]
    assert ear.greeting["recovered"] is True
    assert [frame["id"] for frame in await ear.heard()] == [heard["id"], missed["id"], live["id"]]
    again = await come_back(world, "bo", ear.greeting["cursor"])
    assert again.greeting["recovered"] is True
    # Had the first one been torn before it was told everything, this cursor would still lead there.
    assert [frame["id"] for frame in await again.heard()] == [heard["id"], missed["id"], live["id"]]


async def test_a_frame_that_was_missed_is_the_frame_that_was_sent(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    here = await world.listen("bo")
    await world.say("ana", dialog, client_message_id="k1")
    await world.person("bo").data("POST", f"/dialogs/{dialog}/pin")
    await world.host("PATCH", f"/dialogs/{dialog}", {"title": "New title"})
    await world.host("POST", f"/dialogs/{dialog}/participants", {"user_id": "cy"})

    back = await come_back(world, "bo", here.greeting["cursor"])

    live, replayed = await here.heard(), await back.heard()
    assert len(live) == 4
    assert replayed == live


async def test_whoever_was_removed_meanwhile_is_told_and_nothing_else_g5_g8_g9(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    first = await world.listen("bo")
    await first.close()
    await world.host("DELETE", f"/dialogs/{dialog}/participants/bo")
    await world.say("ana", dialog, CANARY)

    ear = await come_back(world, "bo", first.greeting["cursor"])

    assert await ear.types() == ["participant.left"]
    assert await (await come_back(world, "eve", first.greeting["cursor"])).types() == []


async def test_a_deleted_message_is_missed_by_its_deletion_alone(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    first = await world.listen("bo")
    message = await world.say("ana", dialog, CANARY)
    await world.person("ana")("DELETE", f"/dialogs/{dialog}/messages/{message['id']}")

    frames = await (await come_back(world, "bo", first.greeting["cursor"])).heard()

    assert [(frame["type"], frame["id"]) for frame in frames] == [("message.deleted", message["id"])]


@pytest.mark.parametrize("cursor", ["", "junk", "memory:0", "another-history.1", "x" * 900])
async def test_a_cursor_that_leads_nowhere_means_starting_afresh_g5(world: World, cursor: str) -> None:
    dialog = await world.dialog("ana", "bo")
    await world.say("ana", dialog)

    ear = await come_back(world, "bo", cursor)
    live = await world.say("ana", dialog)

    assert ear.greeting["type"] == "connected"
    assert ear.greeting["recovered"] is False
    assert [frame["id"] for frame in await ear.heard()] == [live["id"]]
    assert (await come_back(world, "bo", ear.greeting["cursor"])).greeting["recovered"] is True


async def test_without_a_cursor_one_starts_afresh(world: World) -> None:
    assert (await world.listen("ana")).greeting["recovered"] is False


async def test_whoever_missed_too_much_starts_afresh_g5(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    first = await world.listen("bo")
    sockets: Sockets = world.app.state.sockets
    for n in range(4):
        await world.say("ana", dialog, str(n))

    found: list[tuple[bool, int]] = []
    for limits in (Limits(resumed_events=4), Limits(resumed_events=3), Limits(resumed_bytes=500)):
        sockets.limits = limits
        ear = await come_back(world, "bo", first.greeting["cursor"])
        found.append((ear.greeting["recovered"], len(await ear.heard())))

    assert found == [(True, 4), (False, 0), (False, 0)]


async def test_what_was_missed_does_not_count_as_reading_slowly(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    first = await world.listen("bo")
    sockets: Sockets = world.app.state.sockets
    for n in range(20):
        await world.say("ana", dialog, str(n))

    sockets.limits = Limits(queued_frames=2, queued_bytes=1000)
    ear = await come_back(world, "bo", first.greeting["cursor"])

    assert len([frame for frame in [await ear.next() for _ in range(20)] if frame["type"] == "message.new"]) == 20


async def test_an_answer_to_a_ping_says_from_where_to_come_back_g5(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    ear = await world.listen("bo")
    await world.say("ana", dialog, "told")
    await world.chat.follower.catch_up()

    await ear.say('{"type":"ping"}')
    frames = [await ear.next()]
    while frames[-1]["type"] != "pong":
        frames.append(await ear.next())
    await world.say("ana", dialog, "later")

    back = await come_back(world, "bo", frames[-1]["cursor"])
    assert [frame["content"] for frame in await back.heard()] == ["later"]


# While one comes back


class Line:
    """A line that takes every frame."""

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []
        self.goodbye: int | None = None

    def open(self, speaker: Connection) -> None:
        pass

    def write(self, frame: Frame) -> bool:
        self.frames.append(json.loads(frame.message["text"]))
        return True

    def close(self, code: int, reason: str) -> None:
        self.goodbye = code


class SlowLog:
    """An EventLog whose answer about what was missed is under way until the gate opens."""

    def __init__(self, events: EventLog) -> None:
        self._events = events
        self.asked = asyncio.Event()
        self.before, self.after = asyncio.Event(), asyncio.Event()
        self.before.set()
        self.after.set()

    async def missed(self, user: UserId, after: str, *, limit: int, only_settled: bool = True) -> Stretch:
        self.asked.set()
        await self.before.wait()
        found = await self._events.missed(user, after, limit=limit, only_settled=only_settled)
        await self.after.wait()
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._events, name)


@define
class Device:
    """A client as the guide tells to write one: it keeps the newest cursor, and drops what it has seen."""

    chat: Chat
    log: SlowLog
    user: UserId
    sockets: Sockets = field(factory=lambda: Sockets(per_user=9, per_node=9, limits=Limits(), links=no_links()))
    cursor: str | None = None
    seen: list[tuple[str, int]] = field(factory=list[tuple[str, int]])
    line: Line | None = None
    _open: "asyncio.Task[None] | None" = None

    async def come(self) -> None:
        """Open a socket."""
        line = Line()
        conversation = Conversation(self.sockets.open(self.user), self.sockets, self.chat, line)
        await conversation.begin(self.cursor)

        async def receive() -> Any:
            return await asyncio.get_running_loop().create_future()

        async def send(_: Any) -> None:
            raise AssertionError("everything goes over the line")

        self.line = line
        self._open = asyncio.create_task(conversation.hold(receive, send))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert line.frames[0]["type"] == "connected"
        assert line.frames[0]["recovered"] is (self.cursor is not None)
        self.cursor = line.frames[0]["cursor"]

    async def go(self) -> None:
        """Lose the socket, and look at what came."""
        assert self._open is not None
        assert self.line is not None
        assert self.line.goodbye is None
        self._open.cancel()
        with suppress(asyncio.CancelledError):
            await self._open
        last = dict(self.seen)
        told = [(f["dialog_id"], f["event_seq"]) for f in self.line.frames if "event_seq" in f]
        for dialog in {dialog for dialog, _ in told}:
            seqs = [seq for d, seq in told if d == dialog]
            assert seqs == sorted(set(seqs)), "what one socket tells comes once and in order"
        self.seen += [(dialog, seq) for dialog, seq in told if seq > last.get(dialog, 0)]
        self.line = self._open = None


async def test_what_happens_while_one_comes_back_is_told_once_f20_g5(ports: Ports) -> None:
    log = SlowLog(ports.events)
    chat = Chat.over(evolve(ports, events=log))
    people = [UserId(f"{name} {a_dialog_id()}") for name in ("ann", "bo")]
    dialog = (await chat.dialogs.create(a_new_dialog(*people))).id
    device = Device(chat, log, people[1])
    await device.come()
    await device.go()
    await chat.messages.send(people[0], dialog, Draft("missed"))
    log.before.clear()
    log.after.clear()

    coming = asyncio.create_task(device.come())
    await log.asked.wait()
    await chat.messages.send(people[0], dialog, Draft("both held back and found"))
    log.before.set()
    await asyncio.sleep(0)
    for _ in range(2):
        await chat.messages.send(people[0], dialog, Draft("held back"))
    log.after.set()
    await coming
    await chat.messages.send(people[0], dialog, Draft("live"))
    await device.go()

    newest = (await chat.dialogs.get(dialog)).dialog.tally.event_seq
    assert [seq for _, seq in device.seen] == list(range(newest - 4, newest + 1))
    chat.realtime.close()


async def test_what_another_node_kept_meanwhile_is_told_once_g5_g6(ports: Ports) -> None:
    log = SlowLog(ports.events)
    here, there = (Chat.over(evolve(ports, events=log, broker=MemoryBroker())) for _ in "12")
    people = [UserId(f"{name} {a_dialog_id()}") for name in ("ann", "bo")]
    dialog = (await here.dialogs.create(a_new_dialog(*people))).id
    phone, laptop = Device(there, log, people[1]), Device(there, log, people[1])
    await laptop.come()
    await laptop.go()
    await phone.come()

    await here.messages.send(people[0], dialog, Draft("missed by one, on its way to the other"))
    await laptop.come()
    await there.follower.catch_up()
    await here.messages.send(people[0], dialog, Draft("on its way to both"))
    await there.follower.catch_up()
    await phone.go()
    await laptop.go()

    assert len(phone.seen) == 2
    assert laptop.seen == phone.seen
    for chat in (here, there):
        chat.realtime.close()


async def test_whoever_is_told_too_much_while_they_come_back_is_ended_f17(ports: Ports) -> None:
    log = SlowLog(ports.events)
    chat = Chat.over(evolve(ports, events=log))
    dialog = (await chat.dialogs.create(a_new_dialog(UserId("ann")))).id
    line, sockets = Line(), Sockets(per_user=1, per_node=1, limits=Limits(queued_frames=2), links=no_links())
    log.before.clear()
    conversation = Conversation(sockets.open(UserId("ann")), sockets, chat, line)
    coming = asyncio.create_task(conversation.begin(await chat.ports.events.latest()))
    await log.asked.wait()

    for _ in range(3):
        await chat.messages.send(UserId("ann"), dialog, Draft("hello"))
    log.before.set()
    await coming
    holding = asyncio.create_task(conversation.hold(_never, _nothing))
    await asyncio.sleep(0)

    assert line.goodbye == 1013
    holding.cancel()
    with suppress(asyncio.CancelledError):
        await holding
    chat.realtime.close()


async def _never() -> Any:
    return await asyncio.get_running_loop().create_future()


async def _nothing(_: Any) -> None:
    pass


WELCOME, HELD = AccessScope(([], [], [])), UserScope(([], [], []))
DEEDS = ["send", "delete", "pin", "their pin", "join", "leave", "add", "remove"]
ACTS = [*DEEDS, "look", "cut", "come", "slowly come"]


async def act(chat: Chat, action: str, dialog: DialogId, ann: UserId, bo: UserId) -> None:
    is_in = bo in {person.user_id for person in (await chat.dialogs.get(dialog)).participants}
    match action:
        case "send":
            await chat.messages.send(ann, dialog, Draft("hello"))
        case "delete":
            message = await chat.messages.send(ann, dialog, Draft("canary"))
            await chat.messages.delete(ann, dialog, message.id)
        case "their pin":
            await chat.inbox.pin(dialog, ann, on=True)
            await chat.inbox.pin(dialog, ann, on=False)
        case "pin" if is_in:
            await chat.inbox.pin(dialog, bo, on=True)
            await chat.inbox.pin(dialog, bo, on=False)
        case "leave" if is_in:
            await chat.participants.leave(dialog, bo)
        case "remove" if is_in:
            await chat.participants.remove(dialog, bo)
        case "join" if not is_in:
            await chat.participants.join(dialog, bo, HELD, a_profile())
        case "add" if not is_in:
            await chat.participants.add(dialog, [an_invitation(bo)])
        case "look":
            await chat.follower.catch_up()
        case _:
            pass


def entitled_and_owed(log: Sequence[Recorded], user: UserId, since: int) -> tuple[set[int], set[int]]:
    """Return what *user* may be told of one dialog, and what they must be: their last stay, or that it ended."""
    entitled: set[int] = set()
    owed: set[int] = set()
    is_in = False
    for recorded in log:
        event, audience = recorded.event, recorded.event.audience
        if isinstance(event, ParticipantJoined) and event.user_id == user:
            is_in, owed = True, set[int]()
        # What was deleted since may have been told before.
        if is_in and (audience.members or user in audience.people or isinstance(event, Withdrawn)):
            entitled.add(recorded.seq)
        if is_in and (audience.members or user in audience.people):
            owed.add(recorded.seq)
        if isinstance(event, ParticipantLeft) and event.user_id == user:
            is_in, owed = False, {recorded.seq}
    return entitled, {seq for seq in owed if seq > since}


async def live_through(ports: Ports, steps: list[tuple[str, int]]) -> None:
    """Play *steps* while somebody comes and goes, and hold what they were told against the log."""
    log = SlowLog(ports.events)
    chat = Chat.over(evolve(ports, events=log))
    ann, bo = (UserId(f"{name} {a_dialog_id()}") for name in ("ann", "bo"))
    dialogs = [
        (await chat.dialogs.create(a_new_dialog(*people, scopes=[WELCOME]))).id for people in ((ann, bo), (ann,))
    ]
    device = Device(chat, log, bo)
    coming: asyncio.Task[None] | None = None
    await device.come()
    since = [(await chat.dialogs.get(dialog)).dialog.tally.event_seq for dialog in dialogs]

    async def arrive() -> None:
        nonlocal coming
        if coming is not None:
            log.before.set()
            log.after.set()
            await coming
            coming = None

    for action, which in steps:
        if action == "cut":
            await arrive()
            if device.line is not None:
                device.cursor = chat.follower.cursor if which else device.cursor
                await device.go()
        elif action.endswith("come") and device.line is None and coming is None:
            if action == "slowly come":
                log.asked.clear()
                (log.after if which else log.before).clear()
            coming = asyncio.create_task(device.come())
            if action == "slowly come":
                await log.asked.wait()
            else:
                await arrive()
        await act(chat, action, dialogs[which], ann, bo)
    await arrive()
    if device.line is None:
        await device.come()
    await device.go()
    for dialog, before in zip(dialogs, since, strict=True):
        seen = [seq for d, seq in device.seen if d == str(dialog)]
        events = await ports.events.of_dialog(dialog, after=0, limit=1000)
        entitled, owed = entitled_and_owed(events, bo, before)
        assert seen == sorted(set(seen))
        assert set(seen) <= entitled
        assert owed <= set(seen), (owed, seen)
    chat.realtime.close()


STEPS = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 1)), max_size=25)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_what_one_hears_and_what_one_is_told_later_make_the_whole_g5(
    memory_ports: Ports, steps: list[tuple[str, int]]
) -> None:
    await live_through(memory_ports, steps)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_what_one_hears_and_what_one_is_told_later_make_the_whole_over_postgresql_g5(
    postgres_ports: Ports, steps: list[tuple[str, int]]
) -> None:
    await live_through(postgres_ports, steps)
