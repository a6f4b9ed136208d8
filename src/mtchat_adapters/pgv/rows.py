"""Rows as domain values: rows stop here."""

from collections.abc import Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from mtchat_core.domain.dialogs import About, Dialog, ObjectRef, Tally
from mtchat_core.domain.messages import Message, MessageType
from mtchat_core.domain.participants import JoinedAs, Participant, Profile
from mtchat_core.domain.receipts import ReadMark
from mtchat_core.domain.scopes import AccessScope

Row = Any
"""A row of a result, by attribute."""


_INSTANTS = frozenset({"created_at", "joined_at", "unarchived_at", "sent_at", "last_edited_at", "edited_at"})
_IDS = frozenset({"id", "dialog_id", "message_id", "last_read_message_id", "reply_to_id"})


def from_json(values: Mapping[str, Any]) -> Row:
    """Return a row that PostgreSQL aggregated into JSON, ids and instants as such."""
    return SimpleNamespace(**{name: _value(name, value) for name, value in values.items()})


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _INSTANTS:
        return datetime.fromisoformat(value)
    return UUID(value) if name in _IDS else value


def dialog(row: Row) -> Dialog:
    """Read a row of `dialogs`."""
    return Dialog(
        id=row.id,
        object=ObjectRef(type=row.object_type, id=row.object_id),
        about=About(row.title, row.object_url, row.meta),
        created_by=row.created_by,
        created_at=row.created_at,
        tally=Tally(
            last_seq=row.last_seq,
            event_seq=row.event_seq,
            user_messages=row.user_messages,
            system_messages=row.system_messages,
            last_message_id=row.last_message_id,
            last_message_at=row.last_message_at,
        ),
    )


def participant(row: Row) -> Participant:
    """Read a row of `participants`."""
    return Participant(
        dialog_id=row.dialog_id,
        user_id=row.user_id,
        profile=Profile(row.display_name, row.company, row.email, row.phone),
        joined_as=JoinedAs(row.joined_as),
        joined_at=row.joined_at,
        mark=ReadMark(seq=row.read_seq, message_id=row.last_read_message_id, counted=row.read_counted),
        notifications_enabled=row.notifications_enabled,
        is_archived=row.is_archived,
        is_pinned=row.is_pinned,
        unarchived_at=row.unarchived_at,
    )


def participant_values(person: Participant) -> dict[str, Any]:
    """Return a participant as columns."""
    return {
        "dialog_id": person.dialog_id,
        "user_id": person.user_id,
        "display_name": person.profile.display_name,
        "company": person.profile.company,
        "email": person.profile.email,
        "phone": person.profile.phone,
        "joined_as": person.joined_as.value,
        "joined_at": person.joined_at,
        "read_seq": person.mark.seq,
        "read_counted": person.mark.counted,
        "last_read_message_id": person.mark.message_id,
        "notifications_enabled": person.notifications_enabled,
        "is_archived": person.is_archived,
        "is_pinned": person.is_pinned,
        "unarchived_at": person.unarchived_at,
    }


def message(row: Row) -> Message:
    """Read a row of `messages`."""
    return Message(
        id=row.id,
        dialog_id=row.dialog_id,
        seq=row.seq,
        sender_id=row.sender_id,
        sender_name=row.sender_name,
        content=row.content,
        sent_at=row.sent_at,
        type=MessageType(row.type),
        last_edited_at=row.last_edited_at,
        reply_to_id=row.reply_to_id,
        client_message_id=row.client_message_id,
    )


def access_scope(row: Row) -> AccessScope:
    """Read a row of `access_scopes`."""
    return AccessScope([row.scope_level0, row.scope_level1, row.scope_level2], row.tenant_uid)
