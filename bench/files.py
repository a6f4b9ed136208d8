"""Files: P19."""

import statistics
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from functools import partial

from bench import load
from bench.processes import SECRET, bare, service
from bench.rows import Goal, Row, percentile
from bench.stage import CONTENT, IN_DIALOG, Database, Stage, Stopwatch, bearer, dialog_id
from bench.timing import BARE, by_turns
from mtchat_app.settings import Settings
from mtchat_app.wiring import open_service
from mtchat_core.chat import Chat
from mtchat_core.domain.messages import Draft, Window

ROWS = ("P19",)
_PLAIN, _FILED = 0, 1
"""Numbers of the dialog without files, and of the one with them."""
_PAGE, _EACH = 50, 2

_ATTACH = """
insert into attachments (dialog_id, id, message_id, user_id, key, filename, content_type, kind, size_bytes, etag,
  width, height, thumbnail_key, state, sent_at)
select dialog_id, gen_random_uuid(), id, sender_id, 'dialogs/' || dialog_id || '/' || id || '-' || k || '.png',
  'photo ' || k || '.png', 'image/png', 'image', 100000, 'etag', 640, 480,
  'dialogs/' || dialog_id || '/' || id || '-' || k || '.png.thumbnail.webp', 'available', sent_at
from messages, generate_series(1, $2::int) k where dialog_id = $1
"""
_COUNT = "update messages set file_count = $2 where dialog_id = $1"


async def measure(stage: Stage, _: frozenset[str]) -> AsyncIterator[Row]:
    """Read pages of messages with files and without by turns, as a request and as a use case."""
    async with stage.database() as database:
        keeping = {"STORAGE_DIR": str(stage.folder / "files"), "PUBLIC_URL": "http://bench"}
        settings = Settings.load(
            {"DATABASE_URL": database.url, "ADMIN_API_TOKEN": "bench", "JWT_SECRET": SECRET, **keeping}
        )
        async with open_service(settings) as here:
            await _furnish(database, here.chat)
            with service(database.url, stage.folder, **keeping) as served:
                for row in await _pages(database, here.chat, served.port):
                    yield row


async def _furnish(database: Database, chat: Chat) -> None:
    await database.furnish(_PLAIN, 2, IN_DIALOG)
    for dialog in (_PLAIN, _FILED):
        for _ in range(_PAGE):
            await chat.messages.send(database.sender(dialog, 0), dialog_id(dialog), Draft(CONTENT))
    async with database.connection() as connection:
        await connection.execute(_ATTACH, dialog_id(_FILED), _EACH)
        await connection.execute(_COUNT, dialog_id(_FILED), _EACH)
    await database.settle()


async def _pages(database: Database, chat: Chat, port: int) -> list[Row]:
    sizes = database.sizes
    work = f"P19: {sizes.rounds} x {sizes.reads} pages of each kind"
    with (
        bare("asgi", database.folder) as nothing,
        closing(load.LoneCaller(port)) as caller,
        closing(load.LoneCaller(nothing.port)) as bare_caller,
        Stopwatch(work),
    ):
        works: list[Callable[[], Awaitable[object]]] = [
            partial(bare_caller.answer, load.get("/", bearer("nobody")))
        ]
        for number in (_PLAIN, _FILED):
            reader, dialog = database.sender(number, 0), dialog_id(number)
            request = load.get(f"/api/v1/dialogs/{dialog}/messages?limit={_PAGE}", bearer(reader))
            works.append(partial(caller.answer, request))
            works.append(partial(chat.messages.page, reader, dialog, Window(limit=_PAGE)))
        at_least, plain, plain_here, filed, filed_here = await by_turns(
            works, sizes.rounds, sizes.reads, sizes.warm_up
        )
    return [
        Row(
            name,
            f"page of {_PAGE} with {_PAGE * _EACH} attachments, {where}, p50",
            "the same without",
            "ms",
            statistics.median(ours) * 1e3,
            statistics.median(floor) * 1e3,
            Goal("lower", 3.0, 2.0),
            {
                "p95, ms": percentile(ours, 0.95) * 1e3,
                "floor p95, ms": percentile(floor, 0.95) * 1e3,
                BARE: statistics.median(at_least) * 1e3,
            },
        )
        for name, where, ours, floor in (
            ("P19", "over HTTP", filed, plain),
            ("P19 in process", "in process", filed_here, plain_here),
        )
    ]
