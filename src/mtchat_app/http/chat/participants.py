"""A person joins, leaves, and sees who is there."""

from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from mtchat_app.http.callers import Person
from mtchat_app.http.chat.inbox import Status
from mtchat_app.http.envelope import Data, described
from mtchat_app.http.limits import MEMBERSHIP
from mtchat_app.http.parameters import SCOPED
from mtchat_app.http.views import ParticipantView
from mtchat_core.chat import Chat
from mtchat_core.domain.errors import InvalidInput
from mtchat_core.domain.ids import DialogId
from mtchat_core.domain.participants import Profile, nameless, profile


class Join(Struct, kw_only=True, frozen=True):
    """How one shows in the dialog."""

    display_name: Annotated[str, described("1 to 200 characters, not blank.", min_length=1, max_length=200)]
    company: Annotated[str, described("Up to 200 characters, maybe empty.", max_length=200)]
    email: Annotated[str | None, described("Up to 254 characters; shared with participants.", max_length=254)] = (
        None
    )
    phone: Annotated[str | None, described("Up to 50 characters; shared with participants.", max_length=50)] = None

    def profile(self) -> Profile:
        """Return the profile as the domain knows it."""
        return profile(self.display_name, self.company, self.email, self.phone)


class Joined(Struct, kw_only=True, frozen=True):
    """One is in."""

    status: Annotated[str, Meta(description="`joined`.")]
    dialog_id: Annotated[UUID, Meta(description="The dialog one is in now.")]


@post("/dialogs/{dialog_id:str}/join", status_code=200, opt=SCOPED | MEMBERSHIP, tags=["Participants"])
async def join(
    dialog_id: FromPath[UUID],
    caller: NamedDependency[Person],
    chat: NamedDependency[Chat],
    data: JSONBody[Join | None] = None,
) -> Joined:
    """Join a dialog whose scopes match one's own. Without a body one shows by user id alone."""
    try:
        shown = data.profile() if data else nameless(caller.user_id)
    except InvalidInput:
        await chat.participants.require_joinable(DialogId(dialog_id), caller.user_id, caller.scopes)
        raise
    await chat.participants.join(DialogId(dialog_id), caller.user_id, caller.scopes, shown)
    return Joined(status="joined", dialog_id=dialog_id)


@post("/dialogs/{dialog_id:str}/leave", status_code=200, opt=MEMBERSHIP, tags=["Participants"])
async def leave(dialog_id: FromPath[UUID], caller: NamedDependency[Person], chat: NamedDependency[Chat]) -> Status:
    """Leave a dialog. What one wrote stays."""
    await chat.participants.leave(DialogId(dialog_id), caller.user_id)
    return Status(status="left")


@get("/dialogs/{dialog_id:str}/participants", opt=SCOPED, tags=["Participants"])
async def list_participants(
    dialog_id: FromPath[UUID], caller: NamedDependency[Person], chat: NamedDependency[Chat]
) -> Data[list[ParticipantView]]:
    """Show who is in, by the time they came. Contacts are for participants only."""
    people = await chat.participants.seen_by(caller.user_id, caller.scopes, DialogId(dialog_id))
    return Data([ParticipantView.seen(person) for person in people])
