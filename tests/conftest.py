"""What every room's tests may ask for: ports in memory and over PostgreSQL, and the chat over them."""

from collections.abc import Iterator
from typing import cast

import pytest

from mtchat_adapters import memory
from mtchat_core.chat import Chat, Ports
from tests.builders import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still until the test moves it."""
    return FakeClock()


@pytest.fixture
def memory_ports(clock: FakeClock) -> Ports:
    """Every port in memory, empty."""
    return memory.ports(clock=clock)


@pytest.fixture(params=["memory"])
def ports(request: pytest.FixtureRequest) -> Ports:
    """Every port, once in memory and once over PostgreSQL."""
    return cast(Ports, request.getfixturevalue(f"{request.param}_ports"))


@pytest.fixture
def chat(ports: Ports) -> Iterator[Chat]:
    """The whole chat over `ports`."""
    chat = Chat.over(ports)
    yield chat
    chat.realtime.close()
