"""The event log of this process."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from attrs import frozen

from mtchat_adapters.memory.store import Logged, Store
from mtchat_core.domain.cursors import Cursor, CursorExpired
from mtchat_core.domain.events import (
    AttachmentUpdated,
    DialogDeleted,
    MessageEdited,
    MessageSent,
    NotificationPending,
    ParticipantJoined,
    ParticipantLeft,
    Recorded,
)
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.ports.events import MOST_BYTES, Head, Heads, Stretch


@frozen
class MemoryEventLog:
    """EventLog over what was committed: one transaction after the other, so that everything is settled."""

    store: Store

    async def of_dialog(self, dialog: DialogId, *, after: int, limit: int) -> tuple[Recorded, ...]:
        """Return events of a dialog above *after*, in order."""
        return await self.of_dialogs([(dialog, after)], limit=limit)

    async def of_dialogs(self, after: Sequence[tuple[DialogId, int]], *, limit: int) -> tuple[Recorded, ...]:
        """Return events of several dialogs."""
        wanted = dict(after)
        found = [
            line.recorded
            for line in self.store.log
            if line.dialog_id in wanted and line.recorded.seq > wanted[line.dialog_id]
        ]
        return tuple(self.store.read_log(entry) for entry in found[:limit])

    async def latest(self) -> str:
        """Return a cursor for everything logged so far."""
        return self._now()

    async def heads(self, after: str, *, limit: int) -> Heads:
        """Return what happened after a cursor."""
        lines, has_more = _first(self._after(after), limit)
        return Heads(tuple(_head(line) for line in lines), self._behind(lines, has_more), has_more)

    async def stream(self, after: str | None, *, limit: int) -> Stretch:
        """Return events after a cursor."""
        return self._stretch(self.store.log if after is None else self._after(after), limit)

    async def missed(self, user: UserId, after: str, *, limit: int, only_settled: bool = True) -> Stretch:  # noqa: ARG002
        """Return events after a cursor that concern one person."""
        lines = self._after(after)
        xid = Cursor.read(after).xid
        came = {
            line.dialog_id: line.recorded.seq
            for line in self.store.log
            if line.xid >= xid
            and isinstance(line.recorded.event, ParticipantJoined)
            and line.recorded.event.user_id == user
        }
        return self._stretch([line for line in lines if self._concerns(line, user, came)], limit)

    async def lag(self) -> timedelta:
        """Return zero: everything is settled."""
        return timedelta(0)

    async def prune(self, before: datetime, *, limit: int) -> int:
        """Forget the oldest events."""
        store = self.store
        old = [line for line in store.log[:limit] if line.recorded.at < before]
        store.log = [line for line in store.log[:limit] if line.recorded.at >= before] + store.log[limit:]
        store.pruned = max([store.pruned, *(line.xid for line in old)])
        return len(old)

    def _concerns(self, line: Logged, user: UserId, came: dict[DialogId, int]) -> bool:
        event, audience = line.recorded.event, line.recorded.event.audience
        room = self.store.rooms.get(line.dialog_id)
        if room is None or user not in room.people:
            return isinstance(event, ParticipantLeft | DialogDeleted) and user in audience.people
        is_theirs = audience.members or user in audience.people
        return is_theirs and line.recorded.seq >= came.get(line.dialog_id, 0)

    def _after(self, text: str) -> list[Logged]:
        store, cursor = self.store, Cursor.read(text)
        if cursor.history != store.history or not store.pruned < cursor.xid <= store.next_xid:
            raise CursorExpired
        return store.after((cursor.xid, cursor.dialog_id, cursor.seq))

    def _stretch(self, lines: Sequence[Logged], limit: int) -> Stretch:
        kept, has_more = _first(lines, limit)
        events = [self.store.read_log(line.recorded) for line in kept]
        weight, count = 0, 0
        for entry in events:
            weight += _weight(entry)
            if count and weight > MOST_BYTES:
                has_more = True
                break
            count += 1
        return Stretch(tuple(events[:count]), self._behind(kept[:count], has_more), has_more)

    def _behind(self, lines: Sequence[Logged], has_more: bool) -> str:
        return str(Cursor(self.store.history, *lines[-1].place)) if has_more else self._now()

    def _now(self) -> str:
        return str(Cursor(self.store.history, self.store.next_xid))


def _first(lines: Sequence[Logged], limit: int) -> tuple[Sequence[Logged], bool]:
    return lines[:limit], len(lines) > limit


def _head(line: Logged) -> Head:
    event = line.recorded.event
    joined = event.user_id if isinstance(event, ParticipantJoined) else None
    return Head(line.dialog_id, line.recorded.seq, joined)


def _weight(entry: Recorded) -> int:
    event = entry.event
    if isinstance(event, MessageSent | MessageEdited | AttachmentUpdated | NotificationPending):
        return len(event.message.content.encode())
    return 0
