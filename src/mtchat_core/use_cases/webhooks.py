"""The host is told: from the log to letters, from letters to attempts, until each one has arrived.

A worker that holds an endpoint's lease has one courier for it. The courier keeps its slots full, writes
down together what ended together, and leaves when nothing is left to do.
"""

import asyncio
import base64
import logging
import secrets
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import groupby
from random import random
from uuid import UUID

from attrs import evolve, field, frozen

from mtchat_core.domain import text
from mtchat_core.domain.errors import ChatError
from mtchat_core.domain.jobs import Job
from mtchat_core.domain.webhooks import (
    MAX_URL,
    SETTINGS_NAME,
    Attempt,
    Delivery,
    DeliveryId,
    DeliveryNotFound,
    DeliveryState,
    Endpoint,
    EndpointId,
    EndpointState,
    Happening,
    Letter,
    NotReplayable,
    Outcome,
    Receipt,
    Schedule,
    Source,
    TypeStyle,
    WebhookNotFound,
    WebhookOfSettings,
    letters,
    name_of,
    secrets_of,
    sign,
    types_of,
)
from mtchat_core.ports.clock import Clock
from mtchat_core.ports.ids import IdSource
from mtchat_core.ports.jobs import JobQueue
from mtchat_core.ports.webhooks import Due, WebhookSender, WebhookStore

BATCH = 200
"""Events read from the log, and deliveries taken up, at a time."""
FRESH_SECONDS = 1.0
"""How long it counts that a delivery was due: after that it is asked for anew."""
LINGER_SECONDS = 0.2
"""How long a courier with nothing to do waits for more, before another worker may have the endpoint."""
REFRESH_SECONDS = 1.0
"""How soon a change of an endpoint is known to its courier."""
GRACE_SECONDS = 10.0
"""How long attempts under way may take when the worker stops."""
SECRET_BYTES = 32

_log = logging.getLogger(__name__)


@frozen
class OwnEndpoint:
    """The endpoint that the settings name; its secrets are kept nowhere else."""

    url: str
    secrets: tuple[str, ...] = field(repr=False)
    events: tuple[str, ...] | None = None


@frozen(kw_only=True)
class Terms:
    """How the host is told; the settings explain each of them."""

    own: OwnEndpoint | None = None
    style: TypeStyle = "dotted"
    schedule: Schedule = field(factory=Schedule)
    parallel: int = 10
    lease: timedelta = timedelta(seconds=30)
    log_all: bool = True
    log_retention: timedelta = timedelta(days=3)
    dead_retention: timedelta = timedelta(days=30)


@frozen
class _Hands:
    """What every courier of a worker works with."""

    worker: UUID
    store: WebhookStore
    sender: WebhookSender
    clock: Clock
    terms: Terms
    counts: Counter[str]

    def write(self, happening: Happening) -> tuple[Letter, ...]:
        """Write what an event becomes."""
        return letters(happening, self.terms.style)


class Webhooks:
    """Endpoints as the host and its operators look after them, and the couriers of this process."""

    def __init__(
        self,
        store: WebhookStore,
        sender: WebhookSender,
        jobs: JobQueue,
        clock: Clock,
        ids: IdSource,
        terms: Terms | None = None,
    ) -> None:
        self.counts = Counter[str]()
        self.terms = terms or Terms()
        self._store = store
        self._jobs = jobs
        self._clock = clock
        self._ids = ids
        self._hands = _Hands(ids.new(), store, sender, clock, self.terms, self.counts)
        self._couriers: dict[EndpointId, _Courier] = {}
        self._tasks: dict[EndpointId, asyncio.Task[None]] = {}
        self._follows_settings = False
        self._is_closed = False

    async def follow_settings(self) -> None:
        """Have the endpoint of the settings be as they say; what happens from now on reaches it."""
        own = self.terms.own
        endpoint = (
            None
            if own is None
            else Endpoint(
                id=EndpointId(self._ids.new()),
                name=SETTINGS_NAME,
                url=own.url,
                events=own.events,
                source=Source.SETTINGS,
                created_at=self._clock.now(),
            )
        )
        await self._store.follow_settings(endpoint)
        self._follows_settings = True

    async def tick(self) -> None:
        """Begin what is to be done, and have couriers look again; never waits for a receiver."""
        if not self._follows_settings:
            await self.follow_settings()
        for courier in self._couriers.values():
            courier.wake()
        if self._is_closed:
            return
        taken = await self._store.lease(self._hands.worker, ttl=self.terms.lease, running=list(self._couriers))
        for endpoint in taken:
            if endpoint.id not in self._couriers:
                self._couriers[endpoint.id] = courier = _Courier(self._hands, endpoint)
                self._tasks[endpoint.id] = asyncio.create_task(self._attend(courier))

    async def _attend(self, courier: "_Courier") -> None:
        try:
            await courier.run()
        except ChatError as error:
            _log.warning("webhooks wait: %s", error.code)
        except Exception:
            _log.exception("a courier failed; another one follows")
        finally:
            del self._couriers[courier.endpoint.id]
            del self._tasks[courier.endpoint.id]

    async def idle(self) -> None:
        """Wait until no courier of this process has anything to do."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    async def close(self) -> None:
        """Begin nothing more, and wait up to 10 s for the attempts under way; leases are given back."""
        self._is_closed = True
        for courier in self._couriers.values():
            courier.close()
        if self._tasks:
            _, late = await asyncio.wait(list(self._tasks.values()), timeout=GRACE_SECONDS + 1)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def prune(self, now: datetime, *, limit: int) -> int:
        """Forget up to *limit* of what has been kept long enough; return how much."""
        return await self._store.prune(
            finished_before=now - self.terms.log_retention,
            dead_before=now - self.terms.dead_retention,
            limit=limit,
        )

    async def create(
        self, *, name: str, url: str, events: Sequence[str] | None, secrets: Sequence[str] | None
    ) -> Endpoint:
        """Add an endpoint that is told of what happens from now on; without *secrets* it is given one.

        *url* has been looked at by the door.
        Raises:
            InvalidInput: a name, event or secret that can't be.
            WebhookNameTaken: another one has its name.
        """
        endpoint = Endpoint(
            id=EndpointId(self._ids.new()),
            name=name_of(name),
            url=text.required("url", url, at_most=MAX_URL),
            secrets=secrets_of([_new_secret()] if secrets is None else secrets),
            events=types_of(events),
            created_at=self._clock.now(),
        )
        await self._store.add(endpoint)
        return endpoint

    async def endpoints(self) -> tuple[Endpoint, ...]:
        """Return every endpoint, oldest first."""
        return await self._store.endpoints()

    async def get(self, endpoint: EndpointId) -> Endpoint:
        """Return one endpoint.

        Raises:
            WebhookNotFound: there is none.
        """
        found = await self._store.endpoint(endpoint)
        if found is None:
            raise WebhookNotFound
        return found

    async def change(self, endpoint: EndpointId, changed: Callable[[Endpoint], Endpoint]) -> Endpoint:
        """Change an endpoint of the API; its couriers know within a second.

        Raises:
            WebhookNotFound: there is none.
            WebhookOfSettings: it is the settings' own.
            InvalidInput: a name, event or secret that can't be.
        """
        kept = await self.get(endpoint)
        if kept.source is Source.SETTINGS:
            raise WebhookOfSettings
        wanted = changed(kept)
        wanted = evolve(
            wanted,
            name=name_of(wanted.name),
            url=text.required("url", wanted.url, at_most=MAX_URL),
            events=types_of(wanted.events),
            secrets=secrets_of(wanted.secrets),
        )
        return await self._keep(wanted)

    async def resume(self, endpoint: EndpointId) -> Endpoint:
        """Go on with a parked endpoint, where it stopped; an active one stays as it is.

        Raises:
            WebhookNotFound: there is none.
            WebhookOfSettings: the settings do not name it any more.
        """
        kept = await self.get(endpoint)
        if kept.source is Source.SETTINGS and kept.state is EndpointState.DISABLED:
            raise WebhookOfSettings
        return await self._keep(evolve(kept, state=EndpointState.ACTIVE, why=None))

    async def _keep(self, endpoint: Endpoint) -> Endpoint:
        if not await self._store.change(endpoint):
            raise WebhookNotFound
        self._jobs.wake(Job.DELIVER)
        return endpoint

    async def remove(self, endpoint: EndpointId) -> None:
        """Forget an endpoint and all that was for it; an unknown one changes nothing.

        Raises:
            WebhookOfSettings: it is the settings' own.
        """
        kept = await self._store.endpoint(endpoint)
        if kept is not None and kept.source is Source.SETTINGS:
            raise WebhookOfSettings
        await self._store.remove(endpoint)

    async def deliveries(
        self, endpoint: EndpointId, *, state: DeliveryState | None, before: int | None, limit: int
    ) -> tuple[Delivery, ...]:
        """Return what is, or was, to be delivered to an endpoint, newest first.

        Raises:
            WebhookNotFound: there is none.
        """
        await self.get(endpoint)
        return await self._store.deliveries(endpoint, state=state, before=before, limit=limit)

    async def delivery(self, endpoint: EndpointId, delivery: DeliveryId) -> tuple[Delivery, tuple[Attempt, ...]]:
        """Return one delivery with its attempts.

        Raises:
            WebhookNotFound: there is no such endpoint.
            DeliveryNotFound: it has no such delivery.
        """
        await self.get(endpoint)
        found = await self._store.delivery(endpoint, delivery)
        if found is None:
            raise DeliveryNotFound
        return found

    async def replay(self, endpoint: EndpointId, delivery: DeliveryId) -> None:
        """Send a dead letter again, from the first attempt: the same id and bytes.

        Raises:
            WebhookNotFound: there is no such endpoint.
            DeliveryNotFound: it has no such delivery.
            NotReplayable: it is no dead letter.
        """
        await self.delivery(endpoint, delivery)
        if not await self._store.replay(endpoint, delivery):
            raise NotReplayable
        self._jobs.wake(Job.DELIVER)

    async def replay_dead(self, endpoint: EndpointId) -> int:
        """Send every dead letter of an endpoint again; return how many.

        Raises:
            WebhookNotFound: there is no such endpoint.
        """
        await self.get(endpoint)
        replayed = await self._store.replay(endpoint, None)
        self._jobs.wake(Job.DELIVER)
        return replayed


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


class _Courier:
    """Serves one endpoint for as long as there is something to do, and its lease lasts."""

    def __init__(self, hands: _Hands, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._hands = hands
        self._terms = hands.terms
        self._lease_seconds = hands.terms.lease.total_seconds()
        self._lanes = deque[tuple[float, Sequence[Due]]]()
        self._going: set[asyncio.Task[None]] = set()
        self._under_way: set[int] = set()
        self._outcomes: list[Outcome] = []
        self._news = asyncio.Event()
        self._reads_log = True
        self._is_closing = False
        self._held_at = self._refreshed_at = _now()

    def wake(self) -> None:
        """Look into the log again."""
        self._reads_log = True
        self._news.set()

    def close(self) -> None:
        """Begin no further attempt."""
        self._is_closing = True
        self._news.set()

    async def run(self) -> None:
        """Work until nothing is left to do, the endpoint is not ours any more, or wants nothing more."""
        try:
            await self._work()
        finally:
            self.close()
            await self._finish()

    async def _work(self) -> None:
        is_idle = False
        while not self._is_closing:
            self._news.clear()
            try:
                if not await self._hold():
                    return
                found_more = await self._take_up()
            except ChatError as error:
                if not self._is_ours:
                    raise
                _log.warning("webhooks wait: %s", error.code)
                await self._pause(REFRESH_SECONDS)
                continue
            self._fill()
            if self._going or found_more:
                is_idle = False
                if not found_more:
                    await self._pause(REFRESH_SECONDS)
            elif is_idle:
                return
            else:
                is_idle = True
                await self._pause(LINGER_SECONDS)
                self._reads_log = True

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, self._lease_seconds / 3)):
                await self._news.wait()

    @property
    def _is_ours(self) -> bool:
        """Whether nobody else can hold the lease yet, with time for what is under way."""
        return _now() - self._held_at < self._lease_seconds * 2 / 3

    async def _hold(self) -> bool:
        """Write down what has ended, and hold the lease; tell whether to go on."""
        now, hands = _now(), self._hands
        if self._outcomes:
            outcomes = tuple(self._outcomes)
            is_held = await hands.store.settle(
                hands.worker, self.endpoint.id, outcomes, ttl=self._terms.lease, log_all=self._terms.log_all
            )
            del self._outcomes[: len(outcomes)]
            self._under_way.difference_update(outcome.number for outcome in outcomes)
            self._held_at = now
            if not is_held:
                return False
        if now - self._refreshed_at >= min(REFRESH_SECONDS, self._lease_seconds / 3):
            renewed = await hands.store.renew(hands.worker, self.endpoint.id, ttl=self._terms.lease)
            if renewed is None:
                return False
            self.endpoint = renewed
            self._held_at = self._refreshed_at = now
        return True

    async def _take_up(self) -> bool:
        """Read on in the log, and take up what is due; tell whether there was anything."""
        hands, now, found_more = self._hands, _now(), False
        if self._reads_log:
            self._reads_log = False
            relayed = await hands.store.relay(
                hands.worker,
                self.endpoint.id,
                hands.write,
                ttl=self._terms.lease,
                wait=self._terms.schedule.first,
                limit=BATCH,
            )
            if relayed is None:
                self._is_closing = True
                return False
            self._held_at = now
            self._reads_log = self._reads_log or relayed.read >= BATCH
            hands.counts["relayed"] += relayed.kept
            hands.counts["unwritten"] += relayed.unwritten
            found_more = relayed.read > 0
        if len(self._lanes) < self._terms.parallel:
            now = _now()
            due = await hands.store.due(self.endpoint.id, under_way=sorted(self._under_way), limit=BATCH)
            self._under_way.update(one.number for one in due)
            self._lanes.extend((now, tuple(lane)) for _, lane in groupby(due, key=lambda one: one.lane))
            found_more = found_more or bool(due)
        return found_more

    def _fill(self) -> None:
        """Keep the slots full."""
        while self._lanes and len(self._going) < self._terms.parallel and not self._is_closing:
            task = asyncio.create_task(self._carry(*self._lanes.popleft()))
            self._going.add(task)
            task.add_done_callback(self._carried)

    def _carried(self, task: asyncio.Task[None]) -> None:
        self._going.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _log.error("an attempt failed in a way nobody foresaw", exc_info=error)
        self._fill()
        self._news.set()

    async def _carry(self, since: float, lane: Sequence[Due]) -> None:
        """Attempt one lane's deliveries, one after the other, as long as none has to be waited for."""
        left = deque(lane)
        try:
            while left and not self._is_closing and self._is_ours and _now() - since < FRESH_SECONDS:
                outcome = await self._attempt(left[0])
                left.popleft()
                self._outcomes.append(outcome)
                self._news.set()
                if outcome.receipt is not None and outcome.receipt.is_gone:
                    self._is_closing = True
                if outcome.holds_dialog:
                    return
        finally:
            self._under_way.difference_update(due.number for due in left)

    async def _attempt(self, due: Due) -> Outcome:
        hands = self._hands
        if due.is_stale:
            hands.counts["dropped"] += 1
            return Outcome(
                number=due.number, dialog_id=due.dialog_id, state=DeliveryState.DROPPED, attempts=due.attempts
            )
        receipt = await self._send(due)
        outcome = Outcome.of(
            receipt,
            number=due.number,
            dialog=due.dialog_id,
            failed=due.attempts,
            schedule=self._terms.schedule,
            luck=random(),  # noqa: S311 - spreads load, guards nothing
        )
        hands.counts["delivered" if receipt.is_done else "failed"] += 1
        hands.counts["dead"] += outcome.state is DeliveryState.DEAD
        hands.counts["parked"] += receipt.is_gone
        return outcome

    async def _send(self, due: Due) -> Receipt:
        own = self._terms.own
        keys = self.endpoint.secrets or (own.secrets if own else ())
        if not keys:
            return Receipt(None, "no secret to sign with")
        request = sign(due.body, event=due.type, id=due.id, secrets=keys, at=self._hands.clock.now())
        return await self._hands.sender.send(self.endpoint.url, request)

    async def _finish(self) -> None:
        """Wait for the attempts under way, write down how they ended, and let others have the endpoint."""
        if self._going:
            _, late = await asyncio.wait(self._going, timeout=GRACE_SECONDS)
            for task in late:
                task.cancel()
        with suppress(ChatError):
            await self._hold()
            await self._hands.store.release(self._hands.worker, self.endpoint.id)


def _now() -> float:
    return asyncio.get_running_loop().time()
