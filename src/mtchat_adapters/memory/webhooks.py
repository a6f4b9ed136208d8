"""Webhooks that arrive in this process."""

from attrs import define, field

from mtchat_core.domain.webhooks import SignedRequest
from mtchat_core.ports.webhooks import Receipt


@define
class MemoryWebhooks:
    """WebhookSender that keeps what it was given; `answer` says how every attempt ends."""

    answer: Receipt = field(factory=lambda: Receipt(status=204))
    sent: list[tuple[str, SignedRequest]] = field(factory=list[tuple[str, SignedRequest]])

    async def send(self, url: str, request: SignedRequest) -> Receipt:
        """Keep the request and answer."""
        self.sent.append((url, request))
        return self.answer
