"""People come, go, and see who is there."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest
from attrs import evolve

from mtchat_core.chat import Chat, Ports
from mtchat_core.domain.dialogs import DialogNotFound
from mtchat_core.domain.errors import BadRequest, ChatError, Forbidden, InvalidInput
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.domain.inbox import ScopesRequired, Standing
from mtchat_core.domain.messages import Draft, Window
from mtchat_core.domain.participants import AlreadyParticipant, JoinedAs, NotParticipant, Profile
from mtchat_core.domain.scopes import AccessScope, UserScope
from tests.builders import (
    A_PLANNER,
    A_STRANGER,
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
    participant,
    unread,
)
from tests.use_cases.conftest import Overheard

UNTOUCHED = Standing(0, False, False, True, None)


async def created(chat: Chat, *people: UserId, scoped: bool = True) -> DialogId:
    return (await chat.dialogs.create(a_new_dialog(*people, scopes=[PLANNERS] if scoped else []))).id


async def test_adding_returns_who_is_new_and_keeps_the_others_as_they_are(chat: Chat, ports: Ports) -> None:
    dialog = await created(chat, ANN)
    await chat.inbox.pin(dialog, ANN, on=True)
    before = await participant(ports, dialog, ANN)
    renamed = evolve(an_invitation(ANN), profile=Profile("Another"))

    new = await chat.participants.add(dialog, [renamed, an_invitation(BO), an_invitation(CY), an_invitation(BO)])

    assert new == (BO, CY)
    assert await participant(ports, dialog, ANN) == before
    assert (await participant(ports, dialog, BO)).joined_as is JoinedAs.PARTICIPANT


async def test_too_many_people_at_once_are_refused_b65(chat: Chat) -> None:
    dialog = await created(chat)

    with pytest.raises(InvalidInput):
        await chat.participants.add(dialog, [an_invitation(UserId(str(number))) for number in range(1001)])

    assert await chat.participants.add(dialog, []) == ()


async def test_joining_keeps_the_profile_as_given(chat: Chat, ports: Ports, clock: FakeClock) -> None:
    dialog = await created(chat, ANN)
    at = clock.advance()

    await chat.participants.join(dialog, CY, A_PLANNER, a_profile("Cy", ""))

    person = await participant(ports, dialog, CY)
    assert (person.profile, person.joined_as, person.joined_at) == (a_profile("Cy", ""), JoinedAs.JOINED, at)


Joining = Callable[[Chat, DialogId, UserId, UserScope | None], Awaitable[None]]


@pytest.mark.parametrize(
    "ask",
    [
        lambda chat, dialog, user, scopes: chat.participants.join(dialog, user, scopes, a_profile()),
        lambda chat, dialog, user, scopes: chat.participants.require_joinable(dialog, user, scopes),
    ],
    ids=["join", "require_joinable"],
)
@pytest.mark.parametrize("scopes", [None, A_STRANGER, A_PLANNER])
async def test_refusals_to_join_come_in_their_order_b41(
    chat: Chat, overheard: Overheard, scopes: UserScope | None, ask: Joining
) -> None:
    dialog, closed = await created(chat, ANN), await created(chat, BO, scoped=False)
    overheard.clear()

    async def refusal(where: DialogId, user: UserId) -> type[ChatError] | None:
        try:
            await ask(chat, where, user, scopes)
        except ChatError as error:
            return type(error)
        return None

    assert await refusal(a_dialog_id(), CY) is (ScopesRequired if scopes is None else DialogNotFound)
    assert await refusal(dialog, ANN) is (ScopesRequired if scopes is None else AlreadyParticipant)
    assert await refusal(closed, CY) is (ScopesRequired if scopes is None else Forbidden)
    assert overheard == []
    expected = {None: ScopesRequired, A_STRANGER: Forbidden, A_PLANNER: None}
    assert await refusal(dialog, CY) is expected[scopes]


async def test_refusals_to_join_say_bad_request_or_forbidden() -> None:
    assert issubclass(ScopesRequired, BadRequest)
    assert issubclass(AlreadyParticipant, BadRequest)
    assert (ScopesRequired.code, AlreadyParticipant.code) == ("BAD_REQUEST", "BAD_REQUEST")


async def test_of_twenty_joins_at_once_one_succeeds(chat: Chat, ports: Ports, overheard: Overheard) -> None:
    dialog = await created(chat, ANN)
    overheard.clear()

    outcomes = await asyncio.gather(
        *(chat.participants.join(dialog, CY, A_PLANNER, a_profile("Cy")) for _ in range(20)),
        return_exceptions=True,
    )

    assert outcomes.count(None) == 1
    assert [type(one) for one in outcomes if one is not None] == [AlreadyParticipant] * 19
    assert [event.type for event in overheard.events] == ["message.new", "participant.joined"]


async def test_an_open_scope_lets_anybody_join_who_presents_any(chat: Chat) -> None:
    dialog = await chat.dialogs.create(a_new_dialog(ANN, scopes=[AccessScope(([], [], []))]))

    await chat.participants.join(dialog.id, CY, UserScope(([], [], [])), a_profile("Cy"))

    assert await chat.messages.page(CY, dialog.id, Window())


async def test_leaving_ends_access_and_what_was_said_stays(chat: Chat) -> None:
    dialog = await created(chat, ANN, BO)
    said = await chat.messages.send(BO, dialog, Draft("hello"))

    await chat.participants.leave(dialog, BO)

    with pytest.raises(Forbidden):
        await chat.messages.page(BO, dialog, Window())
    assert await chat.messages.get(ANN, dialog, said.id) == said
    assert said.sender_name == "Bo"


async def test_only_who_is_in_can_leave_b40(chat: Chat, overheard: Overheard) -> None:
    dialog = await created(chat, ANN)
    overheard.clear()

    with pytest.raises(NotParticipant):
        await chat.participants.leave(dialog, CY)
    with pytest.raises(DialogNotFound):
        await chat.participants.leave(a_dialog_id(), ANN)

    assert overheard == []
    await chat.participants.leave(dialog, ANN)
    with pytest.raises(NotParticipant):
        await chat.participants.leave(dialog, ANN)


async def test_coming_back_starts_afresh(chat: Chat, ports: Ports) -> None:
    dialog = await created(chat, ANN, CY)
    await chat.inbox.pin(dialog, CY, on=True)
    await chat.inbox.archive(dialog, CY)
    await chat.inbox.notify(dialog, CY, on=False)
    await chat.messages.send(ANN, dialog, Draft("hello"))
    await chat.participants.leave(dialog, CY)

    await chat.participants.join(dialog, CY, A_PLANNER, a_profile("Cy"))

    person = await participant(ports, dialog, CY)
    assert (person.is_pinned, person.is_archived, person.notifications_enabled) == (False, False, True)
    assert person.mark.message_id is None
    assert await unread(ports, dialog, CY) == 3


async def test_who_was_removed_has_no_access_any_more(chat: Chat) -> None:
    dialog = await created(chat, ANN, BO)

    await chat.participants.remove(dialog, BO)

    with pytest.raises(Forbidden):
        await chat.messages.send(BO, dialog, Draft("x"))
    with pytest.raises(Forbidden):
        await chat.participants.seen_by(BO, None, dialog)


async def test_participants_see_each_other_with_contacts(chat: Chat) -> None:
    dialog = await created(chat, ANN, BO)
    await chat.presence.beat(BO, uuid4())

    ann, bo = await chat.participants.seen_by(ANN, None, dialog)

    assert (ann.user_id, bo.user_id) == (ANN, BO)
    assert bo.profile == a_profile("Bo")
    assert (ann.is_online, bo.is_online) == (False, True)


async def test_who_could_join_sees_people_without_contacts(chat: Chat) -> None:
    dialog = await created(chat, ANN, BO)

    seen = await chat.participants.seen_by(CY, A_PLANNER, dialog)

    assert [person.profile for person in seen] == [Profile("Ann"), Profile("Bo")]


@pytest.mark.parametrize("scopes", [None, A_STRANGER])
async def test_a_stranger_sees_nobody_whether_or_not_there_is_a_dialog(
    chat: Chat, scopes: UserScope | None
) -> None:
    for dialog in (await created(chat, ANN), a_dialog_id()):
        with pytest.raises(Forbidden):
            await chat.participants.seen_by(DI, scopes, dialog)


async def test_scopes_that_do_not_match_hide_nobody_from_a_participant(chat: Chat) -> None:
    dialog = await created(chat, ANN, BO)

    assert len(await chat.participants.seen_by(ANN, A_STRANGER, dialog)) == 2


async def test_what_people_keep_to_themselves_is_seen_by_themselves_only(chat: Chat) -> None:
    dialog = await created(chat, ANN, BO)
    said = await chat.messages.send(ANN, dialog, Draft("1"))
    await chat.receipts.mark_read(BO, dialog, said.id)
    await chat.messages.send(ANN, dialog, Draft("2"))
    await chat.inbox.archive(dialog, BO)
    await chat.inbox.pin(dialog, BO, on=True)
    await chat.inbox.notify(dialog, BO, on=False)

    [_, seen_by_ann] = await chat.participants.seen_by(ANN, None, dialog)
    [_, seen_by_bo] = await chat.participants.seen_by(BO, None, dialog)
    [_, seen_from_outside] = await chat.participants.seen_by(CY, A_PLANNER, dialog)

    assert seen_by_ann.standing == seen_from_outside.standing == UNTOUCHED
    assert seen_by_bo.standing == Standing(1, True, True, False, said.id)
    assert seen_by_ann.last_read_message_id == seen_by_bo.last_read_message_id == said.id
