"""Search in PostgreSQL: bounded, whatever it has to go through, with trigrams and without, in any locale."""

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg  # type: ignore[import-untyped]
import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtchat_adapters import memory, postgres
from mtchat_adapters.postgres import PostgresStore, search
from mtchat_adapters.postgres.search import Budget, PostgresSearch
from mtchat_adapters.postgres.session import Statement, Trips, statement, transaction
from mtchat_core.chat import Ports
from mtchat_core.domain.ids import MessageId
from mtchat_core.domain.search import Search
from tests.adapters.watching import query
from tests.builders import ANN, open_dialog, say
from tests.contracts.test_search import TALKS, everything, finds_every_hit_once
from tests.servers import Databases

_FEW = st.integers(1, 6)
BUDGETS = st.builds(
    Budget,
    messages=_FEW,
    share=st.integers(2, 4),
    named=st.integers(0, 20),
    pages=st.sampled_from([0, 50]),
    percent=st.just(0.0),
)


def within(ports: Ports, store: PostgresStore, budget: Budget) -> Ports:
    """Return *ports* whose search stops early."""
    return evolve(ports, search=PostgresSearch(Trips(store.pool), budget))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(talk=TALKS, limit=st.integers(1, 5), budget=BUDGETS)
async def test_going_on_finds_every_hit_once_however_little_is_searched_at_a_time(
    postgres_ports: Ports, postgres_store: PostgresStore, talk: list[tuple[int, str]], limit: int, budget: Budget
) -> None:
    await finds_every_hit_once(within(postgres_ports, postgres_store, budget), talk, limit)


async def test_a_page_is_the_work_of_its_budget_and_says_where_to_go_on(
    postgres_ports: Ports, postgres_store: PostgresStore
) -> None:
    ports = within(postgres_ports, postgres_store, Budget(messages=4, share=4, named=0))
    dialog = await open_dialog(ports, ANN)
    said = await say(ports, dialog, "sought", *(["else"] * 9))

    pages: list[list[MessageId]] = []
    upto: MessageId | None = None
    while not pages or upto is not None:
        page = await ports.search.find(ANN, None, Search("sought", upto=upto))
        assert page is not None
        pages.append([hit.message_id for hit in page.hits])
        upto = page.upto

    assert pages == [[], [], [said[0].id]]


async def test_what_is_rare_is_found_at_once_however_deep_where_trigrams_are(
    postgres_ports: Ports, postgres_store: PostgresStore
) -> None:
    ports = within(postgres_ports, postgres_store, Budget(messages=4, share=4, named=9, pages=0, percent=0))
    dialog = await open_dialog(ports, ANN)
    said = await say(ports, dialog, "Редкость", *(["else"] * 40))
    has_index = await query(postgres_store, "select 1 as one where to_regclass('messages_search') is not null")

    page = await ports.search.find(ANN, None, Search("РЕДКОСТЬ"))

    assert page is not None
    assert [hit.message_id for hit in page.hits] == ([said[0].id] if has_index else [])
    assert (page.upto is None) == bool(has_index)


@pytest.mark.parametrize("sought", [search._EVERYWHERE, search._IN_ONE])
async def test_the_index_is_used_by_a_plan_that_does_not_know_what_is_searched_for(
    postgres_store: PostgresStore, postgres_ports: Ports, sought: Statement
) -> None:
    if not await query(postgres_store, "select 1 as one where to_regclass('messages_search') is not null"):
        return
    values: dict[str, object] = dict.fromkeys(("limit", "budget", "share", "named", "pages"), 1)
    values |= {"reader": "ann", "wanted": "abc", "pattern": "%abc%"}
    values |= {"dialog": uuid4(), "upto": uuid4(), "first": uuid4()}
    values |= {
        "has_scopes": False,
        "level0": [],
        "level1": [],
        "level2": [],
        "percent": 0.1,
        "trigrams": ["%abc%"],
    }
    async with transaction(postgres_store.pool) as session:
        for setting in ("enable_seqscan = off", "plan_cache_mode = force_generic_plan"):
            await session.all(statement(f"set local {setting}"), {})
        plan = await session.all(Statement(f"explain {sought.sql}", sought.names), values)

    lines = [row["QUERY PLAN"].strip() for row in plan]
    assert sum("Bitmap Index Scan on messages_search" in line for line in lines) == 1
    assert not [line for line in lines if "Seq Scan on messages" in line]


@pytest.fixture
async def plain_url(databases: Databases) -> AsyncIterator[str]:
    """A migrated database whose server knows the letters of ASCII alone."""
    server = databases.server
    name = f"test_{uuid4().hex}"
    connection = await asyncpg.connect(server.set(drivername="postgresql").render_as_string(hide_password=False))
    provider = "locale_provider libc" if connection.get_server_version().major >= 15 else ""
    await connection.execute(
        f"create database {name} template template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C' {provider}"
    )
    await connection.close()
    url = server.set(database=name, drivername="postgresql+asyncpg").render_as_string(hide_password=False)
    await postgres.migrate_async(url)
    yield url
    await databases.drop(url)


async def test_letters_of_any_alphabet_are_found_whatever_the_locale(plain_url: str) -> None:
    async with postgres.open(plain_url, pool_size=1) as store:
        ports = evolve(memory.ports(), **store.ports())
        [unknown] = await query(store, "select lower('Я') = 'Я' as is_unknown")
        dialog = await open_dialog(ports, ANN)
        [hello, _] = await say(ports, dialog, "Привет, <b>М</b>ИР", "else")
        for budget in (Budget(), Budget(messages=1, share=2)):
            hits = await everything(within(ports, store, budget), "ПРИВЕТ, мир", limit=9)

            assert hits == [hello.id]
    assert unknown["is_unknown"]


async def test_search_answers_without_trigrams(databases: Databases) -> None:
    url = await databases.create()
    await postgres.migrate_async(url)
    async with postgres.open(url, pool_size=1) as store:
        ports = evolve(memory.ports(), **store.ports())
        await query(store, "drop index if exists messages_search")
        for budget in (Budget(), Budget(messages=3, share=2)):
            await finds_every_hit_once(within(ports, store, budget), [(1, "yes"), (2, "no"), (1, "yes")] * 5, 2)
    await databases.drop(url)
