"""Finding what was said: what is searched, what counts as found, and what of it a result shows.

A message is searched as a reader sees it, without its markup, whatever the case. Guide:
docs/guide/chat.md, "Search".
"""

import unicodedata
from datetime import datetime

from attrs import field, frozen

from mtchat_core.domain import markup, text
from mtchat_core.domain.dialogs import ObjectRef
from mtchat_core.domain.errors import InvalidInput
from mtchat_core.domain.ids import DialogId, MessageId, UserId

MAX_WANTED = 200
"""Longest text to search for, in characters."""
MAX_HITS = 100
"""Most hits in one answer."""
SNIPPET = 160
"""Longest piece of a message that a hit shows, in characters; what is searched for may make it longer."""
_BEFORE = 40
_CUT = "…"

_ALIKE = str.maketrans("ёЁ", "еЕ")
"""Letters that people leave out the dots of."""


def fold(plain: str) -> str:
    """Return *plain* text as it is compared: whatever the case, ё as е, as many characters as before.

    Character *n* of the result stands for character *n* of the text. A letter whose other case is
    several letters (ß) stays as it is.
    """
    plain = plain.translate(_ALIKE)
    folded = plain.casefold()
    return folded if len(folded) == len(plain) else "".join(map(_fold_one, plain))


def _fold_one(character: str) -> str:
    return next((c for c in (character.casefold(), character.lower()) if len(c) == 1), character)


def shown_text(html: str) -> str:
    """Return what a reader sees of safe *html* in one line, its letters composed (Unicode NFC)."""
    return unicodedata.normalize("NFC", markup.visible_text(html))


def search_text(html: str) -> str:
    """Return what a message of safe *html* is searched in."""
    return fold(shown_text(html))


def _wanted(wanted: str) -> str:
    one_line = " ".join(text.required("q", wanted.strip(), at_most=MAX_WANTED).split())
    if not markup.is_visible(one_line):
        raise InvalidInput("q must show some text.")
    return fold(unicodedata.normalize("NFC", one_line))


def _clamp_hits(limit: int) -> int:
    return max(1, min(limit, MAX_HITS))


@frozen
class Search:
    """What to look for: `wanted`, of 1 to 200 characters, anywhere or in one dialog; 1 to 100 hits.

    One character is enough, as it may be a whole word (水). `upto` is the place to go on from.
    """

    wanted: str = field(converter=_wanted)
    dialog: DialogId | None = None
    limit: int = field(default=20, converter=_clamp_hits)
    upto: MessageId | None = None


@frozen
class Match:
    """Where a snippet holds what was searched for: characters (code points) from 0, and how many."""

    start: int
    length: int


@frozen
class Snippet:
    """A piece of a message around the first match, as plain text; `…` stands for what is cut off."""

    text: str
    matches: tuple[Match, ...]

    @classmethod
    def of(cls, html: str, wanted: str) -> "Snippet":
        """Return the piece of safe *html* that shows where it holds *wanted*, as `Search` has it."""
        shown = shown_text(html)
        first = max(0, fold(shown).find(wanted))
        start = _start_of_word(shown, first)
        end = max(start + SNIPPET, first + len(wanted))
        before, after = _CUT if start > 0 else "", _CUT if end < len(shown) else ""
        piece = shown[start:end]
        return cls(before + piece + after, tuple(_matches(fold(piece), wanted, len(before))))


def _start_of_word(shown: str, first: int) -> int:
    """Return where a piece begins that shows what comes before *first*, best at the start of a word."""
    if first <= _BEFORE:
        return 0
    earliest = first - _BEFORE
    blank = shown.find(" ", earliest, first)
    return earliest if blank < 0 else blank + 1


def _matches(folded: str, wanted: str, offset: int) -> list[Match]:
    found: list[Match] = []
    at = folded.find(wanted)
    while at >= 0:
        found.append(Match(at + offset, len(wanted)))
        at = folded.find(wanted, at + len(wanted))
    return found


@frozen
class Hit:
    """A message that holds what was searched for, and where to jump to."""

    dialog_id: DialogId
    message_id: MessageId
    seq: int
    sender_id: UserId
    sender_name: str
    sent_at: datetime
    snippet: Snippet
    title: str | None
    object: ObjectRef


@frozen
class Found:
    """Hits, the newest first, and the place to go on from; None when everything was searched.

    With a place to go on from there may be fewer hits than asked for, even none: so far had been
    searched when the work for one request was done.
    """

    hits: tuple[Hit, ...]
    upto: MessageId | None = None
