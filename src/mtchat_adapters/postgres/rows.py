"""Rows as domain values: rows stop here.

A statement names the columns it wants through `DIALOG`, `PARTICIPANT`, `SCOPE`, `MESSAGE` and the like,
never by `*`: a column that a newer release adds must not change the answer under a prepared statement.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from mtchat_adapters.postgres.session import Row
from mtchat_core.domain.attachments import Attachment, FileState, Upload
from mtchat_core.domain.dialogs import About, Dialog, Json, ObjectRef, Tally
from mtchat_core.domain.ids import ScopeId
from mtchat_core.domain.messages import Message, MessageType
from mtchat_core.domain.participants import JoinedAs, Participant, Profile
from mtchat_core.domain.receipts import ReadMark
from mtchat_core.domain.scopes import AccessScope
from mtchat_core.ports.dialogs import KeptScope


def _columns(alias: str, names: str) -> str:
    return ", ".join(f"{alias}.{name}" for name in names.split())


DIALOG = _columns(
    "d",
    "id object_type object_id title object_url meta created_by created_at last_seq event_seq"
    " user_messages system_messages last_message_id last_message_at",
)
PARTICIPANT_NAMES = (
    "dialog_id user_id display_name company email phone joined_as joined_at read_seq read_counted"
    " last_read_message_id notifications_enabled is_archived is_pinned unarchived_at reminded_seq"
)
PARTICIPANT = _columns("p", PARTICIPANT_NAMES)
COMPANY = "coalesce(p.company_folded, lower(p.company)) as company"
"""The line to search of a participant's company; the previous release does not write it."""
SCOPE = _columns("s", "id scope_level0 scope_level1 scope_level2 tenant_uid created_at")
ATTACHMENT = _columns("a", "id key filename content_type size_bytes etag width height thumbnail_key state")
UPLOAD = _columns("u", "key id dialog_id user_id filename content_type size_bytes created_at link_until parts_id")
MESSAGE_ROW = _columns(
    "m",
    "id dialog_id seq sender_id sender_name content sent_at type last_edited_at reply_to_id client_message_id"
    " file_count",
)
"""A message without its files, for a part of a statement that selects `MESSAGE` of it in the end."""
MESSAGE = f"""
    {MESSAGE_ROW}, case when m.file_count > 0 then (
      select json_agg(a order by a.id) from (
        select {ATTACHMENT} from attachments a where a.dialog_id = m.dialog_id and a.message_id = m.id) a
    ) end as attachments
"""  # noqa: S608 - built from our own constants

END_OF_TIME, LAST_ID = datetime(9999, 12, 31, tzinfo=UTC), UUID(int=(1 << 128) - 1)
"""Beyond everything: where a list without a place begins."""

_MESSAGE_TYPES = {kind.value: kind for kind in MessageType}
_FILE_STATES = {state.value: state for state in FileState}

_INSTANTS = frozenset({"created_at", "joined_at", "last_edited_at", "last_message_at", "sent_at", "unarchived_at"})
_IDS = frozenset({"dialog_id", "id", "last_message_id", "last_read_message_id", "reply_to_id"})


def from_json(values: Mapping[str, Any]) -> Row:
    """Return a row that PostgreSQL turned into JSON, with ids and instants as such."""
    return {name: _value(name, value) for name, value in values.items()}


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _INSTANTS:
        return datetime.fromisoformat(value)
    return UUID(value) if name in _IDS else value


def containing(part: str) -> str:
    """Return the pattern of `like` for every text that holds *part*, each character of it as itself."""
    literal = part.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{literal}%"


def searched(title: str, companies: str) -> str:
    """Return the expression for `inbox.search_text` of a *title*'s line and a query for `COMPANY` of everybody."""
    lines = f"select string_agg(distinct company, chr(10) order by company) from ({companies}) people"  # noqa: S608
    return f"concat_ws(chr(10), {title}, ({lines}))"


def as_json(value: Json) -> str | None:
    """Return *value* as JSON text; None stays NULL."""
    return None if value is None else json.dumps(value, ensure_ascii=False)


def dialog(row: Row) -> Dialog:
    """Read the columns `DIALOG`."""
    return Dialog(
        id=row["id"],
        object=ObjectRef(type=row["object_type"], id=row["object_id"]),
        about=About(row["title"], row["object_url"], row["meta"]),
        created_by=row["created_by"],
        created_at=row["created_at"],
        tally=Tally(
            last_seq=row["last_seq"],
            event_seq=row["event_seq"],
            user_messages=row["user_messages"],
            system_messages=row["system_messages"],
            last_message_id=row["last_message_id"],
            last_message_at=row["last_message_at"],
        ),
    )


def participant(row: Row) -> Participant:
    """Read the columns `PARTICIPANT`."""
    return Participant(
        dialog_id=row["dialog_id"],
        user_id=row["user_id"],
        profile=Profile(row["display_name"], row["company"], row["email"], row["phone"]),
        joined_as=JoinedAs(row["joined_as"]),
        joined_at=row["joined_at"],
        mark=ReadMark(seq=row["read_seq"], message_id=row["last_read_message_id"], counted=row["read_counted"]),
        notifications_enabled=row["notifications_enabled"],
        is_archived=row["is_archived"],
        is_pinned=row["is_pinned"],
        unarchived_at=row["unarchived_at"],
        reminded_seq=row["reminded_seq"],
    )


def message(row: Row) -> Message:
    """Read the columns `MESSAGE`."""
    files = row["attachments"]
    return Message(
        id=row["id"],
        dialog_id=row["dialog_id"],
        seq=row["seq"],
        sender_id=row["sender_id"],
        sender_name=row["sender_name"],
        content=row["content"],
        sent_at=row["sent_at"],
        type=_MESSAGE_TYPES[row["type"]],
        last_edited_at=row["last_edited_at"],
        reply_to_id=row["reply_to_id"],
        client_message_id=row["client_message_id"],
        attachments=tuple(attachment(_with_id(file)) for file in files) if files else (),
    )


def _with_id(file: Mapping[str, Any]) -> Row:
    """Return a file that PostgreSQL turned into JSON: its id alone is no plain value. Pages have hundreds."""
    return {**file, "id": UUID(file["id"])}


def attachment(row: Row) -> Attachment:
    """Read the columns `ATTACHMENT`."""
    return Attachment(
        id=row["id"],
        key=row["key"],
        filename=row["filename"],
        content_type=row["content_type"],
        size_bytes=row["size_bytes"],
        etag=row["etag"],
        width=row["width"],
        height=row["height"],
        thumbnail_key=row["thumbnail_key"],
        state=_FILE_STATES[row["state"]],
    )


def upload(row: Row) -> Upload:
    """Read the columns `UPLOAD`."""
    return Upload(
        id=row["id"],
        key=row["key"],
        dialog_id=row["dialog_id"],
        user_id=row["user_id"],
        filename=row["filename"],
        content_type=row["content_type"],
        size_bytes=row["size_bytes"],
        created_at=row["created_at"],
        link_until=row["link_until"],
        parts_id=row["parts_id"],
    )


def scope(row: Row) -> KeptScope:
    """Read the columns `SCOPE`."""
    levels = (row["scope_level0"], row["scope_level1"], row["scope_level2"])
    return KeptScope(ScopeId(row["id"]), AccessScope(levels, row["tenant_uid"]), row["created_at"])
