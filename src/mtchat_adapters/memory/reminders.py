"""Reminders in this process."""

from collections.abc import Sequence

from attrs import evolve, frozen

from mtchat_adapters.memory.store import Changes, Failure, Room, Store
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.domain.messages import Message, MessageType
from mtchat_core.domain.notifications import MOST_TRIES, Round, Waiting, is_caught_up, retry_in
from mtchat_core.domain.participants import Participant
from mtchat_core.ports.reminders import LATE, Fallen, Outlook


@frozen
class MemoryReminders:
    """Reminders of one transaction."""

    changes: Changes

    async def take(self, dialog: DialogId) -> Fallen | None:
        """Lock a dialog whose reminder is due."""
        now = self.changes.store.clock.now()
        room = self.changes.lock(dialog)
        if room is None or room.reminder_due is None or room.reminder_due > now:
            return None
        people = [room.people[user] for user in sorted(room.people)]
        return Fallen(
            now=now,
            waiting=tuple(found for person in people if (found := _waiting(room, person))),
            caught_up=tuple(person.user_id for person in people if _is_caught_up(room, person)),
        )

    async def settle(self, dialog: DialogId, decided: Round, caught_up: Sequence[UserId]) -> None:
        """Remember who was reminded of what, and when to look again."""
        room = self.changes.room(dialog)
        room.reminder_since, room.reminder_due = decided.since, decided.due
        seqs: dict[UserId, int | None] = dict.fromkeys(caught_up)
        seqs.update((person.user_id, person.seq) for person in decided.reminded)
        for user, seq in seqs.items():
            room.people[user] = evolve(room.people[user], reminded_seq=seq)
        room.reminder_failure = None


def _is_caught_up(room: Room, person: Participant) -> bool:
    return is_caught_up(person.reminded_seq, read_seq=person.mark.seq, left=person.mark.unread(room.dialog.tally))


def _waiting(room: Room, person: Participant) -> Waiting | None:
    unread = person.mark.unread(room.dialog.tally)
    missed = _missed(room, person)
    since = room.reminder_since
    if not person.notifications_enabled or not unread or not missed or since is None:
        return None
    if missed[-1].sent_at < since:
        return None
    return Waiting(
        user_id=person.user_id,
        unread_count=unread,
        message=missed[-1].id,
        seq=missed[-1].seq,
        first_at=max(missed[0].sent_at, since),
        newest_at=missed[-1].sent_at,
    )


def _missed(room: Room, person: Participant) -> list[Message]:
    known = max(person.mark.seq, person.reminded_seq or 0)
    return [
        message
        for message in room.messages.values()
        if message.type is MessageType.USER and message.sender_id != person.user_id and message.seq > known
    ]


@frozen
class MemoryDueReminders:
    """DueReminders over the committed rooms."""

    store: Store

    async def due(self, limit: int) -> tuple[DialogId, ...]:
        """Return dialogs whose reminder is due."""
        now = self.store.clock.now()
        found = [
            (room.reminder_since, dialog)
            for dialog, room in self.store.rooms.items()
            if room.reminder_since is not None and room.reminder_due is not None and room.reminder_due <= now
            if room.reminder_failure is None or room.reminder_failure.due_at <= now
        ]
        return tuple(dialog for _, dialog in sorted(found)[:limit])

    async def postpone(self, dialog: DialogId, reason: str) -> None:
        """Look at a dialog again later, or park it."""
        async with self.store.lock:
            room = self.store.rooms.get(dialog)
            if room is None:
                return
            tries = 1 + (room.reminder_failure.tries if room.reminder_failure else 0)
            wait = retry_in(tries)
            if wait is None:
                room.reminder_since = room.reminder_due = None
            now = self.store.clock.now()
            room.reminder_failure = Failure(tries, now if wait is None else now + wait, reason)

    async def outlook(self) -> Outlook:
        """Count what waits."""
        overdue = self.store.clock.now() - LATE
        rooms = self.store.rooms.values()
        due = [room.reminder_due for room in rooms if room.reminder_due is not None]
        failures = [room.reminder_failure for room in rooms if room.reminder_failure is not None]
        return Outlook(
            waiting=len(due),
            late=sum(at <= overdue for at in due),
            parked=sum(failure.tries >= MOST_TRIES for failure in failures),
        )
