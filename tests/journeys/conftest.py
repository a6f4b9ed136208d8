"""Databases for journeys."""

from collections.abc import AsyncIterator

import pytest

from tests import servers


@pytest.fixture
async def empty_database(databases: servers.Databases) -> AsyncIterator[str]:
    """The URL of a database with nothing in it."""
    url = await databases.create()
    yield url
    await databases.drop(url)
