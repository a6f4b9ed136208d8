"""The service in this process, with people in it, for tests that knock on its doors."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
from httpx_ws import AsyncWebSocketSession, WebSocketDisconnect, aconnect_ws
from httpx_ws.transport import ASGIWebSocketTransport
from litestar import Litestar

from mtchat_app.asgi import create_app
from mtchat_app.http.front import Front
from mtchat_app.settings import Settings
from mtchat_app.wiring import Service
from mtchat_core.chat import Chat
from mtchat_core.domain.ids import UserId
from tests import silence
from tests.asking import ADMIN, MANAGEMENT, PERSON, SCOPES, SECRET, Asker, Scopes, token
from tests.holding import Held

URL = "http://chat.test"


class Ear:
    """A person's open socket, past its greeting."""

    def __init__(
        self, session: AsyncWebSocketSession, greeting: dict[str, Any], held: Held[AsyncWebSocketSession]
    ) -> None:
        self.greeting = greeting
        self._session = session
        self._held = held

    async def say(self, text: str) -> None:
        """Send a frame."""
        await self._session.send_text(text)

    async def next(self) -> dict[str, Any]:
        """Return the next frame."""
        async with asyncio.timeout(10):
            frame: dict[str, Any] = json.loads(await self._session.receive_text())
        return frame

    async def heard(self, *, presence: bool = False) -> list[dict[str, Any]]:
        """Return every frame up to the answer to a ping sent now: what was to come has come."""
        await self.say('{"type":"ping"}')
        frames: list[dict[str, Any]] = []
        while (frame := await self.next())["type"] != "pong":
            if presence or frame["type"] != "presence.update":
                frames.append(frame)
        return frames

    async def types(self) -> list[str]:
        """Return the types of everything heard so far."""
        return [frame["type"] for frame in await self.heard()]

    async def close(self) -> None:
        """Hang up, and wait until the service has noticed."""
        await self._held.release()

    async def closed(self) -> int:
        """Wait for the service to close the socket, and return the code."""
        try:
            while True:
                await self.next()
        except WebSocketDisconnect as end:
            return end.code


class World:
    """The service, its host, and whoever shows up."""

    def __init__(self, chat: Chat, app: Litestar, client: httpx.AsyncClient, stack: AsyncExitStack) -> None:
        self.chat = chat
        self.app = app
        self.client = client
        self.host = Asker(client, MANAGEMENT, ADMIN)
        self._stack = stack

    def person(self, user: str, scopes: Scopes | None = SCOPES) -> Asker:
        """Return somebody with a token."""
        return Asker(self.client, PERSON, token(user, scopes))

    async def dialog(self, *people: str, scopes: list[Scopes] | None = None, **fields: Any) -> str:
        """Have the host create a dialog, and return its id."""
        body = {
            "object_type": "order",
            "object_id": "4711",
            "participants": list(people),
            "access_scopes": [{"scope_level0": ["nordwind"]}] if scopes is None else scopes,
            **fields,
        }
        created: str = (await self.host.data("POST", "/dialogs", body))["id"]
        return created

    async def say(self, user: str, dialog: str, content: str = "hello", **fields: Any) -> dict[str, Any]:
        """Have somebody write, and return the message."""
        body = {"content": content, **fields}
        message: dict[str, Any] = await self.person(user).data("POST", f"/dialogs/{dialog}/messages", body)
        return message

    async def transcript(self, user: str, dialog: str) -> list[dict[str, Any]]:
        """Have somebody read the newest hundred messages, oldest first."""
        page = await self.person(user).data("GET", f"/dialogs/{dialog}/messages?limit=100")
        messages: list[dict[str, Any]] = page["messages"]
        return messages

    async def entry(self, user: str, dialog: str) -> dict[str, Any]:
        """Have a participant look at one dialog."""
        entry: dict[str, Any] = await self.person(user).data("GET", f"/dialogs/{dialog}")
        return entry

    async def everything(self) -> object:
        """Return all there is to see: dialogs with people and scopes, each person's messages and event counts."""
        dialogs = await self.host.data("GET", "/dialogs?limit=100")
        details = [await self.host.data("GET", f"/dialogs/{dialog['id']}") for dialog in dialogs]
        members = [
            (dialog["id"], person["user_id"]) for dialog in details for person in dialog["participants"][:4]
        ]
        return (
            details,
            [await self.transcript(user, dialog) for dialog, user in members],
            [await self.chat.ports.inbox.dialogs_of(UserId(user)) for _, user in members],
        )

    async def refuses(
        self, asker: Asker, verb: str, path: str, body: object = None, **options: Any
    ) -> tuple[int, str]:
        """Ask, expect a refusal that changed nothing (G2), and return status and code."""
        before = await self.everything()
        refusal = await asker.refused(verb, path, body, **options)
        assert await self.everything() == before
        return refusal

    async def listen(self, user: str, query: str | None = None) -> Ear:
        """Open a socket for somebody; it closes with the world."""
        query = f"token={token(user, SCOPES)}" if query is None else query
        held: Held[AsyncWebSocketSession] = Held(aconnect_ws(f"{URL}/api/v1/ws?{query}", self.client))
        session = await held.value()
        self._stack.push_async_callback(held.release)
        return Ear(session, json.loads(await session.receive_text()), held)

    async def handshake(self, query: str, headers: dict[str, str] | None = None) -> str | None:
        """Try to open a socket that will be refused, and return the refusal's code."""
        try:
            async with aconnect_ws(f"{URL}/api/v1/ws?{query}", self.client, headers=headers or {}):
                return None
        except WebSocketDisconnect as refusal:
            return refusal.reason


class House:
    """The doors, built once, over whichever chat moves in."""

    def __init__(self, **environment: str) -> None:
        # All tests ask from one address, and many of them without a valid token. Jobs run when a test says so.
        patient = {"AUTH_FAILURES_BURST": "1000000000", "WORKER": "external"}
        settings = Settings.load({"ADMIN_API_TOKEN": ADMIN, "JWT_SECRET": SECRET, **patient, **environment})
        self.app = create_app(settings, self._the_chat)
        self.chat: Chat | None = None

    @asynccontextmanager
    async def _the_chat(self, _: Settings) -> AsyncGenerator[Service]:
        assert self.chat is not None
        yield Service(self.chat)


async def _check_error_body(answer: httpx.Response) -> None:
    if answer.status_code >= 400:
        body = (await answer.aread()).decode()
        assert not silence.secrets_in(body), body


@asynccontextmanager
async def open_world(chat: Chat, house: House) -> AsyncGenerator[World]:
    """Open the service over *chat*, and close it after the block."""
    house.chat = chat
    async with open_doors(house.app) as world:
        yield world


@asynccontextmanager
async def open_doors(app: Front) -> AsyncGenerator[World]:
    """Open a whole service, over whatever it opens itself, and close it after the block."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.lifespan())
        client = await stack.enter_async_context(
            httpx.AsyncClient(
                transport=ASGIWebSocketTransport(app), base_url=URL, event_hooks={"response": [_check_error_body]}
            )
        )
        yield World(app.app.state.chat, app.app, client, stack)
