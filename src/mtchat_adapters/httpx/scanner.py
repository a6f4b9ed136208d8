"""A file scanner of the host, asked over HTTP: signed like webhooks, and as careful about addresses."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

from attrs import field, frozen

from mtchat_adapters.httpx import webhooks
from mtchat_adapters.httpx.webhooks import ANSWER_BYTES, HttpxWebhooks, MayCall, Unanswered
from mtchat_core.domain.attachments import Attachment
from mtchat_core.domain.errors import ServiceUnavailable
from mtchat_core.domain.ids import DialogId, MessageId
from mtchat_core.domain.webhooks import DeliveryId, sign
from mtchat_core.ports.clock import Clock

EVENT = "file.scan"
_ANSWERED = 200


@frozen
class HttpxScanner:
    """FileScanner that posts a question to one address, and believes 200 with `{"clean": true}` or `false`."""

    url: str
    secret: str = field(repr=False)
    calls: HttpxWebhooks
    clock: Clock

    async def is_clean(self, attachment: Attachment, *, dialog: DialogId, message: MessageId, link: str) -> bool:
        """Ask about one file; it has to be fetched from *link* before the answer, as that ends soon."""
        question = {
            "attachment_id": str(attachment.id),
            "dialog_id": str(dialog),
            "message_id": str(message),
            "filename": attachment.filename,
            "content_type": attachment.content_type,
            "size": attachment.size_bytes,
            "url": link,
        }
        body = json.dumps(question, ensure_ascii=False, separators=(",", ":")).encode()
        id_ = DeliveryId(attachment.id)
        request = sign(body, event=EVENT, id=id_, secrets=[self.secret], at=self.clock.now())
        try:
            status, answer = await self.calls.ask(self.url, request)
        except Unanswered as error:
            raise ServiceUnavailable(f"The scanner does not answer: {error}.") from None
        if status != _ANSWERED:
            raise ServiceUnavailable(f"The scanner answers HTTP {status}.")
        return _verdict(answer)


def _verdict(answer: bytes) -> bool:
    """Return what the scanner says; only a plain yes or no counts, and nothing stands for either."""
    try:
        clean = json.loads(answer)["clean"] if len(answer) < ANSWER_BYTES else None
    except (ValueError, TypeError, KeyError, RecursionError):
        clean = None
    if not isinstance(clean, bool):
        raise ServiceUnavailable("The scanner answers neither yes nor no.")
    return clean


@asynccontextmanager
async def open(  # noqa: A001 - scanner.open
    url: str, secret: str, *, clock: Clock, deadline: timedelta, may_call: MayCall
) -> AsyncGenerator[HttpxScanner]:
    """Open a scanner for the block; it is called only where *may_call* says yes."""
    async with webhooks.open(deadline=deadline, may_call=may_call) as calls:
        yield HttpxScanner(url, secret, calls, clock)
