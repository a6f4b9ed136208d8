"""The event log in PostgreSQL: written with the change, read with the texts as they are now."""

import json
from collections.abc import Mapping, Sequence

from attrs import frozen

from mtchat_adapters import codec
from mtchat_adapters.postgres import rows
from mtchat_adapters.postgres.session import Row, Session, Trips, statement
from mtchat_core.domain.events import (
    DialogUpdated,
    Event,
    MessageDeleted,
    MessageEdited,
    MessageSent,
    NotificationPending,
    Recorded,
    Withdrawn,
)
from mtchat_core.domain.ids import DialogId, EventId, MessageId
from mtchat_core.ports.ids import IdSource

_WRITE = statement("""
    with entries as materialized (
      select * from jsonb_to_recordset(cast(:entries as jsonb))
        as e (dialog_id uuid, seq bigint, id uuid, type text, message_id uuid, people text[], facts jsonb)
    ),
    numbered as (
      update dialogs d set event_seq = newest.seq
      from (select dialog_id, max(seq) as seq from entries group by dialog_id) newest
      where d.id = newest.dialog_id
    )
    insert into events (dialog_id, seq, id, type, at, message_id, people, facts)
    select dialog_id, seq, id, type, clock_timestamp(), message_id, people, facts from entries
    returning dialog_id, seq, at
""")

_READ = statement(f"""
    select e.seq as event_seq, e.id as event_id, e.type as event_type, e.at, e.facts,
      case when e.type = '{DialogUpdated.type}' then
        (select to_json(d) from (select {rows.DIALOG} from dialogs d where d.id = e.dialog_id) d) end as dialog,
      {rows.MESSAGE}
    from events e
    left join messages m on m.dialog_id = e.dialog_id and m.id = e.message_id
    where e.dialog_id = :dialog and e.seq > :after
    order by e.seq
    limit :limit
""")  # noqa: S608 - built from our own constants

# Every transaction below is finished, and what it logged can be read.
_HORIZON = statement("select cast(pg_snapshot_xmin(pg_current_snapshot()) as text) as horizon")


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
        found = await self.trips.all(_READ, {"dialog": dialog, "after": after, "limit": limit})
        return tuple(
            Recorded(EventId(row["event_id"]), row["event_seq"], row["at"], event_of(dialog, row)) for row in found
        )

    async def latest(self) -> str:
        """Return a cursor: every transaction before it is finished and can be read."""
        [now] = await self.trips.all(_HORIZON, {})
        return f"pg:{now['horizon']}"


def _message_id(event: Event) -> MessageId | None:
    """Return the message a log row names instead of repeating it."""
    if isinstance(event, MessageSent | MessageEdited | NotificationPending):
        return event.message.id
    return event.message_id if isinstance(event, MessageDeleted) else None


def event_of(dialog: DialogId, row: Row) -> Event:
    """Read an event from a row of the log with its message and dialog joined."""
    kind, facts = row["event_type"], row["facts"]
    cls = codec.EVENTS.get(kind)
    if cls is None:
        # A newer release logged it while both run: it keeps its number here.
        return Withdrawn(dialog_id=dialog)
    if issubclass(cls, MessageSent | MessageEdited | NotificationPending):
        if row["content"] is None:
            return Withdrawn(dialog_id=dialog)
        return codec.event(kind, facts, dialog_id=dialog, message=rows.message(row))
    if issubclass(cls, DialogUpdated):
        if row["dialog"] is None:
            return Withdrawn(dialog_id=dialog)
        return codec.event(kind, facts, dialog_id=dialog, dialog=rows.dialog(rows.from_json(row["dialog"])))
    return codec.event(kind, facts, dialog_id=dialog)
