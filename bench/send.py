"""What sending a message costs a lone sender, layer by layer, on a durable PostgreSQL of its own.

Prints medians and ratios to the floor below each layer, measured in the same run: absolute times
depend on the machine, ratios hold. Run it with `make bench`.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]
import httpx

from mtchat_adapters import postgres
from mtchat_adapters.embedded.postgres import EmbeddedPostgres
from mtchat_adapters.system.ids import SystemIds
from mtchat_app import demo
from mtchat_app.asgi import create_app
from mtchat_app.http import log
from mtchat_app.settings import Settings
from mtchat_app.wiring import Service, open_service
from mtchat_core.domain.ids import DialogId, MessageId
from mtchat_core.domain.messages import Draft, Outgoing

ROUNDS, WARM_UP = 400, 50
SECRET = "a benchmark's secret of more than thirty-two bytes"


async def median_us(work: Callable[[], Awaitable[object]]) -> float:
    """Return the median time of *work*, in microseconds."""
    times: list[float] = []
    for number in range(WARM_UP + ROUNDS):
        began = time.perf_counter()
        await work()
        if number >= WARM_UP:
            times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e6


async def measure(url: str, dsn: str) -> list[tuple[str, float]]:
    """Return what each layer takes, the lowest first."""
    settings = Settings.load({"DATABASE_URL": url, "ADMIN_API_TOKEN": "bench", "JWT_SECRET": SECRET})
    connection = await asyncpg.connect(dsn)
    await connection.execute("create table floor (id uuid primary key, said text, at timestamptz)")
    ids = SystemIds()
    rows: list[tuple[str, float]] = []
    async with open_service(settings) as service:
        chat = service.chat
        dialog = (await demo.furnish(chat)).id

        @asynccontextmanager
        async def opened(_: Settings) -> AsyncGenerator[Service]:
            yield service

        app = create_app(settings, opened)
        async with app.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            bearer = {"Authorization": f"Bearer {demo.token('ana', SECRET, scopes={}, life=timedelta(hours=1))}"}
            address = f"http://bench/api/v1/dialogs/{dialog}/messages"

            async def insert() -> None:
                await connection.execute(
                    "insert into floor values ($1, $2, $3)", ids.new(), "hello", datetime.now(UTC)
                )

            async def append() -> None:
                await chat.ports.log.append(outgoing(dialog, ids))

            async def send() -> None:
                await chat.messages.send(demo.ANA, dialog, Draft("hello"))

            async def post() -> None:
                (await client.post(address, json={"content": "hello"}, headers=bearer)).raise_for_status()

            rows.append(("one durable insert, asyncpg alone", await median_us(insert)))
            rows.append(("MessageLog.append", await median_us(append)))
            rows.append(("chat.messages.send", await median_us(send)))
            rows.append(("POST …/messages, in process", await median_us(post)))
    await connection.close()
    return rows


def outgoing(dialog: DialogId, ids: SystemIds) -> Outgoing:
    """Return a message of Ana's to append."""
    return Outgoing(id=MessageId(ids.new()), dialog_id=dialog, sender_id=demo.ANA, content="hello")


def main() -> None:
    """Measure and print."""
    log.configure("error", "console")
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder) / "postgres") as server:
        postgres.migrate(server.url)
        rows = asyncio.run(measure(server.url, server.dsn))
    floor = rows[0][1]
    print(f"{'median of ' + str(ROUNDS) + ' rounds':38} {'us':>8} {'x floor':>8}")
    for name, took in rows:
        print(f"{name:38} {took:8.0f} {took / floor:8.2f}")


if __name__ == "__main__":
    main()
