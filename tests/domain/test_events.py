"""What happened, and who may know."""

from mtchat_core.domain.events import (
    MEMBERS,
    Audience,
    DialogArchived,
    DialogDeleted,
    DialogUpdated,
    MessageDeleted,
    MessageRead,
    MessageSent,
    ParticipantJoined,
    ParticipantLeft,
    PresenceChanged,
    Withdrawn,
)
from mtchat_core.domain.messages import Origin
from mtchat_core.domain.participants import JoinedAs
from tests.builders import ANN, BO, START, a_dialog, a_dialog_id, a_message, a_message_id

HERE = a_dialog_id()


def test_what_happens_in_a_dialog_is_for_its_members() -> None:
    assert MessageSent(dialog_id=HERE, message=a_message()).audience == MEMBERS
    assert MessageDeleted(dialog_id=HERE, message_id=a_message_id()).audience == MEMBERS
    assert MessageRead(dialog_id=HERE, user_id=ANN, message_id=a_message_id()).audience == MEMBERS
    assert DialogUpdated(dialog_id=HERE, dialog=a_dialog()).audience == MEMBERS


def test_who_comes_and_who_goes_hear_of_it_themselves() -> None:
    joined = ParticipantJoined(
        dialog_id=HERE, user_id=ANN, joined_as=JoinedAs.JOINED, joined_at=START, origin=Origin.CHAT
    )
    left = ParticipantLeft(dialog_id=HERE, user_id=BO, left_at=START, origin=Origin.CHAT)

    assert joined.audience == Audience(members=True, people=[ANN])
    assert left.audience == Audience(members=True, people=[BO])


def test_what_is_personal_is_for_these_people_only() -> None:
    assert DialogArchived(dialog_id=HERE, people=[ANN]).audience == Audience(people=[ANN])
    assert DialogDeleted(dialog_id=HERE, people=[ANN, BO]).audience == Audience(people=[ANN, BO])


def test_what_was_withdrawn_is_for_nobody() -> None:
    assert Withdrawn(dialog_id=HERE).audience == Audience(members=False, people=[])


def test_names_on_the_wire_are_dotted() -> None:
    assert [event.type for event in (MessageSent, ParticipantJoined, DialogArchived, PresenceChanged)] == [
        "message.new",
        "participant.joined",
        "dialog.archived",
        "presence.update",
    ]
