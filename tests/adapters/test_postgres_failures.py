"""A database that is gone, silent, busy or read-only: callers hear of it soon, in our words, and it heals."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest
import sqlalchemy as sa
from attrs import evolve

from mtchat_adapters import memory, postgres
from mtchat_adapters.postgres import PostgresStore, keys
from mtchat_adapters.postgres.engine import driver_url, schema_name
from mtchat_adapters.postgres.failures import Fault
from mtchat_adapters.postgres.session import Statement, Trips, statement, transaction
from mtchat_core.chat import Ports
from mtchat_core.domain.errors import ChatError, InvalidInput, ServiceUnavailable
from mtchat_core.domain.ids import DialogId
from mtchat_core.domain.messages import IdempotencyConflict, Window
from tests.adapters.between import Between, between
from tests.adapters.watching import query, until_waiting
from tests.builders import (
    ANN,
    a_dialog_id,
    a_sent_file,
    an_outgoing,
    an_upload,
    locked,
    open_dialog,
    say,
    send_files,
)
from tests.servers import Databases

SOON = timedelta(milliseconds=300)
PATIENCE = timedelta(seconds=20)
OTHERS = """
    select pg_terminate_backend(pid, 10000) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()
"""

Work = Callable[[Ports, DialogId], Awaitable[object]]


@asynccontextmanager
async def opened(
    url: str, *, pool_size: int = 4, acquire: timedelta = PATIENCE, command: timedelta = PATIENCE
) -> AsyncIterator[tuple[PostgresStore, Ports]]:
    async with postgres.open(url, pool_size=pool_size, acquire=acquire, command=command) as store:
        yield store, evolve(memory.ports(), **store.ports())


@pytest.fixture
async def someone(postgres_url: str) -> AsyncIterator[Between]:
    """Somebody between us and the session's database."""
    async with between(postgres_url) as someone:
        yield someone


async def reads(ports: Ports, dialog: DialogId) -> None:
    assert await ports.inbox.entry(ANN, None, dialog) is not None


async def sends(ports: Ports, dialog: DialogId) -> None:
    await ports.log.append(an_outgoing(dialog))


async def sends_with_a_key(ports: Ports, dialog: DialogId) -> None:
    await ports.log.append(an_outgoing(dialog, key="k"))


async def sends_a_file(ports: Ports, dialog: DialogId) -> None:
    await send_files(ports, dialog, an_upload(dialog))


async def changes(ports: Ports, dialog: DialogId) -> None:
    async with locked(ports, dialog) as tx:
        await tx.messages.say(dialog, "{}")


ANYTHING = pytest.mark.parametrize("work", [reads, sends, sends_with_a_key, sends_a_file, changes])


async def said(ports: Ports, dialog: DialogId) -> list[str]:
    page = await ports.transcript.page(dialog, ANN, Window(limit=100))
    assert page is not None
    assert all(later.seq == earlier.seq + 1 for earlier, later in itertools.pairwise(page.messages))
    return [message.content for message in page.messages]


# Where the database is


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("postgres://ann:s%40c@db:5433/chat", "postgresql://ann:s%40c@db:5433/chat"),
        ("postgresql://db/chat?sslmode=require", "postgresql://db/chat?sslmode=require"),
        ("postgresql+asyncpg://db/chat?ssl=require", "postgresql://db/chat?sslmode=require"),
        ("postgresql://ann@/chat?host=/run/postgresql", "postgresql://ann@/chat?host=%2Frun%2Fpostgresql"),
        ("postgres://db/chat?connect_timeout=5&channel_binding=require", "postgresql://db/chat"),
        (
            "postgres://a:1,b:2/chat?target_session_attrs=primary",
            "postgresql://a:1,b:2/chat?target_session_attrs=primary",
        ),
    ],
)
def test_the_usual_forms_of_a_url_are_understood(given: str, read: str) -> None:
    assert driver_url(given) == read


@pytest.mark.parametrize(
    "given", ["mysql://db/chat", "postgresql+psycopg://db/chat", "db/chat", "postgres://[db/chat"]
)
def test_other_forms_are_refused_without_repeating_them(given: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        driver_url(given)

    assert given not in str(refusal.value)


@pytest.mark.parametrize(
    "name", ["", "Chat", "1chat", "chat-1", 'ch"at', "chat; drop", "pg_chat", "x" * 64, "чат"]
)
def test_a_schema_that_would_need_quoting_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        schema_name(name)


async def test_every_session_knows_its_limits(postgres_url: str) -> None:
    asked = """
        select current_setting('search_path') as path, current_setting('lock_timeout') as lock_wait,
          current_setting('idle_in_transaction_session_timeout') as idle, current_setting('timezone') as zone,
          current_setting('transaction_isolation') as isolation
    """
    async with postgres.open(postgres_url) as store:
        [told] = await query(store, asked)

    assert told == {
        "path": "mtchat",
        "lock_wait": "1500ms",
        "idle": "10s",
        "zone": "UTC",
        "isolation": "read committed",
    }


# Gone


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann@/chat?host=/nowhere/at/all",
        "postgres://ann:secret@127.0.0.1:1/chat",
        "postgresql+asyncpg://ann:secret@nowhere.invalid/chat",
        "postgresql://ann:secret@127.0.0.1:1/chat?sslmode=secret",
    ],
)
async def test_an_unreachable_database_is_unavailable_and_nothing_else(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(url) as (store, ports):
        assert not await store.is_ready()
        for work in (reads, sends, changes):
            with pytest.raises(ServiceUnavailable) as refusal:
                await work(ports, a_dialog_id())
            assert refusal.value.retry_after is not None
            assert "secret" not in str(refusal.value)
    with pytest.raises(ServiceUnavailable):
        await postgres.examine(url, "mtchat")

    assert "secret" not in caplog.text


async def test_what_an_operator_has_to_do_is_in_the_log(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere = sa.make_url(postgres_url).set(database="nobody_made_this").render_as_string(hide_password=False)

    async with opened(elsewhere) as (_, ports):
        with pytest.raises(ServiceUnavailable):
            await reads(ports, a_dialog_id())
    async with postgres.open(postgres_url, schema="nobody_made_this") as store:
        with pytest.raises(ServiceUnavailable):
            await store.receipts.unread(ANN)

    assert "there is no database of that name" in caplog.text
    assert "run `mtchat migrate`" in caplog.text


@ANYTHING
async def test_after_a_hang_up_the_next_request_works_f4(
    postgres_ports: Ports, someone: Between, work: Work
) -> None:
    dialog = await open_dialog(postgres_ports, ANN)
    async with opened(someone.url) as (_, ports):
        await asyncio.gather(*(reads(ports, dialog) for _ in range(4)))
        before = someone.connections

        await someone.hang_up()
        await work(ports, dialog)

        assert someone.connections == before + 1


@ANYTHING
async def test_after_the_server_ended_our_sessions_the_next_request_works_f4(
    postgres_ports: Ports, postgres_store: PostgresStore, postgres_url: str, work: Work
) -> None:
    dialog = await open_dialog(postgres_ports, ANN)
    async with opened(postgres_url) as (_, ports):
        await asyncio.gather(*(reads(ports, dialog) for _ in range(4)))

        async with postgres_store.engine.connect() as connection:
            await connection.execute(sa.text(OTHERS))
        await reads(ports, dialog)
        await work(ports, dialog)


async def test_a_hang_up_within_a_transaction_keeps_nothing_and_frees_the_dialog(
    postgres_ports: Ports, someone: Between
) -> None:
    dialog = await open_dialog(postgres_ports, ANN)
    async with opened(someone.url) as (_, ports):

        async def lose() -> None:
            async with locked(ports, dialog) as tx:
                await tx.messages.say(dialog, "lost")
                await someone.hang_up()
                await tx.messages.say(dialog, "lost")

        with pytest.raises(ServiceUnavailable):
            await lose()

        await changes(ports, dialog)

    assert await said(postgres_ports, dialog) == ["{}"]


async def test_a_keyed_send_survives_a_hang_up_and_makes_one_message_g3(
    postgres_ports: Ports, postgres_store: PostgresStore, someone: Between
) -> None:
    dialog = await open_dialog(postgres_ports, ANN)
    async with opened(someone.url) as (_, ports):
        async with locked(postgres_ports, dialog):
            sending = asyncio.create_task(ports.log.append(an_outgoing(dialog, key="k", content="once")))
            await until_waiting(postgres_store)
            await someone.hang_up()
        posted = await sending

    assert posted.message.content == "once"
    assert await said(postgres_ports, dialog) == ["once"]


async def test_a_keyed_send_of_a_file_survives_a_hang_up_and_uses_its_place_once_g3(
    postgres_ports: Ports, postgres_store: PostgresStore, someone: Between
) -> None:
    dialog = await open_dialog(postgres_ports, ANN)
    upload = an_upload(dialog)
    await postgres_ports.uploads.reserve(upload, quota_bytes=None)
    outgoing = an_outgoing(dialog, key="k", files=[a_sent_file(upload)])
    async with opened(someone.url) as (_, ports):
        async with locked(postgres_ports, dialog):
            sending = asyncio.create_task(ports.log.append(outgoing))
            await until_waiting(postgres_store)
            await someone.hang_up()
        posted = await sending

    assert len(posted.message.attachments) == 1
    assert len(await said(postgres_ports, dialog)) == 1
    assert await postgres_ports.uploads.get(ANN, upload.key) is None


async def test_a_send_without_a_key_is_not_repeated_after_a_hang_up(
    postgres_ports: Ports, postgres_store: PostgresStore, someone: Between
) -> None:
    dialog = await open_dialog(postgres_ports, ANN)
    async with opened(someone.url) as (_, ports):
        async with locked(postgres_ports, dialog):
            sending = asyncio.create_task(sends(ports, dialog))
            await until_waiting(postgres_store)
            await someone.hang_up()
        with pytest.raises(ServiceUnavailable):
            await sending

    assert len(await said(postgres_ports, dialog)) <= 1


# Silent


async def test_a_frozen_database_is_given_up_soon_and_heals_f5(postgres_ports: Ports, someone: Between) -> None:
    dialog = await open_dialog(postgres_ports, ANN)
    async with opened(someone.url, acquire=SOON, command=SOON) as (store, ports):
        await asyncio.gather(*(reads(ports, dialog) for _ in range(4)))

        someone.freeze()
        async with asyncio.timeout(5):
            for work in (reads, sends, changes):
                with pytest.raises(ServiceUnavailable):
                    await work(ports, dialog)
            assert not await store.is_ready()
        someone.thaw()

        assert await store.is_ready()
        for work in (reads, changes):
            await asyncio.gather(*(work(ports, dialog) for _ in range(8)))


async def test_a_server_that_accepts_and_says_nothing_is_given_up_soon(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    async with between("postgresql://ann@/chat?host=/nowhere") as someone:
        someone.freeze()
        async with opened(someone.url, acquire=SOON, command=SOON) as (store, _):
            async with asyncio.timeout(5):
                assert not await store.is_ready()


# Busy


async def test_who_finds_no_connection_free_in_time_is_sent_away_f7(
    postgres_ports: Ports, postgres_url: str
) -> None:
    dialog = await open_dialog(postgres_ports, ANN)
    async with opened(postgres_url, pool_size=1, acquire=SOON) as (_, ports):
        async with locked(ports, dialog):
            async with asyncio.timeout(5):
                for work in (reads, sends, changes):
                    with pytest.raises(ServiceUnavailable):
                        await work(ports, dialog)

        await changes(ports, dialog)


async def test_nobody_is_overtaken_for_ever(postgres_ports: Ports, postgres_url: str) -> None:
    dialog = await open_dialog(postgres_ports, ANN)

    async def often(ports: Ports) -> None:
        for _ in range(30):
            await reads(ports, dialog)

    async with opened(postgres_url, pool_size=2, acquire=timedelta(seconds=2)) as (_, ports):
        await asyncio.gather(*(often(ports) for _ in range(40)))


@pytest.mark.parametrize("work", [sends, sends_with_a_key, changes])
async def test_a_dialog_held_too_long_sends_the_others_away_and_costs_no_connection(
    postgres_ports: Ports, someone: Between, work: Work
) -> None:
    dialog = await open_dialog(postgres_ports, ANN)
    async with opened(someone.url, pool_size=1, command=timedelta(seconds=2)) as (_, ports):
        await reads(ports, dialog)
        async with locked(postgres_ports, dialog):
            with pytest.raises(ServiceUnavailable):
                await work(ports, dialog)

        await reads(ports, dialog)

        assert someone.connections == 1
    assert await said(postgres_ports, dialog) == []


async def test_a_key_held_too_long_is_a_conflict(postgres_ports: Ports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_ATTEMPTS", 1)
    async with postgres_ports.units.begin() as first:
        await first.keys.claim("k", fingerprint=b"f", made=a_dialog_id())
        with pytest.raises(IdempotencyConflict):
            async with postgres_ports.units.begin() as second:
                await second.keys.claim("k", fingerprint=b"f", made=a_dialog_id())


# Undone in favour of another


@pytest.fixture
async def undone(
    postgres_ports: Ports, postgres_store: PostgresStore
) -> AsyncIterator[Callable[[int], Statement]]:
    """Make statements that PostgreSQL undoes so many times before it lets them pass."""
    await query(postgres_store, "drop sequence if exists attempts")
    await query(postgres_store, "create sequence attempts")
    await query(
        postgres_store,
        """
        create or replace function undone(times bigint, code text) returns bigint language plpgsql as $$
        declare attempt bigint := nextval('attempts');
        begin
          if attempt <= times then raise exception 'undone' using errcode = code; end if;
          return attempt;
        end $$
        """,
    )
    yield lambda times: statement(f"select undone({times}, :code) as attempt")
    await query(postgres_store, "drop function undone(bigint, text)")
    await query(postgres_store, "drop sequence attempts")


@pytest.mark.parametrize("code", ["40001", "40P01"], ids=["serialization", "deadlock"])
@pytest.mark.parametrize("is_repeatable", [True, False])
async def test_what_the_server_undid_is_run_again_up_to_three_times_f8(
    postgres_store: PostgresStore, undone: Callable[[int], Statement], code: str, is_repeatable: bool
) -> None:
    trips = Trips(postgres_store.pool)

    [passed] = await trips.all(undone(3), {"code": code}, is_repeatable=is_repeatable)
    await query(postgres_store, "alter sequence attempts restart")
    with pytest.raises(ServiceUnavailable):
        await trips.all(undone(4), {"code": code}, is_repeatable=is_repeatable)

    assert passed["attempt"] == 4
    assert (await query(postgres_store, "select nextval('attempts') as next"))[0]["next"] == 5


async def test_a_stricter_isolation_by_default_changes_nothing_f8(databases: Databases) -> None:
    url = await databases.create()
    name = sa.make_url(url).database
    await postgres.migrate_async(url)
    async with opened(url) as (store, _):
        await query(store, f'alter database "{name}" set default_transaction_isolation = serializable')

    async with opened(url, pool_size=8) as (_, ports):
        dialog = await open_dialog(ports, ANN)
        await asyncio.gather(*(work(ports, dialog) for work in [sends, changes] * 10))
        assert len(await said(ports, dialog)) == 20
    await databases.drop(url)


# Read-only


async def test_a_database_that_takes_no_changes_is_left_for_one_that_does_f6(databases: Databases) -> None:
    url = await databases.create()
    name = sa.make_url(url).database
    await postgres.migrate_async(url)
    async with opened(url) as (store, ports):
        dialog = await open_dialog(ports, ANN)
        engine = store.engine

        async def read_only(on: str) -> None:
            async with engine.connect() as connection:
                await connection.execute(sa.text("set default_transaction_read_only = off"))
                await connection.execute(
                    sa.text(f"alter database {name} set default_transaction_read_only = {on}")
                )
                await connection.execute(sa.text(OTHERS))
                await connection.invalidate()

        await read_only("on")
        await reads(ports, dialog)
        assert not await store.is_ready()
        for work in (sends, sends_with_a_key, changes):
            with pytest.raises(ServiceUnavailable):
                await work(ports, dialog)

        await read_only("off")
        assert await store.is_ready()
        await changes(ports, dialog)
    await databases.drop(url)


# Cancelled


async def test_who_is_cancelled_leaves_no_lock_no_gap_and_no_connection_behind(
    postgres_ports: Ports, postgres_url: str
) -> None:
    dialog = await open_dialog(postgres_ports, ANN)
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    async with opened(postgres_url, pool_size=3) as (store, ports):

        async def cancelled(work: Work) -> None:
            with suppress(TimeoutError, ChatError):
                async with asyncio.timeout(chance.uniform(0, 0.02)):
                    await work(ports, dialog)

        for _ in range(20):
            works = chance.choices([reads, sends, sends_a_file, changes], k=12)
            await asyncio.gather(*(cancelled(work) for work in works))

        held = """
            select count(*) as transactions from pg_stat_activity
            where datname = current_database() and state like 'idle in transaction%'
        """
        async with asyncio.timeout(10):
            await asyncio.gather(*(changes(ports, dialog) for _ in range(9)))
            assert await query(store, held) == [{"transactions": 0}], f"seed {seed}"
    assert len(await said(postgres_ports, dialog)) >= 9


# Our own mistakes


async def test_a_mistake_of_ours_names_neither_the_statement_nor_its_values(postgres_store: PostgresStore) -> None:
    wrong = statement("insert into dialogs (id, object_type, object_id) values (:id, 'secret', :secret)")

    with pytest.raises(Fault) as fault:
        await Trips(postgres_store.pool).all(wrong, {"id": a_dialog_id(), "secret": "secret"})

    assert "23502" in str(fault.value)
    assert "secret" not in str(fault.value)
    assert fault.value.__suppress_context__


async def test_a_transaction_that_passes_over_an_error_does_not_pretend_to_commit(
    postgres_ports: Ports, postgres_store: PostgresStore
) -> None:
    dialog = await open_dialog(postgres_ports, ANN)
    [message] = await say(postgres_ports, dialog, "hello")
    twice = statement("insert into messages select * from messages where id = :id")

    async def pass_over() -> None:
        async with transaction(postgres_store.pool) as session:
            with suppress(Fault):
                await session.all(twice, {"id": message.id})

    with pytest.raises(Fault):
        await pass_over()
