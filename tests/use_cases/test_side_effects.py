"""What each action causes: system messages and events, in order, and nothing else (contract 3.21)."""

import json
from collections.abc import Awaitable, Callable

import pytest

from mtchat_core.chat import Chat, Ports
from mtchat_core.domain.dialogs import About
from mtchat_core.domain.events import (
    DialogUnarchived,
    MessageSent,
    ParticipantJoined,
    ParticipantLeft,
    Recorded,
)
from mtchat_core.domain.ids import DialogId
from mtchat_core.domain.messages import Draft, Message, MessageType, Origin, Window
from mtchat_core.domain.participants import JoinedAs
from mtchat_core.domain.system_messages import notice
from tests.builders import (
    A_PLANNER,
    ANN,
    BO,
    CY,
    PLANNERS,
    FakeClock,
    a_new_dialog,
    a_profile,
    an_invitation,
)
from tests.use_cases.conftest import Overheard

Action = Callable[[Chat, DialogId, Message], Awaitable[object]]

ACTIONS: dict[str, tuple[Action, list[str], list[str]]] = {
    "add": (
        lambda chat, dialog, _: chat.participants.add(dialog, [an_invitation(CY)]),
        ["participant.joined"],
        [],
    ),
    "add who is in": (lambda chat, dialog, _: chat.participants.add(dialog, [an_invitation(BO)]), [], []),
    "remove": (lambda chat, dialog, _: chat.participants.remove(dialog, BO), ["participant.left"], []),
    "remove who is not in": (lambda chat, dialog, _: chat.participants.remove(dialog, CY), [], []),
    "join": (
        lambda chat, dialog, _: chat.participants.join(dialog, CY, A_PLANNER, a_profile("Cy")),
        ["message.new", "participant.joined"],
        ["participant_joined"],
    ),
    "leave": (
        lambda chat, dialog, _: chat.participants.leave(dialog, BO),
        ["message.new", "participant.left"],
        ["participant_left"],
    ),
    "replace scopes": (lambda chat, dialog, _: chat.dialogs.set_scopes(dialog, [PLANNERS]), [], []),
    "describe": (
        lambda chat, dialog, _: chat.dialogs.describe(dialog, lambda _: About("new")),
        ["dialog.updated"],
        [],
    ),
    "describe as it is": (lambda chat, dialog, _: chat.dialogs.describe(dialog, lambda kept: kept), [], []),
    "delete the dialog": (lambda chat, dialog, _: chat.dialogs.delete(dialog), ["dialog.deleted"], []),
    "send": (lambda chat, dialog, _: chat.messages.send(ANN, dialog, Draft("x")), ["message.new"], []),
    "post": (lambda chat, dialog, _: chat.messages.post(ANN, dialog, Draft("x")), ["message.new"], []),
    "announce": (lambda chat, dialog, _: chat.messages.announce(dialog, notice("x")), ["message.new"], ["notice"]),
    "edit": (
        lambda chat, dialog, message: chat.messages.edit(ANN, dialog, message.id, "x"),
        ["message.edited"],
        [],
    ),
    "delete": (
        lambda chat, dialog, message: chat.messages.delete(ANN, dialog, message.id),
        ["message.deleted"],
        [],
    ),
    "read": (
        lambda chat, dialog, message: chat.receipts.mark_read(BO, dialog, message.id),
        ["message.read"],
        [],
    ),
    "read again": (lambda chat, dialog, message: chat.receipts.mark_read(ANN, dialog, message.id), [], []),
    "archive": (lambda chat, dialog, _: chat.inbox.archive(dialog, ANN), ["dialog.archived"], []),
    "unarchive what is not": (lambda chat, dialog, _: chat.inbox.unarchive(dialog, ANN), [], []),
    "pin": (lambda chat, dialog, _: chat.inbox.pin(dialog, ANN, on=True), ["dialog.pinned"], []),
    "unpin what is not": (lambda chat, dialog, _: chat.inbox.pin(dialog, ANN, on=False), [], []),
    "mute": (lambda chat, dialog, _: chat.inbox.notify(dialog, ANN, on=False), ["dialog.muted"], []),
    "unmute what is not": (lambda chat, dialog, _: chat.inbox.notify(dialog, ANN, on=True), [], []),
}


@pytest.mark.parametrize(("action", "events", "said"), ACTIONS.values(), ids=ACTIONS.keys())
async def test_each_action_announces_just_this(
    chat: Chat, ports: Ports, overheard: Overheard, action: Action, events: list[str], said: list[str]
) -> None:
    dialog = (await chat.dialogs.create(a_new_dialog(ANN, BO, scopes=[PLANNERS]))).id
    message = await chat.messages.send(ANN, dialog, Draft("hello"))
    before = len(await ports.events.of_dialog(dialog, after=0, limit=100))
    overheard.clear()

    await action(chat, dialog, message)

    assert [event.type for event in overheard.events] == events
    system = [event.message for event in overheard.events if isinstance(event, MessageSent)]
    spoken = [one.content for one in system if one.type is MessageType.SYSTEM]
    assert [json.loads(content)["event"] for content in spoken] == said
    log = await ports.events.of_dialog(dialog, after=before, limit=100)
    assert [(entry.id, entry.seq) for entry in log] == [
        (entry.id, entry.seq) for entry in overheard if isinstance(entry, Recorded)
    ]


async def test_creating_speaks_once_and_names_everybody(chat: Chat, overheard: Overheard) -> None:
    dialog = await chat.dialogs.create(a_new_dialog(ANN, BO))

    said, *joined = overheard.events
    assert isinstance(said, MessageSent)
    assert (said.origin, said.message.type) == (Origin.MANAGEMENT, MessageType.SYSTEM)
    assert json.loads(said.message.content) == {
        "event": "chat_created",
        "participants": [{"name": "Ann"}, {"name": "Bo"}],
    }
    assert joined == [
        ParticipantJoined(
            dialog_id=dialog.id,
            user_id=user,
            joined_as=JoinedAs.PARTICIPANT,
            joined_at=dialog.created_at,
            origin=Origin.MANAGEMENT,
        )
        for user in (ANN, BO)
    ]


async def test_creating_for_nobody_says_nothing(chat: Chat, overheard: Overheard) -> None:
    await chat.dialogs.create(a_new_dialog(scopes=[PLANNERS]))

    assert overheard == []


async def test_joining_and_leaving_come_through_the_chat_and_say_when(
    chat: Chat, overheard: Overheard, clock: FakeClock
) -> None:
    dialog = (await chat.dialogs.create(a_new_dialog(ANN, scopes=[PLANNERS]))).id
    overheard.clear()

    joined_at = clock.advance()
    await chat.participants.join(dialog, CY, A_PLANNER, a_profile("Cy", "Borealis"))
    left_at = clock.advance()
    await chat.participants.leave(dialog, CY)

    came, joined, went, left = overheard.events
    assert joined == ParticipantJoined(
        dialog_id=dialog, user_id=CY, joined_as=JoinedAs.JOINED, joined_at=joined_at, origin=Origin.CHAT
    )
    assert left == ParticipantLeft(dialog_id=dialog, user_id=CY, left_at=left_at, origin=Origin.CHAT)
    assert isinstance(came, MessageSent)
    assert isinstance(went, MessageSent)
    assert json.loads(came.message.content) == {"event": "participant_joined", "name": "Cy", "company": "Borealis"}
    assert json.loads(went.message.content) == {"event": "participant_left", "name": "Cy"}
    page = await chat.messages.page(ANN, dialog, Window())
    assert page.messages[-2:] == (came.message, went.message)


async def test_removing_comes_through_management(chat: Chat, overheard: Overheard, clock: FakeClock) -> None:
    dialog = (await chat.dialogs.create(a_new_dialog(ANN, BO))).id

    await chat.participants.remove(dialog, BO)

    assert overheard.events[-1] == ParticipantLeft(
        dialog_id=dialog, user_id=BO, left_at=clock.now(), origin=Origin.MANAGEMENT
    )


async def test_sending_unarchives_first_and_only_then_is_heard(chat: Chat, overheard: Overheard) -> None:
    dialog = (await chat.dialogs.create(a_new_dialog(ANN, BO, CY))).id
    await chat.inbox.archive(dialog, BO)
    await chat.inbox.archive(dialog, ANN)
    overheard.clear()

    message = await chat.messages.send(ANN, dialog, Draft("hello"))

    assert overheard.events == [
        DialogUnarchived(dialog_id=dialog, people=[ANN, BO]),
        MessageSent(dialog_id=dialog, message=message, origin=Origin.CHAT),
    ]


async def test_what_the_system_says_does_not_unarchive(chat: Chat, overheard: Overheard) -> None:
    dialog = (await chat.dialogs.create(a_new_dialog(ANN))).id
    await chat.inbox.archive(dialog, ANN)

    await chat.messages.announce(dialog, notice("x"))

    entry = await chat.inbox.get(ANN, None, dialog)
    assert entry.standing is not None
    assert entry.standing.is_archived


async def test_the_host_speaking_for_a_person_is_told_from_the_person_speaking(
    chat: Chat, overheard: Overheard
) -> None:
    dialog = (await chat.dialogs.create(a_new_dialog(ANN))).id

    await chat.messages.send(ANN, dialog, Draft("x"))
    await chat.messages.post(ANN, dialog, Draft("x"))

    origins = [event.origin for event in overheard.events[-2:] if isinstance(event, MessageSent)]
    assert origins == [Origin.CHAT, Origin.MANAGEMENT]
