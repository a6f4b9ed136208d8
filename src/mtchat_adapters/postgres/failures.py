"""What the driver complains about, in words of our own: never SQL, never a value."""

import logging
from datetime import timedelta

from asyncpg import InterfaceError  # type: ignore[import-untyped]
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mtchat_core.domain.errors import ServiceUnavailable

RETRY_AFTER = timedelta(seconds=1)

# SQLSTATE classes and codes: PostgreSQL's manual, appendix A.
_LOST = ("08", "57P0", "25P03")
_READ_ONLY = "25006"
_LOCK_NOT_AVAILABLE = "55P03"
_OUTPACED = ("23503", "23505")
_NOT_MIGRATED = ("42P01", "42703", "42883", "3F000")
_PASSING = ("53", "57014", "40001", "40P01", "3D000", "28")

_log = logging.getLogger(__name__)


class Lost(ServiceUnavailable):
    """The connection is gone, so that another one may do."""


class Busy(ServiceUnavailable):
    """Somebody else holds, for too long, what we have to wait for."""


class Outpaced(Exception):
    """Something committed meanwhile contradicts this statement: a key is taken, a target gone."""


class Fault(Exception):
    """PostgreSQL refuses what it never should: a mistake of ours."""


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
    if state.startswith(_OUTPACED):
        return Outpaced(state)
    if state.startswith(_NOT_MIGRATED):
        _log.error("the database lacks a table, a column or a function (%s): run `mtchat migrate`", state)
        return ServiceUnavailable(retry_after=RETRY_AFTER)
    if state == _LOCK_NOT_AVAILABLE:
        return Busy(retry_after=RETRY_AFTER)
    if state.startswith(_LOST) or (not state and isinstance(error, InterfaceError | OSError)):
        # A timeout is an OSError too, but says nothing about the connection.
        lost = ServiceUnavailable if isinstance(error, TimeoutError) else Lost
        _log.warning("the connection to the database is gone or silent: %s %s", kind, state)
        return lost(retry_after=RETRY_AFTER)
    if state.startswith((_READ_ONLY, *_PASSING)) or isinstance(error, PoolTimeout):
        _log.warning("the database can't serve right now: %s %s", kind, state)
        return ServiceUnavailable(retry_after=RETRY_AFTER)
    return Fault(f"PostgreSQL refused a statement: {kind} {state} {getattr(error, 'constraint_name', None) or ''}")
