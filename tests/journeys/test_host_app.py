"""The example host: it imports the core, and mounts our doors beside its own."""

import importlib.util
import json
import sys
from pathlib import Path

import httpx
import pytest
from httpx_ws import AsyncWebSocketSession, aconnect_ws
from httpx_ws.transport import ASGIWebSocketTransport
from litestar import Litestar

from mtchat_core.chat import Chat
from mtchat_core.domain.dialogs import ObjectRef

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "host_app.py"


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Litestar:
    """The example, as a host would run it."""
    spec = importlib.util.spec_from_file_location("host_app", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "host_app", module)
    spec.loader.exec_module(module)
    app: Litestar = module.app
    return app


async def test_an_order_placed_with_the_host_can_be_talked_about_through_what_it_mounts(host: Litestar) -> None:
    order = {"number": "4711", "buyer": "ana", "seller": "bo"}
    async with (
        host.lifespan(),
        httpx.AsyncClient(transport=ASGIWebSocketTransport(host), base_url="http://host.test") as client,
    ):
        placed = (await client.post("/orders", json=order)).json()
        tokens = [(await client.get(f"/token/{user}")).json()["token"] for user in ("ana", "bo")]
        ana, bo = ({"Authorization": f"Bearer {token}"} for token in tokens)
        messages = f"/chat/api/v1/dialogs/{placed['dialog_id']}/messages"

        socket: AsyncWebSocketSession
        async with aconnect_ws(f"/chat/api/v1/ws?token={tokens[1]}", client) as socket:
            greeting = json.loads(await socket.receive_text())
            sent = await client.post(messages, json={"content": "Hello"}, headers=ana)
            heard = json.loads(await socket.receive_text())
        read = await client.get(messages, headers=bo)
        refused = await client.get(messages)

    assert greeting["type"] == "connected"
    assert sent.status_code == 200, sent.text
    assert heard["content"] == "Hello"
    assert [message["content"] for message in read.json()["data"]["messages"]][-1] == "Hello"
    assert refused.status_code == 401


async def test_the_fixture_for_hosts_is_a_whole_chat(mtchat: Chat) -> None:
    assert await mtchat.dialogs.find(ObjectRef("order", "4711"), ()) is None
