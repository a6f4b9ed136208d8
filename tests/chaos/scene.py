"""What tests of one fault at a time share: services on a database that may break, and how they are asked."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import httpx

from tests.asking import Asker
from tests.chaos.faults import Database
from tests.journeys.service import Service

ANSWER_SECONDS = 5.0
HEALED_SECONDS = 5.0


@asynccontextmanager
async def serving(database: Database, folder: Path, **settings: str) -> AsyncIterator[Service]:
    """Run one process of the service for the block."""
    service = Service("serve", log=folder / "service.log", **{"DATABASE_URL": database.dsn, **settings})
    try:
        await asyncio.to_thread(service.__enter__)
        yield service
    finally:
        await asyncio.to_thread(service.kill)


@asynccontextmanager
async def connected(database: Database) -> AsyncIterator[Any]:
    """Lend a connection of one's own."""
    connection = await asyncpg.connect(database.dsn, server_settings={"search_path": "mtchat"})
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def holding(database: Database, dialog: str, rows: str = "dialogs where id") -> AsyncIterator[Any]:
    """Hold a dialog's lock for the block, or other *rows* of it; yields another connection to look on with."""
    async with connected(database) as holder, connected(database) as watcher, holder.transaction():
        await holder.execute(f"select from {rows} = $1 for update", dialog)
        yield watcher


async def count(connection: Any, sql: str, *values: object) -> int:
    """Return the number that a query finds."""
    number: int = await connection.fetchval(sql, *values)
    return number


async def until_counted(connection: Any, enough: Callable[[int], bool], sql: str, *values: object) -> None:
    """Wait until the number is as wanted."""
    async with asyncio.timeout(10):
        while not enough(await count(connection, sql, *values)):  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.01)


def at_least(least: int) -> Callable[[int], bool]:
    """Ask for a number of *least* or more."""
    return lambda number: number >= least


WAITING = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
SESSIONS = "select count(*) from pg_stat_activity where application_name = 'mtchat'"
SAID = "select count(*) from messages where dialog_id = $1 and content = $2"


async def a_dialog(host: Asker, *names: str) -> str:
    """Open a dialog of these people, for those of SCOPES to join."""
    body = {
        "object_type": "order",
        "object_id": "4711",
        "participants": list(names),
        "access_scopes": [{"scope_level0": ["nordwind"]}],
    }
    dialog: str = (await host.data("POST", "/dialogs", body))["id"]
    return dialog


async def attempted(asker: Asker, verb: str, path: str, body: object = None) -> tuple[int, float]:
    """Ask, and return the status (0: no answer) with the seconds it took."""
    began = time.monotonic()
    try:
        status = (await asker(verb, path, body)).status_code
    except httpx.TransportError:
        status = 0
    return status, time.monotonic() - began


async def status_of(url: str) -> tuple[int, float]:
    """Return the status with the seconds it took."""
    began = time.monotonic()
    async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
        return (await client.get(url)).status_code, time.monotonic() - began


async def until_ready(service: Service) -> float:
    """Return how many seconds it took the service to be ready."""
    began = time.monotonic()
    async with asyncio.timeout(30):
        while (await status_of(f"{service.url}/health/ready"))[0] != 200:  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.02)
    return time.monotonic() - began
