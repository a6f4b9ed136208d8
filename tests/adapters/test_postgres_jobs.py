"""Jobs against people who act at the same moment, in PostgreSQL."""

import asyncio
import random
from datetime import UTC, datetime

from mtchat_adapters.postgres import PostgresStore
from mtchat_core.chat import Chat, Ports
from mtchat_core.domain.archiving import Silence
from mtchat_core.domain.events import DialogArchived, DialogUnarchived, MessageSent, NotificationPending
from mtchat_core.domain.ids import DialogId
from mtchat_core.domain.messages import Draft
from tests.adapters.watching import query
from tests.builders import ANN, BO, SECOND, a_new_dialog, locked, open_dialog, say
from tests.elapsing import make_older

QUIET = Silence().lasts
RACES, AT_ONCE = 1000, 25


async def test_of_a_thousand_races_with_a_sweep_none_leaves_an_active_dialog_archived_g13(
    postgres_ports: Ports, postgres_store: PostgresStore
) -> None:
    chat = Chat.over(postgres_ports)
    long_ago = datetime.now(UTC) - QUIET
    dialogs = [await open_dialog(postgres_ports, ANN, BO, at=long_ago) for _ in range(RACES)]

    async def send(dialog: DialogId) -> None:
        for _ in range(random.randrange(6)):
            await postgres_ports.receipts.unread(ANN)
        await chat.messages.send(random.choice((ANN, BO)), dialog, Draft("hello"))

    for start in range(0, RACES, AT_ONCE):
        sweep = chat.archiving.sweep(after=dialogs[start - 1] if start else None, limit=2 * AT_ONCE)
        await asyncio.gather(sweep, *map(send, dialogs[start : start + AT_ONCE]))

    assert await query(postgres_store, "select dialog_id from participants where is_archived") == []
    for dialog in dialogs:
        log = await postgres_ports.events.of_dialog(dialog, after=0, limit=10)
        told = [type(one.event) for one in log]
        assert told in ([MessageSent], [DialogArchived, DialogUnarchived, MessageSent])
    await chat.archiving.sweep()
    assert await query(postgres_store, "select dialog_id from participants where is_archived") == []


async def test_a_dialog_that_somebody_holds_keeps_no_other_waiting(
    postgres_ports: Ports, postgres_store: PostgresStore
) -> None:
    chat = Chat.over(postgres_ports)
    dialogs = [(await chat.dialogs.create(a_new_dialog(ANN, BO))).id for _ in range(3)]
    for dialog in dialogs:
        await say(postgres_ports, dialog, "1")
    await make_older(postgres_store, QUIET + 30 * SECOND)

    async with locked(postgres_ports, dialogs[0]):
        await chat.notifications.remind_due()
        await chat.archiving.sweep()

    told = [await postgres_ports.events.of_dialog(dialog, after=0, limit=10) for dialog in dialogs]
    jobs = [{type(one.event) for one in log} & {NotificationPending, DialogArchived} for log in told]
    assert jobs == [set(), {NotificationPending, DialogArchived}, {NotificationPending, DialogArchived}]
    assert await chat.notifications.remind_due() == 1
