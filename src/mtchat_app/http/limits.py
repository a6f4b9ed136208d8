"""How fast one may ask: token buckets, one per person or address, kept in this process."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Final

from attrs import define, field, frozen

from mtchat_app.http.errors import RateLimited
from mtchat_app.settings import Settings

MESSAGES: Final = {"budget": "messages"}
"""Route option: also counts as saying something."""
MEMBERSHIP: Final = {"budget": "membership"}
"""Route option: also counts as joining or leaving."""
UPLOADS: Final = {"budget": "uploads"}
"""Route option: also counts as asking for a place to upload to."""

MAX_BUCKETS = 50_000
"""Buckets kept; the least used ones are forgotten, which means full again."""


@define
class _Bucket:
    level: float
    at: float


@define
class Buckets:
    """Buckets of one size: `burst` at once, `rate` per second on and on."""

    rate: float
    burst: float
    clock: Callable[[], float] = time.monotonic
    _buckets: OrderedDict[Hashable, _Bucket] = field(factory=lambda: OrderedDict[Hashable, _Bucket](), init=False)

    def take(self, who: Hashable) -> None:
        """Take one from the bucket of *who*.

        Raises:
            RateLimited: it is empty, with the seconds until it no longer is.
        """
        now = self.clock()
        bucket = self._buckets.get(who)
        if bucket is None:
            bucket = self._buckets[who] = _Bucket(self.burst, now)
            if len(self._buckets) > MAX_BUCKETS:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(who)
            bucket.level = min(self.burst, bucket.level + (now - bucket.at) * self.rate)
            bucket.at = now
        if bucket.level < 1:
            raise RateLimited((1 - bucket.level) / self.rate)
        bucket.level -= 1


@frozen
class Limits:
    """What counts against whom. Addresses count where no person is known."""

    requests: Buckets
    budgets: Mapping[str, Buckets]

    @classmethod
    def of(cls, settings: Settings) -> "Limits | None":
        """Return what *settings* say, or None where nothing is limited."""
        if not settings.rate_limit_enabled:
            return None
        return cls(
            requests=Buckets(settings.rate_limit_rps, settings.rate_limit_burst),
            budgets={
                MESSAGES["budget"]: Buckets(settings.rate_limit_messages_rps, settings.rate_limit_messages_burst),
                MEMBERSHIP["budget"]: Buckets(
                    settings.rate_limit_membership_rps, settings.rate_limit_membership_burst
                ),
                UPLOADS["budget"]: Buckets(settings.rate_limit_uploads_rps, settings.rate_limit_uploads_burst),
            },
        )

    def take(self, who: Hashable, budget: str | None = None) -> None:
        """Count one request of *who*, and one of the named *budget*.

        Raises:
            RateLimited: too many.
        """
        self.requests.take(who)
        if budget is not None:
            self.budgets[budget].take(who)
