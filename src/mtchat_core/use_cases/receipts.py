"""People read, and everybody sees how far."""

from attrs import evolve, frozen

from mtchat_core.domain.dialogs import NotFound
from mtchat_core.domain.errors import Forbidden
from mtchat_core.domain.events import MessageRead, NotificationCancelled
from mtchat_core.domain.ids import DialogId, MessageId, UserId
from mtchat_core.domain.inbox import Unread
from mtchat_core.domain.notifications import is_caught_up
from mtchat_core.domain.receipts import ReadTargetUnknown
from mtchat_core.ports import receipts as ports
from mtchat_core.use_cases.transaction import Transaction


@frozen
class Receipts:
    """How far people have read."""

    transaction: Transaction
    receipts: ports.Receipts
    tells_cancelled: bool = False
    """Whether the host hears when somebody has read what they were reminded of."""

    async def mark_read(self, reader: UserId, dialog: DialogId, message: MessageId) -> None:
        """Move the reader's mark to *message*; a mark never moves back.

        Raises:
            NotFound: there is no such dialog.
            Forbidden: the reader is not in.
            ReadTargetUnknown: the message is not in this dialog.
        """
        async with self.transaction() as tx:
            kept = await tx.dialogs.lock(dialog)
            if kept is None:
                raise NotFound
            me = await tx.participants.get(dialog, reader)
            if me is None:
                raise Forbidden
            target = await tx.messages.get(dialog, message)
            if target is None:
                raise ReadTargetUnknown
            if me.mark.reaches(target.seq):
                return
            is_newest = target.seq == kept.tally.last_seq
            left = 0 if is_newest else await tx.messages.count_unread(dialog, reader, after=target.seq)
            mark = me.mark.advanced(seq=target.seq, message_id=message, left=left, tally=kept.tally)
            caught_up = is_caught_up(me.reminded_seq, read_seq=target.seq, left=mark.unread(kept.tally))
            reminded_seq = None if caught_up else me.reminded_seq
            await tx.participants.save(evolve(me, mark=mark, reminded_seq=reminded_seq))
            tx.record(MessageRead(dialog_id=dialog, user_id=reader, message_id=message))
            if caught_up and self.tells_cancelled:
                tx.record(NotificationCancelled(dialog_id=dialog, people=[reader]))

    async def unread(self, reader: UserId) -> Unread:
        """Sum up everything the reader has not read, in one trip."""
        return await self.receipts.unread(reader)
