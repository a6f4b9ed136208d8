"""Sockets listen: every event reaches those entitled to it, in order, and nobody else."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable
from typing import Protocol

from mtchat_core.domain.errors import ChatError
from mtchat_core.domain.events import (
    DialogDeleted,
    Event,
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
    it routes: who joins hears from then on, who leaves hears of it and then no more. Events of
    a dialog are delivered by their `seq`: late ones are waited for, lost ones fetched.
    """

    def __init__(self, broker: RealtimeBroker, inbox: Inbox, events: EventLog) -> None:
        self._inbox = inbox
        self._events = events
        self._sinks: dict[UserId, set[Sink]] = {}
        self._dialogs: dict[UserId, set[DialogId]] = {}
        self._watchers: dict[DialogId, set[UserId]] = {}
        self._heard: dict[DialogId, int] = {}
        self._early: defaultdict[DialogId, dict[int, Recorded]] = defaultdict(dict)
        self._loading: dict[UserId, asyncio.Task[None]] = {}
        self._left_meanwhile: dict[UserId, dict[DialogId, int]] = {}
        self._aside: defaultdict[DialogId, list[Recorded]] = defaultdict(list)
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
                self._left_meanwhile[user] = {}
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
        for dialog in self._dialogs.pop(user, set()):
            self._unwatch(user, dialog)

    async def _load(self, user: UserId) -> None:
        try:
            rows = await self._inbox.dialogs_of(user)
            if user not in self._sinks:
                return
            left = self._left_meanwhile[user]
            self._dialogs.setdefault(user, set())
            for dialog, seq in rows:
                if left.get(dialog, -1) <= seq:
                    self._watch(user, dialog, since=seq)
        finally:
            self._loading.pop(user, None)
            self._left_meanwhile.pop(user, None)
            if not self._loading:
                self._aside.clear()

    def _watch(self, user: UserId, dialog: DialogId, *, since: int) -> None:
        self._dialogs.setdefault(user, set()).add(dialog)
        self._watchers.setdefault(dialog, set()).add(user)
        self._heard.setdefault(dialog, since)
        for recorded in self._aside.pop(dialog, ()):
            self._announced(recorded)

    def _unwatch(self, user: UserId, dialog: DialogId) -> None:
        watchers = self._watchers.get(dialog, set())
        watchers.discard(user)
        if not watchers:
            self._watchers.pop(dialog, None)
            self._heard.pop(dialog, None)
            self._early.pop(dialog, None)

    def _announced(self, announcement: Announcement) -> None:
        if isinstance(announcement, PresenceChanged):
            self._deliver(announcement, self._acquaintances(announcement.user_id))
            return
        dialog, seq = announcement.event.dialog_id, announcement.seq
        if dialog not in self._watchers:
            if self._loading:
                self._aside[dialog].append(announcement)
            if any(user in self._sinks for user in announcement.event.audience.people):
                self._route(announcement)
            return
        if seq > self._heard[dialog] + 1:
            self._early[dialog][seq] = announcement
            self._fetch_missing(dialog)
        elif seq == self._heard[dialog] + 1:
            self._advance(announcement)
            while early := self._early.get(dialog, {}).pop(self._heard.get(dialog, seq) + 1, None):
                self._advance(early)

    def _advance(self, recorded: Recorded) -> None:
        self._heard[recorded.event.dialog_id] = recorded.seq
        self._route(recorded)

    def _route(self, recorded: Recorded) -> None:
        event = recorded.event
        if isinstance(event, ParticipantJoined) and event.user_id in self._sinks:
            self._watch(event.user_id, event.dialog_id, since=recorded.seq)
        self._deliver(recorded, self._entitled(event))
        if isinstance(event, ParticipantLeft):
            self._forget(event.user_id, event.dialog_id, recorded.seq)
        elif isinstance(event, DialogDeleted):
            for user in event.people:
                self._forget(user, event.dialog_id, recorded.seq)

    def _entitled(self, event: Event) -> set[UserId]:
        audience = event.audience
        members = self._watchers.get(event.dialog_id, set()) if audience.members else set[UserId]()
        return members | audience.people

    def _acquaintances(self, user: UserId) -> set[UserId]:
        """Return who shares a dialog with *user*."""
        dialogs = self._dialogs.get(user, ())
        return set[UserId]().union(*(self._watchers[dialog] for dialog in dialogs)) - {user}

    def _deliver(self, announcement: Announcement, users: Iterable[UserId]) -> None:
        for user in users:
            for sink in tuple(self._sinks.get(user, ())):
                sink.deliver(announcement)

    def _forget(self, user: UserId, dialog: DialogId, seq: int) -> None:
        if user in self._left_meanwhile:
            self._left_meanwhile[user][dialog] = seq
        self._dialogs.get(user, set[DialogId]()).discard(dialog)
        self._unwatch(user, dialog)

    def _fetch_missing(self, dialog: DialogId) -> None:
        if dialog not in self._fetching:
            task = asyncio.create_task(self._catch_up(dialog))
            self._fetching[dialog] = task
            task.add_done_callback(lambda _: self._fetching.pop(dialog, None))

    async def _catch_up(self, dialog: DialogId) -> None:
        """Give a late event its time, then fetch it; connections that can't be served end."""
        for attempt in range(ATTEMPTS):
            await asyncio.sleep(PATIENCE_SECONDS * 2**attempt)
            try:
                while self._early.get(dialog):
                    missed = await self._events.of_dialog(dialog, after=self._heard[dialog], limit=_BATCH)
                    if not missed:
                        break
                    for recorded in missed:
                        self._announced(recorded)
            except ChatError as error:
                _log.warning("missed events can't be fetched yet: %s", error.code)
            if not self._early.get(dialog):
                return
        _log.error("missed events were not found; their listeners start afresh")
        for user in tuple(self._watchers.get(dialog, ())):
            for sink in tuple(self._sinks.get(user, ())):
                sink.give_up()
