"""The demo's doors: open to browsers on this machine, and to nobody else."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import jwt
import pytest
from litestar.routes import HTTPRoute

from mtchat_adapters import memory
from mtchat_app.asgi import create_app
from mtchat_app.demo import Secrets, desk
from mtchat_app.http import desk as doors
from mtchat_app.http import sdk
from mtchat_app.http.assets import Assets
from mtchat_app.settings import Settings
from mtchat_app.wiring import Service
from mtchat_core.chat import Chat
from mtchat_core.domain.webhooks import DeliveryId, sign
from tests.holding import Held
from tests.http.world import House, World, open_doors

SECRETS = Secrets(admin_token="an-admin-token", jwt_secret="a-demo-secret-of-more-than-32-bytes")
HERE = {"Host": "127.0.0.1:8080"}
HEARD_ID = "0197c0de-0000-7000-8000-0000000000c3"
HEARD = {"id": HEARD_ID, "type": "message.new", "payload": {"seq": 7}}


@pytest.fixture
async def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """The demo's service over memory, its pages built."""
    for name, files in (
        ("PAGES", {"desk.html": "<head><!-- the sdk's script tag --></head>"}),
        ("SDK", {"mt-chat.js": "1"}),
    ):
        folder = tmp_path / name
        folder.mkdir()
        for file, text in files.items():
            (folder / file).write_text(text)
        listed = {file: {"integrity": f"sha384-{file}"} for file in files}
        (folder / "manifest.json").write_text(json.dumps({"files": listed}))
    monkeypatch.setattr(doors, "PAGES", Assets(tmp_path / "PAGES"))
    monkeypatch.setattr(sdk, "FILES", Assets(tmp_path / "SDK"))

    @asynccontextmanager
    async def open_service(_: Settings) -> AsyncGenerator[Service]:
        yield Service(Chat.over(memory.ports()))

    settings = Settings.load({"ADMIN_API_TOKEN": SECRETS.admin_token, "JWT_SECRET": SECRETS.jwt_secret})
    held = Held(open_doors(create_app(settings, open_service, doors.routes(desk(8080, SECRETS)))))
    yield await held.value()
    await held.release()


def webhook(secret: str) -> tuple[bytes, Mapping[str, str]]:
    body = json.dumps(HEARD).encode()
    signed = sign(
        body,
        event="message.new",
        id=DeliveryId(UUID(HEARD_ID)),
        secrets=[secret],
        at=datetime.now(UTC),
    )
    return signed.body, signed.headers


async def test_the_page_is_strict_and_loads_the_sdk_with_its_hash(demo: World) -> None:
    home = await demo.client.get("/", headers=HERE)
    page = await demo.client.get("/demo", headers=HERE)

    assert (home.status_code, home.headers["location"]) == (302, "/demo")
    assert page.status_code == 200
    assert 'integrity="sha384-mt-chat.js"' in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


async def test_everybody_at_the_desk_gets_a_token_of_their_own(demo: World) -> None:
    people = (await demo.client.get("/demo/desk.json", headers=HERE)).json()["people"]
    tokens = [
        (await demo.client.get(f"/demo/token/{one['user_id']}", headers=HERE)).json()["token"] for one in people
    ]

    assert [jwt.decode(token, SECRETS.jwt_secret, algorithms=["HS256"])["sub"] for token in tokens] == [
        "ana",
        "bo",
        "cy",
    ]
    assert (await demo.client.get("/demo/token/eve", headers=HERE)).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:8080", "Origin": "http://evil.example:8080"},
        {**HERE, "Origin": "https://evil.example"},
        {**HERE, "Sec-Fetch-Site": "cross-site"},
        {**HERE, "Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/demo", "/demo/desk.json", "/demo/token/ana", "/demo/webhooks"])
async def test_pages_of_others_get_nothing(demo: World, path: str, headers: dict[str, str]) -> None:
    answer = await demo.client.get(path, headers=headers)

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "FORBIDDEN")


async def test_what_the_host_hears_is_shown_once_and_only_if_it_is_signed(demo: World) -> None:
    body, headers = webhook(doors.derived_secret(SECRETS.jwt_secret))
    for _ in range(2):
        assert (await demo.client.post("/demo/webhook", content=body, headers=headers)).status_code == 204
    forged_body, forged = webhook("another-secret")
    refused = await demo.client.post("/demo/webhook", content=forged_body, headers=forged)
    heard = (await demo.client.get("/demo/webhooks", headers=HERE)).json()["data"]
    later = (await demo.client.get("/demo/webhooks?after=1", headers=HERE)).json()["data"]

    assert refused.status_code == 403
    assert [(one["number"], one["type"], one["payload"]) for one in heard] == [(1, "message.new", {"seq": 7})]
    assert later == []


def test_the_usual_service_has_none_of_these_doors(house: House) -> None:
    paths = {route.path for route in house.app.app.routes if isinstance(route, HTTPRoute)}

    assert "/sdk/{name:str}" in paths
    assert not [path for path in paths if path == "/" or path.startswith("/demo")]
