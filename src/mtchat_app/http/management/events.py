"""The host reads what happened, everywhere, at its own pace."""

from typing import Annotated, Any

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from mtchat_app.http.envelope import Stretched
from mtchat_app.http.frames import fields_for_host
from mtchat_core.chat import Chat


@get("/events", tags=["Events"])
async def list_all_events(
    chat: NamedDependency[Chat],
    after: Annotated[str | None, QueryParameter(description="A cursor from an earlier answer.")] = None,
    limit: Annotated[int, QueryParameter(description="Events, 1 to 1000; others are clamped.")] = 100,
) -> Stretched[dict[str, Any]]:
    """Read everything that happened since a cursor, or from the beginning of what is kept.

    410 `CURSOR_EXPIRED`: load everything afresh. A stretch may hold fewer events than `limit`, even
    none: go on while `has_more`.
    """
    found = await chat.events.of_everybody(after, limit=limit)
    shown = [fields_for_host(recorded, chat.files.links) for recorded in found.events]
    return Stretched(shown, cursor=found.cursor, has_more=found.has_more)
