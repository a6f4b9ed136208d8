"""`mtchat worker` looks into files, over real processes: small pictures, and a scanner of the host."""

import asyncio
import struct
import time
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import define, evolve
from PIL import Image

from mtchat_adapters.pillow import pictures
from mtchat_app.settings import Settings
from mtchat_app.wiring import open_service
from tests.asking import ADMIN, SECRET, Asker
from tests.journeys.service import Service, people
from tests.journeys.test_cli import run
from tests.receiver import Answer, Arrived, Receiver, open_receiver, status

PATIENCE_SECONDS = 30.0
SCAN_SECRET = "a-secret-for-the-scanner"


def a_photo() -> bytes:
    out = BytesIO()
    Image.new("RGB", (1200, 900), "teal").save(out, "JPEG")
    return out.getvalue()


def a_pixel_bomb() -> bytes:
    """Return 27 kB of PNG that would unfold into 225 million pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", 15_000, 15_000, 1, 0, 0, 0, 0)
    lines = zlib.compress(bytes(15_000 * (1 + 15_000 // 8)), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")


@define
class Town:
    """A service without jobs of its own, two people in a dialog, and a scanner of the host."""

    ana: Asker
    bo: Asker
    dialog: str
    scanner: Receiver
    worker: Callable[..., Service]
    settings: dict[str, str]
    operator: httpx.AsyncClient

    async def send(self, body: bytes, filename: str, content_type: str) -> None:
        """Upload and send as a browser does."""
        about = {"filename": filename, "content_type": content_type, "size": len(body)}
        place = await self.ana.data("POST", "/upload/presign", {"dialog_id": self.dialog, **about})
        async with httpx.AsyncClient() as browser:
            put = await browser.put(place["upload_url"], content=body, headers={"Content-Type": content_type})
        assert put.is_success, put.text
        claims = [{"s3_key": place["s3_key"], **about}]
        await self.ana.data(
            "POST", f"/dialogs/{self.dialog}/messages", {"content": filename, "attachments": claims}
        )

    async def files(self) -> dict[str, Any]:
        """Return the files that somebody else sees, by their names."""
        page = await self.bo.data("GET", f"/dialogs/{self.dialog}/messages")
        return {file["filename"]: file for message in page["messages"] for file in message.get("attachments", ())}

    async def until(self, condition: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Wait until the files are as wanted, and return them."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition(files := await self.files()):
            assert time.monotonic() < deadline, files
            await asyncio.sleep(0.05)
        return files


@pytest.fixture
async def town(empty_database: str, tmp_path: Path) -> AsyncIterator[Town]:
    async with AsyncExitStack() as stack:
        scanner = await stack.enter_async_context(open_receiver())
        shared = {
            "ADMIN_API_TOKEN": ADMIN,
            "JWT_SECRET": SECRET,
            "DATABASE_URL": empty_database,
            "WORKER": "external",
            "STORAGE_DIR": str(tmp_path / "files"),
            "FILE_SCAN_URL": scanner.url,
            "FILE_SCAN_SECRET": SCAN_SECRET,
        }
        served = Service("serve", log=tmp_path / "service.log", **shared)
        shared["PUBLIC_URL"] = served.environment["PUBLIC_URL"] = served.url
        stack.enter_context(served)
        make = await stack.enter_async_context(people(served.url))
        host = await make()
        asked = {"object_type": "o", "object_id": "1", "participants": ["ana", "bo"]}
        dialog = await host.data("POST", "/dialogs", asked)

        def worker(**more: str) -> Service:
            return Service("worker", log=tmp_path / "worker.log", **{**shared, **more})

        bearer = {"Authorization": f"Bearer {ADMIN}"}
        operator = await stack.enter_async_context(httpx.AsyncClient(base_url=served.url, headers=bearer))
        yield Town(await make("ana"), await make("bo"), dialog["id"], scanner, worker, shared, operator)


def fetching(fetched: list[bytes]) -> Answer:
    """Answer as a scanner that fetches each file, and finds those harmful that say so."""

    async def answer(arrived: Arrived, writer: asyncio.StreamWriter) -> None:
        async with httpx.AsyncClient() as client:
            body = (await client.get(arrived.json["url"])).content
        fetched.append(body)
        is_clean = b"true" if b"EVIL" not in body else b"false"
        await status(200, body=b'{"clean": %s}' % is_clean)(arrived, writer)

    return answer


async def test_files_are_held_scanned_and_drawn_and_a_pixel_bomb_harms_nobody_f28(
    town: Town, tmp_path: Path
) -> None:
    fetched: list[bytes] = []
    town.scanner.answer = fetching(fetched)
    await town.send(a_pixel_bomb(), "bomb.png", "image/png")
    await town.send(a_photo(), "photo.jpg", "image/jpeg")
    await town.send(b"EVIL", "evil.pdf", "application/pdf")
    held = await town.files()
    assert {(file["status"], file["url"]) for file in held.values()} == {("scanning", "")}
    assert "3 to look into" in run("jobs", cwd=tmp_path, **town.settings).stdout

    with town.worker() as worker:
        files = await town.until(lambda files: all(file.get("status") != "scanning" for file in files.values()))
        assert worker.runs

    assert files["evil.pdf"]["status"] == "blocked"
    assert files["evil.pdf"]["url"] == ""
    assert "status" not in files["bomb.png"]
    assert "thumbnail_url" not in files["bomb.png"]
    photo = files["photo.jpg"]
    assert (photo["width"], photo["height"]) == (1200, 900)
    async with httpx.AsyncClient() as browser:
        small = await browser.get(photo["thumbnail_url"])
        assert (await browser.get(photo["url"])).content == a_photo()
    assert small.headers["content-type"] == "image/webp"
    assert Image.open(BytesIO(small.content)).size == (300, 225)
    assert sorted(fetched, key=len) == sorted([a_photo(), a_pixel_bomb(), b"EVIL"], key=len)
    assert "0 to look into, 0 late" in run("jobs", cwd=tmp_path, **town.settings).stdout


async def test_files_wait_for_a_scanner_that_is_down_and_reminders_do_not(town: Town) -> None:
    town.scanner.answer = status(503)
    await town.send(b"plan", "plan.pdf", "application/pdf")

    with town.worker(NOTIFICATION_DELAY_SECS="1") as worker:
        await town.scanner.wait_for(1)
        async with httpx.AsyncClient() as operator:
            readiness = await operator.get(f"{worker.url}/health/ready")
        assert (readiness.status_code, readiness.json()["degraded"]) == (200, [])

    assert (await town.files())["plan.pdf"]["status"] == "scanning"


async def test_doctor_says_whether_small_pictures_can_be_made(town: Town, tmp_path: Path) -> None:
    said = run("doctor", cwd=tmp_path, **town.settings)

    assert said.returncode == 0, said.stdout
    assert "Small pictures can be made." in said.stdout


async def test_without_pillow_everything_else_works_and_readiness_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "find_spec", lambda name: None if name == "PIL" else object())
    folder = {"STORAGE_DIR": str(tmp_path), "PUBLIC_URL": "http://chat.test"}
    settings = Settings.load({"ADMIN_API_TOKEN": ADMIN, "JWT_SECRET": SECRET, **folder})
    unwanted = evolve(settings, file_thumbnails=False)

    async with open_service(settings) as service, open_service(unwanted) as content:
        (missing,) = service.degraded()
        assert "pip install 'mtchat[images]'" in missing
        assert not service.chat.files.terms.draws
        assert service.chat.files.is_on
        assert content.degraded() == []


async def test_metrics_tell_how_many_files_wait(town: Town) -> None:
    await town.send(b"plan", "plan.pdf", "application/pdf")

    told = (await town.operator.get("/metrics")).text

    assert 'mtchat_files{sort="unseen"} 1.0' in told
    assert 'mtchat_files{sort="late"} 0.0' in told
