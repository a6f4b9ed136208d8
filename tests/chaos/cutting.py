"""Ways to a server that can be cut: nothing passes then, and nobody is told."""

import asyncio
from contextlib import suppress
from pathlib import Path

_PIECE = 65536


class Way:
    """A unix socket at *here* that leads to the one at *there*, until it is cut; used as an async context."""

    def __init__(self, here: Path, there: Path) -> None:
        self._here = here
        self._there = there
        self._is_open = asyncio.Event()
        self._is_open.set()
        self._tasks = set[asyncio.Task[None]]()

    async def __aenter__(self) -> "Way":
        self._server = await asyncio.start_unix_server(self._lead, self._here)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Let nothing pass any more, in either direction, on any connection."""
        self._is_open.clear()

    def mend(self) -> None:
        """Let everything pass that waits."""
        self._is_open.set()

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._is_open.wait()
        try:
            there, onward = await asyncio.open_unix_connection(self._there)
        except OSError:
            writer.close()
            return
        both = [asyncio.create_task(self._carry(*pair)) for pair in ((reader, onward), (there, writer))]
        self._tasks.update(both)
        await asyncio.wait(both)
        self._tasks.difference_update(both)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError):
                while piece := await reader.read(_PIECE):
                    await self._is_open.wait()
                    writer.write(piece)
                    await writer.drain()
        finally:
            writer.close()
