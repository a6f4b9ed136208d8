"""Sockets listen: every event reaches those entitled to it, in order, and nobody else."""

import asyncio
import logging
from collections.abc import Iterable
from math import inf
from typing import Protocol

from attrs import define, field

from mtchat_core.domain.errors import ChatError
from mtchat_core.domain.events import (
    DialogDeleted,
    ParticipantJoined,
    ParticipantLeft,
    PresenceChanged,
    Recorded,
    Typing,
)
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.domain.presence import TYPING_PAUSE, Discretion
from mtchat_core.ports.events import EventLog, Head
from mtchat_core.ports.inbox import Inbox
from mtchat_core.ports.realtime import Announcement, RealtimeBroker

PATIENCE_SECONDS = 0.2
"""How long a missing event may be under way before the log is asked for it."""
ATTEMPTS = 5
_BATCH = 500
_COMINGS_AND_GOINGS = (ParticipantJoined, ParticipantLeft, DialogDeleted)

_log = logging.getLogger(__name__)


class Sink(Protocol):
    """Where one connection's events go."""

    @property
    def user_id(self) -> UserId:
        """Whose connection it is."""
        ...

    def deliver(self, announcement: Announcement) -> None:
        """Take one event, at once: never waits, never fails."""
        ...

    def give_up(self) -> None:
        """End the connection: events were missed, and the client has to start afresh."""
        ...


@define(eq=False)
class _Room:
    """One dialog as this process hears it: who listens here, and up to which `seq` they have heard.

    Nearly always all have heard the same: then `level` tells it, and `places` only who they are.
    """

    places: dict[UserId, int] = field(factory=dict[UserId, int])
    level: int | None = None
    early: dict[int, Recorded] = field(factory=dict[int, Recorded])
    """What came before its turn."""
    away: set[UserId] = field(factory=set[UserId])
    """Who left, and still waits for what came before that."""
    is_unsure: bool = False
    """Whether something may have been missed that nobody waited for."""

    @property
    def is_complete(self) -> bool:
        """Whether everybody has heard everything."""
        return not self.early and not self.is_unsure

    def enter(self, user: UserId, *, heard: int) -> None:
        """Let *user* listen, who knows all up to *heard*."""
        if self.level != heard:
            self.spread()
        self.places[user] = heard

    def spread(self) -> None:
        """Give everybody a place of their own."""
        if self.level is not None:
            self.places = dict.fromkeys(self.places, self.level)
            self.level = None

    def gather(self) -> None:
        """Go back to one level, if all have heard the same."""
        if len(places := set(self.places.values())) == 1:
            self.level = places.pop()

    def heard_by_all(self, default: int = 0) -> int:
        """Return up to where everybody has heard; *default* if nobody listens."""
        if self.places and self.level is not None:
            return self.level
        return min(self.places.values(), default=default)


@define
class _Writing:
    """What was last told of a person's writing in one dialog."""

    told_at: float = -inf
    is_typing: bool = False

    def is_news(self, is_typing: bool, *, now: float) -> bool:
        if is_typing and now - self.told_at >= TYPING_PAUSE.total_seconds():
            self.told_at, self.is_typing = now, True
            return True
        stopped = self.is_typing and not is_typing
        if stopped:
            self.is_typing = False
        return stopped


class Realtime:
    """Routes announcements to the connections of this process.

    It knows which dialogs the connected people are in, and keeps that true by the very events
    it routes: who joins hears from then on, who leaves hears of it and then no more. Everybody
    has a place of their own in each dialog and hears its events by their `seq`, once: late ones
    are waited for, lost ones fetched.
    """

    def __init__(
        self, broker: RealtimeBroker, inbox: Inbox, events: EventLog, discretion: Discretion | None = None
    ) -> None:
        self._broker = broker
        self._inbox = inbox
        self._events = events
        self._sinks: dict[UserId, set[Sink]] = {}
        self._dialogs: dict[UserId, set[DialogId]] = {}
        self._left: dict[UserId, dict[DialogId, int]] = {}
        self._rooms: dict[DialogId, _Room] = {}
        self._loading: dict[UserId, asyncio.Task[None]] = {}
        self._meanwhile: dict[UserId, list[Recorded]] = {}
        self._passed: dict[UserId, dict[DialogId, int]] = {}
        self._fetching: dict[DialogId, asyncio.Task[None]] = {}
        self._presence_audience = (discretion or Discretion()).audience
        self._writing: dict[UserId, dict[DialogId, _Writing]] = {}
        self._unlisten = broker.listen(self._announced)

    def close(self) -> None:
        """Stop listening."""
        self._unlisten()
        for task in [*self._fetching.values(), *self._loading.values()]:
            task.cancel()

    def connections(self, user: UserId | None = None) -> int:
        """Count the connections of *user*, or of everybody."""
        if user is not None:
            return len(self._sinks.get(user, ()))
        return sum(map(len, self._sinks.values()))

    def dialogs_of(self, user: UserId) -> frozenset[DialogId] | None:
        """Return where *user*, who is connected here, takes part; None if they are not."""
        dialogs = self._dialogs.get(user)
        return None if dialogs is None else frozenset(dialogs)

    def typing(self, user: UserId, dialog: DialogId, *, is_typing: bool) -> None:
        """Let the others in *dialog* know that *user* writes something, or stopped.

        Nobody is told of who takes no part, is not connected here, or says it again too soon.
        """
        room = self._rooms.get(dialog)
        if room is None or user not in room.places or user in room.away:
            return
        writing = self._writing.setdefault(user, {}).setdefault(dialog, _Writing())
        if writing.is_news(is_typing, now=asyncio.get_running_loop().time()):
            self._broker.publish([Typing(dialog, user, is_typing)])

    async def connect(self, sink: Sink) -> None:
        """Deliver to *sink* from now on; what happens while this waits is not missed."""
        user = sink.user_id
        if user not in self._sinks:
            self._broker.follow(users=[user])
        self._sinks.setdefault(user, set()).add(sink)
        try:
            if user not in self._dialogs and user not in self._loading:
                self._meanwhile[user], self._passed[user] = [], {}
                self._loading[user] = asyncio.create_task(self._load(user))
            if loading := self._loading.get(user):
                await asyncio.shield(loading)
        except BaseException:
            self.disconnect(sink)
            raise

    def disconnect(self, sink: Sink) -> None:
        """Deliver nothing to *sink* any more."""
        user = sink.user_id
        remaining = self._sinks.get(user, set())
        remaining.discard(sink)
        if remaining:
            return
        if self._sinks.pop(user, None) is not None:
            self._broker.unfollow(users=[user])
        self._left.pop(user, None)
        self._writing.pop(user, None)
        for dialog in self._dialogs.pop(user, set()):
            self._unwatch(user, dialog)

    def lacking(self, heads: Iterable[Head]) -> dict[DialogId, int]:
        """Return the dialogs where somebody here has not heard of *heads*, each with the seq to go on after."""
        lacking: dict[DialogId, int] = {}
        for head in heads:
            dialog, room = head.dialog_id, self._rooms.get(head.dialog_id)
            for passed in self._passed.values():
                passed[dialog] = max(head.seq, passed.get(dialog, 0))
            heard = head.seq if room is None else room.heard_by_all(default=head.seq)
            if head.joined is not None and self._awaits(head.joined, dialog, head.seq):
                heard = min(heard, head.seq - 1)
            if heard < head.seq:
                lacking[dialog] = min(heard, lacking.get(dialog, heard))
        return lacking

    @property
    def is_settled(self) -> bool:
        """Whether nobody here is being told, or found out about, what they may have missed."""
        return not self._fetching and not self._loading

    def hear(self, events: Iterable[Recorded]) -> None:
        """Route what was found in the log, as if it had been announced."""
        for recorded in events:
            self._announced(recorded)

    def give_up(self, dialog: DialogId) -> None:
        """End the connections of those in a dialog who can't be told what they missed."""
        _log.error("missed events were not found; their listeners start afresh")
        room = self._rooms.get(dialog)
        for user in room.places if room else ():
            for sink in tuple(self._sinks[user]):
                sink.give_up()

    def give_everybody_up(self) -> None:
        """End every connection: nobody knows what they missed."""
        for sinks in tuple(self._sinks.values()):
            for sink in tuple(sinks):
                sink.give_up()

    async def _load(self, user: UserId) -> None:
        try:
            rows = await self._inbox.dialogs_of(user)
        finally:
            self._loading.pop(user, None)
            meanwhile, passed = self._meanwhile.pop(user), self._passed.pop(user)
        if user in self._sinks:
            self._dialogs[user] = set()
            for dialog, seq in rows:
                self._watch(user, dialog, heard=seq)
                if passed.get(dialog, 0) > seq:
                    # The log was followed past what came after this was read, when nobody here lacked it.
                    self._rooms[dialog].is_unsure = True
                    self._fetch_missing(dialog)
            for recorded in meanwhile:
                self._route(recorded)

    def _watch(self, user: UserId, dialog: DialogId, *, heard: int) -> None:
        self._dialogs[user].add(dialog)
        room = self._rooms.get(dialog)
        if room is None:
            self._rooms[dialog] = _Room({user: heard}, level=heard)
            self._broker.follow(dialogs=[dialog])
        else:
            room.enter(user, heard=heard)

    def _unwatch(self, user: UserId, dialog: DialogId) -> None:
        room = self._rooms[dialog]
        del room.places[user]
        room.away.discard(user)
        if not room.places:
            del self._rooms[dialog]
            self._broker.unfollow(dialogs=[dialog])

    def _announced(self, announcement: Announcement) -> None:
        if isinstance(announcement, PresenceChanged):
            for user in self._acquaintances(announcement):
                self._deliver(announcement, user)
            return
        if isinstance(announcement, Typing):
            room = self._rooms.get(announcement.dialog_id, _Room())
            for user in room.places.keys() - room.away - {announcement.user_id}:
                self._deliver(announcement, user)
            return
        for meanwhile in self._meanwhile.values():
            meanwhile.append(announcement)
        self._route(announcement)

    def _route(self, recorded: Recorded) -> None:
        """Let everybody in the dialog hear what is next for them, and keep what came early."""
        event, dialog = recorded.event, recorded.event.dialog_id
        if isinstance(event, ParticipantJoined):
            self._welcome(event.user_id, dialog, recorded.seq)
        room = self._rooms.get(dialog)
        if room is None:
            return
        if room.level == recorded.seq - 1 and room.is_complete and not isinstance(event, _COMINGS_AND_GOINGS):
            room.level = recorded.seq
            self._tell(room, recorded)
        else:
            self._route_one_by_one(room, recorded)

    def _tell(self, room: _Room, recorded: Recorded) -> None:
        """Let a room that has heard the same so far hear what is next: the way of nearly every event."""
        audience = recorded.event.audience
        for user in room.places if audience.members else audience.people & room.places.keys():
            for sink in self._sinks[user]:
                sink.deliver(recorded)

    def _route_one_by_one(self, room: _Room, recorded: Recorded) -> None:
        dialog = recorded.event.dialog_id
        room.spread()
        room.early[recorded.seq] = recorded
        for user in room.places:
            while due := room.early.get(room.places[user] + 1):
                self._hear(room, user, due)
        heard_by_all = room.heard_by_all()
        for seq in [seq for seq in room.early if seq <= heard_by_all]:
            del room.early[seq]
        if room.early:
            self._fetch_missing(dialog)
            return
        gone, room.away = room.away, set()
        for user in gone:
            self._left.setdefault(user, {})[dialog] = room.places[user]
            self._dialogs[user].discard(dialog)
            self._unwatch(user, dialog)
        room.gather()

    def _welcome(self, user: UserId, dialog: DialogId, seq: int) -> None:
        if user not in self._dialogs or self._knows(user, dialog, seq):
            return
        room = self._rooms.get(dialog, _Room())
        if room.heard_by_all(default=seq) >= seq:
            # Nobody waited for this here, so what may have overtaken it was not kept.
            room.is_unsure = True
            self._fetch_missing(dialog)
        if dialog not in self._rooms:
            self._rooms[dialog] = room
            self._broker.follow(dialogs=[dialog])
        self._watch(user, dialog, heard=seq - 1)

    def _knows(self, user: UserId, dialog: DialogId, seq: int) -> bool:
        """Tell whether *user*, who came into a dialog as its event *seq*, is in or has left since."""
        room = self._rooms.get(dialog)
        is_in = room is not None and user in room.places
        return is_in or seq <= self._left.get(user, {}).get(dialog, 0)

    def _awaits(self, user: UserId, dialog: DialogId, seq: int) -> bool:
        """Tell whether *user* is here and was not told that they came into a dialog."""
        if user in self._meanwhile:
            known = self._meanwhile[user]
            return not any(one.seq == seq and one.event.dialog_id == dialog for one in known)
        return user in self._dialogs and not self._knows(user, dialog, seq)

    def _hear(self, room: _Room, user: UserId, recorded: Recorded) -> None:
        event = recorded.event
        room.places[user] = recorded.seq
        if isinstance(event, ParticipantJoined) and event.user_id == user:
            room.away.discard(user)
        if user not in room.away and (event.audience.members or user in event.audience.people):
            self._deliver(recorded, user)
        if isinstance(event, DialogDeleted) or (isinstance(event, ParticipantLeft) and event.user_id == user):
            room.away.add(user)

    def _deliver(self, announcement: Announcement, user: UserId) -> None:
        for sink in tuple(self._sinks.get(user, ())):
            sink.deliver(announcement)

    def _acquaintances(self, changed: PresenceChanged) -> set[UserId]:
        """Return who here shares a dialog, not too large a one, with the person."""
        found = set[UserId]()
        for dialog in changed.dialogs & self._rooms.keys():
            room = self._rooms[dialog]
            if len(room.places) <= self._presence_audience:
                found |= room.places.keys() - room.away
        return found - {changed.user_id}

    def _fetch_missing(self, dialog: DialogId) -> None:
        if dialog not in self._fetching:
            self._fetching[dialog] = asyncio.create_task(self._catch_up(dialog))

    async def _catch_up(self, dialog: DialogId) -> None:
        """Give a late event its time, then fetch it; connections that can't be served end."""
        try:
            for attempt in range(ATTEMPTS):
                await asyncio.sleep(PATIENCE_SECONDS * 2**attempt)
                if self._is_complete(dialog):
                    return
                await self._try_to_fetch(dialog)
            if not self._is_complete(dialog):
                self.give_up(dialog)
        finally:
            del self._fetching[dialog]

    def _is_complete(self, dialog: DialogId) -> bool:
        room = self._rooms.get(dialog)
        return room is None or room.is_complete

    async def _try_to_fetch(self, dialog: DialogId) -> None:
        room = self._rooms[dialog]
        room.is_unsure = False
        try:
            await self._fetch(dialog)
        except ChatError as error:
            room.is_unsure = True
            _log.warning("missed events can't be fetched yet: %s", error.code)

    async def _fetch(self, dialog: DialogId) -> None:
        while room := self._rooms.get(dialog):
            missed = await self._events.of_dialog(dialog, after=room.heard_by_all(), limit=_BATCH)
            for recorded in missed:
                self._announced(recorded)
            if len(missed) < _BATCH:
                return
