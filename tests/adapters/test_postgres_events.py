"""The log while transactions overlap, and what tells one history from another."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from mtchat_adapters import postgres
from mtchat_adapters.postgres import PostgresStore
from mtchat_adapters.postgres.message_log import PostgresMessageLog
from mtchat_adapters.postgres.session import Trips
from mtchat_adapters.system.ids import SystemIds
from mtchat_core.chat import Chat, Ports
from mtchat_core.domain.cursors import Cursor
from mtchat_core.domain.events import DialogPinned, Recorded
from mtchat_core.domain.ids import DialogId
from mtchat_core.domain.messages import Draft
from mtchat_core.domain.notifications import Debounce
from mtchat_core.ports.events import Head, Stretch
from tests.adapters.watching import query, until_waiting
from tests.builders import ANN, BO, a_new_dialog, an_outgoing, locked, open_dialog, say
from tests.ears import Ear
from tests.servers import Databases


@asynccontextmanager
async def somebody_writing(store: PostgresStore) -> AsyncIterator[None]:
    """Keep a transaction open that has an id, older than those that follow."""
    async with store.pool.engine.connect() as connection:
        await connection.execute(sa.text("select pg_current_xact_id()"))
        yield
        await connection.rollback()


async def test_what_is_logged_beside_an_open_transaction_waits_for_it_f9(
    postgres_ports: Ports, postgres_store: PostgresStore
) -> None:
    events = postgres_ports.events
    dialog = await open_dialog(postgres_ports, ANN, BO)
    before = await events.latest()

    async with somebody_writing(postgres_store):
        await say(postgres_ports, dialog, "hello")
        meanwhile = await events.latest()
        waiting = [
            (await events.stream(before, limit=10)).events,
            (await events.missed(BO, before, limit=10)).events,
            (await events.heads(before, limit=10)).heads,
        ]
        at_once = await events.missed(BO, before, limit=10, only_settled=False)
        lag = await events.lag()

    assert waiting == [(), (), ()]
    assert [one.seq for one in at_once.events] == [1]
    assert lag > timedelta(0)
    assert await events.lag() == timedelta(0)
    for cursor in (before, meanwhile, at_once.cursor):
        assert [one.seq for one in (await events.stream(cursor, limit=10)).events] == [1]
        assert (await events.heads(cursor, limit=10)).heads == (Head(dialog, 1),)


async def test_who_began_first_and_ended_last_is_not_skipped_f9(postgres_ports: Ports) -> None:
    events = postgres_ports.events
    slow, fast = await open_dialog(postgres_ports, ANN), await open_dialog(postgres_ports, ANN)
    pieces = [await events.stream(None, limit=10)]

    async with locked(postgres_ports, slow) as tx:
        await say(postgres_ports, fast, "1", "2")
        pieces.append(await events.stream(pieces[-1].cursor, limit=10))
        tx.record(DialogPinned(dialog_id=slow, people=[ANN]))
    pieces.append(await events.stream(pieces[-1].cursor, limit=2))
    pieces.append(await events.stream(pieces[-1].cursor, limit=2))

    read = [(one.event.dialog_id, one.seq) for piece in pieces for one in piece.events]
    assert read == [(slow, 1), (fast, 1), (fast, 2)]


async def test_nothing_is_skipped_or_doubled_while_many_write_f9_g5(postgres_ports: Ports) -> None:
    events = postgres_ports.events
    dialogs = [await open_dialog(postgres_ports, ANN) for _ in range(4)]
    everything: list[Recorded] = []
    heads: list[Head] = []
    is_over = asyncio.Event()

    async def write(dialog: DialogId) -> None:
        for n in range(15):
            async with locked(postgres_ports, dialog) as tx:
                tx.record(DialogPinned(dialog_id=dialog, people=[ANN]))
                if n % 5 == 0:
                    await say(postgres_ports, dialogs[0], "x") if dialog != dialogs[0] else None
                tx.record(DialogPinned(dialog_id=dialog, people=[ANN]))

    async def read() -> None:
        cursor = Cursor.read(await events.latest())
        place = str(Cursor(cursor.history, 1))
        while True:
            was_over = is_over.is_set()
            found = await events.stream(place, limit=7)
            everything.extend(found.events)
            place = found.cursor
            if was_over and not found.has_more:
                return

    async def follow() -> None:
        place = str(Cursor(Cursor.read(await events.latest()).history, 1))
        while True:
            was_over = is_over.is_set()
            found = await events.heads(place, limit=5)
            heads.extend(found.heads)
            place = found.cursor
            if was_over and not found.has_more:
                return

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(read())
        group.create_task(follow())
        await asyncio.gather(*map(write, dialogs))
        is_over.set()

    for dialog in dialogs:
        logged = [one.seq for one in await events.of_dialog(dialog, after=0, limit=1000)]
        assert len(logged) >= 30
        assert [one.seq for one in everything if one.event.dialog_id == dialog] == logged
        assert [one.seq for one in heads if one.dialog_id == dialog] == logged


async def test_a_node_tells_what_happened_beside_an_open_transaction_once_that_has_ended_f9(
    postgres_ports: Ports, postgres_store: PostgresStore
) -> None:
    here, there = Chat.over(postgres_ports), Chat.over(postgres_ports)
    there.realtime.close()  # nobody announces anything to it
    dialog = (await here.dialogs.create(a_new_dialog(ANN, BO))).id
    await there.follower.begin()
    bo = Ear(BO)
    await there.realtime.connect(bo)

    async with somebody_writing(postgres_store):
        await here.messages.send(ANN, dialog, Draft("hello"))
        await there.follower.catch_up()
    await there.follower.catch_up()

    assert bo.types() == ["message.new"]
    here.realtime.close()


async def test_forgetting_is_kept_within_what_is_old(postgres_ports: Ports, postgres_store: PostgresStore) -> None:
    events = postgres_ports.events
    dialog = await open_dialog(postgres_ports, ANN)
    await say(postgres_ports, dialog, *"123456")
    await query(postgres_store, "update events set at = at - interval '1 day' where seq <= 4 returning 1 as one")
    [newest] = await events.of_dialog(dialog, after=5, limit=1)

    pruned = [await events.prune(newest.at - timedelta(hours=1), limit=3) for _ in range(3)]

    assert pruned == [3, 1, 0]
    left: Stretch = await events.stream(None, limit=10)
    assert [one.seq for one in left.events] == [5, 6]
    assert len(await query(postgres_store, "select * from event_floor")) == 1


async def test_a_history_is_that_of_the_cluster_unless_one_may_not_ask(databases: Databases) -> None:
    url = await databases.create()
    await postgres.migrate_async(url)
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        known = await connection.scalar(sa.text("select mtchat.event_history()"))
        system = await connection.scalar(sa.text("select system_identifier from pg_control_system()"))
        await connection.execute(sa.text(FORBIDDEN))
        await connection.execute(sa.text("set search_path = mtchat, pg_catalog"))
        unknown = await connection.scalar(sa.text("select event_history()"))
    await engine.dispose()
    await databases.drop(url)

    assert known == f"{system}-1"
    assert unknown == "unknown"
    assert Cursor.read(str(Cursor(known, 5))) == Cursor(known, 5)


FORBIDDEN = """
    create function mtchat.pg_control_system() returns table (system_identifier bigint) language plpgsql as $$
    begin
      raise insufficient_privilege;
    end
    $$
"""


@pytest.mark.parametrize("statement", ["_STREAM", "_HEADS", "_MISSED"])
async def test_whoever_follows_reads_no_table_from_its_beginning(
    postgres_ports: Ports, postgres_store: PostgresStore, statement: str
) -> None:
    from mtchat_adapters.postgres import events as adapter

    dialog = await open_dialog(postgres_ports, ANN)
    await say(postgres_ports, dialog, "hello")
    sql = getattr(adapter, statement).sql

    async with postgres_store.pool.engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        await raw.execute(f"prepare wanted as {sql}")
        types = await raw.fetchval(
            "select parameter_types::text[] from pg_prepared_statements where name = 'wanted'"
        )
        values = ", ".join("null" for _ in types)
        plan = "\n".join(row[0] for row in await raw.fetch(f"explain execute wanted({values})"))
        await raw.execute("deallocate wanted")

    assert "Seq Scan on events" not in plan
    assert "Hash" not in plan


async def xids(store: PostgresStore, dialog: DialogId) -> list[int]:
    """Return the transactions of a dialog's events, by number."""
    rows = await query(
        store, "select cast(xid as text) as xid from events where dialog_id = :dialog order by seq", dialog=dialog
    )
    return [int(row["xid"]) for row in rows]


async def test_an_old_transaction_that_comes_late_is_read_after_what_it_comes_after(
    postgres_ports: Ports, postgres_store: PostgresStore
) -> None:
    first = await open_dialog(postgres_ports, ANN, BO)
    second = await open_dialog(postgres_ports, ANN, BO)
    start = await postgres_ports.events.latest()

    async with locked(postgres_ports, first) as tx:
        await say(postgres_ports, second, "before you")
        assert await tx.dialogs.lock(second) is not None
        tx.record(DialogPinned(dialog_id=second, people=[ANN]))
        tx.record(DialogPinned(dialog_id=first, people=[ANN]))

    stream = await postgres_ports.events.stream(start, limit=10)
    assert [one.seq for one in stream.events if one.event.dialog_id == second] == [1, 2]


async def test_those_who_waited_for_a_dialog_are_read_in_the_order_they_were_served(
    postgres_ports: Ports, postgres_store: PostgresStore
) -> None:
    dialog = await open_dialog(postgres_ports, ANN, BO)

    async def pin() -> None:
        async with locked(postgres_ports, dialog) as tx:
            tx.record(DialogPinned(dialog_id=dialog, people=[ANN]))

    for _ in range(30):
        async with locked(postgres_ports, dialog) as tx:
            nodes = [PostgresMessageLog(Trips(postgres_store.pool), SystemIds(), Debounce()) for _ in range(4)]
            sends = [asyncio.create_task(node.append(an_outgoing(dialog))) for node in nodes]
            pins = [asyncio.create_task(pin()) for _ in range(4)]
            await until_waiting(postgres_store, people=6)
            tx.record(DialogPinned(dialog_id=dialog, people=[BO]))
        await asyncio.gather(*sends, *pins)

    served = await xids(postgres_store, dialog)
    assert len(served) == 30 * 9
    assert served == sorted(served)
