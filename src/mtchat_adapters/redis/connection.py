"""The way to Redis: everything asked at the same moment travels together, and nobody waits for long."""

import asyncio
import logging
import math
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import define, frozen
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import parse_url
from redis.exceptions import NoScriptError, RedisError, ResponseError

from mtchat_core.domain.errors import InvalidInput

TIMEOUT = timedelta(milliseconds=500)
PROBE_SECONDS = 1.0
SECOND_LOOK_SECONDS = 0.05
FAILURES_IN_A_ROW = 3
"""After so many, Redis counts as down: nobody but the probe asks it until it answers again."""
AT_ONCE, AT_ONCE_BYTES = 256, 1024 * 1024
WAITING = 10_000
WAITING_BYTES = 16 * 1024 * 1024

Argument = str | bytes | int

_log = logging.getLogger(__name__)
_parse: Any = parse_url


def _pool(options: dict[str, Any]) -> Any:
    return ConnectionPool(**options)


class RedisIsDown(Exception):
    """Redis does not answer in time, or refuses; says the sort of trouble, never what was asked."""


class RedisRefuses(RedisIsDown):
    """Redis answers, and does not do what it is asked."""


@frozen
class Script:
    """A few lines of Lua that Redis runs as one step; `sha` is what it calls them by."""

    text: str
    sha: str


@define(eq=False)
class _Command:
    words: Sequence[Argument]
    size: int
    reply: "asyncio.Future[Any] | None" = None


class RedisConnection:
    """One Redis, asked over one connection, behind a breaker.

    Commands that wait at the same moment travel in one write. A wait ends after *timeout*,
    whatever Redis does; once it has failed a few times in a row, asking fails at once, and a
    probe every second finds out when it answers again.
    """

    def __init__(self, url: str, *, prefix: str = "mtchat", timeout: timedelta = TIMEOUT) -> None:
        seconds = timeout.total_seconds()
        # RESP2 by name: its replies are plain lists. No timeout of the library's own, which may cut what waits
        # on purpose, and no retries: what fails is told to whoever asked, who has the log or a twin in memory.
        ours = {"protocol": 2, "socket_timeout": None, "socket_connect_timeout": seconds, "driver_info": None}
        try:
            self._pool = _pool({**_parse(url), **ours})
        except (ValueError, TypeError):
            raise InvalidInput("REDIS_URL can't be used: it is no redis://, rediss:// or unix:// URL.") from None
        self.prefix = prefix
        self.down_since: datetime | None = datetime.now(UTC)
        """Since when Redis does not answer; None while it does."""
        self.trouble = ""
        """The last failure, in a word."""
        self.failures: Counter[str] = Counter()
        self._seconds = seconds
        self._waiting: deque[_Command] = deque()
        self._waiting_bytes = 0
        self._filled = asyncio.Event()
        self._in_a_row = 0
        self._connection: Any = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def is_up(self) -> bool:
        """Whether Redis answers, as far as is known."""
        return self.down_since is None

    async def open(self) -> None:
        """Begin, and look whether Redis is there; it need not be."""
        self._tasks.append(asyncio.create_task(self._send()))
        await self._probe()
        self._tasks.append(asyncio.create_task(self._watch()))

    async def close(self) -> None:
        """End; whoever waits is told that Redis is down."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.down_since = self.down_since or datetime.now(UTC)
        self._refuse(list(self._waiting))
        self._waiting.clear()
        await self._hang_up()

    async def ask(self, *words: Argument) -> Any:
        """Send one command and return the reply.

        Raises:
            RedisIsDown: no reply within the timeout, at once while Redis is known to be down, or a refusal.
        """
        return await self._ask(words, is_probe=False)

    async def run(self, script: Script, keys: Sequence[Argument], *arguments: Argument) -> Any:
        """Run *script* and return its result.

        Raises:
            RedisIsDown: as `ask`.
        """
        rest = (len(keys), *keys, *arguments)
        try:
            async with asyncio.timeout(self._seconds):
                try:
                    return await self._ask(("EVALSHA", script.sha, *rest), is_probe=False)
                except NoScriptError:
                    return await self.ask("EVAL", script.text, *rest)
        except TimeoutError:
            raise RedisIsDown("TimeoutError") from None

    def tell(self, *words: Argument) -> None:
        """Send one command at once, without waiting: lost if Redis is down, or too much waits already."""
        if self.is_up:
            self._put(words, None)
        else:
            self.failures["dropped"] += 1

    async def connect(self) -> Any:
        """Return another connection, for listening; whoever asked for it hangs up.

        Raises:
            RedisIsDown: Redis can't be reached in time.
        """
        connection: Any = self._pool.make_connection()
        try:
            async with asyncio.timeout(self._seconds):
                await connection.connect()
        except BaseException as error:
            await connection.disconnect(nowait=True)
            if isinstance(error, RedisError | OSError | TimeoutError):
                raise RedisIsDown(type(error).__name__) from None
            raise
        return connection

    async def _ask(self, words: Sequence[Argument], *, is_probe: bool) -> Any:
        if not (self.is_up or is_probe):
            raise RedisIsDown(self.trouble)
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if not self._put(words, reply):
            raise RedisIsDown("TooMuchWaits")
        try:
            async with asyncio.timeout(self._seconds):
                return await reply
        except TimeoutError:
            raise RedisIsDown("TimeoutError") from None
        except NoScriptError:
            raise
        except ResponseError as error:
            self.failures[type(error).__name__] += 1
            raise RedisRefuses(type(error).__name__) from None

    def _put(self, words: Sequence[Argument], reply: "asyncio.Future[Any] | None") -> bool:
        size = sum(len(word) for word in words if not isinstance(word, int))
        if len(self._waiting) >= WAITING or self._waiting_bytes + size > WAITING_BYTES:
            self.failures["dropped"] += 1
            return False
        self._waiting.append(_Command(words, size, reply))
        self._waiting_bytes += size
        self._filled.set()
        return True

    async def _send(self) -> None:
        while True:
            await self._filled.wait()
            batch = self._next()
            try:
                async with asyncio.timeout(self._seconds):
                    await self._exchange(batch)
            except Exception as error:
                await self._failed(error)
            else:
                self._in_a_row = 0
            finally:
                self._refuse(batch)

    def _next(self) -> list[_Command]:
        """Take what travels together: not so much that it would take long."""
        batch: list[_Command] = []
        size = 0
        while self._waiting and len(batch) < AT_ONCE and size < AT_ONCE_BYTES:
            batch.append(self._waiting.popleft())
            size += batch[-1].size
        self._waiting_bytes -= size
        if not self._waiting:
            self._filled.clear()
        return batch

    async def _exchange(self, batch: Sequence[_Command]) -> None:
        if self._connection is None:
            self._connection = self._pool.make_connection()
            await self._connection.connect()
        packed = self._connection.pack_commands([command.words for command in batch])
        await self._connection.send_packed_command(packed, check_health=False)
        for command in batch:
            try:
                reply: Any = await self._connection.read_response(timeout=math.inf)
            except ResponseError as refusal:
                if command.reply is None:
                    self.failures[type(refusal).__name__] += 1
                elif not command.reply.done():
                    command.reply.set_exception(refusal)
                continue
            if command.reply is not None and not command.reply.done():
                command.reply.set_result(reply)

    def _refuse(self, commands: Sequence[_Command]) -> None:
        for command in commands:
            if command.reply is not None and not command.reply.done():
                command.reply.set_exception(RedisIsDown(self.trouble))

    async def _failed(self, error: Exception) -> None:
        self.trouble = type(error).__name__
        self.failures[self.trouble] += 1
        self._in_a_row += 1
        await self._hang_up()
        if self._in_a_row >= FAILURES_IN_A_ROW:
            self._is_down()

    async def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(RedisError, OSError):
                await connection.disconnect(nowait=True)

    async def _watch(self) -> None:
        while True:
            # What just failed is looked at again soon: a dead Redis is to be known as dead.
            await asyncio.sleep(SECOND_LOOK_SECONDS if self.is_up and self._in_a_row else PROBE_SECONDS)
            await self._probe()

    async def _probe(self) -> None:
        try:
            # A write: a Redis that answers and keeps nothing (a replica, a full one) is of no use either.
            await self._ask(("SET", f"{self.prefix}:probe", "1", "PX", 60_000), is_probe=True)
        except RedisRefuses as refusal:
            self.trouble = str(refusal)
            self._is_down()
        except RedisIsDown:
            pass  # counted where it failed
        else:
            self._is_back()

    def _is_down(self) -> None:
        if self.is_up:
            self.down_since = datetime.now(UTC)
            _log.warning("redis does not answer (%s); it is done without", self.trouble)

    def _is_back(self) -> None:
        if not self.is_up:
            self.down_since = None
            _log.info("redis answers")
