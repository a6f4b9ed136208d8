"""Sockets come, beat and go."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from mtchat_core.chat import Chat, Ports
from mtchat_core.domain.events import PresenceChanged
from mtchat_core.domain.presence import TTL, Discretion
from tests.builders import ANN, BO, FakeClock, a_new_dialog
from tests.links import eventually
from tests.use_cases.conftest import Overheard

ONE, OTHER = uuid4(), uuid4()
ONLINE, OFFLINE = PresenceChanged(ANN, is_online=True), PresenceChanged(ANN, is_online=False)
GRACE = Discretion().grace


@pytest.fixture
def patient(ports: Ports) -> Iterator[Chat]:
    """A chat that waits before it calls somebody gone."""
    chat = Chat.over(ports)
    yield chat
    chat.realtime.close()
    chat.presence.close()


async def test_only_the_first_and_the_last_connection_are_news(chat: Chat, overheard: Overheard) -> None:
    await chat.presence.beat(ANN, ONE)
    await chat.presence.beat(ANN, OTHER)
    await chat.presence.beat(ANN, ONE)
    assert overheard == [ONLINE]

    await chat.presence.leave(ANN, ONE)
    assert overheard == [ONLINE]
    await chat.presence.leave(ANN, OTHER)
    await chat.presence.leave(ANN, OTHER)

    assert overheard == [ONLINE, OFFLINE]


async def test_a_page_reload_is_no_news(patient: Chat, overheard: Overheard, clock: FakeClock) -> None:
    await patient.presence.beat(ANN, ONE)
    await patient.presence.leave(ANN, ONE)
    clock.advance(GRACE / 2)
    await patient.presence.sweep()
    await patient.presence.beat(ANN, OTHER)
    clock.advance(GRACE)
    await patient.presence.sweep()

    assert overheard == [ONLINE]


async def test_who_stays_away_is_announced_once(patient: Chat, overheard: Overheard, clock: FakeClock) -> None:
    await patient.presence.beat(ANN, ONE)
    await patient.presence.leave(ANN, ONE)
    assert overheard == [ONLINE]

    clock.advance(GRACE)
    await patient.presence.sweep()
    await patient.presence.sweep()

    assert overheard == [ONLINE, OFFLINE]


async def test_who_fell_silent_is_announced_by_itself(
    chat: Chat, overheard: Overheard, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mtchat_core.use_cases.presence.SWEEP_SECONDS", 0)
    await chat.presence.beat(ANN, ONE)

    clock.advance(TTL)
    await eventually(lambda: len(overheard) > 1)
    await chat.presence.beat(ANN, ONE)

    assert overheard == [ONLINE, OFFLINE, ONLINE]


async def test_the_announcement_says_where_the_person_takes_part(chat: Chat, overheard: Overheard) -> None:
    here = (await chat.dialogs.create(a_new_dialog(ANN, BO))).id
    await chat.dialogs.create(a_new_dialog(BO))

    await chat.presence.beat(ANN, ONE)
    await chat.presence.leave(ANN, ONE)

    told = [one for one in overheard if isinstance(one, PresenceChanged)]
    assert [one.dialogs for one in told] == [{here}, {here}]
