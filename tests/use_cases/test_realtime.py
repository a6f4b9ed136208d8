"""Sockets listen: every event reaches those entitled to it, in order, once, and nobody else."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import cast
from uuid import uuid4

import pytest
from attrs import define, evolve, field
from hypothesis import given, settings
from hypothesis import strategies as st

from mtchat_adapters import memory
from mtchat_core.chat import Chat, Habits, Ports
from mtchat_core.domain.errors import ServiceUnavailable
from mtchat_core.domain.events import (
    ParticipantJoined,
    ParticipantLeft,
    PresenceChanged,
    Recorded,
    Typing,
)
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.domain.messages import Draft
from mtchat_core.domain.presence import Discretion
from mtchat_core.ports.events import EventLog
from mtchat_core.ports.inbox import Inbox
from mtchat_core.ports.realtime import Announcement, Listener
from mtchat_core.use_cases import realtime
from tests.builders import (
    A_PLANNER,
    ANN,
    BO,
    CY,
    DI,
    PLANNERS,
    FakeClock,
    a_dialog_id,
    a_new_dialog,
    a_profile,
    an_invitation,
)
from tests.ears import Ear


@define
class HoldingBroker:
    """A RealtimeBroker that keeps everything until it is told to pass it on."""

    held: list[Announcement] = field(factory=list[Announcement])
    holds: bool = False
    _listeners: list[Listener] = field(factory=list[Listener])

    def publish(self, announcements: Sequence[Announcement]) -> None:
        if self.holds:
            self.held.extend(announcements)
        else:
            self.pass_on(announcements)

    def pass_on(self, announcements: Sequence[Announcement]) -> None:
        for announcement in announcements:
            for listener in self._listeners:
                listener(announcement)

    def follow(self, *, dialogs: Iterable[DialogId] = (), users: Iterable[UserId] = ()) -> None:
        pass

    def unfollow(self, *, dialogs: Iterable[DialogId] = (), users: Iterable[UserId] = ()) -> None:
        pass

    def take(self) -> list[Announcement]:
        held, self.held = self.held, []
        return held

    def listen(self, listener: Listener) -> Callable[[], None]:
        self._listeners.append(listener)

        def unlisten() -> None:
            self._listeners = [one for one in self._listeners if one != listener]

        return unlisten


class SlowInbox:
    """An Inbox whose answer about a person's dialogs is on its way until the gate opens."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self.asked = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails = False

    async def dialogs_of(self, reader: UserId) -> tuple[tuple[DialogId, int], ...]:
        rows = await self._inbox.dialogs_of(reader)
        self.asked.set()
        await self.gate.wait()
        if self.fails:
            raise ServiceUnavailable
        return rows

    def __getattr__(self, name: str) -> object:
        return getattr(self._inbox, name)


class ShakyLog:
    """An EventLog that counts how often it is asked, fails as often as told, and may hold nothing."""

    def __init__(self, events: EventLog) -> None:
        self._events = events
        self.asked = 0
        self.failures = 0
        self.is_empty = False

    async def of_dialog(self, dialog: DialogId, *, after: int, limit: int) -> tuple[Recorded, ...]:
        self.asked += 1
        if self.failures:
            self.failures -= 1
            raise ServiceUnavailable
        return () if self.is_empty else await self._events.of_dialog(dialog, after=after, limit=limit)

    def __getattr__(self, name: str) -> object:
        return getattr(self._events, name)


@define
class Stage:
    """A chat whose surroundings a test can hold up."""

    chat: Chat
    broker: HoldingBroker
    inbox: SlowInbox
    log: ShakyLog

    @classmethod
    def over(cls, ports: Ports) -> "Stage":
        broker, inbox, log = HoldingBroker(), SlowInbox(ports.inbox), ShakyLog(ports.events)
        surroundings = evolve(ports, broker=broker, inbox=cast(Inbox, inbox), events=cast(EventLog, log))
        chat = Chat.over(surroundings, Habits(discretion=Discretion(grace=timedelta(0), audience=3)))
        return cls(chat, broker, inbox, log)

    async def connect(self, *users: UserId) -> list[Ear]:
        ears = [Ear(user) for user in users]
        for ear in ears:
            await self.chat.realtime.connect(ear)
        return ears

    async def begin(self, user: UserId) -> tuple[Ear, "asyncio.Task[None]"]:
        """Connect with the answer about the person's dialogs held up after it was read."""
        self.inbox.gate.clear()
        self.inbox.asked.clear()
        ear = Ear(user)
        task = asyncio.create_task(self.chat.realtime.connect(ear))
        await self.inbox.asked.wait()
        return ear, task

    async def create(self, *people: UserId) -> DialogId:
        return (await self.chat.dialogs.create(a_new_dialog(*people, scopes=[PLANNERS]))).id

    async def send(self, dialog: DialogId, by: UserId = ANN) -> None:
        await self.chat.messages.send(by, dialog, Draft("hello"))

    async def join(self, dialog: DialogId, user: UserId) -> None:
        await self.chat.participants.join(dialog, user, A_PLANNER, a_profile())


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing events are asked for at once."""
    monkeypatch.setattr(realtime, "PATIENCE_SECONDS", 0)


@pytest.fixture
def stage(ports: Ports) -> Iterator[Stage]:
    """A chat whose broker, inbox and log can be held up."""
    stage = Stage.over(ports)
    yield stage
    stage.chat.realtime.close()
    stage.chat.presence.close()


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0)
    pytest.fail("this never came true")


async def settle() -> None:
    """Let everything that is ready to run do so."""
    for _ in range(20):
        await asyncio.sleep(0)


# Who hears what


async def test_participants_hear_and_strangers_do_not_g8(stage: Stage) -> None:
    dialog, other = await stage.create(ANN, BO), await stage.create(CY)
    ann, bo, cy, di = await stage.connect(ANN, BO, CY, DI)

    await stage.send(dialog, ANN)
    await stage.send(other, CY)

    assert ann.types() == bo.types() == ["message.new"]
    assert ann.events() == bo.events()
    assert [one.event.dialog_id for one in cy.events()] == [other]
    assert di.heard == []


async def test_every_connection_of_a_person_hears_the_same(stage: Stage) -> None:
    dialog = await stage.create(ANN, BO)
    phone, laptop, bo = await stage.connect(ANN, ANN, BO)

    await stage.send(dialog, ANN)
    await stage.chat.inbox.archive(dialog, ANN)
    stage.chat.realtime.disconnect(phone)
    await stage.send(dialog, BO)

    assert phone.types() == ["message.new", "dialog.archived"]
    assert laptop.types() == ["message.new", "dialog.archived", "dialog.unarchived", "message.new"]
    assert bo.types() == ["message.new", "message.new"]
    assert stage.chat.realtime.connections() == 2
    assert stage.chat.realtime.connections(ANN) == 1
    assert stage.chat.realtime.connections(DI) == 0


async def test_who_disconnected_hears_nothing_and_may_come_back(stage: Stage) -> None:
    dialog = await stage.create(ANN)
    [ann] = await stage.connect(ANN)
    stage.chat.realtime.disconnect(ann)
    stage.chat.realtime.disconnect(ann)

    await stage.send(dialog)
    await stage.chat.realtime.connect(ann)
    await stage.send(dialog)

    assert len(ann.heard) == 1


async def test_who_joins_hears_from_then_on_and_the_others_hear_all_of_it(stage: Stage) -> None:
    dialog = await stage.create(ANN)
    ann, cy = await stage.connect(ANN, CY)
    await stage.send(dialog)

    await stage.join(dialog, CY)
    await stage.send(dialog)

    assert ann.types() == ["message.new", "message.new", "participant.joined", "message.new"]
    assert cy.types() == ["participant.joined", "message.new"]


async def test_who_leaves_hears_of_it_and_then_no_more_g9(stage: Stage) -> None:
    dialog = await stage.create(ANN, BO)
    ann, bo = await stage.connect(ANN, BO)

    await stage.chat.participants.leave(dialog, BO)
    await stage.send(dialog)

    assert bo.types() == ["message.new", "participant.left"]
    assert ann.types() == ["message.new", "participant.left", "message.new"]


async def test_whom_the_host_adds_and_removes_hears_it_too_g9(stage: Stage) -> None:
    dialog = await stage.create(ANN)
    [cy] = await stage.connect(CY)

    await stage.chat.participants.add(dialog, [an_invitation(CY)])
    await stage.send(dialog)
    await stage.chat.participants.remove(dialog, CY)
    await stage.send(dialog)
    await stage.chat.participants.add(dialog, [an_invitation(CY)])
    await stage.send(dialog)

    assert cy.types() == [
        "participant.joined",
        "message.new",
        "participant.left",
        "participant.joined",
        "message.new",
    ]


async def test_for_whom_a_dialog_is_created_hears_who_is_in_it(stage: Stage) -> None:
    ann, bo, cy = await stage.connect(ANN, BO, CY)

    dialog = await stage.create(ANN, BO)
    await stage.send(dialog)

    assert ann.types() == ["participant.joined", "participant.joined", "message.new"]
    assert bo.types() == ["participant.joined", "message.new"]
    assert cy.heard == []


async def test_ones_own_view_is_nobody_elses_business(stage: Stage) -> None:
    dialog = await stage.create(ANN, BO)
    ann, bo = await stage.connect(ANN, BO)

    await stage.chat.inbox.archive(dialog, ANN)
    await stage.chat.inbox.pin(dialog, ANN, on=True)
    await stage.chat.inbox.notify(dialog, ANN, on=False)
    await stage.send(dialog, BO)

    assert ann.types() == [
        "dialog.archived",
        "dialog.pinned",
        "dialog.muted",
        "dialog.unarchived",
        "message.new",
    ]
    assert bo.types() == ["message.new"]


async def test_a_deleted_dialog_is_heard_of_by_everybody_in_it_for_the_last_time(stage: Stage) -> None:
    dialog = await stage.create(ANN, BO)
    ann, bo, cy = await stage.connect(ANN, BO, CY)

    await stage.chat.dialogs.delete(dialog)

    assert ann.types() == bo.types() == ["dialog.deleted"]
    assert cy.heard == []
    await stage.create(ANN)
    assert ann.types() == ["dialog.deleted", "participant.joined"]


async def test_after_the_end_nobody_hears_anything(stage: Stage) -> None:
    dialog = await stage.create(ANN)
    [ann] = await stage.connect(ANN)

    stage.chat.realtime.close()
    await stage.send(dialog)

    assert ann.heard == []


# Presence


async def test_presence_is_told_to_acquaintances_only(stage: Stage) -> None:
    await stage.create(ANN, BO)
    await stage.create(ANN, BO, CY)
    ann, bo, cy, di = await stage.connect(ANN, BO, CY, DI)
    connection = uuid4()

    await stage.chat.presence.beat(ANN, connection)
    await stage.chat.presence.beat(DI, uuid4())
    await stage.chat.presence.leave(ANN, connection)

    assert bo.heard == cy.heard == [PresenceChanged(ANN, is_online=True), PresenceChanged(ANN, is_online=False)]
    assert ann.heard == di.heard == []


async def test_who_left_the_last_common_dialog_is_no_acquaintance_any_more(stage: Stage) -> None:
    dialog = await stage.create(ANN, BO)
    [bo, _] = await stage.connect(BO, ANN)
    await stage.chat.participants.leave(dialog, ANN)
    bo.heard.clear()

    await stage.chat.presence.beat(ANN, uuid4())

    assert bo.heard == []


async def test_comings_and_goings_in_a_crowd_are_not_pushed(stage: Stage) -> None:
    await stage.create(ANN, BO, CY, DI)
    _, bo, cy, di = await stage.connect(ANN, BO, CY, DI)
    await stage.create(ANN, BO)
    bo.heard.clear()

    await stage.chat.presence.beat(ANN, uuid4())

    assert bo.heard == [PresenceChanged(ANN, is_online=True)]
    assert cy.heard == di.heard == []


async def test_presence_that_cannot_be_told_yet_is_told_later(stage: Stage) -> None:
    await stage.create(ANN, BO)
    [bo] = await stage.connect(BO)
    stage.inbox.fails = True
    await stage.chat.presence.beat(ANN, uuid4())
    await stage.chat.presence.sweep()
    assert bo.heard == []

    stage.inbox.fails = False
    await stage.chat.presence.sweep()
    await stage.chat.presence.sweep()

    assert bo.heard == [PresenceChanged(ANN, is_online=True)]


async def test_who_returns_while_they_are_being_called_gone_stays_online(stage: Stage) -> None:
    await stage.create(ANN, BO)
    [bo] = await stage.connect(BO)
    connection = uuid4()
    await stage.chat.presence.beat(ANN, connection)
    stage.inbox.gate.clear()
    stage.inbox.asked.clear()
    leaving = asyncio.create_task(stage.chat.presence.leave(ANN, connection))
    await stage.inbox.asked.wait()

    returning = asyncio.create_task(stage.chat.presence.beat(ANN, uuid4()))
    await asyncio.sleep(0)
    stage.inbox.gate.set()
    await asyncio.gather(leaving, returning)

    assert set(bo.heard) == {PresenceChanged(ANN, is_online=True)}


# Typing


async def test_typing_reaches_the_others_in_the_dialog_and_nobody_else_g8(stage: Stage) -> None:
    dialog = await stage.create(ANN, BO)
    await stage.create(ANN, BO, CY)
    ann, bo, cy = await stage.connect(ANN, BO, CY)

    stage.chat.realtime.typing(ANN, dialog, is_typing=True)

    assert bo.heard == [Typing(dialog, ANN, is_typing=True)]
    assert ann.heard == cy.heard == []


async def test_who_takes_no_part_types_for_nobody(stage: Stage) -> None:
    dialog = await stage.create(ANN, BO)
    bo, _ = await stage.connect(BO, CY)

    stage.chat.realtime.typing(CY, dialog, is_typing=True)
    stage.chat.realtime.typing(ANN, dialog, is_typing=True)
    stage.chat.realtime.typing(CY, a_dialog_id(), is_typing=True)

    assert bo.heard == []


async def test_typing_is_told_at_most_every_three_seconds(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    dialog, other = await stage.create(ANN, BO), await stage.create(ANN, BO)
    [bo, _] = await stage.connect(BO, ANN)
    began, stopped = Typing(dialog, ANN, is_typing=True), Typing(dialog, ANN, is_typing=False)
    monkeypatch.setattr(realtime, "TYPING_PAUSE", timedelta(hours=1))

    for is_typing in (False, True, True, False, False, True):
        stage.chat.realtime.typing(ANN, dialog, is_typing=is_typing)
    stage.chat.realtime.typing(ANN, other, is_typing=True)
    assert bo.heard == [began, stopped, Typing(other, ANN, is_typing=True)]
    monkeypatch.setattr(realtime, "TYPING_PAUSE", timedelta(0))
    stage.chat.realtime.typing(ANN, dialog, is_typing=True)

    assert bo.heard[3:] == [began]


# While somebody connects


async def test_what_happens_while_one_connects_is_not_missed_f20(stage: Stage) -> None:
    dialog = await stage.create(ANN, BO)
    bo, connecting = await stage.begin(BO)

    await stage.send(dialog)
    await stage.send(dialog)
    stage.inbox.gate.set()
    await connecting
    await stage.send(dialog)

    assert bo.types() == ["message.new"] * 3
    assert bo.seqs() == sorted(set(bo.seqs()))


async def test_what_happens_while_one_connects_is_not_missed_although_others_listen_already_f20(
    stage: Stage,
) -> None:
    dialog = await stage.create(ANN, BO)
    [ann] = await stage.connect(ANN)
    bo, connecting = await stage.begin(BO)

    await stage.send(dialog)
    stage.inbox.gate.set()
    await connecting
    await stage.send(dialog)

    assert bo.events() == ann.events()
    assert len(bo.heard) == 2


async def test_ones_own_change_while_one_connects_is_heard_once(stage: Stage) -> None:
    dialog = await stage.create(ANN, BO)
    bo, connecting = await stage.begin(BO)

    await stage.chat.inbox.archive(dialog, BO)
    stage.inbox.gate.set()
    await connecting
    await stage.send(dialog)

    assert bo.types() == ["dialog.archived", "dialog.unarchived", "message.new"]


@pytest.mark.parametrize("is_watched", [False, True])
async def test_who_leaves_while_connecting_hears_it_and_then_no_more(stage: Stage, is_watched: bool) -> None:
    dialog = await stage.create(ANN, BO)
    await stage.connect(*([ANN] if is_watched else []))
    bo, connecting = await stage.begin(BO)

    await stage.chat.participants.remove(dialog, BO)
    await stage.send(dialog)
    stage.inbox.gate.set()
    await connecting
    await stage.send(dialog)

    assert bo.types() == ["participant.left"]


@pytest.mark.parametrize("is_watched", [False, True])
async def test_who_joins_while_connecting_hears_from_then_on(stage: Stage, is_watched: bool) -> None:
    dialog = await stage.create(ANN)
    await stage.connect(*([ANN] if is_watched else []))
    bo, connecting = await stage.begin(BO)

    await stage.join(dialog, BO)
    await stage.send(dialog)
    stage.inbox.gate.set()
    await connecting
    await stage.send(dialog)

    assert bo.types() == ["participant.joined", "message.new", "message.new"]


async def test_who_leaves_and_comes_back_while_connecting_hears_both(stage: Stage) -> None:
    dialog = await stage.create(ANN, BO)
    bo, connecting = await stage.begin(BO)

    await stage.chat.participants.remove(dialog, BO)
    await stage.send(dialog)
    await stage.join(dialog, BO)
    stage.inbox.gate.set()
    await connecting
    await stage.send(dialog)

    assert bo.types() == ["participant.left", "participant.joined", "message.new"]


async def test_several_people_may_connect_at_the_same_time(stage: Stage) -> None:
    dialog = await stage.create(ANN, BO, CY)
    ann, first = await stage.begin(ANN)
    await stage.send(dialog)
    bo, second = await stage.begin(BO)
    await stage.send(dialog)
    stage.inbox.gate.set()
    await asyncio.gather(first, second)
    [cy] = await stage.connect(CY)
    await stage.send(dialog)

    assert [len(ear.heard) for ear in (ann, bo, cy)] == [3, 2, 1]
    assert ann.events()[1:] == bo.events()


async def test_two_connections_of_one_person_wait_for_the_same_answer(stage: Stage) -> None:
    dialog = await stage.create(ANN)
    phone, first = await stage.begin(ANN)
    laptop = Ear(ANN)
    second = asyncio.create_task(stage.chat.realtime.connect(laptop))
    await settle()

    await stage.send(dialog)
    stage.inbox.gate.set()
    await asyncio.gather(first, second)

    assert phone.types() == laptop.types() == ["message.new"]


async def test_a_connection_that_cannot_be_made_is_ended_and_may_be_tried_again(stage: Stage) -> None:
    dialog = await stage.create(ANN)
    ear, connecting = await stage.begin(ANN)
    stage.inbox.fails = True
    stage.inbox.gate.set()
    with pytest.raises(ServiceUnavailable):
        await connecting
    assert stage.chat.realtime.connections() == 0
    await stage.send(dialog)
    assert ear.heard == []

    stage.inbox.fails = False
    await stage.chat.realtime.connect(ear)
    await stage.send(dialog)

    assert ear.types() == ["message.new"]


async def test_a_connection_given_up_while_connecting_leaves_nothing_behind(stage: Stage) -> None:
    dialog = await stage.create(ANN)
    ear, connecting = await stage.begin(ANN)

    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    stage.inbox.gate.set()
    await settle()
    await stage.send(dialog)

    assert ear.heard == []
    assert stage.chat.realtime.connections() == 0


async def test_who_disconnects_while_connecting_may_connect_anew_meanwhile(stage: Stage) -> None:
    dialog = await stage.create(ANN)
    first, connecting = await stage.begin(ANN)
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    second = Ear(ANN)
    again = asyncio.create_task(stage.chat.realtime.connect(second))
    await settle()

    await stage.send(dialog)
    stage.inbox.gate.set()
    await again

    assert first.heard == []
    assert second.types() == ["message.new"]


# Late, lost and doubled announcements


async def test_late_announcements_are_waited_for_f21(stage: Stage) -> None:
    dialog = await stage.create(ANN)
    [ann] = await stage.connect(ANN)
    stage.broker.holds = True
    for _ in range(4):
        await stage.send(dialog)
    first, second, third, fourth = stage.broker.take()

    stage.broker.pass_on([fourth, second])
    assert ann.heard == []
    stage.broker.pass_on([first])
    assert ann.heard == [first, second]
    stage.broker.pass_on([third])

    assert ann.heard == [first, second, third, fourth]
    await settle()
    assert stage.log.asked == 0


async def test_doubled_announcements_are_heard_once_f21(stage: Stage) -> None:
    dialog = await stage.create(ANN, BO)
    ann, bo = await stage.connect(ANN, BO)
    stage.broker.holds = True
    await stage.send(dialog)
    await stage.chat.inbox.pin(dialog, BO, on=True)
    await stage.chat.participants.leave(dialog, BO)
    held = stage.broker.take()

    stage.broker.pass_on([*held, *held, *reversed(held)])
    await settle()

    assert ann.types() == ["message.new", "message.new", "participant.left"]
    assert bo.types() == ["message.new", "dialog.pinned", "message.new", "participant.left"]


async def test_a_doubled_joining_does_not_let_anybody_back_in(stage: Stage) -> None:
    dialog = await stage.create(ANN)
    [cy] = await stage.connect(CY)
    stage.broker.holds = True
    await stage.join(dialog, CY)
    joining = stage.broker.take()
    await stage.chat.participants.leave(dialog, CY)
    leaving = stage.broker.take()

    stage.broker.pass_on([*joining, *leaving, *joining])
    stage.broker.holds = False
    await stage.send(dialog)
    await settle()

    assert cy.types() == ["participant.joined", "message.new", "participant.left"]


async def test_a_lost_announcement_is_fetched_once_the_next_one_comes_g5(stage: Stage) -> None:
    dialog = await stage.create(ANN, BO)
    ann, bo = await stage.connect(ANN, BO)
    stage.broker.holds = True
    for _ in range(3):
        await stage.send(dialog)
    first, *_, last = stage.broker.take()

    stage.broker.pass_on([first, last])
    await until(lambda: len(ann.heard) == 3)

    assert ann.events() == bo.events()
    assert ann.heard[0] == first
    assert ann.heard[2] == last
    assert stage.log.asked == 1


async def test_many_lost_announcements_are_fetched_in_pieces(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(realtime, "_BATCH", 2)
    dialog = await stage.create(ANN)
    [ann] = await stage.connect(ANN)
    stage.broker.holds = True
    for _ in range(7):
        await stage.send(dialog)

    stage.broker.pass_on(stage.broker.take()[-1:])
    await until(lambda: len(ann.heard) == 7)

    assert ann.seqs() == sorted(set(ann.seqs()))


async def test_a_lost_message_that_was_deleted_since_is_passed_over(stage: Stage) -> None:
    dialog = await stage.create(ANN)
    [ann] = await stage.connect(ANN)
    stage.broker.holds = True
    doomed = await stage.chat.messages.send(ANN, dialog, Draft("secret"))
    await stage.chat.messages.delete(ANN, dialog, doomed.id)

    stage.broker.pass_on(stage.broker.take()[-1:])
    await until(lambda: bool(ann.heard))

    assert ann.types() == ["message.deleted"]


async def test_a_lost_leaving_is_found_before_anything_else_is_heard(stage: Stage) -> None:
    dialog = await stage.create(ANN, BO)
    ann, bo = await stage.connect(ANN, BO)
    stage.broker.holds = True
    await stage.chat.participants.remove(dialog, BO)
    await stage.send(dialog)

    stage.broker.pass_on(stage.broker.take()[-1:])
    await until(lambda: len(ann.heard) == 2)

    assert bo.types() == ["participant.left"]
    assert ann.types() == ["participant.left", "message.new"]


@pytest.mark.parametrize("is_watched", [False, True])
async def test_who_joins_hears_what_came_before_the_news_of_their_joining(stage: Stage, is_watched: bool) -> None:
    dialog = await stage.create(ANN)
    await stage.connect(*([ANN] if is_watched else []))
    [cy] = await stage.connect(CY)
    stage.broker.holds = True
    await stage.join(dialog, CY)
    await stage.send(dialog)

    stage.broker.pass_on(stage.broker.take()[::-1])
    await until(lambda: len(cy.heard) == 2)

    assert cy.types() == ["participant.joined", "message.new"]


async def test_who_leaves_and_comes_back_hears_both_although_the_news_is_late(stage: Stage) -> None:
    dialog = await stage.create(ANN, BO)
    [bo] = await stage.connect(BO)
    stage.broker.holds = True
    await stage.chat.participants.leave(dialog, BO)
    await stage.send(dialog)
    await stage.join(dialog, BO)
    await stage.send(dialog)

    stage.broker.pass_on(stage.broker.take()[::-1])

    assert bo.types() == ["message.new", "participant.left", "participant.joined", "message.new"]


async def test_a_log_that_fails_is_asked_again(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    dialog = await stage.create(ANN)
    [ann] = await stage.connect(ANN)
    stage.broker.holds = True
    await stage.send(dialog)
    await stage.send(dialog)
    stage.log.failures = 2

    with caplog.at_level(logging.WARNING):
        stage.broker.pass_on(stage.broker.take()[-1:])
        await until(lambda: len(ann.heard) == 2)

    assert stage.log.asked == 3
    assert "SERVICE_UNAVAILABLE" in caplog.text
    assert not ann.gave_up


async def test_who_cannot_be_told_what_they_missed_starts_afresh(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    dialog, other = await stage.create(ANN, BO), await stage.create(CY)
    ann, bo, cy = await stage.connect(ANN, BO, CY)
    stage.broker.holds = True
    stage.log.is_empty = True
    await stage.send(dialog)
    await stage.send(dialog)

    with caplog.at_level(logging.ERROR):
        stage.broker.pass_on(stage.broker.take()[-1:])
        await until(lambda: ann.gave_up and bo.gave_up)

    assert not cy.gave_up
    assert ann.heard == bo.heard == []
    assert stage.log.asked == realtime.ATTEMPTS
    stage.broker.holds = False
    await stage.send(other, CY)
    assert cy.types() == ["message.new"]


async def test_dialogs_do_not_wait_for_each_other(stage: Stage) -> None:
    stuck, free = await stage.create(ANN), await stage.create(ANN)
    [ann] = await stage.connect(ANN)
    stage.broker.holds = True
    await stage.send(stuck)
    await stage.send(stuck)
    late = stage.broker.take()[-1:]
    await stage.send(free)

    stage.broker.pass_on([*late, *stage.broker.take()])

    assert [one.event.dialog_id for one in ann.events()] == [free]


# Everything at once

PEOPLE = (ANN, BO, CY)
ACTIONS = st.sampled_from(["send", "add", "remove", "join", "leave", "pin", "connect", "slowly connect"])
STEPS = st.lists(st.tuples(ACTIONS, st.sampled_from(PEOPLE)), max_size=15)
Travel = Callable[[list[Announcement]], list[Announcement]]


@define
class Heard:
    """What one person heard, and what they may have heard."""

    ear: Ear
    since: int
    """The last event before they asked for their dialogs."""
    seqs: list[int] = field(factory=list[int])
    entitled: list[int] = field(factory=list[int])
    last_stay: int = 0
    """Where their last stay began."""

    def follow(self, log: Sequence[Recorded]) -> None:
        """Replay who was in, and when."""
        is_in = False
        for recorded in log:
            event, audience = recorded.event, recorded.event.audience
            if isinstance(event, ParticipantJoined) and event.user_id == self.ear.user_id:
                is_in, self.last_stay = True, recorded.seq
            if is_in and (audience.members or self.ear.user_id in audience.people):
                self.entitled.append(recorded.seq)
            if isinstance(event, ParticipantLeft) and event.user_id == self.ear.user_id:
                is_in = False
        self.seqs = self.ear.seqs()


async def act(stage: Stage, dialog: DialogId, action: str, user: UserId) -> None:
    details = await stage.chat.dialogs.get(dialog)
    me = next((person for person in details.participants if person.user_id == user), None)
    if me is None:
        if action == "add":
            await stage.chat.participants.add(dialog, [an_invitation(user)])
        elif action == "join":
            await stage.join(dialog, user)
    elif action == "send":
        await stage.send(dialog, user)
    elif action == "remove":
        await stage.chat.participants.remove(dialog, user)
    elif action == "leave":
        await stage.chat.participants.leave(dialog, user)
    elif action == "pin":
        await stage.chat.inbox.pin(dialog, user, on=not me.is_pinned)


async def play(steps: list[tuple[str, UserId]], data: st.DataObject, travel: Travel) -> list[Heard]:
    """Run *steps* while announcements travel at their own pace, and tell what everybody heard."""
    stage = Stage.over(memory.ports(clock=FakeClock()))
    dialog = await stage.create(ANN)
    everybody: dict[UserId, Heard] = {}
    connecting: list[asyncio.Task[None]] = []
    stage.broker.holds = True
    for action, user in steps:
        if action.endswith("connect") and user not in everybody:
            since = (await stage.chat.dialogs.get(dialog)).dialog.tally.event_seq
            ear, task = await stage.begin(user)
            everybody[user] = Heard(ear, since)
            connecting.append(task)
            if action == "connect":
                stage.inbox.gate.set()
        await act(stage, dialog, action, user)
        if data.draw(st.booleans(), label="pass on"):
            stage.broker.pass_on(travel(stage.broker.take()))
            await settle()
    stage.inbox.gate.set()
    await asyncio.gather(*connecting)
    stage.broker.pass_on(travel(stage.broker.take()))
    await settle()
    log = await stage.chat.ports.events.of_dialog(dialog, after=0, limit=1000)
    stage.chat.realtime.close()
    for heard in everybody.values():
        heard.follow(log)
        assert not heard.ear.gave_up
    return list(everybody.values())


@settings(max_examples=100, deadline=None)
@given(steps=STEPS, data=st.data())
async def test_everybody_hears_exactly_what_they_may_g8(
    steps: list[tuple[str, UserId]], data: st.DataObject
) -> None:
    for heard in await play(steps, data, travel=lambda held: [one for one in held for _ in "twice"]):
        assert heard.seqs == sorted(set(heard.seqs)), heard
        assert set(heard.seqs) <= set(heard.entitled), heard
        # Late news from before they connected is theirs too, but not owed.
        assert {seq for seq in heard.entitled if seq > heard.since} <= set(heard.seqs), heard


@settings(max_examples=100, deadline=None)
@given(steps=STEPS, data=st.data())
async def test_however_it_travels_nobody_hears_too_much_and_nothing_of_ones_last_stay_is_lost_f21(
    steps: list[tuple[str, UserId]], data: st.DataObject
) -> None:
    def shuffled(held: list[Announcement]) -> list[Announcement]:
        return data.draw(st.permutations(held + held[:1]), label="travels as")

    for heard in await play(steps, data, travel=shuffled):
        assert heard.seqs == sorted(set(heard.seqs)), heard
        assert set(heard.seqs) <= set(heard.entitled), heard
        owed = {seq for seq in heard.entitled if seq > heard.since and seq >= heard.last_stay}
        assert owed <= set(heard.seqs), heard
