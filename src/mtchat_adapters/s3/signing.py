"""Links that a storage honours without our being asked: signed here, with botocore's own signer alone."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from attrs import define, field
from botocore.auth import SIGV4_TIMESTAMP, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials


@define
class Signer:
    """Signs links to what is kept in one bucket.

    *base* is the URL that a slash and a key follow, its host as browsers name it.
    """

    base: str
    region: str
    credentials: ReadOnlyCredentials
    _host: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._host = urlsplit(self.base).netloc

    def link(
        self,
        method: str,
        key: str,
        *,
        at: datetime,
        ttl: timedelta,
        query: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Return a link for *method* with exactly these *headers*; whoever follows it must send them so."""
        request: Any = AWSRequest(
            method=method,
            url=f"{self.base}/{quote(key, safe='/-_.~')}",
            headers={"host": self._host, **(headers or {})},
            params=dict(query),
        )
        auth = S3SigV4QueryAuth(self.credentials, "s3", self.region, int(ttl.total_seconds()))
        return _signed(auth, request, at)


def _signed(auth: Any, request: Any, at: datetime) -> str:
    """Do what the signer's own `add_auth` does, at a moment that is given, and without a log of what is signed."""
    request.context["timestamp"] = at.astimezone(UTC).strftime(SIGV4_TIMESTAMP)
    auth._modify_request_before_signing(request)
    canonical = auth.canonical_request(request)
    signature = auth.signature(auth.string_to_sign(request, canonical), request)
    auth._inject_signature_to_request(request, signature)
    return str(request.url)
