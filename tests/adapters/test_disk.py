"""Files in a folder: what stays inside, what survives, and what two processes see (G19, B54)."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from mtchat_adapters import disk
from mtchat_core.domain.attachments import UploadUnknown
from mtchat_core.domain.errors import ChatError, InvalidInput, ServiceUnavailable
from tests.builders import FakeClock

KEY = "dialogs/d/a.txt"
DAY = timedelta(days=1)


@asynccontextmanager
async def opened(folder: Path, clock: FakeClock) -> AsyncIterator[disk.DiskStorage]:
    async with disk.open(folder, public_url="https://chat.test", clock=clock) as storage:
        yield storage


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "files"


def link(storage: disk.DiskStorage, clock: FakeClock) -> str:
    return storage.upload_link(KEY, content_type="text/plain", size_bytes=4, at=clock.now(), ttl=DAY)


async def test_processes_that_share_a_folder_make_the_same_links_and_see_the_same_files(
    folder: Path, clock: FakeClock
) -> None:
    storages = [disk.open(folder, public_url="https://chat.test", clock=clock) for _ in range(8)]
    opened_at_once = await asyncio.gather(*(storage.__aenter__() for storage in storages))

    await opened_at_once[0].write(KEY, b"plan", content_type="text/plain")

    assert len({link(storage, clock) for storage in opened_at_once}) == 1
    assert await opened_at_once[7].read(KEY, at_most=4) == b"plan"
    await asyncio.gather(*(storage.__aexit__(None, None, None) for storage in storages))


async def test_links_are_good_after_a_restart_and_not_with_another_secret(folder: Path, clock: FakeClock) -> None:
    async with opened(folder, clock) as storage:
        first = link(storage, clock)
    async with opened(folder, clock) as storage:
        again = link(storage, clock)
    (folder / "secret").unlink()
    async with opened(folder, clock) as storage:
        other = link(storage, clock)

    assert first == again != other


async def test_nobody_else_on_the_machine_can_read_the_secret_or_the_files(folder: Path, clock: FakeClock) -> None:
    before = os.umask(0)
    try:
        async with opened(folder, clock) as storage:
            await storage.write(KEY, b"plan", content_type="text/plain")
    finally:
        os.umask(before)

    modes = modes_in(folder)
    assert [path for path, mode in modes.items() if mode & 0o077] == []
    assert modes[folder / "secret"] == 0o600


def modes_in(folder: Path) -> dict[Path, int]:
    """Return who may do what with a folder and everything in it."""
    return {path: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "/etc/passwd",
        "..",
        "../secret",
        "a/../../secret",
        "a/./b",
        "a//b",
        "a/",
        ".a",
        "a\\b",
        "a\x00b",
        "ä",
    ],
)
async def test_a_key_that_could_lead_elsewhere_is_none_b54(folder: Path, clock: FakeClock, key: str) -> None:
    async with opened(folder, clock) as storage:
        with pytest.raises(InvalidInput):
            await storage.write(key, b"evil", content_type="text/plain")
        with pytest.raises(InvalidInput):
            await storage.stat(key)
        with pytest.raises(ChatError):
            storage.intake(key, [])


async def test_symbolic_links_are_not_followed(folder: Path, clock: FakeClock, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    async with opened(folder, clock) as storage:
        await storage.write("dialogs/d/real.txt", b"plan", content_type="text/plain")
        (folder / "objects/dialogs/out").symlink_to(elsewhere)
        (folder / "objects/dialogs/d/link.txt").symlink_to("real.txt")

        for key in ("dialogs/out/a.txt", "dialogs/d/link.txt"):
            with pytest.raises(ServiceUnavailable):
                await storage.read(key, at_most=4)
        with pytest.raises(ServiceUnavailable):
            await storage.write("dialogs/out/a.txt", b"evil", content_type="text/plain")

    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("damage", ["shorter", "longer", "empty", "strange"])
async def test_a_file_that_is_not_whole_is_none(folder: Path, clock: FakeClock, damage: str) -> None:
    async with opened(folder, clock) as storage:
        await storage.write(KEY, b"plan", content_type="text/plain")
        path = folder / "objects" / KEY
        whole = path.read_bytes()
        damaged = {"shorter": whole[1:], "longer": b"x" + whole, "empty": b"", "strange": b"x" * 1000}
        path.write_bytes(damaged[damage])

        assert await storage.stat(KEY) is None
        assert await storage.read(KEY, at_most=1000) is None


async def test_what_a_power_cut_left_is_cleared_away_a_day_later(folder: Path, clock: FakeClock) -> None:
    async with opened(folder, clock):
        pass
    old, fresh = folder / "incoming" / "old", folder / "incoming" / "fresh"
    for path in (old, fresh):
        path.write_bytes(b"half")
    long_ago = fresh.stat().st_mtime - DAY.total_seconds() - 1
    os.utime(old, (long_ago, long_ago))

    async with opened(folder, clock):
        assert [path.name for path in (folder / "incoming").iterdir()] == ["fresh"]


async def test_parts_are_joined_once_and_leave_nothing(folder: Path, clock: FakeClock) -> None:
    async with opened(folder, clock) as storage:
        parts_id = await storage.begin_parts(KEY, content_type="video/mp4")
        parts = await storage.parts(KEY, parts_id)
        assert parts is not None

        await asyncio.gather(*(storage.join_parts(KEY, parts_id, parts) for _ in range(4)))

        assert list((folder / "parts").iterdir()) == []
        with pytest.raises(UploadUnknown):
            await storage.join_parts("dialogs/d/b.txt", parts_id, parts)
        with pytest.raises(UploadUnknown):
            await storage.join_parts("dialogs/d/b.txt", "../../objects", parts)


async def test_a_folder_that_can_never_be_used_is_refused_at_once(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(InvalidInput):
        async with opened(tmp_path / "file", clock):
            pass


async def test_a_disk_that_does_not_answer_holds_nobody_up_f25(
    folder: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(folder, clock) as storage:
        await storage.write(KEY, b"plan", content_type="text/plain")
        storage.patience = timedelta(milliseconds=50)
        # A pipe nobody writes to: opening it for good never ends.
        stuck = folder / "stuck"
        os.mkfifo(stuck)
        waiting = [asyncio.create_task(storage.do(stuck.read_bytes)) for _ in range(8)]

        ended = await asyncio.gather(*waiting, return_exceptions=True)
        told = storage.degraded()
        await asyncio.to_thread(stuck.write_bytes, b"")

    assert [type(error).__mro__[1] for error in ended if isinstance(error, Exception)] == [ServiceUnavailable] * 8
    assert told == ["files: the folder does not answer; everything else goes on"]
