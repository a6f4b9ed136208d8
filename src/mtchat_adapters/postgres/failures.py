"""What the driver complains about, in words of our own: never SQL, never a value."""

import logging
from collections.abc import Mapping
from datetime import timedelta

from asyncpg import InterfaceError, InternalClientError  # type: ignore[import-untyped]
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mtchat_core.domain.errors import ServiceUnavailable

RETRY_AFTER = timedelta(seconds=1)

# SQLSTATE codes and classes: PostgreSQL's manual, appendix A.
_READ_ONLY, _LOCK_NOT_AVAILABLE = "25006", "55P03"
_UNDONE = ("40001", "40P01")
_DISK_FULL = "53100"
_LOST = ("08", "57P0", "25P03")
_PASSING = {
    _READ_ONLY: "it takes no changes (a standby, or read-only)",
    "28": "it refuses our user or password",
    "3D000": "there is no database of that name",
    "3F000": "the schema is missing: run `mtchat migrate`",
    "40001": "a transaction was in the way",
    "40P01": "a deadlock was broken",
    "42P01": "a table is missing: run `mtchat migrate`",
    "42703": "a column is missing: run `mtchat migrate`",
    "42883": "a function is missing: run `mtchat migrate`",
    _DISK_FULL: "its disk is full",
    "53": "it has run out of connections, memory or disk",
    "57014": "a statement was cancelled",
}
"""What passes by itself or by somebody's help, with a word for them in the log."""

# The driver's "internal" error is what it says when the server hangs up between two statements.
_HUNG_UP = (InterfaceError, InternalClientError, OSError)

_log = logging.getLogger(__name__)


class Lost(ServiceUnavailable):
    """The connection is gone, so that another one may do."""


class NoRoom(ServiceUnavailable):
    """The database's disk is full: reading works, writing does not."""


class Undone(ServiceUnavailable):
    """The server undid it in favour of another transaction; again, it may well succeed."""


class Busy(ServiceUnavailable):
    """Somebody else holds, for too long, what we have to wait for."""


class Fault(Exception):
    """PostgreSQL refuses what it never should: a mistake of ours."""


_KINDS: Mapping[str, type[ServiceUnavailable]] = {
    _DISK_FULL: NoRoom,
    **dict.fromkeys(_UNDONE, Undone),
}


def sqlstate(error: BaseException) -> str:
    """Return the SQLSTATE of *error*; empty when the server had no word in it."""
    state = getattr(error, "sqlstate", None)
    return state if isinstance(state, str) else ""


def spoils_connection(error: BaseException) -> bool:
    """Tell whether nobody should use the connection any more.

    After a timeout its answer may still come; a server that became read-only stays so.
    """
    return not sqlstate(error) or sqlstate(error).startswith((*_LOST, _READ_ONLY))


def translated(error: Exception) -> Exception:
    """Return what to raise instead of the driver's *error*."""
    state, kind = sqlstate(error), type(error).__name__
    if state == _LOCK_NOT_AVAILABLE:
        return Busy(retry_after=RETRY_AFTER)
    # A timeout is an OSError too, but says nothing about the connection.
    is_late = isinstance(error, TimeoutError | PoolTimeout)
    if is_late or state.startswith(_LOST) or (not state and isinstance(error, _HUNG_UP)):
        _log.warning("the connection to the database is %s: %s %s", "late" if is_late else "gone", kind, state)
        return (ServiceUnavailable if is_late else Lost)(retry_after=RETRY_AFTER)
    for beginning, says in _PASSING.items():
        if state.startswith(beginning):
            _log.warning("the database can't serve: %s (%s)", says, state)
            return _KINDS.get(state, ServiceUnavailable)(retry_after=RETRY_AFTER)
    return Fault(f"PostgreSQL refused a statement: {kind} {state} {getattr(error, 'constraint_name', None) or ''}")


def unreachable(error: Exception) -> ServiceUnavailable:
    """Return what to raise when no connection can be had: whatever it is, it is not the caller's fault."""
    refusal = translated(error)
    if isinstance(refusal, ServiceUnavailable):
        return refusal
    _log.error("no connection to the database can be made: %s %s", type(error).__name__, sqlstate(error))
    return ServiceUnavailable(retry_after=RETRY_AFTER)
