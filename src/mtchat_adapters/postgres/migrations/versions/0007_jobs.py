"""Jobs: what runs when, and who was reminded of what."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

TABLES = (
    "alter table participants add column if not exists reminded_seq bigint",
    """
    create table if not exists reminder_failures (
      dialog_id  uuid primary key references dialogs on delete cascade,
      tries      integer not null,
      due_at     timestamptz not null,
      reason     text not null
    )
    """,
    """
    create table if not exists schedules (
      name          text collate "C" primary key,
      plan          text not null,
      due_at        timestamptz not null,
      holder        uuid,
      leased_until  timestamptz,
      started_at    timestamptz,
      finished_at   timestamptz,
      failures      integer not null default 0,
      result        text
    )
    """,
)
# Where quiet dialogs are looked for: what everybody has archived is not in it. Sends touch none of its columns.
NAME = "participants_unarchived"
INDEX = f"""
    create index concurrently if not exists {NAME} on participants (dialog_id)
    include (unarchived_at) where not is_archived
"""
UNFINISHED = sa.text("""
    select true from pg_index where indexrelid = to_regclass(:name) and not indisvalid
""")


def upgrade() -> None:
    """Add the column and the tables at once, and the index while everybody goes on."""
    for statement in TABLES:
        op.execute(statement)
    with op.get_context().autocommit_block():
        # Nobody waits for us while we wait for those whose transactions are older.
        op.execute("set lock_timeout = 0")
        if op.get_bind().scalar(UNFINISHED, {"name": NAME}):
            op.execute(f"drop index concurrently {NAME}")
        op.execute(INDEX)
        op.execute("reset lock_timeout")
