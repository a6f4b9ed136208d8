"""Files are shown to a scanner that answers in every way one can."""

import hmac
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import pytest

from mtchat_adapters.httpx import scanner as scanners
from mtchat_adapters.httpx.scanner import HttpxScanner
from mtchat_app import addresses
from mtchat_core.domain.errors import ServiceUnavailable
from mtchat_core.domain.webhooks import DeliveryId, sign
from tests.builders import FakeClock, a_dialog_id, a_message_id, an_attachment
from tests.receiver import Answer, Receiver, drip, flood, open_receiver, reset, silence, status

SECRET = "a-secret-for-the-scanner"
LINK = "https://files.example/dialogs/x?signature=SECRET-LINK"
DIALOG, MESSAGE = a_dialog_id(), a_message_id()
FILE = an_attachment(filename="план.pdf")
CLOCK = FakeClock()
PATIENT, BRIEF = timedelta(seconds=20), timedelta(milliseconds=200)


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    async with open_receiver() as receiver:
        yield receiver


@asynccontextmanager
async def opened(
    receiver: Receiver, *, deadline: timedelta = PATIENT, deny_private: bool = False
) -> AsyncGenerator[HttpxScanner]:
    may_call = partial(addresses.may_be_called, deny_private=deny_private)
    async with scanners.open(receiver.url, SECRET, clock=CLOCK, deadline=deadline, may_call=may_call) as scanner:
        yield scanner


async def ask(scanner: HttpxScanner) -> bool:
    return await scanner.is_clean(FILE, dialog=DIALOG, message=MESSAGE, link=LINK)


def saying(body: bytes) -> Answer:
    return status(200, body=body)


async def test_the_scanner_is_told_about_the_file_and_can_tell_that_it_is_us(receiver: Receiver) -> None:
    receiver.answer = saying(b'{"clean": true}')

    async with opened(receiver) as scanner:
        assert await ask(scanner) is True

    (arrived,) = receiver.arrived
    assert arrived.json == {
        "attachment_id": str(FILE.id),
        "dialog_id": str(DIALOG),
        "message_id": str(MESSAGE),
        "filename": "план.pdf",
        "content_type": "application/pdf",
        "size": FILE.size_bytes,
        "url": LINK,
    }
    ours = hmac.digest(SECRET.encode(), arrived.body, "sha256").hex()
    assert arrived.headers["x-webhook-signature"] == f"sha256={ours}"
    assert arrived.headers["x-webhook-event"] == "file.scan"
    assert arrived.id == str(FILE.id)
    signed = sign(arrived.body, event="file.scan", id=DeliveryId(FILE.id), secrets=[SECRET], at=CLOCK.now())
    assert arrived.headers["webhook-signature"] == signed.headers["webhook-signature"]


@pytest.mark.parametrize(
    ("body", "is_clean"),
    [
        (b'{"clean":true}', True),
        (b'{"clean":false,"why":"EICAR"}', False),
        (json.dumps({"clean": False}).encode("utf-16"), False),
    ],
)
async def test_only_a_plain_yes_or_no_is_believed(receiver: Receiver, body: bytes, is_clean: bool) -> None:
    receiver.answer = saying(body)

    async with opened(receiver) as scanner:
        assert await ask(scanner) is is_clean


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"true",
        b"clean",
        b"[true]",
        b"null",
        b"{}",
        b'{"clean":1}',
        b'{"clean":"true"}',
        b'{"clean":null}',
        b'{"Clean":true}',
        b'{"clean":true',
        b"[" * 60_000,
        b"\xff\xfe\xfd",
        b'{"clean":true}' + b" " * 70_000,
    ],
    ids=lambda body: repr(body[:20]),
)
async def test_anything_else_is_no_answer(receiver: Receiver, body: bytes) -> None:
    receiver.answer = saying(body)

    async with opened(receiver) as scanner:
        with pytest.raises(ServiceUnavailable):
            await ask(scanner)


@pytest.mark.parametrize("code", [201, 204, 301, 307, 400, 401, 404, 410, 429, 500, 503])
async def test_another_status_is_no_answer_whatever_is_in_it(receiver: Receiver, code: int) -> None:
    async with open_receiver() as trap:
        receiver.answer = status(code, f"Location: {trap.url}", body=b'{"clean":true}')

        async with opened(receiver) as scanner:
            with pytest.raises(ServiceUnavailable):
                await ask(scanner)

        assert trap.arrived == [], "redirects are not followed"


@pytest.mark.parametrize("answer", [silence, drip, reset, flood])
async def test_a_scanner_that_hangs_drips_resets_or_floods_is_cut(receiver: Receiver, answer: Answer) -> None:
    receiver.answer = answer

    async with opened(receiver, deadline=BRIEF) as scanner:
        with pytest.raises(ServiceUnavailable) as refused:
            await ask(scanner)

    assert "SECRET" not in refused.value.message


async def test_an_address_that_may_not_be_called_is_not(receiver: Receiver) -> None:
    async with opened(receiver, deny_private=True) as scanner:
        with pytest.raises(ServiceUnavailable):
            await ask(scanner)

    assert receiver.connections == 0


async def test_nobody_sees_the_secret_by_accident(receiver: Receiver) -> None:
    async with opened(receiver) as scanner:
        assert SECRET not in repr(scanner)
