"""The event log in PostgreSQL: written with the change, read with the texts as they are now."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from attrs import frozen

from mtchat_adapters import codec
from mtchat_adapters.postgres import rows
from mtchat_adapters.postgres.session import Row, Session, Statement, Trips, Values, statement
from mtchat_core.domain.cursors import Cursor, CursorExpired
from mtchat_core.domain.events import (
    AttachmentUpdated,
    DialogDeleted,
    DialogUpdated,
    Event,
    MessageDeleted,
    MessageEdited,
    MessageSent,
    NotificationCancelled,
    NotificationPending,
    ParticipantJoined,
    ParticipantLeft,
    Recorded,
    Withdrawn,
)
from mtchat_core.domain.ids import DialogId, EventId, MessageId, UserId
from mtchat_core.ports.events import MOST_BYTES, Head, Heads, Stretch
from mtchat_core.ports.ids import IdSource

# The log is read by transaction, so within a dialog `xid` has to rise with `seq`. A transaction's own
# number does not do: whoever waits for a dialog's lock is given one as soon as the first that held it
# has ended, and those who get in between have greater ones. Nobody reads past what is not over by going
# by the greater: it is of a transaction that has ended.
_WRITE = statement("""
    with entries as materialized (
      select * from jsonb_to_recordset(cast(:entries as jsonb))
        as e (dialog_id uuid, seq bigint, id uuid, type text, message_id uuid, people text[], facts jsonb)
    ),
    changed as materialized (
      select c.*, greatest(pg_current_xact_id(), before.xid) as xid
      from (select dialog_id, min(seq) as first_seq, max(seq) as last_seq from entries group by dialog_id) c
      left join events before on before.dialog_id = c.dialog_id and before.seq = c.first_seq - 1
    ),
    numbered as (
      update dialogs d set event_seq = changed.last_seq from changed where d.id = changed.dialog_id
    )
    insert into events (dialog_id, seq, id, type, at, message_id, people, facts, xid)
    select dialog_id, e.seq, e.id, e.type, clock_timestamp(), e.message_id, e.people, e.facts, changed.xid
    from entries e join changed using (dialog_id)
    returning dialog_id, seq, at
""")

# What a reader needs of an event `e` and the message `m` it names.
_RECORDED = f"""
    e.dialog_id as event_dialog, e.seq as event_seq, e.id as event_id, e.type as event_type, e.at, e.facts,
      case when e.type = '{DialogUpdated.type}' then
        (select to_json(d) from (select {rows.DIALOG} from dialogs d where d.id = e.dialog_id) d) end as dialog,
      {rows.MESSAGE}
"""  # noqa: S608 - built from our own constants

# By its key, however many events somebody thinks there are.
_MESSAGE = """
    left join lateral (
      select * from messages where dialog_id = e.dialog_id and id = e.message_id limit 1
    ) m on true
"""

_READ = statement(f"""
    select {_RECORDED}
    from jsonb_to_recordset(cast(:wanted as jsonb)) as wanted (dialog_id uuid, after bigint)
    cross join lateral (
      select * from events e where e.dialog_id = wanted.dialog_id and e.seq > wanted.after
      order by e.seq limit :limit
    ) e
    {_MESSAGE}
    order by e.dialog_id, e.seq
    limit :limit
""")  # noqa: S608 - built from our own constants

# Every transaction below the horizon has ended, and what it logged can be read.
_NOW = """
    select pg_snapshot_xmin(pg_current_snapshot()) as horizon, event_history() as history,
      coalesce((select pruned from event_floor), '0') as pruned
"""
_LATEST = statement(f"select cast(horizon as text) as horizon, history from ({_NOW}) now")  # noqa: S608

# A cursor that is good is of this history, not from its future, and nothing behind it was forgotten.
_SINCE = f"""
    since as materialized (
      select horizon, history, xid, cast(:dialog as uuid) as dialog_id, cast(:seq as bigint) as seq,
        :is_beginning or (history = :history and pruned < xid and xid <= horizon) as is_good
      from ({_NOW}) now, (select cast(cast(:xid as text) as xid8) as xid) cursor
    )
"""  # noqa: S608 - built from our own constants
_SINCE_COLUMNS = "cast(since.horizon as text) as horizon, since.history, since.is_good"
_PLACE = "cast(e.xid as text) as xid"
_ORDER = "e.xid, e.dialog_id, e.seq"

_HEADS = statement(f"""
    with {_SINCE}
    select {_SINCE_COLUMNS}, found.*
    from since
    left join lateral (
      select {_PLACE}, e.dialog_id, e.seq,
        case when e.type = '{ParticipantJoined.type}' then e.people[1] end as joined
      from events e
      where since.is_good and ({_ORDER}) > (since.xid, since.dialog_id, since.seq) and e.xid < since.horizon
      order by {_ORDER}
      limit :limit
    ) found on true
""")  # noqa: S608 - built from our own constants


def _stretch(picked: str) -> Statement:
    """Return the statement that reads the events *picked*, in order, with their texts, up to a weight."""
    return statement(f"""
        with {_SINCE},
        {picked},
        weighed as (
          select {_PLACE}, {_RECORDED},
            row_number() over in_order as n, count(*) over () as found,
            sum(coalesce(octet_length(m.content), 0)) over in_order as weight
          from picked e
          {_MESSAGE}
          window in_order as (order by {_ORDER} rows unbounded preceding)
        )
        select {_SINCE_COLUMNS}, weighed.*
        from since left join weighed on weighed.n = 1 or (weighed.n <= :limit and weighed.weight <= :most_bytes)
        order by weighed.n
    """)  # noqa: S608 - built from our own constants


_STREAM = _stretch(f"""
    picked as materialized (
      select e.* from since
      cross join lateral (
        select * from events e
        where since.is_good and ({_ORDER}) > (since.xid, since.dialog_id, since.seq) and e.xid < since.horizon
        order by {_ORDER}
        limit :limit + 1
      ) e
    )
""")  # noqa: S608 - built from our own constants

# In each of the reader's dialogs: the last event before the cursor's transaction, and the reader's last
# coming since. What is personal names its people; so do coming and going, which everybody may know.
_MISSED = _stretch(f"""
    mine as materialized (
      select p.dialog_id, coalesce(base.seq, 0) as base, coalesce(came.seq, 0) as came
      from since
      join participants p on since.is_good and p.user_id = :reader
      left join lateral (
        select e.seq from events e where e.dialog_id = p.dialog_id and e.xid < since.xid
        order by e.seq desc limit 1
      ) base on true
      left join lateral (
        select e.seq from events e
        where e.dialog_id = p.dialog_id and e.seq > coalesce(base.seq, 0)
          and e.type = '{ParticipantJoined.type}' and e.people @> array[cast(:reader as text)]
        order by e.seq desc limit 1
      ) came on true
    ),
    picked as materialized (
      select * from (
        select e.* from since, mine
        cross join lateral (
          select * from events e
          where e.dialog_id = mine.dialog_id and e.seq > mine.base and e.seq >= mine.came
            and ({_ORDER}) > (since.xid, since.dialog_id, since.seq)
            and (e.people is null or e.type in ('{ParticipantJoined.type}', '{ParticipantLeft.type}')
              or e.people @> array[cast(:reader as text)])
            and e.type not in ('{NotificationPending.type}', '{NotificationCancelled.type}')
          order by e.seq
          limit :limit + 1
        ) e
        union all
        select e.* from since, events e
        where since.is_good and e.type in ('{ParticipantLeft.type}', '{DialogDeleted.type}')
          and e.people @> array[cast(:reader as text)]
          and ({_ORDER}) > (since.xid, since.dialog_id, since.seq)
          and not exists (select from mine where mine.dialog_id = e.dialog_id)
      ) e
      where not :only_settled or e.xid < (select horizon from since)
      order by {_ORDER}
      limit :limit + 1
    )
""")  # noqa: S608 - built from our own constants

_LAG = statement(f"""
    select clock_timestamp() - e.at as age
    from ({_NOW}) now, lateral (select at from events where xid >= horizon order by xid limit 1) e
""")  # noqa: S608 - built from our own constants

_PRUNE = statement(f"""
    with oldest as materialized (
      select * from (select dialog_id, seq, xid, at from events e order by {_ORDER} limit :limit) e
      where at < :before
    ),
    gone as (
      delete from events e using oldest where e.dialog_id = oldest.dialog_id and e.seq = oldest.seq
      returning e.xid
    ),
    remembered as (
      insert into event_floor (pruned) (select xid from gone order by xid desc limit 1)
      on conflict (is_only) do update set pruned = greatest(event_floor.pruned, excluded.pruned)
    )
    select count(*) as count from gone
""")  # noqa: S608 - built from our own constants


async def write_log(
    session: Session, ids: IdSource, events: Sequence[Event], seqs: Mapping[DialogId, int]
) -> tuple[Recorded, ...]:
    """Number *events* on from the *seqs* of their locked dialogs and write them, in one trip."""
    if not events:
        return ()
    last = dict(seqs)
    numbered: list[tuple[Event, int, EventId]] = []
    for event in events:
        last[event.dialog_id] += 1
        numbered.append((event, last[event.dialog_id], EventId(ids.new())))
    entries = [
        {
            "dialog_id": event.dialog_id,
            "seq": seq,
            "id": id_,
            "type": event.type,
            "message_id": _message_id(event),
            "people": sorted(event.audience.people) or None,
            "facts": codec.facts(event),
        }
        for event, seq, id_ in numbered
    ]
    written = await session.all(_WRITE, {"entries": json.dumps(entries, default=str)})
    at = {(row["dialog_id"], row["seq"]): row["at"] for row in written}
    return tuple(Recorded(id_, seq, at[event.dialog_id, seq], event) for event, seq, id_ in numbered)


@frozen
class PostgresEventLog:
    """EventLog: one statement each."""

    trips: Trips

    async def of_dialog(self, dialog: DialogId, *, after: int, limit: int) -> tuple[Recorded, ...]:
        """Return events of a dialog above *after*, in order."""
        return await self.of_dialogs([(dialog, after)], limit=limit)

    async def of_dialogs(self, after: Sequence[tuple[DialogId, int]], *, limit: int) -> tuple[Recorded, ...]:
        """Return events of several dialogs."""
        wanted = json.dumps([{"dialog_id": str(dialog), "after": seq} for dialog, seq in after])
        return tuple(map(_recorded, await self.trips.all(_READ, {"wanted": wanted, "limit": limit})))

    async def latest(self) -> str:
        """Return a cursor for everything logged so far, and settled."""
        [now] = await self.trips.all(_LATEST, {})
        return str(Cursor(now["history"], int(now["horizon"])))

    async def heads(self, after: str, *, limit: int) -> Heads:
        """Return what happened after a cursor."""
        now, found = await self._since(_HEADS, Cursor.read(after), {"limit": limit + 1})
        has_more = len(found) > limit
        heads = [(row, Head(row["dialog_id"], row["seq"], row["joined"])) for row in found[:limit]]
        cursor = _cursor(
            now, (heads[-1][0]["xid"], heads[-1][1].dialog_id, heads[-1][1].seq) if has_more else None
        )
        return Heads(tuple(head for _, head in heads), cursor, has_more)

    async def stream(self, after: str | None, *, limit: int) -> Stretch:
        """Return events after a cursor."""
        return await self._read(_STREAM, None if after is None else Cursor.read(after), limit, {})

    async def missed(self, user: UserId, after: str, *, limit: int, only_settled: bool = True) -> Stretch:
        """Return events after a cursor that concern one person."""
        values = {"reader": user, "only_settled": only_settled}
        return await self._read(_MISSED, Cursor.read(after), limit, values)

    async def lag(self) -> timedelta:
        """Return the age of the oldest event that is not settled yet."""
        oldest = await self.trips.one(_LAG, {})
        age: timedelta = oldest["age"] if oldest else timedelta(0)
        return max(age, timedelta(0))

    async def prune(self, before: datetime, *, limit: int) -> int:
        """Forget the oldest events."""
        [pruned] = await self.trips.all(_PRUNE, {"before": before, "limit": limit})
        count: int = pruned["count"]
        return count

    async def _read(self, wanted: Statement, after: Cursor | None, limit: int, values: Values) -> Stretch:
        values = {**values, "limit": limit, "most_bytes": MOST_BYTES}
        now, found = await self._since(wanted, after, values)
        has_more = bool(found) and found[-1]["n"] < found[-1]["found"]
        last = found[-1] if has_more else None
        place = None if last is None else (last["xid"], last["event_dialog"], last["event_seq"])
        return Stretch(tuple(map(_recorded, found)), _cursor(now, place), has_more)

    async def _since(self, wanted: Statement, after: Cursor | None, values: Values) -> tuple[Row, Sequence[Row]]:
        """Run a statement from a cursor on, and return what it says of the present, and the events."""
        cursor = after or Cursor("", 0)
        found = await self.trips.all(
            wanted,
            {
                **values,
                "is_beginning": after is None,
                "history": cursor.history,
                "xid": str(cursor.xid),
                "dialog": cursor.dialog_id,
                "seq": cursor.seq,
            },
        )
        now = found[0]
        if not now["is_good"]:
            raise CursorExpired
        return now, found if now["xid"] is not None else ()


def _cursor(now: Row, place: tuple[str, DialogId, int] | None) -> str:
    """Return the cursor behind *place*; without one, behind all that is settled."""
    if place is None:
        return str(Cursor(now["history"], int(now["horizon"])))
    xid, dialog, seq = place
    return str(Cursor(now["history"], int(xid), dialog, seq))


def _recorded(row: Row) -> Recorded:
    return Recorded(EventId(row["event_id"]), row["event_seq"], row["at"], event_of(row["event_dialog"], row))


def _message_id(event: Event) -> MessageId | None:
    """Return the message a log row names instead of repeating it."""
    if isinstance(event, MessageSent | MessageEdited | AttachmentUpdated | NotificationPending):
        return event.message.id
    return event.message_id if isinstance(event, MessageDeleted) else None


def event_of(dialog: DialogId, row: Row) -> Event:
    """Read an event from a row of the log with its message and dialog joined."""
    kind, facts = row["event_type"], row["facts"]
    cls = codec.EVENTS.get(kind)
    if cls is None:
        # A newer release logged it while both run: it keeps its number here.
        return Withdrawn(dialog_id=dialog)
    if issubclass(cls, MessageSent | MessageEdited | AttachmentUpdated | NotificationPending):
        if row["content"] is None:
            return Withdrawn(dialog_id=dialog)
        return codec.event(kind, facts, dialog_id=dialog, message=rows.message(row))
    if issubclass(cls, DialogUpdated):
        if row["dialog"] is None:
            return Withdrawn(dialog_id=dialog)
        return codec.event(kind, facts, dialog_id=dialog, dialog=rows.dialog(rows.from_json(row["dialog"])))
    return codec.event(kind, facts, dialog_id=dialog)
