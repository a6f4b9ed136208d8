"""Idempotency keys of the host: a repeated request makes one thing."""

from datetime import timedelta
from typing import Protocol

from mtchat_core.domain.ids import DialogId

KEPT_FOR = timedelta(hours=24)


class Keys(Protocol):
    """Which dialog a key once made; forgotten after 24 hours."""

    async def claim(self, key: str, *, fingerprint: bytes, dialog: DialogId) -> DialogId:
        """Tie *key* to *dialog*, or return the dialog it is tied to already.

        A claim by another transaction under way is waited for, up to 5 s.
        Raises:
            IdempotencyKeyReused: the key is tied to another *fingerprint*.
            IdempotencyConflict: the wait took too long.
        """
        ...
