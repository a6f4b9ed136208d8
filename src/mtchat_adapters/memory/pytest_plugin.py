"""For hosts that test with pytest: the fixture `mtchat` is the whole chat, in this process."""

from collections.abc import Iterator

import pytest

from mtchat_adapters import memory
from mtchat_core.chat import Chat


@pytest.fixture
def mtchat() -> Iterator[Chat]:
    """Return a fresh, empty chat; it refuses what PostgreSQL refuses."""
    chat = Chat.over(memory.ports())
    yield chat
    chat.realtime.close()
