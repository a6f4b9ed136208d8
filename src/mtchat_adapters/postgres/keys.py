"""The host's idempotency keys in PostgreSQL."""

from uuid import UUID

from attrs import frozen

from mtchat_adapters.postgres.failures import Busy
from mtchat_adapters.postgres.session import Row, Session, Trips, Values, statement
from mtchat_core.domain.messages import IdempotencyConflict, IdempotencyKeyReused
from mtchat_core.ports.keys import KEPT_FOR

_ATTEMPTS = 5
"""How many seconds a claim waits for another: one by one, as no statement may take that long."""

_WAIT_A_SECOND = statement("select set_config('lock_timeout', '1000', true)")

# Updating even when nothing changes lets `returning` show a row that was committed after this
# statement began.
_CLAIM = statement("""
    insert into idempotency_keys as kept (key, fingerprint, made, created_at)
    values (:key, :fingerprint, :made, clock_timestamp())
    on conflict (key) do update set
      fingerprint = case when kept.created_at > excluded.created_at - cast(:kept_for as interval)
        then kept.fingerprint else excluded.fingerprint end,
      made = case when kept.created_at > excluded.created_at - cast(:kept_for as interval)
        then kept.made else excluded.made end,
      created_at = case when kept.created_at > excluded.created_at - cast(:kept_for as interval)
        then kept.created_at else excluded.created_at end
    returning made, fingerprint
""")


@frozen
class PostgresKeys:
    """Keys of one transaction."""

    session: Session

    async def claim(self, key: str, *, fingerprint: bytes, made: UUID) -> UUID:
        """Tie *key* to what was *made*, or return what it is tied to already."""
        kept = await self._claim({"key": key, "fingerprint": fingerprint, "made": made, "kept_for": KEPT_FOR})
        if kept["fingerprint"] != fingerprint:
            raise IdempotencyKeyReused
        first: UUID = kept["made"]
        return first

    async def _claim(self, values: Values) -> Row:
        await self.session.all(_WAIT_A_SECOND, {})
        for _ in range(_ATTEMPTS):
            await self.session.save()
            try:
                return (await self.session.all(_CLAIM, values))[0]
            except Busy:
                await self.session.go_back()
        raise IdempotencyConflict


_PRUNE = statement("""
    delete from idempotency_keys where key in (
      select key from idempotency_keys where created_at <= statement_timestamp() - cast(:kept_for as interval)
      order by created_at limit :limit for update skip locked)
    returning 1
""")


@frozen
class PostgresOldKeys:
    """OldKeys: one statement."""

    trips: Trips

    async def prune(self, limit: int) -> int:
        """Forget keys that are older than a day."""
        return len(await self.trips.all(_PRUNE, {"kept_for": KEPT_FOR, "limit": limit}))
