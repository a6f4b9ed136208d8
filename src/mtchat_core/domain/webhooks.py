"""What the host is told, signed so that it can believe it (RFC 2104, HMAC-SHA256)."""

import hmac
from collections.abc import Mapping

from attrs import frozen

from mtchat_core.domain.ids import EventId


@frozen
class SignedRequest:
    """The exact bytes to post, and the headers that vouch for them."""

    body: bytes
    headers: Mapping[str, str]


def sign(body: bytes, *, event: str, id: EventId, secret: str) -> SignedRequest:  # noqa: A002 - the field's own name
    """Sign *body* for a receiver that shares *secret*."""
    signature = hmac.digest(secret.encode(), body, "sha256").hex()
    return SignedRequest(
        body=body,
        headers={
            "Content-Type": "application/json",
            "X-Webhook-Event": event,
            "X-Webhook-Id": str(id),
            "X-Webhook-Signature": f"sha256={signature}",
        },
    )
