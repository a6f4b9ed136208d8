"""What is read when monitoring asks: how full this process is, and what waits in the store."""

from collections.abc import Iterable

from attrs import frozen

from mtchat_app.http.metrics import Reading
from mtchat_app.http.realtime import Sockets
from mtchat_app.wiring import Service


@frozen
class Gauges:
    """The numbers of one process."""

    service: Service
    sockets: Sockets | None = None

    async def read(self) -> Iterable[Reading]:
        """Read them all."""
        readings = [
            Reading("mtchat_ready", "Whether requests can be served.", await self.service.is_ready()),
        ]
        if self.sockets is not None:
            readings.append(Reading("mtchat_sockets", "Open sockets of this process.", len(self.sockets)))
        if (redis := self.service.redis) is not None:
            readings.append(Reading("mtchat_redis_up", "Whether Redis answers.", redis.is_up))
            readings += (
                Reading(
                    "mtchat_redis_total", "Failed calls and frames of other nodes, by sort.", count, {"sort": sort}
                )
                for sort, count in redis.counts.items()
            )
        return readings
