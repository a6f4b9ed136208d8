"""What has been kept long enough is forgotten: a job asks."""

import logging
from collections import Counter
from collections.abc import Awaitable
from datetime import datetime, timedelta

from attrs import field, frozen

from mtchat_core.domain.attachments import thumbnail_key
from mtchat_core.domain.errors import ServiceUnavailable
from mtchat_core.ports.attachments import FileWork
from mtchat_core.ports.events import EventLog
from mtchat_core.ports.keys import OldKeys
from mtchat_core.ports.storage import ObjectStorage
from mtchat_core.use_cases.webhooks import Webhooks

_FILES_AT_ONCE = 200

_log = logging.getLogger(__name__)


@frozen
class Retention:
    """Events, keys of the host, what became of webhooks, and files nobody needs, each for its time."""

    events: EventLog
    keys: OldKeys
    webhooks: Webhooks
    file_work: FileWork
    storage: ObjectStorage | None
    keep_events: timedelta
    keep_unsent: timedelta
    counts: Counter[str] = field(factory=Counter[str], eq=False)
    """Forgotten `events`, `keys`, `webhooks` and `files`."""

    async def prune(self, now: datetime, *, limit: int = 5000) -> bool:
        """Forget up to *limit* of each kind; return whether there may be more."""
        is_more = await self._forget("events", self.events.prune(now - self.keep_events, limit=limit), limit)
        is_more = await self._forget("webhooks", self.webhooks.prune(now, limit=limit), limit) or is_more
        is_more = await self._forget("keys", self.keys.prune(limit), limit) or is_more
        return await self._forget("files", self._sweep(now, limit=_FILES_AT_ONCE), _FILES_AT_ONCE) or is_more

    async def _forget(self, kind: str, pruned: Awaitable[int], limit: int) -> bool:
        forgotten = await pruned
        self.counts[kind] += forgotten
        return forgotten >= limit

    async def _sweep(self, now: datetime, *, limit: int) -> int:
        """Delete up to *limit* files of deleted messages, and of messages that were never sent; return how many.

        While the storage does not answer, they stay for another time.
        """
        if self.storage is None:
            return 0
        leftovers = await self.file_work.leftovers(unsent_before=now - self.keep_unsent, limit=limit)
        if not leftovers:
            return 0
        try:
            for leftover in leftovers:
                if leftover.parts_id is not None:
                    await self.storage.drop_parts(leftover.key, leftover.parts_id)
            # A small picture may have been on its way while its message was deleted.
            await self.storage.delete([place for one in leftovers for place in (one.key, thumbnail_key(one.key))])
        except ServiceUnavailable:
            _log.warning("%d files are still to be deleted: the storage does not answer", len(leftovers))
            return 0
        await self.file_work.forget([leftover.key for leftover in leftovers])
        return len(leftovers)
