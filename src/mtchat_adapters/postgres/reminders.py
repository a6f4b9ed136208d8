"""Reminders in PostgreSQL: their times lie on the dialogs' rows, written by the sends."""

from collections.abc import Sequence

from attrs import frozen

from mtchat_adapters.postgres.session import Row, Session, Trips, statement
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.domain.messages import MessageType
from mtchat_core.domain.notifications import FIRST_RETRY, MOST_TRIES, Debounce, Round, Waiting
from mtchat_core.ports.reminders import LATE, Fallen, Outlook

_TAKE = statement("""
    select d.event_seq, d.reminder_since as since, clock_timestamp() as now from dialogs d
    where d.id = :dialog and d.reminder_due <= clock_timestamp() for update skip locked
""")

# A statement of its own: it sees everything that was committed before the lock was ours. What each person
# misses is looked up from both ends, so that it costs the same however much that is.
_MISSED = f"""
    select m.id, m.seq, m.sent_at from messages m
    where m.dialog_id = p.dialog_id and m.type = '{MessageType.USER.value}' and m.sender_id <> p.user_id
      and m.seq > greatest(p.read_seq, p.reminded_seq)
"""  # noqa: S608 - built from our own constants
_PEOPLE = statement(f"""
    select p.user_id, d.user_messages - p.read_counted as unread, newest.id as message, newest.seq,
      newest.sent_at as newest_at, greatest(first.sent_at, :since) as first_at,
      coalesce(p.reminded_seq <= p.read_seq or d.user_messages <= p.read_counted, false)
        and p.reminded_seq is not null as is_caught_up,
      coalesce(p.notifications_enabled and d.user_messages > p.read_counted and newest.sent_at >= :since, false)
        as is_waiting
    from dialogs d
    join participants p on p.dialog_id = d.id
    left join lateral ({_MISSED} order by m.seq desc limit 1) newest on true
    left join lateral ({_MISSED} order by m.seq limit 1) first on true
    where d.id = :dialog
    order by p.user_id
""")  # noqa: S608 - built from our own constants

_SETTLE = statement("""
    with told as (
      update participants p set reminded_seq = who.seq
      from unnest(cast(:users as text[]), cast(:seqs as bigint[])) as who (user_id, seq)
      where p.dialog_id = :dialog and p.user_id = who.user_id
    ),
    recovered as (
      delete from reminder_failures where dialog_id = :dialog
    )
    update dialogs set reminder_since = :since, reminder_due = :due where id = :dialog
""")

# Nothing is due before the delay has passed since the first message: that bounds what is looked at.
# The statement's own time is fixed, and so can lead into the index; the clock's could not.
_DUE = statement("""
    select d.id from dialogs d left join reminder_failures f on f.dialog_id = d.id
    where d.reminder_since <= statement_timestamp() - cast(:delay as interval)
      and d.reminder_due <= statement_timestamp()
      and (f.due_at is null or f.due_at <= statement_timestamp())
    order by d.reminder_since
    limit :limit
""")

# The twin of notifications.retry_in.
_POSTPONE = statement("""
    with failed as (
      insert into reminder_failures as f (dialog_id, tries, due_at, reason)
      select id, 1, clock_timestamp() + cast(:first as interval), :reason from dialogs where id = :dialog
      on conflict (dialog_id) do update set tries = f.tries + 1, reason = excluded.reason,
        due_at = clock_timestamp() + cast(:first as interval) * (2 ^ least(f.tries, cast(:most as integer)))
      returning tries
    )
    update dialogs set reminder_since = null, reminder_due = null
    where id = :dialog and exists (select from failed where tries >= cast(:most as integer))
""")

_OUTLOOK = statement("""
    select count(*) as waiting,
      count(*) filter (where reminder_due <= clock_timestamp() - cast(:late as interval)) as late,
      (select count(*) from reminder_failures where tries >= cast(:most as integer)) as parked
    from dialogs where reminder_since is not null
""")


@frozen
class PostgresReminders:
    """Reminders of one transaction; `event_seqs` remembers the last event of each dialog that is locked."""

    session: Session
    event_seqs: dict[DialogId, int]

    async def take(self, dialog: DialogId) -> Fallen | None:
        """Lock a dialog whose reminder is due."""
        taken = await self.session.one(_TAKE, {"dialog": dialog})
        if taken is None:
            return None
        self.event_seqs[dialog] = taken["event_seq"]
        people = await self.session.all(_PEOPLE, {"dialog": dialog, "since": taken["since"]})
        return Fallen(
            now=taken["now"],
            waiting=tuple(_waiting(row) for row in people if row["is_waiting"]),
            caught_up=tuple(row["user_id"] for row in people if row["is_caught_up"]),
        )

    async def settle(self, dialog: DialogId, decided: Round, caught_up: Sequence[UserId]) -> None:
        """Remember who was reminded of what, and when to look again."""
        seqs: dict[UserId, int | None] = dict.fromkeys(caught_up)
        seqs.update((person.user_id, person.seq) for person in decided.reminded)
        values = {
            "dialog": dialog,
            "users": list(seqs),
            "seqs": list(seqs.values()),
            "since": decided.since,
            "due": decided.due,
        }
        await self.session.all(_SETTLE, values)


def _waiting(row: Row) -> Waiting:
    return Waiting(
        user_id=row["user_id"],
        unread_count=row["unread"],
        message=row["message"],
        seq=row["seq"],
        first_at=row["first_at"],
        newest_at=row["newest_at"],
    )


@frozen
class PostgresDueReminders:
    """DueReminders: one statement each."""

    trips: Trips
    debounce: Debounce

    async def due(self, limit: int) -> tuple[DialogId, ...]:
        """Return dialogs whose reminder is due."""
        rows = await self.trips.all(_DUE, {"delay": self.debounce.delay, "limit": limit})
        return tuple(row["id"] for row in rows)

    async def postpone(self, dialog: DialogId, reason: str) -> None:
        """Look at a dialog again later, or park it."""
        values = {"dialog": dialog, "reason": reason, "first": FIRST_RETRY, "most": MOST_TRIES}
        await self.trips.all(_POSTPONE, values, is_repeatable=False)

    async def outlook(self) -> Outlook:
        """Count what waits."""
        [row] = await self.trips.all(_OUTLOOK, {"late": LATE, "most": MOST_TRIES})
        return Outlook(row["waiting"], row["late"], row["parked"])
