"""What this process remembers: every dialog with all below it, and the log."""

import asyncio
import secrets
from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from attrs import Factory, define, evolve, frozen

from mtchat_core.domain.attachments import Upload
from mtchat_core.domain.dialogs import Dialog
from mtchat_core.domain.events import (
    AttachmentUpdated,
    DialogUpdated,
    Event,
    MessageEdited,
    MessageSent,
    NotificationPending,
    Recorded,
    Withdrawn,
)
from mtchat_core.domain.ids import AttachmentId, DialogId, EventId, MessageId, UserId, following
from mtchat_core.domain.inbox import Entry, Preview, Standing, Summary
from mtchat_core.domain.messages import Edit, Message, MessageType
from mtchat_core.domain.participants import Participant
from mtchat_core.domain.scopes import AccessScope, UserScope, any_admits
from mtchat_core.ports.attachments import Leftover
from mtchat_core.ports.clock import Clock
from mtchat_core.ports.dialogs import KeptScope
from mtchat_core.ports.ids import IdSource


@define
class Key:
    """What a sender's key made."""

    message: MessageId
    fingerprint: bytes


@frozen
class Failure:
    """How often a dialog's reminder has failed, when to try again, and what went wrong."""

    tries: int
    due_at: datetime
    reason: str


@frozen
class Look:
    """When a file is to be looked at, and how often that came to nothing."""

    due_at: datetime
    tries: int = 0


@define
class Room:
    """One dialog and everything below it; messages by id, oldest first."""

    dialog: Dialog
    scopes: tuple[KeptScope, ...] = ()
    people: dict[UserId, Participant] = Factory(dict[UserId, Participant])
    messages: dict[MessageId, Message] = Factory(dict[MessageId, Message])
    edits: dict[MessageId, tuple[Edit, ...]] = Factory(dict[MessageId, tuple[Edit, ...]])
    keys: dict[tuple[UserId, str], Key] = Factory(dict[tuple[UserId, str], Key])
    looks: dict[AttachmentId, Look] = Factory(dict[AttachmentId, Look])
    last_issued: UUID | None = None
    reminder_since: datetime | None = None
    reminder_due: datetime | None = None
    reminder_failure: Failure | None = None

    def copy(self) -> "Room":
        """Return a room that can change without this one noticing."""
        return evolve(
            self,
            people=dict(self.people),
            messages=dict(self.messages),
            edits=dict(self.edits),
            keys=dict(self.keys),
            looks=dict(self.looks),
        )

    @property
    def access(self) -> tuple[AccessScope, ...]:
        """The access scopes alone."""
        return tuple(kept.scope for kept in self.scopes)

    def number(self, candidate: MessageId, at: datetime) -> tuple[MessageId, int, datetime]:
        """Take the next id, seq and instant: none of them ever falls behind the last."""
        tally = self.dialog.tally
        issued = MessageId(following(candidate, self.last_issued))
        sent_at = max(at, tally.last_message_at or at)
        self.last_issued = issued
        return issued, tally.last_seq + 1, sent_at

    def append(self, message: Message) -> None:
        """Keep a numbered message as the newest."""
        self.messages[message.id] = message
        tally = self.dialog.tally
        is_user = message.type is MessageType.USER
        self.dialog = evolve(
            self.dialog,
            tally=evolve(
                tally,
                last_seq=message.seq,
                user_messages=tally.user_messages + is_user,
                system_messages=tally.system_messages + (not is_user),
                last_message_id=message.id,
                last_message_at=message.sent_at,
            ),
        )

    def seen_by(self, reader: UserId, scopes: UserScope | None) -> Entry:
        """Return the dialog as *reader* sees it in a list."""
        me = self.people.get(reader)
        return Entry(
            dialog=self.dialog,
            standing=self.standing(me) if me else None,
            admitted=any_admits(self.access, scopes),
            participants=tuple(
                Summary(person.user_id, person.profile.display_name, person.profile.company)
                for person in self.in_order()
            ),
            last_message=self._preview() if me else None,
        )

    def standing(self, person: Participant) -> Standing:
        """Return *person*'s own view of the dialog."""
        return Standing(
            unread_count=person.mark.unread(self.dialog.tally),
            is_archived=person.is_archived,
            is_pinned=person.is_pinned,
            notifications_enabled=person.notifications_enabled,
            last_read_message_id=person.mark.message_id,
        )

    def in_order(self) -> list[Participant]:
        """Return the people by the time they came, then by id."""
        return sorted(self.people.values(), key=lambda person: (person.joined_at, person.user_id))

    def _preview(self) -> Preview | None:
        newest = self.dialog.tally.last_message_id
        if newest is None:
            return None
        message = self.messages[newest]
        sender = self.people.get(message.sender_id) if message.sender_id is not None else None
        return Preview(
            id=message.id,
            content=message.content,
            sender_id=message.sender_id,
            sender_name=sender.profile.display_name if sender else None,
            sent_at=message.sent_at,
            type=message.type,
            file_count=len(message.attachments),
        )


@define
class Claim:
    """What a host's key made, and when."""

    made: UUID
    fingerprint: bytes
    at: datetime


Place = tuple[int, DialogId, int]
"""Where something stands in the log: transaction, dialog, number."""
_NO_DIALOG = DialogId(UUID(int=0))
Leftovers = dict[str, tuple[datetime, Leftover]]
"""What nobody needs any more, by key, and from when on it may be deleted."""
_LINKS_LIVE = timedelta(hours=1)
"""The longest that a link lives through which a file could be put back."""


@define
class Logged:
    """A line of the log: which transaction wrote what."""

    xid: int
    recorded: Recorded

    @property
    def dialog_id(self) -> DialogId:
        """Where it happened."""
        return self.recorded.event.dialog_id

    @property
    def place(self) -> Place:
        """Where it stands in the log."""
        return self.xid, self.dialog_id, self.recorded.seq


class Store:
    """Rooms, events and claims of one process. One writer at a time; readers see committed rooms."""

    def __init__(self, clock: Clock, ids: IdSource) -> None:
        self.clock = clock
        self.ids = ids
        self.lock = asyncio.Lock()
        self.rooms: dict[DialogId, Room] = {}
        self.claims: dict[str, Claim] = {}
        self.uploads: dict[str, Upload] = {}
        self.leftovers: Leftovers = {}
        self.history = f"memory-{secrets.token_hex(8)}"
        self.log: list[Logged] = []
        self.event_seqs: dict[DialogId, int] = {}
        self.next_xid = 1
        self.pruned = 0

    def write_log(self, events: Iterable[Event]) -> tuple[Recorded, ...]:
        """Number *events* within their dialogs and keep them."""
        recorded: list[Recorded] = []
        for event in events:
            seq = self.event_seqs.get(event.dialog_id, 0) + 1
            self.event_seqs[event.dialog_id] = seq
            entry = Recorded(EventId(self.ids.new()), seq, self.clock.now(), event)
            self.log.append(Logged(self.next_xid, entry))
            recorded.append(entry)
            if room := self.rooms.get(event.dialog_id):
                room.dialog = evolve(room.dialog, tally=evolve(room.dialog.tally, event_seq=seq))
        self.next_xid += bool(recorded)
        return tuple(recorded)

    def uploads_of(self, user: UserId, dialog: DialogId, keys: Iterable[str]) -> tuple[Upload, ...]:
        """Return those of *keys* that were given out to *user* for a dialog and wait to be sent."""
        found = (self.uploads[key] for key in keys if key in self.uploads)
        return tuple(upload for upload in found if (upload.user_id, upload.dialog_id) == (user, dialog))

    @property
    def end(self) -> Place:
        """The place behind everything logged so far."""
        return self.next_xid, _NO_DIALOG, 0

    def after(self, place: Place) -> list[Logged]:
        """Return what stands behind *place* in the log."""
        return self.log[bisect_right(self.log, place, key=lambda line: line.place) :]

    def read_log(self, entry: Recorded) -> Recorded:
        """Return a logged event with the message or dialog as it is now, or withdrawn."""
        event = entry.event
        room = self.rooms.get(event.dialog_id)
        if isinstance(event, DialogUpdated):
            kept = evolve(event, dialog=room.dialog) if room else Withdrawn(dialog_id=event.dialog_id)
            return evolve(entry, event=kept)
        if not isinstance(event, MessageSent | MessageEdited | AttachmentUpdated | NotificationPending):
            return entry
        message = room.messages.get(event.message.id) if room else None
        if message is None:
            return evolve(entry, event=Withdrawn(dialog_id=event.dialog_id))
        return evolve(entry, event=evolve(event, message=message))


class Changes:
    """What a transaction has changed so far; None stands for a deleted room."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.rooms: dict[DialogId, Room | None] = {}
        self.claims: dict[str, Claim] = {}
        self.leftovers: Leftovers = {}

    def room(self, dialog: DialogId) -> Room:
        """Return a room this transaction has locked."""
        room = self.rooms.get(dialog)
        if room is None:
            raise LookupError("the dialog is not locked by this transaction")
        return room

    def leave(self, messages: Iterable[Message]) -> None:
        """Leave the files of deleted *messages* to be deleted from the storage."""
        now = self.store.clock.now()
        for message in messages:
            for file in message.attachments:
                keys = [key for key in (file.key, file.thumbnail_key) if key is not None]
                due_at = max(now, message.sent_at + _LINKS_LIVE)
                self.leftovers.update({key: (due_at, Leftover(key)) for key in keys})

    def lock(self, dialog: DialogId) -> Room | None:
        """Lock a room, if there is one."""
        if dialog not in self.rooms and dialog in self.store.rooms:
            self.rooms[dialog] = self.store.rooms[dialog].copy()
        return self.rooms.get(dialog)
