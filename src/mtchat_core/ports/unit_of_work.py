"""One transaction, and the repositories inside it."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from mtchat_core.domain.events import Event, Recorded
from mtchat_core.ports.archiving import Archive
from mtchat_core.ports.attachments import MessageFiles
from mtchat_core.ports.dialogs import Dialogs
from mtchat_core.ports.keys import Keys
from mtchat_core.ports.messages import Messages
from mtchat_core.ports.participants import Participants
from mtchat_core.ports.reminders import Reminders


class UnitOfWork(Protocol):
    """All or nothing: what the block kept and recorded is there after it, or none of it is."""

    @property
    def dialogs(self) -> Dialogs: ...
    @property
    def participants(self) -> Participants: ...
    @property
    def messages(self) -> Messages: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def reminders(self) -> Reminders: ...
    @property
    def archive(self) -> Archive: ...
    @property
    def files(self) -> MessageFiles: ...

    def record(self, *events: Event) -> None:
        """Write *events* into the log, numbered in this order, in the same transaction.

        Every change of a dialog's people or messages is at least one event: whoever looked at the
        dialog before goes by its last event's number to know that nothing has changed.
        The dialog of every event is locked by then, added, or deleted in this transaction.
        """
        ...

    @property
    def recorded(self) -> Sequence[Recorded]:
        """The events as the log keeps them; empty until the transaction has committed."""
        ...


class UnitsOfWork(Protocol):
    """Begins transactions."""

    def begin(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """Open a transaction for the block: leaving it commits, an exception keeps nothing.

        Raises:
            ServiceUnavailable: the store can't be reached, or did not answer in time.
        """
        ...
