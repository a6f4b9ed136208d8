"""Who is online on any node: connections in Redis, each with its expiry by Redis's own clock."""

import hashlib
from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

from mtchat_adapters.redis.connection import RedisConnection, RedisIsDown, Script
from mtchat_core.domain.ids import UserId
from mtchat_core.ports.presence import PresenceTracker

_IN_ONE_GO = 1000


def _script(text: str) -> Script:
    whole = f"""
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        {text}
    """
    return Script(whole, hashlib.sha1(whole.encode(), usedforsecurity=False).hexdigest())


_BEAT = _script("""
    local ttl = tonumber(ARGV[3])
    local is_new = redis.call('ZSCORE', KEYS[2], ARGV[1]) == false
    redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
    redis.call('ZADD', KEYS[1], now + ttl, ARGV[2])
    local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
    redis.call('PEXPIREAT', KEYS[1], last)
    redis.call('ZADD', KEYS[2], last, ARGV[1])
    redis.call('PEXPIRE', KEYS[2], 100 * ttl)
    return is_new and 1 or 0
""")
_LEAVE = _script("""
    redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
    if redis.call('ZREM', KEYS[1], ARGV[2]) == 1 then
        local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
        redis.call('ZADD', KEYS[2], last or now + tonumber(ARGV[3]), ARGV[1])
    end
    return 0
""")
_ONLINE = _script("""
    local online = {}
    for _, user in ipairs(ARGV) do
        local until_ = redis.call('ZSCORE', KEYS[1], user)
        if until_ and tonumber(until_) > now then
            table.insert(online, user)
        end
    end
    return online
""")
_EXPIRED = _script("""
    local gone = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
    if #gone > 0 then
        redis.call('ZREM', KEYS[1], unpack(gone))
    end
    return gone
""")


class RedisPresence:
    """PresenceTracker as a sorted set of connections per person, and one of people, by expiry.

    `{prefix}:online:{user}` holds the person's connections on all nodes, `{prefix}:online` until
    when each person counts. *mirror* knows the connections of this process; it answers alone
    while Redis does not. Whatever Redis forgets comes back with each connection's next beat.
    """

    def __init__(self, redis: RedisConnection, mirror: PresenceTracker) -> None:
        self._redis = redis
        self._mirror = mirror
        self._people = f"{redis.prefix}:online"

    async def beat(self, user: UserId, connection: UUID, *, ttl: timedelta) -> bool:
        """Keep *connection* alive on all nodes; return whether that is news."""
        is_new_here = await self._mirror.beat(user, connection, ttl=ttl)
        try:
            return bool(await self._redis.run(_BEAT, self._keys(user), user, connection.bytes, _milliseconds(ttl)))
        except RedisIsDown:
            return is_new_here

    async def leave(self, user: UserId, connection: UUID, *, grace: timedelta) -> None:
        """Forget *connection* on all nodes."""
        await self._mirror.leave(user, connection, grace=grace)
        try:
            await self._redis.run(_LEAVE, self._keys(user), user, connection.bytes, _milliseconds(grace))
        except RedisIsDown:
            return  # it expires there

    async def online(self, users: Collection[UserId]) -> frozenset[UserId]:
        """Return those of *users* who are online on any node; while Redis is silent, on this one."""
        online = await self._mirror.online(users)
        asked = [user for user in users if user not in online]
        try:
            for start in range(0, len(asked), _IN_ONE_GO):
                found = await self._redis.run(_ONLINE, [self._people], *asked[start : start + _IN_ONE_GO])
                online |= _people(found)
        except RedisIsDown:
            pass
        return online

    async def expired(self, limit: int) -> frozenset[UserId]:
        """Take who fell silent, on whichever node they were."""
        silent_here = await self._mirror.expired(limit)
        try:
            return _people(await self._redis.run(_EXPIRED, [self._people], min(limit, _IN_ONE_GO)))
        except RedisIsDown:
            return silent_here

    def _keys(self, user: UserId) -> list[str]:
        return [f"{self._people}:{user}", self._people]


def _milliseconds(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)


def _people(found: Any) -> frozenset[UserId]:
    return frozenset(UserId(user.decode()) for user in found)
