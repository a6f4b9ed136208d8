"""Dialogs as one person sees them: lists, their order, and what each entry shows."""

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from enum import Enum

from attrs import field, frozen

from mtchat_core.domain import text
from mtchat_core.domain.dialogs import Dialog
from mtchat_core.domain.errors import BadRequest
from mtchat_core.domain.ids import DialogId, MessageId, UserId
from mtchat_core.domain.messages import MessageType
from mtchat_core.domain.participants import JoinedAs, Profile
from mtchat_core.domain.search import fold

MAX_LIST = 100
"""Most dialogs in one answer."""
MAX_SEARCH = 200
MAX_OFFSET = 2**31 - 1


class ScopesRequired(BadRequest):
    """The request only makes sense for somebody who presents scopes."""

    says = (
        "This needs your scopes: send them in the token's scope claim, "
        "or in X-Scope-Config where the service takes scopes from the header."
    )


class Listing(Enum):
    """Which dialogs a list shows."""

    PARTICIPATING = "participating"
    AVAILABLE = "available"


@frozen
class Standing:
    """A participant's own view of a dialog, nobody else's business."""

    unread_count: int
    is_archived: bool
    is_pinned: bool
    notifications_enabled: bool
    last_read_message_id: MessageId | None


@frozen
class Preview:
    """The newest message, as a list shows it. `sender_name` is absent once they have left."""

    id: MessageId
    content: str
    sender_id: UserId | None
    sender_name: str | None
    sent_at: datetime
    type: MessageType
    file_count: int = 0


@frozen
class Summary:
    """Somebody in the dialog, as a list shows them."""

    user_id: UserId
    display_name: str
    company: str | None


@frozen
class Entry:
    """One dialog as one person sees it. `standing` is None for somebody who has not joined."""

    dialog: Dialog
    standing: Standing | None
    admitted: bool
    """Whether one of the dialog's scopes matches the person's."""
    participants: tuple[Summary, ...]
    last_message: Preview | None = None

    @property
    def can_join(self) -> bool:
        """Whether the person may join: not in yet, and admitted by scope."""
        return self.standing is None and self.admitted


@frozen
class Position:
    """A place in a list, to go on after it: pinned first, then the newest activity, then the id."""

    is_pinned: bool
    active_at: datetime
    id: DialogId

    @classmethod
    def of(cls, entry: Entry) -> "Position":
        """Return the place of *entry*."""
        pinned = entry.standing is not None and entry.standing.is_pinned
        return cls(pinned, entry.dialog.active_at, entry.dialog.id)


def _clamp_list(limit: int) -> int:
    return max(1, min(limit, MAX_LIST))


def _clamp_offset(offset: int) -> int:
    return max(0, min(offset, MAX_OFFSET))


def _search(search: str | None) -> str | None:
    return text.optional("search", search, at_most=MAX_SEARCH) or None


@frozen
class Query:
    """What to list: `limit` 1 to 100, from `offset` or, better, `after` a place."""

    search: str | None = field(default=None, converter=_search)
    archived: bool | None = None
    limit: int = field(default=50, converter=_clamp_list)
    offset: int = field(default=0, converter=_clamp_offset)
    after: Position | None = None


def search_line(plain: str | None) -> str:
    """Return a title, a company, or what is looked for in them as they are compared: folded, in one line."""
    return fold(unicodedata.normalize("NFC", (plain or "").replace("\n", " ")))


def search_text(title: str | None, companies: Sequence[str | None]) -> str:
    """Return what a dialog is searched in: its title in the first line, even if empty, then each company once."""
    lines = {search_line(company) for company in companies if company is not None}
    return "\n".join((search_line(title), *sorted(lines)))


def matches(search: str | None, *, title: str | None, companies: Sequence[str | None]) -> bool:
    """Tell whether a title or a participant's company contains *search*, whatever the case, ё as е."""
    return search is None or search_line(search) in search_text(title, companies)


@frozen
class Unread:
    """Everything unread of one person: messages, and the dialogs that hold them."""

    messages: int
    dialogs: int


@frozen
class Seen:
    """One participant as a reader sees them."""

    dialog_id: DialogId
    user_id: UserId
    profile: Profile
    joined_as: JoinedAs
    joined_at: datetime
    last_read_message_id: MessageId | None
    standing: Standing
    is_online: bool = False


@frozen
class People:
    """Everybody in a dialog, and whether the reader is in or could be."""

    is_participant: bool
    admitted: bool
    seen: tuple[Seen, ...]


@frozen
class Access:
    """Why a person can or cannot see and join a dialog, for a host that wonders."""

    is_participant: bool
    scopes_given: bool
    scopes_required: bool
    admitted: bool

    @property
    def can_see(self) -> bool:
        """Whether the person can open the dialog's card."""
        return self.is_participant or self.admitted

    @property
    def can_read(self) -> bool:
        """Whether the person can read messages."""
        return self.is_participant

    @property
    def can_join(self) -> bool:
        """Whether the person could join right now."""
        return not self.is_participant and self.admitted

    def explain(self) -> str:
        """Say it in a sentence."""
        if self.is_participant:
            return "Takes part in the dialog: sees it, reads and writes; no need to join."
        if not self.scopes_required:
            return "Does not take part, and the dialog has no access scopes: add the person to let them in."
        if not self.scopes_given:
            return "Does not take part, and no scopes were given to match against the dialog's access scopes."
        if self.admitted:
            return "Does not take part, but the scopes match: sees the dialog as available and can join."
        return "Does not take part, and no access scope matches: all three levels must match in one scope."
