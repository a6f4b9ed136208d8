"""Idempotency keys of the host: a repeated request makes one thing."""

from datetime import timedelta
from typing import Protocol
from uuid import UUID

KEPT_FOR = timedelta(hours=24)


class Keys(Protocol):
    """What a key of the host once made; forgotten after 24 hours."""

    async def claim(self, key: str, *, fingerprint: bytes, made: UUID) -> UUID:
        """Tie *key* to the id of what was *made*, or return the id it is tied to already.

        A claim by another transaction under way is waited for, up to 5 s.
        Raises:
            IdempotencyKeyReused: the key is tied to another *fingerprint*.
            IdempotencyConflict: the wait took too long.
        """
        ...


class OldKeys(Protocol):
    """Keys that have been kept long enough."""

    async def prune(self, limit: int) -> int:
        """Forget up to *limit* keys that are older than 24 hours, and return how many."""
        ...
