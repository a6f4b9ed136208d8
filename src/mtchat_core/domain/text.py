"""What counts as text: one validator for every string, whichever way it came in."""

import re

from mtchat_core.domain.errors import InvalidInput

_UNCLEAN = re.compile("[\x00\ud800-\udfff]")


def is_clean(text: str) -> bool:
    """Tell whether *text* can be kept and shown: no NUL, no lone surrogate."""
    return _UNCLEAN.search(text) is None


def required(field: str, text: str, *, at_most: int) -> str:
    """Return *text* if it is clean, not empty and at most *at_most* characters long.

    Raises:
        InvalidInput: naming *field* and the rule, never the text.
    """
    if not text:
        raise InvalidInput(f"{field} must not be empty.")
    return bounded(field, text, at_most=at_most)


def bounded(field: str, text: str, *, at_most: int) -> str:
    """Return *text* if it is clean and at most *at_most* characters (code points) long.

    Raises:
        InvalidInput: naming *field* and the rule, never the text.
    """
    if not is_clean(text):
        raise InvalidInput(f"{field} contains a character that can't be stored (U+0000 or a lone surrogate).")
    if len(text) > at_most:
        raise InvalidInput(f"{field} is too long: at most {at_most} characters, got {len(text)}.")
    return text


def optional(field: str, text: str | None, *, at_most: int) -> str | None:
    """Like `bounded`, and None stays None."""
    return None if text is None else bounded(field, text, at_most=at_most)
