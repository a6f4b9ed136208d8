"""What happened, in the past tense, and who may know of it.

Every change of a dialog is one event, numbered without gaps by `seq` within the dialog. The
log keeps ids and small facts; texts are joined when it is read, so that an edit or a deletion
is not betrayed by an old row.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar

from attrs import field, frozen

from mtchat_core.domain.dialogs import Dialog
from mtchat_core.domain.ids import AttachmentId, DialogId, EventId, MessageId, UserId
from mtchat_core.domain.messages import Message, Origin
from mtchat_core.domain.participants import JoinedAs


def _as_set(people: Iterable[UserId]) -> frozenset[UserId]:
    return frozenset(people)


def _as_tuple(people: Iterable[UserId]) -> tuple[UserId, ...]:
    return tuple(people)


@frozen
class Audience:
    """Who may know: the dialog's participants at that moment, certain people, or both."""

    members: bool = False
    people: frozenset[UserId] = field(default=frozenset[UserId](), converter=_as_set)


MEMBERS = Audience(members=True)


@frozen(kw_only=True)
class Event:
    """Something that happened to one dialog."""

    type: ClassVar[str]
    dialog_id: DialogId

    @property
    def audience(self) -> Audience:
        """Who may know of it."""
        return MEMBERS


@frozen(kw_only=True)
class MessageSent(Event):
    """Somebody said something, or the dialog itself did."""

    type: ClassVar[str] = "message.new"
    message: Message
    origin: Origin = Origin.CHAT


@frozen(kw_only=True)
class MessageEdited(Event):
    """The author changed a message."""

    type: ClassVar[str] = "message.edited"
    message: Message


@frozen(kw_only=True)
class AttachmentUpdated(Event):
    """Something was found out about a file of a message: its measures, a small picture, that it is harmful."""

    type: ClassVar[str] = "attachment.updated"
    message: Message
    attachment_id: AttachmentId


@frozen(kw_only=True)
class MessageDeleted(Event):
    """The author deleted a message."""

    type: ClassVar[str] = "message.deleted"
    message_id: MessageId


@frozen(kw_only=True)
class MessageRead(Event):
    """A participant has read up to a message."""

    type: ClassVar[str] = "message.read"
    user_id: UserId
    message_id: MessageId


@frozen(kw_only=True)
class ParticipantJoined(Event):
    """Somebody was added or joined; they hear of it themselves."""

    type: ClassVar[str] = "participant.joined"
    user_id: UserId
    joined_as: JoinedAs
    joined_at: datetime
    origin: Origin

    @property
    def audience(self) -> Audience:
        return Audience(members=True, people=[self.user_id])


@frozen(kw_only=True)
class ParticipantLeft(Event):
    """Somebody left or was removed; they hear of it themselves."""

    type: ClassVar[str] = "participant.left"
    user_id: UserId
    left_at: datetime
    origin: Origin

    @property
    def audience(self) -> Audience:
        return Audience(members=True, people=[self.user_id])


@frozen(kw_only=True)
class Personal(Event):
    """Something that concerns only some people's own view of the dialog."""

    people: tuple[UserId, ...] = field(converter=_as_tuple)

    @property
    def audience(self) -> Audience:
        return Audience(people=self.people)


@frozen(kw_only=True)
class DialogArchived(Personal):
    """The dialog went into these people's archives."""

    type: ClassVar[str] = "dialog.archived"


@frozen(kw_only=True)
class DialogUnarchived(Personal):
    """The dialog came out of these people's archives."""

    type: ClassVar[str] = "dialog.unarchived"


@frozen(kw_only=True)
class DialogPinned(Personal):
    """These people pinned the dialog."""

    type: ClassVar[str] = "dialog.pinned"


@frozen(kw_only=True)
class DialogUnpinned(Personal):
    """These people unpinned the dialog."""

    type: ClassVar[str] = "dialog.unpinned"


@frozen(kw_only=True)
class DialogMuted(Personal):
    """These people want no reminders from the dialog."""

    type: ClassVar[str] = "dialog.muted"


@frozen(kw_only=True)
class DialogUnmuted(Personal):
    """These people want reminders from the dialog again."""

    type: ClassVar[str] = "dialog.unmuted"


@frozen(kw_only=True)
class DialogUpdated(Event):
    """The host changed title, link or meta."""

    type: ClassVar[str] = "dialog.updated"
    dialog: Dialog


@frozen(kw_only=True)
class DialogDeleted(Personal):
    """The host deleted the dialog under these people."""

    type: ClassVar[str] = "dialog.deleted"


@frozen
class Reminded:
    """Somebody who is reminded of a message, and how much they have unread."""

    user_id: UserId
    unread_count: int


def _as_reminded(people: Iterable[Reminded]) -> tuple[Reminded, ...]:
    return tuple(people)


@frozen(kw_only=True)
class _ToTheHost(Event):
    """Something only the host is told: it takes its number in the log, and no socket hears of it."""

    @property
    def audience(self) -> Audience:
        return Audience()


@frozen(kw_only=True)
class NotificationPending(_ToTheHost):
    """These people have not read the message in time: the host may nudge them."""

    type: ClassVar[str] = "notification.pending"
    message: Message
    recipients: tuple[Reminded, ...] = field(converter=_as_reminded)


@frozen(kw_only=True)
class NotificationCancelled(_ToTheHost):
    """These people have read what they were reminded of: the host may take its nudge back."""

    type: ClassVar[str] = "notification.cancelled"
    people: tuple[UserId, ...] = field(converter=_as_tuple)


@frozen(kw_only=True)
class Withdrawn(Event):
    """Something was said here and is gone: it keeps its number in the log and nothing else."""

    type: ClassVar[str] = "withdrawn"

    @property
    def audience(self) -> Audience:
        return Audience()


@frozen
class Recorded:
    """An event as the log keeps it: its id, its number within the dialog, its instant."""

    id: EventId
    seq: int
    at: datetime
    event: Event


@frozen
class PresenceChanged:
    """Somebody came online or went offline. Never logged: it is true only now."""

    type: ClassVar[str] = "presence.update"
    user_id: UserId
    is_online: bool
    dialogs: frozenset[DialogId] = field(default=frozenset[DialogId](), eq=False, repr=False)
    """Where they take part: whoever else does may know."""


@frozen
class Typing:
    """Somebody is writing something, or stopped. Never logged: it is true only for some seconds."""

    type: ClassVar[str] = "typing"
    dialog_id: DialogId
    user_id: UserId
    is_typing: bool
