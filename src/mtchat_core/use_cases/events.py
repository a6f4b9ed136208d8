"""Whoever missed something reads it: a person what concerns them, the host everything."""

from collections.abc import Iterable

from attrs import evolve, frozen

from mtchat_core.domain.cursors import CursorExpired, EventCursorUnknown
from mtchat_core.domain.events import Recorded, Withdrawn
from mtchat_core.domain.ids import UserId
from mtchat_core.ports.events import EventLog, Stretch

MOST_AT_ONCE = 1000


@frozen
class Resumed:
    """What a connection that comes back is told first; not `recovered`, it has to start afresh."""

    cursor: str
    events: tuple[Recorded, ...] = ()
    recovered: bool = False


@frozen
class Events:
    """What happened, for those who were not there."""

    log: EventLog

    async def of_person(self, user: UserId, after: str | None, *, limit: int) -> Stretch:
        """Return what concerns a person after a cursor; without one nothing, but where to go on from now.

        *limit* counts events, 1 to 1000, and is clamped.
        Raises:
            EventCursorUnknown: *after* is not one of ours.
            CursorExpired: what followed it is not wholly known any more.
        """
        if after is None:
            return Stretch((), await self.log.latest(), has_more=False)
        found = await self.log.missed(user, after, limit=_clamped(limit))
        return evolve(found, events=_for(user, found.events))

    async def of_everybody(self, after: str | None, *, limit: int) -> Stretch:
        """Return everything after a cursor; without one from the beginning of what is kept.

        Raises:
            EventCursorUnknown, CursorExpired: see `of_person`.
        """
        found = await self.log.stream(after, limit=_clamped(limit))
        return evolve(found, events=tuple(one for one in found.events if not isinstance(one.event, Withdrawn)))

    async def resume(self, user: UserId, after: str | None, *, limit: int) -> Resumed:
        """Return what a person missed since a cursor, whole, or that they have to start afresh.

        Whoever is to hear what follows listens already.
        """
        if after is not None:
            try:
                found = await self.log.missed(user, after, limit=limit, only_settled=False)
            except (EventCursorUnknown, CursorExpired):
                pass
            else:
                if not found.has_more:
                    # The cursor they came with: should they be torn away while they are told, a newer one
                    # would skip the rest.
                    return Resumed(after, _for(user, found.events), recovered=True)
        return Resumed(await self.log.latest())


def _for(user: UserId, events: Iterable[Recorded]) -> tuple[Recorded, ...]:
    """Return those of *events* that *user* may know of; what is withdrawn is nobody's."""
    audiences = ((one, one.event.audience) for one in events)
    return tuple(one for one, audience in audiences if audience.members or user in audience.people)


def _clamped(limit: int) -> int:
    return min(max(limit, 1), MOST_AT_ONCE)
