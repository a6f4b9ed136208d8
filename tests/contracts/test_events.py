"""The event log: everything that happened, with texts as they are now."""

from mtchat_core.chat import Ports
from mtchat_core.domain.dialogs import About
from mtchat_core.domain.events import (
    DialogArchived,
    DialogDeleted,
    DialogMuted,
    DialogPinned,
    DialogUnarchived,
    DialogUnmuted,
    DialogUnpinned,
    DialogUpdated,
    Event,
    MessageDeleted,
    MessageEdited,
    MessageRead,
    MessageSent,
    ParticipantJoined,
    ParticipantLeft,
    Withdrawn,
)
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.domain.messages import Edit, Origin
from mtchat_core.domain.participants import JoinedAs
from tests.builders import ANN, BO, SECOND, START, a_dialog_id, a_message_id, announce, locked, open_dialog, say


async def read(ports: Ports, dialog: DialogId, *, after: int = 0, limit: int = 100) -> list[tuple[int, Event]]:
    return [(entry.seq, entry.event) for entry in await ports.events.of_dialog(dialog, after=after, limit=limit)]


async def test_every_event_comes_back_as_it_was_recorded_g5(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    message = await announce(ports, dialog)
    everyone = [ANN, UserId("Ünï 'c' \"ode\" {,}\\")]
    recorded: list[Event] = [
        MessageSent(dialog_id=dialog, message=message, origin=Origin.MANAGEMENT),
        MessageEdited(dialog_id=dialog, message=message),
        MessageDeleted(dialog_id=dialog, message_id=a_message_id()),
        MessageRead(dialog_id=dialog, user_id=ANN, message_id=message.id),
        ParticipantJoined(
            dialog_id=dialog, user_id=everyone[1], joined_as=JoinedAs.JOINED, joined_at=START, origin=Origin.CHAT
        ),
        ParticipantJoined(
            dialog_id=dialog,
            user_id=ANN,
            joined_as=JoinedAs.PARTICIPANT,
            joined_at=START + SECOND,
            origin=Origin.MANAGEMENT,
        ),
        ParticipantLeft(dialog_id=dialog, user_id=ANN, left_at=START, origin=Origin.CHAT),
        DialogArchived(dialog_id=dialog, people=everyone),
        DialogUnarchived(dialog_id=dialog, people=everyone),
        DialogPinned(dialog_id=dialog, people=[BO]),
        DialogUnpinned(dialog_id=dialog, people=[BO]),
        DialogMuted(dialog_id=dialog, people=[BO]),
        DialogUnmuted(dialog_id=dialog, people=[]),
    ]

    async with locked(ports, dialog) as tx:
        tx.record(*recorded)

    assert await read(ports, dialog) == list(enumerate(recorded, start=1))
    assert [(entry.seq, entry.event) for entry in tx.recorded] == list(enumerate(recorded, start=1))


async def test_a_change_of_the_dialog_comes_back_with_what_it_is_about(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    async with locked(ports, dialog) as tx:
        kept = await tx.dialogs.lock(dialog)
        assert kept is not None
        described = kept.described(About("new", "https://erp.example/", {"a": [1, None]}))
        await tx.dialogs.describe(described)
        tx.record(DialogUpdated(dialog_id=dialog, dialog=described))

    [(_, event)] = await read(ports, dialog)

    assert isinstance(event, DialogUpdated)
    assert event.dialog.about == described.about
    assert (event.dialog.id, event.dialog.object, event.dialog.created_at) == (
        described.id,
        described.object,
        described.created_at,
    )


async def test_the_log_is_read_in_pieces(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    sent = await say(ports, dialog, *(str(n) for n in range(7)))
    whole = [(message.seq, MessageSent(dialog_id=dialog, message=message)) for message in sent]

    assert await read(ports, dialog, after=0, limit=3) == whole[:3]
    assert await read(ports, dialog, after=3, limit=3) == whole[3:6]
    assert await read(ports, dialog, after=6, limit=3) == whole[6:]
    assert await read(ports, dialog, after=7, limit=3) == []
    assert await read(ports, dialog, after=100, limit=3) == []


async def test_the_log_of_an_unknown_dialog_is_empty(ports: Ports) -> None:
    assert await read(ports, a_dialog_id()) == []


async def test_an_edited_message_reads_as_it_is_now(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    [message] = await say(ports, dialog, "typo")
    edited = message.edited("fixed", at=START)

    async with locked(ports, dialog) as tx:
        await tx.messages.edit(edited, previous=Edit("typo", START))
        tx.record(MessageEdited(dialog_id=dialog, message=edited))

    assert await read(ports, dialog) == [
        (1, MessageSent(dialog_id=dialog, message=edited)),
        (2, MessageEdited(dialog_id=dialog, message=edited)),
    ]


async def test_a_deleted_message_leaves_its_numbers_and_nothing_else(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    [doomed, kept] = await say(ports, dialog, "secret", "kept")

    async with locked(ports, dialog) as tx:
        edited = doomed.edited("still secret", at=START)
        await tx.messages.edit(edited, previous=Edit("secret", START))
        tx.record(MessageEdited(dialog_id=dialog, message=edited))
    async with locked(ports, dialog) as tx:
        await tx.messages.delete(edited)
        tx.record(MessageDeleted(dialog_id=dialog, message_id=doomed.id))

    log = await ports.events.of_dialog(dialog, after=0, limit=10)
    assert [entry.event for entry in log] == [
        Withdrawn(dialog_id=dialog),
        MessageSent(dialog_id=dialog, message=kept),
        Withdrawn(dialog_id=dialog),
        MessageDeleted(dialog_id=dialog, message_id=doomed.id),
    ]
    assert [entry.seq for entry in log] == [1, 2, 3, 4]
    assert "secret" not in repr(log)


async def test_the_log_outlives_its_dialog_without_its_texts(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    await say(ports, dialog, "secret")
    async with locked(ports, dialog) as tx:
        tx.record(DialogPinned(dialog_id=dialog, people=[ANN]))

    async with locked(ports, dialog) as tx:
        await tx.dialogs.delete(dialog)
        tx.record(DialogDeleted(dialog_id=dialog, people=[ANN]))

    assert await read(ports, dialog) == [
        (1, Withdrawn(dialog_id=dialog)),
        (2, DialogPinned(dialog_id=dialog, people=[ANN])),
        (3, DialogDeleted(dialog_id=dialog, people=[ANN])),
    ]


async def test_the_cursor_moves_with_the_log(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    before = await ports.events.latest()
    assert await ports.events.latest() == before

    await say(ports, dialog, "hello")

    assert await ports.events.latest() != before
