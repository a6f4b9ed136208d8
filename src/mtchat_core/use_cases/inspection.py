"""Files that were sent are looked into: do they harm, how do they look, are they still the same: a job asks."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from attrs import evolve, field, frozen

from mtchat_core.domain.attachments import DRAWABLE, Attachment, FileState, thumbnail_key
from mtchat_core.domain.events import AttachmentUpdated
from mtchat_core.ports.attachments import FileWork, Unseen
from mtchat_core.ports.clock import Clock
from mtchat_core.ports.pictures import MOST_BYTES, Thumbnailer
from mtchat_core.ports.scanning import FileScanner
from mtchat_core.ports.storage import ObjectStorage
from mtchat_core.use_cases.files import FileTerms
from mtchat_core.use_cases.transaction import Transaction

AT_ONCE: Final = 2
LEASE: Final = timedelta(seconds=60)
_PATIENCE_SECONDS: Final = 55
"""For one file: less than the lease, so that nobody else has begun with it by then."""
WAITS: Final = tuple(timedelta(seconds=wait) for wait in (10, 60, 300, 1200, 3600, 4 * 3600, 12 * 3600))
"""After each try that came to nothing; after one more, the file is left as it is."""
_LINK_TTL = timedelta(minutes=5)
_AFTER_LINK = timedelta(minutes=1)
"""How long an upload link may be late: clocks differ, and what it let in has to arrive."""

_log = logging.getLogger(__name__)


class Missing(Exception):
    """The storage has nothing where the file should be."""


@frozen
class Inspection:
    """Looks into files, each by itself: one that fails waits for another time and keeps no other waiting."""

    transaction: Transaction
    work: FileWork
    storage: ObjectStorage | None
    thumbnailer: Thumbnailer
    scanner: FileScanner
    clock: Clock
    terms: FileTerms
    counts: Counter[str] = field(factory=Counter[str], eq=False)
    """Files `clean`, `harmful`, `exchanged`, `drawn`, `postponed` and `given_up`."""

    async def inspect_due(self, limit: int = 10) -> int:
        """Look into up to *limit* files that are due, a few at a time; fewer than that were all there were.

        Raises:
            ServiceUnavailable: the store can't be reached.
        """
        if self.storage is None:
            return 0
        taken = await self.work.take(min(limit, AT_ONCE), lease=LEASE)
        turns = iter(range(limit - len(taken)))
        ended = await asyncio.gather(
            *(self._inspect_from(self.storage, unseen, turns) for unseen in taken), return_exceptions=True
        )
        inspected = 0
        for count in ended:
            if isinstance(count, BaseException):
                raise count
            inspected += count
        return inspected

    async def _inspect_from(self, storage: ObjectStorage, unseen: Unseen | None, turns: Iterator[int]) -> int:
        """Look into one file, and then into more as long as there are turns; return how many."""
        inspected = 0
        while unseen is not None:
            await self._try(storage, unseen)
            inspected += 1
            # One at a time: a lease must not run out over the files before it.
            following = await self.work.take(1, lease=LEASE) if next(turns, None) is not None else ()
            unseen = following[0] if following else None
        return inspected

    async def _try(self, storage: ObjectStorage, unseen: Unseen) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._inspect(storage, unseen)
        except Exception as error:
            reason = type(error).__name__
            if unseen.tries < len(WAITS):
                await self.work.postpone(unseen.attachment.id, wait=WAITS[unseen.tries])
                self.counts["postponed"] += 1
                _log.info("a file could not be looked into and waits for another time: %s", reason)
            else:
                await self._keep(unseen, unseen.attachment, look_again_in=None)
                self.counts["given_up"] += 1
                _log.warning("the file %s could not be looked into: %s", unseen.attachment.id, reason)

    async def _inspect(self, storage: ObjectStorage, unseen: Unseen) -> None:
        file = unseen.attachment
        stored = await storage.stat(file.key)
        if stored is None:
            raise Missing
        if stored.etag != file.etag:
            self.counts["exchanged"] += 1
            await self._keep(unseen, evolve(file, state=FileState.BLOCKED), look_again_in=None)
            return
        found = scanned = await self._scanned(storage, unseen)
        try:
            found = await self._drawn(storage, scanned)
        except Exception:
            if scanned != file:
                # People wait for this, and nobody need be asked again.
                await self._keep(unseen, scanned, look_again_in=LEASE)
            raise
        is_kept = await self._keep(unseen, found, look_again_in=self._until_link_ends(storage, unseen, found))
        if not is_kept and found.thumbnail_key is not None:
            # The message was deleted meanwhile, and with it what was in the storage until then.
            await storage.delete([found.thumbnail_key])

    async def _scanned(self, storage: ObjectStorage, unseen: Unseen) -> Attachment:
        """Return the file as far as it is trusted now."""
        file, mode = unseen.attachment, self.terms.scan
        if mode is None:
            # Held for a scanner that is not asked any more.
            return evolve(file, state=FileState.AVAILABLE) if file.state is FileState.SCANNING else file
        if file.state is not (FileState.SCANNING if mode == "hold" else FileState.AVAILABLE):
            return file
        link = storage.download_link(
            file.key,
            filename=file.filename,
            content_type=file.content_type,
            inline=False,
            at=self.clock.now(),
            ttl=_LINK_TTL,
        )
        is_clean = await self.scanner.is_clean(file, dialog=unseen.dialog_id, message=unseen.message_id, link=link)
        self.counts["clean" if is_clean else "harmful"] += 1
        if is_clean:
            return evolve(file, state=FileState.AVAILABLE)
        return evolve(file, state=FileState.BLOCKED if mode == "hold" else FileState.FLAGGED)

    async def _drawn(self, storage: ObjectStorage, file: Attachment) -> Attachment:
        """Return the file with its measures and a small picture in the storage, if it can have one."""
        is_picture = file.content_type in DRAWABLE and file.size_bytes <= MOST_BYTES
        if not (self.terms.draws and is_picture and file.is_open) or file.thumbnail_key is not None:
            return file
        body = await storage.read(file.key, at_most=MOST_BYTES)
        drawn = None if body is None else await self.thumbnailer.draw(body)
        if drawn is None:
            return file
        place = thumbnail_key(file.key)
        await storage.write(place, drawn.thumbnail, content_type="image/webp")
        self.counts["drawn"] += 1
        return evolve(file, width=drawn.width, height=drawn.height, thumbnail_key=place)

    def _until_link_ends(self, storage: ObjectStorage, unseen: Unseen, found: Attachment) -> timedelta | None:
        """Return when to look whether the file has been exchanged; None if it can't be, or nobody gets at it."""
        ends_at = unseen.sent_at + self.terms.upload_ttl + _AFTER_LINK
        left = ends_at - self.clock.now()
        if storage.upload_links_serve_once or not found.is_open or left <= timedelta():
            return None
        return left

    async def _keep(self, unseen: Unseen, found: Attachment, *, look_again_in: timedelta | None) -> bool:
        """Keep what was found out, tell people what they can see of it, and return whether the file is there."""
        dialog = unseen.dialog_id
        async with self.transaction() as tx:
            if await tx.dialogs.lock(dialog) is None:
                return False
            message = await tx.files.change(dialog, found, look_again_in=look_again_in)
            if message is not None and found != unseen.attachment:
                tx.record(AttachmentUpdated(dialog_id=dialog, message=message, attachment_id=found.id))
        return message is not None
