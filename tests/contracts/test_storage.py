"""Files outside the database. What a link means is tested by using it as a browser would."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import httpx
import pytest

from mtchat_adapters import s3
from mtchat_adapters.memory.storage import MemoryStorage
from mtchat_core.ports.storage import ObjectStorage
from tests.builders import FakeClock
from tests.contracts.storages import HttpBrowser, MemoryBrowser, Refused, StorageInUse
from tests.holding import Held
from tests.s3 import Endpoint
from tests.shelves import in_process
from tests.strict_s3 import strict_s3

TTL = timedelta(minutes=5)
A_KEY, ANOTHER_KEY = "dialogs/d/a.txt", "dialogs/d/b.txt"


@pytest.fixture
def memory_storage(clock: FakeClock) -> StorageInUse:
    storage = MemoryStorage(clock)
    return StorageInUse(storage, MemoryBrowser(storage))


@pytest.fixture
async def disk_storage(clock: FakeClock, tmp_path: Path) -> AsyncIterator[StorageInUse]:
    held = Held(in_process(tmp_path / "files", clock))
    shelf = await held.value()
    yield StorageInUse(shelf.storage, HttpBrowser(shelf.client))
    await held.release()


@pytest.fixture
async def s3_seaweed_storage(clock: FakeClock, s3_server: Endpoint) -> AsyncIterator[StorageInUse]:
    clock.set(datetime.now(UTC))
    async with s3.open(s3_server.bucket) as link, httpx.AsyncClient() as client:
        await link.storage.delete([A_KEY, ANOTHER_KEY])
        yield StorageInUse(link.storage, HttpBrowser(client))


@pytest.fixture
async def s3_strict_storage(clock: FakeClock) -> AsyncIterator[StorageInUse]:
    clock.set(datetime.now(UTC))
    async with strict_s3() as server, s3.open(server.named) as link, httpx.AsyncClient() as client:
        yield StorageInUse(link.storage, HttpBrowser(client))


@pytest.fixture(params=["memory", "disk", "s3_seaweed", "s3_strict"])
def in_use(request: pytest.FixtureRequest) -> StorageInUse:
    return cast(StorageInUse, request.getfixturevalue(f"{request.param}_storage"))


@pytest.fixture
def storage(in_use: StorageInUse) -> ObjectStorage:
    return in_use.storage


@pytest.fixture
def upload_link(storage: ObjectStorage, clock: FakeClock) -> str:
    """A link for four bytes of text."""
    return storage.upload_link(A_KEY, content_type="text/plain", size_bytes=4, at=clock.now(), ttl=TTL)


@pytest.fixture
def download_link(storage: ObjectStorage, clock: FakeClock) -> str:
    """A link to fetch what lies where `upload_link` puts it."""
    return storage.download_link(
        A_KEY, filename="plan.txt", content_type="text/plain", inline=False, at=clock.now(), ttl=TTL
    )


async def test_an_uploaded_file_is_kept_as_agreed_g19(in_use: StorageInUse, upload_link: str) -> None:
    await in_use.browser.put(upload_link, b"plan", "text/plain")

    kept = await in_use.storage.stat(A_KEY)

    assert kept is not None
    assert (kept.size_bytes, kept.content_type) == (4, "text/plain")


async def test_an_uploaded_file_comes_back_through_a_link(
    in_use: StorageInUse, upload_link: str, download_link: str
) -> None:
    await in_use.browser.put(upload_link, b"plan", "text/plain")

    assert await in_use.browser.get(download_link) == b"plan"
    assert await in_use.browser.get(download_link) == b"plan"


@pytest.mark.parametrize(
    ("body", "content_type"), [(b"plane", "text/plain"), (b"plan", "text/html"), (b"", "text/plain")]
)
async def test_an_upload_of_another_type_or_size_is_refused_f26(
    in_use: StorageInUse, upload_link: str, body: bytes, content_type: str
) -> None:
    with pytest.raises(Refused):
        await in_use.browser.put(upload_link, body, content_type)

    assert await in_use.storage.stat(A_KEY) is None


async def test_an_upload_link_serves_once_where_the_storage_says_so_f26(
    in_use: StorageInUse, upload_link: str, download_link: str
) -> None:
    await in_use.browser.put(upload_link, b"plan", "text/plain")
    before = await in_use.storage.stat(A_KEY)

    if in_use.storage.upload_links_serve_once:
        with pytest.raises(Refused):
            await in_use.browser.put(upload_link, b"evil", "text/plain")
        assert await in_use.browser.get(download_link) == b"plan"
    else:
        await in_use.browser.put(upload_link, b"evil", "text/plain")
        after = await in_use.storage.stat(A_KEY)
        assert before is not None
        assert after is not None
        assert after.etag != before.etag


async def test_links_end_with_their_time(in_use: StorageInUse, clock: FakeClock, upload_link: str) -> None:
    storage, long_ago = in_use.storage, clock.now() - TTL - timedelta(seconds=1)
    await in_use.browser.put(upload_link, b"plan", "text/plain")
    put = storage.upload_link(ANOTHER_KEY, content_type="text/plain", size_bytes=4, at=long_ago, ttl=TTL)
    get = storage.download_link(
        A_KEY, filename="plan.txt", content_type="text/plain", inline=False, at=long_ago, ttl=TTL
    )

    with pytest.raises(Refused):
        await in_use.browser.put(put, b"plan", "text/plain")
    with pytest.raises(Refused):
        await in_use.browser.get(get)


async def test_the_same_values_make_the_same_link(
    storage: ObjectStorage, clock: FakeClock, upload_link: str, download_link: str
) -> None:
    put = storage.upload_link(A_KEY, content_type="text/plain", size_bytes=4, at=clock.now(), ttl=TTL)
    get = storage.download_link(
        A_KEY, filename="plan.txt", content_type="text/plain", inline=False, at=clock.now(), ttl=TTL
    )

    assert (put, get) == (upload_link, download_link)


async def test_an_altered_link_serves_nothing_g19(
    in_use: StorageInUse, upload_link: str, download_link: str
) -> None:
    await in_use.storage.write(ANOTHER_KEY, b"none of yours", content_type="text/plain")

    with pytest.raises(Refused):
        await in_use.browser.get(download_link.replace("a.txt", "b.txt"))
    with pytest.raises(Refused):
        await in_use.browser.put(upload_link.replace("a.txt", "c.txt"), b"plan", "text/plain")


async def test_the_etag_changes_with_the_bytes_f26(storage: ObjectStorage) -> None:
    etags: list[str] = []
    for body in (b"one", b"two", b"one"):
        await storage.write(A_KEY, body, content_type="text/plain")
        kept = await storage.stat(A_KEY)
        assert kept is not None
        etags.append(kept.etag)

    assert etags[0] != etags[1] != etags[2]


async def test_what_is_written_is_read_unless_it_is_too_much(storage: ObjectStorage) -> None:
    await storage.write(A_KEY, b"plan", content_type="text/plain")

    assert await storage.read(A_KEY, at_most=4) == b"plan"
    assert await storage.read(A_KEY, at_most=3) is None
    assert await storage.read(ANOTHER_KEY, at_most=4) is None


async def test_deleted_files_are_gone_and_may_be_deleted_again(in_use: StorageInUse, download_link: str) -> None:
    storage = in_use.storage
    for key in (A_KEY, ANOTHER_KEY):
        await storage.write(key, b"plan", content_type="text/plain")

    await storage.delete([])
    await storage.delete([A_KEY, ANOTHER_KEY])
    await storage.delete([A_KEY, ANOTHER_KEY])

    assert await storage.stat(A_KEY) is None
    assert await storage.stat(ANOTHER_KEY) is None
    with pytest.raises(Refused):
        await in_use.browser.get(download_link)


BIG, REST = b"a" * (5 * 1024 * 1024), b"b" * 7
"""Two parts: all but the last have at least 5 MiB, which S3 asks for."""


async def put_part(in_use: StorageInUse, clock: FakeClock, parts_id: str, number: int, body: bytes) -> None:
    link = in_use.storage.part_link(A_KEY, parts_id, number=number, size_bytes=len(body), at=clock.now(), ttl=TTL)
    await in_use.browser.put(link, body, None)


async def test_a_file_that_came_in_parts_is_one_file(in_use: StorageInUse, clock: FakeClock) -> None:
    storage = in_use.storage
    parts_id = await storage.begin_parts(A_KEY, content_type="video/mp4")
    await put_part(in_use, clock, parts_id, 2, REST)
    await put_part(in_use, clock, parts_id, 1, BIG)
    arrived = await storage.parts(A_KEY, parts_id)

    assert arrived is not None
    assert [(part.number, part.size_bytes) for part in arrived] == [(1, len(BIG)), (2, len(REST))]
    assert await storage.stat(A_KEY) is None

    await storage.join_parts(A_KEY, parts_id, arrived)

    kept = await storage.stat(A_KEY)
    assert kept is not None
    assert (kept.size_bytes, kept.content_type) == (len(BIG) + len(REST), "video/mp4")
    assert await storage.read(A_KEY, at_most=len(BIG) + len(REST)) == BIG + REST
    assert await storage.parts(A_KEY, parts_id) is None


async def test_a_part_of_another_size_is_refused(in_use: StorageInUse, clock: FakeClock) -> None:
    parts_id = await in_use.storage.begin_parts(A_KEY, content_type="video/mp4")
    link = in_use.storage.part_link(A_KEY, parts_id, number=1, size_bytes=7, at=clock.now(), ttl=TTL)

    with pytest.raises(Refused):
        await in_use.browser.put(link, b"too much", None)

    assert await in_use.storage.parts(A_KEY, parts_id) == ()


async def test_a_part_that_is_sent_again_counts_once(in_use: StorageInUse, clock: FakeClock) -> None:
    parts_id = await in_use.storage.begin_parts(A_KEY, content_type="video/mp4")
    await put_part(in_use, clock, parts_id, 1, b"part")
    await put_part(in_use, clock, parts_id, 1, b"part")

    arrived = await in_use.storage.parts(A_KEY, parts_id)

    assert arrived is not None
    assert [(part.number, part.size_bytes) for part in arrived] == [(1, 4)]
    await in_use.storage.join_parts(A_KEY, parts_id, arrived)
    assert await in_use.storage.read(A_KEY, at_most=4) == b"part"


async def test_an_upload_in_parts_that_was_given_up_is_gone(in_use: StorageInUse, clock: FakeClock) -> None:
    storage = in_use.storage
    parts_id = await storage.begin_parts(A_KEY, content_type="video/mp4")
    await put_part(in_use, clock, parts_id, 1, REST)

    await storage.drop_parts(A_KEY, parts_id)
    await storage.drop_parts(A_KEY, parts_id)

    assert await storage.parts(A_KEY, parts_id) is None
    assert await storage.stat(A_KEY) is None
    with pytest.raises(Refused):
        await put_part(in_use, clock, parts_id, 1, REST)


async def test_parts_are_nobody_elses(storage: ObjectStorage) -> None:
    parts_id = await storage.begin_parts(A_KEY, content_type="video/mp4")

    assert await storage.parts(ANOTHER_KEY, parts_id) is None
    assert await storage.parts(A_KEY, "unknown") is None
