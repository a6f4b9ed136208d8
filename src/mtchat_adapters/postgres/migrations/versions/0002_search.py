"""Search: the text of each message as it is compared, and an index over its trigrams; lists read less.

The column comes first and at once; what was written before is filled in afterwards, in batches, while
everybody goes on. Any part of it may run again. What the previous release writes meanwhile stays
unsearchable until it is edited, or filled in by a later step.
"""

import sqlalchemy as sa
from alembic import op

from mtchat_core.domain.search import search_text

revision = "0002"
down_revision = "0001"

BATCH = 1_000

# Text of the system is not searched: it stays null.
COLUMN = 'alter table messages add column if not exists search_text text collate "C"'

NEXT = sa.text("""
    select dialog_id, id, content, type = 'user' and search_text is null as is_due from messages
    where (dialog_id, id) > (cast(:dialog as uuid), cast(:message as uuid))
    order by dialog_id, id limit :batch
""")
# Whoever edits meanwhile writes the text of the new wording: it is no longer null when we get the row.
FILL = sa.text("""
    update messages m set search_text = due.search_text
    from unnest(cast(:dialogs as uuid[]), cast(:messages as uuid[]), cast(:texts as text[]))
      as due (dialog_id, id, search_text)
    where m.dialog_id = due.dialog_id and m.id = due.id and m.search_text is null
""")
NOWHERE = "00000000-0000-0000-0000-000000000000"

HOME = sa.text("""
    select quote_ident(nspname) from pg_extension join pg_namespace n on n.oid = extnamespace
    where extname = 'pg_trgm'
""")
UNFINISHED = sa.text("""
    select true from pg_index where indexrelid = to_regclass(:name) and not indisvalid
""")
# A list then finds its dialogs without a look at the reader's rows.
LISTS = """
    create index concurrently if not exists participants_lists on participants (user_id, dialog_id)
    include (is_archived, is_pinned)
"""
# The first is contained in the new one; the others cost at every insert, and no statement has a use for them.
SUPERSEDED = ("participants_by_user", "dialogs_title_search", "participants_company_search")
# A message adds about a hundred trigrams, which wait in a list and are sorted in together. The list keeps
# its usual length, 4 MB: a shorter one writes several times as much to disk (docs/adr/0007-search.md).
SEARCH = """
    create index concurrently if not exists messages_search on messages
    using gin (search_text {home}.gin_trgm_ops)
    where search_text is not null
"""


def upgrade() -> None:
    """Add the column, fill it, and index it where pg_trgm is there; put the new indexes in the old ones' place."""
    op.execute(COLUMN)
    with op.get_context().autocommit_block():
        _fill()
        # Nobody waits for us while we wait for those whose transactions are older.
        op.execute("set lock_timeout = 0")
        if home := op.get_bind().scalar(HOME):
            _index("messages_search", SEARCH.format(home=home))
        _index("participants_lists", LISTS)
        for name in SUPERSEDED:
            op.execute(f"drop index concurrently if exists {name}")
        op.execute("reset lock_timeout")


def _fill() -> None:
    connection = op.get_bind()
    dialog, message = NOWHERE, NOWHERE
    while rows := connection.execute(NEXT, {"dialog": dialog, "message": message, "batch": BATCH}).all():
        dialog, message = rows[-1].dialog_id, rows[-1].id
        due = [row for row in rows if row.is_due]
        if due:
            values = {
                "dialogs": [row.dialog_id for row in due],
                "messages": [row.id for row in due],
                "texts": [search_text(row.content) for row in due],
            }
            connection.execute(FILL, values)


def _index(name: str, definition: str) -> None:
    if op.get_bind().scalar(UNFINISHED, {"name": name}):
        op.execute(f"drop index concurrently {name}")
    op.execute(definition)
