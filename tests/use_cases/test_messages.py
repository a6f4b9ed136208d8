"""People say things, change them, and read what was said."""

import asyncio
from uuid import UUID

import pytest
from attrs import evolve

from mtchat_core.chat import Chat, Ports
from mtchat_core.domain.dialogs import DialogNotFound, NotFound
from mtchat_core.domain.errors import BadRequest, ChatError, Forbidden, InvalidInput
from mtchat_core.domain.ids import DialogId, MessageId, UserId
from mtchat_core.domain.messages import (
    BlankMessage,
    Direction,
    Draft,
    Edit,
    IdempotencyKeyReused,
    Message,
    MessageNotFound,
    MessageType,
    NotMessageAuthor,
    ReplyTargetUnknown,
    Window,
)
from mtchat_core.domain.participants import NotParticipant
from mtchat_core.domain.system_messages import business_event, notice
from tests.builders import (
    A_PLANNER,
    ANN,
    BO,
    CY,
    PLANNERS,
    FakeClock,
    a_dialog_id,
    a_message_id,
    a_new_dialog,
    a_profile,
)
from tests.use_cases.conftest import Overheard


@pytest.fixture
async def dialog(chat: Chat, overheard: Overheard) -> DialogId:
    """A dialog of Ann and Bo that Cy could join."""
    dialog = (await chat.dialogs.create(a_new_dialog(ANN, BO, scopes=[PLANNERS]))).id
    overheard.clear()
    return dialog


async def system_message(chat: Chat, dialog: DialogId) -> Message:
    return (await chat.messages.page(ANN, dialog, Window(Direction.AFTER, MessageId(UUID(int=0))))).messages[0]


async def snapshot(ports: Ports, dialog: DialogId) -> object:
    return (
        await ports.directory.details(dialog),
        await ports.transcript.page(dialog, ANN, Window()),
        await ports.events.of_dialog(dialog, after=0, limit=100),
    )


# Sending


async def test_what_is_said_is_made_safe_and_kept(chat: Chat, dialog: DialogId) -> None:
    message = await chat.messages.send(ANN, dialog, Draft("<p onclick=x>1 <script>2</script></p>", key="k"))

    assert message.content == "<p>1 </p>"
    assert (message.sender_id, message.sender_name, message.seq) == (ANN, "Ann", 2)
    assert (message.client_message_id, message.type) == ("k", MessageType.USER)
    assert await chat.messages.get(BO, dialog, message.id) == message


async def test_the_longest_message_is_fine_b43(chat: Chat, dialog: DialogId) -> None:
    message = await chat.messages.send(ANN, dialog, Draft("&" * 50_000))

    assert message.content == "&amp;" * 50_000


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        ("", BlankMessage),
        (" <p>\u200b</p> ", BlankMessage),
        ("<script>x</script>", BlankMessage),
        ("x" * 50_001, InvalidInput),
        ("a\x00", InvalidInput),
        ("a\ud800", InvalidInput),
    ],
    ids=["empty", "invisible", "only a script", "too long", "NUL", "surrogate"],
)
async def test_what_cannot_be_said_is_refused_after_who_may_not_speak_b42_b43(
    chat: Chat, ports: Ports, dialog: DialogId, content: str, refusal: type[ChatError]
) -> None:
    before = await snapshot(ports, dialog)

    with pytest.raises(DialogNotFound):
        await chat.messages.send(ANN, a_dialog_id(), Draft(content))
    with pytest.raises(Forbidden):
        await chat.messages.send(CY, dialog, Draft(content))
    with pytest.raises(refusal):
        await chat.messages.send(ANN, dialog, Draft(content))

    assert await snapshot(ports, dialog) == before


async def test_who_may_not_speak_is_refused(chat: Chat, dialog: DialogId, overheard: Overheard) -> None:
    with pytest.raises(DialogNotFound):
        await chat.messages.send(ANN, a_dialog_id(), Draft("x"))
    with pytest.raises(Forbidden):
        await chat.messages.send(CY, dialog, Draft("x", reply_to=a_message_id()))

    assert overheard == []


async def test_a_reply_answers_a_message_of_this_dialog_b33(chat: Chat, dialog: DialogId) -> None:
    elsewhere = (await chat.dialogs.create(a_new_dialog(ANN))).id
    foreign = await chat.messages.send(ANN, elsewhere, Draft("x"))
    question = await chat.messages.send(BO, dialog, Draft("?"))

    answer = await chat.messages.send(ANN, dialog, Draft("!", reply_to=question.id))
    to_the_system = await chat.messages.send(
        ANN, dialog, Draft("!", reply_to=(await system_message(chat, dialog)).id)
    )

    assert answer.reply_to_id == question.id
    assert to_the_system.reply_to_id is not None
    for target in (foreign.id, a_message_id()):
        with pytest.raises(ReplyTargetUnknown):
            await chat.messages.send(ANN, dialog, Draft("!", reply_to=target))


async def test_twenty_parallel_identical_sends_make_one_message_g3(
    chat: Chat, dialog: DialogId, overheard: Overheard
) -> None:
    sent = await asyncio.gather(*(chat.messages.send(ANN, dialog, Draft("x", key="k")) for _ in range(20)))

    assert len({message.id for message in sent}) == 1
    assert [event.type for event in overheard.events] == ["message.new"]


async def test_the_same_key_for_something_else_is_refused(chat: Chat, dialog: DialogId) -> None:
    question = await chat.messages.send(BO, dialog, Draft("?"))
    await chat.messages.send(ANN, dialog, Draft("x", key="k"))

    for other in (Draft("y", key="k"), Draft("x", reply_to=question.id, key="k"), Draft("<b>x</b>", key="k")):
        with pytest.raises(IdempotencyKeyReused):
            await chat.messages.send(ANN, dialog, other)


async def test_a_late_retry_of_a_deleted_message_does_not_bring_it_back_f16(chat: Chat, dialog: DialogId) -> None:
    message = await chat.messages.send(ANN, dialog, Draft("x", key="k"))
    await chat.messages.delete(ANN, dialog, message.id)

    with pytest.raises(MessageNotFound):
        await chat.messages.send(ANN, dialog, Draft("x", key="k"))


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "я"])
async def test_a_malformed_key_is_refused_b66(chat: Chat, dialog: DialogId, key: str) -> None:
    with pytest.raises(BadRequest):
        await chat.messages.send(ANN, dialog, Draft("x", key=key))


# The host speaks


async def test_the_host_speaks_for_a_participant(chat: Chat, dialog: DialogId) -> None:
    message = await chat.messages.post(BO, dialog, Draft("from the order form", key="k"))

    assert (message.sender_id, message.type) == (BO, MessageType.USER)
    assert await chat.messages.post(BO, dialog, Draft("from the order form", key="k")) == message
    with pytest.raises(NotParticipant):
        await chat.messages.post(CY, dialog, Draft("x"))
    with pytest.raises(NotFound):
        await chat.messages.post(ANN, a_dialog_id(), Draft("x"))
    with pytest.raises(NotParticipant):
        await chat.messages.post(CY, dialog, Draft(""))
    with pytest.raises(BlankMessage):
        await chat.messages.post(BO, dialog, Draft(""))


async def test_the_host_speaks_in_the_systems_voice(chat: Chat, dialog: DialogId) -> None:
    event = business_event("order.confirmed", {"no": 7}, said="Order 7 <b>confirmed</b>")

    message = await chat.messages.announce(dialog, event)

    assert (message.content, message.type, message.sender_id) == (event.content, MessageType.SYSTEM, None)
    assert await chat.messages.get(ANN, dialog, message.id) == message


async def test_a_repeated_announcement_is_made_once(
    chat: Chat, ports: Ports, dialog: DialogId, overheard: Overheard
) -> None:
    first = await chat.messages.announce(dialog, notice("x"), key="k")
    before = await snapshot(ports, dialog)
    overheard.clear()

    again = await asyncio.gather(*(chat.messages.announce(dialog, notice("x"), key="k") for _ in range(5)))

    assert again == [first] * 5
    assert await snapshot(ports, dialog) == before
    assert overheard == []


async def test_a_key_of_another_announcement_is_refused_and_nothing_is_kept(
    chat: Chat, ports: Ports, dialog: DialogId
) -> None:
    elsewhere = (await chat.dialogs.create(a_new_dialog(ANN))).id
    await chat.messages.announce(dialog, notice("x"), key="k")
    before = await snapshot(ports, dialog), await snapshot(ports, elsewhere)

    with pytest.raises(IdempotencyKeyReused):
        await chat.messages.announce(dialog, notice("y"), key="k")
    with pytest.raises(IdempotencyKeyReused):
        await chat.messages.announce(elsewhere, notice("x"), key="k")
    with pytest.raises(IdempotencyKeyReused):
        await chat.dialogs.create(a_new_dialog(ANN), key="k")
    with pytest.raises(BadRequest):
        await chat.messages.announce(dialog, notice("x"), key="a b")

    assert (await snapshot(ports, dialog), await snapshot(ports, elsewhere)) == before


# Changing


async def test_an_author_changes_what_they_said(chat: Chat, dialog: DialogId, clock: FakeClock) -> None:
    message = await chat.messages.send(ANN, dialog, Draft("one"))
    first_at = clock.advance()
    await chat.messages.edit(ANN, dialog, message.id, "<b>two</b><script></script>")
    second_at = clock.advance()

    edited = await chat.messages.edit(ANN, dialog, message.id, "three")

    assert edited == evolve(message, content="three", last_edited_at=second_at)
    assert await chat.messages.get(BO, dialog, message.id) == edited
    assert list(await chat.messages.history(BO, dialog, message.id)) == [
        Edit("one", first_at),
        Edit("<b>two</b>", second_at),
    ]


async def test_an_unchanged_edit_is_an_edit(chat: Chat, dialog: DialogId) -> None:
    message = await chat.messages.send(ANN, dialog, Draft("same"))

    edited = await chat.messages.edit(ANN, dialog, message.id, "same")

    assert edited.last_edited_at is not None
    assert len(await chat.messages.history(ANN, dialog, message.id)) == 1


@pytest.mark.parametrize("content", ["fine", "", "x" * 50_001], ids=["fine", "blank", "too long"])
async def test_refusals_to_edit_come_in_their_order_b32_b35(
    chat: Chat, ports: Ports, dialog: DialogId, content: str
) -> None:
    message = await chat.messages.send(ANN, dialog, Draft("mine"))
    system = await system_message(chat, dialog)
    elsewhere = (await chat.dialogs.create(a_new_dialog(ANN))).id
    before = await snapshot(ports, dialog)

    for author, where, which, refusal in (
        (ANN, a_dialog_id(), message.id, Forbidden),
        (CY, dialog, message.id, Forbidden),
        (CY, dialog, a_message_id(), Forbidden),
        (ANN, dialog, a_message_id(), MessageNotFound),
        (ANN, elsewhere, message.id, MessageNotFound),
        (BO, dialog, message.id, NotMessageAuthor),
        (ANN, dialog, system.id, NotMessageAuthor),
    ):
        with pytest.raises(refusal):
            await chat.messages.edit(author, where, which, content)
    if content != "fine":
        with pytest.raises(InvalidInput):
            await chat.messages.edit(ANN, dialog, message.id, content)

    assert await snapshot(ports, dialog) == before


async def test_refusals_to_delete_come_in_their_order(chat: Chat, ports: Ports, dialog: DialogId) -> None:
    message = await chat.messages.send(ANN, dialog, Draft("mine"))
    system = await system_message(chat, dialog)
    elsewhere = (await chat.dialogs.create(a_new_dialog(ANN))).id
    before = await snapshot(ports, dialog)

    for author, where, which, refusal in (
        (ANN, a_dialog_id(), message.id, Forbidden),
        (CY, dialog, message.id, Forbidden),
        (ANN, dialog, a_message_id(), MessageNotFound),
        (ANN, elsewhere, message.id, MessageNotFound),
        (BO, dialog, message.id, NotMessageAuthor),
        (ANN, dialog, system.id, NotMessageAuthor),
    ):
        with pytest.raises(refusal):
            await chat.messages.delete(author, where, which)

    assert await snapshot(ports, dialog) == before


async def test_who_left_can_change_nothing_any_more_b31(chat: Chat, dialog: DialogId) -> None:
    message = await chat.messages.send(BO, dialog, Draft("mine"))
    await chat.participants.leave(dialog, BO)

    with pytest.raises(Forbidden):
        await chat.messages.edit(BO, dialog, message.id, "x")
    with pytest.raises(Forbidden):
        await chat.messages.delete(BO, dialog, message.id)


async def test_a_deleted_message_is_gone_for_everybody(chat: Chat, dialog: DialogId) -> None:
    message = await chat.messages.send(ANN, dialog, Draft("secret"))
    reply = await chat.messages.send(BO, dialog, Draft("re", reply_to=message.id))

    await chat.messages.delete(ANN, dialog, message.id)

    for read in (chat.messages.get, chat.messages.history):
        with pytest.raises(MessageNotFound):
            await read(BO, dialog, message.id)
    with pytest.raises(MessageNotFound):
        await chat.messages.delete(ANN, dialog, message.id)
    assert (await chat.messages.get(ANN, dialog, reply.id)).reply_to_id is None


# Reading


@pytest.mark.parametrize("reader", [CY, UserId("Ann")])
async def test_text_is_for_participants_only_g8_b30(chat: Chat, dialog: DialogId, reader: UserId) -> None:
    message = await chat.messages.send(ANN, dialog, Draft("secret"))

    for where in (dialog, a_dialog_id()):
        with pytest.raises(Forbidden):
            await chat.messages.page(reader, where, Window())
        with pytest.raises(Forbidden):
            await chat.messages.get(reader, where, message.id)
        with pytest.raises(Forbidden):
            await chat.messages.history(reader, where, message.id)


async def test_who_joins_reads_everything_said_before(chat: Chat, dialog: DialogId) -> None:
    message = await chat.messages.send(ANN, dialog, Draft("hello"))

    await chat.participants.join(dialog, CY, A_PLANNER, a_profile("Cy"))

    page = await chat.messages.page(CY, dialog, Window())
    assert page.messages[1] == message
    assert page.first_unread == page.messages[0].id


async def test_a_message_of_another_dialog_is_not_found(chat: Chat, dialog: DialogId) -> None:
    elsewhere = (await chat.dialogs.create(a_new_dialog(ANN))).id
    message = await chat.messages.send(ANN, dialog, Draft("hello"))

    for read in (chat.messages.get, chat.messages.history):
        with pytest.raises(MessageNotFound):
            await read(ANN, elsewhere, message.id)
