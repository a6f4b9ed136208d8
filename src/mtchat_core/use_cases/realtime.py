"""Sockets listen: every event reaches those entitled to it, in order, and nobody else."""

import asyncio
import logging
from typing import Protocol

from mtchat_core.domain.errors import ChatError
from mtchat_core.domain.events import (
    DialogDeleted,
    ParticipantJoined,
    ParticipantLeft,
    PresenceChanged,
    Recorded,
)
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.ports.events import EventLog
from mtchat_core.ports.inbox import Inbox
from mtchat_core.ports.realtime import Announcement, RealtimeBroker

PATIENCE_SECONDS = 0.2
"""How long a missing event may be under way before the log is asked for it."""
ATTEMPTS = 5
_BATCH = 500

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


class Realtime:
    """Routes announcements to the connections of this process.

    It knows which dialogs the connected people are in, and keeps that true by the very events
    it routes: who joins hears from then on, who leaves hears of it and then no more. Everybody
    has a place of their own in each dialog and hears its events by their `seq`, once: late ones
    are waited for, lost ones fetched.
    """

    def __init__(self, broker: RealtimeBroker, inbox: Inbox, events: EventLog) -> None:
        self._inbox = inbox
        self._events = events
        self._sinks: dict[UserId, set[Sink]] = {}
        self._dialogs: dict[UserId, set[DialogId]] = {}
        self._left: dict[UserId, dict[DialogId, int]] = {}
        self._heard: dict[DialogId, dict[UserId, int]] = {}
        self._early: dict[DialogId, dict[int, Recorded]] = {}
        self._away: dict[DialogId, set[UserId]] = {}
        self._unsure: set[DialogId] = set()
        self._loading: dict[UserId, asyncio.Task[None]] = {}
        self._meanwhile: dict[UserId, list[Recorded]] = {}
        self._fetching: dict[DialogId, asyncio.Task[None]] = {}
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

    async def connect(self, sink: Sink) -> None:
        """Deliver to *sink* from now on; what happens while this waits is not missed."""
        user = sink.user_id
        self._sinks.setdefault(user, set()).add(sink)
        try:
            if user not in self._dialogs and user not in self._loading:
                self._meanwhile[user] = []
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
        self._sinks.pop(user, None)
        self._left.pop(user, None)
        for dialog in self._dialogs.pop(user, set()):
            self._unwatch(user, dialog)

    async def _load(self, user: UserId) -> None:
        try:
            rows = await self._inbox.dialogs_of(user)
        finally:
            self._loading.pop(user, None)
            meanwhile = self._meanwhile.pop(user)
        if user in self._sinks:
            self._dialogs[user] = set()
            for dialog, seq in rows:
                self._watch(user, dialog, heard=seq)
            for recorded in meanwhile:
                self._route(recorded)

    def _watch(self, user: UserId, dialog: DialogId, *, heard: int) -> None:
        self._dialogs[user].add(dialog)
        self._heard.setdefault(dialog, {})[user] = heard

    def _unwatch(self, user: UserId, dialog: DialogId) -> None:
        listeners = self._heard[dialog]
        del listeners[user]
        if not listeners:
            del self._heard[dialog]
            self._early.pop(dialog, None)
            self._away.pop(dialog, None)
            self._unsure.discard(dialog)

    def _announced(self, announcement: Announcement) -> None:
        if isinstance(announcement, PresenceChanged):
            for user in self._acquaintances(announcement.user_id):
                self._deliver(announcement, user)
            return
        for meanwhile in self._meanwhile.values():
            meanwhile.append(announcement)
        self._route(announcement)

    def _route(self, recorded: Recorded) -> None:
        """Let everybody in the dialog hear what is next for them, and keep what came early."""
        dialog = recorded.event.dialog_id
        if isinstance(recorded.event, ParticipantJoined):
            self._welcome(recorded.event.user_id, dialog, recorded.seq)
        listeners = self._heard.get(dialog)
        if not listeners:
            return
        early = self._early.setdefault(dialog, {})
        early[recorded.seq] = recorded
        for user in tuple(listeners):
            while user in listeners and (due := early.get(listeners[user] + 1)):
                self._hear(user, due)
        if not listeners:
            return
        heard_by_all = min(listeners.values())
        for seq in [seq for seq in early if seq <= heard_by_all]:
            del early[seq]
        if early:
            self._fetch_missing(dialog)
            return
        del self._early[dialog]
        for user in self._away.pop(dialog, set()) & listeners.keys():
            self._left.setdefault(user, {})[dialog] = listeners[user]
            self._dialogs[user].discard(dialog)
            self._unwatch(user, dialog)

    def _welcome(self, user: UserId, dialog: DialogId, seq: int) -> None:
        listeners = self._heard.get(dialog, {})
        is_known = user in listeners or seq <= self._left.get(user, {}).get(dialog, 0)
        if user not in self._dialogs or is_known:
            return
        if min(listeners.values(), default=seq) >= seq:
            # Nobody waited for this here, so what may have overtaken it was not kept.
            self._unsure.add(dialog)
            self._fetch_missing(dialog)
        self._watch(user, dialog, heard=seq - 1)

    def _hear(self, user: UserId, recorded: Recorded) -> None:
        event, dialog = recorded.event, recorded.event.dialog_id
        away = self._away.get(dialog, set[UserId]())
        self._heard[dialog][user] = recorded.seq
        if isinstance(event, ParticipantJoined) and event.user_id == user:
            away.discard(user)
        if user not in away and (event.audience.members or user in event.audience.people):
            self._deliver(recorded, user)
        if isinstance(event, DialogDeleted) or (isinstance(event, ParticipantLeft) and event.user_id == user):
            self._away.setdefault(dialog, set()).add(user)

    def _deliver(self, announcement: Announcement, user: UserId) -> None:
        for sink in tuple(self._sinks.get(user, ())):
            sink.deliver(announcement)

    def _acquaintances(self, user: UserId) -> set[UserId]:
        """Return who shares a dialog with *user*."""
        dialogs = self._dialogs.get(user, ())
        return set[UserId]().union(*(self._heard[dialog] for dialog in dialogs)) - {user}

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
                self._give_up(dialog)
        finally:
            del self._fetching[dialog]

    def _is_complete(self, dialog: DialogId) -> bool:
        return dialog not in self._early and dialog not in self._unsure

    def _give_up(self, dialog: DialogId) -> None:
        _log.error("missed events were not found; their listeners start afresh")
        for user in tuple(self._heard.get(dialog, ())):
            for sink in tuple(self._sinks.get(user, ())):
                sink.give_up()

    async def _try_to_fetch(self, dialog: DialogId) -> None:
        self._unsure.discard(dialog)
        try:
            await self._fetch(dialog)
        except ChatError as error:
            self._unsure.add(dialog)
            _log.warning("missed events can't be fetched yet: %s", error.code)

    async def _fetch(self, dialog: DialogId) -> None:
        while listeners := self._heard.get(dialog):
            after = min(listeners.values())
            missed = await self._events.of_dialog(dialog, after=after, limit=_BATCH)
            for recorded in missed:
                self._announced(recorded)
            if len(missed) < _BATCH:
                return
