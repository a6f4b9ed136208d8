"""Reminders: when they fall due, for whom, and what a failure does."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast

import pytest
from attrs import define, evolve, field, frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtchat_core.chat import Chat, Habits, Ports
from mtchat_core.domain.events import NotificationCancelled, NotificationPending
from mtchat_core.domain.ids import DialogId, MessageId, UserId
from mtchat_core.domain.messages import Draft, Message
from mtchat_core.domain.notifications import FIRST_RETRY, MOST_TRIES, Debounce
from mtchat_core.domain.scopes import AccessScope, UserScope
from mtchat_core.ports.reminders import Fallen, Outlook
from mtchat_core.ports.unit_of_work import UnitOfWork, UnitsOfWork
from tests.builders import (
    ANN,
    BO,
    CY,
    DI,
    EVERYBODY,
    SECOND,
    a_dialog_id,
    a_new_dialog,
    a_profile,
    announce,
    open_dialog,
    participant,
    say,
    unread,
)
from tests.elapsing import Elapse

DELAY, AT_MOST = 30 * SECOND, 120 * SECOND
WELCOME, HELD = AccessScope(([], [], [])), UserScope(([], [], []))


@pytest.fixture
def chat(ports: Ports, elapse: Elapse) -> Chat:
    return Chat.over(ports, Habits(tells_cancelled=True))


@pytest.fixture
async def dialog(chat: Chat) -> DialogId:
    return (await chat.dialogs.create(a_new_dialog(ANN, BO, CY))).id


async def told(ports: Ports, dialog: DialogId) -> list[NotificationPending | NotificationCancelled]:
    """Return what the host is told of a dialog, in order."""
    log = await ports.events.of_dialog(dialog, after=0, limit=1000)
    assert [one.seq for one in log] == list(range(1, len(log) + 1))
    return [one.event for one in log if isinstance(one.event, NotificationPending | NotificationCancelled)]


async def reminded(ports: Ports, dialog: DialogId) -> list[tuple[str, dict[UserId, int]]]:
    """Return each reminder's content, and who has how much unread by it."""
    pending = [event for event in await told(ports, dialog) if isinstance(event, NotificationPending)]
    return [(e.message.content, {one.user_id: one.unread_count for one in e.recipients}) for e in pending]


async def test_who_has_not_read_is_reminded_after_the_delay_and_not_before_g12(
    chat: Chat, ports: Ports, dialog: DialogId, elapse: Elapse
) -> None:
    await say(ports, dialog, "1")
    await elapse(DELAY - 5 * SECOND)
    assert await chat.notifications.remind_due() == 0
    await say(ports, dialog, "2")
    await elapse(DELAY - 5 * SECOND)
    assert await chat.notifications.remind_due() == 0
    assert await ports.reminders.outlook() == Outlook(waiting=1, late=0, parked=0)

    await elapse(5 * SECOND)

    assert await chat.notifications.remind_due() == 1
    assert await reminded(ports, dialog) == [("2", {BO: 2, CY: 2})]
    assert chat.notifications.counts["reminded"] == 2
    assert await ports.reminders.outlook() == Outlook(0, 0, 0)


async def test_a_reminder_comes_once_until_somebody_says_more_g12(
    chat: Chat, ports: Ports, dialog: DialogId, elapse: Elapse
) -> None:
    await say(ports, dialog, "1")
    for _ in range(3):
        await elapse(AT_MOST)
        await chat.notifications.remind_due()
    assert await reminded(ports, dialog) == [("1", {BO: 1, CY: 1})]

    await say(ports, dialog, "2", by=BO)
    await elapse(DELAY)
    await chat.notifications.remind_due()

    assert await reminded(ports, dialog) == [("1", {BO: 1, CY: 1}), ("2", {ANN: 1, CY: 2})]


async def test_a_busy_dialog_does_not_put_its_reminder_off_for_ever_g12(
    chat: Chat, ports: Ports, dialog: DialogId, elapse: Elapse
) -> None:
    for n in range(6):
        await say(ports, dialog, str(n))
        assert await chat.notifications.remind_due() == 0
        await elapse(20 * SECOND)

    assert await chat.notifications.remind_due() == 1
    assert await reminded(ports, dialog) == [("5", {BO: 6, CY: 6})]


async def test_who_read_meanwhile_waits_anew_in_a_busy_dialog_g12(
    chat: Chat, ports: Ports, dialog: DialogId, elapse: Elapse
) -> None:
    for n in range(6):
        [message] = await say(ports, dialog, str(n))
        await elapse(15 * SECOND)
        if n == 4:
            await chat.receipts.mark_read(BO, dialog, message.id)
    await elapse(10 * SECOND)
    await say(ports, dialog, "6")
    await elapse(20 * SECOND)

    await chat.notifications.remind_due()
    assert await reminded(ports, dialog) == [("6", {CY: 7})]

    await elapse(10 * SECOND)
    await chat.notifications.remind_due()
    assert await reminded(ports, dialog) == [("6", {CY: 7}), ("6", {BO: 2})]


async def test_who_reads_mutes_or_leaves_in_time_is_not_reminded_g12(
    chat: Chat, ports: Ports, elapse: Elapse
) -> None:
    dialog = (await chat.dialogs.create(a_new_dialog(*EVERYBODY))).id
    [message] = await say(ports, dialog, "1")
    await chat.receipts.mark_read(BO, dialog, message.id)
    await chat.inbox.notify(dialog, CY, on=False)
    await chat.participants.leave(dialog, DI)
    await elapse(DELAY)

    assert await chat.notifications.remind_due() == 1

    assert await told(ports, dialog) == []
    assert await ports.reminders.outlook() == Outlook(0, 0, 0)


async def test_what_is_deleted_in_time_reminds_nobody_g12(
    chat: Chat, ports: Ports, dialog: DialogId, elapse: Elapse
) -> None:
    kept = await chat.messages.send(ANN, dialog, Draft("1"))
    gone = await chat.messages.send(BO, dialog, Draft("2"))
    await chat.messages.delete(BO, dialog, gone.id)
    await elapse(DELAY)

    await chat.notifications.remind_due()

    assert await reminded(ports, dialog) == [(kept.content, {CY: 1})]


async def test_what_is_edited_reminds_with_its_present_wording(
    chat: Chat, ports: Ports, dialog: DialogId, elapse: Elapse
) -> None:
    message = await chat.messages.send(ANN, dialog, Draft("before"))
    await chat.messages.edit(ANN, dialog, message.id, "after")
    await elapse(DELAY)

    await chat.notifications.remind_due()

    assert await reminded(ports, dialog) == [("after", {BO: 1, CY: 1})]


async def test_the_system_reminds_nobody(chat: Chat, ports: Ports, elapse: Elapse) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    await announce(ports, dialog)
    await elapse(AT_MOST)

    assert await chat.notifications.remind_due() == 0


async def test_a_dialog_that_is_deleted_reminds_nobody(
    chat: Chat, ports: Ports, dialog: DialogId, elapse: Elapse
) -> None:
    await say(ports, dialog, "1")
    await elapse(DELAY)
    await chat.dialogs.delete(dialog)

    assert await chat.notifications.remind_due() == 0


async def test_the_longest_waiting_come_first_and_a_few_at_a_time(
    chat: Chat, ports: Ports, elapse: Elapse
) -> None:
    dialogs = []
    for n in range(3):
        dialogs.append((await chat.dialogs.create(a_new_dialog(ANN, BO))).id)
        await say(ports, dialogs[-1], str(n))
        await elapse(SECOND)
    await elapse(DELAY)

    assert await chat.notifications.remind_due(2) == 2
    assert [len(await told(ports, one)) for one in dialogs] == [1, 1, 0]
    assert await chat.notifications.remind_due(2) == 1


async def test_several_who_remind_at_once_remind_each_dialog_once_f23_g12(
    chat: Chat, ports: Ports, elapse: Elapse
) -> None:
    dialogs = [(await chat.dialogs.create(a_new_dialog(ANN, BO))).id for _ in range(20)]
    for dialog in dialogs:
        await say(ports, dialog, "1")
    await elapse(DELAY)

    await asyncio.gather(*(Chat.over(ports).notifications.remind_due() for _ in range(4)))

    for dialog in dialogs:
        assert await reminded(ports, dialog) == [("1", {BO: 1})]


async def test_without_a_delay_the_next_look_reminds(ports: Ports, elapse: Elapse) -> None:
    chat = Chat.over(ports, Habits(Debounce(timedelta(), timedelta())))
    dialog = (await chat.dialogs.create(a_new_dialog(ANN, BO))).id
    await say(ports, dialog, "1")
    await elapse(DELAY)

    await chat.notifications.remind_due()

    assert await reminded(ports, dialog) == [("1", {BO: 1})]


# Cancelled


async def cancelled(ports: Ports, dialog: DialogId) -> list[tuple[UserId, ...]]:
    return [event.people for event in await told(ports, dialog) if isinstance(event, NotificationCancelled)]


async def test_who_reads_what_they_were_reminded_of_takes_the_reminder_back_once(
    chat: Chat, ports: Ports, dialog: DialogId, elapse: Elapse
) -> None:
    first, second = await say(ports, dialog, "1", "2")
    await elapse(DELAY)
    await chat.notifications.remind_due()

    await chat.receipts.mark_read(BO, dialog, first.id)
    assert await cancelled(ports, dialog) == []
    [third] = await say(ports, dialog, "3")
    await chat.receipts.mark_read(BO, dialog, second.id)
    assert await cancelled(ports, dialog) == [(BO,)]
    await chat.receipts.mark_read(BO, dialog, third.id)

    assert await cancelled(ports, dialog) == [(BO,)]


async def test_who_answers_has_read_which_the_next_reminder_finds(
    chat: Chat, ports: Ports, dialog: DialogId, elapse: Elapse
) -> None:
    await say(ports, dialog, "1")
    await elapse(DELAY)
    await chat.notifications.remind_due()
    await say(ports, dialog, "2", by=BO)
    await elapse(DELAY)

    await chat.notifications.remind_due()

    assert await cancelled(ports, dialog) == [(BO,)]
    assert await reminded(ports, dialog) == [("1", {BO: 1, CY: 1}), ("2", {ANN: 1, CY: 2})]
    assert (await participant(ports, dialog, CY)).reminded_seq is not None


async def test_who_was_not_reminded_takes_nothing_back(chat: Chat, ports: Ports, dialog: DialogId) -> None:
    [message] = await say(ports, dialog, "1")

    await chat.receipts.mark_read(BO, dialog, message.id)

    assert await told(ports, dialog) == []


async def test_unless_it_is_wanted_nothing_is_taken_back(ports: Ports, elapse: Elapse) -> None:
    chat = Chat.over(ports)
    dialog = (await chat.dialogs.create(a_new_dialog(ANN, BO, CY))).id
    [message] = await say(ports, dialog, "1")
    await elapse(DELAY)
    await chat.notifications.remind_due()

    await chat.receipts.mark_read(BO, dialog, message.id)
    await say(ports, dialog, "2", by=CY)
    await elapse(DELAY)
    await chat.notifications.remind_due()

    assert await cancelled(ports, dialog) == []


# Failures


@frozen
class Poisoned:
    """UnitsOfWork in which one dialog's reminder always fails."""

    units: UnitsOfWork
    dialogs: frozenset[DialogId]

    @asynccontextmanager
    async def begin(self) -> AsyncGenerator[UnitOfWork]:
        async with self.units.begin() as tx:
            take = tx.reminders.take

            async def poisoned(dialog: DialogId) -> Fallen | None:
                fallen = await take(dialog)
                if dialog in self.dialogs:
                    raise ZeroDivisionError
                return fallen

            cast(Any, tx).reminders = _With(tx.reminders, poisoned)
            yield tx


class _With:
    def __init__(self, reminders: Any, take: Any) -> None:
        self.take, self.settle = take, reminders.settle


async def test_a_dialog_that_fails_is_parked_alone_and_the_others_flow_f3(ports: Ports, elapse: Elapse) -> None:
    dialogs = [(await Chat.over(ports).dialogs.create(a_new_dialog(ANN, BO))).id for _ in range(3)]
    for dialog in dialogs:
        await say(ports, dialog, "1")
    sick = dialogs[0]
    chat = Chat.over(evolve(ports, units=Poisoned(ports.units, frozenset([sick]))))
    await elapse(DELAY)

    assert await chat.notifications.remind_due() == 3
    assert [len(await told(ports, one)) for one in dialogs] == [0, 1, 1]
    assert await chat.notifications.remind_due() == 0
    assert await ports.reminders.outlook() == Outlook(waiting=1, late=0, parked=0)
    for tries in range(1, MOST_TRIES):
        await elapse(FIRST_RETRY * 2 ** (tries - 1))
        assert await chat.notifications.remind_due() == 1
    await elapse(timedelta(days=1))
    assert await chat.notifications.remind_due() == 0
    assert await ports.reminders.outlook() == Outlook(waiting=0, late=0, parked=1)

    await say(ports, sick, "2")
    await elapse(DELAY)
    assert await Chat.over(ports).notifications.remind_due() == 1

    assert await reminded(ports, sick) == [("2", {BO: 2})]
    assert await ports.reminders.outlook() == Outlook(0, 0, 0)


async def test_what_is_overdue_shows_as_late(ports: Ports, dialog: DialogId, elapse: Elapse) -> None:
    await say(ports, dialog, "1")
    await elapse(DELAY + 10 * SECOND)

    assert await ports.reminders.outlook() == Outlook(waiting=1, late=1, parked=0)


async def test_postponing_what_is_gone_does_nothing(ports: Ports) -> None:
    await ports.reminders.postpone(a_dialog_id(), "ValueError")

    assert await ports.reminders.outlook() == Outlook(0, 0, 0)


# Whatever people do


STEP = timedelta(seconds=10)
"""What a story counts in: so long that the time a test takes does not count."""
QUIET, LIMIT = DELAY // STEP, AT_MOST // STEP


@define
class Soul:
    """One person, the naive way: messages of others with the step they came in."""

    unread: list[tuple[int, Message]] = field(factory=list[tuple[int, Message]])
    owed: list[tuple[int, Message]] = field(factory=list[tuple[int, Message]])
    """What they have to be reminded of: came while they listened."""
    is_muted: bool = False
    reminded: int = 0


@define
class Story:
    """One dialog, step by step."""

    chat: Chat
    id: DialogId
    souls: dict[UserId, Soul] = field(factory=dict[UserId, Soul])
    said: list[tuple[int, Message]] = field(factory=list[tuple[int, Message]])
    now: int = 0
    heard: int = 0
    has_deleted: bool = False

    async def goes_on(self, action: str, user: UserId, n: int) -> None:
        chat, me = self.chat, self.souls.get(user)
        if me is None:
            if action == "join":
                await chat.participants.join(self.id, user, HELD, a_profile())
                self.souls[user] = Soul([one for one in self.said if one[1].sender_id != user])
            return
        match action:
            case "send":
                message = await chat.messages.send(user, self.id, Draft(str(n)))
                self.said.append((self.now, message))
                for other, soul in self.souls.items():
                    if other == user:
                        soul.unread, soul.owed = [], []
                    else:
                        soul.unread.append(self.said[-1])
                        if not soul.is_muted:
                            soul.owed.append(self.said[-1])
            case "read" if self.said:
                _, message = self.said[n % len(self.said)]
                await chat.receipts.mark_read(user, self.id, message.id)
                me.unread = [one for one in me.unread if one[1].seq > message.seq]
                me.owed = [one for one in me.owed if one[1].seq > message.seq]
            case "delete" if own := [message for _, message in self.said if message.sender_id == user]:
                gone = own[n % len(own)]
                await chat.messages.delete(user, self.id, gone.id)
                self.said = [one for one in self.said if one[1].id != gone.id]
                self.has_deleted = True
                for soul in self.souls.values():
                    soul.unread = [one for one in soul.unread if one[1].id != gone.id]
                    soul.owed = [one for one in soul.owed if one[1].id != gone.id]
            case "mute" | "unmute":
                await chat.inbox.notify(self.id, user, on=action == "unmute")
                me.is_muted, me.owed = action == "mute", []
            case "leave":
                await chat.participants.leave(self.id, user)
                del self.souls[user]
            case _:
                pass

    async def ticks(self) -> None:
        """Have reminders looked after, and check each of them and that none is missing."""
        unread_by = {user: await unread(self.chat.ports, self.id, user) for user in self.souls}
        await self.chat.notifications.remind_due()
        log = await self.chat.ports.events.of_dialog(self.id, after=self.heard, limit=1000)
        self.heard += len(log)
        for event in [one.event for one in log]:
            if isinstance(event, NotificationPending):
                for recipient in event.recipients:
                    assert recipient.unread_count == unread_by[recipient.user_id]
                    self.reminds(self.souls[recipient.user_id], event.message.id)
        for soul in self.souls.values():
            if soul.owed:
                assert soul.owed[0][0] + LIMIT > self.now
                assert self.has_deleted or soul.owed[-1][0] + QUIET > self.now

    def reminds(self, soul: Soul, message: MessageId) -> None:
        came, newest = soul.unread[-1]
        since = next(step for step, one in soul.unread if one.seq > soul.reminded)
        assert not soul.is_muted
        assert message == newest.id
        assert newest.seq > soul.reminded
        assert self.now >= min(came + QUIET, since + LIMIT)
        soul.reminded, soul.owed = newest.seq, []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    acts=st.lists(
        st.tuples(
            st.sampled_from(["send"] * 4 + ["read", "read", "delete", "mute", "unmute", "leave", "join"]),
            st.integers(0, 3),
            st.integers(0, 100),
            st.integers(0, 3),
        ),
        max_size=40,
    ),
    is_busy=st.booleans(),
)
async def test_whatever_people_do_each_is_reminded_in_time_once_and_never_in_vain_g12(
    ports: Ports, elapse: Elapse, acts: list[tuple[str, int, int, int]], is_busy: bool
) -> None:
    chat = Chat.over(ports)
    people = [UserId(f"{name} {a_dialog_id()}") for name in ("ann", "bo", "cy", "di")]
    created = await chat.dialogs.create(a_new_dialog(*people[:3], scopes=[WELCOME]))
    story = Story(chat, created.id, {user: Soul() for user in people[:3]})

    for action, who, n, pause in acts:
        await story.goes_on(action, people[who], n)
        if is_busy:
            # Somebody never stops talking: reminders come by their limit.
            await story.goes_on("send", people[0], n)
        for _ in range(min(pause, QUIET - 1) if is_busy else pause):
            await story.ticks()
            await elapse(STEP)
            story.now += 1
    for _ in range(LIMIT + QUIET):
        await elapse(STEP)
        story.now += 1
        await story.ticks()

    assert await ports.reminders.outlook() == Outlook(0, 0, 0)
