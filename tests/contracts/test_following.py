"""Nodes follow the log: without anybody between them, and with somebody who loses, shuffles and doubles."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, cast

import pytest
from attrs import define, evolve

from mtchat_adapters.memory.realtime import MemoryBroker
from mtchat_core.chat import Chat, Ports
from mtchat_core.domain.cursors import Cursor
from mtchat_core.domain.errors import ServiceUnavailable
from mtchat_core.domain.events import Recorded
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.domain.messages import Draft
from mtchat_core.ports.events import EventLog, Heads, Stretch
from mtchat_core.ports.inbox import Inbox
from mtchat_core.ports.realtime import Announcement
from mtchat_core.use_cases import following, realtime
from tests.builders import A_PLANNER, ANN, BO, CY, PLANNERS, a_new_dialog, a_profile, an_invitation
from tests.ears import Ear


class Shaky:
    """An EventLog that counts who asks, fails as often as told, and may have lost everything."""

    def __init__(self, events: EventLog) -> None:
        self._events = events
        self.fetches = 0
        self.failures = 0
        self.is_empty = False
        self.history: str | None = None

    async def of_dialog(self, dialog: DialogId, *, after: int, limit: int) -> tuple[Recorded, ...]:
        return await self.of_dialogs([(dialog, after)], limit=limit)

    async def of_dialogs(self, after: Sequence[tuple[DialogId, int]], *, limit: int) -> tuple[Recorded, ...]:
        self.fetches += 1
        self._fail()
        return () if self.is_empty else await self._events.of_dialogs(after, limit=limit)

    async def latest(self) -> str:
        self._fail()
        return self._told(await self._events.latest())

    async def heads(self, after: str, *, limit: int) -> Heads:
        self._fail()
        cursor = Cursor.read(after)
        found = await self._events.heads(str(evolve(cursor, history=self._known(cursor.history))), limit=limit)
        return evolve(found, cursor=self._told(found.cursor))

    async def missed(self, user: UserId, after: str, *, limit: int, only_settled: bool = True) -> Stretch:
        return await self._events.missed(user, after, limit=limit, only_settled=only_settled)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._events, name)

    def _fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise ServiceUnavailable

    def _told(self, cursor: str) -> str:
        read = Cursor.read(cursor)
        self._real = read.history
        return str(evolve(read, history=self.history or read.history))

    def _known(self, history: str) -> str:
        return self._real if history == (self.history or self._real) else "another"


@define
class Node:
    """One process of the service."""

    chat: Chat
    broker: MemoryBroker
    log: Shaky

    @classmethod
    def over(cls, ports: Ports) -> "Node":
        broker, log = MemoryBroker(), Shaky(ports.events)
        return cls(Chat.over(evolve(ports, broker=broker, events=log)), broker, log)

    async def connect(self, *users: UserId) -> list[Ear]:
        await self.chat.follower.begin()
        ears = [Ear(user) for user in users]
        for ear in ears:
            await self.chat.realtime.connect(ear)
        return ears

    async def create(self, *people: UserId) -> DialogId:
        return (await self.chat.dialogs.create(a_new_dialog(*people, scopes=[PLANNERS]))).id

    async def send(self, dialog: DialogId, by: UserId = ANN) -> None:
        await self.chat.messages.send(by, dialog, Draft("hello"))

    async def look(self) -> None:
        await self.chat.follower.catch_up()


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for what may be under way."""
    monkeypatch.setattr(realtime, "PATIENCE_SECONDS", 0)
    monkeypatch.setattr(following, "PATIENCE_SECONDS", 0)
    monkeypatch.setattr(following, "SLOWEST_SECONDS", 0)


@pytest.fixture
def nodes(ports: Ports) -> Iterator[tuple[Node, Node]]:
    """Two processes over one log, with nobody between them."""
    nodes = Node.over(ports), Node.over(ports)
    yield nodes
    for node in nodes:
        node.chat.realtime.close()


async def until(holds: Callable[[], bool]) -> None:
    end = asyncio.get_running_loop().time() + 10
    while not holds():
        assert asyncio.get_running_loop().time() < end, "this never came true"
        await asyncio.sleep(0)


class Held:
    """An inbox whose answer about a person's dialogs is held up after it was read."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self.gate, self.was_read = asyncio.Event(), asyncio.Event()

    async def dialogs_of(self, reader: UserId) -> tuple[tuple[DialogId, int], ...]:
        found = await self._inbox.dialogs_of(reader)
        self.was_read.set()
        await self.gate.wait()
        return found


async def test_what_the_log_was_followed_past_while_somebody_came_is_heard_f20_g5(ports: Ports) -> None:
    inbox = Held(ports.inbox)
    here, there = Node.over(ports), Node.over(evolve(ports, inbox=cast(Inbox, inbox)))
    dialog = await here.create(ANN, BO)
    await there.chat.follower.begin()
    before = there.chat.follower.cursor
    bo = Ear(BO)
    coming = asyncio.create_task(there.chat.realtime.connect(bo))
    await inbox.was_read.wait()

    await here.send(dialog)
    await there.look()
    while_coming = there.chat.follower.cursor
    inbox.gate.set()
    await coming
    await until(lambda: bool(bo.types()))
    await until(lambda: there.chat.realtime.is_settled)
    await there.look()

    assert bo.types() == ["message.new"]
    assert while_coming == before
    assert there.chat.follower.cursor != before
    for node in (here, there):
        node.chat.realtime.close()


async def test_what_one_node_keeps_the_other_tells_with_nobody_between_g6(nodes: tuple[Node, Node]) -> None:
    here, there = nodes
    dialog = await here.create(ANN, BO)
    [ann] = await here.connect(ANN)
    [bo] = await there.connect(BO)

    for _ in range(3):
        await here.send(dialog)
    await there.look()
    await here.look()

    assert bo.types() == ["message.new"] * 3
    assert bo.events() == ann.events()


async def test_a_node_that_is_running_tells_by_itself_g6(nodes: tuple[Node, Node]) -> None:
    here, there = nodes
    dialog = await here.create(ANN, BO)
    [bo] = await there.connect(BO)

    async with there.chat.follower.follow(every=0.01, cut_off=60):
        await here.send(dialog)
        await until(lambda: bo.types() == ["message.new"])
        await here.send(dialog)
        await until(lambda: bo.types() == ["message.new"] * 2)

    assert there.chat.follower.counts["looks"] >= 2
    assert there.chat.follower.counts["fetched"] == 2


async def test_whoever_is_removed_elsewhere_hears_it_and_then_no_more_g6_g9(nodes: tuple[Node, Node]) -> None:
    here, there = nodes
    dialog = await here.create(ANN, BO)
    [bo] = await there.connect(BO)

    await here.chat.participants.remove(dialog, BO)
    await here.send(dialog)
    await there.look()
    await here.send(dialog)
    await there.look()

    assert bo.types() == ["participant.left"]


@pytest.mark.parametrize("is_watched", [False, True])
async def test_whoever_is_added_elsewhere_is_welcome_here_g6(nodes: tuple[Node, Node], is_watched: bool) -> None:
    here, there = nodes
    dialog = await here.create(ANN)
    [cy, *_] = await there.connect(CY, *([ANN] if is_watched else []))
    await here.send(dialog)

    await here.chat.participants.add(dialog, [an_invitation(CY)])
    await here.send(dialog)
    await there.look()
    await here.send(dialog)
    await there.look()

    assert cy.types() == ["participant.joined", "message.new", "message.new"]


async def test_whoever_goes_and_comes_back_elsewhere_hears_all_of_it_g6(nodes: tuple[Node, Node]) -> None:
    here, there = nodes
    dialog = await here.create(ANN, BO)
    [bo] = await there.connect(BO)

    await here.chat.participants.leave(dialog, BO)
    await here.send(dialog)
    await here.chat.participants.join(dialog, BO, A_PLANNER, a_profile())
    await here.send(dialog)
    await there.look()

    assert bo.types() == ["message.new", "participant.left", "participant.joined", "message.new"]


async def test_what_happens_between_looking_and_listening_is_not_lost_f20(nodes: tuple[Node, Node]) -> None:
    here, there = nodes
    dialog = await here.create(ANN, BO)
    await there.chat.follower.begin()
    await here.send(dialog)
    [bo] = await there.connect(BO)
    await here.send(dialog)

    await there.look()
    await there.look()

    assert len(bo.heard) == 1
    assert bo.seqs() == [(await here.chat.dialogs.get(dialog)).dialog.tally.event_seq]


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_becomes_of_the_news_it_is_heard_once_and_in_order_f20_f21(
    nodes: tuple[Node, Node], seed: int
) -> None:
    here, there = nodes
    dialogs = [await here.create(ANN, BO) for _ in range(3)]
    [ann] = await here.connect(ANN)
    [bo] = await there.connect(BO)
    under_way: list[Announcement] = []
    here.broker.listen(under_way.append)
    chance = Random(seed)

    for n in range(20):
        await here.send(chance.choice(dialogs))
        if n % 4 == 3:
            news = [one for one in under_way for _ in range(chance.randint(0, 2))]
            chance.shuffle(news)
            there.broker.publish(news)
            under_way.clear()
        if n % 7 == 6:
            await there.look()
    await there.look()

    for dialog in dialogs:
        assert bo.events(dialog) == ann.events(dialog)
    assert not bo.gave_up


async def test_several_dialogs_are_caught_up_with_in_one_trip(nodes: tuple[Node, Node]) -> None:
    here, there = nodes
    dialogs = [await here.create(ANN, BO) for _ in range(5)]
    [bo] = await there.connect(BO)
    for dialog in dialogs:
        await here.send(dialog)

    await there.look()

    assert len(bo.heard) == 5
    assert there.log.fetches == 1


async def test_what_a_broker_brings_is_not_fetched(nodes: tuple[Node, Node]) -> None:
    here, there = nodes
    dialog, elsewhere = await here.create(ANN, BO), await here.create(ANN)
    here.broker.listen(lambda news: there.broker.publish([news]))
    [bo] = await there.connect(BO)

    await here.send(dialog)
    await here.send(elsewhere)
    await there.look()
    await here.look()

    assert bo.types() == ["message.new"]
    assert there.log.fetches == here.log.fetches == 0


async def test_a_node_far_behind_catches_up_in_pieces(
    nodes: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_HEADS", 3)
    monkeypatch.setattr(following, "_BATCH", 2)
    here, there = nodes
    dialogs = [await here.create(ANN, BO) for _ in range(3)]
    [bo] = await there.connect(BO)
    for dialog in dialogs * 4:
        await here.send(dialog)

    await there.look()

    for dialog in dialogs:
        assert len(bo.events(dialog)) == 4
        assert bo.seqs(dialog) == sorted(bo.seqs(dialog))


async def test_a_log_that_fails_is_gone_on_with_from_the_same_place_f20(nodes: tuple[Node, Node]) -> None:
    here, there = nodes
    dialog = await here.create(ANN, BO)
    [bo] = await there.connect(BO)
    await here.send(dialog)
    there.log.failures = 3

    async with there.chat.follower.follow(every=0, cut_off=60):
        await until(lambda: bo.types() == ["message.new"])

    assert there.chat.follower.counts["failures"] == 3
    assert not bo.gave_up


async def test_a_node_cut_from_the_log_sends_everybody_away_f22(nodes: tuple[Node, Node]) -> None:
    here, there = nodes
    dialog = await here.create(ANN, BO)
    [ann] = await here.connect(ANN)
    ears = await there.connect(BO, CY)
    there.log.failures = 1_000_000

    async with there.chat.follower.follow(every=0, cut_off=0.05):
        await until(lambda: all(ear.gave_up for ear in ears))
    await here.send(dialog)
    await here.look()

    assert ann.types() == ["message.new"]
    assert not ann.gave_up
    assert there.chat.follower.counts["cut_offs"] >= 1


async def test_a_node_whose_log_does_not_answer_sends_everybody_away_f22(nodes: tuple[Node, Node]) -> None:
    _, there = nodes
    [bo] = await there.connect(BO)

    async def hang(after: str, *, limit: int) -> Heads:
        await asyncio.Event().wait()
        raise AssertionError

    there.log.heads = hang  # type: ignore[method-assign]
    async with there.chat.follower.follow(every=0, cut_off=0.05):
        await until(lambda: bo.gave_up)


async def test_another_history_sends_everybody_away_and_is_followed_from_then_on(nodes: tuple[Node, Node]) -> None:
    here, there = nodes
    dialog = await here.create(ANN, BO)
    [bo] = await there.connect(BO)

    there.log.history = "restored"
    await there.look()
    [again] = await there.connect(BO)
    await here.send(dialog)
    await there.look()

    assert bo.gave_up
    assert not again.gave_up
    assert again.types() == ["message.new"]


async def test_who_cannot_be_told_what_they_missed_starts_afresh_and_the_others_go_on(
    nodes: tuple[Node, Node],
) -> None:
    here, there = nodes
    dialog = await here.create(ANN, BO)
    bo, cy = await there.connect(BO, CY)
    there.log.is_empty = True

    await here.send(dialog)
    await there.look()
    there.log.is_empty = False
    fetched = there.log.fetches
    await there.look()

    assert bo.gave_up
    assert not cy.gave_up
    assert there.log.fetches == fetched


async def test_its_cursor_is_behind_what_was_heard_and_nothing_else_g5(nodes: tuple[Node, Node]) -> None:
    here, there = nodes
    dialog = await here.create(ANN, BO)
    [bo] = await there.connect(BO)

    await here.send(dialog)
    before = there.chat.follower.cursor
    assert before is not None
    told_before = len(bo.heard)
    await there.look()
    after = there.chat.follower.cursor
    assert after is not None

    assert told_before == 0
    assert [one.seq for one in (await there.chat.events.resume(BO, before, limit=10)).events] == bo.seqs()
    assert (await there.chat.events.resume(BO, after, limit=10)).events == ()
