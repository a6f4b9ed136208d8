"""Announcements between nodes over pub/sub: whole events, to those nodes whose people they concern."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any
from uuid import uuid4

from redis.exceptions import RedisError

from mtchat_adapters import codec
from mtchat_adapters.redis.connection import RedisConnection, RedisIsDown
from mtchat_core.domain.events import ParticipantJoined, PresenceChanged, Typing
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.ports.realtime import Announcement, Listener, RealtimeBroker

PING_SECONDS = 1.0
SILENCE_SECONDS = 3.0
"""Without a word for so long, not even an answer to a ping, the line is given up for another."""
RETRY_SECONDS = 0.5
_CHANNELS_IN_ONE_GO = 500

_log = logging.getLogger(__name__)


def _nothing() -> None:
    pass


def _in_parts(channels: Iterable[str]) -> Iterator[list[str]]:
    left = iter(channels)
    while part := list(islice(left, _CHANNELS_IN_ONE_GO)):
        yield part


class RedisBroker:
    """RealtimeBroker over Redis's pub/sub; who listens in this process hears through *local*, at once.

    A channel per dialog, `{prefix}:dialog:{id}`, one per person for the dialogs they come into,
    `{prefix}:user:{id}`, and one for presence. This node subscribes to what it follows, and drops
    what it has published itself. Whatever is lost on the way is in the log.
    """

    def __init__(self, redis: RedisConnection, local: RealtimeBroker) -> None:
        self.on_resubscribed: Callable[[], None] = _nothing
        """Called once everything is subscribed to again: what was published meanwhile is in the log only."""
        self.is_subscribed = False
        self.counts: Counter[str] = Counter()
        """How many frames were heard, and how many of them were junk or unknown."""
        self._redis = redis
        self._local = local
        self._node = uuid4().hex.encode() + b" "
        self._presence = f"{redis.prefix}:presence"
        self._wanted: set[str] = {self._presence}
        self._changes: set[str] = set()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to listen; Redis need not be there."""
        self._task = asyncio.create_task(self._listen_on_and_on())

    async def close(self) -> None:
        """Listen no longer."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def publish(self, announcements: Sequence[Announcement]) -> None:
        """Hand over *announcements* here at once, and to the other nodes as soon as Redis takes them."""
        self._local.publish(announcements)
        for announcement in announcements:
            if self._redis.is_up and (frame := codec.frame(announcement)) is not None:
                for channel in self._channels_of(announcement):
                    self._redis.tell("PUBLISH", channel, self._node + frame)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call *listener* from now on; return the undo."""
        return self._local.listen(listener)

    def follow(self, *, dialogs: Iterable[DialogId] = (), users: Iterable[UserId] = ()) -> None:
        """Subscribe, shortly."""
        channels = set(self._channels(dialogs, users))
        self._wanted |= channels
        self._change(channels)

    def unfollow(self, *, dialogs: Iterable[DialogId] = (), users: Iterable[UserId] = ()) -> None:
        """Unsubscribe, shortly."""
        channels = set(self._channels(dialogs, users))
        self._wanted -= channels
        self._change(channels)

    def _change(self, channels: set[str]) -> None:
        self._changes |= channels
        self._changed.set()

    def _channels(self, dialogs: Iterable[DialogId], users: Iterable[UserId]) -> Iterator[str]:
        yield from (self._dialog(dialog) for dialog in dialogs)
        yield from (self._user(user) for user in users)

    def _channels_of(self, announcement: Announcement) -> Iterator[str]:
        if isinstance(announcement, PresenceChanged):
            yield self._presence
        elif isinstance(announcement, Typing):
            yield self._dialog(announcement.dialog_id)
        else:
            event = announcement.event
            yield self._dialog(event.dialog_id)
            if isinstance(event, ParticipantJoined):
                # Their node may not follow this dialog yet.
                yield self._user(event.user_id)

    def _dialog(self, dialog: DialogId) -> str:
        return f"{self._redis.prefix}:dialog:{dialog}"

    def _user(self, user: UserId) -> str:
        return f"{self._redis.prefix}:user:{user}"

    async def _listen_on_and_on(self) -> None:
        while True:
            try:
                await self._listen()
            except (RedisIsDown, RedisError, OSError) as error:
                _log.debug("pub/sub ended: %s", type(error).__name__)
            except Exception:
                _log.exception("pub/sub failed; it begins anew")
            self.is_subscribed = False
            await asyncio.sleep(RETRY_SECONDS)

    async def _listen(self) -> None:
        connection = await self._redis.connect()
        asking = asyncio.create_task(self._keep_subscribed(connection))
        try:
            await self._hear(connection)
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            await connection.disconnect(nowait=True)

    async def _keep_subscribed(self, connection: Any) -> None:
        subscribed = set[str]()
        self._changes = set(self._wanted)
        while True:
            changes, self._changes = self._changes, set()
            self._changed.clear()
            coming = (changes & self._wanted) - subscribed
            going = (changes & subscribed) - self._wanted
            for verb, channels in (("SUBSCRIBE", coming), ("UNSUBSCRIBE", going)):
                for some in _in_parts(channels):
                    await connection.send_command(verb, *some)
            subscribed |= coming
            subscribed -= going
            # Its answer comes after those to all of the above: then they are true.
            await connection.send_command("PING", "")
            try:
                async with asyncio.timeout(PING_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def _hear(self, connection: Any) -> None:
        while (reply := await connection.read_response(timeout=SILENCE_SECONDS)) is not None:
            if reply[0] == b"message":
                self._take(reply[2])
            elif reply[0] == b"pong" and not self.is_subscribed:
                self.is_subscribed = True
                self.on_resubscribed()

    def _take(self, frame: bytes) -> None:
        if frame.startswith(self._node):
            return
        self.counts["heard"] += 1
        try:
            announcement = codec.announcement(frame.partition(b" ")[2])
        except Exception:
            # Anybody may write to Redis, and newer releases know more: what is not understood is in the log.
            self.counts["junk"] += 1
            return
        if announcement is None:
            self.counts["unknown"] += 1
        else:
            self._local.publish([announcement])
