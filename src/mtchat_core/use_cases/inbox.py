"""A person finds dialogs, and keeps their own lists in order."""

from collections.abc import Callable

from attrs import frozen

from mtchat_core.domain import events
from mtchat_core.domain.dialogs import DialogNotFound, ObjectRef
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.domain.inbox import Entry, Listing, Query, ScopesRequired
from mtchat_core.domain.participants import NotParticipant, Participant
from mtchat_core.domain.scopes import ScopeMismatch, UserScope
from mtchat_core.ports import inbox as ports
from mtchat_core.ports.clock import Clock
from mtchat_core.use_cases.transaction import Transaction


@frozen
class Inbox:
    """Dialogs as one person sees and sorts them."""

    transaction: Transaction
    inbox: ports.Inbox
    clock: Clock

    async def list(
        self, reader: UserId, scopes: UserScope | None, listing: Listing, query: Query
    ) -> tuple[Entry, ...]:
        """Return a list: pinned first, then the newest activity.

        Raises:
            ScopesRequired: available dialogs were asked for without scopes.
        """
        if listing is Listing.PARTICIPATING:
            return await self.inbox.participating(reader, scopes, query)
        if scopes is None:
            raise ScopesRequired
        return await self.inbox.available(reader, scopes, query)

    async def of_object(
        self,
        reader: UserId,
        scopes: UserScope | None,
        about: ObjectRef,
        listing: Listing | None,
        query: Query,
    ) -> tuple[Entry, ...]:
        """Return the object's dialogs the reader is in or could join, newest created first."""
        return await self.inbox.of_object(reader, scopes, about, listing, query)

    async def newest_of(self, reader: UserId, scopes: UserScope | None, about: ObjectRef) -> Entry | None:
        """Return the newest of the object's dialogs the reader can open; a stranger finds none."""
        return await self.inbox.newest_of(reader, scopes, about)

    async def get(self, reader: UserId, scopes: UserScope | None, dialog: DialogId) -> Entry:
        """Return one dialog the reader is in or could join.

        Raises:
            DialogNotFound: there is no such dialog.
            ScopeMismatch: the reader is not in, and no scope matches.
        """
        entry = await self.inbox.entry(reader, scopes, dialog)
        if entry is None:
            raise DialogNotFound
        if entry.standing is None and not entry.admitted:
            raise ScopeMismatch
        return entry

    async def archive(self, dialog: DialogId, user: UserId) -> None:
        """Put the dialog into the person's archive; again changes nothing.

        Raises:
            NotParticipant: the person is not in.
        """
        await self._change(dialog, user, lambda me: me.archived(), events.DialogArchived)

    async def unarchive(self, dialog: DialogId, user: UserId) -> None:
        """Take the dialog out of the person's archive; again changes nothing.

        Raises:
            NotParticipant: the person is not in.
        """
        now = self.clock.now()

        def change(me: Participant) -> Participant:
            return me.unarchived(at=now) if me.is_archived else me

        await self._change(dialog, user, change, events.DialogUnarchived)

    async def pin(self, dialog: DialogId, user: UserId, *, on: bool) -> None:
        """Keep the dialog on top of the person's list, or no longer; again changes nothing.

        Raises:
            NotParticipant: the person is not in.
        """
        happened = events.DialogPinned if on else events.DialogUnpinned
        await self._change(dialog, user, lambda me: me.pinned(on=on), happened)

    async def notify(self, dialog: DialogId, user: UserId, *, on: bool) -> None:
        """Remind the person of unread messages, or no longer; again changes nothing.

        Raises:
            NotParticipant: the person is not in.
        """
        happened = events.DialogUnmuted if on else events.DialogMuted
        await self._change(dialog, user, lambda me: me.notified(on=on), happened)

    async def _change(
        self,
        dialog: DialogId,
        user: UserId,
        change: Callable[[Participant], Participant],
        happened: type[events.Personal],
    ) -> None:
        async with self.transaction() as tx:
            known = await tx.dialogs.lock(dialog)
            me = await tx.participants.get(dialog, user) if known else None
            if me is None:
                raise NotParticipant
            changed = change(me)
            if changed != me:
                await tx.participants.save(changed)
                tx.record(happened(dialog_id=dialog, people=[user]))
