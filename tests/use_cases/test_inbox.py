"""A person finds dialogs, and keeps their own lists in order."""

from collections.abc import Awaitable, Callable

import pytest

from mtchat_core.chat import Chat, Ports
from mtchat_core.domain.dialogs import DialogNotFound
from mtchat_core.domain.events import Event, Personal
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.domain.inbox import Listing, Query, ScopesRequired
from mtchat_core.domain.messages import Draft
from mtchat_core.domain.participants import NotParticipant
from mtchat_core.domain.scopes import ScopeMismatch
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
    participant,
)
from tests.use_cases.conftest import Overheard

Verb = Callable[[Chat, DialogId, UserId], Awaitable[None]]

VERBS: dict[str, Verb] = {
    "dialog.archived": lambda chat, dialog, user: chat.inbox.archive(dialog, user),
    "dialog.unarchived": lambda chat, dialog, user: chat.inbox.unarchive(dialog, user),
    "dialog.pinned": lambda chat, dialog, user: chat.inbox.pin(dialog, user, on=True),
    "dialog.unpinned": lambda chat, dialog, user: chat.inbox.pin(dialog, user, on=False),
    "dialog.muted": lambda chat, dialog, user: chat.inbox.notify(dialog, user, on=False),
    "dialog.unmuted": lambda chat, dialog, user: chat.inbox.notify(dialog, user, on=True),
}
BEFORE = {
    "dialog.unarchived": "dialog.archived",
    "dialog.unpinned": "dialog.pinned",
    "dialog.unmuted": "dialog.muted",
}


@pytest.fixture
async def dialog(chat: Chat) -> DialogId:
    """A dialog of Ann and Bo that planners could join."""
    return (await chat.dialogs.create(a_new_dialog(ANN, BO, scopes=[PLANNERS]))).id


def about(event: Event) -> tuple[str, tuple[UserId, ...]]:
    assert isinstance(event, Personal)
    return event.type, event.people


@pytest.mark.parametrize(("happened", "verb"), VERBS.items(), ids=VERBS.keys())
async def test_ones_own_view_is_changed_once_and_told_to_oneself_only(
    chat: Chat, ports: Ports, dialog: DialogId, overheard: Overheard, happened: str, verb: Verb
) -> None:
    if before := BEFORE.get(happened):
        await VERBS[before](chat, dialog, ANN)
    bo = await participant(ports, dialog, BO)
    ann = await participant(ports, dialog, ANN)
    overheard.clear()

    await verb(chat, dialog, ANN)
    await verb(chat, dialog, ANN)

    [event] = overheard.events
    assert about(event) == (happened, (ANN,))
    assert not event.audience.members
    assert await participant(ports, dialog, BO) == bo
    assert await participant(ports, dialog, ANN) != ann


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS.keys())
async def test_only_participants_have_a_view_of_their_own(
    chat: Chat, dialog: DialogId, overheard: Overheard, verb: Verb
) -> None:
    overheard.clear()

    for where in (dialog, a_dialog_id()):
        with pytest.raises(NotParticipant):
            await verb(chat, where, CY)

    assert overheard == []


async def test_each_verb_does_what_it_says(chat: Chat, dialog: DialogId) -> None:
    async def view() -> tuple[bool, bool, bool]:
        standing = (await chat.inbox.get(ANN, None, dialog)).standing
        assert standing is not None
        return standing.is_archived, standing.is_pinned, standing.notifications_enabled

    seen = [await view()]
    for verb in ("archived", "pinned", "muted", "unarchived", "unpinned", "unmuted"):
        await VERBS[f"dialog.{verb}"](chat, dialog, ANN)
        seen.append(await view())

    assert seen == [
        (False, False, True),
        (True, False, True),
        (True, True, True),
        (True, True, False),
        (False, True, False),
        (False, False, False),
        (False, False, True),
    ]


async def test_unarchiving_by_hand_remembers_when(
    chat: Chat, ports: Ports, dialog: DialogId, clock: FakeClock
) -> None:
    await chat.inbox.archive(dialog, ANN)
    at = clock.advance()

    await chat.inbox.unarchive(dialog, ANN)
    clock.advance()
    await chat.inbox.unarchive(dialog, ANN)

    assert (await participant(ports, dialog, ANN)).unarchived_at == at


async def test_a_message_unarchives_without_pretending_it_was_done_by_hand(
    chat: Chat, ports: Ports, dialog: DialogId
) -> None:
    await chat.inbox.archive(dialog, ANN)

    await chat.messages.send(BO, dialog, Draft("hello"))

    ann = await participant(ports, dialog, ANN)
    assert (ann.is_archived, ann.unarchived_at) == (False, None)


async def test_a_dialog_is_opened_by_its_people_and_by_whom_its_scopes_admit(chat: Chat, dialog: DialogId) -> None:
    assert (await chat.inbox.get(ANN, None, dialog)).standing is not None
    assert (await chat.inbox.get(ANN, A_STRANGER, dialog)).standing is not None
    assert (await chat.inbox.get(CY, A_PLANNER, dialog)).can_join
    for scopes in (None, A_STRANGER):
        with pytest.raises(ScopeMismatch):
            await chat.inbox.get(CY, scopes, dialog)
    with pytest.raises(DialogNotFound):
        await chat.inbox.get(ANN, A_PLANNER, a_dialog_id())


async def test_available_dialogs_are_for_those_who_present_scopes(chat: Chat, dialog: DialogId) -> None:
    with pytest.raises(ScopesRequired):
        await chat.inbox.list(CY, None, Listing.AVAILABLE, Query())

    [entry] = await chat.inbox.list(CY, A_PLANNER, Listing.AVAILABLE, Query())
    assert entry.dialog.id == dialog
    assert await chat.inbox.list(ANN, A_PLANNER, Listing.AVAILABLE, Query()) == ()
    assert await chat.inbox.list(CY, None, Listing.PARTICIPATING, Query()) == ()


async def test_ones_own_dialogs_are_listed_with_and_without_scopes(chat: Chat, dialog: DialogId) -> None:
    [entry] = await chat.inbox.list(ANN, None, Listing.PARTICIPATING, Query())

    assert entry == await chat.inbox.get(ANN, None, dialog)
    assert await chat.inbox.list(ANN, A_STRANGER, Listing.PARTICIPATING, Query()) == ()


async def test_the_dialogs_of_an_object_are_those_one_can_open(chat: Chat, dialog: DialogId) -> None:
    assert [entry.dialog.id for entry in await chat.inbox.of_object(CY, A_PLANNER, QUOTE, None, Query())] == [
        dialog
    ]
    assert await chat.inbox.of_object(CY, None, QUOTE, None, Query()) == ()
    assert await chat.inbox.newest_of(CY, A_STRANGER, QUOTE) is None
    newest = await chat.inbox.newest_of(ANN, None, QUOTE)
    assert newest is not None
    assert newest.dialog.id == dialog
