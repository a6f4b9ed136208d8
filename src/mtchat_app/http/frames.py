"""What events look like on a socket: flat JSON objects, each encoded once however many listen."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from attrs import frozen
from msgspec import UNSET

from mtchat_app.http.views import DialogView, MessageView
from mtchat_core.domain import events
from mtchat_core.domain.events import Event, PresenceChanged, Recorded, Typing
from mtchat_core.domain.ids import UserId
from mtchat_core.domain.presence import TYPING_LASTS
from mtchat_core.ports.realtime import Announcement
from mtchat_core.use_cases.files import Links

_encode = msgspec.json.Encoder().encode

_TEXT_AND_WHOLE = 0x81
_TWO_BYTES_OF_LENGTH, _EIGHT_BYTES_OF_LENGTH = 126, 127


@frozen(eq=False)
class Frame:
    """One event as it leaves, built once for however many sockets: nobody may change it."""

    message: Any
    """For any server, as ASGI sends it."""
    wire: bytes
    """For our own, as it travels: unmasked, whole, not compressed (RFC 6455, section 5.2)."""

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> "Frame":
        """Encode one JSON object."""
        payload = _encode(fields)
        size = len(payload)
        if size < _TWO_BYTES_OF_LENGTH:
            head = bytes((_TEXT_AND_WHOLE, size))
        elif size < 1 << 16:
            head = bytes((_TEXT_AND_WHOLE, _TWO_BYTES_OF_LENGTH)) + size.to_bytes(2)
        else:
            head = bytes((_TEXT_AND_WHOLE, _EIGHT_BYTES_OF_LENGTH)) + size.to_bytes(8)
        return cls({"type": "websocket.send", "text": payload.decode()}, head + payload)


PONG = Frame.of({"type": "pong"})


def connected(user: UserId, *, features: Sequence[str], cursor: str, recovered: bool = False) -> Frame:
    """Greet a connection; `employee_id` is the name the original gave to the user id."""
    return Frame.of(
        {
            "type": "connected",
            "employee_id": user,
            "user_id": user,
            "features": features,
            "cursor": cursor,
            "recovered": recovered,
        }
    )


class Frames:
    """Encodes announcements, remembering the last: it goes to many connections in a row."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._last: Announcement | None = None
        self._frame = PONG
        self._cursor: str | None = None
        self._pong = PONG

    def pong(self, cursor: str | None) -> Frame:
        """Return the answer to a ping, with where to resume from."""
        if cursor != self._cursor:
            self._cursor = cursor
            self._pong = Frame.of({"type": "pong", "cursor": cursor})
        return self._pong

    def of(self, announcement: Announcement) -> Frame:
        """Return the frame of *announcement*."""
        if self._last is not announcement:
            self._frame = Frame.of(fields(announcement, self._links))
            self._last = announcement
        return self._frame


def fields(announcement: Announcement, links: Links) -> dict[str, Any]:
    """Return *announcement* as a person is told of it, files with *links* to fetch them."""
    if isinstance(announcement, PresenceChanged):
        return {
            "type": announcement.type,
            "user_id": announcement.user_id,
            "is_online": announcement.is_online,
        }
    if isinstance(announcement, Typing):
        return {
            "type": announcement.type,
            "dialog_id": announcement.dialog_id,
            "user_id": announcement.user_id,
            "is_typing": announcement.is_typing,
            "expires_in": TYPING_LASTS // timedelta(seconds=1),
        }
    event = announcement.event
    return {
        "type": event.type,
        "dialog_id": event.dialog_id,
        "event_id": announcement.id,
        "event_seq": announcement.seq,
        **_facts(event, links),
    }


def fields_for_host(recorded: Recorded, links: Links) -> dict[str, Any]:
    """Return a logged event as the host is told of it: with its instant, and with the people it concerns alone."""
    shown = {**fields(recorded, links), "at": recorded.at}
    match recorded.event:
        case events.Personal(people=people) | events.NotificationCancelled(people=people):
            return {**shown, "user_ids": people}
        case events.NotificationPending(message=message, recipients=recipients):
            reminded = [{"user_id": one.user_id, "unread_count": one.unread_count} for one in recipients]
            return {**shown, "recipients": reminded, "payload": {"message": MessageView.of(message, links)}}
        case _:
            return shown


def _facts(event: Event, links: Links) -> dict[str, Any]:
    match event:
        case events.MessageSent(message=message):
            view = MessageView.of(message, links)
            flat = {name: value for name, value in msgspec.structs.asdict(view).items() if value is not UNSET}
            if message.sender_id is None:
                del flat["sender_id"]
            return {**flat, "payload": {"message": view}}
        case events.MessageEdited(message=message):
            return {
                "id": message.id,
                "content": message.content,
                "last_edited_at": message.last_edited_at,
                "payload": {"message": MessageView.of(message, links)},
            }
        case events.AttachmentUpdated(message=message, attachment_id=attachment):
            shown = {"message": MessageView.of(message, links)}
            return {"id": message.id, "attachment_id": attachment, "payload": shown}
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
