"""What is wrong with a bucket, and what to do about it: asked as we ask, and as a browser does."""

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import aiohttp
from attrs import frozen
from botocore.exceptions import BotoCoreError, ClientError

from mtchat_adapters.s3.breaker import code
from mtchat_adapters.s3.bucket import PREFIX, Bucket, Connection, connect
from mtchat_core.domain.errors import InvalidInput

PATIENCE = timedelta(seconds=5)
TOLERABLE_SKEW = timedelta(seconds=60)
"""Storages tolerate 15 minutes; a clock that is a minute wrong will be there one day."""

_BODY, _TYPE = b"mtchat doctor", "text/plain"
_LINK_TTL = timedelta(minutes=5)
_ANYBODY = "https://chat.example"
"""A site to ask for where any may come."""
_POWERLESS = "The storage's keys are good, and may not do enough: docs/guide/files.md has the least policy."
_NOWHERE = "There is no bucket of this name. Create it, or check S3_BUCKET."
_OFTEN_WRONG = {
    "InvalidAccessKeyId": "The storage does not know S3_ACCESS_KEY_ID. Is it mistyped, or another account's?",
    "SignatureDoesNotMatch": "S3_SECRET_ACCESS_KEY does not belong to S3_ACCESS_KEY_ID. Set both, from one pair.",
    "AccessDenied": _POWERLESS,
    "ExpiredToken": "The machine's own keys have expired. See what renews them: its role, or its environment.",
    "NoSuchBucket": _NOWHERE,
}
_FAILURES = (ClientError, BotoCoreError, OSError, TimeoutError)


@frozen
class Remark:
    """One thing looked at."""

    says: str
    is_fine: bool = True
    is_fatal: bool = False


def cors(origins: Sequence[str]) -> str:
    """Return the rules a bucket needs, so that pages of *origins* may upload; JSON."""
    rule = {
        "AllowedOrigins": list(origins),
        "AllowedMethods": ["PUT", "GET", "HEAD"],
        "AllowedHeaders": ["content-type"],
        "MaxAgeSeconds": 3600,
    }
    return json.dumps({"CORSRules": [rule]})


async def check(bucket: Bucket, *, origins: Sequence[str]) -> list[Remark]:
    """Try everything that is needed of *bucket*, from here and as a page of each of *origins* would.

    It puts one small file there, and deletes it.
    """
    try:
        async with connect(bucket, patience=PATIENCE) as connection:
            return await _Examination(bucket, connection, origins).remarks()
    except InvalidInput as error:
        return [_fatal(error.message)]


def _fatal(says: str) -> Remark:
    return Remark(says, is_fine=False, is_fatal=True)


def _warning(says: str) -> Remark:
    return Remark(says, is_fine=False)


@frozen
class _Examination:
    bucket: Bucket
    connection: Connection
    origins: Sequence[str]

    @property
    def _where(self) -> str:
        return self.bucket.endpoint or str(self.connection.client.meta.endpoint_url)

    async def remarks(self) -> list[Remark]:
        found = await self._from_here()
        if not any(remark.is_fatal for remark in found):
            found += await self._from_outside()
        return found

    async def _from_here(self) -> list[Remark]:
        """Ask as we ask."""
        client, name = self.connection.client, self.bucket.name
        try:
            listed: Any = await client.list_objects_v2(Bucket=name, Prefix=PREFIX, MaxKeys=1)
        except ClientError as refusal:
            return [self._refused(refusal)]
        except _FAILURES as error:
            return [
                _fatal(
                    f"The storage at {self._where} does not answer ({type(error).__name__}): messages with files "
                    "are refused. Check S3_ENDPOINT, that it runs, and the way to it (name, port, firewall)."
                )
            ]
        headers: dict[str, str] = listed["ResponseMetadata"]["HTTPHeaders"]
        region = headers.get("x-amz-bucket-region")
        if region is not None and region != self.bucket.region:
            return [_region(region)]
        found = [Remark(f"The storage answers, and has the bucket {name!r}.")]
        if "date" in headers:
            skew = abs(datetime.now(UTC) - parsedate_to_datetime(headers["date"]))
            if skew > TOLERABLE_SKEW:
                found.append(
                    _warning(
                        f"This clock and the storage's differ by {skew.total_seconds():.0f} s: from 900 s on, it "
                        "refuses us. Synchronise them (NTP)."
                    )
                )
        return found

    def _refused(self, refusal: ClientError) -> Remark:
        told: Any = refusal.response
        word, error, headers = (
            code(refusal),
            told.get("Error", {}),
            told["ResponseMetadata"].get("HTTPHeaders", {}),
        )
        region = error.get("Region") or headers.get("x-amz-bucket-region")
        if word in ("AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException"):
            return _region(region)
        if word == "RequestTimeTooSkewed":
            theirs = _instant(error.get("ServerTime"), headers.get("date"))
            by = "" if theirs is None else f" by {abs((datetime.now(UTC) - theirs).total_seconds()):.0f} s"
            return _fatal(f"This clock and the storage's differ{by}, so it refuses us. Synchronise them (NTP).")
        if word in _OFTEN_WRONG:
            return _fatal(_OFTEN_WRONG[word])
        return _fatal(f"The storage at {self._where} refuses what it is asked ({word}). See its log.")

    async def _from_outside(self) -> list[Remark]:
        """Do what a browser does with a link: ask whether it may, upload, download; then tidy up."""
        at, key = datetime.now(UTC), f"{PREFIX}doctor-{uuid4().hex}.txt"
        headers = {"content-length": str(len(_BODY)), "content-type": _TYPE}
        signer = self.connection.signer
        put = signer.link("PUT", key, at=at, ttl=_LINK_TTL, query={}, headers=headers)
        get = signer.link("GET", key, at=at, ttl=_LINK_TTL, query={"response-content-type": _TYPE})
        seconds = aiohttp.ClientTimeout(total=PATIENCE.total_seconds())
        async with aiohttp.ClientSession(timeout=seconds) as browser:
            try:
                found = [await self._uploaded(browser, put, get, key), *await self._preflights(browser, put)]
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                return [
                    _warning(
                        f"Browsers are sent to {signer.base}, which can't be reached from here "
                        f"({type(error).__name__}). If they can't either, no file arrives: see S3_PUBLIC_ENDPOINT."
                    )
                ]
        return [*found, *await self._tidied(key)]

    async def _uploaded(self, browser: aiohttp.ClientSession, put: str, get: str, key: str) -> Remark:
        base = self.connection.signer.base
        async with browser.put(put, data=_BODY, headers={"Content-Type": _TYPE}) as answer:
            status = answer.status
        if status != HTTPStatus.OK:
            return _fatal(
                f"An upload by a link to {base} is answered with {status}. A proxy in between must pass on Host, "
                "path and query as they are; the keys must allow s3:PutObject."
            )
        async with browser.get(get) as answer:
            arrived = await answer.read()
        kept: Any = None
        with suppress(*_FAILURES):
            kept = await self.connection.client.head_object(Bucket=self.bucket.name, Key=key)
        if arrived != _BODY or kept is None:
            return _fatal(
                f"A file uploaded at {base} does not come back. Do S3_ENDPOINT and S3_PUBLIC_ENDPOINT lead to the "
                "same storage, and do the keys allow s3:GetObject?"
            )
        return Remark("A file can be uploaded and downloaded by links.")

    async def _preflights(self, browser: aiohttp.ClientSession, put: str) -> list[Remark]:
        refused: list[str] = []
        for origin in self.origins:
            asked = {
                "Origin": _ANYBODY if origin == "*" else origin,
                "Access-Control-Request-Method": "PUT",
                "Access-Control-Request-Headers": "content-type",
            }
            async with browser.options(put, headers=asked) as answer:
                told = {name.lower(): value.lower() for name, value in answer.headers.items()}
                is_fine = (
                    answer.ok
                    and told.get("access-control-allow-origin") in ("*", asked["Origin"].lower())
                    and _has(told.get("access-control-allow-methods"), "put")
                    and _has(told.get("access-control-allow-headers"), "content-type")
                )
            if not is_fine:
                refused.append(origin)
        if not refused:
            return [Remark("Pages may upload from where CORS_ALLOWED_ORIGINS says.")]
        where = f"--bucket {self.bucket.name}"
        if self.bucket.endpoint is not None:
            where += f" --endpoint-url {self.bucket.endpoint}"
        return [
            _fatal(
                f"The bucket lets no page of {', '.join(refused)} upload. Set its CORS rules: "
                f"aws s3api put-bucket-cors {where} --cors-configuration '{cors(self.origins)}'"
            )
        ]

    async def _tidied(self, key: str) -> list[Remark]:
        try:
            done: Any = await self.connection.client.delete_objects(
                Bucket=self.bucket.name, Delete={"Objects": [{"Key": key}], "Quiet": True}
            )
        except _FAILURES as error:
            return [_undeleted(code(error) if isinstance(error, ClientError) else type(error).__name__)]
        return [_undeleted(str(error.get("Code"))) for error in done.get("Errors", ())]


def _undeleted(trouble: str) -> Remark:
    return _warning(f"A file can't be deleted ({trouble}): the keys need s3:DeleteObject, or the bucket fills up.")


def _region(region: str | None) -> Remark:
    if region:
        return _fatal(f"The bucket is in {region}: set S3_REGION={region}.")
    return _fatal("The bucket is in another region: set S3_REGION to the one it was created in.")


def _has(listed: str | None, name: str) -> bool:
    return bool({"*", name} & {word.strip() for word in (listed or "").split(",")})


def _instant(iso: str | None, http: str | None) -> datetime | None:
    if iso:
        return datetime.fromisoformat(iso)
    return parsedate_to_datetime(http) if http else None
