"""A person reads, and knows what is left."""

from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from mtchat_app.http.callers import Person
from mtchat_app.http.envelope import Data
from mtchat_core.chat import Chat
from mtchat_core.domain.ids import DialogId, MessageId


class MarkRead(Struct, kw_only=True, frozen=True):
    """How far one has read."""

    last_read_message_id: Annotated[UUID, Meta(description="A message of this dialog.")]


class Done(Struct, kw_only=True, frozen=True):
    """It is done."""

    success: Annotated[bool, Meta(description="Always true.")]


class UnreadView(Struct, kw_only=True, frozen=True):
    """Everything unread in dialogs that are not archived."""

    unread_count: Annotated[int, Meta(description="Messages.", ge=0)]
    dialogs_count: Annotated[int, Meta(description="Dialogs with something unread.", ge=0)]


@post("/dialogs/{dialog_id:str}/read", status_code=200, tags=["Read receipts"])
async def mark_read(
    dialog_id: FromPath[UUID],
    data: JSONBody[MarkRead],
    caller: NamedDependency[Person],
    chat: NamedDependency[Chat],
) -> Done:
    """Move one's read mark to a message; it never moves back."""
    await chat.receipts.mark_read(caller.user_id, DialogId(dialog_id), MessageId(data.last_read_message_id))
    return Done(success=True)


@get("/unread", tags=["Read receipts"])
async def unread(caller: NamedDependency[Person], chat: NamedDependency[Chat]) -> Data[UnreadView]:
    """Count everything unread, for a badge."""
    total = await chat.receipts.unread(caller.user_id)
    return Data(UnreadView(unread_count=total.messages, dialogs_count=total.dialogs))
