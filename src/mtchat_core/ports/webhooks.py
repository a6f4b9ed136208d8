"""Telling the host: one attempt over the network, and what is kept between attempts."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from attrs import field, frozen

from mtchat_core.domain.ids import DialogId
from mtchat_core.domain.webhooks import (
    Attempt,
    Delivery,
    DeliveryId,
    DeliveryState,
    Endpoint,
    EndpointId,
    Happening,
    Letter,
    Outcome,
    Receipt,
    SignedRequest,
)

__all__ = ["Due", "Receipt", "Relayed", "WebhookSender", "WebhookStore", "Write"]

Write = Callable[[Happening], Sequence[Letter]]


class WebhookSender(Protocol):
    """Carries one signed request to one address: one attempt within a deadline, redirects not followed."""

    async def send(self, url: str, request: SignedRequest) -> Receipt:
        """Make one attempt and report how it ended; never raises for what the receiver did."""
        ...


@frozen
class Relayed:
    """How much of the log was read, how many letters were kept, and how many could not be written."""

    read: int = 0
    kept: int = 0
    unwritten: int = 0


@frozen(kw_only=True)
class Due:
    """A delivery that may be attempted now, or that nobody needs any more (`is_stale`).

    `lane` is the same for those of one claim that have to go one after the other, in this order.
    """

    lane: int
    number: int
    id: DeliveryId
    dialog_id: DialogId
    type: str
    attempts: int
    is_stale: bool
    body: bytes = field(repr=False)


class WebhookStore(Protocol):
    """Endpoints, each with its own place in the event log, and what is to be delivered to them.

    Instants and leases go by the store's own clock. One worker at a time holds an endpoint's lease;
    whatever a worker does with an endpoint it has lost does nothing.
    """

    async def add(self, endpoint: Endpoint) -> None:
        """Keep a new endpoint; its place is the log's present end.

        Raises:
            WebhookNameTaken: another one has its name.
        """
        ...

    async def follow_settings(self, endpoint: Endpoint | None) -> None:
        """Keep the endpoint of the settings as they are now: new, changed, or disabled when there is none."""
        ...

    async def endpoints(self) -> tuple[Endpoint, ...]:
        """Return every endpoint, oldest first."""
        ...

    async def endpoint(self, endpoint: EndpointId) -> Endpoint | None:
        """Return one endpoint; None if unknown."""
        ...

    async def change(self, endpoint: Endpoint) -> bool:
        """Keep name, address, secrets, events and state of an endpoint; tell whether it is there.

        Raises:
            WebhookNameTaken: another one has its name.
        """
        ...

    async def remove(self, endpoint: EndpointId) -> bool:
        """Forget an endpoint and all that was for it; tell whether it was there."""
        ...

    async def lease(self, worker: UUID, *, ttl: timedelta, running: Sequence[EndpointId]) -> tuple[Endpoint, ...]:
        """Take the active endpoints with something to do that nobody holds; return those taken.

        *running* are those the worker is at already.
        """
        ...

    async def release(self, worker: UUID, endpoint: EndpointId) -> None:
        """Let others have an endpoint."""
        ...

    async def renew(self, worker: UUID, endpoint: EndpointId, *, ttl: timedelta) -> Endpoint | None:
        """Hold an endpoint for longer, and return it as it is now; None if it is not ours, or not active."""
        ...

    async def relay(
        self, worker: UUID, endpoint: EndpointId, write: Write, *, ttl: timedelta, wait: timedelta, limit: int
    ) -> Relayed | None:
        """Read on in the log, keep what *write* makes of each event, and move the place: all or nothing.

        At most *limit* events are read, only of transactions that are finished, with texts as they are
        now; events whose dialog or message is gone are passed over, and so are those the endpoint does
        not want. What can't be written becomes a dead letter without a body. The first attempt is due
        after *wait*. None: the endpoint is not ours any more.
        """
        ...

    async def due(self, endpoint: EndpointId, *, under_way: Sequence[int], limit: int) -> tuple[Due, ...]:
        """Return up to *limit* deliveries to attempt, lane by lane, without those *under_way*.

        A delivery waits for earlier ones of its dialog, unless they have failed three times. Reminders
        that the recipient does not need any more are stale: read, muted, left, deleted.
        """
        ...

    async def settle(
        self, worker: UUID, endpoint: EndpointId, outcomes: Sequence[Outcome], *, ttl: timedelta, log_all: bool
    ) -> bool:
        """Keep what came of attempts, all or nothing; tell whether the endpoint is still ours and active.

        Delivered and dropped ones lose their body. 410 parks the endpoint. Without *log_all* only
        failures go into the log of attempts.
        """
        ...

    async def deliveries(
        self, endpoint: EndpointId, *, state: DeliveryState | None, before: int | None, limit: int
    ) -> tuple[Delivery, ...]:
        """Return deliveries, newest first, with a number below *before*."""
        ...

    async def delivery(
        self, endpoint: EndpointId, delivery: DeliveryId
    ) -> tuple[Delivery, tuple[Attempt, ...]] | None:
        """Return one delivery with its attempts, oldest first; None if unknown."""
        ...

    async def replay(self, endpoint: EndpointId, delivery: DeliveryId | None) -> int:
        """Make a dead letter, or all of them, due again from the first attempt; return how many."""
        ...

    async def prune(self, *, finished_before: datetime, dead_before: datetime, limit: int) -> int:
        """Forget finished deliveries, dead letters and their attempts, and what was for removed endpoints.

        At most *limit* at a time; return how many.
        """
        ...
