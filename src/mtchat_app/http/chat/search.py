"""A person finds what was said."""

from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from msgspec import Meta, Struct

from mtchat_app.http.callers import Person
from mtchat_app.http.cursors import read_message, write_message
from mtchat_app.http.envelope import Listed
from mtchat_app.http.parameters import SCOPED
from mtchat_app.http.views import Instant
from mtchat_core.chat import Chat
from mtchat_core.domain.ids import DialogId
from mtchat_core.domain.search import Hit, Match, Search


class MatchView(Struct, kw_only=True, frozen=True):
    """Where a snippet holds what was searched for. Counted in characters (code points), not UTF-16 units."""

    start: Annotated[int, Meta(description="Characters before it.", ge=0)]
    length: Annotated[int, Meta(description="Characters.", ge=1)]

    @classmethod
    def of(cls, match: Match) -> "MatchView":
        """Show *match*."""
        return cls(start=match.start, length=match.length)


class HitView(Struct, kw_only=True, frozen=True):
    """A message that was found. `GET /dialogs/{dialog_id}/messages?around={message_id}` shows it in its place."""

    dialog_id: Annotated[UUID, Meta(description="The dialog it belongs to.")]
    message_id: Annotated[UUID, Meta(description="UUIDv7.")]
    seq: Annotated[int, Meta(description="Number within the dialog.", ge=1)]
    sender_id: Annotated[str, Meta(description="Who wrote it.")]
    sender_name: Annotated[str, Meta(description="The sender's name when sending; escape it.")]
    sent_at: Instant
    snippet: Annotated[
        str, Meta(description="Plain text around the first match, about 160 characters; `…` where cut. Escape it.")
    ]
    matches: Annotated[list[MatchView], Meta(description="What to highlight in the snippet, in order.")]
    dialog_title: Annotated[str | None, Meta(description="Shown above the dialog; escape it.")]
    object_type: Annotated[str, Meta(description="The kind of business object, as the host names it.")]
    object_id: Annotated[str, Meta(description="The business object, as the host names it.")]

    @classmethod
    def of(cls, hit: Hit) -> "HitView":
        """Show *hit*."""
        return cls(
            dialog_id=hit.dialog_id,
            message_id=hit.message_id,
            seq=hit.seq,
            sender_id=hit.sender_id,
            sender_name=hit.sender_name,
            sent_at=hit.sent_at,
            snippet=hit.snippet.text,
            matches=[MatchView.of(match) for match in hit.snippet.matches],
            dialog_title=hit.title,
            object_type=hit.object.type,
            object_id=hit.object.id,
        )


@get("/search", opt=SCOPED, tags=["Messages"])
async def search_messages(
    caller: NamedDependency[Person],
    chat: NamedDependency[Chat],
    wanted: Annotated[
        str, QueryParameter(name="q", description="Part of what was said, 1 to 200 characters, any case.")
    ],
    dialog_id: Annotated[UUID | None, QueryParameter(description="Search this dialog alone.")] = None,
    limit: Annotated[int, QueryParameter(description="Hits per page, 1 to 100; others are clamped.")] = 20,
    cursor: Annotated[str | None, QueryParameter(description="next_cursor of the page before.")] = None,
) -> Listed[HitView]:
    """Search what people said in one's dialogs, the newest first.

    A page may hold fewer hits than `limit`, even none, and still carry `next_cursor`: go on with it.
    """
    search = Search(
        wanted,
        dialog=None if dialog_id is None else DialogId(dialog_id),
        limit=limit,
        upto=None if cursor is None else read_message(cursor),
    )
    found = await chat.search.find(caller.user_id, caller.scopes, search)
    return Listed(
        [HitView.of(hit) for hit in found.hits],
        next_cursor=None if found.upto is None else write_message(found.upto),
    )
