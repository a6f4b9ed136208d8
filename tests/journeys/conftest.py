"""Databases for journeys, and one service for those who only ask."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests import servers
from tests.journeys.service import Service


@pytest.fixture
async def empty_database(databases: servers.Databases) -> AsyncIterator[str]:
    """The URL of a database with nothing in it."""
    url = await databases.create()
    yield url
    await databases.drop(url)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service on PostgreSQL, with patience for failed authentications: they all come from here."""
    folder = tmp_path_factory.mktemp("served")
    data = str(folder / "data")
    with Service("serve", "--data", data, log=folder / "log", AUTH_FAILURES_BURST="1000000000") as service:
        yield service
