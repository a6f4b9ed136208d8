"""The host adds and removes people; people join, leave, and see who is there."""

from collections.abc import Sequence
from datetime import datetime

from attrs import evolve, frozen

from mtchat_core.domain import scopes as scoping
from mtchat_core.domain import system_messages
from mtchat_core.domain.dialogs import DialogNotFound, NotFound
from mtchat_core.domain.errors import Forbidden
from mtchat_core.domain.events import MessageSent, ParticipantJoined, ParticipantLeft
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.domain.inbox import ScopesRequired, Seen, Standing
from mtchat_core.domain.messages import Origin
from mtchat_core.domain.participants import (
    AlreadyParticipant,
    Invitation,
    JoinedAs,
    NotParticipant,
    Participant,
    Profile,
    invitations,
)
from mtchat_core.domain.receipts import ReadMark
from mtchat_core.domain.scopes import UserScope
from mtchat_core.ports.clock import Clock
from mtchat_core.ports.inbox import Inbox
from mtchat_core.ports.presence import PresenceTracker
from mtchat_core.use_cases.transaction import Transaction

_NOT_ADMITTED = "Forbidden: none of your scopes lets you join this dialog."
_NOBODYS_BUSINESS = Standing(
    unread_count=0, is_archived=False, is_pinned=False, notifications_enabled=True, last_read_message_id=None
)


@frozen
class Participants:
    """Who is in a dialog."""

    transaction: Transaction
    inbox: Inbox
    presence: PresenceTracker
    clock: Clock

    async def add(self, dialog: DialogId, people: Sequence[Invitation]) -> tuple[UserId, ...]:
        """Add people for the host, with nothing unread; return those who were not in yet.

        Raises:
            NotFound: there is no such dialog.
            InvalidInput: more than 1000 people.
        """
        wanted = invitations(tuple(people))
        now = self.clock.now()
        async with self.transaction() as tx:
            kept = await tx.dialogs.lock(dialog)
            if kept is None:
                raise NotFound
            mark = ReadMark.caught_up(kept.tally)
            new = await tx.participants.add([added(dialog, person, at=now, mark=mark) for person in wanted])
            tx.record(*(joined(dialog, person.user_id, at=now) for person in new))
        return tuple(person.user_id for person in new)

    async def remove(self, dialog: DialogId, user: UserId) -> None:
        """Remove a person for the host; somebody who is not there changes nothing."""
        async with self.transaction() as tx:
            if await tx.dialogs.lock(dialog) is None or await tx.participants.remove(dialog, user) is None:
                return
            tx.record(
                ParticipantLeft(dialog_id=dialog, user_id=user, left_at=self.clock.now(), origin=Origin.MANAGEMENT)
            )

    async def join(self, dialog: DialogId, user: UserId, scopes: UserScope | None, profile: Profile) -> None:
        """Join a dialog whose scopes admit the person; the history so far is unread.

        Raises:
            ScopesRequired: no scopes were presented.
            DialogNotFound: there is no such dialog.
            AlreadyParticipant: the person is in.
            Forbidden: no scope admits the person.
        """
        if scopes is None:
            raise ScopesRequired
        now = self.clock.now()
        async with self.transaction() as tx:
            kept = await tx.dialogs.lock(dialog)
            if kept is None:
                raise DialogNotFound
            if await tx.participants.get(dialog, user) is not None:
                raise AlreadyParticipant
            if not scoping.any_admits(await tx.dialogs.scopes(dialog), scopes):
                raise Forbidden(_NOT_ADMITTED)
            newcomer = Participant(
                dialog_id=dialog,
                user_id=user,
                profile=profile,
                joined_as=JoinedAs.JOINED,
                joined_at=now,
                mark=ReadMark.newcomer(kept.tally),
            )
            await tx.participants.add([newcomer])
            message = await tx.messages.say(dialog, system_messages.participant_joined(profile))
            tx.record(
                MessageSent(dialog_id=dialog, message=message),
                ParticipantJoined(
                    dialog_id=dialog,
                    user_id=user,
                    joined_as=JoinedAs.JOINED,
                    joined_at=now,
                    origin=Origin.CHAT,
                ),
            )

    async def require_joinable(self, dialog: DialogId, user: UserId, scopes: UserScope | None) -> None:
        """Refuse as `join` would: who may not join learns nothing about their profile.

        Raises:
            ScopesRequired, DialogNotFound, AlreadyParticipant, Forbidden: see `join`.
        """
        if scopes is None:
            raise ScopesRequired
        entry = await self.inbox.entry(user, scopes, dialog)
        if entry is None:
            raise DialogNotFound
        if entry.standing is not None:
            raise AlreadyParticipant
        if not entry.admitted:
            raise Forbidden(_NOT_ADMITTED)

    async def leave(self, dialog: DialogId, user: UserId) -> None:
        """Leave a dialog, and say so in it. What the person wrote stays.

        Raises:
            DialogNotFound: there is no such dialog.
            NotParticipant: the person is not in.
        """
        async with self.transaction() as tx:
            if await tx.dialogs.lock(dialog) is None:
                raise DialogNotFound
            left = await tx.participants.remove(dialog, user)
            if left is None:
                raise NotParticipant
            message = await tx.messages.say(dialog, system_messages.participant_left(left.profile))
            tx.record(
                MessageSent(dialog_id=dialog, message=message),
                ParticipantLeft(dialog_id=dialog, user_id=user, left_at=self.clock.now(), origin=Origin.CHAT),
            )

    async def seen_by(self, reader: UserId, scopes: UserScope | None, dialog: DialogId) -> tuple[Seen, ...]:
        """Return everybody in the dialog, by `joined_at`; contacts for participants only.

        What others keep to themselves (unread, archive, pin, notifications) reads as untouched.
        Raises:
            Forbidden: the reader is not in and could not join, or there is no such dialog.
        """
        people = await self.inbox.people(reader, scopes, dialog)
        if people is None or not (people.is_participant or people.admitted):
            raise Forbidden
        online = await self.presence.online([person.user_id for person in people.seen])
        return tuple(
            evolve(
                person,
                profile=person.profile if people.is_participant else person.profile.without_contacts(),
                standing=person.standing if person.user_id == reader else _NOBODYS_BUSINESS,
                is_online=person.user_id in online,
            )
            for person in people.seen
        )


def added(dialog: DialogId, person: Invitation, *, at: datetime, mark: ReadMark) -> Participant:
    """Return *person* as the host adds them to *dialog*."""
    return Participant(
        dialog_id=dialog,
        user_id=person.user_id,
        profile=person.profile,
        joined_as=JoinedAs.PARTICIPANT,
        joined_at=at,
        mark=mark,
    )


def joined(dialog: DialogId, user: UserId, *, at: datetime) -> ParticipantJoined:
    """Return the event of the host adding *user* to *dialog*."""
    return ParticipantJoined(
        dialog_id=dialog,
        user_id=user,
        joined_as=JoinedAs.PARTICIPANT,
        joined_at=at,
        origin=Origin.MANAGEMENT,
    )
