"""A person reads what they missed: the socket's frames, for who has no socket."""

from typing import Annotated, Any

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from mtchat_app.http.callers import Person
from mtchat_app.http.envelope import Stretched
from mtchat_app.http.frames import fields
from mtchat_core.chat import Chat


@get("/events", tags=["Events"])
async def list_events(
    caller: NamedDependency[Person],
    chat: NamedDependency[Chat],
    after: Annotated[
        str | None, QueryParameter(description="A cursor from an earlier answer, or from a socket.")
    ] = None,
    limit: Annotated[int, QueryParameter(description="Events, 1 to 1000; others are clamped.")] = 100,
) -> Stretched[dict[str, Any]]:
    """Read what happened since a cursor, as a socket tells it; without one, where to go on from now.

    410 `CURSOR_EXPIRED`: load everything afresh. A stretch may hold fewer events than `limit`, even
    none: go on while `has_more`.
    """
    found = await chat.events.of_person(caller.user_id, after, limit=limit)
    told = [fields(recorded, chat.files.links) for recorded in found.events]
    return Stretched(told, cursor=found.cursor, has_more=found.has_more)
