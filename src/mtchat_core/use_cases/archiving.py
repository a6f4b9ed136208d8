"""Quiet dialogs are put away: a job asks."""

import logging
from collections import Counter

from attrs import field, frozen

from mtchat_core.domain.archiving import Silence
from mtchat_core.domain.events import DialogArchived
from mtchat_core.domain.ids import DialogId
from mtchat_core.ports.archiving import QuietDialogs
from mtchat_core.use_cases.transaction import Transaction

MOST_FAILURES = 3
"""In one stretch: with more, it is not the dialogs' fault."""

_log = logging.getLogger(__name__)


@frozen
class Archiving:
    """Dialogs in which nothing happens any more go into everybody's archive; a message takes them out again."""

    transaction: Transaction
    quiet: QuietDialogs
    silence: Silence
    counts: Counter[str] = field(factory=Counter[str], eq=False)
    """Dialogs `archived`, and `failed`."""

    async def sweep(self, *, after: DialogId | None = None, limit: int = 1000) -> DialogId | None:
        """Put away what is quiet in the next stretch of lists, each dialog in a transaction of its own.

        Return where to go on, *after* which: None at the end. A dialog that fails is passed over.
        """
        if not self.silence.lasts:
            return None
        stretch = await self.quiet.stretch(self.silence, after=after, limit=limit)
        failures = 0
        for dialog in stretch.quiet:
            try:
                self.counts["archived"] += await self._put_away(dialog)
            except Exception as error:
                self.counts["failed"] += 1
                failures += 1
                if failures > MOST_FAILURES:
                    raise
                _log.warning("a quiet dialog could not be put away: %s", type(error).__name__)
        return stretch.end

    async def _put_away(self, dialog: DialogId) -> bool:
        async with self.transaction() as tx:
            people = await tx.archive.put_away(dialog, self.silence)
            if people:
                tx.record(DialogArchived(dialog_id=dialog, people=people))
        return bool(people)
