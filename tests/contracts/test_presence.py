"""Who is online."""

from datetime import timedelta
from uuid import uuid4

import pytest

from mtchat_adapters.memory.presence import MemoryPresence
from mtchat_core.domain.ids import UserId
from mtchat_core.ports.presence import PresenceTracker
from tests.builders import ANN, BO, CY, FakeClock

MINUTE = timedelta(minutes=1)
ONE, OTHER = uuid4(), uuid4()


@pytest.fixture
def presence(clock: FakeClock) -> PresenceTracker:
    return MemoryPresence(clock)


async def test_nobody_is_online_at_first(presence: PresenceTracker) -> None:
    assert await presence.online([ANN, BO]) == frozenset()
    assert await presence.online([]) == frozenset()


async def test_the_first_beat_brings_a_person_online(presence: PresenceTracker) -> None:
    assert await presence.beat(ANN, ONE, ttl=MINUTE)
    assert not await presence.beat(ANN, ONE, ttl=MINUTE)
    assert not await presence.beat(ANN, OTHER, ttl=MINUTE)

    assert await presence.online([ANN, BO, UserId("ANN")]) == {ANN}


async def test_the_last_connection_takes_a_person_offline(presence: PresenceTracker) -> None:
    await presence.beat(ANN, ONE, ttl=MINUTE)
    await presence.beat(ANN, OTHER, ttl=MINUTE)

    assert not await presence.leave(ANN, ONE)
    assert await presence.online([ANN]) == {ANN}
    assert await presence.leave(ANN, OTHER)
    assert await presence.online([ANN]) == frozenset()


async def test_an_unknown_connection_changes_nothing(presence: PresenceTracker) -> None:
    await presence.beat(ANN, ONE, ttl=MINUTE)
    await presence.leave(ANN, ONE)

    assert not await presence.leave(ANN, ONE)
    assert not await presence.leave(CY, ONE)
    await presence.beat(ANN, OTHER, ttl=MINUTE)
    assert not await presence.leave(ANN, ONE)
    assert await presence.online([ANN]) == {ANN}


async def test_a_person_is_forgotten_once_the_beat_stops(presence: PresenceTracker, clock: FakeClock) -> None:
    await presence.beat(ANN, ONE, ttl=MINUTE)

    clock.advance(MINUTE - timedelta(microseconds=1))
    assert await presence.online([ANN]) == {ANN}
    clock.advance(timedelta(microseconds=1))

    assert await presence.online([ANN]) == frozenset()
    assert not await presence.leave(ANN, ONE)
    assert await presence.beat(ANN, ONE, ttl=MINUTE)


async def test_every_connection_lives_by_its_own_beat(presence: PresenceTracker, clock: FakeClock) -> None:
    await presence.beat(ANN, ONE, ttl=MINUTE)
    clock.advance(MINUTE / 2)
    await presence.beat(ANN, OTHER, ttl=MINUTE)
    clock.advance(MINUTE / 2)

    assert await presence.online([ANN]) == {ANN}
    assert await presence.leave(ANN, OTHER)
    assert await presence.online([ANN]) == frozenset()
