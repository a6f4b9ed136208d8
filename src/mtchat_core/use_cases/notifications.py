"""People are reminded of what they have not read: a job asks."""

import logging
from collections import Counter

from attrs import field, frozen

from mtchat_core.domain.events import NotificationCancelled, NotificationPending, Reminded
from mtchat_core.domain.ids import DialogId, MessageId
from mtchat_core.domain.notifications import Debounce, Waiting, decide
from mtchat_core.ports.reminders import DueReminders
from mtchat_core.use_cases.transaction import Transaction

_log = logging.getLogger(__name__)


@frozen
class Notifications:
    """Reminders, worked out when they fall due: whoever has read, left or muted by then gets none."""

    transaction: Transaction
    reminders: DueReminders
    debounce: Debounce
    tells_cancelled: bool
    counts: Counter[str] = field(factory=Counter[str], eq=False)
    """`reminded` and `cancelled` people, `postponed` dialogs."""

    async def remind_due(self, limit: int = 100) -> int:
        """Remind of up to *limit* dialogs, each in a transaction of its own; fewer than that were all there were.

        A dialog that fails waits for another time and keeps nobody else waiting.
        Raises:
            ServiceUnavailable: the store can't be reached.
        """
        dialogs = await self.reminders.due(limit)
        for dialog in dialogs:
            try:
                await self._remind(dialog)
            except Exception as error:
                reason = type(error).__name__
                await self.reminders.postpone(dialog, reason)
                self.counts["postponed"] += 1
                _log.warning("a dialog's reminder failed and waits for another time: %s", reason)
        return len(dialogs)

    async def _remind(self, dialog: DialogId) -> None:
        async with self.transaction() as tx:
            fallen = await tx.reminders.take(dialog)
            if fallen is None:
                return
            decided = decide(fallen.waiting, self.debounce, now=fallen.now)
            await tx.reminders.settle(dialog, decided, fallen.caught_up)
            if fallen.caught_up and self.tells_cancelled:
                tx.record(NotificationCancelled(dialog_id=dialog, people=fallen.caught_up))
            for newest, people in _by_message(decided.reminded).items():
                message = await tx.messages.get(dialog, newest)
                assert message is not None
                recipients = [Reminded(person.user_id, person.unread_count) for person in people]
                tx.record(NotificationPending(dialog_id=dialog, message=message, recipients=recipients))
        self.counts["reminded"] += len(decided.reminded)
        self.counts["cancelled"] += len(fallen.caught_up) if self.tells_cancelled else 0


def _by_message(people: tuple[Waiting, ...]) -> dict[MessageId, list[Waiting]]:
    """Group *people* by the newest message they miss, oldest first: mostly it is the same for all."""
    found: dict[MessageId, list[Waiting]] = {}
    for person in sorted(people, key=lambda person: (person.seq, person.user_id)):
        found.setdefault(person.message, []).append(person)
    return found
