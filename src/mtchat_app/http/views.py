"""What dialogs, people and messages look like on the wire, wherever they appear."""

from datetime import datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from mtchat_core.domain.attachments import Attachment, FileState
from mtchat_core.domain.dialogs import Dialog
from mtchat_core.domain.inbox import Entry, Preview, Seen, Summary
from mtchat_core.domain.messages import Message
from mtchat_core.domain.participants import Participant
from mtchat_core.ports.dialogs import KeptScope
from mtchat_core.use_cases.files import Links

Instant = Annotated[datetime, Meta(description="RFC 3339, UTC, up to microseconds.")]


T = TypeVar("T")


def given(value: T | None) -> T | UnsetType:
    """Return *value*, or leave its key out when there is none."""
    return UNSET if value is None else value


class DialogView(Struct, kw_only=True, frozen=True):
    """A conversation about one business object."""

    id: Annotated[UUID, Meta(description="UUIDv7.")]
    object_id: Annotated[str, Meta(description="The business object, as the host names it.")]
    object_type: Annotated[str, Meta(description="The kind of business object, as the host names it.")]
    title: Annotated[str | None, Meta(description="Shown above the dialog.")]
    object_url: Annotated[str | None, Meta(description="An http(s) link to the business object.")]
    created_by: Annotated[str | None, Meta(description="The first participant at creation.")]
    created_at: Instant
    meta: Annotated[Any, Meta(description="The host's own data; absent when there is none.")] = UNSET

    @classmethod
    def of(cls, dialog: Dialog) -> "DialogView":
        """Show *dialog*."""
        return cls(**dialog_fields(dialog))


def dialog_fields(dialog: Dialog) -> dict[str, Any]:
    """Return what every view of a dialog shows."""
    about = dialog.about
    return {
        "id": dialog.id,
        "object_id": dialog.object.id,
        "object_type": dialog.object.type,
        "title": about.title,
        "object_url": about.object_url,
        "created_by": dialog.created_by,
        "created_at": dialog.created_at,
        "meta": given(about.meta),
    }


class ScopeView(Struct, kw_only=True, frozen=True):
    """Who may discover and join: three levels, an empty level welcomes anyone."""

    id: Annotated[UUID, Meta(description="UUIDv7.")]
    dialog_id: Annotated[UUID, Meta(description="The dialog it belongs to.")]
    scope_level0: Annotated[list[str], Meta(description="Labels, sorted.")]
    scope_level1: Annotated[list[str], Meta(description="Labels, sorted.")]
    scope_level2: Annotated[list[str], Meta(description="Labels, sorted.")]
    created_at: Instant
    tenant_uid: Annotated[str | UnsetType, Meta(description="Repeated when the scope was set by tenant_uid.")] = (
        UNSET
    )

    @classmethod
    def of(cls, dialog: UUID, kept: KeptScope) -> "ScopeView":
        """Show *kept*."""
        level0, level1, level2 = (sorted(level) for level in kept.scope.levels)
        return cls(
            id=kept.id,
            dialog_id=dialog,
            scope_level0=level0,
            scope_level1=level1,
            scope_level2=level2,
            created_at=kept.created_at,
            tenant_uid=given(kept.scope.tenant_uid),
        )


class ParticipantView(Struct, kw_only=True, frozen=True):
    """Somebody in a dialog. Other people's own settings read as untouched."""

    dialog_id: Annotated[UUID, Meta(description="The dialog it belongs to.")]
    user_id: Annotated[str, Meta(description="The person, as the host names them.")]
    joined_at: Instant
    joined_as: Annotated[str, Meta(description="`participant` (added by the host) or `joined`.")]
    notifications_enabled: Annotated[bool, Meta(description="Whether to be reminded of unread messages.")]
    last_read_message_id: Annotated[UUID | None, Meta(description="How far they have read; null: nowhere yet.")]
    unread_count: Annotated[int, Meta(description="Messages.", ge=0)]
    display_name: Annotated[str, Meta(description="How they show; escape it.")]
    company: Annotated[str | None, Meta(description="Their company; escape it.")]
    email: Annotated[str | None, Meta(description="For participants and the host alone.")]
    phone: Annotated[str | None, Meta(description="For participants and the host alone.")]
    is_archived: Annotated[bool, Meta(description="In one's own archive.")]
    is_pinned: Annotated[bool, Meta(description="On top of one's own list.")]
    is_online: Annotated[
        bool | UnsetType, Meta(description="Whether a client of theirs was heard of in the last 60 s.")
    ] = UNSET

    @classmethod
    def of(cls, person: Participant, unread: int) -> "ParticipantView":
        """Show *person* to the host."""
        return cls(
            dialog_id=person.dialog_id,
            user_id=person.user_id,
            joined_at=person.joined_at,
            joined_as=person.joined_as.value,
            notifications_enabled=person.notifications_enabled,
            last_read_message_id=person.mark.message_id,
            unread_count=unread,
            display_name=person.profile.display_name,
            company=person.profile.company,
            email=person.profile.email,
            phone=person.profile.phone,
            is_archived=person.is_archived,
            is_pinned=person.is_pinned,
        )

    @classmethod
    def seen(cls, person: Seen) -> "ParticipantView":
        """Show *person* to a reader of the dialog."""
        return cls(
            dialog_id=person.dialog_id,
            user_id=person.user_id,
            joined_at=person.joined_at,
            joined_as=person.joined_as.value,
            notifications_enabled=person.standing.notifications_enabled,
            last_read_message_id=person.last_read_message_id,
            unread_count=person.standing.unread_count,
            display_name=person.profile.display_name,
            company=person.profile.company,
            email=person.profile.email,
            phone=person.profile.phone,
            is_archived=person.standing.is_archived,
            is_pinned=person.standing.is_pinned,
            is_online=person.is_online,
        )


class AttachmentView(Struct, kw_only=True, frozen=True):
    """A file of a message."""

    id: Annotated[UUID, Meta(description="UUIDv7.")]
    filename: Annotated[str, Meta(description="Its name; escape it.")]
    content_type: Annotated[str, Meta(description="As its sender announced it; empty when they did not know.")]
    size: Annotated[int, Meta(description="Bytes.", ge=1)]
    kind: Annotated[str, Meta(description="`image`, `video`, `audio`, `document` or `archive`.")]
    width: Annotated[int | UnsetType, Meta(description="Pixels of the upright picture, once looked at.")] = UNSET
    height: Annotated[int | UnsetType, Meta(description="Pixels of the upright picture, once looked at.")] = UNSET
    url: Annotated[
        str, Meta(description="Where to fetch it, for a while: it is signed. Empty while nobody may fetch it.")
    ]
    thumbnail_url: Annotated[
        str | UnsetType, Meta(description="Where to fetch a small picture of it, once there is one.")
    ] = UNSET
    status: Annotated[
        str | UnsetType, Meta(description="`scanning`, `flagged` or `blocked`; absent when all is well.")
    ] = UNSET

    @classmethod
    def of(cls, file: Attachment, links: Links) -> "AttachmentView":
        """Show *file*."""
        return cls(**attachment_fields(file, links))


def attachment_fields(file: Attachment, links: Links) -> dict[str, Any]:
    """Return what every view of a file shows."""
    link = links.of(file)
    return {
        "id": file.id,
        "filename": file.filename,
        "content_type": file.content_type,
        "size": file.size_bytes,
        "kind": file.kind.value,
        "width": given(file.width),
        "height": given(file.height),
        "url": link.url,
        "thumbnail_url": given(link.thumbnail_url),
        "status": UNSET if file.state is FileState.AVAILABLE else file.state.value,
    }


class MessageView(Struct, kw_only=True, frozen=True):
    """A message. Within a dialog `seq` counts 1, 2, 3 and ids rise with it."""

    id: Annotated[UUID, Meta(description="UUIDv7.")]
    dialog_id: Annotated[UUID, Meta(description="The dialog it belongs to.")]
    seq: Annotated[int, Meta(description="Number within the dialog, without gaps when given out.", ge=1)]
    sender_id: Annotated[str | None, Meta(description="Null for system messages.")]
    sender_name: Annotated[
        str | UnsetType, Meta(description="The sender's name when sending; absent for system messages.")
    ] = UNSET
    content: Annotated[str, Meta(description="Sanitised HTML; compact JSON for system messages.")]
    sent_at: Instant
    last_edited_at: Annotated[datetime | None, Meta(description="RFC 3339, UTC; null when never edited.")]
    reply_to_id: Annotated[UUID | None, Meta(description="The message it answers; null when that was deleted.")]
    message_type: Annotated[str, Meta(description="`user` or `system`.")]
    client_message_id: Annotated[
        str | UnsetType, Meta(description="The sender's own id or Idempotency-Key, if there was one.")
    ] = UNSET
    attachments: Annotated[
        list[AttachmentView] | UnsetType, Meta(description="Its files, in order; absent when there are none.")
    ] = UNSET

    @classmethod
    def of(cls, message: Message, links: Links) -> "MessageView":
        """Show *message*, its files with *links* to fetch them."""
        return cls(
            id=message.id,
            dialog_id=message.dialog_id,
            seq=message.seq,
            sender_id=message.sender_id,
            sender_name=given(message.sender_name),
            content=message.content,
            sent_at=message.sent_at,
            last_edited_at=message.last_edited_at,
            reply_to_id=message.reply_to_id,
            message_type=message.type.value,
            client_message_id=given(message.client_message_id),
            attachments=[AttachmentView.of(file, links) for file in message.attachments] or UNSET,
        )


class SummaryView(Struct, kw_only=True, frozen=True):
    """Somebody in a dialog, as lists show them."""

    user_id: Annotated[str, Meta(description="The person, as the host names them.")]
    display_name: Annotated[str, Meta(description="How they show; escape it.")]
    company: Annotated[str | UnsetType, Meta(description="Their company; escape it.")] = UNSET

    @classmethod
    def of(cls, person: Summary) -> "SummaryView":
        """Show *person*."""
        company = given(person.company)
        return cls(user_id=person.user_id, display_name=person.display_name, company=company)


class PreviewView(Struct, kw_only=True, frozen=True):
    """A dialog's newest message, as lists show it."""

    id: Annotated[UUID, Meta(description="UUIDv7.")]
    content: Annotated[str, Meta(description="Sanitised HTML; compact JSON for system messages.")]
    sender_id: Annotated[str | UnsetType, Meta(description="Who wrote it; absent for system messages.")] = UNSET
    sender_name: Annotated[str | UnsetType, Meta(description="Absent once the sender has left.")] = UNSET
    sent_at: Instant
    message_type: Annotated[str, Meta(description="`user` or `system`.")]
    attachment_count: Annotated[int | UnsetType, Meta(description="Files; absent when there are none.")] = UNSET

    @classmethod
    def of(cls, preview: Preview) -> "PreviewView":
        """Show *preview*."""
        return cls(
            id=preview.id,
            content=preview.content,
            sender_id=given(preview.sender_id),
            sender_name=given(preview.sender_name),
            sent_at=preview.sent_at,
            message_type=preview.type.value,
            attachment_count=preview.file_count or UNSET,
        )


class EntryView(DialogView, kw_only=True, frozen=True):
    """A dialog as one person sees it. Keys that do not apply are absent."""

    i_am_participant: Annotated[bool, Meta(description="Whether the reader takes part.")]
    can_join: Annotated[bool, Meta(description="Whether the reader could join: not in, and admitted by scope.")]
    participants_count: Annotated[int | UnsetType, Meta(description="People.")] = UNSET
    participants: Annotated[list[SummaryView] | UnsetType, Meta(description="By the time they came.")] = UNSET
    unread_count: Annotated[int | UnsetType, Meta(description="Messages; participants only.")] = UNSET
    is_archived: Annotated[bool | UnsetType, Meta(description="In one's own archive.")] = UNSET
    is_pinned: Annotated[bool | UnsetType, Meta(description="On top of one's own list.")] = UNSET
    notifications_enabled: Annotated[
        bool | UnsetType, Meta(description="Whether to be reminded of unread messages.")
    ] = UNSET
    last_message_at: Annotated[datetime | UnsetType, Meta(description="When the newest message was sent.")] = UNSET
    last_message: Annotated[PreviewView | UnsetType, Meta(description="Participants only.")] = UNSET

    @classmethod
    def listed(cls, entry: Entry) -> "EntryView":
        """Show *entry* in a list."""
        return cls(
            **_entry_fields(entry),
            last_message_at=given(entry.dialog.tally.last_message_at),
            last_message=PreviewView.of(entry.last_message) if entry.last_message else UNSET,
        )

    @classmethod
    def opened(cls, entry: Entry) -> "EntryView":
        """Show *entry* by itself; somebody who has not joined does not see who is in."""
        fields = _entry_fields(entry)
        if entry.standing is None:
            fields |= {"participants": UNSET, "participants_count": UNSET}
        return cls(**fields)


def _entry_fields(entry: Entry) -> dict[str, Any]:
    people = [SummaryView.of(person) for person in entry.participants]
    fields: dict[str, Any] = {
        **dialog_fields(entry.dialog),
        "i_am_participant": entry.standing is not None,
        "can_join": entry.can_join,
        "participants_count": len(people),
        "participants": people or UNSET,
    }
    if me := entry.standing:
        fields |= {
            "unread_count": me.unread_count,
            "is_archived": me.is_archived,
            "is_pinned": me.is_pinned,
            "notifications_enabled": me.notifications_enabled,
        }
    return fields
