"""What the driver complains about, in the core's words."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mtchat_core.domain.errors import ServiceUnavailable

T = TypeVar("T")

UNIQUE_VIOLATION, FOREIGN_KEY_VIOLATION, LOCK_NOT_AVAILABLE = "23505", "23503", "55P03"
RETRY_AFTER = timedelta(seconds=1)
_LOST = ("08", "57P0")
_PASSING = (*_LOST, "53", "55P03", "57014", "40001", "40P01", "25006", "25P03", "3D000")

_log = logging.getLogger(__name__)


def sqlstate(error: DBAPIError) -> str:
    """Return the SQLSTATE of *error*; empty when there is none, as for a broken connection."""
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
    return state if isinstance(state, str) else ""


def is_lost(error: DBAPIError) -> bool:
    """Tell whether the connection is gone, so that another one may do."""
    return error.connection_invalidated or isinstance(error, InterfaceError) or sqlstate(error).startswith(_LOST)


@asynccontextmanager
async def translated() -> AsyncGenerator[None]:
    """Let what passes by itself surface as ServiceUnavailable; a mistake of ours stays one.

    Raises:
        ServiceUnavailable: the database can't be reached, or did not answer in time.
    """
    try:
        yield
    except DBAPIError as error:
        state = sqlstate(error)
        if not (is_lost(error) or state.startswith(_PASSING) or isinstance(error.orig, OSError | TimeoutError)):
            raise
        _log.warning("the database can't serve right now: %s %s", type(error.orig).__name__, state)
        raise ServiceUnavailable(retry_after=RETRY_AFTER) from None
    except (OSError, TimeoutError, PoolTimeout) as error:
        _log.warning("the database can't be reached in time: %s", type(error).__name__)
        raise ServiceUnavailable(retry_after=RETRY_AFTER) from None


async def repeatable(work: Callable[[], Awaitable[T]]) -> T:
    """Do *work* that may be done twice; once more if the connection turns out to be gone.

    Raises:
        ServiceUnavailable: the database can't be reached, or did not answer in time.
    """
    async with translated():
        try:
            return await work()
        except DBAPIError as error:
            if not is_lost(error):
                raise
            return await work()
