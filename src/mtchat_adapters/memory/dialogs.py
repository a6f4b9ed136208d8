"""Dialogs in this process: inside a transaction, and as the host looks them up."""

from collections.abc import Sequence

from attrs import evolve, frozen

from mtchat_adapters.memory.store import Changes, Room, Store
from mtchat_core.domain.dialogs import Dialog, ObjectRef, Tally
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.domain.scopes import AccessScope, same_set
from mtchat_core.ports.dialogs import Details, KeptScope, Place


@frozen
class MemoryDialogs:
    """Dialogs of one transaction."""

    changes: Changes

    async def lock(self, dialog: DialogId) -> Dialog | None:
        """Return the dialog and hold it."""
        room = self.changes.lock(dialog)
        return room.dialog if room else None

    async def add(self, dialog: Dialog) -> None:
        """Keep a new dialog, locked."""
        self.changes.rooms[dialog.id] = Room(evolve(dialog, tally=Tally()))

    async def describe(self, dialog: Dialog) -> None:
        """Keep what the dialog is about."""
        room = self.changes.room(dialog.id)
        room.dialog = evolve(room.dialog, about=dialog.about)

    async def delete(self, dialog: DialogId) -> None:
        """Delete the dialog and everything below it."""
        self.changes.leave(self.changes.room(dialog).messages.values())
        self.changes.rooms[dialog] = None

    async def scopes(self, dialog: DialogId) -> tuple[AccessScope, ...]:
        """Return the access scopes."""
        return self.changes.room(dialog).access

    async def set_scopes(self, dialog: DialogId, scopes: Sequence[KeptScope]) -> None:
        """Replace the access scopes."""
        self.changes.room(dialog).scopes = tuple(scopes)


@frozen
class MemoryDirectory:
    """Directory over the committed rooms."""

    store: Store

    async def details(self, dialog: DialogId) -> Details | None:
        """Return one dialog with its people and scopes."""
        room = self.store.rooms.get(dialog)
        return Details(room.dialog, tuple(room.in_order()), room.scopes) if room else None

    async def find(self, about: ObjectRef, scopes: Sequence[AccessScope]) -> Dialog | None:
        """Return the object's newest dialog with the same scopes."""
        rooms = (room for room in self._newest_first() if room.dialog.object == about)
        return next((room.dialog for room in rooms if same_set(room.access, scopes)), None)

    async def page(
        self, *, object_type: str | None, object_id: str | None, limit: int, after: Place | None
    ) -> tuple[Dialog, ...]:
        """Return dialogs, newest first."""
        found = [
            room.dialog
            for room in self._newest_first()
            if object_type in (None, room.dialog.object.type)
            and object_id in (None, room.dialog.object.id)
            and (after is None or (room.dialog.created_at, room.dialog.id) < (after.created_at, after.id))
        ]
        return tuple(found[:limit])

    async def access(self, dialog: DialogId, user: UserId) -> tuple[bool, tuple[AccessScope, ...]] | None:
        """Return whether *user* takes part, and the scopes."""
        room = self.store.rooms.get(dialog)
        return (user in room.people, room.access) if room else None

    def _newest_first(self) -> list[Room]:
        return sorted(
            self.store.rooms.values(), key=lambda room: (room.dialog.created_at, room.dialog.id), reverse=True
        )
