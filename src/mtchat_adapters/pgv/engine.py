"""Connections: how a URL becomes a pool, and what every session is told."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from mtchat_core.domain.errors import InvalidInput

ACQUIRE = timedelta(seconds=1)
COMMAND = timedelta(seconds=2)
IDLE_IN_TRANSACTION = timedelta(seconds=10)
LOCK_WAIT = timedelta(seconds=5)
RECYCLE = timedelta(minutes=30)

_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def schema_name(name: str) -> str:
    """Return a schema name that needs no quoting.

    Raises:
        InvalidInput: it does.
    """
    if not _SCHEMA.fullmatch(name) or name.startswith("pg_"):
        raise InvalidInput("The database schema must be 1 to 63 of a-z, 0-9 and _, starting with a letter or _.")
    return name


def database_url(url: str) -> URL:
    """Return *url* for our driver; postgres://, postgresql:// and libpq's sslmode are understood."""
    parsed = make_url(re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql+asyncpg://", url, count=1))
    query: dict[str, Any] = dict(parsed.query)
    if "sslmode" in query:
        query["ssl"] = query.pop("sslmode")
    return parsed.set(query=query)


def session_settings(schema: str) -> Mapping[str, str]:
    """Return what every session of ours is told at its start."""
    return {
        "search_path": f"{schema_name(schema)},public",
        "application_name": "mtchat",
        "timezone": "UTC",
        "jit": "off",
        "lock_timeout": _milliseconds(LOCK_WAIT),
        "idle_in_transaction_session_timeout": _milliseconds(IDLE_IN_TRANSACTION),
    }


def create_engine(url: str, *, schema: str, pool_size: int, acquire: timedelta, command: timedelta) -> AsyncEngine:
    """Return a pool of at most *pool_size* connections; nothing is opened yet."""
    return create_async_engine(
        database_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=acquire.total_seconds(),
        pool_recycle=int(RECYCLE.total_seconds()),
        pool_use_lifo=True,
        # Parameters hold what people write; they belong in no log.
        hide_parameters=True,
        connect_args={
            "timeout": acquire.total_seconds(),
            "command_timeout": command.total_seconds(),
            "server_settings": dict(session_settings(schema)),
        },
    )


def _milliseconds(time: timedelta) -> str:
    return str(int(time.total_seconds() * 1000))
