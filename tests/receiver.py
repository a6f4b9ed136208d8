"""A host's webhook address, played by a script: it answers, waits, drips, floods, resets, redirects."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from attrs import field, frozen

PATIENCE_SECONDS = 20


@frozen
class Arrived:
    """A request as it came in, and when, by the loop's clock."""

    at: float
    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """What the receiver knows it by."""
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)

    @property
    def payload(self) -> Any:
        """What it says."""
        return self.json["payload"]


Answer = Callable[[Arrived, asyncio.StreamWriter], Awaitable[None]]


def status(code: int, *headers: str, body: bytes = b"") -> Answer:
    """Answer with a status, and have the connection used again."""

    async def answer(_: Arrived, writer: asyncio.StreamWriter) -> None:
        head = [f"HTTP/1.1 {code} X", f"Content-Length: {len(body)}", *headers]
        writer.write("\r\n".join([*head, "", ""]).encode() + body)

    return answer


def late(gate: asyncio.Event, then: Answer) -> Answer:
    """Answer once *gate* opens."""

    async def answer(arrived: Arrived, writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        await then(arrived, writer)

    return answer


async def silence(_: Arrived, writer: asyncio.StreamWriter) -> None:
    """Say nothing until the other side leaves."""
    await writer.wait_closed()


async def drip(_: Arrived, writer: asyncio.StreamWriter) -> None:
    """Send a head that never ends, byte by byte."""
    writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not writer.is_closing():
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


async def flood(_: Arrived, writer: asyncio.StreamWriter) -> None:
    """Send a gigabyte after the head."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
    for _n in range(1000):
        writer.write(b"x" * 1_000_000)
        await writer.drain()


async def reset(_: Arrived, writer: asyncio.StreamWriter) -> None:
    """Hang up rudely."""
    writer.transport.abort()


class Receiver:
    """Listens on 127.0.0.1; `answer` says how requests are answered, and may be changed at any time."""

    def __init__(self) -> None:
        self.arrived: list[Arrived] = []
        self.answer: Answer = status(204)
        self.connections = 0
        self.most_at_once = 0
        self.port = 0
        self._now = 0
        self._news = asyncio.Condition()
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook"

    def by_dialog(self) -> dict[str, list[Arrived]]:
        """Return what arrived, dialog by dialog."""
        found = defaultdict[str, list[Arrived]](list)
        for one in self.arrived:
            found[one.payload["dialog_id"]].append(one)
        return dict(found)

    async def wait_for(self, count: int) -> list[Arrived]:
        """Wait until *count* requests have arrived in all, and return everything that has."""
        async with asyncio.timeout(PATIENCE_SECONDS), self._news:
            await self._news.wait_for(lambda: len(self.arrived) >= count)
        return self.arrived

    def answers(self, answers: Iterable[Answer], then: Answer | None = None) -> None:
        """Answer the next requests one after the other, and those that follow with *then*."""
        left = list(answers)
        last = then or status(204)

        async def answer(arrived: Arrived, writer: asyncio.StreamWriter) -> None:
            await (left.pop(0) if left else last)(arrived, writer)

        self.answer = answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        self._open.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while not writer.is_closing():
                await self._one(reader, writer)
        self._open.discard(writer)
        writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
        body = await reader.readexactly(int(headers["content-length"]))
        arrived = Arrived(asyncio.get_running_loop().time(), request.split(" ")[1], headers, body)
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            async with self._news:
                self.arrived.append(arrived)
                self._news.notify_all()
            await self.answer(arrived, writer)
            await writer.drain()
        finally:
            self._now -= 1

    def hang_up(self) -> None:
        """End every connection."""
        for writer in list(self._open):
            writer.transport.abort()


@asynccontextmanager
async def open_receiver() -> AsyncGenerator[Receiver]:
    """Listen for the block."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        receiver.hang_up()
        await server.wait_closed()
