"""Which event wakes which job."""

import pytest
from attrs import evolve

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
from tests.builders import ANN, START, a_dialog_id, a_message, a_message_id, an_attachment

HERE = a_dialog_id()
USER, SYSTEM = a_message(dialog=HERE), a_message(dialog=HERE, by=None)


def joined(origin: Origin) -> Event:
    return ParticipantJoined(
        dialog_id=HERE, user_id=ANN, joined_as=JoinedAs.JOINED, joined_at=START, origin=origin
    )


def left(origin: Origin) -> Event:
    return ParticipantLeft(dialog_id=HERE, user_id=ANN, left_at=START, origin=origin)


@pytest.mark.parametrize(
    ("event", "jobs"),
    [
        (MessageSent(dialog_id=HERE, message=USER), {Job.DELIVER}),
        (MessageSent(dialog_id=HERE, message=USER, origin=Origin.MANAGEMENT), set[Job]()),
        (MessageSent(dialog_id=HERE, message=SYSTEM), set[Job]()),
        (MessageSent(dialog_id=HERE, message=SYSTEM, origin=Origin.MANAGEMENT), set[Job]()),
        (joined(Origin.CHAT), {Job.DELIVER}),
        (joined(Origin.MANAGEMENT), set[Job]()),
        (left(Origin.CHAT), {Job.DELIVER}),
        (left(Origin.MANAGEMENT), set[Job]()),
        (NotificationPending(dialog_id=HERE, message=USER, recipients=[Reminded(ANN, 1)]), {Job.DELIVER}),
        (NotificationCancelled(dialog_id=HERE, people=[ANN]), {Job.DELIVER}),
        (MessageEdited(dialog_id=HERE, message=USER), set[Job]()),
        (MessageDeleted(dialog_id=HERE, message_id=a_message_id()), set[Job]()),
        (MessageRead(dialog_id=HERE, user_id=ANN, message_id=a_message_id()), set[Job]()),
        (DialogArchived(dialog_id=HERE, people=[ANN]), set[Job]()),
        (DialogDeleted(dialog_id=HERE, people=[ANN]), set[Job]()),
    ],
    ids=lambda value: value.type if isinstance(value, Event) else "",
)
def test_only_what_people_do_through_the_chat_reaches_the_host(event: Event, jobs: set[Job]) -> None:
    assert caused_by(event) == jobs


@pytest.mark.parametrize(
    ("origin", "jobs"), [(Origin.CHAT, {Job.DELIVER, Job.FILES}), (Origin.MANAGEMENT, {Job.FILES})]
)
def test_files_are_looked_into_whoever_sent_them(origin: Origin, jobs: set[Job]) -> None:
    sent = evolve(USER, attachments=(an_attachment(),))

    assert caused_by(MessageSent(dialog_id=HERE, message=sent, origin=origin)) == jobs
