"""Sockets come, beat and go."""

from uuid import uuid4

from mtchat_core.chat import Chat
from mtchat_core.domain.events import PresenceChanged
from mtchat_core.domain.presence import TTL
from tests.builders import ANN, FakeClock
from tests.use_cases.conftest import Overheard

ONE, OTHER = uuid4(), uuid4()
ONLINE, OFFLINE = PresenceChanged(ANN, is_online=True), PresenceChanged(ANN, is_online=False)


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


async def test_who_comes_back_after_silence_is_news_again(
    chat: Chat, overheard: Overheard, clock: FakeClock
) -> None:
    await chat.presence.beat(ANN, ONE)
    clock.advance(TTL)

    await chat.presence.beat(ANN, ONE)

    assert overheard == [ONLINE, ONLINE]
