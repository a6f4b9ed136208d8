"""Dialogs as they are kept, and as the host looks them up."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from attrs import frozen

from mtchat_core.domain.dialogs import Dialog, ObjectRef
from mtchat_core.domain.ids import DialogId, ScopeId, UserId
from mtchat_core.domain.participants import Participant
from mtchat_core.domain.scopes import AccessScope


@frozen
class KeptScope:
    """An access scope with the identity it got when it was set."""

    id: ScopeId
    scope: AccessScope
    created_at: datetime


class Dialogs(Protocol):
    """Dialogs inside one transaction."""

    async def lock(self, dialog: DialogId) -> Dialog | None:
        """Return the dialog and hold its lock until the transaction ends; None if unknown.

        Everything that changes below a dialog happens under this lock, one at a time.
        """
        ...

    async def add(self, dialog: Dialog) -> None:
        """Keep a new dialog, locked. Its tally starts at zero."""
        ...

    async def describe(self, dialog: Dialog) -> None:
        """Keep the title, link and meta of a locked dialog."""
        ...

    async def delete(self, dialog: DialogId) -> None:
        """Delete a locked dialog and everything below it, except its events."""
        ...

    async def scopes(self, dialog: DialogId) -> tuple[AccessScope, ...]:
        """Return the access scopes of a locked dialog."""
        ...

    async def set_scopes(self, dialog: DialogId, scopes: Sequence[KeptScope]) -> None:
        """Replace the access scopes of a locked dialog."""
        ...


@frozen
class Details:
    """A dialog with everything the host may know: people by `joined_at`, then `user_id`."""

    dialog: Dialog
    participants: tuple[Participant, ...]
    scopes: tuple[KeptScope, ...]


@frozen
class Place:
    """A place in the host's list of dialogs: newest first, then by id."""

    created_at: datetime
    id: DialogId


class Directory(Protocol):
    """Dialogs as the host looks them up: committed state, one trip each."""

    async def details(self, dialog: DialogId) -> Details | None:
        """Return one dialog; None if unknown."""
        ...

    async def find(self, about: ObjectRef, scopes: Sequence[AccessScope]) -> Dialog | None:
        """Return the newest dialog of the object whose scope list says the same as *scopes*."""
        ...

    async def page(
        self, *, object_type: str | None, object_id: str | None, limit: int, after: Place | None
    ) -> tuple[Dialog, ...]:
        """Return up to *limit* dialogs, newest first, after a place."""
        ...

    async def access(self, dialog: DialogId, user: UserId) -> tuple[bool, tuple[AccessScope, ...]] | None:
        """Return whether *user* takes part, and the dialog's scopes; None if unknown."""
        ...
