"""Webhooks: endpoints, what is to be delivered to them, and every attempt."""

from alembic import op

revision = "0006"
down_revision = "0005"

# No foreign keys: a removed endpoint leaves at once, and what was for it is cleared away in batches.
TABLES = """
create table if not exists webhook_endpoints (
  id               uuid primary key,
  name             text not null check (char_length(name) between 1 and 100),
  url              text not null check (char_length(url) <= 2048),
  secrets          text[],  -- null: those of the settings, which are not kept
  events           text[],  -- null: all
  source           text not null check (source in ('settings', 'api')),
  state            text not null check (state in ('active', 'parked', 'disabled', 'removed')),
  why              text,
  created_at       timestamptz not null default clock_timestamp(),
  last_success_at  timestamptz,
  last_failure_at  timestamptz,
  last_failure     text,
  -- The place in the log: everything up to it has become deliveries.
  log_xid          xid8 not null default pg_snapshot_xmin(pg_current_snapshot()),
  log_dialog_id    uuid not null default '00000000-0000-0000-0000-000000000000',
  log_seq          bigint not null default 0,
  last_number      bigint not null default 0,
  leased_by        uuid,
  leased_until     timestamptz
);
create unique index if not exists webhook_endpoints_name on webhook_endpoints (name) where state <> 'removed';

create table if not exists webhook_deliveries (
  endpoint_id  uuid not null,
  number       bigint not null,
  id           uuid not null,
  dialog_id    uuid not null,
  seq          bigint not null,
  type         text not null,
  recipient    text collate "C",
  message_id   uuid,
  body         bytea,
  state        text not null check (state in ('pending', 'delivered', 'dead', 'dropped')),
  -- Nothing earlier of its dialog holds it back.
  is_head      boolean not null,
  attempts     integer not null default 0,
  due_at       timestamptz not null,
  created_at   timestamptz not null,
  finished_at  timestamptz,
  primary key (endpoint_id, number),
  unique (endpoint_id, id)
);
create index if not exists webhook_deliveries_by_state on webhook_deliveries (endpoint_id, state, number);
create index if not exists webhook_deliveries_due on webhook_deliveries (endpoint_id, due_at, number)
  where state = 'pending' and is_head;
create index if not exists webhook_deliveries_holding on webhook_deliveries (endpoint_id, dialog_id)
  where state = 'pending' and is_head and attempts < 3;
create index if not exists webhook_deliveries_waiting on webhook_deliveries (endpoint_id, dialog_id, number)
  where state = 'pending' and not is_head;
create index if not exists webhook_deliveries_finished on webhook_deliveries (finished_at)
  where finished_at is not null;

create table if not exists webhook_attempts (
  endpoint_id   uuid not null,
  number        bigint not null,
  at            timestamptz not null,
  status        integer,
  failure       text,
  milliseconds  integer not null
);
create index if not exists webhook_attempts_by_delivery on webhook_attempts (endpoint_id, number, at);
"""


def upgrade() -> None:
    """Create them; any part of it may run again."""
    for statement in TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
