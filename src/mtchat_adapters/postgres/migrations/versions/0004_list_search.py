"""Search of lists: what each dialog is searched in lies on its row, folded.

The columns come first and at once; what was written before is filled in afterwards, in batches, while
everybody goes on. Any part of it may run again. A dialog that the previous release makes meanwhile is found
by its title, and wholly once somebody with a company comes or goes; where that release renames a dialog or
changes its people, the search knows it when this one does so again. No index: every send updates the row.
"""

import sqlalchemy as sa
from alembic import op

from mtchat_core.domain.inbox import search_line, search_text

revision = "0004"
down_revision = "0003"

BATCH = 1_000

COLUMNS = (
    'alter table participants add column if not exists company_folded text collate "C"',
    'alter table dialogs add column if not exists search_text text collate "C"',
)

NEXT_PEOPLE = sa.text("""
    select dialog_id, user_id, company, company is not null and company_folded is null as is_due from participants
    where (dialog_id, user_id) > (cast(:dialog as uuid), cast(:user as text))
    order by dialog_id, user_id limit :batch
""")
FILL_PEOPLE = sa.text("""
    update participants p set company_folded = due.line
    from unnest(cast(:dialogs as uuid[]), cast(:users as text[]), cast(:lines as text[]))
      as due (dialog_id, user_id, line)
    where p.dialog_id = due.dialog_id and p.user_id = due.user_id and p.company_folded is null
""")

NEXT_DIALOGS = sa.text("""
    select d.id, d.title, d.search_text is null as is_due,
      array(select p.company from participants p where p.dialog_id = d.id and p.company is not null) as companies
    from dialogs d where d.id > cast(:dialog as uuid)
    order by d.id limit :batch
""")
# Whoever changes title or people meanwhile writes the text too: it is no longer null when we get the row.
FILL_DIALOGS = sa.text("""
    update dialogs d set search_text = due.search_text
    from unnest(cast(:dialogs as uuid[]), cast(:texts as text[])) as due (id, search_text)
    where d.id = due.id and d.search_text is null
""")
NOWHERE = "00000000-0000-0000-0000-000000000000"


def upgrade() -> None:
    """Add the columns and fill them."""
    for column in COLUMNS:
        op.execute(column)
    with op.get_context().autocommit_block():
        _fill_people()
        _fill_dialogs()


def _fill_people() -> None:
    connection = op.get_bind()
    dialog, user = NOWHERE, ""
    while rows := connection.execute(NEXT_PEOPLE, {"dialog": dialog, "user": user, "batch": BATCH}).all():
        dialog, user = rows[-1].dialog_id, rows[-1].user_id
        due = [row for row in rows if row.is_due]
        if due:
            values = {
                "dialogs": [row.dialog_id for row in due],
                "users": [row.user_id for row in due],
                "lines": [search_line(row.company) for row in due],
            }
            connection.execute(FILL_PEOPLE, values)


def _fill_dialogs() -> None:
    connection = op.get_bind()
    dialog = NOWHERE
    while rows := connection.execute(NEXT_DIALOGS, {"dialog": dialog, "batch": BATCH}).all():
        dialog = rows[-1].id
        due = [row for row in rows if row.is_due]
        if due:
            values = {
                "dialogs": [row.id for row in due],
                "texts": [search_text(row.title, row.companies) for row in due],
            }
            connection.execute(FILL_DIALOGS, values)
