"""Nobody waits long for a storage, and nobody at all for one that is known not to answer."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError

from mtchat_core.domain.errors import ServiceUnavailable

FAILURES_IN_A_ROW = 5
"""After so many, the storage counts as down: nobody but the probe asks it until it answers again."""
PROBE_SECONDS = 1.0

_SERVER_ERROR = 500
_REFUSED = (401, 403)
_TROUBLES = (BotoCoreError, aiohttp.ClientError, OSError, TimeoutError)
"""A body that breaks off comes as what is below botocore says it."""

_Answer = TypeVar("_Answer")
_log = logging.getLogger(__name__)


def down() -> ServiceUnavailable:
    """Return the refusal for whoever needs the storage now."""
    return ServiceUnavailable("The file storage can't be reached right now. Try again shortly.")


def code(refusal: ClientError) -> str:
    """Return the storage's word for what is wrong."""
    return str(refusal.response.get("Error", {}).get("Code", ""))


class Breaker:
    """Holds every call to a deadline, and fails at once after a few failures in a row.

    *probe* asks the storage for something that costs little; it finds out at the start, and every second while
    the storage is down, whether it answers.
    """

    def __init__(self, probe: Callable[[], Coroutine[Any, Any, object]], *, patience: timedelta) -> None:
        self.down_since: datetime | None = None
        """Since when the storage does not answer; None while it does, as far as is known."""
        self.trouble = ""
        """The last failure, in a word."""
        self.failures: Counter[str] = Counter()
        self._probe = probe
        self._patience = patience
        self._in_a_row = 0
        self._fell = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to look whether the storage is there; it need not be."""
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """End."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    async def call(self, asked: Callable[[], Awaitable[_Answer]], *, times: int = 1) -> _Answer:
        """Return what the storage answers, within the deadline, or as many of them as *times* says.

        Raises:
            ServiceUnavailable: it does not answer in time, or not as it should, or is known to be down.
            ClientError: it says no to this call, and would say yes to others.
        """
        if self.down_since is not None:
            raise down()
        try:
            return await self._tried(asked, times)
        except ServiceUnavailable:
            self._in_a_row += 1
            if self._in_a_row >= FAILURES_IN_A_ROW:
                self._is_down()
            raise

    async def _tried(self, asked: Callable[[], Awaitable[_Answer]], times: int = 1) -> _Answer:
        try:
            async with asyncio.timeout(self._patience.total_seconds() * times):
                answer = await asked()
        except ClientError as refusal:
            status = refusal.response.get("ResponseMetadata", {}).get("HTTPStatusCode", _SERVER_ERROR)
            if status < _SERVER_ERROR and status not in _REFUSED:
                self._in_a_row = 0
                raise
            self._failed(code(refusal))
        except _TROUBLES as error:
            self._failed(type(error).__name__)
        else:
            self._in_a_row = 0
            return answer
        # Outside of the block above: what the library says may hold addresses, and is to reach no log.
        raise down()

    def _failed(self, trouble: str) -> None:
        self.trouble = trouble
        self.failures[trouble] += 1

    async def _watch(self) -> None:
        while True:
            try:
                await self._tried(self._probe)
            except ServiceUnavailable:
                self._is_down()
            except Exception as error:
                # Whatever it is: nobody would look again if this ended.
                self._failed(code(error) if isinstance(error, ClientError) else type(error).__name__)
                self._is_down()
            else:
                self._is_back()
                await self._fell.wait()
            await asyncio.sleep(PROBE_SECONDS)

    def _is_down(self) -> None:
        self._fell.set()
        if self.down_since is None:
            self.down_since = datetime.now(UTC)
            _log.warning("the file storage is of no use (%s); text goes on without it", self.trouble)

    def _is_back(self) -> None:
        self._in_a_row = 0
        self._fell.clear()
        if self.down_since is not None:
            self.down_since = None
            _log.info("the file storage answers")
