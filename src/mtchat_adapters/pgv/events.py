"""The event log in PostgreSQL: written with the change, read with the texts as they are now."""

import json
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from attrs import frozen
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mtchat_adapters import codec
from mtchat_adapters.pgv import rows
from mtchat_adapters.pgv.failures import repeatable
from mtchat_core.domain.events import (
    DialogUpdated,
    Event,
    MessageDeleted,
    MessageEdited,
    MessageSent,
    Recorded,
    Withdrawn,
)
from mtchat_core.domain.ids import DialogId, EventId, MessageId
from mtchat_core.ports.ids import IdSource

_WRITE = sa.text("""
    with entries as (
      select * from jsonb_to_recordset(cast(:entries as jsonb))
        as e (dialog_id uuid, seq bigint, id uuid, type text, message_id uuid, people text[], facts jsonb)
    ),
    numbered as (
      update dialogs set event_seq = newest.seq
      from (select dialog_id, max(seq) as seq from entries group by dialog_id) newest
      where dialogs.id = newest.dialog_id
    )
    insert into events (dialog_id, seq, id, type, at, message_id, people, facts)
    select dialog_id, seq, id, type, clock_timestamp(), message_id, people, facts from entries
    returning dialog_id, seq, at
""")

_READ = sa.text("""
    select e.seq as event_seq, e.id as event_id, e.type as event_type, e.at, e.facts, e.message_id, m.*
    from events e
    left join messages m on m.dialog_id = e.dialog_id and m.id = e.message_id
    where e.dialog_id = :dialog and e.seq > :after
    order by e.seq
    limit :limit
""").columns(facts=sa.JSON)

_DIALOG = sa.text("select * from dialogs where id = :dialog").columns(meta=sa.JSON)

_HORIZON = sa.text("select cast(pg_snapshot_xmin(pg_current_snapshot()) as text)")


def message_id(event: Event) -> MessageId | None:
    """Return the message a log row names instead of repeating it."""
    if isinstance(event, MessageSent | MessageEdited):
        return event.message.id
    return event.message_id if isinstance(event, MessageDeleted) else None


async def write_log(
    connection: AsyncConnection, ids: IdSource, events: Sequence[Event], seqs: Mapping[DialogId, int]
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
            "dialog_id": str(event.dialog_id),
            "seq": seq,
            "id": str(id_),
            "type": event.type,
            "message_id": None if (named := message_id(event)) is None else str(named),
            "people": sorted(event.audience.people) or None,
            "facts": codec.facts(event),
        }
        for event, seq, id_ in numbered
    ]
    written = await connection.execute(_WRITE, {"entries": json.dumps(entries)})
    at = {(row.dialog_id, row.seq): row.at for row in written}
    return tuple(Recorded(id_, seq, at[event.dialog_id, seq], event) for event, seq, id_ in numbered)


@frozen
class PostgresEventLog:
    """EventLog over what was committed."""

    reads: AsyncEngine

    async def of_dialog(self, dialog: DialogId, *, after: int, limit: int) -> tuple[Recorded, ...]:
        """Return events of a dialog above *after*, in order."""

        async def read() -> tuple[Recorded, ...]:
            async with self.reads.connect() as connection:
                found = (await connection.execute(_READ, {"dialog": dialog, "after": after, "limit": limit})).all()
                about = (await connection.execute(_DIALOG, {"dialog": dialog})).one_or_none()
            return tuple(
                Recorded(EventId(row.event_id), row.event_seq, row.at, _event(dialog, row, about)) for row in found
            )

        return await repeatable(read)

    async def latest(self) -> str:
        """Return a cursor: every transaction before it is finished and can be read."""

        async def read() -> str:
            async with self.reads.connect() as connection:
                horizon: str = (await connection.execute(_HORIZON)).scalar_one()
            return f"pg:{horizon}"

        return await repeatable(read)


def _event(dialog: DialogId, row: rows.Row, about: rows.Row | None) -> Event:
    cls = codec.EVENTS[row.event_type]
    if issubclass(cls, MessageSent | MessageEdited):
        if row.content is None:
            return Withdrawn(dialog_id=dialog)
        return codec.event(row.event_type, row.facts, dialog_id=dialog, message=rows.message(row))
    if issubclass(cls, DialogUpdated):
        if about is None:
            return Withdrawn(dialog_id=dialog)
        return codec.event(row.event_type, row.facts, dialog_id=dialog, dialog=rows.dialog(about))
    return codec.event(row.event_type, row.facts, dialog_id=dialog)
