"""The host creates, finds, changes and deletes dialogs."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from attrs import evolve

from mtchat_core.chat import Chat, Ports
from mtchat_core.domain.dialogs import About, Dialog, NotFound, ObjectRef
from mtchat_core.domain.errors import BadRequest, InvalidInput
from mtchat_core.domain.events import DialogDeleted, DialogUpdated
from mtchat_core.domain.ids import UserId
from mtchat_core.domain.messages import IdempotencyKeyReused, Window
from mtchat_core.domain.participants import Invitation, JoinedAs, Profile
from mtchat_core.domain.receipts import ReadMark
from mtchat_core.domain.scopes import AccessScope, UserScope
from mtchat_core.domain.system_messages import notice
from mtchat_core.ports.dialogs import Place
from mtchat_core.use_cases.dialogs import NewDialog
from tests.builders import (
    A_PLANNER,
    A_STRANGER,
    ANN,
    BO,
    CY,
    PLANNERS,
    QUOTE,
    FakeClock,
    a_dialog_id,
    a_new_dialog,
    an_invitation,
)
from tests.use_cases.conftest import Overheard


async def everything(ports: Ports) -> list[Dialog]:
    return list(await ports.directory.page(object_type=None, object_id=None, limit=100, after=None))


async def test_a_dialog_comes_with_its_people_and_its_scopes(chat: Chat, clock: FakeClock) -> None:
    wanted = a_new_dialog(BO, ANN, title="Quote", meta={"prio": 2}, scopes=[PLANNERS])

    dialog = await chat.dialogs.create(wanted)

    details = await chat.dialogs.get(dialog.id)
    assert (dialog.object, dialog.about, dialog.created_by) == (QUOTE, About("Quote", None, {"prio": 2}), BO)
    assert dialog.created_at == clock.now()
    assert evolve(details.dialog, tally=dialog.tally) == dialog
    assert [kept.scope for kept in details.scopes] == [PLANNERS]
    assert [person.user_id for person in details.participants] == [ANN, BO]
    for person in details.participants:
        assert (person.joined_as, person.joined_at) == (JoinedAs.PARTICIPANT, dialog.created_at)
        assert person.mark == ReadMark(seq=1, message_id=None, counted=0)


async def test_a_dialog_may_start_empty(chat: Chat) -> None:
    dialog = await chat.dialogs.create(a_new_dialog())

    details = await chat.dialogs.get(dialog.id)
    assert (details.dialog.created_by, details.participants, details.scopes) == (None, (), ())
    assert details.dialog.tally.last_seq == 0


async def test_a_person_named_twice_is_added_once_as_first_named(chat: Chat) -> None:
    twice = (an_invitation(ANN), Invitation(ANN, Profile("Another")))

    dialog = await chat.dialogs.create(evolve(a_new_dialog(), people=twice))

    [person] = (await chat.dialogs.get(dialog.id)).participants
    assert person.profile == twice[0].profile


async def test_an_object_may_have_several_dialogs(chat: Chat) -> None:
    one, other = await chat.dialogs.create(a_new_dialog(ANN)), await chat.dialogs.create(a_new_dialog(ANN))

    assert one.id != other.id


async def test_limits_are_checked_before_anything_is_kept_g2_b65(chat: Chat, ports: Ports) -> None:
    too_many = tuple(an_invitation(UserId(str(number))) for number in range(1001))

    with pytest.raises(InvalidInput):
        await chat.dialogs.create(evolve(a_new_dialog(), people=too_many))
    with pytest.raises(InvalidInput):
        await chat.dialogs.create(a_new_dialog(ANN, scopes=[PLANNERS] * 101))

    assert await everything(ports) == []


async def test_the_same_request_with_the_same_key_makes_one_dialog(chat: Chat, overheard: Overheard) -> None:
    first = await chat.dialogs.create(a_new_dialog(ANN, meta={"a": 1}, scopes=[PLANNERS]), key="k")
    announced = len(overheard)

    again = await chat.dialogs.create(a_new_dialog(ANN, meta={"a": 1}, scopes=[PLANNERS]), key="k")

    assert again == evolve(first, tally=again.tally)
    assert len(overheard) == announced


async def test_twenty_parallel_requests_with_one_key_make_one_dialog(chat: Chat, ports: Ports) -> None:
    made = await asyncio.gather(*(chat.dialogs.create(a_new_dialog(ANN), key="k") for _ in range(20)))

    assert len({dialog.id for dialog in made}) == 1
    assert [dialog.id for dialog in await everything(ports)] == [made[0].id]


@pytest.mark.parametrize(
    "other",
    [
        a_new_dialog(BO, scopes=[PLANNERS]),
        a_new_dialog(ANN),
        a_new_dialog(ANN, title="another", scopes=[PLANNERS]),
        a_new_dialog(ANN, meta=False, scopes=[PLANNERS]),
        a_new_dialog(ANN, about=ObjectRef("quote", "other"), scopes=[PLANNERS]),
        a_new_dialog(ANN, scopes=[AccessScope(PLANNERS.levels, tenant_uid="org-7")]),
    ],
    ids=["people", "scopes", "title", "meta", "object", "tenant"],
)
async def test_another_request_with_the_same_key_is_refused(chat: Chat, ports: Ports, other: NewDialog) -> None:
    await chat.dialogs.create(a_new_dialog(ANN, scopes=[PLANNERS]), key="k")

    with pytest.raises(IdempotencyKeyReused):
        await chat.dialogs.create(other, key="k")

    assert len(await everything(ports)) == 1


async def test_a_key_of_a_deleted_dialog_makes_no_new_one(chat: Chat, ports: Ports) -> None:
    dialog = await chat.dialogs.create(a_new_dialog(ANN), key="k")
    await chat.dialogs.delete(dialog.id)

    with pytest.raises(NotFound):
        await chat.dialogs.create(a_new_dialog(ANN), key="k")

    assert await everything(ports) == []


async def test_a_key_is_good_for_a_day(chat: Chat, clock: FakeClock) -> None:
    first = await chat.dialogs.create(a_new_dialog(ANN), key="k")

    clock.advance(timedelta(hours=24))
    second = await chat.dialogs.create(a_new_dialog(BO), key="k")

    assert second.id != first.id


async def test_a_malformed_key_is_refused_and_nothing_is_kept(chat: Chat, ports: Ports) -> None:
    with pytest.raises(BadRequest):
        await chat.dialogs.create(a_new_dialog(ANN), key="a b")

    assert await everything(ports) == []


async def test_a_dialog_is_found_by_its_scopes(chat: Chat) -> None:
    dialog = await chat.dialogs.create(a_new_dialog(ANN, scopes=[PLANNERS]))

    found = await chat.dialogs.find(QUOTE, [PLANNERS])

    assert found is not None
    assert found.id == dialog.id
    assert await chat.dialogs.find(QUOTE, []) is None
    with pytest.raises(InvalidInput):
        await chat.dialogs.find(QUOTE, [PLANNERS] * 101)


async def test_the_list_of_dialogs_comes_in_pages_of_1_to_100(chat: Chat, clock: FakeClock) -> None:
    for _ in range(3):
        clock.advance()
        await chat.dialogs.create(a_new_dialog(ANN))

    [newest] = await chat.dialogs.page(object_type=None, object_id=None, limit=-5, after=None)
    rest = await chat.dialogs.page(
        object_type="quote", object_id=QUOTE.id, limit=10**9, after=Place(newest.created_at, newest.id)
    )

    assert newest.created_at == clock.now()
    assert len(rest) == 2


async def test_describing_gives_the_change_what_is_there_now(chat: Chat, overheard: Overheard) -> None:
    dialog = await chat.dialogs.create(a_new_dialog(ANN, title="old", meta={"a": 1}))

    described = await chat.dialogs.describe(dialog.id, lambda now: evolve(now, title=f"not {now.title}"))

    assert described.about == About("not old", None, {"a": 1})
    assert (await chat.dialogs.get(dialog.id)).dialog.about == described.about
    assert overheard.events[-1] == DialogUpdated(dialog_id=dialog.id, dialog=described)


async def test_turning_one_into_true_is_a_change(chat: Chat, overheard: Overheard) -> None:
    dialog = await chat.dialogs.create(a_new_dialog(ANN, meta={"urgent": 1}))

    await chat.dialogs.describe(dialog.id, lambda now: evolve(now, meta={"urgent": True}))

    assert (await chat.dialogs.get(dialog.id)).dialog.about == About("Quote RFQ-88", None, {"urgent": True})
    assert overheard.events[-1].type == "dialog.updated"


async def test_a_change_that_fails_changes_nothing(chat: Chat, overheard: Overheard) -> None:
    dialog = await chat.dialogs.create(a_new_dialog(ANN))
    announced = len(overheard)

    def refuse(now: About) -> About:
        raise InvalidInput("no")

    with pytest.raises(InvalidInput):
        await chat.dialogs.describe(dialog.id, refuse)

    assert (await chat.dialogs.get(dialog.id)).dialog.about == dialog.about
    assert len(overheard) == announced


async def test_deleting_tells_everybody_who_was_in_it(chat: Chat, overheard: Overheard) -> None:
    dialog = await chat.dialogs.create(a_new_dialog(BO, ANN))

    await chat.dialogs.delete(dialog.id)
    await chat.dialogs.delete(dialog.id)

    assert [event for event in overheard.events if isinstance(event, DialogDeleted)] == [
        DialogDeleted(dialog_id=dialog.id, people=[ANN, BO])
    ]
    with pytest.raises(NotFound):
        await chat.dialogs.get(dialog.id)


async def test_replacing_scopes_evicts_nobody(chat: Chat) -> None:
    dialog = await chat.dialogs.create(a_new_dialog(ANN, scopes=[PLANNERS]))
    [before] = (await chat.dialogs.get(dialog.id)).scopes

    kept = await chat.dialogs.set_scopes(dialog.id, [PLANNERS, AccessScope((["x"], [], []))])

    details = await chat.dialogs.get(dialog.id)
    assert set(details.scopes) == set(kept)
    assert before.id not in {one.id for one in kept}
    assert await chat.messages.page(ANN, dialog.id, Window())


async def test_access_is_told_and_explained(chat: Chat) -> None:
    scoped = await chat.dialogs.create(a_new_dialog(ANN, scopes=[PLANNERS]))
    bare = await chat.dialogs.create(a_new_dialog(ANN))

    async def can(dialog: Dialog, user: UserId, held: UserScope | None) -> tuple[bool, bool, bool]:
        access = await chat.dialogs.access(dialog.id, user, held)
        assert access.explain().endswith(".")
        return access.can_see, access.can_read, access.can_join

    assert await can(scoped, ANN, None) == (True, True, False)
    assert await can(scoped, ANN, A_STRANGER) == (True, True, False)
    assert await can(scoped, BO, A_PLANNER) == (True, False, True)
    assert await can(scoped, BO, A_STRANGER) == (False, False, False)
    assert await can(scoped, BO, None) == (False, False, False)
    assert await can(bare, BO, A_PLANNER) == (False, False, False)


async def test_the_host_is_told_when_a_dialog_does_not_exist(chat: Chat) -> None:
    nowhere = a_dialog_id()

    with pytest.raises(NotFound):
        await chat.dialogs.get(nowhere)
    with pytest.raises(NotFound):
        await chat.dialogs.describe(nowhere, lambda now: now)
    with pytest.raises(NotFound):
        await chat.dialogs.set_scopes(nowhere, [])
    with pytest.raises(NotFound):
        await chat.dialogs.access(nowhere, ANN, A_PLANNER)
    with pytest.raises(NotFound):
        await chat.participants.add(nowhere, [an_invitation(ANN)])
    with pytest.raises(NotFound):
        await chat.messages.announce(nowhere, notice("x"))
    await chat.dialogs.delete(nowhere)
    await chat.participants.remove(nowhere, ANN)


async def test_ids_are_made_in_the_order_of_creation(chat: Chat) -> None:
    made = [await chat.dialogs.create(a_new_dialog(CY)) for _ in range(5)]

    assert [dialog.id for dialog in made] == sorted(dialog.id for dialog in made)
    assert {UUID(str(dialog.id)).version for dialog in made} == {7}
