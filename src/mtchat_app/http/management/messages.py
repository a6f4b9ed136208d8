"""The host speaks in a dialog: as a person, or in the system's voice."""

from typing import Annotated, Any
from uuid import UUID

from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody
from msgspec import Meta, Struct

from mtchat_app.http.envelope import Data, described
from mtchat_app.http.views import MessageView
from mtchat_core.chat import Chat
from mtchat_core.domain.errors import InvalidInput
from mtchat_core.domain.ids import DialogId, MessageId, user_id
from mtchat_core.domain.messages import Draft
from mtchat_core.domain.system_messages import Notice, business_event, notice


class PostMessage(Struct, kw_only=True, frozen=True):
    """What the host says: give `sender_id` and `content`, or `event`, or `text` alone."""

    sender_id: Annotated[str | None, Meta(description="The participant to speak as.")] = None
    content: Annotated[
        str | None, described("HTML or plain text, up to 50,000 characters; with sender_id.", max_length=50_000)
    ] = None
    reply_to: Annotated[UUID | None, Meta(description="A message of this dialog; with sender_id.")] = None
    event: Annotated[
        str | None,
        Meta(
            description="A business event that clients put into words, like `order.confirmed`: a-z, 0-9, _ and ."
        ),
    ] = None
    params: Annotated[dict[str, Any] | None, Meta(description="What fills the sentence; with event.")] = None
    text: Annotated[
        str | None,
        Meta(description="Plain words: alone as a notice, or with event where a client knows no sentence."),
    ] = None

    def draft(self, key: str | None) -> Draft:
        """Return what to say as a person."""
        reply_to = None if self.reply_to is None else MessageId(self.reply_to)
        return Draft(self.content or "", reply_to=reply_to, key=key)

    def notice(self) -> Notice:
        """Return what to say in the system's voice."""
        if self.event is not None:
            return business_event(self.event, self.params or {}, said=self.text)
        if self.text is not None:
            return notice(self.text)
        raise InvalidInput("Say something: give sender_id and content, or event, or text.")


@post("/dialogs/{dialog_id:str}/messages", status_code=200, tags=["Messages"])
async def post_message(
    dialog_id: FromPath[UUID],
    data: JSONBody[PostMessage],
    chat: NamedDependency[Chat],
    key: Annotated[
        str | None,
        HeaderParameter(
            name="Idempotency-Key", description="1 to 255 visible ASCII characters: makes a retry harmless."
        ),
    ] = None,
) -> Data[MessageView]:
    """Say something as a participant, or tell everybody what happened to the business object."""
    dialog = DialogId(dialog_id)
    if data.sender_id is not None:
        if data.event is not None or data.text is not None:
            raise InvalidInput("sender_id goes with content; event and text are the system's voice.")
        message = await chat.messages.post(user_id(data.sender_id, field="sender_id"), dialog, data.draft(key))
    else:
        message = await chat.messages.announce(dialog, data.notice(), key=key)
    return Data(MessageView.of(message, chat.files.links))
