"""An S3 that takes nothing on trust: every signature is checked by means of its own, as Amazon documents it.

It keeps one bucket in this process, and can be told to be slow, closed, failing, or in another time.
Source: "Signature Version 4" and the API reference of Amazon S3.
"""

import asyncio
import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Self
from urllib.parse import quote, unquote
from uuid import uuid4
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from aiohttp import web
from attrs import define, field, frozen

from mtchat_adapters.s3 import Bucket

ACCESS_KEY, SECRET_KEY, BUCKET, REGION = "AKIDSTRICT", "strict+secret/of=tests", "strict-files", "eu-test-1"
TOLERATED_SKEW = timedelta(minutes=15)
LONGEST_SECONDS = 7 * 24 * 3600
SMALLEST_PART = 5 * 1024 * 1024
_DATE = "%Y%m%dT%H%M%SZ"
_OVERRIDES = ("content-type", "content-disposition", "cache-control")


class Refused(Exception):
    """What the storage answers instead of doing it."""

    def __init__(self, status: int, code: str, **more: str) -> None:
        super().__init__(code)
        self.status, self.code, self.more = status, code, more


@frozen
class Kept:
    """An object."""

    body: bytes
    content_type: str
    etag: str


@frozen
class Rule:
    """Who may do what from another site."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...] = ()


@define
class Begun:
    """An upload in parts."""

    key: str
    content_type: str
    parts: dict[int, Kept] = field(factory=dict[int, Kept])


@define(eq=False)
class StrictS3:
    """The storage; `url` leads to it once it is open."""

    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY
    bucket: str = BUCKET
    region: str = REGION
    skew: timedelta = timedelta(0)
    """How far its clock is ahead."""
    failing: int | None = None
    """A status that everything is answered with."""
    cutting: bool = False
    """Whether it hangs up in the middle of a file."""
    denied: bool = False
    """Whether the keys are good and allow nothing."""
    rules: tuple[Rule, ...] = ()
    objects: dict[str, Kept] = field(factory=dict[str, Kept])
    uploads: dict[str, Begun] = field(factory=dict[str, Begun])
    asked: list[str] = field(factory=list[str])
    """Every request that came, as `METHOD path`."""
    url: str = ""
    _passing: asyncio.Event = field(factory=asyncio.Event)
    _runner: web.AppRunner | None = None
    _port: int = 0

    @property
    def named(self) -> Bucket:
        """The bucket, as one names it to us."""
        return Bucket(
            self.bucket,
            region=self.region,
            endpoint=self.url,
            access_key_id=self.access_key,
            secret_access_key=self.secret_key,
        )

    async def open(self) -> Self:
        """Listen, at the same port as before if there was one."""
        app = web.Application(client_max_size=200 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._passing.set()
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}"
        return self

    async def close(self) -> None:
        """Hang up on everybody and listen no more; what is kept stays."""
        self._passing.set()
        if self._runner is not None:
            await self._runner.cleanup()

    def freeze(self) -> None:
        """Take requests and answer none of them."""
        self._passing.clear()

    def thaw(self) -> None:
        """Answer again."""
        self._passing.set()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        await self._passing.wait()
        try:
            if self.failing is not None:
                raise Refused(self.failing, "InternalError")
            answer = await self._done(request)
        except Refused as refusal:
            told = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in refusal.more.items())
            body = f"<Error><Code>{refusal.code}</Code><Message>No.</Message>{told}</Error>"
            answer = web.Response(status=refusal.status, text=body, content_type="application/xml")
        if self.cutting and isinstance(answer.body, bytes):
            return await self._cut(request, answer.body)
        answer.headers["x-amz-request-id"] = uuid4().hex
        for name, value in self._cross_origin(request).items():
            answer.headers[name] = value
        return answer

    async def _cut(self, request: web.Request, body: bytes) -> web.StreamResponse:
        """Promise all of *body*, send half of it, and hang up."""
        answer = web.StreamResponse(headers={"Content-Length": str(len(body))})
        await answer.prepare(request)
        await answer.write(body[: len(body) // 2])
        assert request.transport is not None
        request.transport.abort()
        return answer

    async def _done(self, request: web.Request) -> web.Response:
        if request.method == "OPTIONS":
            if not self._cross_origin(request):
                raise Refused(403, "AccessForbidden")
            return web.Response()
        body = await request.read()
        query = _query(request)
        self._check_signature(request, query, body)
        if self.denied:
            raise Refused(403, "AccessDenied")
        bucket, _, raw_key = request.url.raw_path.removeprefix("/").partition("/")
        if bucket != self.bucket:
            raise Refused(404, "NoSuchBucket")
        if key := unquote(raw_key):
            return self._object(request, key, query, body)
        return self._bucket(request, query, body)

    # Signatures

    def _check_signature(self, request: web.Request, query: Mapping[str, str], body: bytes) -> None:
        now = datetime.now(UTC) + self.skew
        if "X-Amz-Signature" in query:
            self._check_link(request, query, now)
        elif "Authorization" in request.headers:
            self._check_header(request, body, now)
        else:
            raise Refused(403, "AccessDenied")

    def _check_link(self, request: web.Request, query: Mapping[str, str], now: datetime) -> None:
        seconds = int(query["X-Amz-Expires"])
        if query["X-Amz-Algorithm"] != "AWS4-HMAC-SHA256" or not 1 <= seconds <= LONGEST_SECONDS:
            raise Refused(400, "AuthorizationQueryParametersError")
        at = datetime.strptime(query["X-Amz-Date"], _DATE).replace(tzinfo=UTC)
        if at > now + TOLERATED_SKEW:
            raise Refused(403, "RequestTimeTooSkewed", ServerTime=now.strftime("%Y-%m-%dT%H:%M:%SZ"))
        if now >= at + timedelta(seconds=seconds):
            raise Refused(403, "AccessDenied")
        signed = [pair for pair in _pairs(request) if pair[0] != "X-Amz-Signature"]
        names = query["X-Amz-SignedHeaders"].split(";")
        expected = self._signature(request, signed, names, query["X-Amz-Credential"], at, "UNSIGNED-PAYLOAD")
        if not hmac.compare_digest(expected, query["X-Amz-Signature"]):
            raise Refused(403, "SignatureDoesNotMatch")

    def _check_header(self, request: web.Request, body: bytes, now: datetime) -> None:
        told = dict(re.findall(r"(\w+)=([^,\s]+)", request.headers["Authorization"]))
        at = datetime.strptime(request.headers["X-Amz-Date"], _DATE).replace(tzinfo=UTC)
        if abs(at - now) > TOLERATED_SKEW:
            raise Refused(403, "RequestTimeTooSkewed", ServerTime=now.strftime("%Y-%m-%dT%H:%M:%SZ"))
        digest = request.headers["X-Amz-Content-SHA256"]
        if digest not in ("UNSIGNED-PAYLOAD", hashlib.sha256(body).hexdigest()):
            raise Refused(400, "XAmzContentSHA256Mismatch")
        names = told["SignedHeaders"].split(";")
        expected = self._signature(request, _pairs(request), names, told["Credential"], at, digest)
        if not hmac.compare_digest(expected, told["Signature"]):
            raise Refused(403, "SignatureDoesNotMatch")

    def _signature(
        self,
        request: web.Request,
        query: list[tuple[str, str]],
        names: list[str],
        credential: str,
        at: datetime,
        digest: str,
    ) -> str:
        """Return what the signature must be; everything in the scope and every header signed must be there."""
        access_key, _, scope = credential.partition("/")
        if access_key != self.access_key:
            raise Refused(403, "InvalidAccessKeyId")
        day, region, *rest = scope.split("/")
        if region != self.region:
            raise Refused(400, "AuthorizationHeaderMalformed", Region=self.region)
        if day != at.strftime("%Y%m%d") or rest != ["s3", "aws4_request"]:
            raise Refused(400, "AuthorizationHeaderMalformed")
        must = {"host", *(name.lower() for name in request.headers if name.lower().startswith("x-amz-"))}
        if names != sorted(names) or not must <= set(names) or any(name not in request.headers for name in names):
            raise Refused(403, "SignatureDoesNotMatch")
        encoded = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query)
        canonical = "\n".join(
            [
                request.method,
                quote(unquote(request.url.raw_path), safe="/-_.~"),
                "&".join(f"{name}={value}" for name, value in encoded),
                *(f"{name}:{' '.join(','.join(request.headers.getall(name)).split())}" for name in names),
                "",
                ";".join(names),
                digest,
            ]
        )
        told = ["AWS4-HMAC-SHA256", at.strftime(_DATE), scope, hashlib.sha256(canonical.encode()).hexdigest()]
        key = f"AWS4{self.secret_key}".encode()
        for step in (day, region, "s3", "aws4_request"):
            key = hmac.digest(key, step.encode(), "sha256")
        return hmac.new(key, "\n".join(told).encode(), "sha256").hexdigest()

    # What is asked

    def _bucket(self, request: web.Request, query: Mapping[str, str], body: bytes) -> web.Response:
        where = {"x-amz-bucket-region": self.region}
        match request.method, next(iter(query), ""):
            case "GET", "cors":
                if not self.rules:
                    raise Refused(404, "NoSuchCORSConfiguration")
                return _xml("<CORSConfiguration/>")
            case "GET", _:
                begins = query.get("prefix", "")
                listed = "".join(
                    f"<Contents><Key>{escape(key)}</Key></Contents>"
                    for key in self.objects
                    if key.startswith(begins)
                )
                answer = _xml(f"<ListBucketResult>{listed}</ListBucketResult>")
                answer.headers.update(where)
                return answer
            case "HEAD", _:
                return web.Response(headers=where)
            case "POST", "delete":
                digest = b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
                if request.headers.get("Content-MD5") != digest:
                    raise Refused(400, "InvalidRequest")
                for named in ElementTree.fromstring(body).iter(f"{_namespace(body)}Key"):
                    self.objects.pop(named.text or "", None)
                return _xml("<DeleteResult/>")
            case _:
                raise Refused(405, "MethodNotAllowed")

    def _object(self, request: web.Request, key: str, query: Mapping[str, str], body: bytes) -> web.Response:
        if request.method == "POST" and "uploads" in query:
            upload = uuid4().hex
            self.uploads[upload] = Begun(key, request.headers.get("Content-Type", "binary/octet-stream"))
            return _xml(
                f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
            )
        if "uploadId" in query:
            return self._in_parts(request, key, query, body)
        match request.method:
            case "PUT":
                if "Content-Length" not in request.headers:
                    raise Refused(411, "MissingContentLength")
                content_type = request.headers.get("Content-Type", "binary/octet-stream")
                self.objects[key] = kept = Kept(body, content_type, _md5(body))
                return web.Response(headers={"ETag": f'"{kept.etag}"'})
            case "GET" | "HEAD":
                return self._served(request, key, query)
            case "DELETE":
                self.objects.pop(key, None)
                return web.Response(status=204)
            case _:
                raise Refused(405, "MethodNotAllowed")

    def _served(self, request: web.Request, key: str, query: Mapping[str, str]) -> web.Response:
        if (kept := self.objects.get(key)) is None:
            raise Refused(404, "NoSuchKey")
        headers = {"ETag": f'"{kept.etag}"', "Content-Type": kept.content_type, "Accept-Ranges": "bytes"}
        for name in _OVERRIDES:
            if told := query.get(f"response-{name}"):
                headers[name.title()] = told
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))
        if asked is None:
            return web.Response(body=kept.body, headers=headers)
        begin, end = int(asked[1]), min(int(asked[2] or len(kept.body) - 1), len(kept.body) - 1)
        if begin > end:
            raise Refused(416, "InvalidRange")
        headers["Content-Range"] = f"bytes {begin}-{end}/{len(kept.body)}"
        return web.Response(status=206, body=kept.body[begin : end + 1], headers=headers)

    def _in_parts(self, request: web.Request, key: str, query: Mapping[str, str], body: bytes) -> web.Response:
        upload = query["uploadId"]
        begun = self.uploads.get(upload)
        if begun is None or begun.key != key:
            raise Refused(404, "NoSuchUpload")
        match request.method:
            case "PUT":
                begun.parts[int(query["partNumber"])] = part = Kept(body, "", _md5(body))
                return web.Response(headers={"ETag": f'"{part.etag}"'})
            case "GET":
                listed = "".join(
                    f"<Part><PartNumber>{number}</PartNumber><Size>{len(part.body)}</Size>"
                    f"<ETag>&quot;{part.etag}&quot;</ETag><LastModified>2026-01-01T00:00:00.000Z</LastModified></Part>"
                    for number, part in sorted(begun.parts.items())
                )
                return _xml(f"<ListPartsResult><IsTruncated>false</IsTruncated>{listed}</ListPartsResult>")
            case "POST":
                self._join(begun, body)
                del self.uploads[upload]
                return _xml(
                    f"<CompleteMultipartUploadResult><Key>{escape(key)}</Key></CompleteMultipartUploadResult>"
                )
            case "DELETE":
                del self.uploads[upload]
                return web.Response(status=204)
            case _:
                raise Refused(405, "MethodNotAllowed")

    def _join(self, begun: Begun, body: bytes) -> None:
        space = _namespace(body)
        named = [
            (int(part.findtext(f"{space}PartNumber", "0")), part.findtext(f"{space}ETag", "").strip('"'))
            for part in ElementTree.fromstring(body).iter(f"{space}Part")
        ]
        numbers = [number for number, _ in named]
        if numbers != sorted(set(numbers)):
            raise Refused(400, "InvalidPartOrder")
        parts = [begun.parts.get(number) for number in numbers]
        there = [part for part in parts if part is not None]
        if not there or [part and part.etag for part in parts] != [etag for _, etag in named]:
            raise Refused(400, "InvalidPart")
        if any(len(part.body) < SMALLEST_PART for part in there[:-1]):
            raise Refused(400, "EntityTooSmall")
        digests = b"".join(hashlib.md5(part.body, usedforsecurity=False).digest() for part in there)
        whole = b"".join(part.body for part in there)
        self.objects[begun.key] = Kept(whole, begun.content_type, f"{_md5(digests)}-{len(there)}")

    def _cross_origin(self, request: web.Request) -> dict[str, str]:
        """Return what lets a page of another site do this; nothing if no rule does."""
        origin = request.headers.get("Origin")
        method = request.headers.get("Access-Control-Request-Method", request.method)
        asked = request.headers.get("Access-Control-Request-Headers", "").lower().replace(" ", "")
        for rule in self.rules if origin else ():
            fits = method in rule.methods and ("*" in rule.origins or origin in rule.origins)
            if fits and ("*" in rule.headers or set(filter(None, asked.split(","))) <= set(rule.headers)):
                return {
                    "Access-Control-Allow-Origin": "*" if "*" in rule.origins else str(origin),
                    "Access-Control-Allow-Methods": ", ".join(rule.methods),
                    "Access-Control-Allow-Headers": asked,
                }
        return {}


def _pairs(request: web.Request) -> list[tuple[str, str]]:
    raw = request.url.raw_query_string
    split = [pair.partition("=") for pair in raw.split("&") if pair]
    return [(unquote(name), unquote(value)) for name, _, value in split]


def _query(request: web.Request) -> dict[str, str]:
    return dict(_pairs(request))


def _md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def _namespace(body: bytes) -> str:
    return (re.match(r"\{[^}]*\}", ElementTree.fromstring(body).tag) or [""])[0]


def _xml(text: str) -> web.Response:
    return web.Response(text=text, content_type="application/xml")


@asynccontextmanager
async def strict_s3() -> AsyncIterator[StrictS3]:
    """Lend an empty one until the block ends."""
    storage = await StrictS3().open()
    try:
        yield storage
    finally:
        await storage.close()
