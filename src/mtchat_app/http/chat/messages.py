"""A person says things, and reads what was said."""

from typing import Annotated
from uuid import UUID

from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter
from msgspec import UNSET, Meta, Struct, UnsetType, field

from mtchat_app.http.callers import Person
from mtchat_app.http.envelope import Data, described
from mtchat_app.http.limits import MESSAGES
from mtchat_app.http.views import Instant, MessageView, given
from mtchat_core.chat import Chat
from mtchat_core.domain.attachments import MAX_BYTES, MAX_CONTENT_TYPE, MAX_FILENAME, MAX_FILES, MAX_KEY, FileClaim
from mtchat_core.domain.errors import BadRequest
from mtchat_core.domain.ids import DialogId, MessageId
from mtchat_core.domain.messages import Direction, Draft, Edit, Page, Window
from mtchat_core.use_cases.files import Links

Content = Annotated[
    str, described("HTML or plain text, up to 50,000 characters; sanitised before it is kept.", max_length=50_000)
]


class SendFile(Struct, kw_only=True, frozen=True):
    """A file that has been uploaded, exactly as it was announced."""

    s3_key: Annotated[str, described("The key that came with the upload's link.", max_length=MAX_KEY)]
    filename: Annotated[
        str, described("How it shows; folders are cut off.", min_length=1, max_length=MAX_FILENAME)
    ]
    content_type: Annotated[str, described("Its type, as announced.", max_length=MAX_CONTENT_TYPE)]
    size: Annotated[int, described("Bytes, as announced.", minimum=1, maximum=MAX_BYTES)]

    def claim(self) -> FileClaim:
        """Return the file as the message names it."""
        return FileClaim(self.s3_key, self.filename, self.content_type, self.size)


class SendMessage(Struct, kw_only=True, frozen=True):
    """Something to say."""

    content: Content
    reply_to: Annotated[UUID | None, Meta(description="A message of this dialog.")] = None
    client_message_id: Annotated[
        str | None,
        described(
            "1 to 255 visible ASCII characters: makes a retry harmless, for ever.", min_length=1, max_length=255
        ),
    ] = None
    attachments: Annotated[list[SendFile], described("Files, in order.", max_items=MAX_FILES)] = field(
        default_factory=list[SendFile]
    )

    def draft(self, header_key: str | None) -> Draft:
        """Return the draft; the key may come in the body, in Idempotency-Key, or in both alike."""
        if header_key is not None and self.client_message_id not in (None, header_key):
            raise BadRequest("client_message_id and Idempotency-Key differ: send one of them, or the same twice.")
        reply_to = None if self.reply_to is None else MessageId(self.reply_to)
        key = header_key if self.client_message_id is None else self.client_message_id
        files = tuple(file.claim() for file in self.attachments)
        return Draft(self.content, reply_to=reply_to, key=key, files=files)


class EditMessage(Struct, kw_only=True, frozen=True):
    """The new wording."""

    content: Content


class PageView(Struct, kw_only=True, frozen=True):
    """One page of messages, oldest first."""

    messages: Annotated[list[MessageView], Meta(description="Oldest first.")]
    first_unread_message_id: Annotated[
        UUID | UnsetType, Meta(description="The first unread message of this page; absent when nothing is unread.")
    ] = UNSET
    has_more_before: Annotated[bool, Meta(description="Whether there are older ones.")]
    has_more_after: Annotated[bool, Meta(description="Whether there are newer ones.")]

    @classmethod
    def of(cls, page: Page, links: Links) -> "PageView":
        """Show *page*."""
        return cls(
            messages=[MessageView.of(message, links) for message in page.messages],
            first_unread_message_id=given(page.first_unread),
            has_more_before=page.has_more_before,
            has_more_after=page.has_more_after,
        )


class EditView(Struct, kw_only=True, frozen=True):
    """An earlier wording."""

    content: Annotated[str, Meta(description="Sanitised HTML, as it was.")]
    edited_at: Annotated[Instant, Meta(description="When it was replaced.")]

    @classmethod
    def of(cls, edit: Edit) -> "EditView":
        """Show *edit*."""
        return cls(content=edit.content, edited_at=edit.edited_at)


def _window(around: UUID | None, after: UUID | None, before: UUID | None, limit: int) -> Window:
    """Return the window asked for: around beats after beats before."""
    for direction, cursor in (
        (Direction.AROUND, around),
        (Direction.AFTER, after),
        (Direction.BEFORE, before),
    ):
        if cursor is not None:
            return Window(direction, MessageId(cursor), limit)
    return Window(limit=limit)


@get("/dialogs/{dialog_id:str}/messages", tags=["Messages"])
async def list_messages(
    dialog_id: FromPath[UUID],
    caller: NamedDependency[Person],
    chat: NamedDependency[Chat],
    limit: Annotated[int, QueryParameter(description="Messages per page, 1 to 100; others are clamped.")] = 50,
    before: Annotated[UUID | None, QueryParameter(description="The page that ends before this id.")] = None,
    after: Annotated[UUID | None, QueryParameter(description="The page that starts after this id.")] = None,
    around: Annotated[UUID | None, QueryParameter(description="The page around this id.")] = None,
) -> Data[PageView]:
    """Read a page of messages, the newest by default. `around` beats `after` beats `before`."""
    window = _window(around, after, before, limit)
    page = await chat.messages.page(caller.user_id, DialogId(dialog_id), window)
    return Data(PageView.of(page, chat.files.links))


@post("/dialogs/{dialog_id:str}/messages", status_code=200, opt=MESSAGES, tags=["Messages"])
async def send_message(
    dialog_id: FromPath[UUID],
    data: JSONBody[SendMessage],
    caller: NamedDependency[Person],
    chat: NamedDependency[Chat],
    key: Annotated[
        str | None,
        HeaderParameter(name="Idempotency-Key", description="The same as client_message_id, as a header."),
    ] = None,
) -> Data[MessageView]:
    """Say something, with up to 10 files. A repeated request with the same key answers the first message."""
    message = await chat.messages.send(caller.user_id, DialogId(dialog_id), data.draft(key))
    return Data(MessageView.of(message, chat.files.links))


@get("/dialogs/{dialog_id:str}/messages/{message_id:str}", tags=["Messages"])
async def get_message(
    dialog_id: FromPath[UUID],
    message_id: FromPath[UUID],
    caller: NamedDependency[Person],
    chat: NamedDependency[Chat],
) -> Data[MessageView]:
    """Read one message."""
    message = await chat.messages.get(caller.user_id, DialogId(dialog_id), MessageId(message_id))
    return Data(MessageView.of(message, chat.files.links))


@get("/dialogs/{dialog_id:str}/messages/{message_id:str}/history", tags=["Messages"])
async def get_history(
    dialog_id: FromPath[UUID],
    message_id: FromPath[UUID],
    caller: NamedDependency[Person],
    chat: NamedDependency[Chat],
) -> Data[list[EditView]]:
    """Read the earlier wordings of a message, oldest first."""
    edits = await chat.messages.history(caller.user_id, DialogId(dialog_id), MessageId(message_id))
    return Data([EditView.of(edit) for edit in edits])


@put("/dialogs/{dialog_id:str}/messages/{message_id:str}", tags=["Messages"])
async def edit_message(
    dialog_id: FromPath[UUID],
    message_id: FromPath[UUID],
    data: JSONBody[EditMessage],
    caller: NamedDependency[Person],
    chat: NamedDependency[Chat],
) -> Data[MessageView]:
    """Change what one said; the earlier wording stays in the history."""
    edited = await chat.messages.edit(caller.user_id, DialogId(dialog_id), MessageId(message_id), data.content)
    return Data(MessageView.of(edited, chat.files.links))


@delete("/dialogs/{dialog_id:str}/messages/{message_id:str}", status_code=204, tags=["Messages"])
async def delete_message(
    dialog_id: FromPath[UUID],
    message_id: FromPath[UUID],
    caller: NamedDependency[Person],
    chat: NamedDependency[Chat],
) -> None:
    """Delete what one said, for everybody and for good."""
    await chat.messages.delete(caller.user_id, DialogId(dialog_id), MessageId(message_id))
