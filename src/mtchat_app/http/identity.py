"""Who a token speaks for (RFC 7519), checked with the host's keys and nothing the token itself proposes."""

import asyncio
import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit
from urllib.request import url2pathname

import httpx
import msgspec
import structlog
from attrs import define, field, frozen
from jwt import PyJWS, PyJWTError
from msgspec import Struct

from mtchat_app import keys
from mtchat_app.http import strict_json
from mtchat_app.http.errors import DoorError, TokenExpired, Unauthorized
from mtchat_app.keys import Key
from mtchat_app.settings import Settings
from mtchat_core.domain import text
from mtchat_core.domain.errors import BadRequest, ChatError, ServiceUnavailable
from mtchat_core.domain.ids import UserId, user_id
from mtchat_core.domain.scopes import MAX_VALUE_LENGTH, MAX_VALUES, UserScope

MAX_TOKEN_BYTES = 8 * 1024
LEEWAY_SECONDS = 60
"""How far clocks may differ."""
MAX_CACHED = 10_000
MAX_CACHED_SECONDS = 300
"""A token is looked at again after this long, so that a withdrawn key ends it."""

_log = structlog.get_logger()
_jws = PyJWS(algorithms=["HS256", "RS256", "ES256", "EdDSA"])


@frozen
class Identity:
    """What a token says: who, with which scopes, and until when (Unix seconds, None: for ever)."""

    user_id: UserId
    scopes: UserScope | None = None
    expires_at: float | None = None


class _Scopes(Struct):
    scope_level0: list[str] = []
    scope_level1: list[str] = []
    scope_level2: list[str] = []


def read_scopes(document: object) -> UserScope:
    """Return the scopes a token or header holds: an object with up to three lists of labels.

    Raises:
        BadRequest: another shape, over 100 labels on a level, or a label over 255 characters.
    """
    try:
        said = msgspec.convert(document, _Scopes)
    except msgspec.ValidationError:
        raise BadRequest(
            "Scopes are an object with lists of text: scope_level0, scope_level1, scope_level2."
        ) from None
    levels = (said.scope_level0, said.scope_level1, said.scope_level2)
    if any(len(level) > MAX_VALUES for level in levels):
        raise BadRequest(f"A scope level holds at most {MAX_VALUES} values.")
    if not all(len(label) <= MAX_VALUE_LENGTH and text.is_clean(label) for level in levels for label in level):
        raise BadRequest(f"A scope value is at most {MAX_VALUE_LENGTH} characters, without U+0000.")
    return UserScope(levels)


@define
class KeySet:
    """The keys of a JWKS address (RFC 7517), fetched when needed and kept a while.

    When the address does not answer, the keys last seen stay good.
    """

    url: str
    transport: httpx.AsyncBaseTransport | None = None
    clock: Callable[[], float] = time.monotonic
    _keys: tuple[Key, ...] | None = field(default=None, init=False)
    _fetched_at: float = field(default=-math.inf, init=False)
    _tried_at: float = field(default=-math.inf, init=False)
    _fetching: asyncio.Lock = field(factory=asyncio.Lock, init=False)

    LIFE_SECONDS = 600
    """How long keys count as fresh."""
    PATIENCE_SECONDS = 10
    """Shortest time between two fetches, whatever tokens ask for."""
    TIMEOUT_SECONDS = 3
    MAX_BYTES = 1024 * 1024

    async def matching(self, algorithm: str, kid: str | None) -> list[Key]:
        """Return the keys that may have signed; an unknown *kid* is worth a fetch, but not too often.

        Raises:
            ServiceUnavailable: no keys could ever be fetched.
        """
        if self.clock() - self._fetched_at > self.LIFE_SECONDS:
            await self._refresh()
        found = self._known(algorithm, kid)
        if not found:
            await self._refresh()
            found = self._known(algorithm, kid)
        if self._keys is None:
            raise ServiceUnavailable(
                "The keys to check tokens with can't be fetched right now. Try again shortly."
            )
        return found

    def _known(self, algorithm: str, kid: str | None) -> list[Key]:
        return [
            key
            for key in self._keys or ()
            if key.algorithm == algorithm and (kid is None or key.kid in (None, kid))
        ]

    async def _refresh(self) -> None:
        async with self._fetching:
            if self.clock() - self._tried_at < self.PATIENCE_SECONDS:
                return
            self._tried_at = self.clock()
            try:
                document = strict_json.read(await self._fetch())
                entries = cast("list[object]", document["keys"])
                self._keys = tuple(key for entry in entries if (key := keys.of_jwk(entry)) is not None)
            except (httpx.HTTPError, OSError, ValueError, LookupError, TypeError, ChatError, DoorError) as error:
                _log.warning("the key set could not be read", kind=type(error).__name__)
                return
            self._fetched_at = self._tried_at

    async def _fetch(self) -> bytes:
        if self.url.startswith("file:"):
            return await asyncio.to_thread(Path(url2pathname(urlsplit(self.url).path)).read_bytes)
        async with (
            asyncio.timeout(self.TIMEOUT_SECONDS),
            httpx.AsyncClient(transport=self.transport, timeout=self.TIMEOUT_SECONDS) as client,
            client.stream("GET", self.url) as answer,
        ):
            answer.raise_for_status()
            document = b""
            async for chunk in answer.aiter_bytes():
                document += chunk
                if len(document) > self.MAX_BYTES:
                    raise ValueError("too large")
            return document


@frozen
class Rules:
    """What a token must say besides being signed."""

    user_id_claim: str = "sub"
    scope_claim: str = "scopes"
    audience: frozenset[str] = frozenset()
    issuer: str | None = None
    must_expire: bool = False


@define
class Verifier:
    """Turn a token into an identity, or refuse it. Tokens once found good are remembered for a while."""

    keys: tuple[Key, ...]
    key_set: KeySet | None = None
    rules: Rules = field(factory=Rules)
    now: Callable[[], float] = time.time
    _good: OrderedDict[bytes, tuple[Identity, float]] = field(
        factory=lambda: OrderedDict[bytes, tuple[Identity, float]](), init=False
    )

    @classmethod
    def of(cls, settings: Settings) -> "Verifier | None":
        """Return a verifier with the keys of *settings*, or None when tokens are not checked."""
        if not settings.is_jwt_on:
            return None
        found = [keys.of_secret(secret) for secret in settings.jwt_secrets]
        if settings.jwt_public_key:
            found.append(keys.of_pem(settings.jwt_public_key))
        return cls(
            tuple(found),
            KeySet(settings.jwt_jwks_url) if settings.jwt_jwks_url else None,
            Rules(
                user_id_claim=settings.jwt_user_id_claim,
                scope_claim=settings.jwt_scope_claim,
                audience=frozenset(settings.jwt_audience),
                issuer=settings.jwt_issuer,
                must_expire=settings.jwt_require_exp,
            ),
        )

    async def verify(self, token: bytes) -> Identity:
        """Return who *token* speaks for.

        Raises:
            TokenExpired: its time is over.
            Unauthorized: it does not count here, for whatever reason.
            ServiceUnavailable: the keys could not be fetched.
        """
        if len(token) > MAX_TOKEN_BYTES:
            raise Unauthorized
        digest = hashlib.sha256(token).digest()
        now = self.now()
        if (known := self._good.get(digest)) is not None:
            if now < known[1]:
                self._good.move_to_end(digest)
                return known[0]
            del self._good[digest]
        identity = self._identity(await self._claims(token), now)
        over = math.inf if identity.expires_at is None else identity.expires_at + LEEWAY_SECONDS
        self._good[digest] = identity, min(over, now + MAX_CACHED_SECONDS)
        if len(self._good) > MAX_CACHED:
            self._good.popitem(last=False)
        return identity

    async def _claims(self, token: bytes) -> Mapping[str, Any]:
        """Return the claims of a well-signed token; each key is tried with its own algorithm alone."""
        try:
            header = _jws.get_unverified_header(token)
        except (PyJWTError, ValueError, RecursionError):
            raise Unauthorized from None
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or "crit" in header or "b64" in header:
            raise Unauthorized
        candidates = [key for key in self.keys if key.algorithm == algorithm]
        if self.key_set is not None and algorithm != "HS256":
            candidates += await self.key_set.matching(algorithm, kid if isinstance(kid, str) else None)
        for key in candidates:
            try:
                payload = _jws.decode(token, key.material, algorithms=[key.algorithm])
            except (PyJWTError, ValueError):
                continue
            return _read_claims(payload)
        raise Unauthorized

    def _identity(self, claims: Mapping[str, Any], now: float) -> Identity:
        rules = self.rules
        expires_at = _instant(claims, "exp")
        if expires_at is None and rules.must_expire:
            raise Unauthorized("The token must say when it expires (exp).")
        if expires_at is not None and now >= expires_at + LEEWAY_SECONDS:
            raise TokenExpired
        not_before = _instant(claims, "nbf")
        if not_before is not None and now < not_before - LEEWAY_SECONDS:
            raise Unauthorized("The token is not valid yet (nbf).")
        if rules.issuer is not None and claims.get("iss") != rules.issuer:
            raise Unauthorized("The token comes from another issuer (iss).")
        if rules.audience and not rules.audience & _texts(claims.get("aud")):
            raise Unauthorized("The token is meant for somebody else (aud).")
        return Identity(self._user(claims), self._scopes(claims), expires_at)

    def _user(self, claims: Mapping[str, Any]) -> UserId:
        name = self.rules.user_id_claim
        value = claims.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        try:
            if isinstance(value, str) and value.strip():
                return user_id(value)
        except ChatError:
            pass
        raise Unauthorized(f"The claim {name} must name a person: text of 1 to 255 characters, or a whole number.")

    def _scopes(self, claims: Mapping[str, Any]) -> UserScope | None:
        name = self.rules.scope_claim
        if claims.get(name) is None:
            return None
        try:
            return read_scopes(claims[name])
        except BadRequest as error:
            raise Unauthorized(f"The claim {name} can't be used. {error.message}") from None


def _read_claims(payload: bytes) -> Mapping[str, Any]:
    try:
        claims = strict_json.read(payload)
    except (ChatError, DoorError):
        raise Unauthorized from None
    if not isinstance(claims, dict):
        raise Unauthorized
    return cast("dict[str, Any]", claims)


def _instant(claims: Mapping[str, Any], name: str) -> float | None:
    """Return a NumericDate claim; absent is None, anything but a number is refused."""
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise Unauthorized(f"The claim {name} must be a number.")


def _texts(value: object) -> frozenset[str]:
    values = cast("list[object]", value) if isinstance(value, list) else [value]
    return frozenset(entry for entry in values if isinstance(entry, str))
