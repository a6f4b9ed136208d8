"""The host's idempotency keys, in this process."""

from attrs import frozen

from mtchat_adapters.memory.store import Changes, Claim
from mtchat_core.domain.ids import DialogId
from mtchat_core.domain.messages import IdempotencyKeyReused
from mtchat_core.ports.keys import KEPT_FOR


@frozen
class MemoryKeys:
    """Keys: transactions run one after the other, so no claim is ever under way."""

    changes: Changes

    async def claim(self, key: str, *, fingerprint: bytes, dialog: DialogId) -> DialogId:
        """Tie *key* to *dialog*, or return the dialog it is tied to already."""
        now = self.changes.store.clock.now()
        kept = self.changes.store.claims.get(key)
        if kept is None or now - kept.at >= KEPT_FOR:
            self.changes.claims[key] = Claim(dialog, fingerprint, now)
            return dialog
        if kept.fingerprint != fingerprint:
            raise IdempotencyKeyReused
        return kept.dialog
