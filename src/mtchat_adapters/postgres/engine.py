"""Connections: how a URL becomes a pool, and what every session is told."""

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from mtchat_core.domain.errors import InvalidInput

ACQUIRE = timedelta(seconds=1)
COMMAND = timedelta(seconds=2)
LIFETIME = timedelta(minutes=30)
IDLE_IN_TRANSACTION = timedelta(seconds=10)

_connect = cast(Callable[..., Awaitable[Any]], asyncpg.connect)  # pyright: ignore[reportUnknownMemberType]

_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_SCHEME = re.compile(r"postgres(ql)?(\+asyncpg)?://")
_OTHER_NAMES = {"ssl": "sslmode"}
"""What SQLAlchemy's URLs call differently from libpq's."""
_FOR_LIBPQ_ALONE = frozenset(
    {
        "channel_binding",
        "connect_timeout",
        "gssencmode",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "tcp_user_timeout",
    }
)
"""What hosting services put into URLs and our driver would hand to the server, which refuses it."""


def schema_name(name: str) -> str:
    """Return a schema name that needs no quoting.

    Raises:
        InvalidInput: it does, or it belongs to PostgreSQL.
    """
    if not _SCHEMA.fullmatch(name) or name.startswith("pg_"):
        raise InvalidInput(
            "The database schema must be 1 to 63 of a-z, 0-9 and '_', starting with a letter or '_', not with pg_."
        )
    return name


def driver_url(url: str) -> str:
    """Return *url* as our driver reads it: libpq's form, whichever of the usual forms it came in.

    Raises:
        InvalidInput: it can't be read, or begins with something else than postgres:// or postgresql://.
    """
    try:
        parts = urlsplit(_SCHEME.sub("postgresql://", url, count=1))
    except ValueError:
        raise InvalidInput("The database URL can't be read.") from None
    if parts.scheme != "postgresql":
        raise InvalidInput("The database URL must begin with postgres:// or postgresql://.")
    options = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(_OTHER_NAMES.get(name, name), value) for name, value in options if name not in _FOR_LIBPQ_ALONE]
    return urlunsplit(parts._replace(query=urlencode(kept)))


def session_settings(schema: str, *, lock_wait: timedelta) -> Mapping[str, str]:
    """Return what every session of ours is told at its start.

    The search path holds our schema alone: without our tables a statement fails, rather than meet
    a host's tables of the same name.
    """
    return {
        "search_path": schema_name(schema),
        "application_name": "mtchat",
        "timezone": "UTC",
        "jit": "off",
        # Locks decide our order; a host's stricter default would only undo what waited for them.
        "default_transaction_isolation": "read committed",
        # One plan for everybody, made once: those made for one person read whole tables in parallel.
        "plan_cache_mode": "force_generic_plan",
        # A plan outlives the size that its tables had when it was made: whole-table scans that were
        # cheap on a new database stay in it for a minute and more. Where there is no index they go on.
        "enable_seqscan": "off",
        "lock_timeout": milliseconds(lock_wait),
        "idle_in_transaction_session_timeout": milliseconds(IDLE_IN_TRANSACTION),
    }


def create_engine(
    url: str,
    *,
    schema: str,
    pool_size: int = 1,
    acquire: timedelta = ACQUIRE,
    command: timedelta | None = COMMAND,
    lock_wait: timedelta | None = None,
    lifetime: timedelta = LIFETIME,
) -> AsyncEngine:
    """Return a pool of at most *pool_size* connections; nothing is opened yet.

    *acquire* bounds the wait for a connection, *command* that for an answer (None: no bound), and
    *lock_wait* that for a lock: three quarters of *command* by default, so that the server gives up
    before we do.
    """
    if lock_wait is None:
        lock_wait = (command or COMMAND) * 3 / 4
    arguments: dict[str, Any] = {
        "dsn": driver_url(url),
        "timeout": acquire.total_seconds(),
        "command_timeout": command.total_seconds() if command else None,
        "max_cached_statement_lifetime": 0,  # prepared once means once
        "server_settings": dict(session_settings(schema, lock_wait=lock_wait)),
    }
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: _connect(**arguments),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=acquire.total_seconds(),
        pool_recycle=int(lifetime.total_seconds()),
        pool_use_lifo=True,
        # Parameters hold what people write; they belong in no log.
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "checkout", _refuse_the_dead)
    return engine


def milliseconds(time: timedelta) -> str:
    """Return *time* as PostgreSQL's settings take it."""
    return str(int(time.total_seconds() * 1000))


def _refuse_the_dead(connection: Any, _record: object, _lent: object) -> None:
    """Make the pool open another connection instead of one whose server has hung up meanwhile."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError
