"""The service with files in a folder of this machine: in this process, and on a real port."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from attrs import evolve, frozen

from mtchat_adapters import disk, memory
from mtchat_app.asgi import create_app
from mtchat_app.http.front import Front
from mtchat_app.server import Server
from mtchat_app.settings import Settings
from mtchat_app.wiring import Service
from mtchat_core.chat import Chat
from mtchat_core.ports.clock import Clock
from tests.asking import ADMIN, SECRET

_READY_SECONDS = 10
_SECURE = {"ADMIN_API_TOKEN": ADMIN, "JWT_SECRET": SECRET, "SHUTDOWN_GRACE_SECS": "0"}


@frozen
class Shelf:
    """A folder of files behind the service's doors."""

    folder: Path
    storage: disk.DiskStorage
    client: httpx.AsyncClient
    port: int

    def leftovers(self) -> list[str]:
        """Return what was begun and is not yet kept, or forgotten."""
        return [path.name for path in (self.folder / "incoming").iterdir()]


def doors(storage: disk.DiskStorage, clock: Clock, **environment: str) -> Front:
    """Return the service over memory, with files in a folder."""

    @asynccontextmanager
    async def open_service(_: Settings) -> AsyncGenerator[Service]:
        chat = Chat.over(evolve(memory.ports(clock=clock), storage=storage))
        yield Service(chat, shelf=storage, degraded=storage.degraded)

    return create_app(Settings.load({**_SECURE, **environment}), open_service)


@asynccontextmanager
async def in_process(folder: Path, clock: Clock) -> AsyncGenerator[Shelf]:
    """Open the service in this process for the block."""
    async with disk.open(folder, public_url="http://chat.test", clock=clock) as storage:
        front = doors(storage, clock)
        app: Any = front
        transport = httpx.ASGITransport(app)
        async with front.lifespan(), httpx.AsyncClient(transport=transport) as client:
            yield Shelf(folder, storage, client, 0)


@asynccontextmanager
async def on_a_port(folder: Path, clock: Clock, **environment: str) -> AsyncGenerator[Shelf]:
    """Open the service on a port of this machine for the block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        async with disk.open(folder, public_url=url, clock=clock) as storage:
            settings = Settings.load({**_SECURE, **environment})
            server = Server(doors(storage, clock, **environment), settings)
            serving = asyncio.create_task(server.serve([listener]))
            async with httpx.AsyncClient(base_url=url, timeout=20) as client, asyncio.timeout(_READY_SECONDS):
                await client.get("/health")
            async with httpx.AsyncClient(base_url=url, timeout=20) as client:
                yield Shelf(folder, storage, client, port)
            server.should_exit = True
            await serving
