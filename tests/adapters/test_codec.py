"""Announcements between nodes: whole, and harmless when they are junk."""

import json
from datetime import timedelta

import pytest
from attrs import evolve

from mtchat_adapters import codec
from mtchat_core.domain import events
from mtchat_core.domain.attachments import FileState
from mtchat_core.domain.events import Event, PresenceChanged, Recorded, Typing
from mtchat_core.domain.ids import EventId
from mtchat_core.domain.messages import Origin
from mtchat_core.domain.participants import JoinedAs
from mtchat_core.ports.realtime import Announcement
from tests.builders import ANN, BO, START, a_dialog, a_dialog_id, a_message, a_message_id, an_attachment

ID = a_dialog_id()
MESSAGE = a_message(dialog=ID, content="<p>привет \U0001f44b</p>")
PICTURE = evolve(
    an_attachment(filename="план.png", content_type="image/png"),
    width=640,
    height=480,
    thumbnail_key="dialogs/a/b.png.thumbnail.webp",
    state=FileState.FLAGGED,
)
WITH_FILES = evolve(MESSAGE, attachments=(PICTURE, an_attachment()))
HAPPENED: tuple[Event, ...] = (
    events.MessageSent(dialog_id=ID, message=MESSAGE, origin=Origin.MANAGEMENT),
    events.MessageSent(dialog_id=ID, message=a_message(dialog=ID, by=None)),
    events.MessageEdited(dialog_id=ID, message=MESSAGE.edited("<p>x</p>", at=START + timedelta(microseconds=1))),
    events.MessageSent(dialog_id=ID, message=WITH_FILES),
    events.AttachmentUpdated(dialog_id=ID, message=WITH_FILES, attachment_id=PICTURE.id),
    events.MessageDeleted(dialog_id=ID, message_id=a_message_id()),
    events.MessageRead(dialog_id=ID, user_id=ANN, message_id=a_message_id()),
    events.ParticipantJoined(
        dialog_id=ID, user_id=ANN, joined_as=JoinedAs.JOINED, joined_at=START, origin=Origin.CHAT
    ),
    events.ParticipantLeft(dialog_id=ID, user_id=ANN, left_at=START, origin=Origin.MANAGEMENT),
    events.DialogArchived(dialog_id=ID, people=[ANN, BO]),
    events.DialogUnarchived(dialog_id=ID, people=[]),
    events.DialogPinned(dialog_id=ID, people=[ANN]),
    events.DialogUnpinned(dialog_id=ID, people=[ANN]),
    events.DialogMuted(dialog_id=ID, people=[ANN]),
    events.DialogUnmuted(dialog_id=ID, people=[ANN]),
    events.DialogUpdated(dialog_id=ID, dialog=a_dialog(id=ID, meta={"a": [1, 2.5, None, True], "b": {"c": "d"}})),
    events.DialogUpdated(dialog_id=ID, dialog=a_dialog(id=ID, meta=None, title=None, by=None)),
    events.DialogDeleted(dialog_id=ID, people=[ANN]),
    events.NotificationPending(dialog_id=ID, message=MESSAGE, recipients=[events.Reminded(ANN, 3)]),
    events.NotificationCancelled(dialog_id=ID, people=[ANN]),
)


def recorded(event: Event) -> Recorded:
    return Recorded(EventId(a_dialog_id()), 7, START, event)


def test_every_sort_of_event_is_tried() -> None:
    assert {event.type for event in HAPPENED} == codec.EVENTS.keys()


@pytest.mark.parametrize("event", HAPPENED, ids=lambda event: event.type)
def test_an_event_arrives_as_it_left(event: Event) -> None:
    sent = recorded(event)
    frame = codec.frame(sent)

    assert frame is not None
    assert codec.announcement(frame) == sent


@pytest.mark.parametrize("sent", [PresenceChanged(ANN, True, frozenset({ID})), Typing(ID, ANN, is_typing=False)])
def test_what_is_true_only_now_arrives_as_it_left(sent: Announcement) -> None:
    frame = codec.frame(sent)

    assert frame is not None
    received = codec.announcement(frame)
    assert received == sent
    if isinstance(sent, PresenceChanged):
        assert isinstance(received, PresenceChanged)
        assert received.dialogs == sent.dialogs


def test_a_gap_in_the_log_is_not_for_other_nodes() -> None:
    assert codec.frame(recorded(events.Withdrawn(dialog_id=ID))) is None


def test_what_a_newer_release_says_is_ignored_or_understood_without_what_is_new() -> None:
    sent = recorded(HAPPENED[0])
    frame = codec.frame(sent)
    assert frame is not None
    body = json.loads(frame)

    assert codec.announcement(json.dumps({**body, "type": "message.sung"}).encode()) is None
    newer = {**body, "tune": "la", "event": {**body["event"], "tune": "la"}}
    assert codec.announcement(json.dumps(newer).encode()) == sent
