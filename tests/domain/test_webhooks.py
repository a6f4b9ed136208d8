"""What the host is told, how often it is tried, and signatures it can believe."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve

from mtchat_core.domain.dialogs import ObjectRef
from mtchat_core.domain.errors import InvalidInput
from mtchat_core.domain.events import (
    DialogArchived,
    Event,
    MessageEdited,
    MessageSent,
    NotificationCancelled,
    NotificationPending,
    ParticipantJoined,
    ParticipantLeft,
    Recorded,
    Reminded,
)
from mtchat_core.domain.ids import EventId
from mtchat_core.domain.messages import Origin
from mtchat_core.domain.participants import JoinedAs
from mtchat_core.domain.webhooks import (
    TYPES,
    DeliveryId,
    DeliveryState,
    Happening,
    Outcome,
    Receipt,
    Schedule,
    SignatureInvalid,
    SignedRequest,
    freed,
    letters,
    secrets_of,
    sign,
    types_of,
    verify,
)
from tests.builders import ANN, BO, CY, SECOND, START, a_dialog_id, a_message, a_message_id

DIALOG = a_dialog_id()
ID = DeliveryId(UUID("0197c0de-0000-7000-8000-0000000000c3"))
EVENT = EventId(UUID("0197c0de-0000-7000-8000-0000000000c4"))
SECRET, ENCODED = "a-secret-of-the-host", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"id":"0197c0de-0000-7000-8000-0000000000c3","type":"message.new","payload":{"seq":1}}'


def happening(event: Event, **about: Any) -> Happening:
    return Happening(Recorded(EVENT, 7, START, event), ObjectRef("quote", "RFQ-88"), **about)


def told(event: Event, **about: Any) -> list[dict[str, Any]]:
    return [json.loads(letter.body or b"") for letter in letters(happening(event, **about))]


def signed(*secrets: str, body: bytes = BODY) -> SignedRequest:
    return sign(body, event="message.new", id=ID, secrets=secrets, at=START)


def test_a_message_is_told_as_the_original_tells_it() -> None:
    message = evolve(a_message(dialog=DIALOG, by=ANN, seq=4), reply_to_id=a_message_id())

    assert told(MessageSent(dialog_id=DIALOG, message=message)) == [
        {
            "id": str(EVENT),
            "type": "message.new",
            "timestamp": "2031-05-04T10:00:00.123456Z",
            "payload": {
                "dialog_id": str(DIALOG),
                "object_id": "RFQ-88",
                "object_type": "quote",
                "message": {
                    "id": str(message.id),
                    "sender_id": "ann",
                    "content": "<p>hello</p>",
                    "reply_to": str(message.reply_to_id),
                    "created_at": "2031-05-04T10:00:00.123456Z",
                    "message_type": "user",
                },
                "seq": 7,
            },
        }
    ]


def test_what_is_absent_is_left_out_instead_of_null() -> None:
    message = a_message(dialog=DIALOG)
    pending = NotificationPending(dialog_id=DIALOG, message=message, recipients=[Reminded(BO, 2)])

    [plain] = told(MessageSent(dialog_id=DIALOG, message=message))
    [bare] = told(pending)
    [full] = told(pending, title="Quote", sender_company="Nordwind")

    assert "reply_to" not in plain["payload"]["message"]
    assert bare["payload"].keys() == full["payload"].keys() - {"chat_title", "sender_company"}
    assert (full["payload"]["chat_title"], full["payload"]["sender_company"]) == ("Quote", "Nordwind")


def test_who_comes_and_goes_is_told() -> None:
    joined = ParticipantJoined(
        dialog_id=DIALOG, user_id=CY, joined_as=JoinedAs.JOINED, joined_at=START, origin=Origin.CHAT
    )
    left = ParticipantLeft(dialog_id=DIALOG, user_id=CY, left_at=START, origin=Origin.CHAT)

    [came], [went] = told(joined), told(left)

    assert came["payload"].items() >= {"user_id": "cy", "joined_as": "joined"}.items()
    assert came["payload"]["joined_at"] == went["payload"]["left_at"] == "2031-05-04T10:00:00.123456Z"


def test_each_recipient_is_told_of_apart_with_an_id_that_stays_the_same() -> None:
    pending = NotificationPending(
        dialog_id=DIALOG, message=a_message(dialog=DIALOG), recipients=[Reminded(BO, 2), Reminded(CY, 5)]
    )

    first, second = letters(happening(pending)), letters(happening(pending))

    assert first == second
    assert len({letter.id for letter in first} | {EVENT}) == 3
    assert [one["payload"]["recipient_id"] for one in told(pending)] == ["bo", "cy"]
    assert [one["payload"]["unread_count"] for one in told(pending)] == [2, 5]
    [cancelled] = told(NotificationCancelled(dialog_id=DIALOG, people=[BO]))
    assert cancelled["payload"]["recipient_id"] == "bo"


@pytest.mark.parametrize(
    "event",
    [
        MessageSent(dialog_id=DIALOG, message=a_message(dialog=DIALOG), origin=Origin.MANAGEMENT),
        MessageSent(dialog_id=DIALOG, message=a_message(dialog=DIALOG, by=None)),
        MessageEdited(dialog_id=DIALOG, message=a_message(dialog=DIALOG)),
        ParticipantLeft(dialog_id=DIALOG, user_id=CY, left_at=START, origin=Origin.MANAGEMENT),
        ParticipantJoined(
            dialog_id=DIALOG, user_id=CY, joined_as=JoinedAs.PARTICIPANT, joined_at=START, origin=Origin.MANAGEMENT
        ),
        DialogArchived(dialog_id=DIALOG, people=[ANN]),
    ],
)
def test_nothing_is_told_of_what_the_host_did_itself_or_nobody_asked_about(event: Event) -> None:
    assert letters(happening(event)) == ()


def test_hosts_of_the_original_get_their_types_back() -> None:
    event = happening(MessageSent(dialog_id=DIALOG, message=a_message(dialog=DIALOG)))

    [letter] = letters(event, "snake_case")

    assert json.loads(letter.body or b"")["type"] == "message_new"
    assert letter.type == "message.new"


def test_a_webhook_is_signed_over_its_exact_bytes_both_ways() -> None:
    request = signed(SECRET)

    timestamp = str(int(START.timestamp()))
    ours = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()
    standard = hmac.new(SECRET.encode(), f"{ID}.{timestamp}.".encode() + BODY, hashlib.sha256).digest()
    assert request.body == BODY
    assert request.headers == {
        "Content-Type": "application/json",
        "X-Webhook-Event": "message.new",
        "X-Webhook-Id": str(ID),
        "X-Webhook-Signature": f"sha256={ours}",
        "webhook-id": str(ID),
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(standard).decode()}",
    }


def test_the_signature_of_a_known_message_is_the_known_one() -> None:
    # RFC 4231, test case 2.
    request = sign(b"what do ya want for nothing?", event="x", id=ID, secrets=["Jefe"], at=START)

    assert request.headers["X-Webhook-Signature"] == (
        "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


@pytest.mark.parametrize("secret", [SECRET, ENCODED])
def test_a_receiver_believes_what_we_signed(secret: str) -> None:
    request = signed(secret)
    shouted = {name.upper(): value for name, value in request.headers.items()}

    for headers in (request.headers, shouted):
        event = verify(BODY, headers, [secret], now=START + 299 * SECOND)
        assert (event.id, event.type, event.payload) == (str(ID), "message.new", {"seq": 1})


def test_while_a_secret_is_changed_either_of_them_is_believed() -> None:
    both = signed("the-new-secret-here", SECRET)

    for known in (["the-new-secret-here"], [SECRET], ["neither-of-the-two", SECRET]):
        assert verify(BODY, both.headers, known, now=START).id == str(ID)


HEADERS = signed(SECRET).headers


@pytest.mark.parametrize(
    ("body", "headers", "secrets", "later"),
    [
        (BODY + b" ", HEADERS, [SECRET], 0),
        (BODY, HEADERS, ["another-secret-here"], 0),
        (BODY, HEADERS, [], 0),
        (BODY, HEADERS, [SECRET], 301),
        (BODY, HEADERS, [SECRET], -301),
        (BODY, {}, [SECRET], 0),
        (BODY, {**HEADERS, "webhook-id": str(EVENT)}, [SECRET], 0),
        (BODY, {**HEADERS, "webhook-timestamp": str(int(START.timestamp()) + 60)}, [SECRET], 60),
        (BODY, {**HEADERS, "webhook-timestamp": "soon"}, [SECRET], 0),
        (BODY, {**HEADERS, "webhook-signature": "v1,é"}, [SECRET], 0),
        (b"[]", signed(SECRET, body=b"[]").headers, [SECRET], 0),
        (b"\xff", signed(SECRET, body=b"\xff").headers, [SECRET], 0),
    ],
)
def test_a_receiver_refuses_what_is_not_ours_or_not_new(
    body: bytes, headers: Mapping[str, str], secrets: list[str], later: int
) -> None:
    with pytest.raises(SignatureInvalid):
        verify(body, headers, secrets, now=START + later * SECOND)


@pytest.mark.parametrize("luck", [0.0, 0.5, 1.0])
def test_every_wait_is_spread_by_a_fifth_and_a_day_is_survived_f11_g11(luck: float) -> None:
    schedule = Schedule()
    short, long = 0.8 + 0.4 * luck, 1 + 0.2 * luck

    waits = [schedule.after(failed, Receipt(500), luck=luck) for failed in range(1, 11)]

    assert waits[-1] is None
    assert [wait and wait.total_seconds() for wait in waits[:-1]] == pytest.approx(
        [wait * short for wait in (5, 30, 120, 600, 1800)]
        + [wait * long for wait in (7200, 18_000, 36_000, 36_000)]
    )
    assert sum((wait for wait in waits if wait), timedelta()) > timedelta(hours=24)


@pytest.mark.parametrize(
    ("status", "asked", "seconds"),
    [(429, 6, 6), (503, 6, 6), (429, 1, 5), (429, 3600, 10), (500, 6, 5), (400, 6, 5), (429, None, 5)],
)
def test_a_busy_receiver_is_waited_for_within_twice_the_wait_f14(
    status: int, asked: int | None, seconds: int
) -> None:
    wait = None if asked is None else timedelta(seconds=asked)

    receipt = Receipt(status, retry_after=wait)

    assert Schedule().after(1, receipt, luck=0.5) == timedelta(seconds=seconds)


def outcome(receipt: Receipt, failed: int = 0, number: int = 1) -> Outcome:
    return Outcome.of(
        receipt, number=number, dialog=DIALOG, failed=failed, schedule=Schedule.of([0, 1, 1, 1]), luck=0.5
    )


@pytest.mark.parametrize("status", [301, 400, 404, 408, 429, 500, 503, None])
def test_whatever_is_no_success_is_tried_again_and_at_last_dead_f11_f14(status: int | None) -> None:
    receipt = Receipt(status, None if status else "no answer in time")

    again = [outcome(receipt, failed) for failed in range(4)]

    assert [one.state for one in again] == [*[DeliveryState.PENDING] * 3, DeliveryState.DEAD]
    assert [one.holds_dialog for one in again] == [True, True, False, False]


def test_gone_is_nobodys_failure_f14() -> None:
    gone = outcome(Receipt(410), failed=1)

    assert (gone.state, gone.attempts) == (DeliveryState.PENDING, 1)


def test_a_dialog_goes_on_once_nothing_holds_it_g11() -> None:
    done, failed = Receipt(200), Receipt(500)

    assert freed([outcome(done, number=4), outcome(done, number=5)]) == {DIALOG: 5}
    assert freed([outcome(done, number=4), outcome(failed, number=5)]) == {}
    assert freed([outcome(failed, failed=2, number=4)]) == {DIALOG: 4}


@pytest.mark.parametrize("status", [199, 200, 204, 299, 300, 410, None])
def test_any_2xx_is_done(status: int | None) -> None:
    assert Receipt(status).is_done == (status in {200, 204, 299})


@pytest.mark.parametrize(
    "secrets", [[], ["short"], ["x" * 256], [SECRET] * 3, ["whsec_not base64 at all"], ["whsec_€€€€€€€€€€€€"]]
)
def test_a_secret_that_protects_nothing_is_refused(secrets: list[str]) -> None:
    with pytest.raises(InvalidInput) as refusal:
        secrets_of(secrets)

    assert all(secret not in refusal.value.message for secret in secrets)


def test_events_are_those_there_are() -> None:
    assert types_of(None) is None
    assert types_of(list(reversed(TYPES))) == TYPES
    for wrong in ([], ["message.edited"], ["message_new"]):
        with pytest.raises(InvalidInput):
            types_of(wrong)
