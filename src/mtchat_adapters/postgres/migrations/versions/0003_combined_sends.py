"""Sends that travel together: several ids above the last one at once, and a count nobody reads any more."""

from alembic import op

revision = "0003"
down_revision = "0002"

# The twin of domain.ids.following, applied *steps* times.
FOLLOWING = """
create or replace function following(last uuid, steps integer) returns uuid
language sql immutable parallel safe as $$
  select case
    when low <= 281474976710655 then (left(last::text, 24) || lpad(to_hex(low), 12, '0'))::uuid
    else (lpad(to_hex(('x' || left(last::text, 8) || substr(last::text, 10, 4))::bit(48)::bigint + 1), 12, '0')
      || '70008000' || lpad(to_hex(low - 281474976710656), 12, '0'))::uuid
  end
  from (select ('x' || right(last::text, 12))::bit(48)::bigint + steps as low) counted
$$
"""


def upgrade() -> None:
    """Add what combined sends need, drop what they do not."""
    op.execute(FOLLOWING)
    op.execute("alter table dialogs drop column if exists archive_changes")
