"""Webhooks in PostgreSQL: places in the log, deliveries with their bodies, attempts.

Whatever changes an endpoint's deliveries holds the endpoint's row first, so that `is_head` stays true:
the first delivery of each dialog that may still hold others, and all before it. Looking for what is due
then costs the same however much waits, and however much of it is of one dialog.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeGuard
from uuid import UUID

from attrs import frozen

from mtchat_adapters.postgres import rows
from mtchat_adapters.postgres.events import event_of
from mtchat_adapters.postgres.failures import Fault
from mtchat_adapters.postgres.session import Row, Trips, Values, statement, transaction
from mtchat_core.domain.dialogs import ObjectRef
from mtchat_core.domain.errors import ServiceUnavailable
from mtchat_core.domain.events import NotificationPending, Recorded
from mtchat_core.domain.ids import DialogId, EventId, UserId
from mtchat_core.domain.webhooks import (
    HOLDING_ATTEMPTS,
    TYPES,
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
    Source,
    WebhookNameTaken,
    freed,
    unwritten,
)
from mtchat_core.ports.webhooks import Due, Relayed, Write

_LANE = 16
"""Most deliveries of one dialog that are handed out together."""

_log = logging.getLogger(__name__)

_ENDPOINT = (
    "w.id, w.name, w.url, w.secrets, w.events, w.source, w.state, w.why, w.created_at,"
    " w.last_success_at, w.last_failure_at, w.last_failure"
)
_COUNTED = """
    (select count(*) from (select from webhook_deliveries d where d.endpoint_id = w.id and d.state = 'pending'
      limit 10000) counted) as pending,
    (select count(*) from (select from webhook_deliveries d where d.endpoint_id = w.id and d.state = 'dead'
      limit 10000) counted) as dead
"""
_DELIVERY = (
    "d.id, d.number, d.dialog_id, d.seq, d.type, d.recipient, d.state, d.attempts, d.due_at, d.created_at,"
    " d.finished_at"
)

_ADD = statement("""
    insert into webhook_endpoints (id, name, url, secrets, events, source, state)
    values (:id, :name, :url, cast(:secrets as text[]), cast(:events as text[]), :source, :state)
    on conflict (name) where state <> 'removed' do nothing
    returning id
""")

_FOLLOW_SETTINGS = statement("""
    insert into webhook_endpoints (id, name, url, secrets, events, source, state)
    values (:id, :name, :url, null, cast(:events as text[]), :source, :state)
    on conflict (name) where state <> 'removed' do update set
      url = excluded.url, secrets = null, events = excluded.events, source = excluded.source,
      state = case when webhook_endpoints.state = 'parked' and webhook_endpoints.url = excluded.url
        then 'parked' else 'active' end,
      why = case when webhook_endpoints.state = 'parked' and webhook_endpoints.url = excluded.url
        then webhook_endpoints.why end
""")
_SETTINGS_GONE = statement("""
    update webhook_endpoints set state = 'disabled', why = 'WEBHOOK_URL is not set any more'
    where source = 'settings' and state in ('active', 'parked')
""")

_ENDPOINTS = statement(f"""
    select {_ENDPOINT}, {_COUNTED} from webhook_endpoints w
    where w.state <> 'removed' and (cast(:id as uuid) is null or w.id = :id)
    order by w.created_at, w.id
""")  # noqa: S608 - built from our own constants

_CHANGE = statement("""
    update webhook_endpoints w set name = :name, url = :url, secrets = cast(:secrets as text[]),
      events = cast(:events as text[]), state = :state, why = :why
    where w.id = :id and w.state <> 'removed'
      and not exists (select from webhook_endpoints o
        where o.name = :name and o.id <> :id and o.state <> 'removed')
    returning w.id
""")

# The name is free at once.
_REMOVE = statement("""
    update webhook_endpoints set state = 'removed', leased_by = null, leased_until = null
    where id = :id and state <> 'removed' returning id
""")

# A place that lies ahead of this log's present end is of another one, from which the rows were copied
# (dump and restore): whoever stands there goes on from the present.
_LEASE = statement(f"""
    with free as (
      select w.id, w.log_xid > pg_snapshot_xmin(pg_current_snapshot()) as is_ahead from webhook_endpoints w
      where w.state = 'active' and not w.id = any(cast(:running as uuid[]))
        and (w.leased_until is null or w.leased_until < clock_timestamp() or w.leased_by = :worker)
        and (
          exists (select from webhook_deliveries d where d.endpoint_id = w.id and d.state = 'pending' and d.is_head
            and d.due_at <= clock_timestamp())
          or exists (select from events e
            where (e.xid, e.dialog_id, e.seq) > (w.log_xid, w.log_dialog_id, w.log_seq)
              and e.xid < pg_snapshot_xmin(pg_current_snapshot()))
          or w.log_xid > pg_snapshot_xmin(pg_current_snapshot())
        )
      for update skip locked
    )
    update webhook_endpoints w set leased_by = :worker, leased_until = clock_timestamp() + cast(:ttl as interval),
      log_xid = case when is_ahead then pg_snapshot_xmin(pg_current_snapshot()) else log_xid end,
      log_dialog_id = case when is_ahead then '00000000-0000-0000-0000-000000000000' else log_dialog_id end,
      log_seq = case when is_ahead then 0 else log_seq end
    from free where w.id = free.id
    returning {_ENDPOINT}, 0 as pending, 0 as dead
""")  # noqa: S608 - built from our own constants

_RELEASE = statement("""
    update webhook_endpoints set leased_by = null, leased_until = null where id = :id and leased_by = :worker
""")

# What comes after in the same transaction sees all that was committed before the row was ours.
_HOLD = statement(f"""
    update webhook_endpoints w set
      leased_until = clock_timestamp() + cast(:ttl as interval),
      last_success_at = case when cast(:succeeded as boolean) then clock_timestamp() else last_success_at end,
      last_failure_at = case when cast(:failure as text) is null then last_failure_at else clock_timestamp() end,
      last_failure = coalesce(cast(:failure as text), last_failure),
      why = case when cast(:is_gone as boolean) and state = 'active' then 'it answered 410 Gone' else why end,
      state = case when cast(:is_gone as boolean) and state = 'active' then 'parked' else state end
    where w.id = :id and w.leased_by = :worker and w.state <> 'removed'
    returning {_ENDPOINT}, 0 as pending, 0 as dead, cast(w.log_xid as text) as log_xid, w.log_dialog_id, w.log_seq
""")  # noqa: S608 - built from our own constants

_READ = statement(f"""
    select cast(e.xid as text) as log_xid, e.dialog_id as log_dialog_id, e.seq as log_seq, e.id as event_id,
      e.type as event_type, e.at, e.facts, null as dialog, d.object_type, d.object_id, d.title,
      s.company as sender_company, {rows.MESSAGE}
    from (
      select e.xid, e.dialog_id, e.seq, e.id, e.type, e.at, e.facts, e.message_id from events e
      where (e.xid, e.dialog_id, e.seq)
          > (cast(cast(:log_xid as text) as xid8), cast(:log_dialog_id as uuid), cast(:log_seq as bigint))
        and e.xid < pg_snapshot_xmin(pg_current_snapshot())
      order by e.xid, e.dialog_id, e.seq
      limit :limit
    ) e
    left join dialogs d on d.id = e.dialog_id and e.type = any(cast(:types as text[]))
    left join messages m on m.dialog_id = d.id and m.id = e.message_id
    left join participants s on s.dialog_id = d.id and s.user_id = m.sender_id
    order by e.xid, e.dialog_id, e.seq
""")  # noqa: S608 - built from our own constants

_KEEP = statement(f"""
    with incoming as materialized (
      select i.*, i.body is null as is_dead from unnest(
        cast(:ids as uuid[]), cast(:dialogs as uuid[]), cast(:seqs as bigint[]), cast(:types as text[]),
        cast(:recipients as text[]), cast(:messages as uuid[]), cast(:bodies as bytea[])
      ) with ordinality as i (id, dialog_id, seq, type, recipient, message_id, body, n)
    ),
    held as materialized (
      select distinct i.dialog_id from incoming i
      where exists (select from webhook_deliveries d where d.endpoint_id = :id and d.dialog_id = i.dialog_id
        and d.state = 'pending' and d.is_head and d.attempts < {HOLDING_ATTEMPTS})
    ),
    advanced as (
      update webhook_endpoints w set log_xid = cast(cast(:log_xid as text) as xid8),
        log_dialog_id = :log_dialog_id, log_seq = :log_seq,
        last_number = w.last_number + (select count(*) from incoming)
      where w.id = :id
      returning w.last_number - (select count(*) from incoming) as last_number
    )
    insert into webhook_deliveries (endpoint_id, number, id, dialog_id, seq, type, recipient, message_id, body,
      state, is_head, due_at, created_at, finished_at)
    select :id, a.last_number + i.n, i.id, i.dialog_id, i.seq, i.type, i.recipient, i.message_id, i.body,
      case when i.is_dead then 'dead' else 'pending' end,
      row_number() over (partition by i.dialog_id, i.is_dead order by i.n) = 1
        and not exists (select from held where held.dialog_id = i.dialog_id),
      clock_timestamp() + cast(:wait as interval), clock_timestamp(),
      case when i.is_dead then clock_timestamp() end
    from incoming i cross join advanced a
    on conflict (endpoint_id, id) do nothing
""")  # noqa: S608 - built from our own constants

# A dead letter that is sent again leads nobody: those after it have their own.
_DUE = statement(f"""
    with heads as materialized (
      select d.number, d.dialog_id, d.attempts, d.due_at from webhook_deliveries d
      where d.endpoint_id = :id and d.state = 'pending' and d.is_head and d.due_at <= clock_timestamp()
        and not d.number = any(cast(:under_way as bigint[]))
      order by d.due_at, d.number limit :limit
    )
    select h.number as lane, d.number, d.id, d.dialog_id, d.type, d.attempts, d.body,
      d.type = '{NotificationPending.type}' and not exists (
        select from participants p
        join messages m on m.dialog_id = d.dialog_id and m.id = d.message_id and m.seq > p.read_seq
        where p.dialog_id = d.dialog_id and p.user_id = d.recipient and p.notifications_enabled
      ) as is_stale
    from heads h
    cross join lateral (
      select h.number
      union all
      (select f.number from webhook_deliveries f
      where h.attempts < {HOLDING_ATTEMPTS} and f.endpoint_id = :id and f.dialog_id = h.dialog_id
        and f.state = 'pending' and not f.is_head and f.number > h.number and f.due_at <= clock_timestamp()
        and not exists (select from webhook_deliveries l
          where l.endpoint_id = :id and l.dialog_id = h.dialog_id and l.state = 'pending' and l.is_head
            and l.number > h.number)
      order by f.number limit {_LANE - 1})
    ) lane
    join webhook_deliveries d on d.endpoint_id = :id and d.number = lane.number
    order by h.due_at, h.number, d.number
    limit :limit
""")  # noqa: S608 - built from our own constants

# Whoever had failed too often to hold its dialog frees nobody again: the first that holds leads already.
_SETTLE = statement(f"""
    with outcome as materialized (
      select * from unnest(
        cast(:numbers as bigint[]), cast(:states as text[]), cast(:attempts as integer[]),
        cast(:waits as interval[]), cast(:statuses as integer[]), cast(:failures as text[]),
        cast(:milliseconds as integer[]), cast(:are_logged as boolean[])
      ) as o (number, state, attempts, wait, status, failure, milliseconds, is_logged)
    ),
    settled as (
      update webhook_deliveries d set state = o.state, attempts = o.attempts, is_head = true,
        due_at = clock_timestamp() + o.wait,
        finished_at = case when o.state <> 'pending' then clock_timestamp() end,
        body = case when o.state in ('pending', 'dead') then d.body end
      from outcome o
      where d.endpoint_id = :id and d.number = o.number and d.state = 'pending'
    ),
    freed as (
      update webhook_deliveries d set is_head = true
      from unnest(cast(:freed_dialogs as uuid[]), cast(:freed_after as bigint[])) as f (dialog_id, after)
      cross join lateral (
        select n.number from webhook_deliveries n
        where n.endpoint_id = :id and n.dialog_id = f.dialog_id and n.state = 'pending'
          and n.attempts < {HOLDING_ATTEMPTS} and n.number > f.after
        order by n.number limit 1
      ) next
      where d.endpoint_id = :id and d.number = next.number and not d.is_head
        and not d.number in (select number from outcome)
    )
    insert into webhook_attempts (endpoint_id, number, at, status, failure, milliseconds)
    select :id, o.number, clock_timestamp(), o.status, o.failure, o.milliseconds from outcome o where o.is_logged
""")  # noqa: S608 - built from our own constants

_DELIVERIES = statement(f"""
    select {_DELIVERY} from webhook_deliveries d
    where d.endpoint_id = :id and d.number < :before order by d.number desc limit :limit
""")  # noqa: S608 - built from our own constants
_DELIVERIES_IN = statement(f"""
    select {_DELIVERY} from webhook_deliveries d
    where d.endpoint_id = :id and d.state = :state and d.number < :before order by d.number desc limit :limit
""")  # noqa: S608 - built from our own constants
_ONE_DELIVERY = statement(f"""
    select {_DELIVERY}, a.at as attempted_at, a.status, a.failure, a.milliseconds
    from webhook_deliveries d
    left join webhook_attempts a on a.endpoint_id = d.endpoint_id and a.number = d.number
    where d.endpoint_id = :id and d.id = :delivery
    order by a.at
""")  # noqa: S608 - built from our own constants

_LOCK = statement("select id from webhook_endpoints where id = :id and state <> 'removed' for update")
_REPLAY = statement("""
    update webhook_deliveries d set state = 'pending', is_head = true, attempts = 0, due_at = clock_timestamp(),
      finished_at = null
    where d.endpoint_id = :id and d.state = 'dead' and d.body is not null
      and (cast(:delivery as uuid) is null or d.id = :delivery)
    returning d.number
""")

_PRUNE = statement("""
    with old as materialized (
      (select d.endpoint_id, d.number from webhook_deliveries d
      where d.finished_at < :dead_before or (d.finished_at < :finished_before and d.state <> 'dead')
      order by d.finished_at limit :limit)
      union
      (select d.endpoint_id, d.number from webhook_deliveries d
      join webhook_endpoints w on w.id = d.endpoint_id and w.state = 'removed' limit :limit)
    ),
    attempts as (
      delete from webhook_attempts a using old where a.endpoint_id = old.endpoint_id and a.number = old.number
    ),
    deliveries as (
      delete from webhook_deliveries d using old where d.endpoint_id = old.endpoint_id and d.number = old.number
      returning d.number
    ),
    endpoints as (
      delete from webhook_endpoints w
      where w.state = 'removed' and not exists (select from webhook_deliveries d where d.endpoint_id = w.id)
    )
    select count(*) as pruned from deliveries
""")


@frozen
class PostgresWebhooks:
    """WebhookStore."""

    trips: Trips

    async def add(self, endpoint: Endpoint) -> None:
        """Keep a new endpoint at the log's present end."""
        if await self.trips.one(_ADD, _written(endpoint), is_repeatable=False) is None:
            raise WebhookNameTaken

    async def follow_settings(self, endpoint: Endpoint | None) -> None:
        """Keep the endpoint of the settings as they are now."""
        if endpoint is None:
            await self.trips.all(_SETTINGS_GONE, {})
        else:
            await self.trips.all(_FOLLOW_SETTINGS, _written(endpoint))

    async def endpoints(self) -> tuple[Endpoint, ...]:
        """Return every endpoint."""
        return tuple(map(_endpoint, await self.trips.all(_ENDPOINTS, {"id": None})))

    async def endpoint(self, endpoint: EndpointId) -> Endpoint | None:
        """Return one endpoint."""
        row = await self.trips.one(_ENDPOINTS, {"id": endpoint})
        return _endpoint(row) if row else None

    async def change(self, endpoint: Endpoint) -> bool:
        """Keep an endpoint's changes."""
        if await self.trips.one(_CHANGE, {**_written(endpoint), "why": endpoint.why}):
            return True
        if await self.endpoint(endpoint.id):
            raise WebhookNameTaken
        return False

    async def remove(self, endpoint: EndpointId) -> bool:
        """Forget an endpoint."""
        return await self.trips.one(_REMOVE, {"id": endpoint}) is not None

    async def lease(self, worker: UUID, *, ttl: timedelta, running: Sequence[EndpointId]) -> tuple[Endpoint, ...]:
        """Take what nobody holds and has something to do."""
        taken = await self.trips.all(_LEASE, {"worker": worker, "ttl": ttl, "running": list(running)})
        return tuple(map(_endpoint, taken))

    async def release(self, worker: UUID, endpoint: EndpointId) -> None:
        """Let others have an endpoint."""
        await self.trips.all(_RELEASE, {"worker": worker, "id": endpoint})

    async def renew(self, worker: UUID, endpoint: EndpointId, *, ttl: timedelta) -> Endpoint | None:
        """Hold an endpoint for longer."""
        held = await self.trips.one(_HOLD, _holding(worker, endpoint, ttl))
        return _endpoint(held) if _is_active(held) else None

    async def relay(
        self, worker: UUID, endpoint: EndpointId, write: Write, *, ttl: timedelta, wait: timedelta, limit: int
    ) -> Relayed | None:
        """Read on in the log and keep what is written of it."""
        async with transaction(self.trips.pool) as session:
            held = await session.one(_HOLD, _holding(worker, endpoint, ttl))
            if not _is_active(held):
                return None
            wanted = list(TYPES) if held["events"] is None else held["events"]
            read = await session.all(_READ, {**_place(held), "types": wanted, "limit": limit})
            if not read:
                return Relayed()
            kept = [letter for row in read if row["object_id"] is not None for letter in _letters(row, write)]
            await session.all(_KEEP, {"id": endpoint, "wait": wait, **_place(read[-1]), **_arrays(kept)})
        return Relayed(len(read), len(kept), sum(letter.body is None for letter in kept))

    async def due(self, endpoint: EndpointId, *, under_way: Sequence[int], limit: int) -> tuple[Due, ...]:
        """Return what may be attempted."""
        found = await self.trips.all(_DUE, {"id": endpoint, "under_way": list(under_way), "limit": limit})
        return tuple(
            Due(
                lane=row["lane"],
                number=row["number"],
                id=DeliveryId(row["id"]),
                dialog_id=DialogId(row["dialog_id"]),
                type=row["type"],
                attempts=row["attempts"],
                is_stale=row["is_stale"],
                body=row["body"],
            )
            for row in found
        )

    async def settle(
        self, worker: UUID, endpoint: EndpointId, outcomes: Sequence[Outcome], *, ttl: timedelta, log_all: bool
    ) -> bool:
        """Keep what came of attempts."""
        receipts = [outcome.receipt for outcome in outcomes if outcome.receipt]
        failures = [receipt.says for receipt in receipts if not receipt.is_done]
        holding = {
            **_holding(worker, endpoint, ttl),
            "succeeded": any(receipt.is_done for receipt in receipts),
            "failure": failures[-1] if failures else None,
            "is_gone": any(receipt.is_gone for receipt in receipts),
        }
        async with transaction(self.trips.pool) as session:
            held = await session.one(_HOLD, holding)
            if held is None:
                return False
            await session.all(_SETTLE, {"id": endpoint, **_settled(outcomes, log_all)})
        return _is_active(held)

    async def deliveries(
        self, endpoint: EndpointId, *, state: DeliveryState | None, before: int | None, limit: int
    ) -> tuple[Delivery, ...]:
        """Return deliveries, newest first."""
        values: Values = {"id": endpoint, "before": (1 << 63) - 1 if before is None else before, "limit": limit}
        if state is None:
            found = await self.trips.all(_DELIVERIES, values)
        else:
            found = await self.trips.all(_DELIVERIES_IN, {**values, "state": state.value})
        return tuple(map(_delivery, found))

    async def delivery(
        self, endpoint: EndpointId, delivery: DeliveryId
    ) -> tuple[Delivery, tuple[Attempt, ...]] | None:
        """Return one delivery with its attempts."""
        found = await self.trips.all(_ONE_DELIVERY, {"id": endpoint, "delivery": delivery})
        if not found:
            return None
        attempts = tuple(
            Attempt(row["attempted_at"], row["status"], row["failure"], row["milliseconds"])
            for row in found
            if row["attempted_at"]
        )
        return _delivery(found[0]), attempts

    async def replay(self, endpoint: EndpointId, delivery: DeliveryId | None) -> int:
        """Make dead letters due again."""
        async with transaction(self.trips.pool) as session:
            await session.all(_LOCK, {"id": endpoint})
            return len(await session.all(_REPLAY, {"id": endpoint, "delivery": delivery}))

    async def prune(self, *, finished_before: datetime, dead_before: datetime, limit: int) -> int:
        """Forget what is old."""
        values = {"finished_before": finished_before, "dead_before": dead_before, "limit": limit}
        [row] = await self.trips.all(_PRUNE, values)
        pruned: int = row["pruned"]
        return pruned


def _letters(row: Row, write: Write) -> Sequence[Letter]:
    """Write what one event becomes; one that can't be written takes its place all the same."""
    dialog, id_ = DialogId(row["log_dialog_id"]), EventId(row["event_id"])
    try:
        event = event_of(dialog, row)
        about = ObjectRef(row["object_type"], row["object_id"])
        recorded = Recorded(id_, row["log_seq"], row["at"], event)
        return write(Happening(recorded, about, row["title"], row["sender_company"]))
    except (ServiceUnavailable, Fault):
        raise
    except Exception:
        _log.exception("the event %s can't be told: it goes to the dead letters", id_)
        return (unwritten(id_, row["event_type"], dialog, row["log_seq"]),)


def _is_active(held: Row | None) -> TypeGuard[Row]:
    return held is not None and held["state"] == EndpointState.ACTIVE.value


def _place(row: Row) -> dict[str, object]:
    return {name: row[name] for name in ("log_xid", "log_dialog_id", "log_seq")}


def _holding(worker: UUID, endpoint: EndpointId, ttl: timedelta) -> dict[str, object]:
    return {
        "worker": worker,
        "id": endpoint,
        "ttl": ttl,
        "succeeded": False,
        "failure": None,
        "is_gone": False,
    }


def _arrays(letters: Sequence[Letter]) -> Values:
    return {
        "ids": [letter.id for letter in letters],
        "dialogs": [letter.dialog_id for letter in letters],
        "seqs": [letter.seq for letter in letters],
        "types": [letter.type for letter in letters],
        "recipients": [letter.recipient for letter in letters],
        "messages": [letter.message_id for letter in letters],
        "bodies": [letter.body for letter in letters],
    }


def _settled(outcomes: Sequence[Outcome], log_all: bool) -> Values:
    receipts = [outcome.receipt for outcome in outcomes]
    free = freed(outcomes)
    return {
        "numbers": [outcome.number for outcome in outcomes],
        "states": [outcome.state.value for outcome in outcomes],
        "attempts": [outcome.attempts for outcome in outcomes],
        "waits": [outcome.wait for outcome in outcomes],
        "statuses": [receipt and receipt.status for receipt in receipts],
        "failures": [receipt and receipt.failure for receipt in receipts],
        "milliseconds": [receipt.milliseconds if receipt else 0 for receipt in receipts],
        "are_logged": [receipt is not None and (log_all or not receipt.is_done) for receipt in receipts],
        "freed_dialogs": list(free.keys()),
        "freed_after": list(free.values()),
    }


def _written(endpoint: Endpoint) -> Values:
    return {
        "id": endpoint.id,
        "name": endpoint.name,
        "url": endpoint.url,
        "secrets": list(endpoint.secrets) or None,
        "events": None if endpoint.events is None else list(endpoint.events),
        "source": endpoint.source.value,
        "state": endpoint.state.value,
    }


def _endpoint(row: Row) -> Endpoint:
    return Endpoint(
        id=EndpointId(row["id"]),
        name=row["name"],
        url=row["url"],
        secrets=tuple(row["secrets"] or ()),
        events=None if row["events"] is None else tuple(row["events"]),
        source=Source(row["source"]),
        state=EndpointState(row["state"]),
        why=row["why"],
        created_at=row["created_at"],
        last_success_at=row["last_success_at"],
        last_failure_at=row["last_failure_at"],
        last_failure=row["last_failure"],
        pending=row["pending"],
        dead=row["dead"],
    )


def _delivery(row: Row) -> Delivery:
    return Delivery(
        id=DeliveryId(row["id"]),
        number=row["number"],
        dialog_id=DialogId(row["dialog_id"]),
        seq=row["seq"],
        type=row["type"],
        recipient=None if row["recipient"] is None else UserId(row["recipient"]),
        state=DeliveryState(row["state"]),
        attempts=row["attempts"],
        due_at=row["due_at"],
        created_at=row["created_at"],
        finished_at=row["finished_at"],
    )
