"""Webhooks in this process: a sender that keeps what it was given, and the store behind it."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from attrs import Factory, define, evolve, field

from mtchat_adapters.memory.store import Place, Store
from mtchat_core.domain.events import NotificationPending, Recorded, Withdrawn
from mtchat_core.domain.ids import MessageId
from mtchat_core.domain.webhooks import (
    HOLDING_ATTEMPTS,
    Attempt,
    Delivery,
    DeliveryId,
    DeliveryState,
    Endpoint,
    EndpointId,
    EndpointState,
    Happening,
    Letter,
    Outcome,
    SignedRequest,
    Source,
    WebhookNameTaken,
    unwritten,
)
from mtchat_core.ports.webhooks import Due, Receipt, Relayed, Write

_log = logging.getLogger(__name__)


@define
class MemoryWebhooks:
    """WebhookSender that keeps what it was given; `answer` says how every attempt ends."""

    answer: Receipt = field(factory=lambda: Receipt(status=204))
    sent: list[tuple[str, SignedRequest]] = field(factory=list[tuple[str, SignedRequest]])

    async def send(self, url: str, request: SignedRequest) -> Receipt:
        """Keep the request and answer."""
        self.sent.append((url, request))
        return self.answer


@define
class _Kept:
    delivery: Delivery
    message_id: MessageId | None
    body: bytes | None
    attempts: list[Attempt] = Factory(list[Attempt])

    @property
    def is_pending(self) -> bool:
        return self.delivery.state is DeliveryState.PENDING


@define
class _Box:
    """One endpoint, its place in the log, its lease, and what is for it, by number."""

    endpoint: Endpoint
    place: Place
    leased_by: UUID | None = None
    leased_until: datetime | None = None
    last_number: int = 0
    kept: dict[int, _Kept] = Factory(dict[int, _Kept])


class MemoryWebhookStore:
    """WebhookStore over the log of this process."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._boxes: dict[EndpointId, _Box] = {}

    async def add(self, endpoint: Endpoint) -> None:
        """Keep a new endpoint at the log's present end."""
        self._require_free(endpoint)
        at = self._store.clock.now()
        self._boxes[endpoint.id] = _Box(evolve(endpoint, created_at=at), self._store.end)

    async def follow_settings(self, endpoint: Endpoint | None) -> None:
        """Keep the endpoint of the settings as they are now."""
        box = next((box for box in self._boxes.values() if box.endpoint.source is Source.SETTINGS), None)
        if endpoint is None:
            if box and box.endpoint.state is not EndpointState.DISABLED:
                why = "WEBHOOK_URL is not set any more"
                box.endpoint = evolve(box.endpoint, state=EndpointState.DISABLED, why=why)
        elif box is None:
            await self.add(endpoint)
        else:
            kept = box.endpoint
            box.endpoint = evolve(kept, url=endpoint.url, events=endpoint.events)
            if kept.state is not EndpointState.PARKED or kept.url != endpoint.url:
                box.endpoint = evolve(box.endpoint, state=EndpointState.ACTIVE, why=None)

    async def endpoints(self) -> tuple[Endpoint, ...]:
        """Return every endpoint."""
        return tuple(_counted(box) for box in self._boxes.values())

    async def endpoint(self, endpoint: EndpointId) -> Endpoint | None:
        """Return one endpoint."""
        box = self._boxes.get(endpoint)
        return _counted(box) if box else None

    async def change(self, endpoint: Endpoint) -> bool:
        """Keep an endpoint's changes."""
        box = self._boxes.get(endpoint.id)
        if box is None:
            return False
        self._require_free(endpoint)
        box.endpoint = evolve(
            box.endpoint,
            name=endpoint.name,
            url=endpoint.url,
            secrets=endpoint.secrets,
            events=endpoint.events,
            state=endpoint.state,
            why=endpoint.why,
        )
        return True

    def _require_free(self, endpoint: Endpoint) -> None:
        others = (box.endpoint for box in self._boxes.values() if box.endpoint.id != endpoint.id)
        if any(other.name == endpoint.name for other in others):
            raise WebhookNameTaken

    async def remove(self, endpoint: EndpointId) -> bool:
        """Forget an endpoint."""
        return self._boxes.pop(endpoint, None) is not None

    async def lease(self, worker: UUID, *, ttl: timedelta, running: Sequence[EndpointId]) -> tuple[Endpoint, ...]:
        """Take what nobody holds and has something to do."""
        now = self._store.clock.now()
        taken: list[Endpoint] = []
        for box in self._boxes.values():
            is_free = box.leased_until is None or box.leased_until < now or box.leased_by == worker
            if box.endpoint.state is not EndpointState.ACTIVE or box.endpoint.id in running or not is_free:
                continue
            if self._store.after(box.place) or self._lanes(box, ()):
                box.leased_by, box.leased_until = worker, now + ttl
                taken.append(box.endpoint)
        return tuple(taken)

    async def release(self, worker: UUID, endpoint: EndpointId) -> None:
        """Let others have an endpoint."""
        if box := self._held(worker, endpoint, timedelta()):
            box.leased_by = box.leased_until = None

    async def renew(self, worker: UUID, endpoint: EndpointId, *, ttl: timedelta) -> Endpoint | None:
        """Hold an endpoint for longer."""
        box = self._held(worker, endpoint, ttl)
        return box.endpoint if box and box.endpoint.state is EndpointState.ACTIVE else None

    def _held(self, worker: UUID, endpoint: EndpointId, ttl: timedelta) -> _Box | None:
        box = self._boxes.get(endpoint)
        if box is None or box.leased_by != worker:
            return None
        box.leased_until = self._store.clock.now() + ttl
        return box

    async def relay(
        self, worker: UUID, endpoint: EndpointId, write: Write, *, ttl: timedelta, wait: timedelta, limit: int
    ) -> Relayed | None:
        """Read on in the log and keep what is written of it."""
        box = self._held(worker, endpoint, ttl)
        if box is None or box.endpoint.state is not EndpointState.ACTIVE:
            return None
        read = self._store.after(box.place)[:limit]
        letters = [
            letter
            for entry in (line.recorded for line in read)
            if box.endpoint.wants(entry.event.type)
            for letter in self._letters(self._store.read_log(entry), write)
        ]
        box.place = read[-1].place if read else box.place
        known = {kept.delivery.id for kept in box.kept.values()}
        for letter in letters:
            if letter.id not in known:
                known.add(letter.id)
                self._keep(box, letter, wait)
        return Relayed(len(read), len(letters), sum(letter.body is None for letter in letters))

    def _letters(self, entry: Recorded, write: Write) -> Sequence[Letter]:
        event = entry.event
        room = self._store.rooms.get(event.dialog_id)
        if room is None or isinstance(event, Withdrawn):
            return ()
        sender = getattr(getattr(event, "message", None), "sender_id", None)
        person = room.people.get(sender) if sender is not None else None
        company = person.profile.company if person else None
        try:
            return write(Happening(entry, room.dialog.object, room.dialog.about.title, company))
        except Exception:
            _log.exception("the event %s can't be told: it goes to the dead letters", entry.id)
            return (unwritten(entry.id, event.type, event.dialog_id, entry.seq),)

    def _keep(self, box: _Box, letter: Letter, wait: timedelta) -> None:
        now = self._store.clock.now()
        box.last_number += 1
        is_dead = letter.body is None
        delivery = Delivery(
            id=letter.id,
            number=box.last_number,
            dialog_id=letter.dialog_id,
            seq=letter.seq,
            type=letter.type,
            recipient=letter.recipient,
            state=DeliveryState.DEAD if is_dead else DeliveryState.PENDING,
            attempts=0,
            due_at=now + wait,
            created_at=now,
            finished_at=now if is_dead else None,
        )
        box.kept[delivery.number] = _Kept(delivery, letter.message_id, letter.body)

    async def due(self, endpoint: EndpointId, *, under_way: Sequence[int], limit: int) -> tuple[Due, ...]:
        """Return what may be attempted."""
        box = self._boxes.get(endpoint)
        lanes = self._lanes(box, under_way) if box else []
        return tuple(self._due(lane[0].delivery.number, kept) for lane in lanes for kept in lane)[:limit]

    def _lanes(self, box: _Box, under_way: Sequence[int]) -> list[list[_Kept]]:
        """Return what is due, in the order of their turns: what holds its dialog leads those after it."""
        now = self._store.clock.now()
        lanes: list[list[_Kept]] = []
        holding: dict[UUID, list[_Kept] | None] = {}
        for kept in box.kept.values():
            if not kept.is_pending:
                continue
            one = kept.delivery
            is_free = one.due_at <= now and one.number not in under_way
            if one.dialog_id in holding:
                lane = holding[one.dialog_id]
                if lane is not None and is_free:
                    lane.append(kept)
                else:
                    holding[one.dialog_id] = None
                continue
            if is_free:
                lanes.append([kept])
            if one.attempts < HOLDING_ATTEMPTS:
                holding[one.dialog_id] = lanes[-1] if is_free else None
        return sorted(lanes, key=lambda lane: (lane[0].delivery.due_at, lane[0].delivery.number))

    def _due(self, lane: int, kept: _Kept) -> Due:
        one = kept.delivery
        assert kept.body is not None
        return Due(
            lane=lane,
            number=one.number,
            id=one.id,
            dialog_id=one.dialog_id,
            type=one.type,
            attempts=one.attempts,
            is_stale=one.type == NotificationPending.type and not self._is_needed(kept),
            body=kept.body,
        )

    def _is_needed(self, kept: _Kept) -> bool:
        room = self._store.rooms.get(kept.delivery.dialog_id)
        recipient, message_id = kept.delivery.recipient, kept.message_id
        if room is None or recipient is None or message_id is None:
            return False
        person, message = room.people.get(recipient), room.messages.get(message_id)
        return bool(person and person.notifications_enabled and message and message.seq > person.mark.seq)

    async def settle(
        self, worker: UUID, endpoint: EndpointId, outcomes: Sequence[Outcome], *, ttl: timedelta, log_all: bool
    ) -> bool:
        """Keep what came of attempts."""
        box = self._held(worker, endpoint, ttl)
        if box is None:
            return False
        for outcome in outcomes:
            self._settle(box, outcome, log_all)
        return box.endpoint.state is EndpointState.ACTIVE

    def _settle(self, box: _Box, outcome: Outcome, log_all: bool) -> None:
        now, kept = self._store.clock.now(), box.kept[outcome.number]
        is_over = outcome.state is not DeliveryState.PENDING
        kept.delivery = evolve(
            kept.delivery,
            state=outcome.state,
            attempts=outcome.attempts,
            due_at=now + outcome.wait,
            finished_at=now if is_over else None,
        )
        if is_over and outcome.state is not DeliveryState.DEAD:
            kept.body = None
        if (receipt := outcome.receipt) is None:
            return
        if log_all or not receipt.is_done:
            kept.attempts.append(Attempt(now, receipt.status, receipt.failure, receipt.milliseconds))
        if receipt.is_done:
            box.endpoint = evolve(box.endpoint, last_success_at=now)
        else:
            box.endpoint = evolve(box.endpoint, last_failure_at=now, last_failure=receipt.says)
        if receipt.is_gone and box.endpoint.state is EndpointState.ACTIVE:
            box.endpoint = evolve(box.endpoint, state=EndpointState.PARKED, why="it answered 410 Gone")

    async def deliveries(
        self, endpoint: EndpointId, *, state: DeliveryState | None, before: int | None, limit: int
    ) -> tuple[Delivery, ...]:
        """Return deliveries, newest first."""
        box = self._boxes.get(endpoint)
        newest = [kept.delivery for kept in reversed(list(box.kept.values()))] if box else []
        return tuple(
            one
            for one in newest
            if (before is None or one.number < before) and (state is None or one.state is state)
        )[:limit]

    async def delivery(
        self, endpoint: EndpointId, delivery: DeliveryId
    ) -> tuple[Delivery, tuple[Attempt, ...]] | None:
        """Return one delivery with its attempts."""
        box = self._boxes.get(endpoint)
        for kept in box.kept.values() if box else ():
            if kept.delivery.id == delivery:
                return kept.delivery, tuple(kept.attempts)
        return None

    async def replay(self, endpoint: EndpointId, delivery: DeliveryId | None) -> int:
        """Make dead letters due again."""
        box, replayed = self._boxes.get(endpoint), 0
        for kept in box.kept.values() if box else ():
            one = kept.delivery
            is_meant = delivery is None or one.id == delivery
            if one.state is DeliveryState.DEAD and kept.body is not None and is_meant:
                now = self._store.clock.now()
                kept.delivery = evolve(one, state=DeliveryState.PENDING, attempts=0, due_at=now, finished_at=None)
                replayed += 1
        return replayed

    async def prune(self, *, finished_before: datetime, dead_before: datetime, limit: int) -> int:
        """Forget what is old."""
        pruned = 0
        for box in self._boxes.values():
            for number, kept in list(box.kept.items()):
                end, is_dead = kept.delivery.finished_at, kept.delivery.state is DeliveryState.DEAD
                if end is not None and end < (dead_before if is_dead else finished_before) and pruned < limit:
                    del box.kept[number]
                    pruned += 1
        return pruned


def _counted(box: _Box) -> Endpoint:
    states = [kept.delivery.state for kept in box.kept.values()]
    return evolve(box.endpoint, pending=states.count(DeliveryState.PENDING), dead=states.count(DeliveryState.DEAD))
