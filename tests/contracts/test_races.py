"""People act at the same moment: what is kept, what is refused and what is logged agree all the same."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from mtchat_core.chat import Chat
from mtchat_core.domain.dialogs import Dialog, DialogNotFound
from mtchat_core.domain.errors import ChatError, Forbidden
from mtchat_core.domain.events import DialogArchived, DialogUnarchived, Event, MessageSent, ParticipantLeft
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.domain.messages import (
    Draft,
    IdempotencyKeyReused,
    Message,
    MessageNotFound,
    ReplyTargetUnknown,
    Window,
)
from mtchat_core.domain.participants import AlreadyParticipant
from mtchat_core.domain.scopes import AccessScope, UserScope
from tests.builders import ANN, BO, CY, a_new_dialog, a_profile, an_invitation, unread

WELCOME, HELD = AccessScope(([], [], [])), UserScope(([], [], []))
ROUNDS = 5


async def outcomes(*actions: Coroutine[Any, Any, Any]) -> list[Any]:
    """Run *actions* at once and return what each gave or how it was refused; a failure fails the test."""
    ended = await asyncio.gather(*actions, return_exceptions=True)
    for one in ended:
        if isinstance(one, BaseException) and not isinstance(one, ChatError):
            raise one
    return list(ended)


async def a_dialog(chat: Chat, *people: UserId) -> DialogId:
    created: Dialog = await chat.dialogs.create(a_new_dialog(*people, scopes=[WELCOME]))
    return created.id


async def log(chat: Chat, dialog: DialogId) -> list[Event]:
    recorded = await chat.ports.events.of_dialog(dialog, after=0, limit=1000)
    assert [one.seq for one in recorded] == list(range(1, len(recorded) + 1))
    return [one.event for one in recorded]


async def said(chat: Chat, dialog: DialogId, reader: UserId = ANN) -> list[Message]:
    return list((await chat.messages.page(reader, dialog, Window(limit=100))).messages)


async def test_after_a_removal_nothing_is_sent_any_more_b41(chat: Chat) -> None:
    for _ in range(ROUNDS):
        dialog = await a_dialog(chat, ANN, BO)

        sent = await outcomes(
            *(chat.messages.send(BO, dialog, Draft(str(n))) for n in range(4)),
            chat.participants.remove(dialog, BO),
            *(chat.messages.send(BO, dialog, Draft(str(n))) for n in range(4, 8)),
        )

        kept = [one for one in sent if isinstance(one, Message)]
        assert all(isinstance(one, Message | Forbidden) for one in sent if one is not None)
        events = await log(chat, dialog)
        assert isinstance(events[-1], ParticipantLeft)
        assert {event.message.id for event in events[-1 - len(kept) : -1] if isinstance(event, MessageSent)} == {
            message.id for message in kept
        }
        assert await unread(chat.ports, dialog, ANN) == len(kept)


async def test_of_twenty_joins_at_once_one_succeeds_b41(chat: Chat) -> None:
    dialog = await a_dialog(chat, ANN)

    joined = await outcomes(*(chat.participants.join(dialog, CY, HELD, a_profile("Cy")) for _ in range(20)))

    assert sorted(type(one).__name__ for one in joined) == ["AlreadyParticipant"] * 19 + ["NoneType"]
    assert len(await said(chat, dialog)) == 2
    assert AlreadyParticipant.code == "BAD_REQUEST"


async def test_adding_the_same_people_at_once_adds_each_once(chat: Chat) -> None:
    dialog = await a_dialog(chat, ANN)
    people = [an_invitation(UserId(f"user-{n}")) for n in range(5)]

    added = await outcomes(*(chat.participants.add(dialog, people[n:] + people[:n]) for n in range(5)))

    assert sorted(user for one in added for user in one) == [person.user_id for person in people]
    assert len(await log(chat, dialog)) == 2 + 5


async def test_a_reply_to_a_message_being_deleted_is_refused_or_loses_its_target(chat: Chat) -> None:
    for _ in range(ROUNDS):
        dialog = await a_dialog(chat, ANN, BO)
        doomed = await chat.messages.send(ANN, dialog, Draft("?"))

        *replies, _ = await outcomes(
            *(chat.messages.send(BO, dialog, Draft(str(n), doomed.id)) for n in range(4)),
            chat.messages.delete(ANN, dialog, doomed.id),
        )

        assert all(isinstance(one, Message | ReplyTargetUnknown) for one in replies)
        kept = [message for message in await said(chat, dialog) if message.sender_id == BO]
        assert {message.id for message in kept} == {one.id for one in replies if isinstance(one, Message)}
        assert all(message.reply_to_id is None for message in kept)


async def test_a_retry_while_the_message_is_deleted_makes_no_second_one_f16(chat: Chat) -> None:
    for _ in range(ROUNDS):
        dialog = await a_dialog(chat, ANN)
        first = await chat.messages.send(ANN, dialog, Draft("x", key="k"))

        *retries, _ = await outcomes(
            *(chat.messages.send(ANN, dialog, Draft("x", key="k")) for _ in range(4)),
            chat.messages.delete(ANN, dialog, first.id),
            chat.messages.send(ANN, dialog, Draft("y", key="k")),
        )

        assert all(isinstance(one, MessageNotFound) or one is None or one.id == first.id for one in retries)
        assert len(await said(chat, dialog)) == 1
        assert IdempotencyKeyReused.code == "IDEMPOTENCY_KEY_REUSED"


async def test_a_dialog_deleted_under_its_people_leaves_nothing(chat: Chat) -> None:
    for _ in range(ROUNDS):
        dialog = await a_dialog(chat, ANN, BO)

        *sent, _, _ = await outcomes(
            *(chat.messages.send((ANN, BO)[n % 2], dialog, Draft(str(n))) for n in range(6)),
            chat.dialogs.delete(dialog),
            chat.dialogs.delete(dialog),
        )

        assert all(isinstance(one, Message | DialogNotFound) for one in sent)
        assert await chat.ports.inbox.entry(ANN, None, dialog) is None
        assert (await chat.receipts.unread(ANN)).messages == 0
        assert (await log(chat, dialog))[-1].type == "dialog.deleted"


async def test_a_new_message_always_unarchives_whoever_archives_meanwhile_g13(chat: Chat) -> None:
    for _ in range(ROUNDS):
        dialog = await a_dialog(chat, ANN, BO)

        await outcomes(
            chat.inbox.archive(dialog, BO),
            chat.messages.send(ANN, dialog, Draft("1")),
            chat.inbox.archive(dialog, BO),
            chat.messages.send(ANN, dialog, Draft("2")),
            chat.inbox.archive(dialog, BO),
        )

        is_archived = False
        for event in await log(chat, dialog):
            if isinstance(event, MessageSent) and event.message.sender_id is not None:
                assert not is_archived, "a message was kept while the dialog stayed in an archive"
            if isinstance(event, DialogArchived | DialogUnarchived):
                assert is_archived != isinstance(event, DialogArchived)
                is_archived = isinstance(event, DialogArchived)
        standing = (await chat.inbox.get(BO, None, dialog)).standing
        assert standing is not None
        assert standing.is_archived == is_archived


async def test_unread_counts_survive_everything_at_once_g7(chat: Chat) -> None:
    for _ in range(ROUNDS):
        dialog = await a_dialog(chat, ANN, BO)
        old = [await chat.messages.send(ANN, dialog, Draft(str(n))) for n in range(4)]

        await outcomes(
            *(chat.messages.send((ANN, BO)[n % 2], dialog, Draft(str(n))) for n in range(6)),
            *(chat.messages.delete(ANN, dialog, message.id) for message in old[::2]),
            *(chat.receipts.mark_read(BO, dialog, message.id) for message in old),
            chat.participants.join(dialog, CY, HELD, a_profile("Cy")),
        )

        messages = await said(chat, dialog)
        for person in (await chat.dialogs.get(dialog)).participants:
            if person.user_id != CY:
                counted = sum(
                    message.seq > person.mark.seq and message.sender_id not in (None, person.user_id)
                    for message in messages
                )
                assert await unread(chat.ports, dialog, person.user_id) == counted


async def test_fifty_senders_in_one_dialog_never_stand_in_each_others_way_f8(chat: Chat) -> None:
    people = [UserId(f"user-{n}") for n in range(50)]
    dialog = await a_dialog(chat, ANN, *people)

    sent = await outcomes(*(chat.messages.send(user, dialog, Draft("x", key="k")) for user in people * 2))

    assert all(isinstance(one, Message) for one in sent)
    assert len({one.id for one in sent}) == 50
    assert [message.seq for message in await said(chat, dialog)] == list(range(1, 52))


async def test_twenty_parallel_requests_with_one_key_make_one_dialog_g3(chat: Chat) -> None:
    made = await outcomes(*(chat.dialogs.create(a_new_dialog(ANN), key="k") for _ in range(20)))

    assert len({dialog.id for dialog in made}) == 1
    assert len(await chat.dialogs.page(object_type=None, object_id=None, limit=100, after=None)) == 1


async def test_parallel_edits_leave_every_wording_readable(chat: Chat) -> None:
    dialog = await a_dialog(chat, ANN)
    message = await chat.messages.send(ANN, dialog, Draft("0"))

    await outcomes(*(chat.messages.edit(ANN, dialog, message.id, str(n)) for n in range(1, 6)))

    now = await chat.messages.get(ANN, dialog, message.id)
    wordings = [edit.content for edit in await chat.messages.history(ANN, dialog, message.id)]
    assert wordings[0] == "0"
    assert sorted([*wordings, now.content]) == [str(n) for n in range(6)]
