"""The host's idempotency keys, in this process."""

from uuid import UUID

from attrs import frozen

from mtchat_adapters.memory.store import Changes, Claim, Store
from mtchat_core.domain.messages import IdempotencyKeyReused
from mtchat_core.ports.keys import KEPT_FOR


@frozen
class MemoryKeys:
    """Keys: transactions run one after the other, so no claim is ever under way."""

    changes: Changes

    async def claim(self, key: str, *, fingerprint: bytes, made: UUID) -> UUID:
        """Tie *key* to what was *made*, or return what it is tied to already."""
        now = self.changes.store.clock.now()
        kept = self.changes.store.claims.get(key)
        if kept is None or now - kept.at >= KEPT_FOR:
            self.changes.claims[key] = Claim(made, fingerprint, now)
            return made
        if kept.fingerprint != fingerprint:
            raise IdempotencyKeyReused
        return kept.made


@frozen
class MemoryOldKeys:
    """OldKeys over the committed claims."""

    store: Store

    async def prune(self, limit: int) -> int:
        """Forget keys that are older than a day."""
        now = self.store.clock.now()
        old = [key for key, claim in self.store.claims.items() if now - claim.at >= KEPT_FOR][:limit]
        for key in old:
            del self.store.claims[key]
        return len(old)
