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
    PRUNE = "prune"
    """Forget what has been kept long enough."""


def caused_by(event: Event) -> Job | None:
    """Return the job to wake at once: only what people did through the chat reaches the host.

    Reminders need no wake-up: they wait anyway, and runners look for them every second.
    """
    match event:
        case MessageSent(origin=Origin.CHAT) if event.message.type is MessageType.USER:
            return Job.DELIVER
        case ParticipantJoined(origin=Origin.CHAT) | ParticipantLeft(origin=Origin.CHAT):
            return Job.DELIVER
        case NotificationPending() | NotificationCancelled():
            return Job.DELIVER
        case _:
            return None
