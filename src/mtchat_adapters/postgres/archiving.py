"""Quiet dialogs in PostgreSQL, found over an index that holds only what somebody has not archived."""

from uuid import UUID

from attrs import frozen

from mtchat_adapters.postgres.session import Session, Trips, statement
from mtchat_core.domain.archiving import Silence
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.ports.archiving import Stretch

# The SQL of domain.archiving.Silence.
_IS_OVER = "d.active_at <= clock_timestamp() - cast(:lasts as interval)"
_PUTS_AWAY = """
    not p.is_archived
    and (p.unarchived_at is null or p.unarchived_at <= clock_timestamp() - cast(:lasts as interval))
"""

_LOCK = statement(f"""
    select d.event_seq from dialogs d where d.id = :dialog and {_IS_OVER} for update skip locked
""")  # noqa: S608 - built from our own constants

_PUT_AWAY = statement(f"""
    update participants p set is_archived = true where p.dialog_id = :dialog and {_PUTS_AWAY} returning p.user_id
""")  # noqa: S608 - built from our own constants

_STRETCH = statement(f"""
    with p as materialized (
      select p.dialog_id, p.is_archived, p.unarchived_at from participants p
      where not p.is_archived and p.dialog_id > :after order by p.dialog_id limit cast(:limit as integer)
    )
    select
      array(select distinct d.id from p join dialogs d on d.id = p.dialog_id
        where {_IS_OVER} and {_PUTS_AWAY} order by d.id) as quiet,
      case when (select count(*) from p) = cast(:limit as integer)
        then (select p.dialog_id from p order by p.dialog_id desc limit 1) end as last
""")  # noqa: S608 - built from our own constants

_BEFORE_ALL = DialogId(UUID(int=0))


@frozen
class PostgresArchive:
    """Archive of one transaction; `event_seqs` remembers the last event of each dialog that is locked."""

    session: Session
    event_seqs: dict[DialogId, int]

    async def put_away(self, dialog: DialogId, silence: Silence) -> tuple[UserId, ...]:
        """Lock a quiet dialog and archive it; by a statement of its own, which sees who is there by now."""
        values = {"dialog": dialog, "lasts": silence.lasts}
        kept = await self.session.one(_LOCK, values)
        if kept is None:
            return ()
        self.event_seqs[dialog] = kept["event_seq"]
        return tuple(sorted(row["user_id"] for row in await self.session.all(_PUT_AWAY, values)))


@frozen
class PostgresQuietDialogs:
    """QuietDialogs: one statement."""

    trips: Trips

    async def stretch(self, silence: Silence, *, after: DialogId | None, limit: int) -> Stretch:
        """Look through the next entries of people's lists."""
        values = {"lasts": silence.lasts, "after": after or _BEFORE_ALL, "limit": limit}
        [row] = await self.trips.all(_STRETCH, values)
        return Stretch(tuple(row["quiet"]), row["last"])
