"""Periodic work: once for all processes, taken over from the dead."""

import asyncio
from datetime import timedelta

import pytest

from mtchat_core.chat import Ports
from mtchat_core.domain.jobs import Job
from mtchat_core.ports.schedules import LEASE, Claim, Schedule, Schedules
from tests.builders import SECOND, FakeClock
from tests.elapsing import Elapse

HOUR = timedelta(hours=1)


@pytest.fixture
async def schedules(ports: Ports, elapse: Elapse) -> Schedules:
    """Schedules with one job that is due."""
    await ports.schedules.plan(Job.ARCHIVE, "hourly")
    return ports.schedules


async def claimed(schedules: Schedules) -> Claim:
    claim = await schedules.claim(Job.ARCHIVE)
    assert claim is not None
    return claim


async def schedule(schedules: Schedules) -> Schedule:
    [found] = await schedules.all()
    return found


async def test_what_is_planned_for_the_first_time_is_due_at_once(schedules: Schedules) -> None:
    claim = await claimed(schedules)

    assert claim.job is Job.ARCHIVE
    assert await schedules.claim(Job.PRUNE) is None


async def test_what_somebody_has_nobody_else_gets_f23(schedules: Schedules) -> None:
    claims = await asyncio.gather(*(schedules.claim(Job.ARCHIVE) for _ in range(8)))

    assert sum(claim is not None for claim in claims) == 1


async def test_what_is_done_is_due_again_at_its_time(schedules: Schedules, elapse: Elapse) -> None:
    claim = await claimed(schedules)
    await schedules.finish(claim, due_at=claim.at + HOUR, result="done")
    assert await schedules.claim(Job.ARCHIVE) is None
    await elapse(HOUR - 10 * SECOND)
    assert await schedules.claim(Job.ARCHIVE) is None

    await elapse(10 * SECOND)

    await claimed(schedules)
    told = await schedule(schedules)
    assert (told.plan, told.failures, told.result) == ("hourly", 0, "done")
    assert told.leased_until is not None


async def test_the_dead_are_followed_once_their_lease_has_run_out_f2(schedules: Schedules, elapse: Elapse) -> None:
    dead = await claimed(schedules)
    await elapse(LEASE - 5 * SECOND)
    assert await schedules.claim(Job.ARCHIVE) is None

    await elapse(5 * SECOND)
    heir = await claimed(schedules)

    assert not await schedules.renew(dead)
    await schedules.finish(dead, due_at=dead.at + 100 * HOUR, result="done")
    await schedules.release(dead)
    assert await schedules.renew(heir)
    await schedules.finish(heir, due_at=heir.at + HOUR, result="done")
    await elapse(HOUR)
    await claimed(schedules)


async def test_who_gives_signs_of_life_keeps_it(schedules: Schedules, elapse: Elapse) -> None:
    claim = await claimed(schedules)
    for _ in range(4):
        await elapse(LEASE / 2)
        assert await schedules.renew(claim)

    assert await schedules.claim(Job.ARCHIVE) is None
    await elapse(LEASE)
    assert not await schedules.renew(claim)


async def test_what_was_left_undone_is_due_still(schedules: Schedules) -> None:
    await schedules.release(await claimed(schedules))

    await claimed(schedules)


async def test_what_failed_is_due_again_after_a_while(schedules: Schedules, elapse: Elapse) -> None:
    for failures in (1, 2):
        await schedules.fail(await claimed(schedules), again_in=30 * SECOND, result="ValueError")
        told = await schedule(schedules)
        assert (told.failures, told.result) == (failures, "ValueError")
        assert await schedules.claim(Job.ARCHIVE) is None
        await elapse(30 * SECOND)


async def test_another_plan_counts_at_once_and_the_same_one_changes_nothing(schedules: Schedules) -> None:
    claim = await claimed(schedules)
    await schedules.finish(claim, due_at=claim.at + 1000 * HOUR, result="done")

    await schedules.plan(Job.ARCHIVE, "hourly")
    assert await schedules.claim(Job.ARCHIVE) is None
    await schedules.plan(Job.ARCHIVE, "daily")

    await claimed(schedules)


@pytest.mark.parametrize("minutes", [-120, 120])
async def test_a_process_whose_clock_is_wrong_neither_hurries_nor_waits_f32(
    postgres_ports: Ports, clock: FakeClock, minutes: int
) -> None:
    schedules = postgres_ports.schedules
    clock.advance(timedelta(minutes=minutes))
    await schedules.plan(Job.PRUNE, "hourly")

    claim = await schedules.claim(Job.PRUNE)

    assert claim is not None
    assert await schedules.claim(Job.PRUNE) is None
    assert await schedules.renew(claim)
