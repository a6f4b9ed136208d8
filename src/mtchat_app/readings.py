"""What is read when monitoring asks: how full this process is, and what waits in the store."""

from collections.abc import Iterable, Iterator, Mapping

import structlog
from attrs import frozen

from mtchat_app.http.metrics import Reading
from mtchat_app.http.realtime import Sockets
from mtchat_app.overview import Overview, overview
from mtchat_app.runner import Runner
from mtchat_app.wiring import Service
from mtchat_core.domain.errors import ServiceUnavailable

_log = structlog.get_logger()


@frozen
class Gauges:
    """The numbers of one process, and of the store it shares."""

    service: Service
    sockets: Sockets | None = None
    runner: Runner | None = None

    async def read(self) -> Iterable[Reading]:
        """Read them all; while the store can't be reached, what is this process's alone."""
        return [*self._here(), *await self._shared()]

    def _here(self) -> Iterator[Reading]:
        chat = self.service.chat
        if self.sockets is not None:
            yield Reading("mtchat_sockets", "Open sockets of this process.", len(self.sockets))
        yield from _sorts(
            "mtchat_log_reads_total", "Looks into the event log by this process.", chat.follower.counts
        )
        yield from _sorts("mtchat_webhooks_total", "What became of webhooks here.", chat.webhooks.counts)
        yield from _sorts("mtchat_notifications_total", "Reminders by this process.", chat.notifications.counts)
        yield from _sorts("mtchat_archived_total", "Entries put away by this process.", chat.archiving.counts)
        yield from _sorts("mtchat_forgotten_total", "What this process forgot for its age.", chat.retention.counts)
        yield from _sorts("mtchat_files_total", "What came of looking into files here.", chat.inspection.counts)
        if self.runner is not None:
            yield from _sorts("mtchat_jobs_total", "Runs of jobs by this process.", self.runner.counts)
        if (redis := self.service.redis) is not None:
            yield Reading("mtchat_redis_up", "Whether Redis answers.", redis.is_up)
            yield from _sorts(
                "mtchat_redis_total", "Failed calls and frames of other nodes, by sort.", redis.counts
            )

    async def _shared(self) -> list[Reading]:
        is_ready = await self.service.is_ready()
        readings = [Reading("mtchat_ready", "Whether requests can be served.", is_ready)]
        try:
            lag = await self.service.chat.ports.events.lag()
            seen = await overview(self.service)
        except ServiceUnavailable as error:
            _log.warning("only this process's own numbers can be read", code=error.code)
            return readings
        readings.append(
            Reading(
                "mtchat_log_lag_seconds",
                "Age of the oldest event that an unfinished transaction holds back.",
                lag.total_seconds(),
            )
        )
        return [*readings, *_waiting(seen)]


def _waiting(seen: Overview) -> Iterator[Reading]:
    reminders = seen.reminders
    counted = {"waiting": reminders.waiting, "late": reminders.late, "parked": reminders.parked}
    yield from _sorts("mtchat_reminders", "Dialogs with a reminder to come.", counted)
    files = seen.files
    counted = {"unseen": files.unseen, "late": files.late, "leftovers": files.leftovers}
    yield from _sorts("mtchat_files", "Files to look into, late ones, and those to delete.", counted)
    for one in seen.webhooks:
        for state, count in (("pending", one.pending), ("dead", one.dead)):
            yield Reading(
                "mtchat_webhook_deliveries",
                "Deliveries by endpoint, counted up to 10,000.",
                count,
                {"endpoint": one.name, "state": state},
            )


def _sorts(name: str, help: str, counts: Mapping[str, int]) -> Iterator[Reading]:  # noqa: A002 - what it is
    return (Reading(name, help, count, {"sort": sort}) for sort, count in sorted(counts.items()))
