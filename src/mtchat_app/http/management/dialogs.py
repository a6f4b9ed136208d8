"""The host creates, finds, changes and deletes dialogs."""

from typing import Annotated, Any
from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter
from msgspec import UNSET, Meta, Struct, UnsetType

from mtchat_app.http.cursors import read_place, write_place
from mtchat_app.http.envelope import Data, Listed, described
from mtchat_app.http.management.participants import Person, invitation
from mtchat_app.http.management.scopes import Scope
from mtchat_app.http.views import DialogView, ParticipantView, ScopeView, dialog_fields
from mtchat_core.chat import Chat
from mtchat_core.domain.dialogs import About, about, object_ref
from mtchat_core.domain.ids import DialogId, user_id
from mtchat_core.domain.inbox import Access
from mtchat_core.domain.scopes import UserScope
from mtchat_core.ports.dialogs import Details, Place
from mtchat_core.use_cases.dialogs import NewDialog

ObjectId = Annotated[str, described("1 to 255 characters, compared exactly.", min_length=1, max_length=255)]
ObjectType = Annotated[str, described("1 to 100 characters, compared exactly.", min_length=1, max_length=100)]
Title = Annotated[str | None, described("Up to 500 characters.", max_length=500)]
ObjectUrl = Annotated[str | None, described("An absolute http(s) link, up to 2048 characters.", max_length=2048)]
MetaJson = Annotated[Any, Meta(description="Any JSON up to 16 KiB and 20 levels; stored, never searched.")]


class CreateDialog(Struct, kw_only=True, frozen=True):
    """A new conversation about a business object."""

    object_id: ObjectId
    object_type: ObjectType
    title: Title = None
    object_url: ObjectUrl = None
    participants: Annotated[
        list[str | Person], Meta(description="Up to 1000 people, maybe none; a plain string is a user_id.")
    ]
    access_scopes: Annotated[
        list[Scope], Meta(description="Up to 100; without any, only the host lets people in.")
    ] = []
    meta: MetaJson = None

    def wanted(self) -> NewDialog:
        """Return the dialog as the domain knows it."""
        return NewDialog(
            object=object_ref(self.object_type, self.object_id),
            about=about(self.title, self.object_url, self.meta),
            people=tuple(invitation(person) for person in self.participants),
            scopes=tuple(scope.access() for scope in self.access_scopes),
        )


class SearchDialog(Struct, kw_only=True, frozen=True):
    """Which dialog to find: same object, same set of scopes."""

    object_id: ObjectId
    object_type: ObjectType
    access_scopes: Annotated[list[Scope], Meta(description="Exactly these, in any order; [] for none.")] = []


class ChangeDialog(Struct, kw_only=True, frozen=True):
    """What to change; absent keys stay as they are, null clears."""

    title: Title | UnsetType = UNSET
    object_url: ObjectUrl | UnsetType = UNSET
    meta: MetaJson = UNSET

    def of(self, kept: About) -> About:
        """Return *kept* with the changes."""
        return about(
            kept.title if self.title is UNSET else self.title,
            kept.object_url if self.object_url is UNSET else self.object_url,
            kept.meta if self.meta is UNSET else self.meta,
        )


class DetailsView(DialogView, kw_only=True, frozen=True):
    """A dialog with everybody in it and its scopes."""

    participants: Annotated[list[ParticipantView], Meta(description="Everybody in it, by the time they came.")]
    access_scopes: Annotated[list[ScopeView], Meta(description="Who may discover and join it.")]

    @classmethod
    def detailed(cls, details: Details) -> "DetailsView":
        """Show *details*."""
        dialog = details.dialog
        return cls(
            **dialog_fields(dialog),
            participants=[ParticipantView.of(p, p.mark.unread(dialog.tally)) for p in details.participants],
            access_scopes=[ScopeView.of(dialog.id, kept) for kept in details.scopes],
        )


class AccessView(Struct, kw_only=True, frozen=True):
    """Why a person can or cannot see, read and join a dialog."""

    user_id: Annotated[str, Meta(description="The person asked about.")]
    is_participant: Annotated[bool, Meta(description="Whether they take part.")]
    scopes_match: Annotated[bool, Meta(description="Whether one access scope matches what they hold.")]
    can_see: Annotated[bool, Meta(description="Whether they can open the dialog's card.")]
    can_read: Annotated[bool, Meta(description="Whether they can read messages.")]
    can_join: Annotated[bool, Meta(description="Whether they could join right now.")]
    explanation: Annotated[str, Meta(description="The same in a sentence.")]

    @classmethod
    def of(cls, user: str, access: Access) -> "AccessView":
        """Show *access*."""
        return cls(
            user_id=user,
            is_participant=access.is_participant,
            scopes_match=access.admitted,
            can_see=access.can_see,
            can_read=access.can_read,
            can_join=access.can_join,
            explanation=access.explain(),
        )


@post("/dialogs", status_code=200, tags=["Dialogs"])
async def create_dialog(
    data: JSONBody[CreateDialog],
    chat: NamedDependency[Chat],
    key: Annotated[
        str | None,
        HeaderParameter(
            name="Idempotency-Key",
            description="1 to 255 visible ASCII characters: for 24 h a repeated request answers the first dialog.",
        ),
    ] = None,
) -> Data[DialogView]:
    """Create a dialog about a business object, with its people and scopes; all or nothing."""
    return Data(DialogView.of(await chat.dialogs.create(data.wanted(), key=key)))


@post("/dialogs/search", status_code=200, tags=["Dialogs"])
async def search_dialog(data: JSONBody[SearchDialog], chat: NamedDependency[Chat]) -> Data[DialogView | None]:
    """Find the newest dialog of an object with exactly these scopes; null when there is none."""
    scopes = [scope.access() for scope in data.access_scopes]
    found = await chat.dialogs.find(object_ref(data.object_type, data.object_id), scopes)
    return Data(DialogView.of(found) if found else None)


@get("/dialogs", tags=["Dialogs"])
async def list_dialogs(
    chat: NamedDependency[Chat],
    object_type: Annotated[str | None, QueryParameter(description="Only this kind of object.")] = None,
    object_id: Annotated[str | None, QueryParameter(description="Only this object.")] = None,
    limit: Annotated[int, QueryParameter(description="Dialogs per page, 1 to 100; others are clamped.")] = 50,
    cursor: Annotated[str | None, QueryParameter(description="next_cursor of the page before.")] = None,
) -> Listed[DialogView]:
    """List dialogs, newest first."""
    after = None if cursor is None else read_place(cursor)
    limit = max(1, min(limit, 100))
    found = await chat.dialogs.page(object_type=object_type, object_id=object_id, limit=limit, after=after)
    last = found[-1] if len(found) == limit else None
    return Listed(
        [DialogView.of(dialog) for dialog in found],
        next_cursor=write_place(Place(last.created_at, last.id)) if last else None,
    )


@get("/dialogs/{dialog_id:str}", tags=["Dialogs"])
async def get_dialog(dialog_id: FromPath[UUID], chat: NamedDependency[Chat]) -> Data[DetailsView]:
    """Show a dialog with everybody in it and its scopes."""
    return Data(DetailsView.detailed(await chat.dialogs.get(DialogId(dialog_id))))


@patch("/dialogs/{dialog_id:str}", tags=["Dialogs"])
async def change_dialog(
    dialog_id: FromPath[UUID], data: JSONBody[ChangeDialog], chat: NamedDependency[Chat]
) -> Data[DialogView]:
    """Change title, link or meta; people in the dialog see it live."""
    return Data(DialogView.of(await chat.dialogs.describe(DialogId(dialog_id), data.of)))


@delete("/dialogs/{dialog_id:str}", status_code=204, tags=["Dialogs"])
async def delete_dialog(dialog_id: FromPath[UUID], chat: NamedDependency[Chat]) -> None:
    """Delete a dialog and everything in it for good; an unknown one changes nothing."""
    await chat.dialogs.delete(DialogId(dialog_id))


@get("/dialogs/{dialog_id:str}/access", tags=["Access scopes"])
async def explain_access(
    dialog_id: FromPath[UUID],
    chat: NamedDependency[Chat],
    user: Annotated[str, QueryParameter(name="user_id", description="The person to explain.")],
    scope_level0: Annotated[
        list[str] | None, QueryParameter(description="What they hold; repeat the key.")
    ] = None,
    scope_level1: Annotated[
        list[str] | None, QueryParameter(description="What they hold; repeat the key.")
    ] = None,
    scope_level2: Annotated[
        list[str] | None, QueryParameter(description="What they hold; repeat the key.")
    ] = None,
) -> Data[AccessView]:
    """Explain whether a person can see, read and join a dialog, and why."""
    levels = (scope_level0, scope_level1, scope_level2)
    held = None if levels == (None, None, None) else UserScope([level or [] for level in levels])
    access = await chat.dialogs.access(DialogId(dialog_id), user_id(user), held)
    return Data(AccessView.of(user, access))
