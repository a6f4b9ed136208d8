"""Which pages of other origins may call us (Fetch standard, section 3.2)."""

import re
from typing import Self

from attrs import frozen

from mtchat_app.settings import Settings

Headers = list[tuple[bytes, bytes]]

_EXPLICIT = b"Authorization, Content-Type, Idempotency-Key, X-Request-Id, X-Scope-Config"
"""Named where a browser does not ask: `*` does not cover Authorization."""
_EXPOSED = (b"access-control-expose-headers", b"X-Request-Id, Retry-After")
_VARY = (b"vary", b"Origin")
_VARY_PREFLIGHT = (b"vary", b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
_NAMES = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+( *, *[!#$%&'*+.^_`|~0-9A-Za-z-]+)*")


@frozen
class Cors:
    """The answer to "may this page?", as headers."""

    origins: frozenset[bytes] | None
    """Who may; None lets everybody."""
    methods: bytes
    headers: bytes | None
    """What they may send; None repeats what they ask for."""
    with_credentials: bool
    max_age: bytes

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what *settings* say."""
        origins, names = settings.cors_allowed_origins, settings.cors_allowed_headers
        return cls(
            origins=None if origins == ("*",) else frozenset(origin.encode() for origin in origins),
            methods=", ".join(settings.cors_allowed_methods).encode(),
            headers=None if names == ("*",) else ", ".join(names).encode(),
            with_credentials=settings.cors_allow_credentials,
            max_age=str(settings.cors_max_age).encode(),
        )

    def for_answer(self, origin: bytes | None) -> Headers:
        """Return the headers of an ordinary answer."""
        if self.origins is None:
            return [(b"access-control-allow-origin", b"*"), _EXPOSED]
        if origin is None or origin not in self.origins:
            return [_VARY]
        return [*self._allowed(origin), _EXPOSED, _VARY]

    def for_preflight(self, origin: bytes | None, asked: bytes | None) -> Headers:
        """Return the headers of the answer to OPTIONS; *asked* is Access-Control-Request-Headers."""
        if self.origins is None:
            allowed: Headers = [(b"access-control-allow-origin", b"*")]
        elif origin is not None and origin in self.origins:
            allowed = self._allowed(origin)
        else:
            return [_VARY_PREFLIGHT]
        mirrored = asked if asked is not None and _NAMES.fullmatch(asked) else _EXPLICIT
        return [
            *allowed,
            (b"access-control-allow-methods", self.methods),
            (b"access-control-allow-headers", self.headers or mirrored),
            (b"access-control-max-age", self.max_age),
            _VARY_PREFLIGHT,
        ]

    def _allowed(self, origin: bytes) -> Headers:
        headers = [(b"access-control-allow-origin", origin)]
        if self.with_credentials:
            headers.append((b"access-control-allow-credentials", b"true"))
        return headers
