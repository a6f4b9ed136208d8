"""Unread totals in PostgreSQL, by numbers."""

from attrs import frozen

from mtchat_adapters.postgres.session import Trips, statement
from mtchat_core.domain.ids import UserId
from mtchat_core.domain.inbox import Unread

_UNREAD = statement("""
    select cast(coalesce(sum(d.user_messages - p.read_counted), 0) as bigint) as messages, count(*) as dialogs
    from participants p join dialogs d on d.id = p.dialog_id
    where p.user_id = :reader and not p.is_archived and d.user_messages > p.read_counted
""")


@frozen
class PostgresReceipts:
    """Receipts: one statement."""

    trips: Trips

    async def unread(self, reader: UserId) -> Unread:
        """Sum up what *reader* has not read."""
        [total] = await self.trips.all(_UNREAD, {"reader": reader})
        return Unread(messages=total["messages"], dialogs=total["dialogs"])
