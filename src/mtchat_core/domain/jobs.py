"""The jobs there are, and which event causes which: one pure table."""

from enum import Enum

from mtchat_core.domain.events import (
    Event,
    MessageSent,
    NotificationCancelled,
    NotificationPending,
    ParticipantJoined,
    ParticipantLeft,
)
from mtchat_core.domain.messages import MessageType, Origin


class Job(Enum):
    """What a runner can be woken for. Each looks into the store for what is due, and does it."""

    DELIVER = "deliver"
    """Bring webhooks to the host."""
    REMIND = "remind"
    """Nudge people about what they have not read."""
    ARCHIVE = "archive"
    """Put quiet dialogs away."""
    FILES = "files"
    """Look into files that were sent."""
    PRUNE = "prune"
    """Forget what has been kept long enough."""


_NOTHING = frozenset[Job]()
_DELIVER = frozenset({Job.DELIVER})
_FILES = frozenset({Job.FILES})


def caused_by(event: Event) -> frozenset[Job]:
    """Return the jobs to wake at once: only what people did through the chat reaches the host.

    Reminders need no wake-up: they wait anyway, and runners look for them every second.
    """
    match event:
        case MessageSent():
            is_told = event.origin is Origin.CHAT and event.message.type is MessageType.USER
            return (_DELIVER if is_told else _NOTHING) | (_FILES if event.message.attachments else _NOTHING)
        case ParticipantJoined(origin=Origin.CHAT) | ParticipantLeft(origin=Origin.CHAT):
            return _DELIVER
        case NotificationPending() | NotificationCancelled():
            return _DELIVER
        case _:
            return _NOTHING
