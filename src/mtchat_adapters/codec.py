"""The one converter: domain values to JSON and back."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from attrs import fields
from cattrs.preconf.json import make_converter

from mtchat_core.domain import events
from mtchat_core.domain.events import Event

converter = make_converter()
converter.register_unstructure_hook(UUID, str)
converter.register_structure_hook(UUID, lambda value, _: UUID(value))

EVENTS: Mapping[str, type[Event]] = {
    kind.type: kind
    for kind in (
        events.MessageSent,
        events.MessageEdited,
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
