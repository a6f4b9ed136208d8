"""Servers for the tests: those named in the environment, else our own for the length of a session."""

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg  # type: ignore[import-untyped]
from attrs import frozen
from sqlalchemy.engine import URL, make_url

from mtchat_adapters.embedded.postgres import EmbeddedPostgres

_FILE_COPY_SINCE = 15


@frozen
class Databases:
    """Databases of one PostgreSQL server, made and dropped in a few milliseconds each.

    *server* is the URL of a database on it whose role may create others.
    """

    server: URL

    async def create(self, template: str | None = None) -> str:
        """Make an empty database, or a copy of the one at the URL *template*; return its URL for SQLAlchemy.

        Nobody may be connected to the template: dispose of its engines first.
        """
        name = f"test_{uuid4().hex}"
        statement = f'CREATE DATABASE "{name}"'
        connection = await asyncpg.connect(_dsn(self.server))
        try:
            if template is not None:
                statement += f' TEMPLATE "{make_url(template).database}"'
            if connection.get_server_version().major >= _FILE_COPY_SINCE:
                statement += " STRATEGY file_copy"
            await connection.execute(statement)
        finally:
            await connection.close()
        return _asyncpg(self.server.set(database=name))

    async def drop(self, url: str) -> None:
        """Remove the database at *url*, disconnecting whoever is in it."""
        connection = await asyncpg.connect(_dsn(self.server))
        try:
            name = make_url(url).database
            try:
                await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
            except asyncpg.InsufficientPrivilegeError:
                # FORCE may not end the server's own vacuum, which leaves by itself when it is only asked.
                await connection.execute(f'DROP DATABASE "{name}"')
        finally:
            await connection.close()


@contextmanager
def test_postgres() -> Generator[Databases]:
    """Lend the server of MTCHAT_TEST_DATABASE_URL, or one of our own until the block ends."""
    if running := os.environ.get("MTCHAT_TEST_DATABASE_URL"):
        yield Databases(make_url(running))
        return
    with (
        tempfile.TemporaryDirectory(prefix="mtchat-tests-") as folder,
        EmbeddedPostgres(Path(folder) / "postgres", durable=False) as server,
    ):
        yield Databases(make_url(server.url))


def _dsn(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _asyncpg(url: URL) -> str:
    return url.set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)
