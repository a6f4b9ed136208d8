"""Telling the host."""

from typing import Protocol

from attrs import frozen

from mtchat_core.domain.webhooks import SignedRequest


@frozen
class Receipt:
    """What the receiver answered: a status, or why there was none."""

    status: int | None
    failure: str | None = None

    @property
    def is_done(self) -> bool:
        """Whether the receiver took it: any 2xx."""
        return self.status is not None and 200 <= self.status < 300


class WebhookSender(Protocol):
    """Carries one signed request to one address: one attempt, 10 s, redirects not followed."""

    async def send(self, url: str, request: SignedRequest) -> Receipt:
        """Make one attempt and report how it ended; never raises for what the receiver did."""
        ...
