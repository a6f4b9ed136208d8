"""Quiet dialogs in this process."""

from attrs import frozen

from mtchat_adapters.memory.store import Changes, Store
from mtchat_core.domain.archiving import Silence
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.ports.archiving import Stretch


@frozen
class MemoryArchive:
    """Archive of one transaction."""

    changes: Changes

    async def put_away(self, dialog: DialogId, silence: Silence) -> tuple[UserId, ...]:
        """Lock a quiet dialog and archive it."""
        now = self.changes.store.clock.now()
        room = self.changes.lock(dialog)
        if room is None or not silence.is_over(room.dialog, now=now):
            return ()
        people = sorted(user for user, person in room.people.items() if silence.puts_away(person, now=now))
        for user in people:
            room.people[user] = room.people[user].archived()
        return tuple(people)


@frozen
class MemoryQuietDialogs:
    """QuietDialogs over the committed rooms."""

    store: Store

    async def stretch(self, silence: Silence, *, after: DialogId | None, limit: int) -> Stretch:
        """Look through the next entries of people's lists."""
        now = self.store.clock.now()
        entries = [
            (dialog, room.dialog, person)
            for dialog, room in sorted(self.store.rooms.items(), key=lambda item: item[0])
            for person in room.people.values()
            if not person.is_archived and (after is None or dialog > after)
        ][:limit]
        quiet = dict.fromkeys(
            id_
            for id_, dialog, person in entries
            if silence.is_over(dialog, now=now) and silence.puts_away(person, now=now)
        )
        return Stretch(tuple(quiet), entries[-1][0] if len(entries) == limit else None)
