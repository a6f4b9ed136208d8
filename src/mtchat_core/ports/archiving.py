"""Dialogs that have gone quiet. The store's clock decides."""

from typing import Protocol

from attrs import frozen

from mtchat_core.domain.archiving import Silence
from mtchat_core.domain.ids import DialogId, UserId


class Archive(Protocol):
    """The archives of one dialog's people, inside one transaction."""

    async def put_away(self, dialog: DialogId, silence: Silence) -> tuple[UserId, ...]:
        """Lock a dialog, and archive it for whom `Silence` says; return them, by id.

        Never waits: nobody if it is not quiet (any more), unknown, or held by somebody else.
        """
        ...


@frozen
class Stretch:
    """A stretch of the dialogs that somebody has not archived: which of them look quiet, and where it ends.

    `end` is None at the end of all.
    """

    quiet: tuple[DialogId, ...]
    end: DialogId | None


class QuietDialogs(Protocol):
    """Where to look: committed state, one trip."""

    async def stretch(self, silence: Silence, *, after: DialogId | None, limit: int) -> Stretch:
        """Look through up to *limit* entries of people's lists, by dialog, from *after* on.

        What everybody has archived costs nothing.
        """
        ...
