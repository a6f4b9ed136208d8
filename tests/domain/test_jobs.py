"""Which event causes which job."""

import pytest

from mtchat_core.domain.events import (
    DialogArchived,
    DialogDeleted,
    Event,
    MessageDeleted,
    MessageEdited,
    MessageRead,
    MessageSent,
    ParticipantJoined,
    ParticipantLeft,
)
from mtchat_core.domain.jobs import Job, JobKind, caused_by
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
    ("event", "kinds"),
    [
        (MessageSent(dialog_id=HERE, message=USER), {JobKind.REMIND, JobKind.DELIVER}),
        (MessageSent(dialog_id=HERE, message=USER, origin=Origin.MANAGEMENT), {JobKind.REMIND}),
        (MessageSent(dialog_id=HERE, message=SYSTEM), set()),
        (MessageSent(dialog_id=HERE, message=SYSTEM, origin=Origin.MANAGEMENT), set()),
        (joined(Origin.CHAT), {JobKind.DELIVER}),
        (joined(Origin.MANAGEMENT), set()),
        (left(Origin.CHAT), {JobKind.DELIVER}),
        (left(Origin.MANAGEMENT), set()),
        (MessageEdited(dialog_id=HERE, message=USER), set()),
        (MessageDeleted(dialog_id=HERE, message_id=a_message_id()), set()),
        (MessageRead(dialog_id=HERE, user_id=ANN, message_id=a_message_id()), set()),
        (DialogArchived(dialog_id=HERE, people=[ANN]), set()),
        (DialogDeleted(dialog_id=HERE, people=[ANN]), set()),
    ],
    ids=lambda value: value.type if isinstance(value, Event) else "",
)
def test_only_what_people_do_through_the_chat_reaches_the_host(event: Event, kinds: set[JobKind]) -> None:
    jobs = caused_by(event)

    assert set(jobs) == {Job(kind, HERE) for kind in kinds}
    assert len(jobs) == len(kinds)
