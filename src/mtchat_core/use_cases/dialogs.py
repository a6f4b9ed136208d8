"""The host creates, finds, changes and deletes dialogs, and asks who may see them."""

import hashlib
from collections.abc import Callable, Sequence

from attrs import frozen

from mtchat_core.domain import scopes as scoping
from mtchat_core.domain import system_messages
from mtchat_core.domain.dialogs import About, Dialog, NotFound, ObjectRef
from mtchat_core.domain.events import DialogDeleted, DialogUpdated, MessageSent
from mtchat_core.domain.ids import DialogId, ScopeId, UserId
from mtchat_core.domain.inbox import MAX_LIST, Access
from mtchat_core.domain.messages import Origin, idempotency_key
from mtchat_core.domain.participants import Invitation, invitations
from mtchat_core.domain.receipts import ReadMark
from mtchat_core.domain.scopes import AccessScope, UserScope
from mtchat_core.ports.clock import Clock
from mtchat_core.ports.dialogs import Details, Directory, KeptScope, Place
from mtchat_core.ports.ids import IdSource
from mtchat_core.use_cases.participants import added, joined
from mtchat_core.use_cases.transaction import Transaction


@frozen
class NewDialog:
    """What a host wants to have created."""

    object: ObjectRef
    about: About
    people: tuple[Invitation, ...] = ()
    scopes: tuple[AccessScope, ...] = ()

    def fingerprint(self) -> bytes:
        """Return 16 bytes that differ when the same key comes with another dialog."""
        scopes = [([sorted(level) for level in scope.levels], scope.tenant_uid) for scope in self.scopes]
        described = repr((self.object, self.about, self.people, scopes))
        return hashlib.blake2b(described.encode(), digest_size=16).digest()


@frozen
class Dialogs:
    """Dialogs as the host manages them."""

    transaction: Transaction
    directory: Directory
    clock: Clock
    ids: IdSource

    async def create(self, wanted: NewDialog, *, key: str | None = None) -> Dialog:
        """Create a dialog with its people and scopes, and say so in it; all or nothing.

        The same *key* with the same content within 24 hours returns the first dialog.
        Raises:
            InvalidInput: more than 1000 people or 100 scopes.
            BadRequest: a malformed key.
            IdempotencyKeyReused: the key came with another content.
            IdempotencyConflict: the first request with the key is still under way.
            NotFound: the key's dialog has been deleted since.
        Source: docs/guide/management.md, "Create".
        """
        people = invitations(wanted.people)
        scopes = scoping.access_scopes(wanted.scopes)
        now = self.clock.now()
        dialog = Dialog(
            id=DialogId(self.ids.new()),
            object=wanted.object,
            about=wanted.about,
            created_by=people[0].user_id if people else None,
            created_at=now,
        )
        async with self.transaction() as tx:
            if key is not None:
                claimed = await tx.keys.claim(
                    idempotency_key(key), fingerprint=wanted.fingerprint(), made=dialog.id
                )
                if claimed != dialog.id:
                    first = await tx.dialogs.lock(DialogId(claimed))
                    if first is None:
                        raise NotFound("This key's dialog has been deleted. Use a new key for a new dialog.")
                    return first
            await tx.dialogs.add(dialog)
            if scopes:
                await tx.dialogs.set_scopes(dialog.id, self._kept(scopes))
            if people:
                message = await tx.messages.say(
                    dialog.id, system_messages.chat_created([person.profile for person in people])
                )
                mark = ReadMark(seq=message.seq)
                await tx.participants.add([added(dialog.id, person, at=now, mark=mark) for person in people])
                tx.record(MessageSent(dialog_id=dialog.id, message=message, origin=Origin.MANAGEMENT))
                tx.record(*(joined(dialog.id, person.user_id, at=now) for person in people))
        return dialog

    async def find(self, about: ObjectRef, scopes: Sequence[AccessScope]) -> Dialog | None:
        """Return the newest dialog of the object whose scopes equal *scopes* as a set."""
        return await self.directory.find(about, scoping.access_scopes(scopes))

    async def get(self, dialog: DialogId) -> Details:
        """Return a dialog with its people and scopes.

        Raises:
            NotFound: there is no such dialog.
        """
        details = await self.directory.details(dialog)
        if details is None:
            raise NotFound
        return details

    async def page(
        self, *, object_type: str | None, object_id: str | None, limit: int, after: Place | None
    ) -> tuple[Dialog, ...]:
        """Return up to *limit* (1 to 100) dialogs, newest first, after a place."""
        limit = max(1, min(limit, MAX_LIST))
        return await self.directory.page(object_type=object_type, object_id=object_id, limit=limit, after=after)

    async def describe(self, dialog: DialogId, change: Callable[[About], About]) -> Dialog:
        """Change a dialog's title, link or meta; *change* gets what is there now.

        Raises:
            NotFound: there is no such dialog.
        """
        async with self.transaction() as tx:
            kept = await tx.dialogs.lock(dialog)
            if kept is None:
                raise NotFound
            described = kept.described(change(kept.about))
            if described == kept:
                return kept
            await tx.dialogs.describe(described)
            tx.record(DialogUpdated(dialog_id=dialog, dialog=described))
        return described

    async def delete(self, dialog: DialogId) -> None:
        """Delete a dialog and everything below it; an unknown one changes nothing."""
        async with self.transaction() as tx:
            if await tx.dialogs.lock(dialog) is None:
                return
            people = await tx.participants.user_ids(dialog)
            await tx.dialogs.delete(dialog)
            tx.record(DialogDeleted(dialog_id=dialog, people=sorted(people)))

    async def set_scopes(self, dialog: DialogId, scopes: Sequence[AccessScope]) -> tuple[KeptScope, ...]:
        """Replace who may discover and join; people who are in stay in.

        Raises:
            NotFound: there is no such dialog.
            InvalidInput: more than 100 scopes.
        """
        kept = self._kept(scoping.access_scopes(scopes))
        async with self.transaction() as tx:
            if await tx.dialogs.lock(dialog) is None:
                raise NotFound
            await tx.dialogs.set_scopes(dialog, kept)
        return kept

    async def access(self, dialog: DialogId, user: UserId, held: UserScope | None) -> Access:
        """Tell whether *user*, holding *held*, can see, read and join the dialog.

        Raises:
            NotFound: there is no such dialog.
        """
        found = await self.directory.access(dialog, user)
        if found is None:
            raise NotFound
        is_participant, scopes = found
        return Access(
            is_participant=is_participant,
            scopes_given=held is not None,
            scopes_required=bool(scopes),
            admitted=scoping.any_admits(scopes, held),
        )

    def _kept(self, scopes: Sequence[AccessScope]) -> tuple[KeptScope, ...]:
        now = self.clock.now()
        return tuple(KeptScope(ScopeId(self.ids.new()), scope, now) for scope in scopes)
