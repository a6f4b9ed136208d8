"""The dialog's own voice: what happened, as compact JSON that clients put into words."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping

from attrs import frozen

from mtchat_core.domain import text
from mtchat_core.domain.dialogs import Json, storable
from mtchat_core.domain.errors import InvalidInput
from mtchat_core.domain.ids import DialogId
from mtchat_core.domain.participants import Profile

MAX_NOTICE = 10_000
"""Longest system text or business event, in characters of JSON."""
_EVENT = re.compile(r"[a-z][a-z0-9_.]{0,99}")
_OURS = frozenset({"chat_created", "participant_joined", "participant_left"})


def chat_created(people: Iterable[Profile]) -> str:
    """Say that the host opened the dialog for *people*."""
    return _compact({"event": "chat_created", "participants": [_person(p) for p in people]})


def participant_joined(person: Profile) -> str:
    """Say that a person joined; the company is always there, maybe empty."""
    return _compact({"event": "participant_joined", "name": person.display_name, "company": person.company or ""})


def participant_left(person: Profile) -> str:
    """Say that a person left."""
    return _compact({"event": "participant_left", "name": person.display_name})


@frozen
class Notice:
    """What a host says in the system's voice, as the message will carry it."""

    content: str

    def fingerprint(self, dialog: DialogId) -> bytes:
        """Return 16 bytes that differ for another notice or dialog."""
        return hashlib.blake2b(f"{dialog}\n{self.content}".encode(), digest_size=16).digest()


def business_event(event: str, params: Mapping[str, Json], *, said: str | None = None) -> Notice:
    """Say that something happened to the business object.

    *event* is the host's own name for it (`order.confirmed`), *params* fill the client's
    localised sentence, *said* is shown where a client knows no sentence.

    Raises:
        InvalidInput: a malformed or reserved name, what can't be stored, or over 10,000 characters
            altogether.
    """
    if not _EVENT.fullmatch(event):
        raise InvalidInput("event must be 1 to 100 of a-z, 0-9, '_' and '.', starting with a letter.")
    if event in _OURS:
        raise InvalidInput("event must not be one of MTChat's own: " + ", ".join(sorted(_OURS)) + ".")
    storable("params", params)
    content: dict[str, Json] = {"event": event, **({"params": params} if params else {})}
    if said is not None:
        content["text"] = text.bounded("text", said, at_most=MAX_NOTICE)
    return Notice(text.bounded("The event", _compact(content), at_most=MAX_NOTICE))


def notice(said: str) -> Notice:
    """Say *said* in the system's voice.

    Raises:
        InvalidInput: blank, what can't be stored, or over 10,000 characters.
    """
    if not text.bounded("text", said, at_most=MAX_NOTICE).strip():
        raise InvalidInput("text must not be blank.")
    return Notice(text.bounded("The text", _compact({"event": "notice", "text": said}), at_most=MAX_NOTICE))


def _person(person: Profile) -> dict[str, Json]:
    return {
        "name": person.display_name,
        **({"company": person.company} if person.company is not None else {}),
    }


def _compact(content: Mapping[str, Json]) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
