"""The whole service, as its settings open it, with files in a bucket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from mtchat_adapters.s3 import Bucket
from mtchat_app.asgi import create_app
from mtchat_app.settings import Settings
from mtchat_app.wiring import open_service
from tests.asking import ADMIN, SECRET
from tests.contracts.storages import HttpBrowser, Refused
from tests.http.filing import Named, place, send
from tests.http.world import World, open_doors
from tests.links import SECONDS, pause
from tests.s3 import Endpoint
from tests.strict_s3 import strict_s3


@asynccontextmanager
async def opened(bucket: Bucket) -> AsyncIterator[World]:
    """Open the service, over memory but for its files."""
    environment = {
        "ADMIN_API_TOKEN": ADMIN,
        "JWT_SECRET": SECRET,
        "SHUTDOWN_GRACE_SECS": "0",
        "S3_BUCKET": bucket.name,
        "S3_ENDPOINT": bucket.endpoint or "",
        "S3_REGION": bucket.region,
        "S3_ACCESS_KEY_ID": bucket.access_key_id or "",
        "S3_SECRET_ACCESS_KEY": bucket.secret_access_key or "",
    }
    async with open_doors(create_app(Settings.load(environment), open_service)) as world:
        yield world


@pytest.fixture
async def browser() -> AsyncIterator[HttpBrowser]:
    """Somebody who follows links."""
    async with httpx.AsyncClient() as client:
        yield HttpBrowser(client)


async def uploaded(browser: HttpBrowser, world: World, dialog: str, name: str, kind: str, body: bytes) -> Named:
    given = await place(world, "ana", dialog, filename=name, content_type=kind, size=len(body))
    await browser.put(given["upload_url"], body, kind)
    return {"s3_key": given["s3_key"], "filename": name, "content_type": kind, "size": len(body)}


async def degraded(world: World) -> list[str]:
    answer = await world.client.get("/health/ready")
    assert answer.status_code == 200
    told: list[str] = answer.json()["degraded"]
    return told


async def test_files_go_to_a_real_bucket_and_come_back_under_their_names_g19_b58(
    s3_server: Endpoint, browser: HttpBrowser
) -> None:
    async with opened(s3_server.bucket) as world:
        dialog = await world.dialog("ana", "bo")
        sent = [
            await uploaded(browser, world, dialog, "план.svg", "image/svg+xml", b"<svg onload='alert()'/>"),
            await uploaded(browser, world, dialog, "plan.pdf", "application/pdf", b"%PDF-1.7"),
        ]

        shown = (await send(world, "ana", dialog, *sent))["attachments"]
        drawing, plan = [await browser.client.get(file["url"]) for file in shown]

    assert (drawing.content, plan.content) == (b"<svg onload='alert()'/>", b"%PDF-1.7")
    assert drawing.headers["content-disposition"].startswith("attachment; ")
    assert plan.headers["content-disposition"] == 'inline; filename="plan.pdf"'
    assert plan.headers["content-type"] == "application/pdf"


async def test_an_upload_that_differs_is_refused_by_the_storage_and_can_not_be_sent_g19_b56(
    browser: HttpBrowser,
) -> None:
    async with strict_s3() as server, opened(server.named) as world:
        dialog = await world.dialog("ana", "bo")
        given = await place(world, "ana", dialog, content_type="application/pdf", size=8)
        for body, content_type in ((b"%PDF-1.7 and more", "application/pdf"), (b"<script>", "text/html")):
            with pytest.raises(Refused):
                await browser.put(given["upload_url"], body, content_type)
        file = {"s3_key": given["s3_key"], "filename": "a.pdf", "content_type": "application/pdf", "size": 8}

        answer = await world.person("ana")(
            "POST", f"/dialogs/{dialog}/messages", {"content": "", "attachments": [file]}
        )

    assert answer.status_code == 400
    assert server.objects == {}


async def test_a_closed_storage_costs_files_and_nothing_else_f24_g14(browser: HttpBrowser) -> None:
    async with strict_s3() as server, opened(server.named) as world:
        dialog = await world.dialog("ana", "bo")
        file = await uploaded(browser, world, dialog, "plan.pdf", "application/pdf", b"%PDF-1.7")
        assert await degraded(world) == []
        await server.close()

        ana, path = world.person("ana"), f"/dialogs/{dialog}/messages"
        tries = [ana("POST", path, {"content": "with a file", "attachments": [file]}) for _ in range(5)]
        refused = {(answer.status_code, answer.json()["error"]["code"]) for answer in await asyncio.gather(*tries)}
        assert refused == {(503, "SERVICE_UNAVAILABLE")}
        await world.say("ana", dialog, "text goes on")

        assert [line.split(":")[0] for line in await degraded(world)] == ["storage"]
        assert [said["content"] for said in await world.transcript("bo", dialog)][1:] == ["text goes on"]

        await server.open()
        async with asyncio.timeout(SECONDS):
            while await degraded(world):
                await pause()
        assert len((await send(world, "ana", dialog, file))["attachments"]) == 1
