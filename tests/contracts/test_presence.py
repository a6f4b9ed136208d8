"""Who is online."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import cast
from uuid import uuid4

import pytest

from mtchat_adapters.memory.presence import MemoryPresence
from mtchat_core.domain.ids import UserId
from mtchat_core.ports.presence import PresenceTracker
from tests.builders import ANN, BO, CY, DI, FakeClock
from tests.links import SECONDS, link, pause
from tests.valkey import Valkey

MINUTE = timedelta(minutes=1)
BRIEFLY = timedelta(milliseconds=50)
AT_ONCE = timedelta(0)
ONE, OTHER = uuid4(), uuid4()
NOBODY = frozenset[UserId]()


@pytest.fixture
def memory_presence(clock: FakeClock) -> PresenceTracker:
    return MemoryPresence(clock)


@pytest.fixture
async def redis_presence(clock: FakeClock, valkey: Valkey) -> AsyncGenerator[PresenceTracker]:
    async with link(valkey.url, clock=clock) as opened:
        yield opened.presence


@pytest.fixture
async def redis_away_presence(clock: FakeClock, tmp_path: Path) -> AsyncGenerator[PresenceTracker]:
    async with link(f"unix://{tmp_path}/nobody.sock", clock=clock) as opened:
        yield opened.presence


@pytest.fixture(params=["memory", "redis", "redis_away"])
def presence(request: pytest.FixtureRequest) -> PresenceTracker:
    return cast(PresenceTracker, request.getfixturevalue(f"{request.param}_presence"))


async def gone(presence: PresenceTracker, clock: FakeClock) -> frozenset[UserId]:
    """Wait until somebody is handed out."""
    async with asyncio.timeout(SECONDS):
        while not (found := await presence.expired(10)):
            await pause(clock)
    # Redis goes by its own clock, which may have overtaken ours.
    clock.advance(BRIEFLY)
    return found


async def test_nobody_is_online_at_first(presence: PresenceTracker) -> None:
    assert await presence.online([ANN, BO]) == NOBODY
    assert await presence.online([]) == NOBODY
    assert await presence.expired(10) == NOBODY


async def test_the_first_beat_brings_a_person_online(presence: PresenceTracker) -> None:
    assert await presence.beat(ANN, ONE, ttl=MINUTE)
    assert not await presence.beat(ANN, ONE, ttl=MINUTE)
    assert not await presence.beat(ANN, OTHER, ttl=MINUTE)

    assert await presence.online([ANN, BO, UserId("ANN")]) == {ANN}


async def test_the_last_connection_takes_a_person_offline_once(presence: PresenceTracker) -> None:
    await presence.beat(ANN, ONE, ttl=MINUTE)
    await presence.beat(ANN, OTHER, ttl=MINUTE)

    await presence.leave(ANN, ONE, grace=AT_ONCE)
    assert await presence.expired(10) == NOBODY
    assert await presence.online([ANN]) == {ANN}
    await presence.leave(ANN, OTHER, grace=AT_ONCE)

    assert await presence.online([ANN]) == NOBODY
    assert await presence.expired(10) == {ANN}
    assert await presence.expired(10) == NOBODY


async def test_who_returns_within_the_grace_was_never_gone(presence: PresenceTracker, clock: FakeClock) -> None:
    await presence.beat(ANN, ONE, ttl=MINUTE)
    await presence.leave(ANN, ONE, grace=MINUTE)

    assert await presence.online([ANN]) == {ANN}
    assert not await presence.beat(ANN, OTHER, ttl=MINUTE)

    await presence.beat(BO, ONE, ttl=BRIEFLY)
    assert await gone(presence, clock) == {BO}
    assert await presence.online([ANN]) == {ANN}


async def test_who_stays_away_for_the_grace_is_gone(presence: PresenceTracker, clock: FakeClock) -> None:
    await presence.beat(ANN, ONE, ttl=MINUTE)

    await presence.leave(ANN, ONE, grace=BRIEFLY)

    assert await gone(presence, clock) == {ANN}
    assert await presence.online([ANN]) == NOBODY
    assert await presence.beat(ANN, ONE, ttl=MINUTE)


async def test_an_unknown_connection_changes_nothing(presence: PresenceTracker) -> None:
    await presence.beat(ANN, ONE, ttl=MINUTE)

    await presence.leave(ANN, OTHER, grace=AT_ONCE)
    await presence.leave(CY, ONE, grace=AT_ONCE)

    assert await presence.expired(10) == NOBODY
    assert await presence.online([ANN, CY]) == {ANN}


async def test_a_person_is_gone_once_the_beat_stops(presence: PresenceTracker, clock: FakeClock) -> None:
    await presence.beat(ANN, ONE, ttl=BRIEFLY)

    assert await gone(presence, clock) == {ANN}

    assert await presence.online([ANN]) == NOBODY
    await presence.leave(ANN, ONE, grace=AT_ONCE)
    assert await presence.expired(10) == NOBODY
    assert await presence.beat(ANN, ONE, ttl=MINUTE)


async def test_silence_that_nobody_was_told_of_is_no_news_when_it_ends(
    presence: PresenceTracker, clock: FakeClock
) -> None:
    await presence.beat(ANN, ONE, ttl=BRIEFLY)
    async with asyncio.timeout(SECONDS):
        while await presence.online([ANN]):
            await pause(clock)

    assert not await presence.beat(ANN, ONE, ttl=MINUTE)

    assert await presence.online([ANN]) == {ANN}
    assert await presence.expired(10) == NOBODY


async def test_every_connection_lives_by_its_own_beat(presence: PresenceTracker, clock: FakeClock) -> None:
    await presence.beat(ANN, ONE, ttl=BRIEFLY)
    await presence.beat(ANN, OTHER, ttl=MINUTE)
    await presence.beat(BO, ONE, ttl=BRIEFLY)
    assert await gone(presence, clock) == {BO}

    assert await presence.online([ANN]) == {ANN}
    await presence.leave(ANN, OTHER, grace=AT_ONCE)

    assert await presence.online([ANN]) == NOBODY
    assert await presence.expired(10) == {ANN}


async def test_the_longest_beat_of_a_person_counts(presence: PresenceTracker, clock: FakeClock) -> None:
    await presence.beat(ANN, ONE, ttl=MINUTE)
    await presence.beat(ANN, OTHER, ttl=BRIEFLY)
    await presence.beat(BO, ONE, ttl=BRIEFLY)

    assert await gone(presence, clock) == {BO}

    assert await presence.online([ANN]) == {ANN}


async def test_who_is_gone_is_handed_out_in_parts_and_each_once(presence: PresenceTracker) -> None:
    for user in (ANN, BO, CY, DI):
        await presence.beat(user, ONE, ttl=MINUTE)
        await presence.leave(user, ONE, grace=AT_ONCE)

    some = [await presence.expired(3), await presence.expired(3), await presence.expired(3)]

    assert sorted(map(len, some)) == [0, 1, 3]
    assert frozenset[UserId]().union(*some) == {ANN, BO, CY, DI}


async def test_any_number_of_people_may_be_asked_for(presence: PresenceTracker) -> None:
    crowd = [UserId(f"user-{number}") for number in range(2500)]
    await presence.beat(crowd[0], ONE, ttl=MINUTE)
    await presence.beat(crowd[-1], ONE, ttl=MINUTE)

    assert await presence.online(crowd) == {crowd[0], crowd[-1]}
