"""Files: places given out, files of messages, and what is to be deleted from the storage."""

from alembic import op

revision = "0008"
down_revision = "0007"

# Places outlive their dialog, like events: whatever was put there still has to be deleted.
TABLES = (
    "alter table messages add column if not exists file_count smallint not null default 0",
    """
    create table if not exists uploads (
      key           text collate "C" primary key,
      id            uuid not null,
      dialog_id     uuid not null,
      user_id       text collate "C" not null,
      filename      text not null,
      content_type  text collate "C" not null,
      size_bytes    bigint not null check (size_bytes > 0),
      created_at    timestamptz not null,
      link_until    timestamptz not null,
      parts_id      text
    )
    """,
    "create index if not exists uploads_by_user on uploads (user_id) include (size_bytes)",
    "create index if not exists uploads_by_age on uploads (created_at)",
    """
    create table if not exists attachments (
      dialog_id      uuid not null,
      id             uuid not null,
      message_id     uuid not null,
      user_id        text collate "C" not null,
      key            text collate "C" not null,
      filename       text not null,
      content_type   text collate "C" not null,
      kind           text collate "C" not null,
      size_bytes     bigint not null check (size_bytes > 0),
      etag           text not null,
      width          integer,
      height         integer,
      thumbnail_key  text collate "C",
      state          text not null check (state in ('available', 'scanning', 'flagged', 'blocked')),
      sent_at        timestamptz not null,
      look_due       timestamptz,
      tries          integer not null default 0,
      primary key (dialog_id, id),
      foreign key (dialog_id, message_id) references messages (dialog_id, id) on delete cascade
    )
    """,
    "create index if not exists attachments_by_message on attachments (dialog_id, message_id)",
    "create index if not exists attachments_by_kind on attachments (dialog_id, kind, id)",
    "create index if not exists attachments_by_id on attachments (id)",
    "create index if not exists attachments_by_user on attachments (user_id) include (size_bytes)",
    "create index if not exists attachments_due on attachments (look_due) where look_due is not null",
    """
    create table if not exists storage_leftovers (
      key       text collate "C" primary key,
      parts_id  text,
      due_at    timestamptz not null
    )
    """,
    "create index if not exists storage_leftovers_due on storage_leftovers (due_at)",
)

# However a file goes, with its message or its dialog, and whoever deletes that, in whatever search path: its
# place in the storage is remembered. Not before the last link has ended through which it could be put back.
LEAVE = """
create or replace function leave_attachment() returns trigger language plpgsql
set search_path from current as $$
begin
  insert into storage_leftovers (key, due_at)
  select left_key, greatest(clock_timestamp(), old.sent_at + interval '1 hour')
  from unnest(array[old.key, old.thumbnail_key]) left_key where left_key is not null
  on conflict (key) do nothing;
  return null;
end
$$
"""
LEAVING = """
create or replace trigger attachments_leave after delete on attachments
for each row execute function leave_attachment()
"""

# One at a time for each person; what comes after the lock in a volatile function sees all that was committed.
FILE_BYTES = """
create or replace function file_bytes_of(person text) returns bigint language plpgsql volatile as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('mtchat files of ' || person, 0));
  return (
    select coalesce(sum(size_bytes), 0) from (
      select size_bytes from attachments where user_id = person
      union all select size_bytes from uploads where user_id = person
    ) files
  );
end
$$
"""


def upgrade() -> None:
    """Add the column, the tables and what keeps them whole."""
    for statement in (*TABLES, LEAVE, LEAVING, FILE_BYTES):
        op.execute(statement)
