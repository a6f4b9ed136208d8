"""Events beyond one process: which history a cursor belongs to, and how far back it reaches."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

# A cluster restored from a backup has another identifier or timeline, and may give the same transaction
# ids to other changes. Where we may not ask, every history looks the same.
HISTORY = """
create or replace function event_history() returns text language plpgsql stable as $$
begin
  return (
    select system.system_identifier || '-' || checkpoint.timeline_id
    from pg_control_system() system, pg_control_checkpoint() checkpoint
  );
exception when insufficient_privilege then
  return 'unknown';
end
$$
"""

# One row: the newest transaction that events were forgotten of. None until then.
FLOOR = """
create table if not exists event_floor (
  is_only  boolean primary key default true check (is_only),
  pruned   xid8 not null
)
"""

UNFINISHED = sa.text("""
    select true from pg_index where indexrelid = to_regclass('events_of_leaving') and not indisvalid
""")
# Who left, and from whom a dialog was taken, is no participant by whom to find the event. Sends do not touch
# it; those who come back read it all the time, and should find it in order.
LEAVING = """
create index concurrently if not exists events_of_leaving on events using gin (people) with (fastupdate = off)
where type in ('participant.left', 'dialog.deleted')
"""


def upgrade() -> None:
    """Add function, table and index."""
    op.execute(HISTORY)
    op.execute(FLOOR)
    with op.get_context().autocommit_block():
        # Nobody waits for us while we wait for those whose transactions are older.
        op.execute("set lock_timeout = 0")
        if op.get_bind().scalar(UNFINISHED):
            op.execute("drop index concurrently events_of_leaving")
        op.execute(LEAVING)
        op.execute("reset lock_timeout")
