"""Who asks: a person at the chat's doors, the host at the management's."""

import binascii
import hashlib
import hmac
from base64 import b64decode
from ipaddress import IPv6Address
from typing import Self, cast

from attrs import frozen
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.types import Scope

from mtchat_app.http import parameters, strict_json, trace
from mtchat_app.http.errors import DoorError, TokenExpired, Unauthorized
from mtchat_app.http.identity import Identity, Verifier, read_scopes
from mtchat_app.http.limits import Buckets, Limits
from mtchat_app.http.parameters import Connection, Pairs, header, read_query
from mtchat_app.settings import Settings
from mtchat_core.domain.errors import BadRequest, ChatError, Forbidden
from mtchat_core.domain.ids import UserId, user_id
from mtchat_core.domain.scopes import MAX_VALUE_LENGTH, MAX_VALUES, UserScope

_BEARER = b"Bearer "
_PERSON = "mtchat_person"


@frozen
class Person:
    """Who asks, and what they hold. `scopes` is read where a route asks for it (`SCOPED`) and may be absent.

    `expires_at` is when their token ends, in Unix seconds; None where it never does.
    """

    user_id: UserId
    scopes: UserScope | None = None
    expires_at: float | None = None


def person_at(scope: Scope) -> Person:
    """Return the person whom the chat's guard let in."""
    return cast(Person, scope["state"][_PERSON])


@frozen
class Callers:
    """Who is let in at both doors. Path and query are read here too, so that every check has its place.

    The order: who, on whose behalf, with which scopes, path, query; then come the body and the route.
    """

    verifier: Verifier | None
    """None where tokens are not checked."""
    trusts_query: bool
    """Insecure: without tokens, `user_id` in the query is believed."""
    reads_scope_header: bool
    admin_digests: tuple[bytes, ...]
    is_management_open: bool
    socket_origins: frozenset[bytes]
    failures: Buckets
    """Failed authentications by address. Valid tokens never look at them: nobody can shut others out."""
    limits: Limits | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Callers":
        """Return the guards that *settings* describe."""
        return cls(
            verifier=Verifier.of(settings),
            trusts_query=settings.allow_insecure_user_id and not settings.is_jwt_on,
            reads_scope_header=settings.scope_source == "header",
            admin_digests=tuple(_digest(token.encode()) for token in settings.admin_tokens),
            is_management_open=settings.allow_open_management and not settings.admin_tokens,
            socket_origins=frozenset(origin.encode() for origin in settings.ws_allowed_origins),
            failures=Buckets(settings.auth_failures_rps, settings.auth_failures_burst),
            limits=Limits.of(settings),
        )

    def __deepcopy__(self, _memo: object) -> Self:
        """Stay one: Litestar copies a router with its guards, and what is remembered must not split."""
        return self

    async def person(self, connection: Connection, _handler: BaseRouteHandler | None = None) -> None:
        """Let a person in, over HTTP or at a socket's handshake.

        Raises:
            Unauthorized: no token that counts here.
            Forbidden: the query names somebody else, or a socket comes from a page that may not.
            BadRequest: identity, scopes, path or query can't be read.
            RateLimited: too many requests.
        """
        scope = connection.scope
        is_socket = connection.scope["type"] == ScopeType.WEBSOCKET
        if is_socket:
            self._check_origin(scope)
        try:
            identity = await self._identify(scope, is_socket=is_socket)
        except TokenExpired:
            # It was good once, so that nobody has guessed it.
            self._count(_address(connection))
            raise
        except Unauthorized:
            self._fail(connection)
            raise
        trace.of(scope).user_id = identity.user_id
        asked = connection.route_handler.opt
        self._count(("user", identity.user_id), cast("str | None", asked.get("budget")))
        scopes = self._scopes(scope, identity) if asked.get("reads_scopes") else None
        scope["state"][_PERSON] = Person(identity.user_id, scopes, identity.expires_at)
        parameters.check(connection)

    async def admin(self, connection: Connection, _handler: BaseRouteHandler | None = None) -> None:
        """Let the host in.

        Raises:
            Unauthorized: no bearer token.
            Forbidden: not one of the admin tokens.
            BadRequest: path or query can't be read.
            RateLimited: too many requests.
        """
        try:
            if not self.is_management_open:
                self._check_admin(_bearer(connection.scope))
        except (Unauthorized, Forbidden):
            self._fail(connection)
            raise
        self._count(("host", *_address(connection)))
        parameters.check(connection)

    def _check_admin(self, token: bytes) -> None:
        given = _digest(token)
        # Every token is compared, so that the time taken tells nothing.
        if not sum(hmac.compare_digest(given, known) for known in self.admin_digests):
            raise Forbidden("Forbidden: this is not the admin token.")

    def _check_origin(self, scope: Scope) -> None:
        origin = header(scope, b"origin")
        if self.socket_origins and origin is not None and origin not in self.socket_origins:
            raise Forbidden("Forbidden: pages of this origin may not open a socket here.")

    async def _identify(self, scope: Scope, *, is_socket: bool) -> Identity:
        if self.verifier is not None:
            if is_socket:
                pairs = read_query(scope["query_string"])
                token = _first(pairs, "token").encode()
            else:
                token = _bearer(scope)
            identity = await self.verifier.verify(token)
            _require_same(read_query(scope["query_string"]), identity.user_id)
            return identity
        if not self.trusts_query:
            raise Unauthorized
        names = ("user_id",) if is_socket else ("user_id", "sender_id")
        return Identity(_claimed(_first(read_query(scope["query_string"]), *names)))

    def _scopes(self, scope: Scope, identity: Identity) -> UserScope | None:
        if not self.reads_scope_header:
            return identity.scopes
        value = header(scope, b"x-scope-config")
        # What is not visible ASCII counts as absent, as it did in the original.
        return (
            None if value is None or not all(0x20 <= byte < 0x7F for byte in value) else _read_scope_header(value)
        )

    def _fail(self, connection: Connection) -> None:
        address = _address(connection)
        self.failures.take(address)
        self._count(address)

    def _count(self, who: tuple[str, ...], budget: str | None = None) -> None:
        if self.limits is not None:
            self.limits.take(who, budget)


def _bearer(scope: Scope) -> bytes:
    value = header(scope, b"authorization")
    if value is None or not value.startswith(_BEARER):
        raise Unauthorized
    return value[len(_BEARER) :]


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()


def _first(pairs: Pairs, *names: str) -> str:
    return next((value for name, value in pairs if name in names), "")


def _require_same(pairs: Pairs, user: UserId) -> None:
    """A query may repeat who one is; it never changes it."""
    if any(name in ("user_id", "sender_id") and value != user for name, value in pairs):
        raise Forbidden("Forbidden: user_id names somebody else than the token.")


def _claimed(value: str) -> UserId:
    if not value:
        raise BadRequest("user_id is missing from the query.")
    try:
        return user_id(value)
    except ChatError as error:
        raise BadRequest(error.message) from None


def _read_scope_header(value: bytes) -> UserScope:
    try:
        return read_scopes(strict_json.read(b64decode(value, validate=True)))
    except (binascii.Error, ChatError, DoorError):
        raise BadRequest(
            "X-Scope-Config must be standard base64 of a JSON object with lists of text, scope_level0 to "
            f"scope_level2: at most {MAX_VALUES} labels each, of {MAX_VALUE_LENGTH} characters."
        ) from None


def _address(connection: Connection) -> tuple[str, str]:
    """Return where the caller is; one customer has a whole /64 of IPv6 (RFC 6177), and counts once."""
    host = connection.client.host if connection.client else ""
    if ":" not in host:
        return "address", host
    try:
        return "address", IPv6Address(host.partition("%")[0]).exploded[:19]
    except ValueError:
        return "address", host
