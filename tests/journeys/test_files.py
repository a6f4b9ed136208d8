"""Files through the real service: browsers put them into a folder or a bucket, and get them from there."""

import asyncio
import struct
import time
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import httpx
import pytest
from attrs import define, frozen

from mtchat_core.domain.attachments import MAX_BYTES
from tests import servers
from tests.asking import SCOPES, Asker, token
from tests.journeys.service import Service, listening, people
from tests.strict_s3 import StrictS3

BAD_REQUEST, UNFIT = (400, "BAD_REQUEST"), (400, "INVALID_INPUT")
DOWN, WRONG_SIZE = (503, "SERVICE_UNAVAILABLE"), (400, "FILE_TOO_LARGE")
PATIENCE_SECONDS = 30.0
LARGE = 17 * 1024 * 1024
TEN = {
    "photo.png": "image/png",
    "drawing.svg": "image/svg+xml",
    "page.html": "text/html",
    "report.pdf": "application/pdf",
    "notes.txt": "text/plain",
    "backup.zip": "application/zip",
    "song.mp3": "audio/mpeg",
    "film.mp4": "video/mp4",
    "счёт №4 «новый».json": "application/json",
    "unknown": "",
}
OPENED = {"image/png", "application/pdf", "audio/mpeg", "video/mp4"}


@frozen
class File:
    """A file on somebody's machine."""

    filename: str
    content_type: str
    body: bytes

    def announced(self, dialog: str) -> dict[str, Any]:
        """Return what is asked before it is uploaded."""
        return {"dialog_id": dialog, **self.named()}

    def named(self, **key: str) -> dict[str, Any]:
        """Return it as a message names it."""
        return {
            "filename": self.filename,
            "content_type": self.content_type,
            "size": len(self.body),
            **key,
        }


@define
class Town:
    """A service that keeps files, ana and bo in a dialog, eve outside, and a browser for links."""

    service: Service
    bucket: StrictS3 | None
    browser: httpx.AsyncClient
    host: Asker
    ana: Asker
    bo: Asker
    eve: Asker

    async def dialog(self, *people: str) -> str:
        """Have the host make a dialog."""
        body = {"object_type": "order", "object_id": "1", "participants": list(people or ("ana", "bo"))}
        made: str = (await self.host.data("POST", "/dialogs", body))["id"]
        return made

    async def put(self, link: str, body: bytes, content_type: str | None) -> int:
        """Upload as a browser does, and return the status."""
        headers = {} if content_type is None else {"Content-Type": content_type}
        return (await self.browser.put(link, content=body, headers=headers)).status_code

    async def upload(self, who: Asker, dialog: str, file: File) -> dict[str, Any]:
        """Have somebody upload a file, and return it as a message names it."""
        place = await who.data("POST", "/upload/presign", file.announced(dialog))
        assert await self.put(place["upload_url"], file.body, file.content_type) == 200
        return file.named(s3_key=place["s3_key"])

    async def send(self, who: Asker, dialog: str, *files: dict[str, Any], content: str = "", **more: Any) -> Any:
        """Have somebody send files, and return the message."""
        body = {"content": content, "attachments": list(files), **more}
        return await who.data("POST", f"/dialogs/{dialog}/messages", body)

    async def refused(self, who: Asker, dialog: str, *files: dict[str, Any]) -> tuple[int, str]:
        """Have somebody send files in vain: nothing of it is there, for anybody."""
        before = await self.messages(dialog)
        path, body = f"/dialogs/{dialog}/messages", {"content": "refused", "attachments": list(files)}
        refusal = await who.refused("POST", path, body)
        assert await self.messages(dialog) == before
        return refusal

    async def messages(self, dialog: str) -> list[dict[str, Any]]:
        """Return what bo reads, links left out."""
        page = await self.bo.data("GET", f"/dialogs/{dialog}/messages")
        return [
            {
                **message,
                "attachments": [
                    {name: value for name, value in file.items() if not name.endswith("url")}
                    for file in message.get("attachments", [])
                ],
            }
            for message in page["messages"]
        ]


def a_file(filename: str = "plan.pdf", content_type: str = "application/pdf", size: int = 1000) -> File:
    """Return a file of bytes that stand for something."""
    return File(filename, content_type, (f"{filename} ".encode() * size)[:size])


def a_png(width: int, height: int) -> bytes:
    """Return a grey picture, as small as pictures get."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


async def eventually(ask: Callable[[], Awaitable[Any]]) -> Any:
    """Ask until there is an answer."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (answer := await ask()):
        assert time.monotonic() < deadline, "it never came"
        await asyncio.sleep(0.05)
    return answer


@asynccontextmanager
async def a_town(kind: str, folder: Path, databases: servers.Databases) -> AsyncGenerator[Town]:
    """Open a service with files in a folder or a bucket, for the block."""
    database = await databases.create()
    bucket = await StrictS3().open() if kind == "s3" else None
    environment = {"DATABASE_URL": database, "AUTH_FAILURES_BURST": "1000000000"}
    if bucket is not None:
        environment |= {
            "S3_BUCKET": bucket.bucket,
            "S3_ENDPOINT": bucket.url,
            "S3_REGION": bucket.region,
            "S3_ACCESS_KEY_ID": bucket.access_key,
            "S3_SECRET_ACCESS_KEY": bucket.secret_key,
            "S3_TIMEOUT_SECS": "1",
        }
    service = Service("serve", log=folder / "log", **environment)
    if bucket is None:
        service.environment |= {"STORAGE_DIR": str(folder / "files"), "PUBLIC_URL": service.url}
    # In a thread: while it starts it may ask the bucket, which lives in this one.
    await asyncio.to_thread(service.__enter__)
    try:
        async with people(service.url) as person, httpx.AsyncClient(timeout=60) as browser:
            ana, bo, eve = [await person(user, SCOPES) for user in ("ana", "bo", "eve")]
            yield Town(service, bucket, browser, await person(), ana, bo, eve)
        if service.runs:
            await asyncio.to_thread(service.__exit__, None, None, None)
    finally:
        await asyncio.to_thread(service.stop)
        if bucket is not None:
            await bucket.close()
        await databases.drop(database)


@pytest.fixture(scope="session", params=["disk", "s3"])
async def town(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, databases: servers.Databases
) -> AsyncGenerator[Town]:
    """One service for those who break nothing."""
    async with a_town(request.param, tmp_path_factory.mktemp(request.param), databases) as town:
        yield town


@pytest.fixture
async def bucket_town(tmp_path: Path, databases: servers.Databases) -> AsyncGenerator[Town]:
    """A service whose bucket may be broken."""
    async with a_town("s3", tmp_path, databases) as town:
        yield town


async def test_ten_files_of_every_kind_go_up_and_come_down_in_one_message_g19_b58(town: Town) -> None:
    dialog = await town.dialog()
    files = [a_file(name, content_type, size=100 + n) for n, (name, content_type) in enumerate(TEN.items())]
    named = await asyncio.gather(*(town.upload(town.ana, dialog, file) for file in files))

    async with listening(town.service.url, token("bo", SCOPES)) as bo:
        said = await town.send(town.ana, dialog, *named)
        frame = await bo.next("message.new")

    assert [file["filename"] for file in said["attachments"]] == list(TEN)
    assert [file["id"] for file in frame["attachments"]] == [file["id"] for file in said["attachments"]]
    for file, shown in zip(files, frame["attachments"], strict=True):
        answer = await town.browser.get(shown["url"])
        assert answer.status_code == 200
        assert answer.content == file.body
        told = answer.headers["Content-Disposition"]
        is_opened = file.content_type in OPENED
        assert told.startswith("inline" if is_opened else "attachment")
        assert quote(file.filename) in told or file.filename in unquote(told)
        # A browser that guesses finds no page in what it shows.
        assert is_opened or answer.headers["Content-Type"].partition(";")[0] != ""
        if town.bucket is None:
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_what_could_hold_a_script_is_saved_under_any_name_b57_b58(town: Town) -> None:
    dialog = await town.dialog()
    script = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"

    for filename in ('x".svg', "a\r\nContent-Type: text/html.svg", "../../x.html", "photo\u202egpj.svg", "x;.htm"):
        for content_type in ("image/svg+xml", "text/html", "text/xml"):
            file = File(filename, content_type, script)
            said = await town.send(town.ana, dialog, await town.upload(town.ana, dialog, file))
            answer = await town.browser.get(said["attachments"][0]["url"])

            assert answer.status_code == 200
            assert answer.headers["Content-Disposition"].startswith("attachment;")
            assert answer.headers["Content-Disposition"].isascii()
            assert not {"\r", "\n"} & set(answer.headers["Content-Disposition"])
            assert answer.headers.get_list("Content-Type") == [answer.headers["Content-Type"]]
            assert answer.content == script


async def test_a_link_takes_what_was_announced_and_nothing_else_b56_f26(town: Town) -> None:
    dialog, file = await town.dialog(), a_file(size=500)
    place = await town.ana.data("POST", "/upload/presign", file.announced(dialog))
    link, named = place["upload_url"], file.named(s3_key=place["s3_key"])

    for body, content_type in (
        (file.body, "text/html"),
        (file.body, None),
        (file.body[:-1], file.content_type),
        (file.body + b"x", file.content_type),
        (b"", file.content_type),
    ):
        assert 400 <= await town.put(link, body, content_type) < 500
    assert 400 <= (await town.browser.get(link)).status_code < 500
    for forged in (
        link.replace(".pdf?", ".htm?"),
        link.replace(place["s3_key"], f"{place['s3_key']}.html"),
        f"{link}x",
        link.partition("?")[0],
    ):
        assert 400 <= await town.put(forged, file.body, file.content_type) < 500
    assert await town.refused(town.ana, dialog, named) == BAD_REQUEST

    assert await town.put(link, file.body, file.content_type) == 200
    assert await town.send(town.ana, dialog, named)


async def test_one_byte_over_the_limit_is_refused_before_it_travels_b56(town: Town) -> None:
    dialog = await town.dialog()
    asked = {"dialog_id": dialog, "filename": "film.mp4", "content_type": "video/mp4", "size": MAX_BYTES + 1}

    for path in ("/upload/presign", "/upload/multipart"):
        assert await town.ana.refused("POST", path, asked) == WRONG_SIZE
        assert await town.ana.data("POST", path, asked | {"size": MAX_BYTES})


async def test_nobody_sends_what_is_not_theirs_or_not_here_b54_g8(town: Town) -> None:
    dialog, other = await town.dialog(), await town.dialog("ana", "eve")
    mine = await town.upload(town.ana, dialog, a_file())
    of_bo = await town.upload(town.bo, dialog, a_file())
    elsewhere = await town.upload(town.ana, other, a_file())

    for key in (
        of_bo["s3_key"],
        elsewhere["s3_key"],
        f"dialogs/{dialog}/../{other}/{elsewhere['s3_key'].rpartition('/')[2]}",
        f"dialogs/{dialog}/%2e%2e/x.pdf",
        f"dialogs/{dialog}/\x00",
        "../../../etc/passwd",
        "/etc/passwd",
    ):
        assert await town.refused(town.ana, dialog, mine | {"s3_key": key}) == UNFIT, key
    assert await town.refused(town.ana, dialog, mine, of_bo) == UNFIT
    said = await town.send(town.ana, dialog, mine)
    assert await town.refused(town.ana, dialog, mine) == UNFIT
    path = f"/attachments/{said['attachments'][0]['id']}/url"
    assert await town.eve.refused("GET", path) == (404, "ATTACHMENT_NOT_FOUND")
    assert (await town.eve("GET", f"/dialogs/{dialog}/files")).status_code == 403
    link = (await town.bo.data("GET", path))["url"]
    assert (await town.browser.get(link)).status_code == 200
    for forged in (link.replace(mine["s3_key"], elsewhere["s3_key"]), link.partition("?")[0], f"{link}x"):
        assert 400 <= (await town.browser.get(forged)).status_code < 500


async def test_a_large_file_goes_on_after_a_break_and_comes_down_whole_g19(town: Town) -> None:
    dialog, file = await town.dialog(), a_file("film.mp4", "video/mp4", LARGE)
    begun = await town.ana.data("POST", "/upload/multipart", file.announced(dialog))
    key, size = begun["s3_key"], begun["part_size"]

    async def put(parts: list[dict[str, Any]]) -> None:
        for part in parts:
            start = (part["part_number"] - 1) * size
            body = file.body[start : start + part["size"]]
            assert 400 <= await town.put(part["upload_url"], body[:-1], None) < 500
            assert await town.put(part["upload_url"], body, None) == 200

    await put(begun["parts"][1:])
    early = await town.refused(town.ana, dialog, file.named(s3_key=key))
    resumed = await town.ana.data("GET", f"/upload/multipart?s3_key={key}")
    await put(resumed["parts"])
    await town.ana.data("POST", "/upload/multipart/complete", {"s3_key": key})
    said = await town.send(town.ana, dialog, file.named(s3_key=key))

    assert early == BAD_REQUEST
    assert [part["part_number"] for part in resumed["parts"]] == [1]
    assert [part["part_number"] for part in resumed["arrived"]] == [2, 3]
    url = said["attachments"][0]["url"]
    assert (await town.browser.get(url)).content == file.body
    some = await town.browser.get(url, headers={"Range": "bytes=16777214-16777217"})
    assert some.status_code in (200, 206)
    assert some.content == (file.body[16777214:16777218] if some.status_code == 206 else file.body)


async def test_a_pixel_bomb_is_a_file_like_any_other_and_hurts_nobody_f28(town: Town) -> None:
    dialog = await town.dialog()
    bomb = File("bomb.png", "image/png", a_png(15_000, 15_000))
    photo = File("photo.png", "image/png", a_png(640, 480))
    assert len(bomb.body) < 100_000

    await town.send(town.ana, dialog, await town.upload(town.ana, dialog, bomb))
    await town.send(town.ana, dialog, await town.upload(town.ana, dialog, photo))

    async def drawn() -> list[dict[str, Any]]:
        page = await town.bo.data("GET", f"/dialogs/{dialog}/messages")
        files: list[dict[str, Any]] = [message["attachments"][0] for message in page["messages"][-2:]]
        return files if "thumbnail_url" in files[1] else []

    of_bomb, of_photo = await eventually(drawn)
    assert (of_photo["width"], of_photo["height"]) == (640, 480)
    small = await town.browser.get(of_photo["thumbnail_url"])
    assert (small.status_code, small.headers["Content-Type"]) == (200, "image/webp")
    assert "thumbnail_url" not in of_bomb
    assert (await town.browser.get(of_bomb["url"])).content == bomb.body
    assert town.service.runs


@pytest.mark.parametrize("trouble", ["closed", "frozen", "failing"])
async def test_while_the_bucket_is_down_people_talk_and_lose_nothing_f24_f25_g14_g2(
    bucket_town: Town, trouble: str
) -> None:
    town, dialog = bucket_town, await bucket_town.dialog()
    bucket, file = town.bucket, a_file()
    assert bucket is not None
    kept = await town.send(town.ana, dialog, await town.upload(town.ana, dialog, file))
    waiting = await town.upload(town.ana, dialog, file)

    if trouble == "closed":
        await bucket.close()
    elif trouble == "frozen":
        bucket.freeze()
    else:
        bucket.failing = 503
    # More often than the breaker waits for: at first each is waited for, then refused at once.
    for _ in range(6):
        assert await town.refused(town.ana, dialog, waiting) == DOWN
    texts = [await town.send(town.ana, dialog, content=str(n)) for n in range(20)]
    place = await town.ana.data("POST", "/upload/presign", file.announced(dialog))
    ready = (await town.browser.get(f"{town.service.url}/health/ready")).json()
    assert place["upload_url"]
    assert ready["status"] == "ready"
    assert [said["seq"] for said in texts] == list(range(kept["seq"] + 1, kept["seq"] + 21))

    if trouble == "closed":
        await bucket.open()
    elif trouble == "frozen":
        bucket.thaw()
    else:
        bucket.failing = None
    body = {"content": "", "attachments": [waiting], "client_message_id": "once"}

    async def sent() -> Any:
        answer = await town.ana("POST", f"/dialogs/{dialog}/messages", body)
        assert answer.status_code in (200, 503), answer.text
        return answer.json().get("data")

    said = await eventually(sent)
    again = await sent()
    assert again == said
    assert [(await town.browser.get(one["attachments"][0]["url"])).content for one in (kept, said)] == [
        file.body,
        file.body,
    ]
    files = await town.bo.data("GET", f"/dialogs/{dialog}/files")
    assert len(files["files"]) == 2


@pytest.mark.parametrize("kind", ["disk", "s3"])
async def test_what_was_uploaded_survives_a_crash_and_is_sent_after_it_g1(
    kind: str, tmp_path: Path, databases: servers.Databases
) -> None:
    async with a_town(kind, tmp_path, databases) as town:
        dialog, file = await town.dialog(), a_file()
        sent = await town.send(town.ana, dialog, await town.upload(town.ana, dialog, file))
        waiting = await town.upload(town.ana, dialog, file)
        place = await town.ana.data("POST", "/upload/presign", file.announced(dialog))

        town.service.kill()
        await asyncio.to_thread(town.service.__enter__)

        said = await town.send(town.ana, dialog, waiting)
        assert await town.put(place["upload_url"], file.body, file.content_type) == 200
        late = await town.send(town.ana, dialog, file.named(s3_key=place["s3_key"]))
        for message in (sent, said, late):
            fresh = await town.bo.data("GET", f"/attachments/{message['attachments'][0]['id']}/url")
            assert (await town.browser.get(fresh["url"])).content == file.body
