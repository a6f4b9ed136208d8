"""Links to a storage that has no server of its own: signed here, checked where they arrive.

A link says everything that may be done through it; a signature over all of it (HMAC-SHA256, RFC 2104)
keeps it as it was made.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal
from urllib.parse import quote, urlencode

from attrs import field, frozen

from mtchat_core.domain.errors import ChatError, Kind

Pairs = Sequence[tuple[str, str]]
Purpose = Literal["get", "put", "part"]

_NAMES: Mapping[Purpose, frozenset[str]] = {
    "get": frozenset({"inline", "name", "type", "until"}),
    "put": frozenset({"size", "type", "until"}),
    "part": frozenset({"part", "size", "until", "upload"}),
}
_SIGNATURE = "signature"


class LinkRefused(ChatError):
    """The link was not made here for this, or what is sent is not what it was made for."""

    code, kind = "FORBIDDEN", Kind.DENIED
    says = "Forbidden: this link is not good for that."


class LinkExpired(ChatError):
    """The link was good once; a fresh one can be had."""

    code, kind = "LINK_EXPIRED", Kind.DENIED
    says = "Forbidden: the link has expired."


class LinkUsed(ChatError):
    """Something was uploaded through the link already, and stays as it is."""

    code, kind = "LINK_USED", Kind.DENIED
    says = "Forbidden: the link has served already."


@frozen
class Signer:
    """Makes and reads links below *base*, an address that ends with a slash."""

    base: str
    secret: bytes = field(repr=False)

    def link(self, purpose: Purpose, key: str, *, until: datetime, **said: str) -> str:
        """Return a link that is good until a moment, to the second."""
        pairs = sorted({**said, "until": str(int(until.timestamp()))}.items())
        signature = self._signature(purpose, key, pairs)
        return f"{self.base}{quote(key)}?{urlencode([*pairs, (_SIGNATURE, signature)], quote_via=quote)}"

    def read(self, purpose: Purpose, key: str, pairs: Pairs, *, at: datetime) -> dict[str, str]:
        """Return what a link says, if it is one of ours and still good.

        Raises:
            LinkRefused: it is none, or was made for something else.
            LinkExpired: it no longer is.
        """
        said = dict(pairs)
        given = said.pop(_SIGNATURE, "")
        wanted = self._signature(purpose, key, sorted(said.items()))
        is_ours = hmac.compare_digest(given.encode(), wanted.encode())
        if not is_ours or said.keys() != _NAMES[purpose] or len(pairs) != len(said) + 1:
            raise LinkRefused
        if at.timestamp() >= int(said["until"]):
            raise LinkExpired
        return said

    def _signature(self, purpose: str, key: str, pairs: Pairs) -> str:
        # Encoded, so that no value can pass for another name or for its neighbour.
        text = f"{purpose}\n{quote(key)}\n{urlencode(pairs)}"
        digest = hmac.digest(self.secret, text.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
