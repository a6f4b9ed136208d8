"""People inside a transaction."""

from collections.abc import Callable

import pytest
from attrs import evolve

from mtchat_core.chat import Ports
from mtchat_core.domain.ids import UserId
from mtchat_core.domain.participants import JoinedAs, Participant, Profile
from mtchat_core.domain.receipts import ReadMark
from tests.builders import (
    ANN,
    BO,
    SECOND,
    START,
    a_participant,
    a_profile,
    add_person,
    locked,
    open_dialog,
    participant,
    remove_person,
    say,
)


async def test_a_participant_is_kept_as_given(ports: Ports) -> None:
    full = a_participant(
        joined_as=JoinedAs.JOINED,
        profile=Profile("Анна 'O' <b>", "Nordwind & Co", "a@b.example", "+7"),
        mark=ReadMark(seq=3, counted=-2),
        is_archived=True,
        is_pinned=True,
        notifications_enabled=False,
        at=START + SECOND,
    )
    bare = a_participant(by=BO, profile=Profile("Bo"))

    dialog = await open_dialog(ports, full, bare)

    assert await participant(ports, dialog, ANN) == evolve(full, dialog_id=dialog)
    assert await participant(ports, dialog, BO) == evolve(bare, dialog_id=dialog)


async def test_who_is_not_in_is_not_found(ports: Ports) -> None:
    dialog, other = await open_dialog(ports, ANN), await open_dialog(ports, BO)

    async with locked(ports, dialog) as tx:
        assert await tx.participants.get(dialog, BO) is None
        assert await tx.participants.user_ids(dialog) == {ANN}
    async with locked(ports, other) as tx:
        assert await tx.participants.user_ids(other) == {BO}


async def test_nobody_is_in_an_empty_dialog(ports: Ports) -> None:
    dialog = await open_dialog(ports)

    async with locked(ports, dialog) as tx:
        assert await tx.participants.user_ids(dialog) == frozenset()
        assert await tx.participants.add([]) == ()


async def test_adding_again_returns_only_the_new_and_leaves_the_others_as_they_are(ports: Ports) -> None:
    dialog = await open_dialog(ports, a_participant(is_pinned=True))
    before = await participant(ports, dialog, ANN)
    again = a_participant(dialog, profile=a_profile("Another"), at=START + SECOND)
    new = a_participant(dialog, by=BO)

    async with locked(ports, dialog) as tx:
        added = await tx.participants.add([again, new])

    assert added == (new,)
    assert await participant(ports, dialog, ANN) == before
    assert await participant(ports, dialog, BO) == new


async def test_a_thousand_people_come_in_one_step_and_in_order(ports: Ports) -> None:
    dialog = await open_dialog(ports)
    people = [a_participant(dialog, by=UserId(f"user-{n}")) for n in range(1000)]

    async with locked(ports, dialog) as tx:
        added = await tx.participants.add(people)

    assert added == tuple(people)
    async with locked(ports, dialog) as tx:
        assert len(await tx.participants.user_ids(dialog)) == 1000


async def test_people_are_told_apart_by_every_character_b53(ports: Ports) -> None:
    alike = [UserId(name) for name in ("ann", "Ann", "ann ", "\u0439", "\u0438\u0306", "x" * 255)]

    dialog = await open_dialog(ports, *alike)

    async with locked(ports, dialog) as tx:
        assert await tx.participants.user_ids(dialog) == set(alike)


@pytest.mark.parametrize(
    "change",
    [
        lambda me: me.archived(),
        lambda me: me.archived().unarchived(at=START + SECOND),
        lambda me: me.pinned(on=True),
        lambda me: me.notified(on=False),
        lambda me: evolve(me, mark=ReadMark(seq=7, counted=5)),
    ],
    ids=["archive", "unarchive", "pin", "mute", "read"],
)
async def test_what_a_person_changes_is_kept(ports: Ports, change: Callable[[Participant], Participant]) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    before = await participant(ports, dialog, BO)
    changed = change(await participant(ports, dialog, ANN))

    async with locked(ports, dialog) as tx:
        await tx.participants.save(changed)

    assert await participant(ports, dialog, ANN) == changed
    assert await participant(ports, dialog, BO) == before


async def test_a_mark_names_the_message_it_stands_at(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    [message] = await say(ports, dialog, "hello")
    read = evolve(await participant(ports, dialog, BO), mark=ReadMark(1, message.id, 1))

    async with locked(ports, dialog) as tx:
        await tx.participants.save(read)

    assert (await participant(ports, dialog, BO)).mark == ReadMark(1, message.id, 1)


async def test_who_is_removed_is_returned_once_and_only_from_this_dialog(ports: Ports) -> None:
    dialog, other = await open_dialog(ports, ANN, BO), await open_dialog(ports, ANN)
    ann = await participant(ports, dialog, ANN)

    async with locked(ports, dialog) as tx:
        removed = await tx.participants.remove(dialog, ANN)
        again = await tx.participants.remove(dialog, ANN)

    assert removed == ann
    assert again is None
    async with locked(ports, dialog) as tx:
        assert await tx.participants.user_ids(dialog) == {BO}
    assert (await participant(ports, other, ANN)).user_id == ANN


async def test_who_comes_back_starts_afresh(ports: Ports) -> None:
    dialog = await open_dialog(ports, a_participant(is_pinned=True, is_archived=True))
    await remove_person(ports, dialog, ANN)

    await add_person(ports, dialog, a_participant(at=START + SECOND))

    assert await participant(ports, dialog, ANN) == a_participant(dialog, at=START + SECOND)


async def test_every_mark_forgets_a_deleted_message_as_the_rule_says(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    first, doomed, last = await say(ports, dialog, "1", "2", "3", by=ANN)
    marks: dict[UserId, ReadMark] = {
        UserId("nothing read"): ReadMark(),
        UserId("newcomer"): ReadMark(counted=-4),
        UserId("before it"): ReadMark(1, first.id, 1),
        UserId("at it"): ReadMark(2, doomed.id, 2),
        UserId("past it"): ReadMark(3, last.id, 3),
        UserId("caught up"): ReadMark(seq=3, counted=3),
    }
    for user, mark in marks.items():
        await add_person(ports, dialog, a_participant(by=user, mark=mark))

    for author_mark in (ReadMark(), ReadMark(1, first.id, 3), ReadMark(3, last.id, 3)):
        async with locked(ports, dialog) as tx:
            ann = await tx.participants.get(dialog, ANN)
            assert ann is not None
            await tx.participants.save(evolve(ann, mark=author_mark))
            before = [await tx.participants.get(dialog, user) for user in (*marks, ANN, BO)]

            await tx.participants.forget_message(doomed, older=first.id)

            for person in before:
                assert person is not None
                expected = person.mark.forgetting(
                    seq=doomed.seq, message_id=doomed.id, own=person.user_id == ANN, older=first.id
                )
                after = await tx.participants.get(dialog, person.user_id)
                assert after == evolve(person, mark=expected), person.user_id


async def test_a_mark_at_the_only_message_names_nothing_once_that_is_deleted(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    [only] = await say(ports, dialog, "hello")

    async with locked(ports, dialog) as tx:
        older = await tx.messages.delete(only)
        await tx.participants.forget_message(only, older=older)

    assert older is None
    assert (await participant(ports, dialog, ANN)).mark == ReadMark(seq=1, message_id=None, counted=0)


async def test_marks_of_other_dialogs_stay(ports: Ports) -> None:
    dialog, other = await open_dialog(ports, ANN), await open_dialog(ports, ANN)
    [doomed] = await say(ports, dialog, "hello")
    await say(ports, other, "hello")
    before = await participant(ports, other, ANN)

    async with locked(ports, dialog) as tx:
        await tx.messages.delete(doomed)
        await tx.participants.forget_message(doomed, older=None)

    assert await participant(ports, other, ANN) == before
