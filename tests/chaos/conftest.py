"""The database that these tests break."""

from collections.abc import AsyncIterator

import pytest

from mtchat_adapters import postgres
from tests.chaos.faults import Database


@pytest.fixture(scope="module")
async def database(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Database]:
    """A durable PostgreSQL that outlives the service."""
    database = Database(tmp_path_factory.mktemp("faults"))
    await database.start()
    await postgres.migrate_async(database.dsn)
    yield database
    database.close()
