"""One attempt over the network: no proxies, no cookies, no redirects, and no address that was not looked at.

It uses httpx's own transport, httpcore, straight: httpx itself would cost as much again for each request.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

import httpcore
import httpx
from attrs import frozen

from mtchat_core.domain.webhooks import Receipt, SignedRequest

ANSWER_BYTES: Final = 64 * 1024
"""How much of an answer is read, to use its connection again; the rest is not waited for."""
KEEP_ALIVE_SECONDS: Final = 4.0
"""Shorter than most receivers keep an idle connection: one that is closing would fail the next attempt."""
_IDLE_CONNECTIONS: Final = 100
_AGENT: Final = "MTChat-Webhooks/1"

Address = IPv4Address | IPv6Address
MayCall = Callable[[Address], bool]

_log = logging.getLogger(__name__)


class AddressRefused(Exception):
    """The name leads to an address that is not called."""


class NameUnknown(Exception):
    """The name leads nowhere."""


@frozen
class HttpxWebhooks:
    """WebhookSender over one pool of connections."""

    pool: httpcore.AsyncConnectionPool
    deadline: timedelta

    async def send(self, url: str, request: SignedRequest) -> Receipt:
        """Make one attempt within the deadline; a status counts as soon as it is there."""
        loop = asyncio.get_running_loop()
        begun = loop.time()

        def receipt(status: int | None, failure: str | None = None, wait: timedelta | None = None) -> Receipt:
            return Receipt(status, failure, round((loop.time() - begun) * 1000), wait)

        answered: Receipt | None = None
        try:
            async with asyncio.timeout(self.deadline.total_seconds()):
                headers = {**request.headers, "User-Agent": _AGENT, "Accept": "*/*"}
                async with self.pool.stream("POST", url, headers=_raw(headers), content=request.body) as response:
                    answered = receipt(response.status, wait=_retry_after(response.headers))
                    await _read(response)
        except Exception as error:
            return answered or receipt(None, _failure(error))
        return answered


@asynccontextmanager
async def open(  # noqa: A001 - read as webhooks.open
    *, deadline: timedelta, may_call: MayCall
) -> AsyncGenerator[HttpxWebhooks]:
    """Open a sender for the block; it connects only where *may_call* says yes."""
    async with httpcore.AsyncConnectionPool(
        ssl_context=httpx.create_ssl_context(),
        max_connections=None,
        max_keepalive_connections=_IDLE_CONNECTIONS,
        keepalive_expiry=KEEP_ALIVE_SECONDS,
        network_backend=_Network(may_call),
    ) as pool:
        yield HttpxWebhooks(pool, deadline)


class _Network(httpcore.AsyncNetworkBackend):
    """Resolves, looks at every address, and connects to one of those: nobody can resolve it anew meanwhile."""

    def __init__(self, may_call: MayCall) -> None:
        self._may_call = may_call
        self._below: httpcore.AsyncNetworkBackend = httpcore.AnyIOBackend()  # pyright: ignore

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is not ours
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers; TLS goes on by the host's name."""
        addresses = await _addresses(host, port)
        if not all(map(self._may_call, addresses)):
            raise AddressRefused
        failure: Exception = NameUnknown()
        for address in addresses:
            try:
                return await self._below.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except httpcore.ConnectError as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


async def _addresses(host: str, port: int) -> Sequence[Address]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NameUnknown from None
    return list(dict.fromkeys(ip_address(str(place[0])) for *_, place in found))


async def _read(response: httpcore.Response) -> None:
    """Read the answer's body, but no more of it than that; whoever stops here gives the connection up."""
    taken = 0
    async with aclosing(_parts(response)) as parts:
        async for part in parts:
            taken += len(part)
            if taken > ANSWER_BYTES:
                return


async def _parts(response: httpcore.Response) -> AsyncGenerator[bytes]:
    async for part in response.aiter_stream():
        yield part


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def _retry_after(headers: Sequence[tuple[bytes, bytes]]) -> timedelta | None:
    """Return how long the receiver asks to wait: seconds, or until an instant (RFC 9110, section 10.2.3)."""
    given = next(
        (value.decode("latin-1").strip() for name, value in headers if name.lower() == b"retry-after"), ""
    )
    try:
        if given.isascii() and given.isdigit():
            return timedelta(seconds=min(int(given[:10]), 10**6))
        until = parsedate_to_datetime(given)
        if until.tzinfo is None:
            until = until.replace(tzinfo=UTC)
        return max(timedelta(), until - datetime.now(UTC))
    except (ValueError, OverflowError):
        return None


def _failure(error: Exception) -> str:
    """Return what went wrong in words that hold nothing of what was sent or answered."""
    cause: BaseException | None = error
    while cause is not None:
        for kinds, says in _FAILURES:
            if isinstance(cause, kinds):
                return says
        cause = cause.__cause__ or cause.__context__
    _log.error("an attempt failed in a way nobody foresaw: %s", type(error).__name__)
    return "it failed"


_FAILURES: tuple[tuple[Any, str], ...] = (
    ((TimeoutError, httpcore.TimeoutException), "no answer in time"),
    (AddressRefused, "the address is refused"),
    (NameUnknown, "the name is unknown"),
    (ssl.SSLError, "TLS failed"),
    (ConnectionRefusedError, "connection refused"),
    (httpcore.ConnectError, "no connection"),
    ((httpcore.NetworkError, OSError), "connection lost"),
    ((httpcore.ProtocolError, httpcore.UnsupportedProtocol, ValueError), "no HTTP"),
)
