"""The world behind every door test: over memory, and over PostgreSQL."""

from collections.abc import AsyncGenerator

import pytest

from mtchat_core.chat import Chat
from tests.http.world import World, open_world


@pytest.fixture
async def world(chat: Chat) -> AsyncGenerator[World]:
    """Open the service over the adapters under test."""
    async with open_world(chat) as opened:
        yield opened
