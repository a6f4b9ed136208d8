"""Whoever waits at the same moment goes together, and nobody pays for a neighbour."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from attrs import define, field, frozen

from mtchat_adapters.postgres.combining import Combiner, Limits
from mtchat_core.domain.errors import ServiceUnavailable
from mtchat_core.domain.ids import DialogId
from tests.builders import a_dialog_id

HERE, THERE, ELSEWHERE = a_dialog_id(), a_dialog_id(), a_dialog_id()


@frozen
class Parcel:
    """Something to carry."""

    dialog: DialogId
    name: str
    once: object | None = None


@define
class Road:
    """Carries parcels when the test says so, and remembers what went together."""

    held: set[DialogId] = field(factory=set[DialogId])
    broken: set[str] = field(factory=set[str])
    together: list[list[str]] = field(factory=list[list[str]])
    patient: list[list[str]] = field(factory=list[list[str]])
    gate: asyncio.Event = field(factory=asyncio.Event)
    gate_of_the_held: asyncio.Event = field(factory=asyncio.Event)

    async def at_once(self, parcels: Sequence[Parcel]) -> Sequence[str | Exception | None]:
        self.together.append([parcel.name for parcel in parcels])
        await self.gate.wait()
        return [None if parcel.dialog in self.held else self.arrived(parcel) for parcel in parcels]

    async def patiently(self, parcels: Sequence[Parcel]) -> Sequence[str | Exception | None]:
        self.patient.append([parcel.name for parcel in parcels])
        await self.gate_of_the_held.wait()
        return [self.arrived(parcel) for parcel in parcels]

    def arrived(self, parcel: Parcel) -> str | Exception:
        return ValueError(parcel.name) if parcel.name in self.broken else f"{parcel.name} arrived"

    def combiner(self, **limits: int | timedelta) -> Combiner[Parcel, str]:
        return Combiner[Parcel, str](self.at_once, self.patiently, Limits(**({"writers": 1} | limits)))  # type: ignore[arg-type]


@pytest.fixture
def road() -> Road:
    return Road()


def under_way(combiner: Combiner[Parcel, str], *parcels: Parcel) -> "list[asyncio.Task[str]]":
    return [asyncio.create_task(combiner.carry(parcel)) for parcel in parcels]


async def settled() -> None:
    """Let everything that can happen without us happen."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_lone_item_leaves_at_once_and_those_who_come_meanwhile_go_together(road: Road) -> None:
    combiner = road.combiner()
    sent = under_way(combiner, Parcel(HERE, "a"))
    await settled()
    sent += under_way(combiner, Parcel(HERE, "b"), Parcel(THERE, "c"), Parcel(HERE, "d"))
    await settled()
    assert road.together == [["a"]]

    road.gate.set()

    assert await asyncio.gather(*sent) == ["a arrived", "b arrived", "c arrived", "d arrived"]
    assert road.together == [["a"], ["b", "d", "c"]]


async def test_a_dialog_is_under_way_once_however_many_writers_are_free(road: Road) -> None:
    combiner = road.combiner(writers=3)
    sent = []
    for parcel in (Parcel(HERE, "a"), Parcel(HERE, "b"), Parcel(THERE, "c")):
        sent += under_way(combiner, parcel)
        await settled()

    assert road.together == [["a"], ["c"]]
    road.gate.set()
    await asyncio.gather(*sent)
    assert road.together == [["a"], ["c"], ["b"]]


async def test_two_that_may_not_go_together_go_one_after_the_other(road: Road) -> None:
    combiner = road.combiner()
    sent = under_way(combiner, Parcel(THERE, "first"))
    await settled()
    sent += under_way(combiner, Parcel(HERE, "a", once="k"), Parcel(HERE, "b", once="k"), Parcel(HERE, "c"))
    await settled()

    road.gate.set()
    await asyncio.gather(*sent)

    assert road.together == [["first"], ["a"], ["b", "c"]]


async def test_a_busy_dialog_does_not_keep_others_from_their_turn(road: Road) -> None:
    combiner = road.combiner(together=2)
    sent = under_way(combiner, Parcel(ELSEWHERE, "first"))
    await settled()
    sent += under_way(combiner, *(Parcel(HERE, f"h{n}") for n in range(4)), Parcel(THERE, "t"))
    await settled()

    road.gate.set()
    await asyncio.gather(*sent)

    assert road.together == [["first"], ["h0", "h1"], ["t", "h2"], ["h3"]]


async def test_a_refusal_is_one_items_own(road: Road) -> None:
    combiner = road.combiner()
    road.broken = {"b"}
    road.gate.set()

    outcomes = await asyncio.gather(
        *under_way(combiner, *(Parcel(HERE, name) for name in "abc")), return_exceptions=True
    )

    assert outcomes[0] == "a arrived"
    assert isinstance(outcomes[1], ValueError)
    assert outcomes[2] == "c arrived"


async def test_who_stops_waiting_takes_nobody_along(road: Road) -> None:
    combiner = road.combiner()
    first, second = under_way(combiner, Parcel(HERE, "a"), Parcel(THERE, "b"))
    await settled()
    third, fourth = under_way(combiner, Parcel(HERE, "c"), Parcel(HERE, "d"))
    await settled()

    first.cancel()
    third.cancel()
    await settled()
    road.gate.set()

    assert [await second, await fourth] == ["b arrived", "d arrived"]
    assert "c" not in [name for batch in road.together for name in batch]


async def test_what_is_held_waits_by_itself_and_keeps_its_order(road: Road) -> None:
    combiner = road.combiner()
    road.held = {HERE}
    road.gate.set()
    held = under_way(combiner, Parcel(HERE, "a"), Parcel(HERE, "b"))
    await settled()
    held += under_way(combiner, Parcel(HERE, "c"))

    assert await asyncio.gather(*under_way(combiner, Parcel(THERE, "t"))) == ["t arrived"]

    assert road.patient == [["a", "b"]]
    road.held.clear()
    road.gate_of_the_held.set()
    assert await asyncio.gather(*held) == ["a arrived", "b arrived", "c arrived"]
    assert ["c"] in road.together


async def test_too_many_are_refused_at_once_f7(road: Road) -> None:
    combiner = road.combiner(waiting=2)
    under = under_way(combiner, Parcel(HERE, "a"))
    await settled()
    under += under_way(combiner, Parcel(HERE, "b"), Parcel(HERE, "c"))
    await settled()

    with pytest.raises(ServiceUnavailable) as refused:
        await combiner.carry(Parcel(HERE, "d"))

    assert refused.value.retry_after is not None
    road.gate.set()
    assert await asyncio.gather(*under) == ["a arrived", "b arrived", "c arrived"]


async def test_nobody_waits_for_a_turn_beyond_their_patience_f5(road: Road) -> None:
    combiner = road.combiner(patience=timedelta(milliseconds=1))
    first = under_way(combiner, Parcel(HERE, "a"))
    await settled()

    with pytest.raises(ServiceUnavailable):
        await combiner.carry(Parcel(HERE, "b"))

    road.gate.set()
    assert await asyncio.gather(*first) == ["a arrived"]
    assert await combiner.carry(Parcel(HERE, "c")) == "c arrived"


async def test_nobody_waits_beyond_their_patience_for_a_place_among_those_who_wait_for_locks_f7(
    road: Road,
) -> None:
    combiner = road.combiner(patient=1, patience=timedelta(milliseconds=1))
    road.held = {HERE, THERE}
    road.gate.set()
    first, second = under_way(combiner, Parcel(HERE, "a"), Parcel(THERE, "b"))

    with pytest.raises(ServiceUnavailable):
        await second

    assert not first.done()
    road.gate_of_the_held.set()
    assert await first == "a arrived"
    assert await combiner.carry(Parcel(THERE, "c")) == "c arrived"


async def test_who_gives_up_before_it_begins_is_not_carried(road: Road) -> None:
    combiner = road.combiner()
    [sent] = under_way(combiner, Parcel(HERE, "a"))
    await asyncio.sleep(0)

    sent.cancel()
    await settled()

    assert road.together == []


async def test_closing_waits_for_what_is_under_way(road: Road) -> None:
    combiner = road.combiner()
    sent = under_way(combiner, Parcel(HERE, "a"), Parcel(HERE, "b"))
    await settled()
    closing = asyncio.create_task(combiner.close())
    await settled()
    assert not closing.done()

    road.gate.set()
    await closing

    assert all(one.done() for one in sent)
