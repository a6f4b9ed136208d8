"""Idempotency keys of the host."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import pytest

from mtchat_core.chat import Ports
from mtchat_core.domain.messages import IdempotencyKeyReused
from mtchat_core.ports.keys import KEPT_FOR
from tests.builders import FakeClock, a_dialog_id
from tests.elapsing import Elapse

SAME, ANOTHER = b"s" * 16, b"a" * 16


async def claim(ports: Ports, key: str, made: UUID, fingerprint: bytes = SAME) -> UUID:
    async with ports.units.begin() as tx:
        return await tx.keys.claim(key, fingerprint=fingerprint, made=made)


async def test_a_new_key_is_tied_to_what_was_made(ports: Ports) -> None:
    made = a_dialog_id()

    assert await claim(ports, "key", made) == made


async def test_a_known_key_names_what_it_made_first(ports: Ports) -> None:
    first = a_dialog_id()
    await claim(ports, "key", first)

    assert await claim(ports, "key", a_dialog_id()) == first
    assert await claim(ports, "key", a_dialog_id()) == first


async def test_keys_are_compared_exactly(ports: Ports) -> None:
    made = [a_dialog_id() for _ in range(4)]

    assert [await claim(ports, *one) for one in zip(("k", "K", "k%", "k'"), made, strict=True)] == made


async def test_a_known_key_with_another_payload_is_refused_and_stays_as_it_was(ports: Ports) -> None:
    first = a_dialog_id()
    await claim(ports, "key", first)

    with pytest.raises(IdempotencyKeyReused):
        await claim(ports, "key", a_dialog_id(), ANOTHER)

    assert await claim(ports, "key", a_dialog_id()) == first


async def test_a_claim_that_was_not_committed_never_was(ports: Ports) -> None:
    with suppress(ZeroDivisionError):
        async with ports.units.begin() as tx:
            await tx.keys.claim("key", fingerprint=ANOTHER, made=a_dialog_id())
            raise ZeroDivisionError
    made = a_dialog_id()

    assert await claim(ports, "key", made) == made


async def test_twenty_parallel_claims_agree(ports: Ports) -> None:
    claims = await asyncio.gather(*(claim(ports, "key", a_dialog_id()) for _ in range(20)))

    assert len(set(claims)) == 1


async def test_a_claim_waits_for_the_one_under_way(ports: Ports) -> None:
    first = a_dialog_id()

    async with ports.units.begin() as tx:
        assert await tx.keys.claim("key", fingerprint=SAME, made=first) == first
        waiting = asyncio.create_task(claim(ports, "key", a_dialog_id()))
        await asyncio.sleep(0)
        assert not waiting.done()

    assert await waiting == first


async def test_a_waiting_claim_takes_over_when_the_first_fails(ports: Ports) -> None:
    second = a_dialog_id()
    with suppress(ZeroDivisionError):
        async with ports.units.begin() as tx:
            await tx.keys.claim("key", fingerprint=ANOTHER, made=a_dialog_id())
            waiting = asyncio.create_task(claim(ports, "key", second))
            await asyncio.sleep(0)
            raise ZeroDivisionError

    assert await waiting == second


async def test_a_key_is_forgotten_after_a_day(memory_ports: Ports, clock: FakeClock) -> None:
    first, second = a_dialog_id(), a_dialog_id()
    await claim(memory_ports, "key", first)

    clock.advance(KEPT_FOR - timedelta(microseconds=1))
    assert await claim(memory_ports, "key", second) == first
    clock.advance(timedelta(microseconds=1))

    assert await claim(memory_ports, "key", second, ANOTHER) == second
    assert await claim(memory_ports, "key", first, ANOTHER) == second


async def test_old_keys_are_forgotten_some_at_a_time(ports: Ports, elapse: Elapse) -> None:
    for key in "abc":
        await claim(ports, key, a_dialog_id())
    await elapse(KEPT_FOR)
    young = a_dialog_id()
    await claim(ports, "young", young)

    assert [await ports.old_keys.prune(2) for _ in range(3)] == [2, 1, 0]

    assert await claim(ports, "young", a_dialog_id()) == young
