"""Transactions: all or nothing, one after the other, with a numbered record."""

import asyncio
from contextlib import suppress

import pytest

from mtchat_core.chat import Ports
from mtchat_core.domain.dialogs import About
from mtchat_core.domain.events import DialogDeleted, DialogPinned, MessageSent, ParticipantJoined
from mtchat_core.domain.ids import DialogId
from mtchat_core.domain.messages import Edit, Origin, Window
from mtchat_core.domain.participants import JoinedAs
from tests.builders import (
    ANN,
    BO,
    PLANNERS,
    START,
    a_dialog,
    a_dialog_id,
    a_participant,
    entry_of,
    kept,
    locked,
    open_dialog,
    say,
)


class Oops(Exception):
    pass


def pinned(dialog: DialogId) -> DialogPinned:
    return DialogPinned(dialog_id=dialog, people=[ANN])


async def everything(ports: Ports, dialog: DialogId) -> object:
    return (
        await ports.directory.details(dialog),
        await ports.transcript.page(dialog, ANN, Window()),
        await ports.inbox.entry(ANN, None, dialog),
        await ports.events.of_dialog(dialog, after=0, limit=100),
    )


async def test_what_the_block_kept_is_there_after_it(ports: Ports) -> None:
    dialog = a_dialog()

    async with ports.units.begin() as tx:
        await tx.dialogs.add(dialog)
        await tx.dialogs.set_scopes(dialog.id, kept(PLANNERS))
        await tx.participants.add([a_participant(dialog.id)])
        message = await tx.messages.say(dialog.id, '{"event":"chat_created"}')
        tx.record(MessageSent(dialog_id=dialog.id, message=message))

    details = await ports.directory.details(dialog.id)
    page = await ports.transcript.page(dialog.id, ANN, Window())
    assert details is not None
    assert [person.user_id for person in details.participants] == [ANN]
    assert [scope.scope for scope in details.scopes] == [PLANNERS]
    assert page is not None
    assert page.messages == (message,)
    assert len(await ports.events.of_dialog(dialog.id, after=0, limit=10)) == 1


async def test_a_failing_block_leaves_nothing_of_a_new_dialog_g21(ports: Ports) -> None:
    dialog = a_dialog()

    with suppress(Oops):
        async with ports.units.begin() as tx:
            await tx.keys.claim("key", fingerprint=b"0" * 16, made=dialog.id)
            await tx.dialogs.add(dialog)
            await tx.dialogs.set_scopes(dialog.id, kept(PLANNERS))
            await tx.participants.add([a_participant(dialog.id)])
            message = await tx.messages.say(dialog.id, "{}")
            tx.record(MessageSent(dialog_id=dialog.id, message=message))
            raise Oops

    assert await everything(ports, dialog.id) == (None, None, None, ())
    assert list(tx.recorded) == []
    async with ports.units.begin() as again:
        other = a_dialog_id()
        assert await again.keys.claim("key", fingerprint=b"1" * 16, made=other) == other


async def test_a_failing_block_leaves_a_dialog_as_it_was_g21(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO, scopes=[PLANNERS])
    message, other = await say(ports, dialog, "one", "two", by=BO)
    before = await everything(ports, dialog)

    with suppress(Oops):
        async with locked(ports, dialog) as tx:
            found = await tx.dialogs.lock(dialog)
            assert found is not None
            await tx.dialogs.describe(found.described(About("another")))
            await tx.dialogs.set_scopes(dialog, [])
            await tx.messages.say(dialog, "{}")
            await tx.messages.edit(other.edited("three", at=START), previous=Edit("two", START))
            await tx.messages.delete(message)
            await tx.participants.forget_message(message, older=None)
            await tx.participants.remove(dialog, BO)
            await tx.participants.save(a_participant(dialog, is_archived=True))
            tx.record(pinned(dialog))
            raise Oops

    assert await everything(ports, dialog) == before
    assert not await ports.transcript.history(dialog, ANN, other.id)


async def test_a_failing_block_keeps_a_dialog_it_deleted(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    before = await everything(ports, dialog)

    with suppress(Oops):
        async with locked(ports, dialog) as tx:
            await tx.dialogs.delete(dialog)
            raise Oops

    assert await everything(ports, dialog) == before


async def test_a_cancelled_block_leaves_nothing_and_frees_the_dialog(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    before = await everything(ports, dialog)
    reached = asyncio.Event()

    async def hang() -> None:
        async with locked(ports, dialog) as tx:
            await tx.messages.say(dialog, "{}")
            tx.record(pinned(dialog))
            reached.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await everything(ports, dialog) == before
    async with locked(ports, dialog):
        pass


async def test_nobody_else_sees_what_is_not_committed(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    before = await everything(ports, dialog)

    async with locked(ports, dialog) as tx:
        found = await tx.dialogs.lock(dialog)
        assert found is not None
        await tx.dialogs.describe(found.described(About("another")))
        await tx.participants.add([a_participant(dialog, by=BO)])
        await tx.messages.say(dialog, "{}")

        assert await everything(ports, dialog) == before

    assert (await entry_of(ports, ANN, dialog)).dialog.about.title == "another"


async def test_a_transaction_sees_its_own_changes(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)

    async with locked(ports, dialog) as tx:
        message = await tx.messages.say(dialog, "{}")
        await tx.participants.add([a_participant(dialog, by=BO)])

        assert await tx.messages.get(dialog, message.id) == message
        assert await tx.participants.user_ids(dialog) == {ANN, BO}


async def test_recorded_events_are_numbered_in_their_order_and_known_after_the_commit(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    joined = ParticipantJoined(
        dialog_id=dialog, user_id=ANN, joined_as=JoinedAs.JOINED, joined_at=START, origin=Origin.CHAT
    )

    async with locked(ports, dialog) as first:
        first.record(pinned(dialog), joined)
        assert list(first.recorded) == []
    async with locked(ports, dialog) as second:
        second.record(joined)
        second.record(pinned(dialog))

    assert [(entry.seq, entry.event) for entry in first.recorded] == [(1, pinned(dialog)), (2, joined)]
    assert [(entry.seq, entry.event) for entry in second.recorded] == [(3, joined), (4, pinned(dialog))]
    assert len({entry.id for entry in [*first.recorded, *second.recorded]}) == 4
    assert all(entry.at.tzinfo is not None for entry in first.recorded)
    assert await ports.events.of_dialog(dialog, after=0, limit=10) == (*first.recorded, *second.recorded)


async def test_a_transaction_that_records_nothing_tells_nothing(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)

    async with locked(ports, dialog) as tx:
        await tx.participants.save(a_participant(dialog, is_pinned=True))

    assert list(tx.recorded) == []
    assert await ports.events.of_dialog(dialog, after=0, limit=10) == ()


async def test_a_failed_transaction_leaves_no_gap_in_the_numbers(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)

    for fails in (False, True, False):
        try:
            async with locked(ports, dialog) as tx:
                message = await tx.messages.say(dialog, "{}")
                tx.record(MessageSent(dialog_id=dialog, message=message))
                if fails:
                    raise Oops
        except Oops:
            continue

    log = await ports.events.of_dialog(dialog, after=0, limit=10)
    page = await ports.transcript.page(dialog, ANN, Window())
    assert page is not None
    assert [entry.seq for entry in log] == [1, 2]
    assert [message.seq for message in page.messages] == [1, 2]


async def test_every_dialog_numbers_its_own_events(ports: Ports) -> None:
    one, other = await open_dialog(ports, ANN), await open_dialog(ports, ANN)

    for dialog in (one, other, one):
        async with locked(ports, dialog) as tx:
            tx.record(pinned(dialog))

    assert [entry.seq for entry in await ports.events.of_dialog(one, after=0, limit=10)] == [1, 2]
    assert [entry.seq for entry in await ports.events.of_dialog(other, after=0, limit=10)] == [1]


async def test_the_deletion_of_a_dialog_is_its_last_event(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    async with locked(ports, dialog) as tx:
        tx.record(pinned(dialog))

    async with locked(ports, dialog) as tx:
        await tx.dialogs.delete(dialog)
        tx.record(DialogDeleted(dialog_id=dialog, people=[ANN]))

    log = await ports.events.of_dialog(dialog, after=0, limit=10)
    assert [(entry.seq, entry.event) for entry in log] == [
        (1, pinned(dialog)),
        (2, DialogDeleted(dialog_id=dialog, people=[ANN])),
    ]
    assert log[-1:] == tuple(tx.recorded)


async def test_transactions_on_one_dialog_run_one_after_the_other(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, title="0")

    async def count() -> None:
        async with ports.units.begin() as tx:
            found = await tx.dialogs.lock(dialog)
            assert found is not None
            number = int(found.about.title or "")
            await tx.participants.get(dialog, ANN)
            await tx.dialogs.describe(found.described(About(str(number + 1))))

    await asyncio.gather(*(count() for _ in range(20)))

    assert (await entry_of(ports, ANN, dialog)).dialog.about.title == "20"


async def test_a_send_waits_for_the_transaction_that_holds_the_dialog(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)

    async with locked(ports, dialog) as tx:
        sending = asyncio.create_task(say(ports, dialog, "later"))
        first = await tx.messages.say(dialog, "{}")
        second = await tx.messages.say(dialog, "{}")
        assert not sending.done()

    [third] = await sending
    assert [first.seq, second.seq, third.seq] == [1, 2, 3]
    assert first.id < second.id < third.id
