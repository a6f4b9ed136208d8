"""A host application: it sells things, and its people talk about their orders.

Run it:  pip install 'mtchat[all]' && uvicorn host_app:app --app-dir docs/examples
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import jwt
from litestar import Litestar, Router, asgi, get, post
from litestar.params import FromPath, JSONBody
from litestar.types import Receive, Scope, Send
from msgspec import Struct

from mtchat_adapters import memory
from mtchat_app.asgi import create_app
from mtchat_app.settings import Settings
from mtchat_app.wiring import Service
from mtchat_core.chat import Chat
from mtchat_core.domain.dialogs import ObjectRef, about
from mtchat_core.domain.ids import UserId
from mtchat_core.domain.participants import Invitation, profile
from mtchat_core.use_cases.dialogs import NewDialog

SECRET = "an example only: keep yours outside the code"  # noqa: S105
settings = Settings.load({"ADMIN_API_TOKEN": "an example only", "JWT_SECRET": SECRET})

chat = Chat.over(memory.ports())


@asynccontextmanager
async def our_chat(_: Settings) -> AsyncGenerator[Service]:
    """Give the mounted service the chat that we use ourselves."""
    yield Service(chat)


service = create_app(settings, our_chat)


class Order(Struct):
    """What somebody orders, and from whom."""

    number: str
    buyer: str
    seller: str


@post("/orders", status_code=201)
async def place_order(data: JSONBody[Order]) -> dict[str, str]:
    """Take an order, and let buyer and seller talk about it."""
    dialog = await chat.dialogs.create(
        NewDialog(
            object=ObjectRef("order", data.number),
            about=about(f"Order {data.number}", None, None),
            people=tuple(Invitation(UserId(user), profile(user.title())) for user in (data.buyer, data.seller)),
        )
    )
    return {"dialog_id": str(dialog.id)}


@get("/token/{user:str}")
async def chat_token(user: FromPath[str]) -> dict[str, str]:
    """Hand somebody who has logged in here their token for the chat."""
    return {"token": jwt.encode({"sub": user}, SECRET, algorithm="HS256")}


@asgi("/chat", is_mount=True, copy_scope=True)
async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve the Chat API and its socket below /chat."""
    await service(scope, receive, send)


@asynccontextmanager
async def lifespan(_: Litestar) -> AsyncGenerator[None]:
    """Open the chat with the host: what is mounted gets no lifespan of its own."""
    async with service.lifespan():
        yield


routes: list[Any] = [Router("/", route_handlers=[place_order, chat_token]), mounted]
app = Litestar(routes, lifespan=[lifespan])
