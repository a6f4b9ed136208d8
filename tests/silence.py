"""No secret, token, signed address or canary in a log line or an error body, whichever test is running (G20)."""

import logging
import re
import traceback
from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
import structlog

from tests import asking
from tests.http import house

_SECRETS = re.compile(
    "|".join(
        [
            *map(re.escape, (asking.ADMIN, asking.SECRET, house.ADMIN, house.SECRET)),
            r"eyJ[\w-]{5,}\.[\w-]",  # a JWT
            r"X-Amz-Signature|://[^/\s]*:[^/\s]*@|PRIVATE KEY",
            r"[a-z]-canary",  # what tests write where it must not come back
        ]
    )
)
_CLIENTS = ("http", "urllib3", "websockets.client", "asyncio")
"""Loggers of our own clients, which write down what they ask."""
_leaks: list[str] = []


def secrets_in(text: str) -> list[str]:
    """Return what must not be in *text*, with what is around it."""
    return [text[max(0, found.start() - 60) : found.end() + 20] for found in _SECRETS.finditer(text)]


def check_log(written: str) -> None:
    """Look through what a service wrote; lines that are no log lines are meant for its user."""
    leaks = [leak for line in written.splitlines() if line.startswith("{") for leak in secrets_in(line)]
    assert not leaks, leaks


class _Ear(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith(_CLIENTS):
            error = record.exc_info[1] if record.exc_info else None
            _leaks.extend(secrets_in(f"{record.getMessage()} {_told(error)}"))


def _hear(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    error = line.get("exc_info")
    _leaks.extend(secrets_in(f"{dict(line)!r} {_told(error if isinstance(error, BaseException) else None)}"))
    return line


def _told(error: BaseException | None) -> str:
    return "".join(traceback.format_exception(error)) if error else ""


@pytest.fixture(autouse=True, scope="session")
def listening_to_logs() -> Iterator[None]:
    """Hear every line that services in this process write."""
    ear = _Ear()
    logging.getLogger().addHandler(ear)
    structlog.configure(processors=[_hear, *structlog.get_config()["processors"]])
    yield
    structlog.reset_defaults()
    logging.getLogger().removeHandler(ear)


def take() -> list[str]:
    """Return what was heard since the last time, and forget it."""
    leaks, _leaks[:] = list(_leaks), []
    return leaks


@pytest.fixture(autouse=True)
def no_secret_in_any_line(listening_to_logs: None) -> Iterator[None]:
    """Fail the test during which a secret was written."""
    yield
    leaks = take()
    assert not leaks, leaks
