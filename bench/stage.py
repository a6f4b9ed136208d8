"""What the rows are measured on: a PostgreSQL of our own, its dialogs, and who takes part in them."""

import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy.engine import make_url

from bench import load
from bench.processes import tree_cpu_seconds
from bench.sizes import Sizes
from mtchat_adapters import postgres
from mtchat_adapters.embedded.postgres import EmbeddedPostgres
from mtchat_adapters.postgres.engine import session_settings
from mtchat_core.domain.ids import DialogId, UserId

SCHEMA = "mtchat"
IN_DIALOG = 5
CONTENT = "Can you deliver the <b>chairs</b> on Friday, or is Monday the first day you have?"

_MAKE_DIALOGS = """
insert into dialogs (id, object_type, object_id, title, search_text, created_at, active_at)
select cast($3::text || lpad(to_hex(n), 12, '0') as uuid), 'order', cast(n as text), 'Order ' || n,
  'order ' || n || chr(10) || 'nordwind', now(), now()
from generate_series($1::int, $1::int + $2::int - 1) n
"""
# The first few come from the small circle of senders, the same few for a dialog of any size.
_MAKE_PARTICIPANTS = """
insert into participants (dialog_id, user_id, display_name, company, company_folded, joined_as, joined_at)
select cast($3::text || lpad(to_hex(n), 12, '0') as uuid),
  case when k < $5::int then 'p' || (n + k * $6::int) % $7::int else 'x' || k end,
  'Person ' || k, 'Nordwind', 'nordwind', 'participant', now()
from generate_series($1::int, $1::int + $2::int - 1) n, generate_series(0, $4::int - 1) k
"""
_PREFIX = "018f0000-0000-7000-8000-"


def tell(line: str) -> None:
    """Say what is going on, beside the table."""
    print(line, file=sys.stderr, flush=True)


def dialog_id(number: int) -> DialogId:
    """Return the id of a dialog that `Database.furnish` makes."""
    return DialogId(UUID(f"{_PREFIX}{number:012x}"))


@dataclass(frozen=True)
class Database:
    """One migrated database of the run's server."""

    url: str
    server_pid: int
    sizes: Sizes
    folder: Path
    """Where logs go."""

    @property
    def dsn(self) -> str:
        """The address for asyncpg and libpq."""
        return make_url(self.url).set(drivername="postgresql").render_as_string(hide_password=False)

    def cpu_seconds(self) -> float:
        """Return the processor time the whole server took so far."""
        return tree_cpu_seconds(self.server_pid)

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Any]:
        """Connect with the driver alone, told what every session of the service is told."""
        told = dict(session_settings(SCHEMA, lock_wait=timedelta(seconds=30)))
        connection = await asyncpg.connect(self.dsn, server_settings=told, max_cached_statement_lifetime=0)
        try:
            yield connection
        finally:
            await connection.close()

    def sender(self, dialog: int, place: int) -> UserId:
        """Return who has one of the first five places in a dialog."""
        return UserId(f"p{(dialog + place * self.step) % self.sizes.senders}")

    @property
    def step(self) -> int:
        """How far apart the people of a dialog are in the circle of senders."""
        return self.sizes.senders // IN_DIALOG

    async def furnish(self, first: int, count: int, participants: int) -> None:
        """Make dialogs numbered from *first*, whose first five participants are `sender`s."""
        async with self.connection() as connection:
            numbers = (first, count, _PREFIX)
            await connection.execute(_MAKE_DIALOGS, *numbers)
            await connection.execute(
                _MAKE_PARTICIPANTS, *numbers, participants, IN_DIALOG, self.step, self.sizes.senders
            )

    async def furnish_with(self, number: int, people: list[str]) -> None:
        """Make one dialog of *people*."""
        async with self.connection() as connection:
            await connection.execute(_MAKE_DIALOGS, number, 1, _PREFIX)
            await connection.execute(
                "insert into participants "
                "(dialog_id, user_id, display_name, company, company_folded, joined_as, joined_at) "
                "select $1, who, 'Person ' || who, 'Nordwind', 'nordwind', 'participant', now() "
                "from unnest($2::text[]) who",
                dialog_id(number),
                people,
            )

    async def settle(self) -> None:
        """Have everything written and counted, so that what was made does not disturb what is measured."""
        async with self.connection() as connection:
            await connection.execute("vacuum analyze")


@dataclass(frozen=True)
class Stage:
    """The run's server, sizes and folder."""

    server: EmbeddedPostgres
    sizes: Sizes
    folder: Path

    @asynccontextmanager
    async def database(self) -> AsyncGenerator[Database]:
        """Make a migrated database for the block."""
        name = f"bench_{uuid4().hex}"
        connection = await asyncpg.connect(self.server.dsn)
        try:
            await connection.execute(f'create database "{name}"')
            url = make_url(self.server.url).set(database=name).render_as_string(hide_password=False)
            await postgres.migrate_async(url)
            assert self.server.pid is not None
            yield Database(url, self.server.pid, self.sizes, self.folder)
            await connection.execute(f'drop database "{name}" with (force)')
        finally:
            await connection.close()


def send_requests(database: Database, first: int, count: int) -> list[list[bytes]]:
    """Return, for each sender, a message to each of the dialogs numbered from *first* that they are in."""
    theirs: dict[UserId, list[int]] = {}
    for dialog in range(first, first + count):
        for place in range(IN_DIALOG):
            theirs.setdefault(database.sender(dialog, place), []).append(dialog)
    return [[message(who, dialog) for dialog in dialogs] for who, dialogs in sorted(theirs.items())]


_tokens: dict[str, str] = {}


def bearer(user: str) -> str:
    """Return the token of a person, the same one for the length of a run."""
    if user not in _tokens:
        _tokens[user] = load.token(user)
    return _tokens[user]


def message(user: str, dialog: int, content: str = CONTENT) -> bytes:
    """Return the request by which a person says something in a numbered dialog."""
    body = f'{{"content":"{content}"}}'.encode()
    return load.post(f"/api/v1/dialogs/{dialog_id(dialog)}/messages", bearer(user), body)


def socket_path(user: str) -> str:
    """Return where a person's socket is opened."""
    return f"/api/v1/ws?token={bearer(user)}"


class Stopwatch:
    """Says what takes over a second, and how long it took."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        self._began = time.monotonic()
        tell(f"  {self._what} …")

    def __exit__(self, *_: object) -> None:
        took = time.monotonic() - self._began
        if took > 1:
            tell(f"    {took:.0f} s")
