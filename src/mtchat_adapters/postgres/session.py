"""Statements, and the two ways to run them: alone in one trip, or several in a transaction.

SQLAlchemy keeps the pool and writes the SQL; the rows travel through the driver itself, which
halves what a query costs (docs/adr/0002-one-hot-path-for-send.md).
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, Protocol, cast

import sqlalchemy as sa
from attrs import frozen
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import PoolProxiedConnection

from mtchat_adapters.postgres.failures import (
    Fault,
    Lost,
    NoRoom,
    Undone,
    spoils_connection,
    translated,
    unreachable,
)
from mtchat_core.domain.errors import ServiceUnavailable

UNDONE_ATTEMPTS = 3
FULL_SECONDS = 3.0
"""How long a change refused for want of room tells that the next one would be, too."""

_DIALECT = dialect()  # type: ignore[no-untyped-call]

Row = Mapping[str, Any]
Values = Mapping[str, Any]


@frozen
class Statement:
    """SQL with its values by number, and the names of the values in that order."""

    sql: str
    names: tuple[str, ...]


def statement(text: str) -> Statement:
    """Return *text* with values by name (`:dialog`) as PostgreSQL prepares it, once per connection."""
    compiled = sa.text(text).compile(dialect=_DIALECT)
    return Statement(str(compiled), tuple(cast(Sequence[str], compiled.positiontup)))


class _Driver(Protocol):
    async def fetch(self, query: str, *values: Any) -> Sequence[Row]: ...
    async def execute(self, query: str) -> str: ...


class Pool:
    """Connections for everybody in the order of arrival; the first one to ask opens the first one.

    The engine's own queue lets those who come later overtake those who wait, which under load
    makes some wait for ever: nobody gets as far as that queue without a connection to be had.
    """

    def __init__(self, engine: AsyncEngine, *, size: int, acquire: timedelta) -> None:
        self.engine = engine
        self._free = asyncio.Semaphore(size)
        self._acquire = acquire
        self._full_until = 0.0

    @property
    def lacks_room(self) -> bool:
        """Whether the database refused a change a moment ago because its disk is full."""
        return time.monotonic() < self._full_until

    async def lend(self) -> "Session":
        """Lend a connection, until the session is closed.

        Raises:
            ServiceUnavailable: none is free in time, or none can be opened.
        """
        try:
            async with asyncio.timeout(self._acquire.total_seconds() if self._free.locked() else None):
                await self._free.acquire()
        except TimeoutError as error:
            raise translated(error) from None
        try:
            return Session(await self.engine.raw_connection(), self)
        except Exception as error:
            self.free()
            raise unreachable(error) from None
        except BaseException:
            self.free()
            raise

    def free(self) -> None:
        """Let the next one in."""
        self._free.release()

    def failed(self, error: Exception) -> Exception:
        """Return what to raise instead of the driver's *error*, and remember a full disk."""
        failure = translated(error)
        if isinstance(failure, NoRoom):
            self._full_until = time.monotonic() + FULL_SECONDS
        return failure


class Session:
    """A connection until it is closed, which gives it back, or drops it when it is spoilt."""

    def __init__(self, pooled: PoolProxiedConnection, pool: Pool) -> None:
        self._pooled = pooled
        self._pool = pool
        self._driver = cast(_Driver, pooled.driver_connection)
        self._is_spoilt = False

    def close(self) -> None:
        """Give the connection back. Never waits, so that a cancelled caller can't come between."""
        try:
            if self._is_spoilt:
                self._pooled.invalidate()
            self._pooled.close()
        finally:
            self._pool.free()

    def spoil(self) -> None:
        """Have the connection dropped: the server undoes what was not committed."""
        self._is_spoilt = True

    async def all(self, statement: Statement, values: Values) -> Sequence[Row]:
        """Run a statement and return its rows.

        Raises:
            ServiceUnavailable: the database can't be reached, or did not answer in time.
        """
        try:
            return await self._driver.fetch(statement.sql, *(values[name] for name in statement.names))
        except Exception as error:
            self._is_spoilt = self._is_spoilt or spoils_connection(error)
            raise self._pool.failed(error) from None
        except BaseException:
            self.spoil()
            raise

    async def one(self, statement: Statement, values: Values) -> Row | None:
        """Run a statement and return its row, if there is one."""
        rows = await self.all(statement, values)
        return rows[0] if rows else None

    async def begin(self) -> None:
        """Begin a transaction."""
        await self._execute("begin")

    async def commit(self) -> None:
        """Commit the transaction."""
        if await self._execute("commit") != "COMMIT":
            raise Fault("PostgreSQL rolled back instead of committing: an error was passed over")

    async def rollback(self) -> None:
        """Undo the transaction; with a spoilt or lost connection the server does it by itself."""
        if not self._is_spoilt:
            with suppress(ServiceUnavailable):
                await self._execute("rollback")

    async def save(self) -> None:
        """Mark a point in the transaction to go back to."""
        await self._execute("savepoint here")

    async def go_back(self) -> None:
        """Undo what happened since `save`."""
        await self._execute("rollback to savepoint here")

    async def _execute(self, command: str) -> str:
        try:
            return await self._driver.execute(command)
        except Exception as error:
            self.spoil()
            raise self._pool.failed(error) from None
        except BaseException:
            self.spoil()
            raise


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncGenerator[Session]:
    """Open a transaction for the block: leaving it commits, an exception keeps nothing.

    Raises:
        ServiceUnavailable: the database can't be reached, or did not answer in time.
    """
    session = await _begun(pool)
    try:
        yield session
        await session.commit()
    except Exception:
        await session.rollback()
        raise
    except BaseException:
        # Whoever is cancelled should not wait for an answer: the server undoes it by itself.
        session.spoil()
        raise
    finally:
        session.close()


async def _begun(pool: Pool) -> Session:
    """Return a session with a transaction begun; one that turns out to be dead is replaced, once."""
    try:
        return await _begun_once(pool)
    except Lost:
        return await _begun_once(pool)


async def _begun_once(pool: Pool) -> Session:
    session = await pool.lend()
    try:
        await session.begin()
    except BaseException:
        session.close()
        raise
    return session


@frozen
class Trips:
    """Statements that stand alone: one trip each, committed by itself."""

    pool: Pool

    async def all(self, statement: Statement, values: Values, *, is_repeatable: bool = True) -> Sequence[Row]:
        """Run a statement and return its rows; once more if the connection turns out to be gone.

        One that is not repeatable is not: it may have been committed all the same. What the server
        undid (a deadlock, a serialization failure) is run up to three times more in any case.
        Raises:
            ServiceUnavailable: the database can't be reached, or did not answer in time.
        """
        again_when_lost, again_when_undone = int(is_repeatable), UNDONE_ATTEMPTS
        while True:
            try:
                return await self._once(statement, values)
            except Lost:
                if not again_when_lost:
                    raise
                again_when_lost -= 1
            except Undone:
                if not again_when_undone:
                    raise
                again_when_undone -= 1

    async def one(self, statement: Statement, values: Values, *, is_repeatable: bool = True) -> Row | None:
        """Run a statement and return its row, if there is one."""
        rows = await self.all(statement, values, is_repeatable=is_repeatable)
        return rows[0] if rows else None

    async def _once(self, statement: Statement, values: Values) -> Sequence[Row]:
        session = await self.pool.lend()
        try:
            return await session.all(statement, values)
        finally:
            session.close()
