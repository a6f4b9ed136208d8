"""Verbs run over memory adapters, and every announcement is overheard."""

import pytest

from mtchat_core.chat import Ports
from mtchat_core.domain.events import Event, Recorded
from mtchat_core.ports.realtime import Announcement


@pytest.fixture
def ports(memory_ports: Ports) -> Ports:
    """Every port, in memory."""
    return memory_ports


class Overheard(list[Announcement]):
    """Everything announced so far."""

    @property
    def events(self) -> list[Event]:
        """What happened to dialogs, in order."""
        return [announcement.event for announcement in self if isinstance(announcement, Recorded)]


@pytest.fixture
def overheard(ports: Ports) -> Overheard:
    """Everything announced from the start of the test on."""
    heard = Overheard()
    ports.broker.listen(heard.append)
    return heard
