"""Webhooks that arrive in this process."""

import pytest

from mtchat_adapters.memory.webhooks import MemoryWebhooks
from mtchat_core.domain.webhooks import SignedRequest
from mtchat_core.ports.webhooks import Receipt, WebhookSender

REQUEST = SignedRequest(b"{}", {"X-Webhook-Event": "message.new"})


async def test_what_was_sent_is_kept_in_order_and_answered() -> None:
    webhooks = MemoryWebhooks()
    sender: WebhookSender = webhooks

    first = await sender.send("https://one.example", REQUEST)
    webhooks.answer = Receipt(None, "connection refused")
    second = await sender.send("https://two.example", REQUEST)

    assert [first.is_done, second.is_done] == [True, False]
    assert webhooks.sent == [("https://one.example", REQUEST), ("https://two.example", REQUEST)]


@pytest.mark.parametrize(
    ("status", "is_done"), [(None, False), (199, False), (200, True), (299, True), (300, False), (410, False)]
)
def test_any_2xx_is_done(status: int | None, is_done: bool) -> None:
    assert Receipt(status).is_done == is_done
