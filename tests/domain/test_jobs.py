"""Which event wakes which job."""

import pytest

from mtchat_core.domain.events import (
    DialogArchived,
    DialogDeleted,
    Event,
    MessageDeleted,
    MessageEdited,
    MessageRead,
    MessageSent,
    NotificationCancelled,
    NotificationPending,
    ParticipantJoined,
    ParticipantLeft,
    Reminded,
)
from mtchat_core.domain.jobs import Job, caused_by
from mtchat_core.domain.messages import Origin
from mtchat_core.domain.participants import JoinedAs
from tests.builders import ANN, START, a_dialog_id, a_message, a_message_id

HERE = a_dialog_id()
USER, SYSTEM = a_message(dialog=HERE), a_message(dialog=HERE, by=None)


def joined(origin: Origin) -> Event:
    return ParticipantJoined(
        dialog_id=HERE, user_id=ANN, joined_as=JoinedAs.JOINED, joined_at=START, origin=origin
    )


def left(origin: Origin) -> Event:
    return ParticipantLeft(dialog_id=HERE, user_id=ANN, left_at=START, origin=origin)


@pytest.mark.parametrize(
    ("event", "job"),
    [
        (MessageSent(dialog_id=HERE, message=USER), Job.DELIVER),
        (MessageSent(dialog_id=HERE, message=USER, origin=Origin.MANAGEMENT), None),
        (MessageSent(dialog_id=HERE, message=SYSTEM), None),
        (MessageSent(dialog_id=HERE, message=SYSTEM, origin=Origin.MANAGEMENT), None),
        (joined(Origin.CHAT), Job.DELIVER),
        (joined(Origin.MANAGEMENT), None),
        (left(Origin.CHAT), Job.DELIVER),
        (left(Origin.MANAGEMENT), None),
        (NotificationPending(dialog_id=HERE, message=USER, recipients=[Reminded(ANN, 1)]), Job.DELIVER),
        (NotificationCancelled(dialog_id=HERE, people=[ANN]), Job.DELIVER),
        (MessageEdited(dialog_id=HERE, message=USER), None),
        (MessageDeleted(dialog_id=HERE, message_id=a_message_id()), None),
        (MessageRead(dialog_id=HERE, user_id=ANN, message_id=a_message_id()), None),
        (DialogArchived(dialog_id=HERE, people=[ANN]), None),
        (DialogDeleted(dialog_id=HERE, people=[ANN]), None),
    ],
    ids=lambda value: value.type if isinstance(value, Event) else "",
)
def test_only_what_people_do_through_the_chat_reaches_the_host(event: Event, job: Job | None) -> None:
    assert caused_by(event) is job
