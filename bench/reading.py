"""Reading: P5 to P8, on the big database of `bench.database`."""

import statistics
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, NamedTuple, cast
from unittest import mock
from urllib.parse import quote

import httpx

from bench import database as big
from bench import load
from bench.processes import SECRET, bare, service
from bench.rows import Goal, Row, percentile
from bench.stage import Database, Stage, Stopwatch, bearer
from bench.timing import BARE, by_turns
from mtchat_adapters.postgres.session import Row as Found
from mtchat_adapters.postgres.session import Session, Statement, Values
from mtchat_app.asgi import create_app
from mtchat_app.settings import Settings
from mtchat_app.wiring import Service, open_service
from mtchat_core.domain.ids import UserId
from mtchat_core.domain.inbox import Listing, Query
from mtchat_core.domain.messages import Direction, Window
from mtchat_core.domain.search import Search

ROWS = ("P5", "P6", "P7", "P8")
_PAGE = 50
_DIALOGS = 200_000
_SMALLEST = 2_000
"""Dialogs: fewer can't be made as `bench.database` makes them."""
_FEW, _MANY = 200, 10_000
"""Dialogs of the two people whose lists are read."""
_STATEMENT = "the statement alone, asyncpg"
_CLOSE = Goal("lower", 2.5, 1.7)

Work = Callable[[], Awaitable[object]]


async def measure(stage: Stage, wanted: frozenset[str]) -> AsyncIterator[Row]:
    """Measure the wanted rows of this file: each read as a request, as a use case, and as its statements alone."""
    async with stage.database() as database:
        # Or a share of 200,000 dialogs and 5 million messages.
        dialogs = max(_SMALLEST, round(_DIALOGS * stage.sizes.scale))
        many = min(_MANY, dialogs)
        with Stopwatch(f"filling a database of {dialogs:,} dialogs and {25 * dialogs:,} messages"):
            filled = await big.fill(
                database.dsn, dialogs=dialogs, messages=25 * dialogs, deep=5 * dialogs, few=_FEW, many=many
            )
        with service(database.url, stage.folder) as served, bare("asgi", stage.folder) as plain:
            async with _readers(database, served.port, plain.port) as reader:
                if {"P5", "P6"} & wanted:
                    for row in await _lists(stage, reader, filled, many):
                        if row.id.split()[0] in wanted:
                            yield row
                if "P7" in wanted:
                    for row in await _pages(stage, reader, filled):
                        yield row
                if "P8" in wanted:
                    for user, count in ((filled.few, _FEW), (filled.many, many)):
                        for row in await _searches(stage, reader, filled, user, count):
                            yield row


@dataclass(frozen=True)
class _Read:
    """One read, in its three forms."""

    over_http: Work
    in_process: Work
    statements: Work


class _Took(NamedTuple):
    """What a read took, in its three forms, and what a request to a bare application took: seconds per time."""

    over_http: list[float]
    in_process: list[float]
    statements: list[float]
    nothing: list[float]


async def _timed(stage: Stage, reader: "_Readers", reads: Sequence[_Read], times: int, what: str) -> list[_Took]:
    """Time all forms of *reads* by turns, each *times* in a row."""
    sizes = stage.sizes
    with Stopwatch(f"{what}: {sizes.rounds} x {times} reads of {len(reads)} kinds, in three forms"):
        works = [work for read in reads for work in (read.over_http, read.in_process, read.statements)]
        *took, nothing = await by_turns([*works, reader.nothing], sizes.rounds, times, sizes.warm_up / len(reads))
    forms = zip(took[::3], took[1::3], took[2::3], strict=True)
    return [_Took(over_http, in_process, alone, nothing) for over_http, in_process, alone in forms]


@dataclass(frozen=True)
class _Readers:
    """Makes reads out of what is asked."""

    here: Service
    connection: Any
    ask: load.LoneCaller
    nothing: Work
    client: httpx.AsyncClient

    async def read(self, user: UserId, path: str, use_case: Work) -> _Read:
        """Return what *user* reads at *path*, which *use_case* does too; its statements are overheard once."""
        with _overheard() as said:
            answer = await self.client.get(path, headers={"authorization": f"Bearer {bearer(user)}"})
            answer.raise_for_status()
        prepared = [(await self.connection.prepare(sql), values) for sql, values in said]
        request = load.get(path, bearer(user))

        async def statements() -> None:
            for statement, values in prepared:
                await statement.fetch(*values)

        async def over_http() -> object:
            return await self.ask.answer(request)

        return _Read(over_http, use_case, statements)


@asynccontextmanager
async def _readers(database: Database, port: int, bare_port: int) -> AsyncGenerator[_Readers]:
    settings = Settings.load({"DATABASE_URL": database.url, "ADMIN_API_TOKEN": "bench", "JWT_SECRET": SECRET})
    async with open_service(settings) as here:

        @asynccontextmanager
        async def opened(_: Settings) -> AsyncGenerator[Service]:
            yield here

        app = create_app(settings, opened)
        async with (
            app.lifespan(),
            httpx.AsyncClient(transport=httpx.ASGITransport(cast(Any, app)), base_url="http://bench") as client,
            database.connection() as connection,
        ):
            with closing(load.LoneCaller(port)) as caller, closing(load.LoneCaller(bare_port)) as bare_caller:
                nothing = partial(bare_caller.answer, load.get("/", bearer("nobody")))
                yield _Readers(here, connection, caller, nothing, client)


@contextmanager
def _overheard() -> Iterator[list[tuple[str, Sequence[Any]]]]:
    """Collect the statements that are run during the block, with their values."""
    said: list[tuple[str, Sequence[Any]]] = []
    run = Session.all

    async def listened(session: Session, statement: Statement, values: Values) -> Sequence[Found]:
        said.append((statement.sql, [values[name] for name in statement.names]))
        return await run(session, statement, values)

    with mock.patch.object(Session, "all", listened):
        yield said


async def _lists(stage: Stage, reader: _Readers, filled: big.Filled, many: int) -> Sequence[Row]:
    inbox = reader.here.chat.inbox
    path = f"/api/v1/dialogs?limit={_PAGE}"

    async def listed(user: UserId) -> _Read:
        async def use_case() -> object:
            return await inbox.list(user, None, Listing.PARTICIPATING, Query(limit=_PAGE))

        return await reader.read(user, path, use_case)

    reads = [await listed(filled.few), await listed(filled.many)]
    of_few, of_many = await _timed(stage, reader, reads, stage.sizes.reads, "P5, P6")
    work = f"list of {_PAGE}, a person in {{}} dialogs"
    seen = {"the statement alone p50, ms": statistics.median(of_many.statements) * 1e3}
    return [
        *_beside_statement("P5", work.format(_FEW), of_few),
        *_beside("P6", work.format(f"{many:,}"), of_many, "P5", of_few, Goal("lower", 10, 5), seen),
    ]


async def _pages(stage: Stage, reader: _Readers, filled: big.Filled) -> Sequence[Row]:
    messages = reader.here.chat.messages
    path = f"/api/v1/dialogs/{filled.deep}/messages?limit={_PAGE}"

    async def newest() -> object:
        return await messages.page(filled.diver, filled.deep, Window(limit=_PAGE))

    async def oldest() -> object:
        return await messages.page(filled.diver, filled.deep, Window(Direction.AFTER, filled.deep_oldest, _PAGE))

    reads = [
        await reader.read(filled.diver, path, newest),
        await reader.read(filled.diver, f"{path}&after={filled.deep_oldest}", oldest),
    ]
    near, far = await _timed(stage, reader, reads, stage.sizes.reads, "P7")
    deep = f"page of {_PAGE}, {filled.messages // 5:,} messages deep"
    return [
        *_beside("P7", deep, far, "the newest page", near, Goal("lower", 1.2, 1.0)),
        *_beside_statement("P7", deep, far),
        *_beside_statement("P7", f"page of {_PAGE}, the newest", near),
    ]


async def _searches(stage: Stage, reader: _Readers, filled: big.Filled, user: UserId, count: int) -> Sequence[Row]:
    """Search for every word, rare and frequent, Cyrillic and Latin; the figures are over all of them."""
    search = reader.here.chat.search

    async def searched(word: str) -> _Read:
        async def use_case() -> object:
            return await search.find(user, None, Search(word))

        return await reader.read(user, f"/api/v1/search?q={quote(word)}", use_case)

    reads = [await searched(word) for word in filled.words]
    times = max(1, stage.sizes.reads // len(reads))
    each = await _timed(stage, reader, reads, times, f"P8, a person in {count:,} dialogs")
    seen = {
        f"{word} ({holding:,} messages) p50, ms": statistics.median(took.over_http) * 1e3
        for (word, holding), took in zip(filled.words.items(), each, strict=True)
    }
    found = _Took(*(list(chain.from_iterable(form)) for form in zip(*each, strict=True)))
    work = f"search in {filled.messages:,} messages, a person in {count:,} dialogs"
    p95 = percentile(found.over_http, 0.95) * 1e3
    return [
        *_beside_statement("P8", work, found, Goal("lower", 2.0), seen),
        Row("P8", f"{work}, over HTTP, p95", "200 ms", "ms", p95, 200.0, Goal("lower", 1.0)),
    ]


def _beside_statement(
    name: str, work: str, ours: _Took, goal: Goal = _CLOSE, seen: Mapping[str, float] | None = None
) -> Iterator[Row]:
    alone = _Took(ours.statements, ours.statements, ours.statements, ours.nothing)
    return _beside(name, work, ours, _STATEMENT, alone, goal, seen)


def _beside(
    name: str,
    work: str,
    ours: _Took,
    beside: str,
    floor: _Took,
    goal: Goal,
    seen: Mapping[str, float] | None = None,
) -> Iterator[Row]:
    """Return two rows: over HTTP, which a user waits for, and in process, as an embedding host does."""
    for row, where, took, least in (
        (name, "over HTTP", ours.over_http, floor.over_http),
        (f"{name} in process", "in process", ours.in_process, floor.in_process),
    ):
        figures = {"p95, ms": percentile(took, 0.95) * 1e3, "floor p95, ms": percentile(least, 0.95) * 1e3}
        yield Row(
            row,
            f"{work}, {where}, p50",
            beside,
            "ms",
            statistics.median(took) * 1e3,
            statistics.median(least) * 1e3,
            goal,
            {**figures, **(seen or {}), BARE: statistics.median(ours.nothing) * 1e3},
        )
