"""The tables, as statements see them. `migrations` makes them; a test holds the two together.

Everything below a dialog has `dialog_id` first in its key, so that dialogs could live on several
servers. Names carry no schema: every connection's search path is ours.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSON, JSONB, UUID

metadata = sa.MetaData()


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Tell Alembic to look at our tables alone."""
    return kind != "table" or name in metadata.tables


_ExternalId = sa.Text(collation="C")
_Instant = sa.TIMESTAMP(timezone=True)
_Id = UUID(as_uuid=True)

dialogs = sa.Table(
    "dialogs",
    metadata,
    sa.Column("id", _Id, primary_key=True),
    sa.Column("object_type", _ExternalId, nullable=False),
    sa.Column("object_id", _ExternalId, nullable=False),
    sa.Column("title", sa.Text),
    sa.Column("object_url", sa.Text),
    sa.Column("meta", JSON),
    sa.Column("created_by", _ExternalId),
    sa.Column("created_at", _Instant, nullable=False),
    sa.Column("active_at", _Instant, nullable=False),
    sa.Column("last_seq", sa.BigInteger, nullable=False),
    sa.Column("event_seq", sa.BigInteger, nullable=False),
    sa.Column("user_messages", sa.BigInteger, nullable=False),
    sa.Column("system_messages", sa.BigInteger, nullable=False),
    sa.Column("last_message_id", _Id),
    sa.Column("last_message_at", _Instant),
    sa.Column("last_issued_id", _Id),
    sa.Column("reminder_since", _Instant),
    sa.Column("reminder_due", _Instant),
    sa.Column("archive_changes", sa.BigInteger, nullable=False),
)

participants = sa.Table(
    "participants",
    metadata,
    sa.Column("dialog_id", _Id, primary_key=True),
    sa.Column("user_id", _ExternalId, primary_key=True),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("company", sa.Text),
    sa.Column("email", sa.Text),
    sa.Column("phone", sa.Text),
    sa.Column("joined_as", sa.Text, nullable=False),
    sa.Column("joined_at", _Instant, nullable=False),
    sa.Column("read_seq", sa.BigInteger, nullable=False),
    sa.Column("read_counted", sa.BigInteger, nullable=False),
    sa.Column("last_read_message_id", _Id),
    sa.Column("notifications_enabled", sa.Boolean, nullable=False),
    sa.Column("is_archived", sa.Boolean, nullable=False),
    sa.Column("is_pinned", sa.Boolean, nullable=False),
    sa.Column("unarchived_at", _Instant),
)

access_scopes = sa.Table(
    "access_scopes",
    metadata,
    sa.Column("dialog_id", _Id, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("id", _Id, nullable=False),
    sa.Column("scope_level0", ARRAY(sa.Text), nullable=False),
    sa.Column("scope_level1", ARRAY(sa.Text), nullable=False),
    sa.Column("scope_level2", ARRAY(sa.Text), nullable=False),
    sa.Column("tenant_uid", sa.Text),
    sa.Column("created_at", _Instant, nullable=False),
)

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("dialog_id", _Id, primary_key=True),
    sa.Column("id", _Id, primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("sender_id", _ExternalId),
    sa.Column("sender_name", sa.Text),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("sent_at", _Instant, nullable=False),
    sa.Column("last_edited_at", _Instant),
    sa.Column("reply_to_id", _Id),
    sa.Column("client_message_id", _ExternalId),
    sa.Column("fingerprint", BYTEA),
)

deleted_messages = sa.Table(
    "deleted_messages",
    metadata,
    sa.Column("dialog_id", _Id, primary_key=True),
    sa.Column("id", _Id, primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("sender_id", _ExternalId, nullable=False),
    sa.Column("client_message_id", _ExternalId),
    sa.Column("fingerprint", BYTEA),
    sa.Column("deleted_at", _Instant, nullable=False),
)

edits = sa.Table(
    "edits",
    metadata,
    sa.Column("dialog_id", _Id, primary_key=True),
    sa.Column("message_id", _Id, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("edited_at", _Instant, nullable=False),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("dialog_id", _Id, primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True),
    sa.Column("id", _Id, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("at", _Instant, nullable=False),
    sa.Column("message_id", _Id),
    sa.Column("people", ARRAY(sa.Text)),
    sa.Column("facts", JSONB, nullable=False),
)

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("key", _ExternalId, primary_key=True),
    sa.Column("fingerprint", BYTEA, nullable=False),
    sa.Column("made", _Id, nullable=False),
    sa.Column("created_at", _Instant, nullable=False),
)
