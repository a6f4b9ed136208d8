"""A database that is gone, silent, full, busy or read-only: callers hear of it soon, in our words, and it heals."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest
import sqlalchemy as sa
from attrs import evolve

from mtchat_adapters import memory, postgres
from mtchat_adapters.postgres import PostgresStore
from mtchat_adapters.postgres.engine import driver_url, schema_name
from mtchat_adapters.postgres.failures import Fault
from mtchat_adapters.postgres.session import Trips, statement
from mtchat_core.chat import Ports
from mtchat_core.domain.errors import ChatError, InvalidInput, ServiceUnavailable
from mtchat_core.domain.ids import DialogId
from mtchat_core.domain.messages import IdempotencyConflict
from tests.adapters.between import Between, between
from tests.builders import ANN, BO, a_dialog_id, an_outgoing, locked, open_dialog, say

SOON = timedelta(milliseconds=200)
PATIENCE = timedelta(seconds=20)


@asynccontextmanager
async def opened(
    url: str, *, pool_size: int = 4, acquire: timedelta = PATIENCE, command: timedelta = PATIENCE
) -> AsyncIterator[tuple[PostgresStore, Ports]]:
    async with postgres.open(url, pool_size=pool_size, acquire=acquire, command=command) as store:
        yield store, evolve(memory.ports(), **store.ports())


@pytest.fixture
async def someone(postgres_url: str) -> AsyncIterator[Between]:
    async with between(postgres_url) as someone:
        yield someone


async def reads(ports: Ports, dialog: DialogId) -> None:
    assert await ports.inbox.entry(ANN, None, dialog) is not None


async def sends(ports: Ports, dialog: DialogId) -> None:
    await ports.log.append(an_outgoing(dialog))


async def sends_with_a_key(ports: Ports, dialog: DialogId) -> None:
    await ports.log.append(an_outgoing(dialog, key="k"))


async def changes(ports: Ports, dialog: DialogId) -> None:
    async with locked(ports, dialog) as tx:
        await tx.messages.say(dialog, "{}")


ANYTHING = pytest.mark.parametrize("work", [reads, sends, sends_with_a_key, changes])


# Gone


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann@/chat?host=/nowhere/at/all",
        "postgres://ann:secret@127.0.0.1:1/chat",
        "postgresql+asyncpg://ann:secret@nowhere.invalid/chat",
    ],
)
async def test_an_unreachable_database_is_named_as_such_and_nothing_else(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(url) as (store, ports):
        assert not await store.is_ready()
        with pytest.raises(ServiceUnavailable) as refusal:
            await reads(ports, a_dialog_id())
        with pytest.raises(ServiceUnavailable):
            await changes(ports, a_dialog_id())

    assert refusal.value.retry_after is not None
    assert "secret" not in f"{refusal.value} {caplog.text}"


async def test_a_database_that_does_not_exist_is_named_in_the_log(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = sa.make_url(postgres_url).set(database="nobody_made_this").render_as_string(hide_password=False)

    async with opened(url) as (_, ports):
        with pytest.raises(ServiceUnavailable):
            await reads(ports, a_dialog_id())

    assert "there is no database of that name" in caplog.text


async def test_a_database_without_our_tables_is_named_in_the_log_and_no_other_table_is_touched(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with postgres.open(postgres_url, schema="nothing_here") as store:
        with pytest.raises(ServiceUnavailable):
            await store.receipts.unread(ANN)

    assert "run `mtchat migrate`" in caplog.text


@ANYTHING
async def test_after_a_hang_up_the_next_request_already_works_f4(
    postgres_ports: Ports, someone: Between, work: object
) -> None:
    assert callable(work)
    dialog = await open_dialog(postgres_ports, ANN)
    async with opened(someone.url) as (_, ports):
        await asyncio.gather(*(reads(ports, dialog) for _ in range(4)))
        before = someone.connections

        someone.hang_up()
        await asyncio.sleep(0)  # the loop hears of it
        await work(ports, dialog)

        assert someone.connections > before


async def test_a_killed_backend_fails_its_own_transaction_and_no_other_f4(
    postgres_ports: Ports, postgres_url: str
) -> None:
    dialog = await open_dialog(postgres_ports, ANN)
    kill = sa.text("select pg_terminate_backend(:pid)")
    async with opened(postgres_url, pool_size=1) as (store, ports):
        with pytest.raises(ServiceUnavailable):
            async with locked(ports, dialog) as tx:
                await tx.messages.say(dialog, "{}")
                [backend] = await store_pid(tx)
                async with postgres_ports_engine(postgres_ports).connect() as connection:
                    await connection.execute(kill, {"pid": backend})
                await tx.messages.say(dialog, "{}")

        await sends(ports, dialog)

    assert [event.seq for event in await postgres_ports.events.of_dialog(dialog, after=0, limit=9)] == [1]
    assert store
