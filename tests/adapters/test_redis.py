"""Redis between nodes: what one says the others hear, and a Redis that fails costs nobody anything."""

import asyncio
import random
from collections.abc import AsyncGenerator, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from attrs import define, evolve, field

from mtchat_adapters import codec, memory, redis
from mtchat_adapters.redis import RedisConnection, RedisIsDown, RedisLink
from mtchat_core.chat import Chat
from mtchat_core.domain.errors import InvalidInput
from mtchat_core.domain.events import (
    DialogPinned,
    DialogUpdated,
    ParticipantJoined,
    PresenceChanged,
    Recorded,
    Typing,
)
from mtchat_core.domain.ids import DialogId, EventId, UserId
from mtchat_core.domain.messages import Draft, Origin
from mtchat_core.domain.participants import JoinedAs
from mtchat_core.ports.realtime import Announcement
from tests.builders import ANN, BO, START, FakeClock, a_dialog, a_dialog_id, a_new_dialog
from tests.links import a_prefix, eventually, link, pause, subscribed
from tests.valkey import Valkey

MINUTE = timedelta(minutes=1)
AT_ONCE = timedelta(0)
MANY = 200
ONE, OTHER = uuid4(), uuid4()
PING = PresenceChanged(UserId("the last word"), is_online=True)


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[Valkey]:
    """A Redis that a test may break."""
    with Valkey(tmp_path) as server:
        yield server


@pytest.fixture
async def nodes(valkey: Valkey) -> AsyncGenerator[tuple[RedisLink, RedisLink]]:
    """Two nodes with one Redis between them."""
    prefix = a_prefix()
    async with link(valkey.url, prefix) as one, link(valkey.url, prefix) as other:
        await eventually(lambda: one.broker.is_subscribed and other.broker.is_subscribed)
        yield one, other


@define(eq=False)
class Ear:
    """A Sink that remembers what it was given."""

    user_id: UserId
    heard: list[Announcement] = field(factory=list[Announcement])

    def deliver(self, announcement: Announcement) -> None:
        self.heard.append(announcement)

    def give_up(self) -> None:
        raise AssertionError("nothing is missing")


def pinned(dialog: DialogId, seq: int = 1) -> Recorded:
    return Recorded(EventId(a_dialog_id()), seq, START, DialogPinned(dialog_id=dialog, people=[ANN]))


def heard_at(node: RedisLink) -> list[Announcement]:
    heard: list[Announcement] = []
    node.broker.listen(heard.append)
    return heard


async def told(speaker: RedisLink, heard: list[Announcement], *announcements: Announcement) -> list[Announcement]:
    """Publish, and return all that was heard elsewhere once everything must have come."""
    speaker.broker.publish([*announcements, PING])
    await eventually(lambda: PING in heard)
    return [one for one in heard if one != PING]


# What nodes tell each other


async def test_what_one_node_publishes_the_other_hears_in_order_and_itself_once(
    nodes: tuple[RedisLink, RedisLink],
) -> None:
    one, other = nodes
    dialog = a_dialog(meta={"a": [1, None]})
    here, there = heard_at(one), heard_at(other)
    other.broker.follow(dialogs=[dialog.id])
    one.broker.follow(dialogs=[dialog.id])
    await subscribed(one, "dialog", dialog.id, nodes=2)
    updated = Recorded(EventId(a_dialog_id()), 1, START, DialogUpdated(dialog_id=dialog.id, dialog=dialog))
    announced: list[Announcement] = [
        updated,
        *(pinned(dialog.id, seq) for seq in range(2, 600)),
        Typing(dialog.id, ANN, True),
    ]

    assert await told(one, there, *announced) == announced

    assert [announcement for announcement in here if announcement != PING] == announced


async def test_a_node_hears_only_what_it_follows_g8(nodes: tuple[RedisLink, RedisLink]) -> None:
    one, other = nodes
    followed, given_up, foreign = a_dialog_id(), a_dialog_id(), a_dialog_id()
    there = heard_at(other)
    other.broker.follow(dialogs=[followed, given_up], users=[BO])
    await subscribed(one, "dialog", given_up)
    other.broker.unfollow(dialogs=[given_up])
    await subscribed(one, "dialog", given_up, nodes=0)

    assert await told(one, there, pinned(foreign), pinned(given_up), pinned(followed, 3)) == [there[0]]

    assert isinstance(there[0], Recorded)
    assert (there[0].event.dialog_id, there[0].seq) == (followed, 3)


async def test_who_comes_into_a_dialog_is_told_where_they_listen(nodes: tuple[RedisLink, RedisLink]) -> None:
    one, other = nodes
    there = heard_at(other)
    other.broker.follow(users=[BO])
    await subscribed(one, "user", BO)
    joined = ParticipantJoined(
        dialog_id=a_dialog_id(), user_id=BO, joined_as=JoinedAs.PARTICIPANT, joined_at=START, origin=Origin.CHAT
    )
    announced = Recorded(EventId(a_dialog_id()), 1, START, joined)

    assert await told(one, there, announced) == [announced]


async def test_junk_and_news_from_newer_releases_disturb_nobody(nodes: tuple[RedisLink, RedisLink]) -> None:
    one, other = nodes
    there = heard_at(other)
    channel = f"{one.connection.prefix}:presence"
    whole = b"node " + (codec.frame(pinned(a_dialog_id())) or b"")
    for junk in (b"", b" ", b"\xff\xfe", b"x null", b"x [1]", b'x {"type": 5}', b"x {}", whole[:-9], whole[5:]):
        await one.connection.ask("PUBLISH", channel, junk)
    await one.connection.ask("PUBLISH", channel, whole.replace(b"dialog.pinned", b"dialog.framed"))

    assert await told(one, there) == []

    assert other.broker.counts["junk"] == 8
    assert other.broker.counts["unknown"] == 2


# Presence on many nodes


async def test_a_person_is_online_until_the_last_connection_on_any_node_is_gone(
    nodes: tuple[RedisLink, RedisLink],
) -> None:
    one, other = nodes
    assert await one.presence.beat(ANN, ONE, ttl=MINUTE)
    assert not await other.presence.beat(ANN, OTHER, ttl=MINUTE)

    await one.presence.leave(ANN, ONE, grace=AT_ONCE)
    assert await one.presence.online([ANN]) == await other.presence.online([ANN]) == {ANN}
    assert not await one.presence.expired(10)
    await other.presence.leave(ANN, OTHER, grace=AT_ONCE)

    assert not await one.presence.online([ANN])
    handed_out = [await one.presence.expired(10), await other.presence.expired(10)]
    assert handed_out == [{ANN}, frozenset()]


async def test_who_was_on_a_node_that_died_is_found_by_another(valkey: Valkey) -> None:
    prefix = a_prefix()
    async with link(valkey.url, prefix) as one:
        await one.presence.beat(ANN, ONE, ttl=timedelta(milliseconds=50))
    async with link(valkey.url, prefix) as other:
        async with asyncio.timeout(20):
            while not (found := await other.presence.expired(10)):
                await pause()

    assert found == {ANN}


async def test_nothing_stays_in_redis_for_ever_f36(nodes: tuple[RedisLink, RedisLink]) -> None:
    one, _ = nodes
    await one.presence.beat(ANN, ONE, ttl=MINUTE)
    await one.presence.beat(BO, ONE, ttl=MINUTE)
    await one.presence.leave(BO, ONE, grace=MINUTE)

    keys = await one.connection.ask("KEYS", f"{one.connection.prefix}:*")
    lives = [await one.connection.ask("PTTL", key) for key in keys]

    assert len(keys) == 3
    assert all(0 < life <= 100 * 60_000 for life in lives)


# Failures


async def test_an_address_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(InvalidInput):
        RedisConnection("redis://host:port/0")


async def test_options_of_an_address_do_not_undo_ours(valkey: Valkey) -> None:
    async with link(f"{valkey.url}?protocol=3&socket_timeout=0.001&db=1") as one:
        await eventually(lambda: not one.degraded())
        assert await one.connection.ask("CONFIG", "GET", "databases") == [b"databases", b"16"]


async def test_redis_absent_at_start_is_found_when_it_comes_f29(tmp_path: Path) -> None:
    server, prefix = Valkey(tmp_path), a_prefix()
    async with link(server.url, prefix) as one, link(server.url, prefix) as other:
        assert one.degraded()[0].startswith("redis: does not answer since 20")
        assert await one.presence.beat(ANN, ONE, ttl=MINUTE)
        assert await one.presence.online([ANN]) == {ANN}
        assert not await other.presence.online([ANN])

        with server:
            await eventually(lambda: not (one.degraded() or other.degraded()))
            await one.presence.beat(ANN, ONE, ttl=MINUTE)
            there = heard_at(other)

            assert await told(one, there) == []
            assert await other.presence.online([ANN]) == {ANN}


async def test_what_was_killed_is_missed_found_again_and_subscribed_to_again_f30(own_valkey: Valkey) -> None:
    prefix, dialog = a_prefix(), a_dialog_id()
    async with link(own_valkey.url, prefix) as one, link(own_valkey.url, prefix) as other:
        looks: list[bool] = []
        other.broker.on_resubscribed = lambda: looks.append(True)
        other.broker.follow(dialogs=[dialog])
        await subscribed(one, "dialog", dialog)
        await one.presence.beat(ANN, ONE, ttl=MINUTE)
        await eventually(lambda: bool(looks))

        own_valkey.kill()
        await eventually(lambda: bool(one.degraded() and other.degraded() and not other.broker.is_subscribed))
        one.broker.publish([pinned(dialog)])
        own_valkey.start()
        await eventually(lambda: not (one.degraded() or other.degraded()))
        there = heard_at(other)
        again = pinned(dialog, 2)

        assert await told(one, there, again) == [again]
        assert len(looks) == 2
        assert not await other.presence.online([ANN])
        await one.presence.beat(ANN, ONE, ttl=MINUTE)
        assert await other.presence.online([ANN]) == {ANN}


async def test_presence_returns_after_everything_was_forgotten_f30(own_valkey: Valkey) -> None:
    prefix = a_prefix()
    async with link(own_valkey.url, prefix) as one, link(own_valkey.url, prefix) as other:
        await one.presence.beat(ANN, ONE, ttl=MINUTE)

        own_valkey.flush()

        assert await one.presence.online([ANN]) == {ANN}
        assert not await other.presence.online([ANN])
        await one.presence.beat(ANN, ONE, ttl=MINUTE)
        assert await other.presence.online([ANN]) == {ANN}
        await one.presence.leave(ANN, ONE, grace=AT_ONCE)
        assert await other.presence.expired(10) == {ANN}


async def test_a_frozen_redis_holds_up_a_few_calls_and_then_none_f31_g14(own_valkey: Valkey) -> None:
    async with link(own_valkey.url) as node:
        await node.presence.beat(ANN, ONE, ttl=MINUTE)
        heard = heard_at(node)
        own_valkey.freeze()
        try:
            # At 0.5 s each they would take 100 s.
            async with asyncio.timeout(30):
                for _ in range(MANY):
                    assert not await node.presence.beat(ANN, ONE, ttl=MINUTE)
                    node.broker.publish([PING])
            assert node.degraded()
            assert node.connection.failures["TimeoutError"] >= redis.connection.FAILURES_IN_A_ROW
            assert heard == [PING] * MANY
        finally:
            own_valkey.thaw()
        await eventually(lambda: not node.degraded())
        assert await node.presence.online([ANN]) == {ANN}


async def test_a_redis_that_keeps_nothing_counts_as_down(own_valkey: Valkey) -> None:
    async with link(own_valkey.url) as node:
        await node.connection.ask("CONFIG", "SET", "min-replicas-to-write", 1)

        await eventually(lambda: not node.connection.is_up)

        assert "NoReplicas" in node.degraded()[0] or "ResponseError" in node.degraded()[0]
        assert await node.presence.beat(ANN, ONE, ttl=MINUTE)


async def test_a_refusal_is_the_askers_alone(nodes: tuple[RedisLink, RedisLink]) -> None:
    node, _ = nodes

    said = asyncio.create_task(node.connection.ask("ECHO", "a"))
    with pytest.raises(RedisIsDown):
        await node.connection.ask("NONSENSE")

    assert await said == b"a"
    assert node.connection.is_up


async def test_too_much_at_once_is_dropped_and_counted(
    nodes: tuple[RedisLink, RedisLink], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = nodes
    monkeypatch.setattr(redis.connection, "WAITING", 10)
    there = heard_at(other)
    dialog = a_dialog_id()
    other.broker.follow(dialogs=[dialog])
    await subscribed(one, "dialog", dialog)

    one.broker.publish([pinned(dialog, seq) for seq in range(1, 16)])
    await eventually(lambda: len(there) == 10)

    assert one.connection.failures["dropped"] == 5


async def test_reordered_and_doubled_frames_reach_sockets_in_order_and_once_f21(
    nodes: tuple[RedisLink, RedisLink], clock: FakeClock
) -> None:
    one, other = nodes
    ports = memory.ports(clock=clock)
    here, there = Chat.over(ports), Chat.over(evolve(ports, broker=other.broker))
    happened: list[Announcement] = []
    ports.broker.listen(happened.append)
    dialog = (await here.dialogs.create(a_new_dialog(ANN, BO))).id
    ear = Ear(BO)
    await there.realtime.connect(ear)
    await subscribed(one, "dialog", dialog)
    happened.clear()
    for number in range(40):
        await here.messages.send(ANN, dialog, Draft(str(number)))
    shuffled = happened * 2
    random.Random(21).shuffle(shuffled)

    one.broker.publish(shuffled)
    await eventually(lambda: len(ear.heard) >= len(happened))
    heard = heard_at(other)

    assert await told(one, heard) == []
    assert ear.heard == happened
    here.realtime.close()
    there.realtime.close()


async def test_doctor_is_told_the_version(valkey: Valkey, tmp_path: Path) -> None:
    assert (await redis.examine(valkey.url))[0].isdigit()
    with pytest.raises(RedisIsDown):
        await redis.examine(f"unix://{tmp_path}/nobody.sock")
