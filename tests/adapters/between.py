"""Somebody between us and the database, who can stop passing things on, or hang up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy.engine import make_url


class Between:
    """A proxy in front of a PostgreSQL server, on a socket of its own; `url` leads through it."""

    def __init__(self, server: str, folder: Path) -> None:
        behind = make_url(server)
        self.url = (
            behind.set(drivername="postgresql", host=None, port=None)
            .update_query_dict({"host": str(folder)})
            .render_as_string(hide_password=False)
        )
        self._behind = behind
        self._passing = asyncio.Event()
        self._passing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.connections = 0

    def freeze(self) -> None:
        """Pass nothing on any more, in either direction."""
        self._passing.clear()

    def thaw(self) -> None:
        """Pass everything on again."""
        self._passing.set()

    async def hang_up(self) -> None:
        """Close every connection there is, and give the loop the time to tell our side."""
        for writer in tuple(self._writers):
            writer.transport.abort()
        for _ in range(10):
            await asyncio.sleep(0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        self.connections += 1
        self._writers.add(writer)
        try:
            server_reader, server_writer = await self._connect()
            self._writers.add(server_writer)
            try:
                await asyncio.gather(self._carry(reader, server_writer), self._carry(server_reader, writer))
            finally:
                self._close(server_writer)
        finally:
            self._close(writer)

    def _close(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = self._behind.query.get("host") or self._behind.host or "localhost", self._behind.port or 5432
        assert isinstance(host, str)
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, port)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                await self._passing.wait()
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()


@asynccontextmanager
async def between(server: str) -> AsyncIterator[Between]:
    """Put somebody between us and the *server* for the block."""
    with TemporaryDirectory(prefix="mtchat-") as folder:
        someone = Between(server, Path(folder))
        tasks: set[asyncio.Task[None]] = set()

        def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(someone.serve(reader, writer))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        listener = await asyncio.start_unix_server(serve, f"{folder}/.s.PGSQL.5432")
        try:
            yield someone
        finally:
            listener.close()
            someone.thaw()
            await someone.hang_up()
            await asyncio.gather(*tasks, return_exceptions=True)
