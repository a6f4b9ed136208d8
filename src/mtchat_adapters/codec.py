"""The one converter: domain values to JSON and back."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from attrs import fields, frozen
from cattrs.preconf.json import make_converter

from mtchat_core.domain import events
from mtchat_core.domain.dialogs import Json
from mtchat_core.domain.events import Event, PresenceChanged, Recorded, Typing
from mtchat_core.domain.ids import EventId
from mtchat_core.ports.realtime import Announcement


def _is_json(kind: Any) -> bool:
    return bool(kind == Json)


converter = make_converter(detailed_validation=False)
converter.register_unstructure_hook(UUID, str)
converter.register_structure_hook(UUID, lambda value, _: UUID(value))
converter.register_structure_hook_func(_is_json, lambda value, _: value)

EVENTS: Mapping[str, type[Event]] = {
    kind.type: kind
    for kind in (
        events.MessageSent,
        events.MessageEdited,
        events.AttachmentUpdated,
        events.MessageDeleted,
        events.MessageRead,
        events.ParticipantJoined,
        events.ParticipantLeft,
        events.DialogArchived,
        events.DialogUnarchived,
        events.DialogPinned,
        events.DialogUnpinned,
        events.DialogMuted,
        events.DialogUnmuted,
        events.DialogUpdated,
        events.DialogDeleted,
        events.NotificationPending,
        events.NotificationCancelled,
    )
}


@frozen
class _Entry:
    """What the log says of any event."""

    id: EventId
    seq: int
    at: datetime


_JOINED = frozenset({"dialog_id", "message", "dialog"})
"""What a log row names by id instead of repeating it."""


def facts(event: Event) -> dict[str, Any]:
    """Return the small facts of *event* as JSON values: no text of messages or dialogs."""
    everything: dict[str, Any] = {
        fact.name: converter.unstructure(getattr(event, fact.name))
        for fact in fields(type(event))
        if fact.name not in _JOINED
    }
    return everything


def event(kind: str, known: Mapping[str, Any], **joined: Any) -> Event:
    """Return the event of *kind* from its facts and what was *joined* to them."""
    cls = EVENTS[kind]
    read = {
        fact.name: converter.structure(known[fact.name], fact.type)
        for fact in fields(cls)
        if fact.name not in _JOINED and fact.name in known
    }
    return cls(**read, **joined)


def frame(announcement: Announcement) -> bytes | None:
    """Return *announcement* whole, as JSON for other nodes; None for what is not for them."""
    if isinstance(announcement, Recorded):
        event = announcement.event
        if EVENTS.get(event.type) is not type(event):
            return None
        entry = _Entry(announcement.id, announcement.seq, announcement.at)
        body = {"type": event.type, **converter.unstructure(entry), "event": converter.unstructure(event)}
    else:
        body = {"type": announcement.type, **converter.unstructure(announcement)}
    return json.dumps(body, separators=(",", ":")).encode()


def announcement(frame: bytes) -> Announcement | None:
    """Return what a `frame` says; None for what this release does not know. Anything may be raised by junk."""
    body = json.loads(frame)
    kind = body["type"]
    if kind == PresenceChanged.type:
        return converter.structure(body, PresenceChanged)
    if kind == Typing.type:
        return converter.structure(body, Typing)
    if (known := EVENTS.get(kind)) is None:
        return None
    said = converter.structure(body["event"], known)
    entry = converter.structure(body, _Entry)
    return Recorded(entry.id, entry.seq, entry.at, said)
