"""Read receipts: how far a person has read, and what is left unread, by numbers alone."""

from attrs import evolve, frozen

from mtchat_core.domain.dialogs import Tally
from mtchat_core.domain.errors import InvalidInput
from mtchat_core.domain.ids import MessageId


class ReadTargetUnknown(InvalidInput):
    """The message to read up to is not in this dialog."""

    says = "last_read_message_id names no message of this dialog."


@frozen
class ReadMark:
    """How far one participant has read.

    `seq` is the message read last (0: none); `message_id` names it, when there is one to name.
    `counted` is how many of the dialog's user messages no longer count as unread; what is
    left is the dialog's number minus this one, so a send touches nobody else's row.
    """

    seq: int = 0
    message_id: MessageId | None = None
    counted: int = 0

    @classmethod
    def caught_up(cls, tally: Tally) -> "ReadMark":
        """Start with nothing unread: the host added the person."""
        return cls(seq=tally.last_seq, counted=tally.user_messages)

    @classmethod
    def newcomer(cls, tally: Tally) -> "ReadMark":
        """Start with the whole history unread, system messages too: the person joined."""
        return cls(counted=-tally.system_messages)

    def unread(self, tally: Tally) -> int:
        """Count what is unread: user messages by others after the mark, plus a newcomer's history."""
        return max(0, tally.user_messages - self.counted)

    @property
    def has_history_unread(self) -> bool:
        """Whether even system messages count: nothing is read yet of a history that came first."""
        return self.seq == 0 and self.counted < 0

    def reaches(self, seq: int) -> bool:
        """Tell whether reading up to *seq* would change nothing."""
        return (self.message_id is not None and seq <= self.seq) or seq < self.seq

    def advanced(self, *, seq: int, message_id: MessageId, left: int, tally: Tally) -> "ReadMark":
        """Return the mark at *seq* with *left* messages of others still unread after it."""
        return ReadMark(seq=seq, message_id=message_id, counted=tally.user_messages - left)

    def forgetting(self, *, seq: int, message_id: MessageId, own: bool, older: MessageId | None) -> "ReadMark":
        """Return the mark once a user message at *seq* is deleted.

        *own* tells whether the marked person wrote it, *older* names the nearest message
        before it. An unread message lowers the unread count; a read one leaves it as it is.
        """
        was_counted = seq <= self.seq or (own and self.seq > 0)
        mark = evolve(self, counted=self.counted - 1) if was_counted else self
        return evolve(mark, message_id=older) if self.message_id == message_id else mark
