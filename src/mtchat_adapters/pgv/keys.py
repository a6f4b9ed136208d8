"""The host's idempotency keys in PostgreSQL."""

from uuid import UUID

import sqlalchemy as sa
from attrs import frozen
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from mtchat_adapters.pgv.failures import LOCK_NOT_AVAILABLE, sqlstate
from mtchat_core.domain.messages import IdempotencyConflict, IdempotencyKeyReused
from mtchat_core.ports.keys import KEPT_FOR

# A claim under way elsewhere is waited for. The update that changes nothing makes the row
# visible to `returning` even when it was committed after this statement began.
_CLAIM = sa.text("""
    insert into idempotency_keys as kept (key, fingerprint, made, created_at)
    values (:key, :fingerprint, :made, clock_timestamp())
    on conflict (key) do update set
      fingerprint = case when kept.created_at <= clock_timestamp() - :kept_for then excluded.fingerprint
                         else kept.fingerprint end,
      made = case when kept.created_at <= clock_timestamp() - :kept_for then excluded.made else kept.made end,
      created_at = case when kept.created_at <= clock_timestamp() - :kept_for then excluded.created_at
                        else kept.created_at end
    returning made, fingerprint
""").bindparams(sa.bindparam("kept_for", type_=sa.Interval), sa.bindparam("fingerprint", type_=sa.LargeBinary))


@frozen
class PostgresKeys:
    """Keys of one transaction."""

    connection: AsyncConnection

    async def claim(self, key: str, *, fingerprint: bytes, made: UUID) -> UUID:
        """Tie *key* to what was *made*, or return what it is tied to already."""
        values = {"key": key, "fingerprint": fingerprint, "made": made, "kept_for": KEPT_FOR}
        try:
            kept = (await self.connection.execute(_CLAIM, values)).one()
        except DBAPIError as error:
            if sqlstate(error) == LOCK_NOT_AVAILABLE:
                raise IdempotencyConflict from None
            raise
        if kept.fingerprint != fingerprint:
            raise IdempotencyKeyReused
        first: UUID = kept.made
        return first
