"""The jobs there are, and which event causes which: one pure table."""

from enum import Enum

from attrs import frozen

from mtchat_core.domain.events import Event, MessageSent, ParticipantJoined, ParticipantLeft
from mtchat_core.domain.ids import DialogId
from mtchat_core.domain.messages import MessageType, Origin


class JobKind(Enum):
    """What a worker can be woken for."""

    REMIND = "remind"
    DELIVER = "deliver"


@frozen
class Job:
    """A reason to wake up for one dialog; equal jobs are one job."""

    kind: JobKind
    dialog_id: DialogId


def caused_by(event: Event) -> tuple[Job, ...]:
    """Return the jobs an event causes: only what people did through the chat reaches the host."""
    if isinstance(event, MessageSent) and event.message.type is MessageType.USER:
        remind = Job(JobKind.REMIND, event.dialog_id)
        deliver = Job(JobKind.DELIVER, event.dialog_id)
        return (remind, deliver) if event.origin is Origin.CHAT else (remind,)
    if isinstance(event, ParticipantJoined | ParticipantLeft) and event.origin is Origin.CHAT:
        return (Job(JobKind.DELIVER, event.dialog_id),)
    return ()
