"""Signatures a host can believe (RFC 2104)."""

import hashlib
import hmac

from mtchat_core.domain.ids import EventId
from mtchat_core.domain.webhooks import sign
from tests.builders import a_dialog_id


def test_a_webhook_is_signed_over_its_exact_bytes() -> None:
    id = EventId(a_dialog_id())  # noqa: A001 - the field's own name
    body = '{"type": "message.new", "text": "привет"}'.encode()

    request = sign(body, event="message.new", id=id, secret="sécret")

    expected = hmac.new("sécret".encode(), body, hashlib.sha256).hexdigest()
    assert request.body == body
    assert request.headers == {
        "Content-Type": "application/json",
        "X-Webhook-Event": "message.new",
        "X-Webhook-Id": str(id),
        "X-Webhook-Signature": f"sha256={expected}",
    }


def test_the_signature_of_a_known_message_is_the_known_one() -> None:
    # RFC 4231, test case 2.
    request = sign(b"what do ya want for nothing?", event="x", id=EventId(a_dialog_id()), secret="Jefe")

    assert request.headers["X-Webhook-Signature"] == (
        "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )
