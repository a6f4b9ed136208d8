"""A bucket as a storage: what a link is good for, and what happens while the storage is no good."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from attrs import evolve
from botocore.credentials import ReadOnlyCredentials

from mtchat_adapters import s3
from mtchat_adapters.s3 import breaker, bucket
from mtchat_adapters.s3.bucket import Bucket, Connection, connect
from mtchat_adapters.s3.signing import Signer
from mtchat_app.doctor import examine
from mtchat_core.chat import Chat, Ports
from mtchat_core.domain.attachments import FileClaim, UploadDiffers
from mtchat_core.domain.errors import InvalidInput, ServiceUnavailable
from mtchat_core.domain.messages import Draft, Window
from mtchat_core.use_cases.files import PART_BYTES, PARTS_FROM
from tests import asking
from tests.builders import ANN, FakeClock, open_dialog
from tests.contracts.storages import HttpBrowser, Refused
from tests.links import eventually
from tests.s3 import Endpoint
from tests.strict_s3 import Rule, StrictS3, strict_s3

KEY, TTL = "dialogs/d/a.txt", timedelta(minutes=5)
SHORTLY = timedelta(seconds=1)
ANYBODY = (Rule(("*",), ("PUT",), ("content-type",)),)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look again sooner than in earnest."""
    monkeypatch.setattr(breaker, "PROBE_SECONDS", 0.02)


@pytest.fixture
async def server() -> AsyncIterator[StrictS3]:
    """A storage that takes nothing on trust."""
    async with strict_s3() as server:
        yield server


@pytest.fixture
async def link(server: StrictS3) -> AsyncIterator[s3.S3Link]:
    """The way to it, of somebody with little patience."""
    async with s3.open(server.named, patience=SHORTLY) as link:
        await eventually(lambda: "GET /strict-files" in server.asked)
        yield link


@pytest.fixture
async def browser() -> AsyncIterator[HttpBrowser]:
    """Somebody who follows links."""
    async with httpx.AsyncClient() as client:
        yield HttpBrowser(client)


@pytest.fixture(params=["strict", "seaweed"])
def named(request: pytest.FixtureRequest) -> Bucket:
    """A bucket of each storage."""
    if request.param == "strict":
        server: StrictS3 = request.getfixturevalue("server")
        return server.named
    endpoint: Endpoint = request.getfixturevalue("s3_server")
    return endpoint.bucket


def put_link(link: s3.S3Link, *, key: str = KEY, content_type: str = "text/plain", size: int = 4) -> str:
    return link.storage.upload_link(key, content_type=content_type, size_bytes=size, at=datetime.now(UTC), ttl=TTL)


def get_link(
    link: s3.S3Link, *, key: str = KEY, filename: str = "plan.txt", content_type: str = "text/plain"
) -> str:
    return link.storage.download_link(
        key, filename=filename, content_type=content_type, inline=False, at=datetime.now(UTC), ttl=TTL
    )


# Links


def test_a_link_is_signed_as_amazon_documents_it() -> None:
    """Source: "Authenticating Requests: Using Query Parameters", the example."""
    keys = ReadOnlyCredentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None)
    signer = Signer("https://examplebucket.s3.amazonaws.com", "us-east-1", keys)

    made = signer.link("GET", "test.txt", at=datetime(2013, 5, 24, tzinfo=UTC), ttl=timedelta(days=1), query={})

    assert made.endswith("X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")


def test_a_link_with_the_keys_of_a_role_brings_their_token() -> None:
    signer = Signer("https://files.example.com/b", "us-east-1", ReadOnlyCredentials("id", "secret", "a/token+"))

    told = parse_qs(urlsplit(signer.link("GET", KEY, at=datetime.now(UTC), ttl=TTL, query={})).query)

    assert told["X-Amz-Security-Token"] == ["a/token+"]


@pytest.mark.parametrize(
    ("named", "begins"),
    [
        (Bucket("files"), "https://files.s3.us-east-1.amazonaws.com/dialogs/"),
        (Bucket("files", region="eu-central-1"), "https://files.s3.eu-central-1.amazonaws.com/dialogs/"),
        (Bucket("my.files", region="eu-west-1"), "https://s3.eu-west-1.amazonaws.com/my.files/dialogs/"),
        (Bucket("files", endpoint="http://minio:9000/"), "http://minio:9000/files/dialogs/"),
        (
            Bucket("files", endpoint="http://minio:9000", public_endpoint="https://Files.example.com:443"),
            "https://files.example.com/files/dialogs/",
        ),
    ],
)
async def test_links_lead_to_where_browsers_reach_the_bucket(named: Bucket, begins: str) -> None:
    keyed = evolve(named, access_key_id="id", secret_access_key="secret")

    async with connect(keyed, patience=SHORTLY) as connection:
        made = connection.signer.link("GET", KEY, at=datetime.now(UTC), ttl=TTL, query={})

    assert made.startswith(begins)


async def test_links_are_good_at_the_public_endpoint_alone_g19(server: StrictS3, browser: HttpBrowser) -> None:
    outside = server.url.replace("127.0.0.1", "localhost")
    async with s3.open(evolve(server.named, public_endpoint=outside)) as link:
        await browser.put(put_link(link), b"plan", "text/plain")

        assert await browser.get(get_link(link)) == b"plan"
        assert await link.storage.read(KEY, at_most=4) == b"plan"
        with pytest.raises(Refused):
            await browser.get(get_link(link).replace("localhost", "127.0.0.1"))


@pytest.mark.parametrize(
    ("told", "instead"),
    [
        ("a.txt", "b.txt"),
        ("X-Amz-Expires=300", "X-Amz-Expires=3000"),
        ("attachment", "inline"),
        ("text%2Fplain", "text%2Fhtml"),
        ("AKIDSTRICT", "AKIDSTRICU"),
        ("eu-test-1", "us-east-1"),
        ("SignedHeaders=host", "SignedHeaders="),
        ("&X-Amz-Signature=", "&X-Amz-Signature=0"),
        ("?", "?versionId=1&"),
    ],
)
async def test_an_altered_download_link_serves_nothing_g19(
    link: s3.S3Link, browser: HttpBrowser, told: str, instead: str
) -> None:
    for key in (KEY, "dialogs/d/b.txt"):
        await link.storage.write(key, b"plan", content_type="text/plain")
    good = get_link(link)
    assert told in good

    with pytest.raises(Refused):
        await browser.get(good.replace(told, instead, 1))


async def test_a_link_is_for_one_verb_g19(link: s3.S3Link, browser: HttpBrowser) -> None:
    await link.storage.write(KEY, b"plan", content_type="text/plain")

    with pytest.raises(Refused):
        await browser.put(get_link(link), b"evil", "text/plain")
    with pytest.raises(Refused):
        await browser.get(put_link(link))
    assert (await browser.client.delete(put_link(link))).status_code == 403
    assert await link.storage.read(KEY, at_most=4) == b"plan"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"plan!", "text/plain"), (b"pla", "text/plain"), (b"plan", "text/html"), (b"plan", "")],
)
async def test_the_storage_itself_refuses_another_size_or_type_g19_b56(
    named: Bucket, browser: HttpBrowser, body: bytes, content_type: str
) -> None:
    async with s3.open(named) as link:
        with pytest.raises(Refused):
            await browser.put(put_link(link, key="dialogs/d/none.txt"), body, content_type)

        assert await link.storage.stat("dialogs/d/none.txt") is None


async def test_a_body_without_a_length_is_refused_b56(named: Bucket, browser: HttpBrowser) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"plan"

    async with s3.open(named) as link:
        url, headers = put_link(link, key="dialogs/d/none.txt"), {"Content-Type": "text/plain"}
        answer = await browser.client.put(url, content=endless(), headers=headers)

        assert answer.status_code in (403, 411)
        assert await link.storage.stat("dialogs/d/none.txt") is None


async def test_a_file_of_no_known_type_is_uploaded_without_one_and_saved_as_bytes(
    named: Bucket, browser: HttpBrowser
) -> None:
    async with s3.open(named) as link:
        await browser.put(put_link(link, content_type=""), b"plan", None)
        answer = await browser.client.get(get_link(link, content_type=""))

    assert (answer.content, answer.headers["content-type"]) == (b"plan", "application/octet-stream")


async def test_a_download_says_what_it_is_and_what_it_is_called_b57_b58(
    named: Bucket, browser: HttpBrowser
) -> None:
    async with s3.open(named) as link:
        await link.storage.write(KEY, b"<svg onload='x'/>", content_type="image/svg+xml")
        answer = await browser.client.get(
            get_link(link, filename='план "1"\r\n.svg', content_type="image/svg+xml")
        )

    told = answer.headers["content-disposition"]
    assert told.startswith('attachment; filename="____ _1___.svg"')
    assert told.endswith("filename*=UTF-8''%D0%BF%D0%BB%D0%B0%D0%BD%20%221%22%0D%0A.svg")


async def test_a_film_can_be_fetched_from_its_middle(named: Bucket, browser: HttpBrowser) -> None:
    async with s3.open(named) as link:
        await link.storage.write(KEY, b"0123456789", content_type="video/mp4")
        answer = await browser.client.get(get_link(link), headers={"Range": "bytes=4-6"})

    assert (answer.status_code, answer.content) == (206, b"456")


async def test_any_number_of_files_is_deleted(server: StrictS3, link: s3.S3Link) -> None:
    keys = [f"dialogs/d/{number}.txt" for number in range(1001)]
    await link.storage.write(keys[0], b"plan", content_type="text/plain")
    server.objects |= dict.fromkeys(keys, server.objects[keys[0]])

    await link.storage.delete(keys)

    assert server.objects == {}


# Uploads in parts


async def test_an_upload_in_parts_goes_on_after_an_interruption(
    named: Bucket, browser: HttpBrowser, memory_ports: Ports, clock: FakeClock
) -> None:
    clock.set(datetime.now(UTC))
    dialog, size = await open_dialog(memory_ports, ANN), PARTS_FROM + 7
    body = bytes(size)
    async with s3.open(named) as link:
        chat = Chat.over(evolve(memory_ports, storage=link.storage))
        begun = await chat.files.begin_parts(
            ANN, dialog, filename="film.mp4", content_type="video/mp4", size_bytes=size
        )
        assert [part.size_bytes for part in begun.missing] == [PART_BYTES, PART_BYTES, 7]
        await browser.put(begun.missing[1].url, body[:PART_BYTES], None)

    async with s3.open(named) as link:
        chat = Chat.over(evolve(memory_ports, storage=link.storage))
        with pytest.raises(UploadDiffers):
            await chat.files.join_parts(ANN, begun.upload.key)
        resumed = await chat.files.parts(ANN, begun.upload.key)
        assert [part.number for part in resumed.arrived] == [2]
        for part in resumed.missing:
            await browser.put(part.url, body[: part.size_bytes], None)
        await chat.files.join_parts(ANN, begun.upload.key)
        claim = FileClaim(begun.upload.key, "film.mp4", "video/mp4", size)
        message = await chat.messages.send(ANN, dialog, Draft("", files=(claim,)))

        assert await browser.get(chat.files.links.of(message.attachments[0]).url) == body


async def test_parts_that_do_not_fit_together_are_no_file(link: s3.S3Link, browser: HttpBrowser) -> None:
    parts_id = await link.storage.begin_parts(KEY, content_type="video/mp4")
    for number in (1, 2):
        await browser.put(
            link.storage.part_link(KEY, parts_id, number=number, size_bytes=3, at=datetime.now(UTC), ttl=TTL),
            b"abc",
            None,
        )
    arrived = await link.storage.parts(KEY, parts_id)
    assert arrived is not None

    with pytest.raises(ServiceUnavailable):
        await link.storage.join_parts(KEY, parts_id, arrived)

    assert await link.storage.stat(KEY) is None
    assert link.is_up


# While the storage is no good


async def refusals(link: s3.S3Link, times: int) -> list[ServiceUnavailable]:
    """Ask *times* at once, and return how each was refused."""
    told = await asyncio.gather(*(link.storage.stat(KEY) for _ in range(times)), return_exceptions=True)
    refused = [error for error in told if isinstance(error, ServiceUnavailable)]
    assert len(refused) == times
    return refused


async def test_text_goes_on_while_the_storage_is_closed_and_files_are_refused_f24(
    server: StrictS3, link: s3.S3Link, browser: HttpBrowser, memory_ports: Ports, clock: FakeClock
) -> None:
    clock.set(datetime.now(UTC))
    chat, dialog = Chat.over(evolve(memory_ports, storage=link.storage)), await open_dialog(memory_ports, ANN)
    place = await chat.files.reserve(ANN, dialog, filename="a.txt", content_type="text/plain", size_bytes=4)
    await browser.put(place.url, b"plan", "text/plain")
    with_file = Draft("", files=(FileClaim(place.upload.key, "a.txt", "text/plain", 4),))
    await server.close()

    async with asyncio.timeout(3):
        with pytest.raises(ServiceUnavailable, match="file storage"):
            await chat.messages.send(ANN, dialog, with_file)
    await chat.messages.send(ANN, dialog, Draft("text"))

    assert [message.content for message in (await chat.messages.page(ANN, dialog, Window())).messages] == ["text"]

    await server.open()
    await eventually(lambda: link.is_up)
    assert len((await chat.messages.send(ANN, dialog, with_file)).attachments) == 1


async def test_after_five_failures_nobody_waits_for_a_slow_storage_f25(server: StrictS3, link: s3.S3Link) -> None:
    await link.storage.write(KEY, b"plan", content_type="text/plain")
    server.freeze()

    assert await refusals(link, breaker.FAILURES_IN_A_ROW - 1)
    assert link.degraded() == []
    assert await refusals(link, 1)

    heads = sum(asked.startswith("HEAD") for asked in server.asked)
    assert await refusals(link, 10)
    assert sum(asked.startswith("HEAD") for asked in server.asked) == heads
    assert ["TimeoutError" in line and line.startswith("storage: ") for line in link.degraded()] == [True]

    server.thaw()
    await eventually(lambda: link.is_up)
    assert await link.storage.stat(KEY) is not None
    assert link.degraded() == []


async def test_a_file_that_breaks_off_is_a_failure_and_no_file(server: StrictS3, link: s3.S3Link) -> None:
    await link.storage.write(KEY, b"plan" * 100_000, content_type="text/plain")
    server.cutting = True

    with pytest.raises(ServiceUnavailable):
        await link.storage.read(KEY, at_most=1_000_000)

    server.cutting = False
    assert len(await link.storage.read(KEY, at_most=1_000_000) or b"") == 400_000


async def test_links_are_made_while_the_storage_is_down_f24(server: StrictS3, link: s3.S3Link) -> None:
    before = get_link(link)
    await server.close()
    assert await refusals(link, breaker.FAILURES_IN_A_ROW)

    assert urlsplit(get_link(link)).path == urlsplit(before).path


async def test_what_is_not_there_is_no_failure(link: s3.S3Link) -> None:
    for _ in range(2 * breaker.FAILURES_IN_A_ROW):
        assert await link.storage.stat("dialogs/none") is None

    assert link.is_up


@pytest.mark.parametrize("trouble", ["failing", "denied", "skew"])
async def test_a_storage_that_answers_and_does_nothing_is_down_too(
    server: StrictS3, link: s3.S3Link, trouble: str
) -> None:
    wrong = {"failing": 503, "denied": True, "skew": timedelta(hours=1)}
    right = getattr(server, trouble)
    setattr(server, trouble, wrong[trouble])

    assert await refusals(link, breaker.FAILURES_IN_A_ROW)

    assert not link.is_up
    setattr(server, trouble, right)
    await eventually(lambda: link.is_up)
    await link.storage.write(KEY, b"plan", content_type="text/plain")


async def test_a_bucket_that_is_not_there_is_known_from_the_start(server: StrictS3) -> None:
    async with s3.open(evolve(server.named, name="no-such-bucket")) as link:
        await eventually(lambda: not link.is_up)

        assert "NoSuchBucket" in link.degraded()[0]


# Keys


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "a/b"},
        {"endpoint": "minio:9000"},
        {"endpoint": "http://minio:9000/path"},
        {"public_endpoint": "https://user:secret@files.example.com"},
        {"region": "no region"},
    ],
)
async def test_settings_that_can_not_work_are_refused_at_the_start(wrong: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as refusal:
        async with s3.open(evolve(Bucket("files", access_key_id="id", secret_access_key="secret"), **wrong)):
            pass

    assert "secret" not in refusal.value.message


async def test_no_keys_at_all_are_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")

    with pytest.raises(InvalidInput, match="S3_ACCESS_KEY_ID"):
        async with s3.open(Bucket("files")):
            pass


async def test_the_machines_own_keys_are_used_and_renewed(
    server: StrictS3, browser: HttpBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.secret_key)
    monkeypatch.setattr(bucket, "REFRESH_SECONDS", 0.01)
    given: list[ReadOnlyCredentials | Exception] = [
        RuntimeError("away"),
        ReadOnlyCredentials("new", "pair", "token"),
    ]

    class Role:
        async def get_frozen_credentials(self) -> ReadOnlyCredentials:
            now = given[0] if len(given) == 1 else given.pop(0)
            if isinstance(now, Exception):
                raise now
            return now

    own = evolve(server.named, access_key_id=None, secret_access_key=None)
    async with connect(own, patience=SHORTLY) as connection:
        signer = connection.signer
        url = signer.link("GET", KEY, at=datetime.now(UTC), ttl=TTL, query={})
        renewing = asyncio.create_task(Connection(connection.client, signer, Role()).keep_credentials_fresh())
        await eventually(lambda: signer.credentials.access_key == "new")
        renewing.cancel()

    assert (await browser.client.get(url)).status_code == 404


async def test_no_log_has_a_link_or_a_secret(
    server: StrictS3, browser: HttpBrowser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    async with s3.open(server.named, patience=SHORTLY) as link:
        await browser.put(put_link(link), b"plan", "text/plain")
        await link.storage.stat(KEY)
        server.denied = True
        refused = await refusals(link, breaker.FAILURES_IN_A_ROW)

    written = f"{caplog.text}{refused}{[error.__context__ for error in refused]}{server.named!r}"
    assert "the file storage is of no use (403)" in written
    assert not any(word in written for word in ("Signature", "X-Amz", server.secret_key, KEY))


# mtchat doctor


def says(remarks: list[s3.Remark]) -> str:
    return "\n".join(f"{remark.is_fine} {remark.is_fatal} {remark.says}" for remark in remarks)


async def test_a_good_bucket_is_found_good_and_left_as_it_was(server: StrictS3) -> None:
    server.rules = ANYBODY

    remarks = await s3.check(server.named, origins=["*"])

    assert all(remark.is_fine for remark in remarks), says(remarks)
    assert len(remarks) == 3
    assert server.objects == {}


async def test_seaweed_is_found_good_as_well(s3_server: Endpoint) -> None:
    remarks = await s3.check(s3_server.bucket, origins=["https://app.example.com"])

    assert all(remark.is_fine for remark in remarks), says(remarks)


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ({"access_key_id": "AKIDOTHER"}, "does not know S3_ACCESS_KEY_ID"),
        ({"secret_access_key": "other"}, "S3_SECRET_ACCESS_KEY does not belong to S3_ACCESS_KEY_ID"),
        ({"name": "no-such-bucket"}, "no bucket of this name"),
        ({"region": "us-east-1"}, "set S3_REGION=eu-test-1"),
        ({"endpoint": "http://127.0.0.1:1"}, "Check S3_ENDPOINT"),
        ({"endpoint": "127.0.0.1"}, "S3_ENDPOINT can't be used"),
    ],
)
async def test_what_is_wrong_with_the_settings_is_said(
    server: StrictS3, wrong: dict[str, str], advice: str
) -> None:
    remarks = await s3.check(evolve(server.named, **wrong), origins=["*"])

    assert [remark.is_fatal for remark in remarks] == [True]
    assert advice in remarks[0].says


async def test_a_clock_that_is_wrong_is_said_with_the_seconds(server: StrictS3) -> None:
    server.skew = timedelta(hours=1)

    remarks = await s3.check(server.named, origins=["*"])

    assert [remark.is_fatal for remark in remarks] == [True]
    assert any(f"differ by {seconds} s" in remarks[0].says for seconds in range(3595, 3605))


async def test_keys_that_may_do_nothing_are_said(server: StrictS3) -> None:
    server.denied = True

    assert "may not do enough" in says(await s3.check(server.named, origins=["*"]))


async def test_missing_rules_for_pages_are_printed_to_be_set(server: StrictS3) -> None:
    server.rules = (Rule(("https://app.example.com",), ("PUT",), ("content-type",)),)

    remarks = await s3.check(server.named, origins=["https://app.example.com", "https://other.example.com"])

    told = [remark.says for remark in remarks if remark.is_fatal]
    assert len(told) == 1
    assert "no page of https://other.example.com upload" in told[0]
    rules = json.loads(told[0].partition("--cors-configuration '")[2].rstrip("'"))
    assert rules["CORSRules"][0]["AllowedOrigins"] == ["https://app.example.com", "https://other.example.com"]
    assert "PUT" in rules["CORSRules"][0]["AllowedMethods"]
    assert server.objects == {}


async def test_a_public_endpoint_that_leads_elsewhere_is_said(server: StrictS3) -> None:
    server.rules = ANYBODY
    async with strict_s3() as other:
        elsewhere = await s3.check(evolve(server.named, public_endpoint=other.url), origins=["*"])
    nowhere = await s3.check(evolve(server.named, public_endpoint="http://127.0.0.1:1"), origins=["*"])

    assert "does not come back" in says(elsewhere)
    assert "see S3_PUBLIC_ENDPOINT" in says(nowhere)
    assert not any(remark.is_fatal for remark in nowhere)


async def test_doctor_looks_at_the_storage(server: StrictS3) -> None:
    settings = {
        "S3_BUCKET": server.bucket,
        "S3_ENDPOINT": server.url,
        "S3_REGION": server.region,
        "S3_ACCESS_KEY_ID": server.access_key,
        "S3_SECRET_ACCESS_KEY": server.secret_key,
        "ADMIN_API_TOKEN": asking.ADMIN,
        "JWT_SECRET": asking.SECRET,
    }

    findings = await examine(settings)

    told = {finding.mark.strip(): finding.says for finding in findings}
    assert "put-bucket-cors" in told["FAIL"]
    assert server.secret_key not in str(findings)
