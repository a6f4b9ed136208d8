"""Migrations: from nothing, again, by several at once, and next to somebody else's tables."""

import asyncio
import importlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from attrs import evolve
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from mtchat_adapters import memory, postgres
from mtchat_core.chat import Ports
from mtchat_core.domain.errors import ServiceUnavailable
from mtchat_core.domain.inbox import Query
from mtchat_core.domain.search import Search
from tests.builders import (
    ANN,
    BO,
    CY,
    a_participant,
    a_profile,
    add_person,
    an_upload,
    announce,
    open_dialog,
    say,
    send_files,
)
from tests.servers import Databases

# The function of the same name hides the module.
migrating = importlib.import_module("mtchat_adapters.postgres.migrate")
STEPS = ["0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008"]
THEIRS = ("dialogs", "participants", "messages", "events", "schema_version", "alembic_version", "orders")
OURS = "select tablename from pg_tables where schemaname = 'mtchat'"


@pytest.fixture
async def url(databases: Databases) -> AsyncIterator[str]:
    """An empty database."""
    url = await databases.create()
    yield url
    await databases.drop(url)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


async def rows(url: str, query: str) -> Sequence[Any]:
    async with connected(url) as connection:
        return [tuple(row) for row in await connection.execute(sa.text(query))]


async def everything(url: str) -> Sequence[Any]:
    """Return every table, column and index outside PostgreSQL's own schemas."""
    return [
        *await rows(
            url,
            """
            select table_schema, table_name, column_name, data_type, collation_name, is_nullable, column_default
            from information_schema.columns where table_schema not in ('pg_catalog', 'information_schema')
            order by 1, 2, ordinal_position
            """,
        ),
        *await rows(url, "select indexdef from pg_indexes where schemaname not in ('pg_catalog') order by 1"),
    ]


async def works(url: str, schema: str = "mtchat") -> None:
    async with postgres.open(url, schema=schema, pool_size=2) as store:
        ports = evolve(memory.ports(), **store.ports())
        dialog = await open_dialog(ports, ANN)
        await say(ports, dialog, "hello")
        assert [entry.dialog.id for entry in await ports.inbox.participating(ANN, None, Query())] == [dialog]


async def test_an_empty_database_becomes_ours_and_stays_so(url: str) -> None:
    assert await postgres.pending_migrations(url) == STEPS

    await postgres.migrate_async(url)
    made = await everything(url)
    await postgres.migrate_async(url)

    assert await everything(url) == made
    assert await postgres.pending_migrations(url) == []
    await works(url)


def test_migrating_works_outside_a_running_loop(postgres_url: str) -> None:
    postgres.migrate(postgres_url)


async def test_several_migrators_at_once_make_one_schema(url: str) -> None:
    await asyncio.gather(*(postgres.migrate_async(url) for _ in range(4)))

    assert await rows(url, "select version_num from mtchat.schema_version") == [(STEPS[-1],)]
    await works(url)


async def test_a_hosts_tables_of_the_same_names_are_left_alone(url: str) -> None:
    async with connected(url) as connection:
        for table in THEIRS:
            await connection.execute(sa.text(f"create table {table} (id integer primary key, theirs text)"))
            await connection.execute(sa.text(f"insert into {table} values (1, 'theirs')"))
        await connection.execute(sa.text("create schema another"))
        await connection.execute(sa.text("create table another.messages (id integer)"))
    theirs = [row for row in await everything(url) if row[0] != "mtchat"]

    await postgres.migrate_async(url)
    await works(url)

    assert [row for row in await everything(url) if row[0] != "mtchat" and " mtchat." not in row[0]] == theirs
    assert await rows(url, "select theirs from public.messages") == [("theirs",)]


async def test_the_schema_may_have_another_name_and_several_live_side_by_side(url: str) -> None:
    for schema in ("chat_of_ours", "mtchat", "_9"):
        await postgres.migrate_async(url, schema)
        await works(url, schema)

    assert {row[0] for row in await rows(url, "select schemaname from pg_tables where tablename = 'dialogs'")} == {
        "chat_of_ours",
        "mtchat",
        "_9",
    }


async def test_a_role_that_may_only_use_its_schema_can_migrate_it_and_searches_slower(url: str) -> None:
    async with connected(url) as connection:
        await connection.execute(sa.text("create schema mtchat"))
        await connection.execute(
            sa.text(f"revoke create on database {sa.make_url(url).database} from current_user")
        )
    [(may_extend,)] = await rows(url, "select has_database_privilege(current_database(), 'create')")

    await postgres.migrate_async(url)
    await works(url)

    assert (await postgres.examine(url, "mtchat")).has_trigrams == may_extend
    assert bool(await rows(url, "select 1 from pg_indexes where indexdef like '%trgm%'")) == may_extend


@pytest.mark.parametrize("home", ["public", "extensions"])
async def test_trigrams_are_used_wherever_they_live(url: str, home: str) -> None:
    if not await rows(url, "select 1 from pg_available_extensions where name = 'pg_trgm'"):
        return
    async with connected(url) as connection:
        await connection.execute(sa.text(f"create schema if not exists {home}"))
        await connection.execute(sa.text(f"create extension pg_trgm with schema {home}"))

    await postgres.migrate_async(url)

    assert (await postgres.examine(url, "mtchat")).has_trigrams
    assert len(await rows(url, "select 1 from pg_indexes where indexdef like '%gin_trgm_ops%'")) == 1
    await works(url)


async def test_a_held_table_is_waited_for_and_then_given_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrating, "ATTEMPTS", 2)
    monkeypatch.setattr(migrating, "LOCK_WAIT", timedelta(milliseconds=50))
    monkeypatch.setattr(migrating, "BETWEEN_ATTEMPTS", timedelta(0))
    async with connected(url) as connection:
        await connection.execute(sa.text("select pg_advisory_lock(:key)"), {"key": migrating.ONE_MIGRATOR})

        with pytest.raises(ServiceUnavailable):
            await postgres.migrate_async(url)

        await connection.execute(sa.text("select pg_advisory_unlock_all()"))
    await postgres.migrate_async(url)


@asynccontextmanager
async def before_search(url: str) -> AsyncIterator[Ports]:
    """Open ports over a database that becomes, after the block, as the release before search left it."""
    await postgres.migrate_async(url)
    async with postgres.open(url, pool_size=1) as store:
        yield evolve(memory.ports(), **store.ports())
    async with connected(url) as connection:
        await connection.execute(sa.text("alter table mtchat.messages drop column search_text"))
        await connection.execute(sa.text("update mtchat.schema_version set version_num = '0001'"))


async def test_what_was_said_before_search_came_is_found_too(url: str) -> None:
    async with before_search(url) as ports:
        for dialog in (await open_dialog(ports, ANN), await open_dialog(ports, ANN)):
            await say(ports, dialog, "<b>ПРИ</b>ВЕТ", "a&amp;b", "привет")
            await announce(ports, dialog, '{"event":"notice","text":"привет"}')
    more_than_a_batch = """
        insert into mtchat.messages (dialog_id, id, seq, sender_id, sender_name, type, content, sent_at)
        select id, gen_random_uuid(), 4 + n, 'ann', 'Ann', 'user', '<i>old</i>', now()
        from mtchat.dialogs, generate_series(1, 1200) n
    """
    async with connected(url) as connection:
        await connection.execute(sa.text(more_than_a_batch))

    await postgres.migrate_async(url)

    async with postgres.open(url, pool_size=1) as store:
        for wanted, hits in (("привет", 4), ("a&b", 2), ("amp", 0)):
            found = await store.search.find(ANN, None, Search(wanted))
            assert found is not None
            assert len(found.hits) == hits
    kept = "select search_text, count(*) from mtchat.messages group by 1 order by 2, 1"
    assert await rows(url, kept) == [("a&b", 2), (None, 2), ("привет", 4), ("old", 2400)]


async def test_a_step_that_broke_off_is_taken_up_again(url: str) -> None:
    async with before_search(url) as ports:
        await say(ports, await open_dialog(ports, ANN), "first", "second")
    async with connected(url) as connection:
        for statement in (
            'alter table mtchat.messages add column search_text text collate "C"',
            "update mtchat.messages set search_text = 'first' where seq = 1",
            "create index messages_search on mtchat.messages (search_text)",
        ):
            await connection.execute(sa.text(statement))

    await postgres.migrate_async(url)

    assert await rows(url, "select search_text from mtchat.messages order by seq") == [("first",), ("second",)]
    assert await postgres.pending_migrations(url) == []


@pytest.mark.parametrize("broke_off", [False, True])
async def test_what_lists_were_searched_in_before_is_kept_folded_from_then_on(url: str, broke_off: bool) -> None:
    await postgres.migrate_async(url)
    async with postgres.open(url, pool_size=1) as store:
        ports = evolve(memory.ports(), **store.ports())
        ann = a_participant(by=ANN, profile=a_profile("Ann", "ООО «ЁЛКА»"))
        bo = a_participant(by=BO, profile=a_profile("Bo", "Nordwind"))
        both = await open_dialog(ports, ann, bo, title="Счёт 100%")
        bare = await open_dialog(ports, ANN, title=None)
    more_than_a_batch = """
        insert into mtchat.participants (dialog_id, user_id, display_name, company, joined_as, joined_at)
        select id, 'user-' || n, 'N', 'Company ' || n % 2, 'participant', now()
        from mtchat.dialogs, generate_series(1, 1200) n where title is not null
    """
    without = (
        "alter table mtchat.dialogs drop column search_text",
        "alter table mtchat.participants drop column company_folded",
    )
    halfway = (
        "update mtchat.dialogs set search_text = null",
        "update mtchat.participants set company_folded = null where user_id = 'ann'",
    )
    async with connected(url) as connection:
        for statement in (
            more_than_a_batch,
            *(halfway if broke_off else without),
            "update mtchat.schema_version set version_num = '0003'",
        ):
            await connection.execute(sa.text(statement))

    await postgres.migrate_async(url)

    assert dict(await rows(url, "select id, search_text from mtchat.dialogs")) == {
        both: "счет 100%\ncompany 0\ncompany 1\nnordwind\nооо «елка»",
        bare: "",
    }
    due = "select count(*) from mtchat.participants where company is not null and company_folded is null"
    assert await rows(url, due) == [(0,)]
    assert await postgres.pending_migrations(url) == []


async def test_what_the_previous_release_writes_is_found_by_its_title_and_wholly_once_people_change(
    url: str,
) -> None:
    await postgres.migrate_async(url)
    async with postgres.open(url, pool_size=1) as store:
        ports = evolve(memory.ports(), **store.ports())
        bo = a_participant(by=BO, profile=a_profile("Bo", "Nordwind"))
        dialog = await open_dialog(ports, ANN, bo, title="Quote")
        async with connected(url) as connection:
            await connection.execute(sa.text("update mtchat.dialogs set search_text = null"))
            await connection.execute(sa.text("update mtchat.participants set company_folded = null"))

        async def finds(search: str) -> bool:
            found = await ports.inbox.participating(ANN, None, Query(search=search))
            return [entry.dialog.id for entry in found] == [dialog]

        assert await finds("QUOTE")
        assert not await finds("nordwind")
        await add_person(ports, dialog, a_participant(by=CY, profile=a_profile("Cy", "Borealis")))
        for search in ("QUOTE", "NORDWIND", "BOREALIS"):
            assert await finds(search)


async def test_nobody_waits_while_an_index_is_built_beside_an_older_transaction(url: str) -> None:
    async with before_search(url) as ports:
        await say(ports, await open_dialog(ports, BO), "hello", by=BO)
    async with connected(url) as old, connected(url) as watching:
        await old.execute(sa.text("begin isolation level repeatable read"))
        await old.execute(sa.text("select count(*) from mtchat.dialogs"))
        migration = asyncio.create_task(postgres.migrate_async(url))
        built = sa.text("select 1 from pg_indexes where indexname = 'messages_search'")
        filled = sa.text("select search_text from mtchat.messages")
        while not migration.done() and (await watching.execute(built)).first() is None:
            pass

        assert (await watching.execute(filled)).all() == [("hello",)]
        await works(url)
        await old.execute(sa.text("commit"))
        await migration


async def test_a_column_that_a_newer_release_adds_disturbs_nobody_f35(url: str) -> None:
    await postgres.migrate_async(url)
    async with postgres.open(url, pool_size=1) as store:
        ports = evolve(memory.ports(), **store.ports())
        dialog = await open_dialog(ports, ANN)

        async def everyday() -> None:
            [message] = await say(ports, dialog, "hello")
            [file] = (await send_files(ports, dialog, an_upload(dialog), are_seen_later=True)).attachments
            assert await ports.file_work.take(9, lease=timedelta(minutes=1))
            assert await ports.attachments.page(ANN, dialog, kind=None, before=None, limit=9)
            async with ports.units.begin() as tx:
                locked = await tx.dialogs.lock(dialog)
                assert locked is not None
                await tx.messages.say(dialog, "{}")
                assert await tx.messages.get(dialog, message.id) is not None
                me = await tx.participants.get(dialog, ANN)
                assert me is not None
                await tx.participants.save(me)
                await tx.messages.delete(message)
                assert await tx.files.change(dialog, file, look_again_in=None) is not None
            assert await ports.inbox.participating(ANN, None, Query())
            assert await ports.inbox.people(ANN, None, dialog)
            assert await ports.search.find(ANN, None, Search("hello"))
            assert await ports.directory.details(dialog)
            assert await ports.events.of_dialog(dialog, after=0, limit=9)

        await everyday()
        async with connected(url) as connection:
            for (table,) in await rows(url, OURS):
                await connection.execute(sa.text(f"alter table mtchat.{table} add newer text"))
        await everyday()
