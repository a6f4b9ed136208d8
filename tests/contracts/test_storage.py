"""Files outside the database. What a link means is tested by using it as a browser would."""

from datetime import timedelta

import pytest

from mtchat_adapters.memory.storage import MemoryStorage
from mtchat_core.domain.errors import InvalidInput
from tests.builders import FakeClock

TTL = timedelta(minutes=5)


@pytest.fixture
def storage(clock: FakeClock) -> MemoryStorage:
    return MemoryStorage(clock)


async def upload(
    storage: MemoryStorage, key: str, body: bytes = b"plan", content_type: str = "text/plain"
) -> None:
    link = await storage.upload_link(key, content_type="text/plain", size_bytes=len(body), ttl=TTL)
    storage.put(link, body, content_type="text/plain")


async def test_an_uploaded_file_is_kept_as_agreed(storage: MemoryStorage, clock: FakeClock) -> None:
    await upload(storage, "a/b", b"plan")

    kept = await storage.stat("a/b")

    assert kept is not None
    assert (kept.size_bytes, kept.content_type, kept.stored_at) == (4, "text/plain", clock.now())


async def test_an_uploaded_file_comes_back_through_a_link(storage: MemoryStorage) -> None:
    await upload(storage, "a/b", b"plan")

    link = await storage.download_link("a/b", filename="plan.txt", inline=True, ttl=TTL)

    assert storage.get(link) == b"plan"
    assert storage.get(link) == b"plan"


async def test_an_upload_of_another_type_or_size_is_refused(storage: MemoryStorage) -> None:
    for body, content_type in ((b"plane", "text/plain"), (b"plan", "text/html"), (b"", "text/plain")):
        link = await storage.upload_link("a/b", content_type="text/plain", size_bytes=4, ttl=TTL)
        with pytest.raises(InvalidInput):
            storage.put(link, body, content_type=content_type)

    assert await storage.stat("a/b") is None


async def test_an_upload_link_serves_once(storage: MemoryStorage) -> None:
    link = await storage.upload_link("a/b", content_type="text/plain", size_bytes=4, ttl=TTL)
    storage.put(link, b"plan", content_type="text/plain")

    with pytest.raises(InvalidInput):
        storage.put(link, b"evil", content_type="text/plain")


async def test_links_end_with_their_time(storage: MemoryStorage, clock: FakeClock) -> None:
    await upload(storage, "a/b")
    put = await storage.upload_link("a/c", content_type="text/plain", size_bytes=4, ttl=TTL)
    get = await storage.download_link("a/b", filename="plan.txt", inline=False, ttl=TTL)

    clock.advance(TTL)

    with pytest.raises(InvalidInput):
        storage.put(put, b"plan", content_type="text/plain")
    with pytest.raises(InvalidInput):
        storage.get(get)


async def test_the_etag_changes_with_the_bytes(storage: MemoryStorage) -> None:
    etags = []
    for body in (b"one", b"two", b"one"):
        await upload(storage, "a/b", body)
        kept = await storage.stat("a/b")
        assert kept is not None
        etags.append(kept.etag)

    assert etags[0] == etags[2] != etags[1]


async def test_a_deleted_file_is_gone_and_may_be_deleted_again(storage: MemoryStorage) -> None:
    await upload(storage, "a/b")
    link = await storage.download_link("a/b", filename="plan.txt", inline=False, ttl=TTL)

    await storage.delete("a/b")
    await storage.delete("a/b")

    assert await storage.stat("a/b") is None
    with pytest.raises(InvalidInput):
        storage.get(link)


async def test_an_invented_link_serves_nothing(storage: MemoryStorage) -> None:
    await upload(storage, "")

    with pytest.raises(InvalidInput):
        storage.get("memory:get/7/a")
    with pytest.raises(InvalidInput):
        storage.put("memory:put/7/a", b"", content_type="text/plain")
