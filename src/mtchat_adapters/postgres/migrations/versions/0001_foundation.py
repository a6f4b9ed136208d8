"""The foundation: dialogs, people, scopes, messages, the event log.

Valid on PostgreSQL 14 and later. Search works without pg_trgm, slower.
"""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
create table dialogs (
  id               uuid primary key,
  object_type      text collate "C" not null check (char_length(object_type) between 1 and 100),
  object_id        text collate "C" not null check (char_length(object_id) between 1 and 255),
  title            text check (char_length(title) <= 500),
  object_url       text check (char_length(object_url) <= 2048),
  meta             json,  -- not jsonb: it comes back as it came
  created_by       text collate "C",
  created_at       timestamptz not null,
  active_at        timestamptz not null,
  last_seq         bigint not null default 0,
  event_seq        bigint not null default 0,
  user_messages    bigint not null default 0 check (user_messages >= 0),
  system_messages  bigint not null default 0 check (system_messages >= 0),
  last_message_id  uuid,
  last_message_at  timestamptz,
  last_issued_id   uuid,
  reminder_since   timestamptz,
  reminder_due     timestamptz,
  archive_changes  bigint not null default 0
);
create index dialogs_by_object on dialogs (object_type, object_id, created_at desc, id desc);
create index dialogs_by_creation on dialogs (created_at desc, id desc);
-- Not on reminder_due, which every message moves: the row's update would then touch every index.
create index dialogs_by_reminder on dialogs (reminder_since) where reminder_since is not null;

create table participants (
  dialog_id             uuid not null references dialogs on delete cascade,
  user_id               text collate "C" not null check (char_length(user_id) between 1 and 255),
  display_name          text not null check (char_length(display_name) between 1 and 200),
  company               text check (char_length(company) <= 200),
  email                 text check (char_length(email) <= 254),
  phone                 text check (char_length(phone) <= 50),
  joined_as             text not null check (joined_as in ('participant', 'joined')),
  joined_at             timestamptz not null,
  read_seq              bigint not null default 0,
  read_counted          bigint not null default 0,
  last_read_message_id  uuid,
  notifications_enabled boolean not null default true,
  is_archived           boolean not null default false,
  is_pinned             boolean not null default false,
  unarchived_at         timestamptz,
  primary key (dialog_id, user_id)
);
create index participants_by_user on participants (user_id, dialog_id);
create index participants_archived on participants (dialog_id) where is_archived;

create table access_scopes (
  dialog_id     uuid not null references dialogs on delete cascade,
  position      integer not null,
  id            uuid not null,
  scope_level0  text[] not null,
  scope_level1  text[] not null,
  scope_level2  text[] not null,
  tenant_uid    text,
  created_at    timestamptz not null,
  primary key (dialog_id, position)
);
create index access_scopes_by_level0 on access_scopes using gin (scope_level0);
create index access_scopes_open_level0 on access_scopes (dialog_id) where scope_level0 = '{}';

create table messages (
  dialog_id         uuid not null references dialogs on delete cascade,
  id                uuid not null,
  seq               bigint not null,
  sender_id         text collate "C",
  sender_name       text,
  type              text not null check (type in ('user', 'system')),
  content           text not null,
  sent_at           timestamptz not null,
  last_edited_at    timestamptz,
  reply_to_id       uuid,
  client_message_id text collate "C",
  fingerprint       bytea,
  primary key (dialog_id, id),
  unique (dialog_id, seq),
  -- Deleting takes replies off their target first, under the dialog's lock.
  constraint messages_reply foreign key (dialog_id, reply_to_id) references messages (dialog_id, id),
  check ((type = 'system') = (sender_id is null))
);
create unique index messages_key on messages (dialog_id, sender_id, client_message_id)
  where client_message_id is not null;
create index messages_replies on messages (dialog_id, reply_to_id) where reply_to_id is not null;

create table deleted_messages (
  dialog_id         uuid not null references dialogs on delete cascade,
  id                uuid not null,
  seq               bigint not null,
  sender_id         text collate "C" not null,
  client_message_id text collate "C",
  fingerprint       bytea,
  deleted_at        timestamptz not null,
  primary key (dialog_id, id)
);
create index deleted_messages_key on deleted_messages (dialog_id, sender_id, client_message_id)
  where client_message_id is not null;

create table edits (
  dialog_id   uuid not null,
  message_id  uuid not null,
  number      integer not null,
  content     text not null,
  edited_at   timestamptz not null,
  primary key (dialog_id, message_id, number),
  foreign key (dialog_id, message_id) references messages (dialog_id, id) on delete cascade
);

-- Events outlive their dialog: others still have to hear that it was deleted.
create table events (
  dialog_id   uuid not null,
  seq         bigint not null,
  id          uuid not null,
  type        text not null,
  at          timestamptz not null,
  message_id  uuid,
  people      text[],
  facts       jsonb not null,
  xid         xid8 not null default pg_current_xact_id(),
  primary key (dialog_id, seq)
);
create index events_by_transaction on events (xid, dialog_id, seq);

create table idempotency_keys (
  key          text collate "C" primary key,
  fingerprint  bytea not null,
  made         uuid not null,
  created_at   timestamptz not null
);
create index idempotency_keys_by_age on idempotency_keys (created_at);
"""

# The twin of domain.ids.following: ids rise within a dialog, whatever the clocks of the nodes say.
FOLLOWING = """
create function following(candidate uuid, last uuid) returns uuid language sql immutable parallel safe as $$
  select case
    when last is null or candidate > last then candidate
    when right(last::text, 12) <> 'ffffffffffff' then
      (left(last::text, 24) || lpad(to_hex(('x' || right(last::text, 12))::bit(48)::bigint + 1), 12, '0'))::uuid
    else
      (lpad(to_hex(('x' || left(last::text, 8) || substr(last::text, 10, 4))::bit(48)::bigint + 1), 12, '0')
        || '70008000000000000000')::uuid
  end
$$
"""

TRIGRAMS = """
do $$
declare
  home text;
begin
  begin
    create extension if not exists pg_trgm with schema public;
  exception when insufficient_privilege or undefined_file or feature_not_supported or invalid_schema_name then
    raise notice 'pg_trgm can''t be installed: searching works without it, slower';
  end;
  select nspname into home from pg_extension join pg_namespace n on n.oid = extnamespace where extname = 'pg_trgm';
  if home is not null then
    execute format('create index dialogs_title_search on dialogs using gin (title %I.gin_trgm_ops)', home);
    execute format('create index participants_company_search on participants using gin (company %I.gin_trgm_ops)',
      home);
  end if;
end
$$
"""


def upgrade() -> None:
    """Create everything."""
    for statement in TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
    op.execute(FOLLOWING)
    op.execute(TRIGRAMS)
