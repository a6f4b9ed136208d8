"""People read, and what is unread follows (contract 3.11)."""

import pytest
from attrs import evolve

from mtchat_core.chat import Chat, Ports
from mtchat_core.domain.dialogs import NotFound
from mtchat_core.domain.errors import Forbidden
from mtchat_core.domain.events import MessageRead
from mtchat_core.domain.ids import DialogId, MessageId, UserId
from mtchat_core.domain.inbox import Unread
from mtchat_core.domain.messages import Draft, Message, Window
from mtchat_core.domain.receipts import ReadTargetUnknown
from mtchat_core.domain.system_messages import notice
from tests.builders import (
    A_PLANNER,
    ANN,
    BO,
    CY,
    PLANNERS,
    a_dialog_id,
    a_message_id,
    a_new_dialog,
    a_profile,
    an_invitation,
    participant,
    unread,
)
from tests.use_cases.conftest import Overheard


@pytest.fixture
async def dialog(chat: Chat) -> DialogId:
    """A dialog of Ann and Bo that Cy could join; so far, the system has spoken once."""
    return (await chat.dialogs.create(a_new_dialog(ANN, BO, scopes=[PLANNERS]))).id


async def say(chat: Chat, dialog: DialogId, *contents: str, by: UserId = ANN) -> list[Message]:
    return [await chat.messages.send(by, dialog, Draft(content)) for content in contents]


async def mark(ports: Ports, dialog: DialogId, user: UserId) -> MessageId | None:
    return (await participant(ports, dialog, user)).mark.message_id


async def test_a_new_dialog_has_nothing_unread(chat: Chat, ports: Ports, dialog: DialogId) -> None:
    assert [await unread(ports, dialog, user) for user in (ANN, BO)] == [0, 0]
    assert (await chat.messages.page(ANN, dialog, Window())).first_unread is None


async def test_a_message_is_unread_for_everybody_but_its_sender(
    chat: Chat, ports: Ports, dialog: DialogId
) -> None:
    await say(chat, dialog, "1", by=BO)
    [mine] = await say(chat, dialog, "2", by=ANN)

    assert [await unread(ports, dialog, user) for user in (ANN, BO)] == [0, 1]
    assert await mark(ports, dialog, ANN) == mine.id


async def test_a_system_message_is_unread_for_nobody(chat: Chat, ports: Ports, dialog: DialogId) -> None:
    await chat.messages.announce(dialog, notice("x"))

    assert [await unread(ports, dialog, user) for user in (ANN, BO)] == [0, 0]


async def test_joining_makes_the_history_unread_for_the_newcomer_only(
    chat: Chat, ports: Ports, dialog: DialogId
) -> None:
    await say(chat, dialog, "1", "2")

    await chat.participants.join(dialog, CY, A_PLANNER, a_profile("Cy"))

    assert [await unread(ports, dialog, user) for user in (ANN, BO, CY)] == [0, 2, 3]
    assert await mark(ports, dialog, CY) is None


async def test_who_is_added_has_nothing_unread(chat: Chat, ports: Ports, dialog: DialogId) -> None:
    await say(chat, dialog, "1", "2")

    await chat.participants.add(dialog, [an_invitation(CY)])

    assert await unread(ports, dialog, CY) == 0
    await say(chat, dialog, "3")
    assert await unread(ports, dialog, CY) == 1


async def test_who_is_added_to_an_empty_dialog_has_what_comes_unread(chat: Chat, ports: Ports) -> None:
    dialog = (await chat.dialogs.create(a_new_dialog())).id
    await chat.participants.add(dialog, [an_invitation(ANN), an_invitation(BO)])

    await say(chat, dialog, "1", by=BO)

    assert [await unread(ports, dialog, user) for user in (ANN, BO)] == [1, 0]


async def test_reading_the_newest_leaves_nothing_unread(
    chat: Chat, ports: Ports, dialog: DialogId, overheard: Overheard
) -> None:
    *_, newest = await say(chat, dialog, "1", "2", "3")

    await chat.receipts.mark_read(BO, dialog, newest.id)

    assert await unread(ports, dialog, BO) == 0
    assert await mark(ports, dialog, BO) == newest.id
    assert overheard.events[-1] == MessageRead(dialog_id=dialog, user_id=BO, message_id=newest.id)


async def test_reading_half_leaves_what_others_said_after_it(chat: Chat, ports: Ports, dialog: DialogId) -> None:
    await chat.participants.add(dialog, [an_invitation(CY)])
    first = (await say(chat, dialog, "1", by=ANN))[0]
    await say(chat, dialog, "2", by=BO)
    await chat.messages.announce(dialog, notice("x"))
    await say(chat, dialog, "3", "4", by=ANN)

    await chat.receipts.mark_read(CY, dialog, first.id)

    assert await unread(ports, dialog, CY) == 3
    page = await chat.messages.page(CY, dialog, Window())
    assert [message.content for message in page.messages if message.id == page.first_unread] == ["2"]


async def test_a_newcomer_reading_half_has_no_own_and_no_system_messages_left(
    chat: Chat, ports: Ports, dialog: DialogId
) -> None:
    first = (await say(chat, dialog, "1", by=BO))[0]
    await say(chat, dialog, "2", by=BO)
    await say(chat, dialog, "3", by=ANN)
    await chat.messages.announce(dialog, notice("x"))
    await chat.participants.leave(dialog, BO)
    await chat.participants.join(dialog, BO, A_PLANNER, a_profile("Bo"))
    assert await unread(ports, dialog, BO) == 6

    await chat.receipts.mark_read(BO, dialog, first.id)

    assert await unread(ports, dialog, BO) == 1


async def test_a_mark_never_moves_back_b34(
    chat: Chat, ports: Ports, dialog: DialogId, overheard: Overheard
) -> None:
    older, newer = await say(chat, dialog, "1", "2")
    await chat.receipts.mark_read(BO, dialog, newer.id)
    before = await participant(ports, dialog, BO)
    overheard.clear()

    for message in (older, newer):
        await chat.receipts.mark_read(BO, dialog, message.id)

    assert await participant(ports, dialog, BO) == before
    assert overheard == []


async def test_a_system_message_can_be_read_up_to(chat: Chat, ports: Ports, dialog: DialogId) -> None:
    await say(chat, dialog, "1")
    system = await chat.messages.announce(dialog, notice("x"))
    await say(chat, dialog, "2")

    await chat.receipts.mark_read(BO, dialog, system.id)

    assert await unread(ports, dialog, BO) == 1
    assert await mark(ports, dialog, BO) == system.id


async def test_who_was_caught_up_may_name_the_message_they_stand_at(
    chat: Chat, ports: Ports, dialog: DialogId
) -> None:
    [newest] = await say(chat, dialog, "1")
    await chat.participants.add(dialog, [an_invitation(CY)])
    assert await mark(ports, dialog, CY) is None

    await chat.receipts.mark_read(CY, dialog, newest.id)

    assert await mark(ports, dialog, CY) == newest.id
    assert await unread(ports, dialog, CY) == 0


async def test_deleting_an_unread_message_lowers_the_counts(chat: Chat, ports: Ports, dialog: DialogId) -> None:
    one, _, three = await say(chat, dialog, "1", "2", "3")
    await chat.receipts.mark_read(BO, dialog, one.id)
    await chat.participants.join(dialog, CY, A_PLANNER, a_profile("Cy"))

    await chat.messages.delete(ANN, dialog, three.id)

    assert [await unread(ports, dialog, user) for user in (ANN, BO, CY)] == [0, 1, 3]


async def test_deleting_a_read_message_leaves_the_counts(chat: Chat, ports: Ports, dialog: DialogId) -> None:
    one, two, _ = await say(chat, dialog, "1", "2", "3")
    await chat.receipts.mark_read(BO, dialog, two.id)

    await chat.messages.delete(ANN, dialog, one.id)

    assert [await unread(ports, dialog, user) for user in (ANN, BO)] == [0, 1]
    assert await mark(ports, dialog, BO) == two.id


async def test_a_mark_at_a_deleted_message_falls_back_and_nothing_turns_unread_again(
    chat: Chat, ports: Ports, dialog: DialogId
) -> None:
    one, two, three = await say(chat, dialog, "1", "2", "3")
    await chat.receipts.mark_read(BO, dialog, two.id)

    await chat.messages.delete(ANN, dialog, two.id)

    assert await mark(ports, dialog, BO) == one.id
    assert await unread(ports, dialog, BO) == 1
    assert (await chat.messages.page(BO, dialog, Window())).first_unread == three.id


async def test_the_sender_can_delete_their_newest_message_and_be_read_up_to_date(
    chat: Chat, ports: Ports, dialog: DialogId
) -> None:
    [theirs] = await say(chat, dialog, "1", by=BO)
    [mine] = await say(chat, dialog, "2", by=ANN)

    await chat.messages.delete(ANN, dialog, mine.id)

    assert [await unread(ports, dialog, user) for user in (ANN, BO)] == [0, 0]
    assert await mark(ports, dialog, ANN) == theirs.id


async def test_only_messages_of_this_dialog_can_be_read_b33(chat: Chat, ports: Ports, dialog: DialogId) -> None:
    elsewhere = (await chat.dialogs.create(a_new_dialog(BO))).id
    [foreign] = await say(chat, elsewhere, "x", by=BO)
    [gone] = await say(chat, dialog, "x")
    await chat.messages.delete(ANN, dialog, gone.id)
    before = await participant(ports, dialog, BO)

    for target in (foreign.id, gone.id, a_message_id()):
        with pytest.raises(ReadTargetUnknown):
            await chat.receipts.mark_read(BO, dialog, target)

    assert await participant(ports, dialog, BO) == before


async def test_refusals_to_read_come_in_their_order(chat: Chat, dialog: DialogId) -> None:
    with pytest.raises(NotFound):
        await chat.receipts.mark_read(ANN, a_dialog_id(), a_message_id())
    with pytest.raises(Forbidden):
        await chat.receipts.mark_read(CY, dialog, a_message_id())


async def test_totals_leave_the_archive_out(chat: Chat, dialog: DialogId) -> None:
    other = (await chat.dialogs.create(a_new_dialog(ANN, BO))).id
    await say(chat, dialog, "1", "2")
    await say(chat, other, "1")
    assert await chat.receipts.unread(BO) == Unread(messages=3, dialogs=2)

    await chat.inbox.archive(other, BO)

    assert await chat.receipts.unread(BO) == Unread(messages=2, dialogs=1)
    assert await chat.receipts.unread(CY) == Unread(messages=0, dialogs=0)


async def test_sending_reads_up_to_ones_own_message(chat: Chat, ports: Ports, dialog: DialogId) -> None:
    await say(chat, dialog, "1", "2", by=BO)
    before = await participant(ports, dialog, BO)

    [mine] = await say(chat, dialog, "3", by=ANN)

    ann = await participant(ports, dialog, ANN)
    assert ann.mark == evolve(ann.mark, seq=mine.seq, message_id=mine.id)
    assert await participant(ports, dialog, BO) == before
