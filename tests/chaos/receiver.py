"""A host's webhook receiver that remembers everything, and behaves as badly as one wishes."""

import asyncio
import random
import time
from contextlib import suppress
from typing import Any

from tests.chaos.history import Post
from tests.journeys.service import free_port

MOODS = ("fails", "busy", "redirects", "resets", "drips", "slow")
"""How a receiver can be there and still be of no use."""
TRAP = "/elsewhere"
"""Where redirects lead: nobody may ever come here."""
SLOW_SECONDS = 1.0
_ANSWERS = {
    "well": (204, ""),
    "fails": (500, ""),
    "busy": (429, "retry-after: 1\r\n"),
    "redirects": (307, f"location: {TRAP}\r\n"),
}


class Receiver:
    """HTTP on 127.0.0.1, at one address through all its absences; most of what it is asked it takes."""

    def __init__(self, posts: list[Post], absences: list[tuple[float, float]], chance: random.Random) -> None:
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}/webhooks"
        self.mood = "well"
        self._posts = posts
        self._absences = absences
        self._chance = chance
        self._server: asyncio.Server | None = None
        self._talking = dict[asyncio.StreamWriter, asyncio.Task[None]]()
        self._away_since = time.time()

    async def start(self) -> None:
        """Be there, and in a good mood."""
        self.mood = "well"
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", self._port)
        self._absences.append((self._away_since, time.time()))

    async def stop(self) -> None:
        """Be gone, in the middle of everything."""
        self._away_since = time.time()
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._talking:
            writer.transport.abort()
        await asyncio.gather(*self._talking.values())

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task: Any = asyncio.current_task()
        self._talking[writer] = task
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    await self._answer(reader, writer)
        finally:
            del self._talking[writer]
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        # Part of what comes is taken even on a bad day.
        mood = self.mood if self._chance.random() < 0.8 else "well"
        status, more = _ANSWERS.get(mood, _ANSWERS["well"])
        is_whole = mood not in ("resets", "drips")
        event = headers["x-webhook-event"] if TRAP not in head[0] else f"trapped {headers['x-webhook-event']}"
        identity = headers["x-webhook-id"], event, headers["x-webhook-signature"]
        self._posts.append(Post(time.time(), *identity, body, status if is_whole else 0))
        if mood == "resets":
            writer.transport.abort()
            return
        if mood == "slow":
            await asyncio.sleep(self._chance.uniform(0, SLOW_SECONDS))
        writer.write(f"HTTP/1.1 {status} -\r\n{more}".encode())
        if mood == "drips":
            for _ in range(1000):
                writer.write(b"x-more: and more\r\n")
                await asyncio.sleep(0.1)
                await writer.drain()
        writer.write(b"\r\n" if status == 204 else b"content-length: 0\r\n\r\n")
        await writer.drain()
