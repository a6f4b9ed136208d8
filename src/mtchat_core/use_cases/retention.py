"""What has been kept long enough is forgotten: a job asks."""

from collections import Counter
from collections.abc import Awaitable
from datetime import datetime, timedelta

from attrs import field, frozen

from mtchat_core.ports.events import EventLog
from mtchat_core.ports.keys import OldKeys
from mtchat_core.use_cases.webhooks import Webhooks


@frozen
class Retention:
    """Events, keys of the host, and what became of webhooks, each for its time."""

    events: EventLog
    keys: OldKeys
    webhooks: Webhooks
    keep_events: timedelta
    counts: Counter[str] = field(factory=Counter[str], eq=False)
    """Forgotten `events`, `keys` and `webhooks`."""

    async def prune(self, now: datetime, *, limit: int = 5000) -> bool:
        """Forget up to *limit* of each kind; return whether there may be more."""
        is_more = await self._forget("events", self.events.prune(now - self.keep_events, limit=limit), limit)
        is_more = await self._forget("webhooks", self.webhooks.prune(now, limit=limit), limit) or is_more
        return await self._forget("keys", self.keys.prune(limit), limit) or is_more

    async def _forget(self, kind: str, pruned: Awaitable[int], limit: int) -> bool:
        forgotten = await pruned
        self.counts[kind] += forgotten
        return forgotten >= limit
