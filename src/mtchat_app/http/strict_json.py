"""JSON as RFC 8259 means it, and no more: what one parser reads, every parser reads alike."""

import json
from collections.abc import Iterable
from typing import Any, cast

from mtchat_app.http.errors import WrongShape
from mtchat_core.domain.errors import BadRequest, InvalidInput

MAX_DEPTH = 64
"""Deepest nesting of arrays and objects."""
_MAX_DIGITS = 20
_INT64 = range(-(2**63), 2**63)


def read(document: bytes) -> Any:
    """Return the value of a JSON *document* in strict UTF-8.

    Raises:
        BadRequest: not UTF-8, not JSON, NaN or a number too large for a float, a lone surrogate,
            or nested deeper than 64.
        WrongShape: an object names a key twice, or a whole number does not fit into 64 bits.
        InvalidInput: a string holds U+0000.
    """
    try:
        text = document.decode()
    except UnicodeDecodeError:
        raise BadRequest("The JSON is not valid UTF-8.") from None
    try:
        value = _decode(text)
    except json.JSONDecodeError as error:
        raise BadRequest(f"The JSON is not valid: line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        raise _too_deep() from None
    if document.count(b"[") + document.count(b"{") > MAX_DEPTH:
        _require_shallow(value)
    if "\\u" in text:
        _require_clean(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise WrongShape("An object in the JSON names the same key twice.")
    return found


def _whole(digits: str) -> int:
    if len(digits) <= _MAX_DIGITS and (number := int(digits)) in _INT64:
        return number
    raise WrongShape("A whole number in the JSON does not fit into 64 bits.")


def _decimal(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise BadRequest("A number in the JSON is too large.")
    return number


def _constant(_: str) -> Any:
    raise BadRequest("The JSON is not valid: NaN and Infinity are not JSON.")


_decode = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_whole, parse_float=_decimal, parse_constant=_constant
).decode


def _too_deep() -> BadRequest:
    return BadRequest(f"The JSON is nested deeper than {MAX_DEPTH}.")


def _require_shallow(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in _children(node)]
    if any(isinstance(node, dict | list) for node in level):
        raise _too_deep()


def _children(node: Any) -> Iterable[Any]:
    """Return what *node* holds, keys aside; a scalar holds nothing."""
    if isinstance(node, dict):
        return cast("dict[str, Any]", node).values()
    return cast("Iterable[Any]", node if isinstance(node, list) else ())


def _require_clean(value: Any) -> None:
    """Look at every string; only escapes can hide what neither UTF-8 nor JSON lets through bare."""
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            _require_clean_text(node)
            continue
        if isinstance(node, dict):
            waiting += cast("dict[str, Any]", node)
        waiting += _children(node)


def _require_clean_text(text: str) -> None:
    if "\x00" in text:
        raise InvalidInput("The JSON contains a character that can't be stored (U+0000).")
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise BadRequest("The JSON contains a lone surrogate.")
