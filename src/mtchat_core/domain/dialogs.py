"""A conversation about one business object of the host."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from math import isfinite
from urllib.parse import urlsplit

from attrs import evolve, field, frozen

from mtchat_core.domain import text
from mtchat_core.domain.errors import ChatError, InvalidInput, Kind
from mtchat_core.domain.ids import MAX_EXTERNAL_ID, DialogId, MessageId, UserId

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]

MAX_OBJECT_TYPE = 100
MAX_TITLE = 500
MAX_OBJECT_URL = 2048
MAX_META_BYTES = 16 * 1024
MAX_META_DEPTH = 20


class DialogNotFound(ChatError):
    """A person asks for a dialog that does not exist."""

    code, kind = "DIALOG_NOT_FOUND", Kind.MISSING
    says = "There is no such dialog."


class NotFound(ChatError):
    """The host asks for a dialog that does not exist."""

    code, kind = "NOT_FOUND", Kind.MISSING
    says = "There is no such dialog."


@frozen
class ObjectRef:
    """The business object a dialog is about, as the host names it: compared exactly."""

    type: str
    id: str


def object_ref(object_type: str, object_id: str) -> ObjectRef:
    """Build a reference from what a caller sent.

    Raises:
        InvalidInput: empty, `object_type` over 100 or `object_id` over 255 characters.
    """
    return ObjectRef(
        type=text.required("object_type", object_type, at_most=MAX_OBJECT_TYPE),
        id=text.required("object_id", object_id, at_most=MAX_EXTERNAL_ID),
    )


def _as_json(meta: Json) -> str:
    # To Python, 1 equals True; to the host's JSON it does not.
    return json.dumps(meta, sort_keys=True)


@frozen
class About:
    """What a host may say about a dialog and change later."""

    title: str | None = None
    object_url: str | None = None
    meta: Json = field(default=None, eq=_as_json)


def about(title: str | None, object_url: str | None, meta: Json) -> About:
    """Check what a host says about a dialog.

    Raises:
        InvalidInput: a title over 500 characters, a link that is not http(s) or over 2048
            characters, a `meta` over 16 KiB or nested deeper than 20.
    """
    return About(text.optional("title", title, at_most=MAX_TITLE), _link(object_url), _meta(meta))


@frozen
class Tally:
    """The numbers a dialog carries, so that unread counts never need a scan.

    `last_seq` numbers messages, `event_seq` numbers events; neither has gaps. `user_messages`
    and `system_messages` count what exists now; `last_message_*` names the newest that exists.
    """

    last_seq: int = 0
    event_seq: int = 0
    user_messages: int = 0
    system_messages: int = 0
    last_message_id: MessageId | None = None
    last_message_at: datetime | None = None


@frozen
class Dialog:
    """A conversation about a business object, and the numbers that go with it."""

    id: DialogId
    object: ObjectRef
    about: About
    created_by: UserId | None
    created_at: datetime
    tally: Tally = Tally()

    @property
    def active_at(self) -> datetime:
        """When something last happened here: the newest message, else the creation."""
        return self.tally.last_message_at or self.created_at

    def described(self, about: About) -> "Dialog":
        """Return the dialog with another title, link and meta."""
        return evolve(self, about=about)


def _link(url: str | None) -> str | None:
    if url is None:
        return None
    text.bounded("object_url", url, at_most=MAX_OBJECT_URL)
    try:
        parts = urlsplit(url)
        is_link = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_link = False
    if not is_link or any(c <= " " or c == "\\" or c == "\x7f" for c in url):
        raise InvalidInput("object_url must be an absolute http:// or https:// link without blanks.")
    return url


def _meta(meta: Json) -> Json:
    storable("meta", meta)
    if len(json.dumps(meta, ensure_ascii=False).encode()) > MAX_META_BYTES:
        raise InvalidInput(f"meta is too large: at most {MAX_META_BYTES} bytes of JSON.")
    return meta


def storable(field: str, value: Json, *, depth: int = 1) -> None:
    """Refuse JSON that can't be kept and given back.

    Raises:
        InvalidInput: unclean text, a number that is not finite, or more than 20 levels, naming *field*.
    """
    if isinstance(value, str):
        text.bounded(field, value, at_most=len(value))
        return
    if isinstance(value, float) and not isfinite(value):
        raise InvalidInput(f"{field} contains a number JSON has no words for (NaN or an infinity).")
    if not isinstance(value, (Mapping, Sequence)):
        return
    if depth > MAX_META_DEPTH:
        raise InvalidInput(f"{field} is nested too deeply: at most {MAX_META_DEPTH} levels.")
    children = [*value, *value.values()] if isinstance(value, Mapping) else value
    for child in children:
        storable(field, child, depth=depth + 1)
