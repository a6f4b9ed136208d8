"""Unread totals."""

from mtchat_core.chat import Ports
from mtchat_core.domain.inbox import Unread
from mtchat_core.domain.receipts import ReadMark
from mtchat_core.domain.scopes import AccessScope
from tests.builders import ANN, BO, CY, a_participant, add_person, announce, locked, open_dialog, say


async def test_who_is_nowhere_has_nothing_unread(ports: Ports) -> None:
    await say(ports, await open_dialog(ports, ANN), "hello")

    assert await ports.receipts.unread(CY) == Unread(messages=0, dialogs=0)


async def test_unread_messages_are_summed_up_over_dialogs(ports: Ports) -> None:
    noisy, calm, read = [await open_dialog(ports, ANN, BO) for _ in range(3)]
    await say(ports, noisy, "1", "2", "3", by=BO)
    await say(ports, calm, "1", by=BO)
    await say(ports, read, "1", by=BO)
    await say(ports, read, "2", by=ANN)
    await announce(ports, calm)

    assert await ports.receipts.unread(ANN) == Unread(messages=4, dialogs=2)
    assert await ports.receipts.unread(BO) == Unread(messages=1, dialogs=1)


async def test_archived_dialogs_do_not_count(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    await say(ports, dialog, "1", by=BO)
    assert await ports.receipts.unread(ANN) == Unread(messages=1, dialogs=1)

    async with locked(ports, dialog) as tx:
        await tx.participants.save(a_participant(dialog, is_archived=True))

    assert await ports.receipts.unread(ANN) == Unread(messages=0, dialogs=0)


async def test_scopes_do_not_change_the_totals(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO, scopes=[AccessScope((["x"], [], []))])
    await say(ports, dialog, "1", by=BO)

    assert await ports.receipts.unread(ANN) == Unread(messages=1, dialogs=1)


async def test_a_newcomers_history_counts(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    await announce(ports, dialog)
    await say(ports, dialog, "1")

    await add_person(ports, dialog, a_participant(by=CY, mark=ReadMark(counted=-1)))

    assert await ports.receipts.unread(CY) == Unread(messages=2, dialogs=1)
