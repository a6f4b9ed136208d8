"""Quiet dialogs go into everybody's archive, and only those."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast

import pytest
from attrs import evolve, frozen

from mtchat_core.chat import Chat, Habits, Ports
from mtchat_core.domain.archiving import Silence
from mtchat_core.domain.events import DialogArchived
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.ports.archiving import Stretch
from mtchat_core.ports.unit_of_work import UnitOfWork, UnitsOfWork
from mtchat_core.use_cases.archiving import MOST_FAILURES
from tests.builders import ANN, BO, CY, a_new_dialog, a_participant, add_person, open_dialog, participant, say
from tests.elapsing import Elapse

A_DAY = timedelta(days=1)
AFTER = 3 * A_DAY


@pytest.fixture
def chat(ports: Ports, elapse: Elapse) -> Chat:
    return Chat.over(ports)


async def a_dialog(chat: Chat, *people: UserId) -> DialogId:
    return (await chat.dialogs.create(a_new_dialog(*people))).id


async def archived(ports: Ports, dialog: DialogId) -> set[UserId]:
    return {user for user in (ANN, BO) if (await participant(ports, dialog, user)).is_archived}


async def told(ports: Ports, dialog: DialogId) -> list[tuple[UserId, ...]]:
    log = await ports.events.of_dialog(dialog, after=0, limit=100)
    assert [one.seq for one in log] == list(range(1, len(log) + 1))
    return [one.event.people for one in log if isinstance(one.event, DialogArchived)]


async def test_a_dialog_goes_into_the_archives_once_it_has_been_quiet_for_long_g13(
    chat: Chat, ports: Ports, elapse: Elapse
) -> None:
    dialog = await a_dialog(chat, ANN, BO)
    await elapse(2 * A_DAY)
    await say(ports, dialog, "1")
    await elapse(2 * A_DAY)
    await chat.archiving.sweep()
    assert await archived(ports, dialog) == set()

    await elapse(A_DAY)
    assert await chat.archiving.sweep() is None
    await chat.archiving.sweep()

    assert await archived(ports, dialog) == {ANN, BO}
    assert await told(ports, dialog) == [(ANN, BO)]
    assert chat.archiving.counts["archived"] == 1


async def test_a_message_takes_it_out_again_g13(chat: Chat, ports: Ports, elapse: Elapse) -> None:
    dialog = await a_dialog(chat, ANN, BO)
    await elapse(AFTER)
    await chat.archiving.sweep()

    await say(ports, dialog, "1")
    await chat.archiving.sweep()

    assert await archived(ports, dialog) == set()


async def test_a_dialog_without_messages_counts_from_its_creation(
    chat: Chat, ports: Ports, elapse: Elapse
) -> None:
    dialog = await open_dialog(ports, ANN, BO, at=ports.clock.now())

    await elapse(AFTER - A_DAY)
    await chat.archiving.sweep()
    assert await archived(ports, dialog) == set()
    await elapse(A_DAY)
    await chat.archiving.sweep()

    assert await archived(ports, dialog) == {ANN, BO}


async def test_who_took_it_out_by_hand_keeps_it_as_long_again(chat: Chat, ports: Ports, elapse: Elapse) -> None:
    dialog = await a_dialog(chat, ANN, BO)
    await elapse(AFTER)
    await chat.inbox.archive(dialog, ANN)
    await chat.inbox.unarchive(dialog, ANN)

    await chat.archiving.sweep()
    assert await archived(ports, dialog) == {BO}
    await elapse(AFTER)
    await chat.archiving.sweep()

    assert await archived(ports, dialog) == {ANN, BO}
    log = await told(ports, dialog)
    assert log[-2:] == [(BO,), (ANN,)]


async def test_who_comes_into_a_quiet_dialog_gets_it_archived_too(
    chat: Chat, ports: Ports, elapse: Elapse
) -> None:
    dialog = await a_dialog(chat, ANN, BO)
    await elapse(AFTER)
    await chat.archiving.sweep()
    await add_person(ports, dialog, CY)

    await chat.archiving.sweep()

    assert (await told(ports, dialog))[1:] == [(CY,)]


async def test_without_a_length_nothing_is_ever_archived(ports: Ports, elapse: Elapse) -> None:
    chat = Chat.over(ports, Habits(silence=Silence(timedelta())))
    dialog = await a_dialog(chat, ANN, BO)
    await elapse(1000 * A_DAY)

    assert await chat.archiving.sweep() is None

    assert await archived(ports, dialog) == set()


async def test_a_long_way_is_gone_in_stretches(chat: Chat, ports: Ports, elapse: Elapse) -> None:
    dialogs = [await a_dialog(chat, ANN, BO) for _ in range(5)]
    await elapse(AFTER)
    await say(ports, dialogs[2], "1")

    place, stretches = await chat.archiving.sweep(limit=4), 1
    while place is not None:
        place, stretches = await chat.archiving.sweep(after=place, limit=4), stretches + 1

    assert [await archived(ports, one) for one in dialogs] == [
        {ANN, BO},
        {ANN, BO},
        set(),
        {ANN, BO},
        {ANN, BO},
    ]
    assert stretches == 3


async def test_what_everybody_has_archived_is_not_looked_at(ports: Ports, elapse: Elapse) -> None:
    await open_dialog(ports, *(a_participant(by=user, is_archived=True) for user in (ANN, BO)))
    await elapse(AFTER)

    assert await ports.quiet.stretch(Silence(AFTER), after=None, limit=1) == Stretch((), end=None)


async def test_several_sweeps_at_once_archive_each_dialog_once_f23(
    chat: Chat, ports: Ports, elapse: Elapse
) -> None:
    dialogs = [await a_dialog(chat, ANN, BO) for _ in range(20)]
    await elapse(AFTER)

    await asyncio.gather(*(chat.archiving.sweep() for _ in range(4)))
    await chat.archiving.sweep()

    for dialog in dialogs:
        assert await told(ports, dialog) == [(ANN, BO)]


@frozen
class Poisoned:
    """UnitsOfWork that fail for some dialogs."""

    units: UnitsOfWork
    dialogs: frozenset[DialogId]

    @asynccontextmanager
    async def begin(self) -> AsyncGenerator[UnitOfWork]:
        async with self.units.begin() as tx:
            cast(Any, tx).archive = _Failing(tx.archive, self.dialogs)
            yield tx


@frozen
class _Failing:
    archive: Any
    dialogs: frozenset[DialogId]

    async def put_away(self, dialog: DialogId, silence: Silence) -> tuple[UserId, ...]:
        if dialog in self.dialogs:
            raise ZeroDivisionError
        people: tuple[UserId, ...] = await self.archive.put_away(dialog, silence)
        return people


async def test_a_dialog_that_fails_is_passed_over_f3(chat: Chat, ports: Ports, elapse: Elapse) -> None:
    dialogs = [await a_dialog(chat, ANN, BO) for _ in range(MOST_FAILURES + 2)]
    await elapse(AFTER)
    poisoned = Chat.over(evolve(ports, units=Poisoned(ports.units, frozenset(dialogs[:1]))))

    await poisoned.archiving.sweep()

    assert [await archived(ports, one) for one in dialogs] == [set()] + [{ANN, BO}] * (MOST_FAILURES + 1)
    assert poisoned.archiving.counts["failed"] == 1


async def test_where_everything_fails_the_sweep_does_too(chat: Chat, ports: Ports, elapse: Elapse) -> None:
    dialogs = [await a_dialog(chat, ANN, BO) for _ in range(MOST_FAILURES + 2)]
    await elapse(AFTER)
    poisoned = Chat.over(evolve(ports, units=Poisoned(ports.units, frozenset(dialogs))))

    with pytest.raises(ZeroDivisionError):
        await poisoned.archiving.sweep()
