"""What events look like on a socket: flat JSON objects, each encoded once however many listen."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from mtchat_app.http.views import DialogView, MessageView
from mtchat_core.domain import events
from mtchat_core.domain.events import Event, PresenceChanged
from mtchat_core.domain.ids import UserId
from mtchat_core.ports.realtime import Announcement

_encode = msgspec.json.Encoder().encode

PONG = '{"type":"pong"}'


def connected(user: UserId, *, features: Sequence[str], cursor: str) -> str:
    """Greet a connection; `employee_id` is the name the original gave to the user id."""
    return _text(
        {
            "type": "connected",
            "employee_id": user,
            "user_id": user,
            "features": features,
            "cursor": cursor,
            "recovered": False,
        }
    )


class Frames:
    """Encodes announcements, remembering the last: it goes to many connections in a row."""

    def __init__(self) -> None:
        self._last: tuple[Announcement | None, str] = (None, "")

    def of(self, announcement: Announcement) -> str:
        """Return the frame of *announcement*."""
        known, frame = self._last
        if known is not announcement:
            frame = _text(_fields(announcement))
            self._last = (announcement, frame)
        return frame


def _text(fields: Mapping[str, Any]) -> str:
    return _encode(fields).decode()


def _fields(announcement: Announcement) -> dict[str, Any]:
    if isinstance(announcement, PresenceChanged):
        return {
            "type": announcement.type,
            "user_id": announcement.user_id,
            "is_online": announcement.is_online,
        }
    event = announcement.event
    return {
        "type": event.type,
        "dialog_id": event.dialog_id,
        "event_id": announcement.id,
        "event_seq": announcement.seq,
        **_facts(event),
    }


def _facts(event: Event) -> dict[str, Any]:
    match event:
        case events.MessageSent(message=message):
            view = MessageView.of(message)
            flat = {name: value for name, value in msgspec.structs.asdict(view).items() if value is not UNSET}
            if message.sender_id is None:
                del flat["sender_id"]
            return {**flat, "payload": {"message": view}}
        case events.MessageEdited(message=message):
            return {
                "id": message.id,
                "content": message.content,
                "last_edited_at": message.last_edited_at,
                "payload": {"message": MessageView.of(message)},
            }
        case events.MessageDeleted(message_id=message_id):
            return {"id": message_id}
        case events.MessageRead(user_id=user, message_id=message_id):
            return {"user_id": user, "last_read_message_id": message_id}
        case events.ParticipantJoined(user_id=user) | events.ParticipantLeft(user_id=user):
            return {"user_id": user}
        case events.DialogUpdated(dialog=dialog):
            return {"payload": {"dialog": DialogView.of(dialog)}}
        case _:
            return {}
