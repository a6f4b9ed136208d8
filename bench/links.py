"""Making links to files: P18."""

import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from urllib.parse import quote

from bench.rows import Goal, Row
from bench.stage import Stage, Stopwatch
from mtchat_adapters.s3.bucket import Bucket, connect

ROWS = ("P18",)
_HOST, _BUCKET, _REGION, _ID, _SECRET = "files.example.com", "files", "us-east-1", "AKIDBENCH", "a secret"
_AT, _TTL = datetime(2026, 1, 1, tzinfo=UTC), timedelta(hours=1)
_TOLD = {
    "response-content-disposition": 'attachment; filename="plan.pdf"',
    "response-content-type": "application/pdf",
}


async def measure(stage: Stage, wanted: frozenset[str]) -> AsyncIterator[Row]:
    """Make links to download by turns, ours, by hand, and with all of the library."""
    assert wanted
    count, bucket = stage.sizes.links, Bucket(_BUCKET, _REGION, f"https://{_HOST}", None, _ID, _SECRET)
    rates: dict[str, list[float]] = {"ours": [], "by hand": [], "library": []}
    async with connect(bucket, patience=timedelta(seconds=1)) as connection:
        signer, client = connection.signer, connection.client

        def ours(number: int) -> str:
            return signer.link("GET", _key(number), at=_AT, ttl=_TTL, query=_TOLD)

        assert ours(7) == _by_hand(7)
        with Stopwatch(f"P18: {stage.sizes.rounds} x 3 x {count} links"):
            for _ in range(stage.sizes.rounds):
                rates["ours"].append(_rate(ours, count))
                rates["by hand"].append(_rate(_by_hand, count))
                began = time.perf_counter()
                for number in range(count):
                    await client.generate_presigned_url(
                        "get_object", {"Bucket": _BUCKET, "Key": _key(number)}, 3600
                    )
                rates["library"].append(count / (time.perf_counter() - began))
    best = {name: max(seen) for name, seen in rates.items()}
    yield Row(
        "P18",
        "links to download, signed by botocore's signer alone",
        "the same by hand, hashlib and hmac",
        "links/s",
        best["ours"],
        best["by hand"],
        Goal("higher", 0.2),
        {
            "us/link": 1e6 / best["ours"],
            "by the library's own generate_presigned_url, us/link": 1e6 / best["library"],
        },
    )


def _rate(make: Callable[[int], str], count: int) -> float:
    began = time.perf_counter()
    for number in range(count):
        make(number)
    return count / (time.perf_counter() - began)


def _key(number: int) -> str:
    return f"dialogs/018f0000-0000-7000-8000-000000000000/{number:032x}.pdf"


def _by_hand(number: int) -> str:
    """Return the same link, signed with nothing that is not needed for it."""
    stamp = _AT.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{_REGION}/s3/aws4_request"
    query = "&".join(
        [
            "X-Amz-Algorithm=AWS4-HMAC-SHA256",
            f"X-Amz-Credential={quote(f'{_ID}/{scope}', safe='')}",
            f"X-Amz-Date={stamp}",
            f"X-Amz-Expires={int(_TTL.total_seconds())}",
            "X-Amz-SignedHeaders=host",
        ]
    )
    told = "&".join(f"{name}={quote(value, safe='')}" for name, value in _TOLD.items())
    path = f"/{_BUCKET}/{_key(number)}"
    canonical = f"GET\n{path}\n{query}&{told}\nhost:{_HOST}\n\nhost\nUNSIGNED-PAYLOAD"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    signature = hmac.digest(
        _signing_key(stamp[:8]), f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}".encode(), "sha256"
    )
    return f"https://{_HOST}{path}?{told}&{query}&X-Amz-Signature={signature.hex()}"


@cache
def _signing_key(day: str) -> bytes:
    key = f"AWS4{_SECRET}".encode()
    for step in (day, _REGION, "s3", "aws4_request"):
        key = hmac.digest(key, step.encode(), "sha256")
    return key
