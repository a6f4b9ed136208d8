"""One attempt over the network, at a receiver that behaves in every way one can."""

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mtchat_adapters.httpx import webhooks
from mtchat_adapters.httpx.webhooks import HttpxWebhooks
from mtchat_app import addresses
from mtchat_core.domain.webhooks import Receipt, SignedRequest
from tests.receiver import Answer, Receiver, drip, flood, open_receiver, reset, silence, status

REQUEST = SignedRequest(b'{"id":"x"}', {"Content-Type": "application/json", "webhook-id": "x"})
PATIENT, BRIEF = timedelta(seconds=20), timedelta(milliseconds=200)


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    async with open_receiver() as receiver:
        yield receiver


@pytest.fixture
async def sender() -> AsyncGenerator[HttpxWebhooks]:
    async with webhooks.open(deadline=PATIENT, may_call=addresses.may_be_called) as sender:
        yield sender


async def briefly(url: str) -> Receipt:
    async with webhooks.open(deadline=BRIEF, may_call=addresses.may_be_called) as sender:
        return await sender.send(url, REQUEST)


async def test_the_exact_bytes_arrive_with_their_headers_and_nothing_of_ours(
    sender: HttpxWebhooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    receiver.answer = status(200, "Set-Cookie: a=b; Path=/")

    first = await sender.send(f"{receiver.url}?a=b%20c", REQUEST)
    second = await sender.send(receiver.url, REQUEST)

    assert first.is_done
    assert second.is_done
    arrived = receiver.arrived[0]
    assert (arrived.path, arrived.body) == ("/hook?a=b%20c", REQUEST.body)
    assert arrived.headers == {
        "host": f"127.0.0.1:{receiver.port}",
        "content-type": "application/json",
        "webhook-id": "x",
        "user-agent": "MTChat-Webhooks/1",
        "accept": "*/*",
        "content-length": str(len(REQUEST.body)),
    }
    assert "cookie" not in receiver.arrived[1].headers


async def test_a_connection_is_used_again(sender: HttpxWebhooks, receiver: Receiver) -> None:
    receiver.answer = status(200, body=b"x" * 60_000)

    for _ in range(5):
        assert (await sender.send(receiver.url, REQUEST)).is_done

    assert receiver.connections == 1


async def test_a_kept_connection_that_has_closed_is_no_failure(sender: HttpxWebhooks, receiver: Receiver) -> None:
    assert (await sender.send(receiver.url, REQUEST)).is_done
    receiver.answers([reset])

    assert (await sender.send(receiver.url, REQUEST)).is_done
    receiver.hang_up()
    assert (await sender.send(receiver.url, REQUEST)).is_done


@pytest.mark.parametrize(
    ("answer", "failure"),
    [(silence, "no answer in time"), (drip, "no answer in time"), (reset, "no HTTP|connection lost")],
)
async def test_a_receiver_that_hangs_drips_or_resets_is_cut_f12(
    receiver: Receiver, answer: Answer, failure: str
) -> None:
    receiver.answer = answer

    receipt = await briefly(receiver.url)

    assert receipt.status is None
    assert receipt.failure in failure.split("|")


async def test_a_gigabyte_is_not_read_f12(sender: HttpxWebhooks, receiver: Receiver) -> None:
    receiver.answer = flood

    receipt = await sender.send(receiver.url, REQUEST)

    assert (receipt.status, receipt.is_done) == (200, True)
    receiver.answer = status(204)
    assert (await sender.send(receiver.url, REQUEST)).is_done
    assert receiver.connections == 2, "the flooded connection was given up"


async def test_nobody_there_is_a_failure_f11(sender: HttpxWebhooks) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    assert (await sender.send(f"http://127.0.0.1:{port}/", REQUEST)).failure == "connection refused"
    assert (await sender.send("http://nobody.invalid/", REQUEST)).failure == "the name is unknown"


@pytest.mark.parametrize("code", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed_f13(sender: HttpxWebhooks, receiver: Receiver, code: int) -> None:
    async with open_receiver() as trap:
        receiver.answer = status(code, f"Location: {trap.url}")

        receipt = await sender.send(receiver.url, REQUEST)

        assert (receipt.status, receipt.is_done, trap.arrived) == (code, False, [])


@pytest.mark.parametrize(
    "leads_to",
    [
        "169.254.169.254",
        "fe80::1",
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "224.0.0.1",
        "ff02::1",
        "100.100.100.200",
        "fd00:ec2::254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
    ],
)
async def test_a_name_that_leads_to_a_forbidden_address_is_not_called_f13_b68(
    sender: HttpxWebhooks, receiver: Receiver, leads_to: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [leads_to, "127.0.0.1"]

    async def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, receiver.port)) for address in found]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)

    receipt = await sender.send(f"http://innocent.example:{receiver.port}/", REQUEST)

    assert receipt.failure == "the address is refused"
    assert receiver.connections == 0


@pytest.mark.parametrize(
    "private",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "::1", "fd12::1", "100.64.0.1", "::ffff:10.0.0.1"],
)
def test_private_addresses_are_called_unless_denied_f13_b68(private: str) -> None:
    assert addresses.may_be_called(ip_address(private))
    assert not addresses.may_be_called(ip_address(private), deny_private=True)
    assert addresses.may_be_called(ip_address("93.184.216.34"), deny_private=True)
    assert addresses.may_be_called(ip_address("2606:2800:220:1::1"), deny_private=True)


async def test_private_networks_can_be_denied_f13(receiver: Receiver) -> None:
    may_call = partial(addresses.may_be_called, deny_private=True)
    async with webhooks.open(deadline=PATIENT, may_call=may_call) as sender:
        receipt = await sender.send(receiver.url, REQUEST)

    assert (receipt.failure, receiver.connections) == ("the address is refused", 0)


@pytest.mark.parametrize(
    ("given", "seconds"), [("7", 7), ("0", 0), ("9" * 30, 10**6), ("-1", None), ("soon", None), ("1.5", None)]
)
async def test_the_wait_a_receiver_asks_for_is_reported_f14(
    sender: HttpxWebhooks, receiver: Receiver, given: str, seconds: int | None
) -> None:
    receiver.answer = status(429, f"Retry-After: {given}")

    receipt = await sender.send(receiver.url, REQUEST)

    assert receipt.status == 429
    assert receipt.retry_after == (None if seconds is None else timedelta(seconds=seconds))


async def test_a_wait_may_be_an_instant_f14(sender: HttpxWebhooks, receiver: Receiver) -> None:
    for until in (datetime.now(UTC) + timedelta(hours=1), datetime(2000, 1, 1, tzinfo=UTC)):
        receiver.answer = status(503, f"Retry-After: {format_datetime(until, usegmt=True)}")
        receipt = await sender.send(receiver.url, REQUEST)
        assert receipt.retry_after is not None
        assert timedelta() <= receipt.retry_after <= timedelta(hours=1)


@pytest.mark.parametrize(
    "url", ["http://", "nonsense", "ftp://127.0.0.1/", "http://127.0.0.1:99999/", "http://a..b/"]
)
async def test_an_address_that_is_none_is_a_failure_and_no_crash_b68(sender: HttpxWebhooks, url: str) -> None:
    receipt = await sender.send(url, REQUEST)

    assert receipt.status is None
    assert receipt.failure


@pytest.fixture
def foreign_certificate(tmp_path: Path) -> ssl.SSLContext:
    """A certificate that nobody we trust has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "else.example")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(datetime(2020, 1, 1)).not_valid_after(datetime(2099, 1, 1))  # noqa: DTZ001
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "both.pem").write_bytes(plain + made.sign(key, hashes.SHA256()).public_bytes(pem))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "both.pem")
    return context


async def test_a_certificate_of_somebody_else_is_refused(
    sender: HttpxWebhooks, foreign_certificate: ssl.SSLContext
) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=foreign_certificate)
    port = server.sockets[0].getsockname()[1]

    receipt = await sender.send(f"https://127.0.0.1:{port}/", REQUEST)

    server.close()
    await server.wait_closed()
    assert receipt.failure == "TLS failed"
