"""The broker that carries announcements."""

import logging
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import cast

import pytest

from mtchat_adapters.memory.realtime import MemoryBroker
from mtchat_core.domain.events import DialogPinned, PresenceChanged, Recorded
from mtchat_core.domain.ids import EventId
from mtchat_core.ports.realtime import Announcement, RealtimeBroker
from tests.builders import ANN, BO, START, a_dialog_id
from tests.links import link
from tests.valkey import Valkey


@pytest.fixture
def memory_broker() -> RealtimeBroker:
    return MemoryBroker()


@pytest.fixture
async def redis_broker(valkey: Valkey) -> AsyncGenerator[RealtimeBroker]:
    async with link(valkey.url) as opened:
        yield opened.broker


@pytest.fixture
async def redis_away_broker(tmp_path: Path) -> AsyncGenerator[RealtimeBroker]:
    async with link(f"unix://{tmp_path}/nobody.sock") as opened:
        yield opened.broker


@pytest.fixture(params=["memory", "redis", "redis_away"])
def broker(request: pytest.FixtureRequest) -> RealtimeBroker:
    return cast(RealtimeBroker, request.getfixturevalue(f"{request.param}_broker"))


def an_announcement(seq: int = 1) -> Recorded:
    dialog = a_dialog_id()
    return Recorded(EventId(a_dialog_id()), seq, START, DialogPinned(dialog_id=dialog, people=[ANN]))


async def test_every_listener_hears_everything_in_order(broker: RealtimeBroker) -> None:
    one: list[Announcement] = []
    other: list[Announcement] = []
    broker.listen(one.append)
    broker.listen(other.append)
    announced = [an_announcement(n) for n in range(1, 4)]

    broker.publish(announced[:2])
    broker.publish([])
    broker.publish([announced[2], PresenceChanged(ANN, is_online=True)])

    assert one == other == [*announced, PresenceChanged(ANN, is_online=True)]


async def test_what_was_published_before_is_not_heard(broker: RealtimeBroker) -> None:
    heard: list[Announcement] = []
    broker.publish([an_announcement()])

    broker.listen(heard.append)

    assert heard == []


async def test_who_stopped_listening_hears_nothing_and_may_stop_again(broker: RealtimeBroker) -> None:
    gone: list[Announcement] = []
    staying: list[Announcement] = []
    stop = broker.listen(gone.append)
    broker.listen(staying.append)

    stop()
    stop()
    broker.publish([an_announcement()])

    assert gone == []
    assert len(staying) == 1


async def test_a_failing_listener_disturbs_nobody(
    broker: RealtimeBroker, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Announcement] = []

    def fail(announcement: Announcement) -> None:
        raise ZeroDivisionError

    broker.listen(fail)
    broker.listen(heard.append)

    with caplog.at_level(logging.ERROR):
        broker.publish([an_announcement(1), an_announcement(2)])

    assert len(heard) == 2
    assert "ZeroDivisionError" in caplog.text


async def test_a_listener_may_stop_while_it_listens(broker: RealtimeBroker) -> None:
    heard: list[Announcement] = []

    def once(announcement: Announcement) -> None:
        heard.append(announcement)
        stop()

    stop = broker.listen(once)
    broker.listen(heard.append)

    broker.publish([PresenceChanged(ANN, is_online=True)])
    broker.publish([PresenceChanged(BO, is_online=True)])

    assert heard == [PresenceChanged(ANN, is_online=True)] * 2 + [PresenceChanged(BO, is_online=True)]


async def test_what_is_followed_or_not_is_heard_within_the_process(broker: RealtimeBroker) -> None:
    heard: list[Announcement] = []
    broker.listen(heard.append)
    announced = an_announcement()

    broker.follow(dialogs=[announced.event.dialog_id], users=[ANN])
    broker.follow(dialogs=[announced.event.dialog_id])
    broker.publish([announced])
    broker.unfollow(dialogs=[announced.event.dialog_id, a_dialog_id()], users=[ANN, BO])
    broker.publish([announced])

    assert heard == [announced] * 2
