"""Commit first, then announce."""

from contextlib import suppress

from mtchat_core.chat import Chat, Ports
from mtchat_core.domain.events import DialogPinned
from mtchat_core.ports.realtime import Announcement
from mtchat_core.use_cases.announcing import Announcer
from mtchat_core.use_cases.transaction import Transaction
from tests.builders import ANN, an_outgoing, locked, open_dialog
from tests.use_cases.conftest import Overheard


async def test_what_is_announced_is_committed_already(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    seen: list[bool] = []
    transaction = Transaction(ports.units, Announcer(ports.broker, ports.jobs))

    def look(announcement: Announcement) -> None:
        seen.append(committed == list(tx.recorded))

    committed: list[Announcement] = []
    ports.broker.listen(committed.append)
    ports.broker.listen(look)
    async with transaction() as tx:
        await tx.dialogs.lock(dialog)
        tx.record(DialogPinned(dialog_id=dialog, people=[ANN]))
        assert committed == []

    assert seen == [True]
    async with locked(ports, dialog):
        pass


async def test_a_failing_block_tells_nobody(ports: Ports, overheard: Overheard) -> None:
    dialog = await open_dialog(ports, ANN)
    transaction = Transaction(ports.units, Announcer(ports.broker, ports.jobs))

    with suppress(ZeroDivisionError):
        async with transaction() as tx:
            await tx.dialogs.lock(dialog)
            tx.record(DialogPinned(dialog_id=dialog, people=[ANN]))
            raise ZeroDivisionError

    assert overheard == []


async def test_a_repeated_send_is_announced_once(chat: Chat, ports: Ports, overheard: Overheard) -> None:
    dialog = await open_dialog(ports, ANN)
    posted = await ports.log.append(an_outgoing(dialog, key="k"))
    chat.ports.broker.publish(posted.recorded)

    again = await ports.log.append(an_outgoing(dialog, key="k"))
    chat.ports.broker.publish(again.recorded)

    assert len(overheard) == 1
