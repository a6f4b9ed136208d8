"""Files that the service hands out itself, over real connections (G19, F26, F34, B57 to B59)."""

import asyncio
import json
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from itertools import count
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from mtchat_adapters.system.clock import SystemClock
from mtchat_app.http import files
from tests.contracts.storages import HttpBrowser
from tests.holding import Held
from tests.shelves import Shelf, on_a_port

TTL = timedelta(minutes=5)
HASTE = {
    "REQUEST_BODY_TIMEOUT_SECS": "1",
    "REQUEST_TIMEOUT_SECS": "1",
    "REQUEST_MAX_BODY_BYTES": "1024",
    "CORS_ALLOWED_ORIGINS": "https://app.test",
}
CLOCK = SystemClock()
PATIENCE_SECONDS = 20
_numbers = count()


@pytest.fixture(scope="module")
async def shelf(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shelf]:
    """The real server on a real port, in a hurry."""
    held = Held(on_a_port(tmp_path_factory.mktemp("shelf") / "files", CLOCK, **HASTE))
    yield await held.value()
    await held.release()


def a_key(extension: str = "txt") -> str:
    """Return a key nobody has used yet."""
    return f"dialogs/0197c0de-0000-7000-8000-0000000000a1/{next(_numbers)}.{extension}"


def put_link(shelf: Shelf, key: str, size: int, content_type: str = "text/plain", ttl: timedelta = TTL) -> str:
    return shelf.storage.upload_link(key, content_type=content_type, size_bytes=size, at=CLOCK.now(), ttl=ttl)


def get_link(
    shelf: Shelf,
    key: str,
    name: str = "plan.txt",
    content_type: str = "text/plain",
    *,
    inline: bool = True,
    ttl: timedelta = TTL,
) -> str:
    return shelf.storage.download_link(
        key, filename=name, content_type=content_type, inline=inline, at=CLOCK.now(), ttl=ttl
    )


async def kept(shelf: Shelf, body: bytes = b"0123456789", content_type: str = "text/plain") -> str:
    """Upload a file, and return its key."""
    key = a_key()
    link = put_link(shelf, key, len(body), content_type)
    await HttpBrowser(shelf.client).put(link, body, content_type)
    return key


async def nothing_left(shelf: Shelf) -> None:
    """Wait until what was begun is forgotten."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while shelf.leftovers():  # noqa: ASYNC110 - only looking tells
            await asyncio.sleep(0.01)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Return status and code; the body must be the envelope."""
    error = answer.json()["error"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.status_code != 403 or error["message"].startswith("Forbidden")
    return answer.status_code, error["code"]


async def test_what_was_put_comes_back_as_it_was_and_harmless_g19(shelf: Shelf) -> None:
    body = bytes(range(256)) * 20_000
    key = a_key("png")

    put = await shelf.client.put(
        put_link(shelf, key, len(body), "image/png"), content=body, headers={"Content-Type": "image/png"}
    )
    got = await shelf.client.get(get_link(shelf, key, "plan.png", "image/png"))

    assert (put.status_code, put.content) == (200, b"")
    assert (got.status_code, got.content == body) == (200, True)
    assert got.headers["content-type"] == "image/png"
    assert got.headers["content-disposition"] == 'inline; filename="plan.png"'
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert got.headers["cross-origin-resource-policy"] == "cross-origin"
    assert got.headers["etag"] == put.headers["etag"]
    privacy, _, age = got.headers["cache-control"].partition(", max-age=")
    assert privacy == "private"
    assert 0 < int(age) <= TTL.total_seconds()


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"plan!", "text/plain"),
        (b"pla", "text/plain"),
        (b"", "text/plain"),
        (b"plan", "text/html"),
        (b"plan", "text/plain; charset=utf-8"),
        (b"plan", None),
    ],
)
async def test_what_is_not_as_agreed_is_refused_and_nothing_is_kept_g19_f26(
    shelf: Shelf, body: bytes, content_type: str | None
) -> None:
    key = a_key()
    headers = {} if content_type is None else {"Content-Type": content_type}

    answer = await shelf.client.put(put_link(shelf, key, 4), content=body, headers=headers)

    assert refusal(answer) == (403, "FORBIDDEN")
    assert await shelf.storage.stat(key) is None
    assert shelf.leftovers() == []


async def test_a_body_that_does_not_say_its_length_is_refused(shelf: Shelf) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"plan"

    answer = await shelf.client.put(
        put_link(shelf, a_key(), 4), content=pieces(), headers={"Content-Type": "text/plain"}
    )

    assert refusal(answer) == (411, "BAD_REQUEST")


async def test_a_link_serves_one_upload_and_the_first_stays_f26(shelf: Shelf) -> None:
    key = a_key()
    link, headers = put_link(shelf, key, 4), {"Content-Type": "text/plain"}

    answers = await asyncio.gather(
        *(shelf.client.put(link, content=f"try{n}".encode(), headers=headers) for n in range(5))
    )
    late = await shelf.client.put(link, content=b"evil", headers=headers)
    got = await shelf.client.get(get_link(shelf, key))

    assert sorted(answer.status_code for answer in answers) == [200, 403, 403, 403, 403]
    assert {refusal(answer) for answer in (*answers, late) if answer.status_code == 403} == {(403, "LINK_USED")}
    winner = next(n for n, answer in enumerate(answers) if answer.status_code == 200)
    assert got.content == f"try{winner}".encode()
    await nothing_left(shelf)


async def test_links_are_good_for_their_own_file_purpose_and_time_only_g19(shelf: Shelf) -> None:
    key, other = await kept(shelf), await kept(shelf)
    put, get = put_link(shelf, a_key(), 4), get_link(shelf, key)
    signature = get.partition("signature=")[2]
    old_put = put_link(shelf, a_key(), 4, ttl=timedelta(0))
    old_get = get_link(shelf, key, ttl=timedelta(0))
    text = {"Content-Type": "text/plain"}

    for link in (
        get.replace(key, other),
        get.replace(f"{key}?", f"{key}/?"),
        get.replace("plan.txt", "evil.exe"),
        get.replace("text%2Fplain", "text%2Fhtml"),
        get.replace("until=", "until=9"),
        get.replace(signature, ""),
        get.replace(signature, signature[:-1]),
        get.replace(signature, "A" * len(signature)),
        f"{get}&inline=1",
        f"{get}&more=1",
        put,
    ):
        answer = await shelf.client.get(link)
        assert refusal(answer) in ((403, "FORBIDDEN"), (404, "NOT_FOUND")), link
    for link in (get, put.replace("size=4", "size=5"), put.replace("text%2Fplain", "text%2Fhtml")):
        assert refusal(await shelf.client.put(link, content=b"plan", headers=text)) == (403, "FORBIDDEN")
    assert refusal(await shelf.client.get(old_get)) == (403, "LINK_EXPIRED")
    assert refusal(await shelf.client.put(old_put, content=b"plan", headers=text)) == (403, "LINK_EXPIRED")
    assert refusal(await shelf.client.get(get_link(shelf, a_key()))) == (404, "ATTACHMENT_NOT_FOUND")
    assert refusal(await shelf.client.post(put)) == (405, "BAD_REQUEST")
    assert refusal(await shelf.client.delete(get)) == (405, "BAD_REQUEST")


@pytest.mark.parametrize(
    "key",
    [
        "../secret",
        "..%2fsecret",
        "%2e%2e/secret",
        "dialogs/../../secret",
        "dialogs/%00",
        ".hidden",
        "a%5cb",
        "a//b",
        "a b",
        "ä",
        "x" * 300,
    ],
)
async def test_no_path_leads_out_of_the_folder_b54(shelf: Shelf, key: str) -> None:
    raw = f"GET /files/{key}?until=9999999999&name=a&type=&inline=1&signature=a HTTP/1.1\r\nHost: a\r\n"

    reader, writer = await asyncio.open_connection("127.0.0.1", shelf.port)
    writer.write(f"{raw}Connection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()

    assert int(answer.split()[1]) in (400, 403, 404)
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"]


@pytest.mark.parametrize(
    ("asked", "status", "body", "place"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=4-", 206, b"456789", "bytes 4-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=3-1", 200, b"0123456789", None),
        ("bytes=0-1,3-4", 200, b"0123456789", None),
        ("bytes=-", 200, b"0123456789", None),
        ("lines=0-3", 200, b"0123456789", None),
        ("bytes=10-", 416, None, "bytes */10"),
        ("bytes=-0", 416, None, "bytes */10"),
        ("bytes=99999999999999999999-", 200, b"0123456789", None),
    ],
)
async def test_a_part_of_a_file_can_be_had(
    shelf: Shelf, asked: str, status: int, body: bytes | None, place: str | None
) -> None:
    link = get_link(shelf, await kept(shelf))

    answer = await shelf.client.get(link, headers={"Range": asked})

    assert answer.status_code == status
    assert answer.headers.get("content-range") == place
    assert body is None or answer.content == body
    assert status != 416 or refusal(answer) == (416, "RANGE_NOT_SATISFIABLE")


async def test_who_has_a_file_already_is_told_so_and_goes_on_only_with_the_same(shelf: Shelf) -> None:
    link = get_link(shelf, await kept(shelf))
    etag = (await shelf.client.get(link)).headers["etag"]

    head = await shelf.client.head(link)
    known = await shelf.client.get(link, headers={"If-None-Match": f'"other", W/{etag}'})
    unknown = await shelf.client.get(link, headers={"If-None-Match": '"other"'})
    same = await shelf.client.get(link, headers={"Range": "bytes=5-", "If-Range": etag})
    exchanged = await shelf.client.get(link, headers={"Range": "bytes=5-", "If-Range": '"other"'})

    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "10")
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", etag)
    assert (unknown.status_code, unknown.content) == (200, b"0123456789")
    assert (same.status_code, same.content) == (206, b"56789")
    assert (exchanged.status_code, exchanged.content) == (200, b"0123456789")


@pytest.mark.parametrize("content_type", ["image/svg+xml", "text/html", "text/xml"])
async def test_what_may_hold_a_script_is_saved_and_not_opened_b58_g19(shelf: Shelf, content_type: str) -> None:
    key = await kept(shelf, b"<script>alert(1)</script>", content_type)

    answer = await shelf.client.get(get_link(shelf, key, "a.svg", content_type, inline=True))

    assert answer.headers["content-disposition"] == 'attachment; filename="a.svg"'
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_file_of_unknown_type_is_bytes_that_nobody_opens(shelf: Shelf) -> None:
    key = a_key()
    put = await shelf.client.put(put_link(shelf, key, 4, ""), content=b"plan")

    answer = await shelf.client.get(get_link(shelf, key, "plan", "", inline=False))

    assert put.status_code == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == 'attachment; filename="plan"'


@pytest.mark.parametrize("name", ['a"; filename="b.exe', "a\r\nX-Evil: 1", "план.pdf", "a/../b", "a%0d%0ab"])
async def test_a_name_stays_a_name_b57(shelf: Shelf, name: str) -> None:
    answer = await shelf.client.get(get_link(shelf, await kept(shelf), name, inline=False))

    assert answer.status_code == 200
    assert "x-evil" not in answer.headers
    plain = answer.headers["content-disposition"].removeprefix('attachment; filename="').partition('"')[0]
    assert not set('"\\\r\n%/;') & set(plain)


async def test_pages_of_allowed_origins_may_put_and_get(shelf: Shelf) -> None:
    key = a_key()
    link, page = put_link(shelf, key, 4), {"Origin": "https://app.test"}
    asked = {**page, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type"}

    may = await shelf.client.options(link, headers=asked)
    may_not = await shelf.client.options(link, headers={**asked, "Origin": "https://evil.test"})
    put = await shelf.client.put(link, content=b"plan", headers={**page, "Content-Type": "text/plain"})
    got = await shelf.client.get(get_link(shelf, key), headers=page)

    assert may.headers["access-control-allow-origin"] == "https://app.test"
    assert "PUT" in may.headers["access-control-allow-methods"]
    assert may.headers["access-control-allow-headers"] == "content-type"
    assert "access-control-allow-origin" not in may_not.headers
    for answer in (put, got):
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "https://app.test")


async def test_no_log_line_holds_a_link_g20(shelf: Shelf) -> None:
    key = await kept(shelf)

    with capture_logs() as lines:
        for link in (get_link(shelf, key, "canary.txt"), put_link(shelf, key, 4), get_link(shelf, a_key())):
            await shelf.client.get(link)
            await shelf.client.put(link, content=b"plan", headers={"Content-Type": "text/plain"})

    assert {line["path"] for line in lines} == {"/files/{key}"}
    assert not [word for word in ("signature", "canary", "dialogs/") if word in repr(lines)]


@asynccontextmanager
async def uploading(
    shelf: Shelf, key: str, size: int
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Begin an upload by hand."""
    reader, writer = await asyncio.open_connection("127.0.0.1", shelf.port)
    path = put_link(shelf, key, size).partition(str(shelf.port))[2]
    head = f"PUT {path} HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: {size}\r\n\r\n"
    writer.write(head.encode())
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def test_a_slow_honest_upload_may_take_longer_than_any_other_request(shelf: Shelf) -> None:
    key, piece, pieces = a_key(), b"x" * 20_480, 8
    async with uploading(shelf, key, len(piece) * pieces) as (reader, writer), asyncio.timeout(PATIENCE_SECONDS):
        for _ in range(pieces):
            writer.write(piece)
            await asyncio.sleep(0.5)
        answer = await reader.readline()

    assert answer.split()[1] == b"200"
    stored = await shelf.storage.stat(key)
    assert stored is not None
    assert stored.size_bytes == len(piece) * pieces


async def test_an_upload_that_dribbles_is_let_go_and_leaves_nothing_f34(shelf: Shelf) -> None:
    key = a_key()
    async with uploading(shelf, key, 100_000) as (reader, writer), asyncio.timeout(PATIENCE_SECONDS):
        answering = asyncio.create_task(reader.readline())
        while not answering.done():
            writer.write(b"a")
            await asyncio.wait([answering], timeout=0.05)

    assert answering.result().split()[1] == b"408"
    assert await shelf.storage.stat(key) is None
    await nothing_left(shelf)


async def test_who_hangs_up_leaves_nothing_and_may_come_again(shelf: Shelf) -> None:
    key = a_key()
    async with uploading(shelf, key, 400_000) as (_, writer), asyncio.timeout(PATIENCE_SECONDS):
        writer.write(b"a" * 300_000)
        await writer.drain()
        while not shelf.leftovers():  # noqa: ASYNC110 - only looking tells
            await asyncio.sleep(0.01)
    await nothing_left(shelf)

    again = await shelf.client.put(
        put_link(shelf, key, 400_000), content=b"b" * 400_000, headers={"Content-Type": "text/plain"}
    )

    assert again.status_code == 200


@pytest.fixture
def small_disk(shelf: Shelf) -> Iterator[None]:
    """No file may grow beyond half a megabyte: to a writer, that is a full disk."""
    del shelf
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512 * 1024, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_disk_that_fills_up_takes_nothing_half(shelf: Shelf, small_disk: None) -> None:
    key, body, text = a_key(), b"a" * 1024 * 1024, {"Content-Type": "text/plain"}
    link = put_link(shelf, key, len(body))

    answer = await shelf.client.put(link, content=body, headers=text)

    assert refusal(answer) == (503, "STORAGE_FULL")
    assert answer.headers["retry-after"]
    assert await shelf.storage.stat(key) is None
    await nothing_left(shelf)


async def test_files_leave_room_for_the_database(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    key, text = a_key(), {"Content-Type": "text/plain"}
    monkeypatch.setattr(shelf.storage, "keep_free_bytes", 2**62)

    answer = await shelf.client.put(put_link(shelf, key, 4), content=b"plan", headers=text)
    await shelf.storage.look()
    health = await shelf.client.get("/health/ready")

    assert refusal(answer) == (503, "STORAGE_FULL")
    assert (health.status_code, len(health.json()["degraded"])) == (200, 1)
    assert "nothing can be uploaded" in health.json()["degraded"][0]


@asynccontextmanager
async def reading(shelf: Shelf, link: str) -> AsyncIterator[asyncio.StreamReader]:
    """Begin to read a file by hand, up to the first line of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", shelf.port, limit=1024)
    path = link.partition(str(shelf.port))[2]
    writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    try:
        assert (await reader.readline()).split()[1] == b"200"
        yield reader
    finally:
        writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def test_readers_who_take_nothing_hold_little_memory_and_nobody_up(shelf: Shelf) -> None:
    body, readers = b"a" * 20_000_000, 40
    link = get_link(shelf, await kept(shelf, body))
    before = resident_bytes()

    async with AsyncExitStack() as stack, asyncio.timeout(PATIENCE_SECONDS):
        for _ in range(readers):
            await stack.enter_async_context(reading(shelf, link))
        others = [(await shelf.client.get("/health")).status_code for _ in range(20)]
        held = resident_bytes() - before

    assert set(others) == {200}
    assert held < readers * len(body) / 10


async def test_a_reader_who_takes_nothing_for_too_long_is_let_go(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "SLOWEST_BYTES_PER_SECOND", 2**40)
    body = b"a" * 20_000_000
    link = get_link(shelf, await kept(shelf, body))

    got = 0
    with capture_logs() as lines:
        async with reading(shelf, link) as reader, asyncio.timeout(PATIENCE_SECONDS):
            while not lines:  # noqa: ASYNC110 - the server writes them
                await asyncio.sleep(0.05)
            with suppress(ConnectionError):
                while piece := await reader.read(1_000_000):
                    got += len(piece)

    assert got < len(body)


def resident_bytes() -> int:
    """Return how much memory this process holds."""
    rollup = Path("/proc/self/smaps_rollup").read_text()
    return int(rollup.partition("Rss:")[2].split()[0]) * 1024


async def test_a_folder_that_is_gone_is_told_and_everything_else_goes_on(shelf: Shelf) -> None:
    key = await kept(shelf)
    link, away = get_link(shelf, key), shelf.folder.with_name("away")
    shelf.folder.rename(away)

    got = await shelf.client.get(get_link(shelf, a_key()))
    put = await shelf.client.put(
        put_link(shelf, a_key(), 4), content=b"plan", headers={"Content-Type": "text/plain"}
    )
    await shelf.storage.look()
    health = await shelf.client.get("/health/ready")
    away.rename(shelf.folder)
    back = await shelf.client.get(link)
    await shelf.storage.look()
    mended = await shelf.client.get("/health/ready")

    assert refusal(got) == (404, "ATTACHMENT_NOT_FOUND")
    assert refusal(put) == (503, "SERVICE_UNAVAILABLE")
    assert health.status_code == 200
    assert health.json()["degraded"][0].startswith("files: the folder can't be used")
    assert str(shelf.folder) not in health.text
    assert back.status_code == 200
    assert mended.json()["degraded"] == []
