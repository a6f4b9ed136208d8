"""The load: HTTP and socket clients that cost next to nothing, so that two cores are enough to measure with.

A connection is one protocol object; requests are bytes made beforehand, and of an answer nothing is
read but its status and length. Every answer has to be a 200. Under load a service may also say that it
is overloaded (503): that is counted. Anything else ends the run.
"""

import asyncio
import time
from array import array
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from typing import Any, TypeVar, cast

import jwt

from bench.processes import HOST, SECRET

Answered = Callable[[int, bytes], None]
"""The status of an answer, and its body."""
Heard = Callable[[str, bytes], None]
"""Who listens, and the text of a frame."""
_T = TypeVar("_T")
_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length: "
_PATIENT_TIMES, _PAUSE_SECONDS = 20, 0.2
_TOKEN_SECONDS = 6 * 3600


class Unexpected(Exception):
    """The other side did not answer as it has to."""


class Overloaded(Unexpected):
    """The other side said that it has too much to do (503)."""


def token(user: str, scopes: Mapping[str, Sequence[str]] | None = None) -> str:
    """Return a token for *user*, as a host would sign it."""
    claims = {"sub": user, "exp": int(time.time()) + _TOKEN_SECONDS}
    return jwt.encode(claims if scopes is None else {**claims, "scopes": scopes}, SECRET, algorithm="HS256")


def get(path: str, bearer: str) -> bytes:
    """Return a request to read *path*."""
    return f"GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {bearer}\r\n\r\n".encode()


def post(path: str, bearer: str, body: bytes) -> bytes:
    """Return a request to send *body*, which is JSON, to *path*."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {bearer}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Caller(asyncio.Protocol):
    """One keep-alive connection: asks, and hands each answer's body on."""

    def __init__(self) -> None:
        self._rest = b""
        self._answered: Answered | None = None
        self._lost: Exception | None = None
        self._failed: Callable[[Exception], None] = lambda _: None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what waits."""
        self._fail(exc or Unexpected("the connection was closed"))

    def on_failure(self, failed: Callable[[Exception], None]) -> None:
        """Tell *failed* when the connection ends or an answer is none."""
        self._failed = failed

    @property
    def is_lost(self) -> bool:
        """Tell whether the connection has ended."""
        return self._lost is not None

    def close(self) -> None:
        """Hang up."""
        self._answered = None
        self._transport.abort()

    def ask(self, request: bytes, answered: Answered) -> None:
        """Send a request; *answered* gets the body."""
        self._answered = answered
        if self._lost is not None:
            self._fail(self._lost)
        else:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Take a part of an answer, usually the whole of it."""
        if self._rest:
            data = self._rest + data
        head = data.find(_END)
        at = data.find(_LENGTH, 0, head) if head >= 0 else -1
        if at < 0:
            self._rest = data
            if head >= 0:
                self._fail(Unexpected(data[:300].decode(errors="replace")))
            return
        body = head + len(_END)
        at += len(_LENGTH)
        if len(data) < body + int(data[at : data.index(b"\r", at)]):
            self._rest = data
            return
        self._rest = b""
        answered, self._answered = self._answered, None
        if answered is None:
            self._fail(Unexpected(data.decode(errors="replace")))
            return
        answered(int(data[9:12]), data[body:])

    def _fail(self, error: Exception) -> None:
        self._lost = error
        if self._answered is not None:
            self._answered = None
            self._failed(error)


class LoneCaller:
    """Asks one request after the other; a connection that was closed while nobody asked is opened again."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._caller: Caller | None = None

    async def answer(self, request: bytes) -> bytes:
        """Send a request and return the answer's body; while the other side is overloaded, ask again."""
        return await _patiently(partial(self._answer, request))

    async def _answer(self, request: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        if self._caller is None or self._caller.is_lost:
            _, self._caller = await loop.create_connection(Caller, HOST, self._port)
        answered: asyncio.Future[tuple[int, bytes]] = loop.create_future()
        self._caller.on_failure(answered.set_exception)
        self._caller.ask(request, lambda *answer: answered.set_result(answer))
        status, body = await answered
        if status != 200:
            raise (Overloaded if status == 503 else Unexpected)(f"{status} {body.decode(errors='replace')}")
        return body

    def close(self) -> None:
        """Hang up."""
        if self._caller is not None:
            self._caller.close()


@dataclass
class Tally:
    """What a load saw: seconds per good answer, wall time, and what we ourselves took of the processor."""

    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    overloaded: int = 0
    """Answers that said so."""
    seconds: float = 0.0
    own_cpu_seconds: float = 0.0

    def count(self, status: int, body: bytes, seconds: float) -> None:
        """Take one answer.

        Raises:
            Unexpected: it is neither a 200 nor a 503.
        """
        if status == 200:
            self.latencies.append(seconds)
        elif status == 503:
            self.overloaded += 1
        else:
            raise Unexpected(f"{status} {body.decode(errors='replace')}")

    @property
    def answers(self) -> int:
        """How many answers there were, of both kinds."""
        return len(self.latencies) + self.overloaded

    @property
    def per_second(self) -> float:
        """Good answers per second."""
        return len(self.latencies) / self.seconds


@asynccontextmanager
async def callers(port: int, count: int) -> AsyncGenerator[list[Caller]]:
    """Open *count* connections for the block."""
    loop = asyncio.get_running_loop()
    opened: list[Caller] = []
    try:
        for _ in range(count):
            _, caller = await loop.create_connection(Caller, HOST, port)
            opened.append(caller)
        yield opened
    finally:
        for caller in opened:
            caller.close()


async def warm_up(port: int, senders: Sequence[Sequence[bytes]], seconds: float) -> None:
    """Drive until nobody hears any more that the service is overloaded, as it may be while it opens connections.

    Raises:
        Overloaded: somebody still does.
    """
    for _ in range(_PATIENT_TIMES):
        if not (await drive(port, senders, seconds)).overloaded:
            return
    raise Overloaded(f"the service stays overloaded by {len(senders)} senders")


async def _patiently(ask: Callable[[], Awaitable[_T]]) -> _T:
    for _ in range(_PATIENT_TIMES):
        with suppress(Overloaded):
            return await ask()
        await asyncio.sleep(_PAUSE_SECONDS)
    return await ask()


async def drive(port: int, senders: Sequence[Sequence[bytes]], seconds: float) -> Tally:
    """Let every sender ask one request after the other, each as soon as the last is answered, for *seconds*."""
    tally = Tally()
    async with callers(port, len(senders)) as connections:
        ended = [asyncio.get_running_loop().create_future() for _ in senders]
        began, own = time.perf_counter(), time.process_time()
        until = began + seconds
        for caller, requests, end in zip(connections, senders, ended, strict=True):
            _keep_asking(caller, cycle(requests), end, tally, until)
        async with asyncio.timeout(seconds + 30):
            await asyncio.gather(*ended)
        tally.seconds = time.perf_counter() - began
        tally.own_cpu_seconds = time.process_time() - own
    return tally


def _keep_asking(
    caller: Caller,
    requests: Iterator[bytes],
    end: "asyncio.Future[None]",
    tally: Tally,
    until: float,
) -> None:
    clock = time.perf_counter
    sent_at = 0.0

    def answered(status: int, body: bytes) -> None:
        nonlocal sent_at
        now = clock()
        try:
            tally.count(status, body, now - sent_at)
        except Unexpected as error:
            failed(error)
            return
        if now < until:
            sent_at = now
            caller.ask(next(requests), answered)
        elif not end.done():
            end.set_result(None)

    def failed(error: Exception) -> None:
        if not end.done():
            end.set_exception(error)

    caller.on_failure(failed)
    sent_at = clock()
    caller.ask(next(requests), answered)


async def at_rate(
    port: int,
    connections: int,
    request: Callable[[int], bytes],
    rate: int,
    seconds: float,
    began: list[float],
) -> Tally:
    """Send *rate* requests a second, whether or not earlier ones are answered.

    *request* makes the one with a number, and *began* collects when each was due, by number; one that has to
    wait for a free connection began all the same.
    """
    tally = Tally()
    total = int(rate * seconds)
    loop = asyncio.get_running_loop()
    end: asyncio.Future[None] = loop.create_future()
    clock = time.perf_counter

    def failed(error: Exception) -> None:
        if not end.done():
            end.set_exception(error)

    async with callers(port, connections) as opened:
        idle, waiting = deque(opened), deque[int]()
        for caller in opened:
            caller.on_failure(failed)

        def send(caller: Caller, number: int) -> None:
            def answered(status: int, body: bytes) -> None:
                try:
                    tally.count(status, body, clock() - began[number])
                except Unexpected as error:
                    failed(error)
                    return
                if waiting:
                    send(caller, waiting.popleft())
                else:
                    idle.append(caller)
                if tally.answers == total and not end.done():
                    end.set_result(None)

            caller.ask(request(number), answered)

        first, own = clock(), time.process_time()
        for number in range(total):
            if (early := first + number / rate - clock()) > 0:
                await asyncio.sleep(early)
            began.append(clock())
            if idle:
                send(idle.popleft(), number)
            else:
                waiting.append(number)
        async with asyncio.timeout(30):
            await end
        tally.seconds, tally.own_cpu_seconds = clock() - first, time.process_time() - own
    return tally


class Ear(asyncio.Protocol):
    """One open socket (RFC 6455): reads frames, hands texts on, answers pings."""

    def __init__(self, who: str, path: str, heard: Heard) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_closed = False
        self._who = who
        self._path = path
        self._heard = heard
        self._rest = b""
        self._is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(
            f"GET {self._path} HTTP/1.1\r\nhost: bench\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
            "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Remember it."""
        self.is_closed = True
        if not self.opened.done():
            self.opened.set_exception(exc or Unexpected("the socket was closed"))

    def say(self, text: bytes) -> None:
        """Send a text of up to 65,535 bytes."""
        self._send(0x1, text)

    def close(self) -> None:
        """Hang up, without ceremony."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take frames, and keep what is not whole yet."""
        if self._rest:
            data = self._rest + data
        at = 0
        if not self._is_open:
            head = data.find(_END)
            if head < 0:
                self._rest = data
                return
            if not data.startswith(b"HTTP/1.1 101 "):
                refusal = Overloaded if data.startswith(b"HTTP/1.1 503 ") else Unexpected
                self.opened.set_exception(refusal(data.decode(errors="replace")))
                self.close()
                return
            self._is_open = True
            self.opened.set_result(None)
            at = head + len(_END)
        size = len(data)
        while size - at >= 2:
            start, length = at + 2, data[at + 1]
            if length == 126:
                start, length = at + 4, int.from_bytes(data[at + 2 : at + 4], "big")
            elif length == 127:
                start, length = at + 10, int.from_bytes(data[at + 2 : at + 10], "big")
            end = start + length
            if end > size:
                break
            kind = data[at] & 15
            if kind == 0x1:
                self._heard(self._who, data[start:end])
            elif kind == 0x9:
                self._send(0xA, data[start:end])
            elif kind == 0x8:
                self.is_closed = True
            at = end
        self._rest = data[at:]

    def _send(self, kind: int, payload: bytes) -> None:
        # The mask has to be there, and zeros mask nothing: the payload goes as it is.
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        self._transport.write(bytes([0x80 | kind]) + length + bytes(4) + payload)


@asynccontextmanager
async def ears(
    port: int, paths: Sequence[tuple[str, str]], heard: Heard, *, at_once: int = 20
) -> AsyncGenerator[list[Ear]]:
    """Open sockets, each for somebody at a path, *at_once* at a time, for the block."""
    loop = asyncio.get_running_loop()
    opened: list[Ear] = []
    slots = asyncio.Semaphore(at_once)

    async def open_one(who: str, path: str) -> None:
        _, ear = await loop.create_connection(lambda: Ear(who, path, heard), HOST, port)
        await ear.opened
        opened.append(ear)

    async def open_patiently(who: str, path: str) -> None:
        async with slots, asyncio.timeout(120):
            await _patiently(partial(open_one, who, path))

    tasks: list[asyncio.Task[Any]] = [loop.create_task(open_patiently(who, path)) for who, path in paths]
    try:
        await asyncio.gather(*tasks)
        yield opened
    finally:
        for task in tasks:
            task.cancel()
        for ear in opened:
            ear.close()


async def until(is_so: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Wait for something to be so.

    Raises:
        Unexpected: it is not, *seconds* later.
    """
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise Unexpected(f"waited {seconds:g} s in vain for {what}")
        await asyncio.sleep(0.001)
