"""One attempt over the network: no proxies, no cookies, no redirects, and no address that was not looked at.

The requests are those of httpx's own transport, httpcore; the connections are ours, so that each goes to
the address that was looked at, and because keeping them the usual way costs more than a request.
"""

import asyncio
import logging
import socket
import ssl
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

import httpcore
import httpx
from attrs import define, field

from mtchat_core.domain.webhooks import Receipt, SignedRequest

ANSWER_BYTES: Final = 64 * 1024
"""How much of an answer is read, to use its connection again; the rest is not waited for."""
KEEP_ALIVE_SECONDS: Final = 4.0
"""Shorter than most receivers keep an idle connection."""
_AGENT: Final = "MTChat-Webhooks/1"

Address = IPv4Address | IPv6Address
MayCall = Callable[[Address], bool]
Connection = httpcore.AsyncHTTP11Connection

_log = logging.getLogger(__name__)


class AddressRefused(Exception):
    """The name leads to an address that is not called."""


class NameUnknown(Exception):
    """The name leads nowhere."""


class Unanswered(Exception):
    """There was no answer; the words say why, and hold nothing of what was sent."""


@define
class HttpxWebhooks:
    """WebhookSender that uses connections again."""

    deadline: timedelta
    may_call: MayCall
    _tls: ssl.SSLContext = field(factory=httpx.create_ssl_context)
    _idle: dict[str, list[Connection]] = field(factory=lambda: defaultdict(list))
    _swept_at: float = 0.0

    async def send(self, url: str, request: SignedRequest) -> Receipt:
        """Make one attempt within the deadline; a status counts as soon as it is there."""
        begun = time.monotonic()

        def receipt(status: int | None, failure: str | None = None, wait: timedelta | None = None) -> Receipt:
            return Receipt(status, failure, round((time.monotonic() - begun) * 1000), wait)

        answered: Receipt | None = None
        try:
            async with asyncio.timeout(self.deadline.total_seconds()):
                address = _parsed(url)
                connection, response = await self._post(address, request)
                answered = receipt(response.status, wait=_retry_after(response.headers))
                await _read(response)
                self._keep(address.origin, connection)
        except Exception as error:
            return answered or receipt(None, _failure(error))
        return answered

    async def ask(self, url: str, request: SignedRequest) -> tuple[int, bytes]:
        """Make one attempt within the deadline, and return the status and the first 64 KiB of the answer.

        Raises:
            Unanswered: it has not come, or not all of that.
        """
        try:
            async with asyncio.timeout(self.deadline.total_seconds()):
                address = _parsed(url)
                connection, response = await self._post(address, request)
                body = await _read(response)
                self._keep(address.origin, connection)
        except Exception as error:
            raise Unanswered(_failure(error)) from None
        return response.status, body

    async def close(self) -> None:
        """End the connections that wait for more."""
        idle = [connection for connections in self._idle.values() for connection in connections]
        self._idle.clear()
        for connection in idle:
            await connection.aclose()

    async def _post(self, address: httpcore.URL, request: SignedRequest) -> tuple[Connection, httpcore.Response]:
        """Send the request and return the head of the answer; a kept connection that has closed is no failure."""
        while (connection := self._reused(address.origin)) is not None:
            try:
                return connection, await _ask(connection, address, request)
            except (httpcore.NetworkError, httpcore.RemoteProtocolError):
                continue
        connection = await self._connect(address.origin)
        return connection, await _ask(connection, address, request)

    def _reused(self, origin: httpcore.Origin) -> Connection | None:
        idle = self._idle[str(origin)]
        while idle:
            connection = idle.pop()
            if connection.is_available() and not connection.has_expired():
                return connection
            _abandon(connection)
        return None

    def _keep(self, origin: httpcore.Origin, connection: Connection) -> None:
        now = time.monotonic()
        if connection.is_available():
            self._idle[str(origin)].append(connection)
        if now - self._swept_at > KEEP_ALIVE_SECONDS:
            self._swept_at = now
            self._sweep()

    def _sweep(self) -> None:
        for origin, connections in list(self._idle.items()):
            fresh = [connection for connection in connections if not connection.has_expired()]
            for connection in connections:
                if connection not in fresh:
                    _abandon(connection)
            if fresh:
                self._idle[origin] = fresh
            else:
                del self._idle[origin]

    async def _connect(self, origin: httpcore.Origin) -> Connection:
        """Connect to an address that was looked at; TLS goes by the name, which nobody resolves again."""
        host = origin.host.decode("ascii")
        is_secure = origin.scheme == b"https"
        addresses = await _addresses(host, origin.port)
        if not all(map(self.may_call, addresses)):
            raise AddressRefused
        failure: Exception = NameUnknown()
        for address in addresses:
            try:
                reader, writer = await asyncio.open_connection(
                    str(address),
                    origin.port,
                    ssl=self._tls if is_secure else None,
                    server_hostname=host if is_secure else None,
                )
            except OSError as error:
                failure = error
            else:
                return Connection(origin, _Stream(reader, writer), KEEP_ALIVE_SECONDS)
        raise failure


@asynccontextmanager
async def open(*, deadline: timedelta, may_call: MayCall) -> AsyncGenerator[HttpxWebhooks]:  # noqa: A001 - webhooks.open
    """Open a sender for the block; it connects only where *may_call* says yes."""
    sender = HttpxWebhooks(deadline, may_call)
    try:
        yield sender
    finally:
        await sender.close()


class _Stream(httpcore.AsyncNetworkStream):
    """A connection as httpcore reads and writes it; the deadline is that of the whole attempt."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002, ASYNC109
        """Return what has come, nothing at the end."""
        try:
            return await self._reader.read(max_bytes)
        except OSError as error:
            raise httpcore.ReadError from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109
        """Send everything."""
        try:
            self._writer.write(buffer)
            await self._writer.drain()
        except OSError as error:
            raise httpcore.WriteError from error

    async def aclose(self) -> None:
        """Hang up without waiting for the other side."""
        self._writer.transport.abort()

    def get_extra_info(self, info: str) -> Any:
        """Tell whether there is something to read, which on an idle connection is its end."""
        if info == "is_readable":
            return self._reader.at_eof() or self._writer.is_closing()
        return None


async def _ask(connection: Connection, address: httpcore.URL, request: SignedRequest) -> httpcore.Response:
    headers = {
        "Host": _host(address),
        **request.headers,
        "User-Agent": _AGENT,
        "Accept": "*/*",
        "Content-Length": str(len(request.body)),
    }
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    asked = httpcore.Request("POST", address, headers=raw, content=request.body)
    return await connection.handle_async_request(asked)


@lru_cache(256)
def _parsed(url: str) -> httpcore.URL:
    parts = httpx.URL(url)
    return httpcore.URL(scheme=parts.raw_scheme, host=parts.raw_host, port=parts.port, target=parts.raw_path)


def _host(address: httpcore.URL) -> str:
    host = address.host.decode("ascii")
    host = f"[{host}]" if ":" in host else host
    return host if address.port is None else f"{host}:{address.port}"


async def _addresses(host: str, port: int) -> Sequence[Address]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NameUnknown from None
    return list(dict.fromkeys(ip_address(str(place[0])) for *_, place in found))


async def _read(response: httpcore.Response) -> bytes:
    """Read the answer's body, but no more of it than that; whoever stops here gives the connection up."""
    taken = bytearray()
    async with aclosing(_parts(response)) as parts:
        async for part in parts:
            taken += part
            if len(taken) > ANSWER_BYTES:
                break
    await response.aclose()
    return bytes(taken[:ANSWER_BYTES])


async def _parts(response: httpcore.Response) -> AsyncGenerator[bytes]:
    async for part in response.aiter_stream():
        yield part


def _retry_after(headers: Sequence[tuple[bytes, bytes]]) -> timedelta | None:
    """Return how long the receiver asks to wait: seconds, or until an instant (RFC 9110, section 10.2.3)."""
    values = (value.decode("latin-1").strip() for name, value in headers if name.lower() == b"retry-after")
    given = next(values, "")
    try:
        if given.isascii() and given.isdigit():
            return timedelta(seconds=min(int(given[:10]), 10**6))
        until = parsedate_to_datetime(given)
        if until.tzinfo is None:
            until = until.replace(tzinfo=UTC)
        return max(timedelta(), until - datetime.now(UTC))
    except (ValueError, OverflowError):
        return None


_FAILURES: Mapping[str, tuple[type[BaseException], ...]] = {
    "no answer in time": (TimeoutError,),
    "the address is refused": (AddressRefused,),
    "the name is unknown": (NameUnknown,),
    "TLS failed": (ssl.SSLError,),
    "connection refused": (ConnectionRefusedError,),
    "connection lost": (httpcore.NetworkError, OSError),
    "no HTTP": (httpcore.ProtocolError, httpx.InvalidURL, ValueError),
}


def _failure(error: Exception) -> str:
    """Return what went wrong in words that hold nothing of what was sent or answered."""
    for says, kinds in _FAILURES.items():
        if isinstance(error, kinds):
            return says
    _log.error("an attempt failed in a way nobody foresaw: %s", type(error).__name__)
    return "it failed"


def _abandon(connection: Connection) -> None:
    """End a connection; ours need no waiting for that."""
    closing = connection.aclose()
    try:
        closing.send(None)
    except StopIteration:
        return
    closing.close()
