"""Unread totals in PostgreSQL, by numbers."""

import sqlalchemy as sa
from attrs import frozen
from sqlalchemy.ext.asyncio import AsyncEngine

from mtchat_adapters.pgv import rows
from mtchat_adapters.pgv.failures import repeatable
from mtchat_core.domain.ids import UserId
from mtchat_core.domain.inbox import Unread

_UNREAD = sa.text("""
    select cast(coalesce(sum(d.user_messages - p.read_counted), 0) as bigint) as messages, count(*) as dialogs
    from participants p join dialogs d on d.id = p.dialog_id
    where p.user_id = :reader and not p.is_archived and d.user_messages > p.read_counted
""").bindparams(sa.bindparam("reader", type_=sa.Text))


@frozen
class PostgresReceipts:
    """Receipts: one statement."""

    reads: AsyncEngine

    async def unread(self, reader: UserId) -> Unread:
        """Sum up what *reader* has not read."""

        async def read() -> rows.Row:
            async with self.reads.connect() as connection:
                return (await connection.execute(_UNREAD, {"reader": reader})).one()

        row = await repeatable(read)
        return Unread(messages=row.messages, dialogs=row.dialogs)
