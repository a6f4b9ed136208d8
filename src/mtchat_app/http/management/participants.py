"""The host adds and removes people."""

from typing import Annotated
from uuid import UUID

from litestar import MediaType, delete, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from mtchat_app.http.envelope import Data, described
from mtchat_core.chat import Chat
from mtchat_core.domain.ids import DialogId, user_id
from mtchat_core.domain.participants import MAX_PARTICIPANTS_PER_CALL, Invitation, nameless, profile


class Person(Struct, kw_only=True, frozen=True):
    """Somebody to take part."""

    user_id: Annotated[str, described("1 to 255 characters, compared exactly.", min_length=1, max_length=255)]
    display_name: Annotated[
        str | None,
        described("1 to 200 characters, not blank; the user_id when absent.", min_length=1, max_length=200),
    ] = None
    company: Annotated[str | None, described("Up to 200 characters.", max_length=200)] = None
    email: Annotated[str | None, described("Up to 254 characters.", max_length=254)] = None
    phone: Annotated[str | None, described("Up to 50 characters.", max_length=50)] = None

    def invitation(self) -> Invitation:
        """Return the person as the domain knows them."""
        user = user_id(self.user_id)
        name = nameless(user).display_name if self.display_name is None else self.display_name
        return Invitation(user, profile(name, self.company, self.email, self.phone))


class People(Struct, kw_only=True, frozen=True):
    """Several people to add at once."""

    participants: Annotated[
        list[str | Person],
        Meta(description=f"Up to {MAX_PARTICIPANTS_PER_CALL} people; a plain string is a user_id."),
    ]


class Added(Struct, kw_only=True, frozen=True):
    """Who is new; whoever took part already is left as they were."""

    added: Annotated[list[str], Meta(description="User ids.")]


def invitation(person: str | Person) -> Invitation:
    """Return a person of a list, given as an object or as a plain user id."""
    return (Person(user_id=person) if isinstance(person, str) else person).invitation()


@post("/dialogs/{dialog_id:str}/participants", status_code=201, media_type=MediaType.TEXT, tags=["Participants"])
async def add_participant(dialog_id: FromPath[UUID], data: JSONBody[Person], chat: NamedDependency[Chat]) -> None:
    """Add a person with nothing unread. Somebody who takes part already is left as they are."""
    await chat.participants.add(DialogId(dialog_id), [data.invitation()])


@post("/dialogs/{dialog_id:str}/participants/batch", status_code=200, tags=["Participants"])
async def add_participants(
    dialog_id: FromPath[UUID], data: JSONBody[People], chat: NamedDependency[Chat]
) -> Data[Added]:
    """Add many people at once, all or none."""
    added = await chat.participants.add(DialogId(dialog_id), [invitation(p) for p in data.participants])
    return Data(Added(added=list(added)))


@delete("/dialogs/{dialog_id:str}/participants/{participant_id:str}", status_code=204, tags=["Participants"])
async def remove_participant(
    dialog_id: FromPath[UUID], participant_id: FromPath[str], chat: NamedDependency[Chat]
) -> None:
    """Remove a person; somebody who is not there changes nothing."""
    await chat.participants.remove(DialogId(dialog_id), user_id(participant_id))
