"""What a request says besides its body: path, query and headers, read once and strictly.

Litestar would read both more kindly than we promise, and only after the body; `check` therefore
runs as part of each door's guard and leaves behind values that Litestar can only agree with.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, cast, get_args, get_origin
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from attrs import frozen
from litestar.connection import ASGIConnection
from litestar.enums import ParamType
from litestar.exceptions import ImproperlyConfiguredException
from litestar.handlers import BaseRouteHandler
from litestar.params import ParameterKwarg
from litestar.types import Scope

from mtchat_core.domain.errors import BadRequest

Connection = ASGIConnection[Any, Any, Any, Any]
Pairs = tuple[tuple[str, str], ...]

SCOPED: Final = {"reads_scopes": True}
"""Route option: the route looks at the caller's scopes."""

SLASH_IN_SEGMENT: Final = "\x00"
"""Stands for an encoded slash while routing; the front refuses a real U+0000 before that."""

_HYPHENATED = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_UUID = re.compile(rf"(?:urn:uuid:)?{_HYPHENATED}|\{{{_HYPHENATED}\}}|[0-9a-fA-F]{{32}}")
_WHOLE = re.compile(r"([+-]?)0*([0-9]+)")
_BIGGEST = str(2**63 - 1)


def header(scope: Scope, name: bytes) -> bytes | None:
    """Return the first header of that (lower-case) name."""
    for key, value in scope["headers"]:
        if key == name:
            return value
    return None


@lru_cache(1024)
def read_query(query: bytes) -> Pairs:
    """Return the pairs of a query string in order; `+` is a blank (WHATWG URL, section 5.1).

    Raises:
        BadRequest: not UTF-8, or U+0000 in it.
    """
    try:
        pairs = tuple(parse_qsl(query.decode(), keep_blank_values=True, errors="strict"))
    except UnicodeDecodeError:
        raise BadRequest("The query is not valid UTF-8.") from None
    if any("\x00" in name or "\x00" in value for name, value in pairs):
        raise BadRequest("The query contains a character that can't be stored (U+0000).")
    return pairs


def read_uuid(text: str) -> UUID | None:
    """Return the UUID: hyphenated, 32 digits, in braces or as a URN (RFC 9562); None if it is none."""
    return UUID(text) if _UUID.fullmatch(text) else None


def check(connection: Connection) -> None:
    """Read path and query as the route declares them.

    Raises:
        BadRequest: naming the parameter, never its value.
    """
    scope = connection.scope
    plan = plan_of(scope["route_handler"])
    if scope["path_params"]:
        # A new dict: Litestar shares the old one between requests of the same path.
        given = scope["path_params"].items()
        scope["path_params"] = {name: _path_value(plan, name, value) for name, value in given}
    query = scope["query_string"]
    if query or plan.required:
        pairs = read_query(query)
        if missing := plan.required.difference(name for name, _ in pairs):
            raise BadRequest(f"{min(missing)} is missing from the query.")
        clean = tuple(_clean(plan, pairs))
        if clean != pairs or not query.isascii():
            scope["query_string"] = urlencode(clean).encode()


@frozen
class Plan:
    """What one route takes: path parts that are UUIDs, a reader for each key of the query, keys it asks for."""

    uuids: frozenset[str]
    query: dict[str, Callable[[str], str | None]]
    repeatable: frozenset[str]
    required: frozenset[str]


@lru_cache(1024)
def plan_of(handler: BaseRouteHandler) -> Plan:
    """Work out what *handler* takes from its signature.

    Raises:
        ImproperlyConfiguredException: it wants something a query can't say.
    """
    uuids: set[str] = set()
    query: dict[str, Callable[[str], str | None]] = {}
    repeatable: set[str] = set()
    required: set[str] = set()
    dependencies = handler.resolve_dependencies()
    for field in handler.parsed_fn_signature.parameters.values():
        definition = field.kwarg_definition
        if field.name in dependencies or not isinstance(definition, ParameterKwarg):
            continue
        name = definition.name or field.name
        if definition.param_type is ParamType.PATH and field.annotation is UUID:
            uuids.add(name)
        elif definition.param_type is ParamType.QUERY:
            kind = _without_none(field.annotation)
            if get_origin(kind) is list:
                repeatable.add(name)
                kind = get_args(kind)[0]
            query[name] = _reader(kind)
            if not field.has_default:
                required.add(name)
    return Plan(frozenset(uuids), query, frozenset(repeatable), frozenset(required))


def _path_value(plan: Plan, name: str, value: str) -> str:
    text = value.replace(SLASH_IN_SEGMENT, "/")
    if name not in plan.uuids:
        return text
    if (uuid := read_uuid(text)) is None:
        raise BadRequest(f"{name} in the address must be a UUID.")
    return str(uuid)


def _clean(plan: Plan, pairs: Pairs) -> list[tuple[str, str]]:
    clean: list[tuple[str, str]] = []
    seen: set[str] = set()
    for name, value in pairs:
        if (reader := plan.query.get(name)) is None:
            continue
        if name in seen and name not in plan.repeatable:
            raise BadRequest(f"{name} must not come twice in the query.")
        seen.add(name)
        if (read := reader(value)) is None:
            raise BadRequest(f"{name} in the query has a value it can't have.")
        clean.append((name, read))
    return clean


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) not in (Union, UnionType):
        return annotation
    kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
    return kinds[0] if len(kinds) == 1 else annotation


def _reader(kind: Any) -> Callable[[str], str | None]:
    if kind is str:
        return str
    if kind is int:
        return _read_whole
    if kind is UUID:
        return lambda text: None if (uuid := read_uuid(text)) is None else str(uuid)
    if kind is bool:
        return lambda text: text if text in ("true", "false") else None
    if get_origin(kind) is Literal:
        words = frozenset(cast("tuple[str, ...]", get_args(kind)))
        return lambda text: text if text in words else None
    raise ImproperlyConfiguredException(f"A query can't carry {kind!r}.")


def _read_whole(text: str) -> str | None:
    """Return a whole number within 64 bits; one beyond becomes the nearest, so that clamping it goes on."""
    if not (found := _WHOLE.fullmatch(text)) or not text.isascii():
        return None
    sign, digits = found.groups()
    if len(digits) > len(_BIGGEST) or (len(digits) == len(_BIGGEST) and digits > _BIGGEST):
        digits = _BIGGEST
    return f"-{digits}" if sign == "-" else digits
