"""The world behind every door test: over memory, and over PostgreSQL."""

from collections.abc import AsyncGenerator

import pytest

from mtchat_core.chat import Chat
from tests.holding import Held
from tests.http.world import House, World, open_world


@pytest.fixture(scope="session")
def house() -> House:
    """Build the doors once: that takes longer than most tests."""
    return House()


@pytest.fixture
async def world(chat: Chat, house: House) -> AsyncGenerator[World]:
    """Open the service over the adapters under test."""
    held = Held(open_world(chat, house))
    yield await held.value()
    await held.release()
