"""What the host is told of, how often it is tried, and the signatures that let the host believe it.

Signatures: ours (RFC 2104, HMAC-SHA256 of the body) and those of Standard Webhooks 1.0.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Final, Literal, NewType
from uuid import UUID, uuid5

from attrs import field, frozen

from mtchat_core.domain import text
from mtchat_core.domain.attachments import Attachment
from mtchat_core.domain.dialogs import ObjectRef
from mtchat_core.domain.errors import ChatError, InvalidInput, Kind
from mtchat_core.domain.events import (
    Event,
    MessageSent,
    NotificationCancelled,
    NotificationPending,
    ParticipantJoined,
    ParticipantLeft,
    Recorded,
)
from mtchat_core.domain.ids import DialogId, MessageId, UserId
from mtchat_core.domain.messages import Message, MessageType, Origin

EndpointId = NewType("EndpointId", UUID)
DeliveryId = NewType("DeliveryId", UUID)
"""An event's id, or one made of it and the recipient: the same at every attempt, for the receiver to know."""

TypeStyle = Literal["dotted", "snake_case"]

TYPES: Final = tuple(
    kind.type
    for kind in (MessageSent, ParticipantJoined, ParticipantLeft, NotificationPending, NotificationCancelled)
)
MAX_NAME = 100
MAX_URL = 2048
MAX_SECRETS = 2
LEAST_SECRET, MOST_SECRET = 16, 255
HOLDING_ATTEMPTS = 3
"""How often a delivery may fail before later ones of its dialog go ahead of it."""
TOLERANCE = timedelta(minutes=5)
SETTINGS_NAME = "settings"
"""The endpoint that WEBHOOK_URL names."""

_SPREAD = 0.2
_LONG = timedelta(hours=1)
_ENCODED = "whsec_"
_GONE, _BUSY = 410, (429, 503)


class WebhookNotFound(ChatError):
    """The host asks for an endpoint that does not exist."""

    code, kind = "NOT_FOUND", Kind.MISSING
    says = "There is no such webhook."


class DeliveryNotFound(ChatError):
    """The host asks for a delivery that does not exist, or is forgotten by now."""

    code, kind = "NOT_FOUND", Kind.MISSING
    says = "This webhook has no such delivery."


class WebhookOfSettings(ChatError):
    """The host changes through the API what the environment says."""

    code, kind = "WEBHOOK_OF_SETTINGS", Kind.CONFLICT
    says = "This webhook comes from WEBHOOK_URL and is changed there."


class WebhookNameTaken(ChatError):
    """Another endpoint has the name."""

    code, kind = "WEBHOOK_NAME_TAKEN", Kind.CONFLICT
    says = "Another webhook has this name."


class NotReplayable(ChatError):
    """Only a dead letter can be sent again: nothing else keeps its body."""

    code, kind = "NOT_REPLAYABLE", Kind.CONFLICT
    says = "Only a dead letter can be replayed."


class SignatureInvalid(ChatError):
    """A request that we did not send, or not now, or not like this."""

    code, kind = "SIGNATURE_INVALID", Kind.DENIED
    says = "Forbidden: the webhook's signature does not match."


class Source(Enum):
    """Where an endpoint comes from."""

    SETTINGS = "settings"
    API = "api"


class EndpointState(Enum):
    """Whether an endpoint is told anything: parked by itself with 410, disabled by an operator."""

    ACTIVE = "active"
    PARKED = "parked"
    DISABLED = "disabled"


class DeliveryState(Enum):
    """How far a delivery is: dropped is what nobody needs to hear any more."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    DROPPED = "dropped"


@frozen(kw_only=True)
class Endpoint:
    """An address of the host that is told of events; `events` None means all of them.

    `secrets` are one, or two while they are changed; none are kept for the endpoint of the settings.
    `pending` and `dead` count up to 10,000.
    """

    id: EndpointId
    name: str
    url: str
    secrets: tuple[str, ...] = field(default=(), repr=False)
    events: tuple[str, ...] | None = None
    source: Source = Source.API
    state: EndpointState = EndpointState.ACTIVE
    why: str | None = None
    created_at: datetime
    last_success_at: datetime | None = None
    last_failure_at: datetime | None = None
    last_failure: str | None = None
    pending: int = 0
    dead: int = 0

    def wants(self, kind: str) -> bool:
        """Tell whether the endpoint is told of this type of event."""
        return self.events is None or kind in self.events


@frozen(kw_only=True)
class Delivery:
    """One event on its way to one endpoint."""

    id: DeliveryId
    number: int
    dialog_id: DialogId
    seq: int
    type: str
    recipient: UserId | None
    state: DeliveryState
    attempts: int
    due_at: datetime
    created_at: datetime
    finished_at: datetime | None


@frozen
class Attempt:
    """How one attempt went: the receiver's status, or why there was none."""

    at: datetime
    status: int | None
    failure: str | None
    milliseconds: int


@frozen
class Happening:
    """An event with what the host is told besides."""

    recorded: Recorded
    object: ObjectRef
    title: str | None = None
    sender_company: str | None = None


@frozen(kw_only=True)
class Letter:
    """What one endpoint will be sent, to the byte. Without a body it can't be: writing it failed."""

    id: DeliveryId
    type: str
    dialog_id: DialogId
    seq: int
    recipient: UserId | None = None
    message_id: MessageId | None = None
    body: bytes | None = field(default=None, repr=False)


def name_of(value: str) -> str:
    """Return the name of an endpoint.

    Raises:
        InvalidInput: blank, or over 100 characters.
    """
    if not value.strip() or not value.isprintable():
        raise InvalidInput("name must show some text on one line.")
    return text.bounded("name", value, at_most=MAX_NAME)


def types_of(values: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return which events an endpoint is told of; None means all.

    Raises:
        InvalidInput: there are none, or one that does not exist.
    """
    if values is None:
        return None
    if not values or not set(values) <= set(TYPES):
        raise InvalidInput(f"events must list some of: {', '.join(TYPES)}.")
    return tuple(kind for kind in TYPES if kind in values)


def secrets_of(values: Sequence[str]) -> tuple[str, ...]:
    """Return the secrets of an endpoint, the current one first.

    Raises:
        InvalidInput: none or more than two, shorter than 16 or longer than 255 characters, or beginning
            with whsec_ without being base64.
    """
    if not 1 <= len(values) <= MAX_SECRETS:
        raise InvalidInput("secrets must hold one secret, or two: the current one and the one before.")
    for value in values:
        if not LEAST_SECRET <= len(value) <= MOST_SECRET or not text.is_clean(value):
            raise InvalidInput(f"A secret is {LEAST_SECRET} to {MOST_SECRET} characters long.")
        try:
            key_of(value)
        except ValueError:
            raise InvalidInput("A secret that begins with whsec_ must go on in base64.") from None
    return tuple(values)


def is_told(event: Event) -> bool:
    """Tell whether the host is told: of what people did through the chat, and of reminders."""
    match event:
        case MessageSent(origin=Origin.CHAT):
            return event.message.type is MessageType.USER
        case ParticipantJoined(origin=Origin.CHAT) | ParticipantLeft(origin=Origin.CHAT):
            return True
        case NotificationPending() | NotificationCancelled():
            return True
        case _:
            return False


def letters(happening: Happening, style: TypeStyle = "dotted") -> tuple[Letter, ...]:
    """Write what the host is told of *happening*: one letter, or one for each recipient, or none.

    Source: contract 5.2; `seq` is the number of the event within its dialog.
    """
    recorded = happening.recorded
    event = recorded.event
    if not is_told(event):
        return ()
    where: dict[str, Any] = {
        "dialog_id": str(event.dialog_id),
        "object_id": happening.object.id,
        "object_type": happening.object.type,
    }

    def letter(about: Mapping[str, Any], to: UserId | None = None, message: Message | None = None) -> Letter:
        id_ = recorded.id if to is None else uuid5(recorded.id, to)
        payload = {**where, **about, "seq": recorded.seq}
        return Letter(
            id=DeliveryId(id_),
            type=event.type,
            dialog_id=event.dialog_id,
            seq=recorded.seq,
            recipient=to,
            message_id=message.id if message else None,
            body=_body(DeliveryId(id_), event.type, recorded.at, payload, style),
        )

    match event:
        case MessageSent(message=message):
            return (letter({"message": _message(message)}, message=message),)
        case ParticipantJoined():
            joined = {"joined_as": event.joined_as.value, "joined_at": _instant(event.joined_at)}
            return (letter({"user_id": event.user_id, **joined}),)
        case ParticipantLeft():
            return (letter({"user_id": event.user_id, "left_at": _instant(event.left_at)}),)
        case NotificationPending(message=message):
            title = {"chat_title": happening.title, "sender_company": happening.sender_company}
            about = {**_present(title), "message": _message(message)}
            return tuple(
                letter(
                    {"recipient_id": who.user_id, **about, "unread_count": who.unread_count},
                    to=who.user_id,
                    message=message,
                )
                for who in event.recipients
            )
        case NotificationCancelled():
            return tuple(letter({"recipient_id": user}, to=user) for user in event.people)
        case _:  # pragma: no cover - `is_told` and this know the same events
            return ()


def unwritten(recorded_id: UUID, kind: str, dialog: DialogId, seq: int) -> Letter:
    """Return the place of an event that nothing could be written of."""
    return Letter(id=DeliveryId(recorded_id), type=kind, dialog_id=dialog, seq=seq)


def _body(id_: DeliveryId, kind: str, at: datetime, payload: Mapping[str, Any], style: TypeStyle) -> bytes:
    envelope = {
        "id": str(id_),
        "type": kind.replace(".", "_") if style == "snake_case" else kind,
        "timestamp": _instant(at),
        "payload": payload,
    }
    return json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()


def _message(message: Message) -> Mapping[str, Any]:
    return _present(
        {
            "id": str(message.id),
            "sender_id": message.sender_id,
            "content": message.content,
            "reply_to": str(message.reply_to_id) if message.reply_to_id else None,
            "created_at": _instant(message.sent_at),
            "message_type": message.type.value,
            "attachments": [_attachment(file) for file in message.attachments] or None,
        }
    )


def _attachment(file: Attachment) -> Mapping[str, Any]:
    """Tell of a file, without a link: it would have ended by the time somebody follows it."""
    return {
        "id": str(file.id),
        "filename": file.filename,
        "content_type": file.content_type,
        "size": file.size_bytes,
    }


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@frozen
class Receipt:
    """What the receiver answered: a status, or why there was none."""

    status: int | None
    failure: str | None = None
    milliseconds: int = 0
    retry_after: timedelta | None = None

    @property
    def is_done(self) -> bool:
        """Whether the receiver took it: any 2xx."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants nothing any more: 410."""
        return self.status == _GONE

    @property
    def says(self) -> str:
        """The status or the failure, in a word."""
        return self.failure or f"HTTP {self.status}"


@frozen
class Schedule:
    """How long to wait before each attempt; after the last one a delivery is dead."""

    waits: tuple[timedelta, ...] = tuple(
        timedelta(seconds=wait) for wait in (0, 5, 30, 120, 600, 1800, 7200, 18_000, 36_000, 36_000)
    )

    @classmethod
    def of(cls, seconds: Iterable[float]) -> "Schedule":
        """Return the schedule with these waits."""
        return cls(tuple(timedelta(seconds=wait) for wait in seconds))

    @property
    def first(self) -> timedelta:
        """The wait before the first attempt."""
        return self.waits[0] if self.waits else timedelta()

    def after(self, failed: int, receipt: Receipt, *, luck: float) -> timedelta | None:
        """Return the wait after *failed* attempts; None when that was the last.

        *luck*, from 0 to 1, spreads it by 20 % either way, those of an hour and more only upwards: all of
        them together last for more than a day in any case. A busy receiver (429, 503) is waited for as
        long as it asks, within one and two times the wait.
        """
        if failed >= len(self.waits):
            return None
        wait = self.waits[failed]
        if receipt.status in _BUSY and receipt.retry_after is not None:
            return min(max(wait, receipt.retry_after), 2 * wait)
        least = 1.0 if wait >= _LONG else 1 - _SPREAD
        return wait * (least + (1 + _SPREAD - least) * luck)


@frozen(kw_only=True)
class Outcome:
    """What an attempt made of a delivery; `receipt` None: there was no attempt."""

    number: int
    dialog_id: DialogId
    state: DeliveryState
    attempts: int
    wait: timedelta = timedelta()
    receipt: Receipt | None = None

    @property
    def holds_dialog(self) -> bool:
        """Whether later deliveries of the dialog still have to wait for this one."""
        return self.state is DeliveryState.PENDING and self.attempts < HOLDING_ATTEMPTS

    @classmethod
    def of(
        cls, receipt: Receipt, *, number: int, dialog: DialogId, failed: int, schedule: Schedule, luck: float
    ) -> "Outcome":
        """Judge an attempt at a delivery that has *failed* that often before."""
        if receipt.is_done:
            state, attempts, wait = DeliveryState.DELIVERED, failed + 1, timedelta()
        elif receipt.is_gone:
            # Nobody is to blame: it begins where it was once somebody resumes the endpoint.
            state, attempts, wait = DeliveryState.PENDING, failed, timedelta()
        else:
            attempts = failed + 1
            left = schedule.after(attempts, receipt, luck=luck)
            state = DeliveryState.DEAD if left is None else DeliveryState.PENDING
            wait = left or timedelta()
        return cls(number=number, dialog_id=dialog, state=state, attempts=attempts, wait=wait, receipt=receipt)


def freed(outcomes: Sequence[Outcome]) -> Mapping[DialogId, int]:
    """Return the dialogs whose next delivery may start, each with the number it comes after."""
    last: dict[DialogId, int] = {}
    for outcome in outcomes:
        last[outcome.dialog_id] = max(outcome.number, last.get(outcome.dialog_id, 0))
    for outcome in outcomes:
        if outcome.holds_dialog:
            last.pop(outcome.dialog_id, None)
    return last


@frozen
class SignedRequest:
    """The exact bytes to post, and the headers that vouch for them."""

    body: bytes
    headers: Mapping[str, str]


def key_of(secret: str) -> bytes:
    """Return the key that Standard Webhooks signs with: decoded after `whsec_`, else the text itself.

    Raises:
        ValueError: `whsec_` and no base64.
    """
    if not secret.startswith(_ENCODED):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_ENCODED), validate=True)
    except binascii.Error:
        raise ValueError("after whsec_ comes base64") from None


def sign(
    body: bytes,
    *,
    event: str,
    id: DeliveryId,  # noqa: A002 - the field's own name
    secrets: Sequence[str],
    at: datetime,
) -> SignedRequest:
    """Sign *body* for a receiver that shares one of *secrets*, for an attempt *at* this instant."""
    ours = hmac.digest(secrets[0].encode(), body, "sha256").hex()
    timestamp = str(int(at.timestamp()))
    return SignedRequest(
        body=body,
        headers={
            "Content-Type": "application/json",
            "X-Webhook-Event": event,
            "X-Webhook-Id": str(id),
            "X-Webhook-Signature": f"sha256={ours}",
            "webhook-id": str(id),
            "webhook-timestamp": timestamp,
            "webhook-signature": " ".join(_signature(str(id), timestamp, body, secret) for secret in secrets),
        },
    )


def _signature(id_: str, timestamp: str, body: bytes, secret: str) -> str:
    signed = f"{id_}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key_of(secret), signed, "sha256")).decode()


@frozen
class Verified:
    """A webhook that is ours: who handles it goes by `type`, and knows by `id` what it handled before."""

    id: str
    type: str
    payload: Mapping[str, Any]


def verify(
    body: bytes,
    headers: Mapping[str, str],
    secrets: Sequence[str],
    *,
    now: datetime,
    tolerance: timedelta = TOLERANCE,
) -> Verified:
    """Return what a receiver was told, after making sure that it is ours, and new.

    *body* are the bytes as they arrived. *headers* go by any case. *secrets* may be several while they
    are changed. The type is dotted, whatever style the body has.
    Raises:
        SignatureInvalid: no signature of any of the secrets, older or newer than *tolerance*, or no webhook.
    Source: Standard Webhooks 1.0, "Verifying webhooks".
    """
    given = {name.lower(): value for name, value in headers.items()}
    id_, timestamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    # Compared as bytes: what a stranger sends need not be ASCII.
    signatures = [signature.encode() for signature in given.get("webhook-signature", "").split()]
    expected = [_signature(id_, timestamp, body, secret).encode() for secret in secrets]
    matches = [hmac.compare_digest(one, other) for one in signatures for other in expected]
    if not any(matches) or not timestamp.isdecimal():
        raise SignatureInvalid
    if abs(now.timestamp() - int(timestamp)) > tolerance.total_seconds():
        raise SignatureInvalid("Forbidden: the webhook is too old, or from the future.")
    try:
        told: Any = json.loads(body)
        if told["id"] == id_:
            return Verified(id_, _dotted(told["type"]), told["payload"])
    except (ValueError, TypeError, KeyError):
        pass
    raise SignatureInvalid("Forbidden: the body is no webhook of MTChat.")


def _dotted(kind: str) -> str:
    return next((known for known in TYPES if known.replace(".", "_") == kind), kind)
