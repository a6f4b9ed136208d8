"""The host says who may discover and join a dialog."""

from typing import Annotated
from uuid import UUID

from litestar import put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Meta, Struct, UnsetType

from mtchat_app.http.envelope import Data
from mtchat_app.http.views import ScopeView
from mtchat_core.chat import Chat
from mtchat_core.domain.ids import DialogId
from mtchat_core.domain.scopes import MAX_SCOPES, MAX_VALUES, AccessScope, access_scope

Labels = Annotated[
    list[str], Meta(description=f"Up to {MAX_VALUES} labels of up to 255 characters; empty welcomes anyone.")
]


class Scope(Struct, kw_only=True, frozen=True):
    """Three levels of labels. A person gets in when every level is empty or shares a label."""

    scope_level0: Labels | UnsetType = UNSET
    scope_level1: Labels = []
    scope_level2: Labels = []
    tenant_uid: Annotated[
        str | None, Meta(description="Older way to say `scope_level0: [tenant_uid]`, used when level 0 is absent.")
    ] = None

    def access(self) -> AccessScope:
        """Return the scope as the domain knows it."""
        if self.scope_level0 is UNSET and self.tenant_uid is not None:
            named, tenant_uid = [self.tenant_uid], self.tenant_uid
        else:
            named, tenant_uid = [] if self.scope_level0 is UNSET else self.scope_level0, None
        return access_scope(named, self.scope_level1, self.scope_level2, tenant_uid=tenant_uid)


class ReplaceScopes(Struct, kw_only=True, frozen=True):
    """The new list of scopes; `[]` closes the dialog to newcomers."""

    access_scopes: Annotated[list[Scope], Meta(description=f"Up to {MAX_SCOPES} scopes.")]


@put("/dialogs/{dialog_id:str}/access-scopes", tags=["Access scopes"])
async def replace_scopes(
    dialog_id: FromPath[UUID], data: JSONBody[ReplaceScopes], chat: NamedDependency[Chat]
) -> Data[list[ScopeView]]:
    """Replace who may discover and join. People who are in stay in."""
    kept = await chat.dialogs.set_scopes(DialogId(dialog_id), [scope.access() for scope in data.access_scopes])
    return Data([ScopeView.of(dialog_id, scope) for scope in kept])
