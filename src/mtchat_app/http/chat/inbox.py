"""A person's dialog lists, and how they keep them."""

from typing import Annotated, Literal
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta, Struct

from mtchat_app.http.callers import Person
from mtchat_app.http.cursors import read_position, write_position
from mtchat_app.http.envelope import Data, Listed
from mtchat_app.http.parameters import SCOPED
from mtchat_app.http.views import EntryView
from mtchat_core.chat import Chat
from mtchat_core.domain.dialogs import object_ref
from mtchat_core.domain.errors import BadRequest
from mtchat_core.domain.ids import DialogId
from mtchat_core.domain.inbox import Listing, Position, Query

Which = Literal["participating", "available"]
Flag = Literal["true", "false"]
Search = Annotated[
    str | None,
    QueryParameter(description="Part of a title or of a participant's company, up to 200 characters, any case."),
]
Archived = Annotated[
    Flag | None, QueryParameter(description="Only archived, or only active ones; both when absent.")
]


def _flag(value: Flag | None) -> bool | None:
    return None if value is None else value == "true"


@get("/dialogs", opt=SCOPED, tags=["Dialogs"])
async def list_dialogs(
    caller: NamedDependency[Person],
    chat: NamedDependency[Chat],
    which: Annotated[Which, QueryParameter(name="type", description="One's own, or those one could join.")] = (
        "participating"
    ),
    search: Search = None,
    archived: Archived = None,
    limit: Annotated[int, QueryParameter(description="Dialogs per page, 1 to 100; others are clamped.")] = 50,
    offset: Annotated[int, QueryParameter(description="Dialogs to skip; prefer cursor.")] = 0,
    cursor: Annotated[str | None, QueryParameter(description="next_cursor of the page before.")] = None,
) -> Listed[EntryView]:
    """List dialogs: pinned first, then the newest activity."""
    after = None if cursor is None else read_position(cursor)
    query = Query(search=search, archived=_flag(archived), limit=limit, offset=offset, after=after)
    entries = await chat.inbox.list(caller.user_id, caller.scopes, Listing(which), query)
    is_full = len(entries) == query.limit
    return Listed(
        [EntryView.listed(entry) for entry in entries],
        next_cursor=write_position(Position.of(entries[-1])) if is_full else None,
    )


@get("/dialogs/by-object", include_in_schema=False)
async def no_object() -> None:
    """Refuse like any other address that should hold a UUID and does not."""
    raise BadRequest("dialog_id in the address must be a UUID.")


@get("/dialogs/by-object/{object_type:str}/{object_id:str}", opt=SCOPED, tags=["Dialogs"])
async def newest_of_object(
    object_type: FromPath[str],
    object_id: FromPath[str],
    caller: NamedDependency[Person],
    chat: NamedDependency[Chat],
) -> Data[EntryView | None]:
    """Show the newest dialog of an object that one is in or could join; null when there is none."""
    about = object_ref(object_type, object_id)
    entry = await chat.inbox.newest_of(caller.user_id, caller.scopes, about)
    return Data(EntryView.listed(entry) if entry else None)


@get("/dialogs/by-object/{object_type:str}/{object_id:str}/list", opt=SCOPED, tags=["Dialogs"])
async def dialogs_of_object(
    object_type: FromPath[str],
    object_id: FromPath[str],
    caller: NamedDependency[Person],
    chat: NamedDependency[Chat],
    which: Annotated[
        Which | None,
        QueryParameter(name="type", description="One's own, or those one could join; both when absent."),
    ] = None,
    search: Search = None,
    archived: Archived = None,
) -> Data[list[EntryView]]:
    """List an object's dialogs that one is in or could join, newest created first."""
    about = object_ref(object_type, object_id)
    listing = None if which is None else Listing(which)
    query = Query(search=search, archived=_flag(archived))
    entries = await chat.inbox.of_object(caller.user_id, caller.scopes, about, listing, query)
    return Data([EntryView.listed(entry) for entry in entries])


@get("/dialogs/{dialog_id:str}", opt=SCOPED, tags=["Dialogs"])
async def get_dialog(
    dialog_id: FromPath[UUID], caller: NamedDependency[Person], chat: NamedDependency[Chat]
) -> Data[EntryView]:
    """Show one dialog that one is in or could join."""
    return Data(EntryView.opened(await chat.inbox.get(caller.user_id, caller.scopes, DialogId(dialog_id))))


class Status(Struct, kw_only=True, frozen=True):
    """What one's own view of the dialog is now."""

    status: Annotated[str, Meta(description="What it is now, such as `archived`.")]


@post("/dialogs/{dialog_id:str}/archive", status_code=200, tags=["My view of a dialog"])
async def archive(
    dialog_id: FromPath[UUID], caller: NamedDependency[Person], chat: NamedDependency[Chat]
) -> Status:
    """Put the dialog into one's archive until somebody writes."""
    await chat.inbox.archive(DialogId(dialog_id), caller.user_id)
    return Status(status="archived")


@post("/dialogs/{dialog_id:str}/unarchive", status_code=200, tags=["My view of a dialog"])
async def unarchive(
    dialog_id: FromPath[UUID], caller: NamedDependency[Person], chat: NamedDependency[Chat]
) -> Status:
    """Take the dialog out of one's archive."""
    await chat.inbox.unarchive(DialogId(dialog_id), caller.user_id)
    return Status(status="unarchived")


@post("/dialogs/{dialog_id:str}/pin", status_code=200, tags=["My view of a dialog"])
async def pin(dialog_id: FromPath[UUID], caller: NamedDependency[Person], chat: NamedDependency[Chat]) -> Status:
    """Keep the dialog on top of one's list."""
    await chat.inbox.pin(DialogId(dialog_id), caller.user_id, on=True)
    return Status(status="pinned")


@post("/dialogs/{dialog_id:str}/unpin", status_code=200, tags=["My view of a dialog"])
async def unpin(dialog_id: FromPath[UUID], caller: NamedDependency[Person], chat: NamedDependency[Chat]) -> Status:
    """Let the dialog sink in one's list again."""
    await chat.inbox.pin(DialogId(dialog_id), caller.user_id, on=False)
    return Status(status="unpinned")


class Notifications(Struct, kw_only=True, frozen=True):
    """Whether to be reminded of unread messages."""

    enabled: Annotated[bool, Meta(description="Affects reminders alone; messages arrive either way.")]


@post("/dialogs/{dialog_id:str}/notifications", status_code=200, tags=["My view of a dialog"])
async def switch_notifications(
    dialog_id: FromPath[UUID],
    data: JSONBody[Notifications],
    caller: NamedDependency[Person],
    chat: NamedDependency[Chat],
) -> Status:
    """Be reminded of unread messages, or no longer."""
    await chat.inbox.notify(DialogId(dialog_id), caller.user_id, on=data.enabled)
    return Status(status="enabled" if data.enabled else "disabled")
