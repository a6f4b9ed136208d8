"""Files in a bucket: asked for over the inner address, linked to at the outer one."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from operator import itemgetter
from typing import Any, TypeVar

from attrs import frozen
from botocore.exceptions import ClientError

from mtchat_adapters.s3.breaker import Breaker, code, down
from mtchat_adapters.s3.signing import Signer
from mtchat_adapters.system.disposition import disposition
from mtchat_core.ports.storage import Part, StoredObject

UNKNOWN_TYPE = "application/octet-stream"
AT_ONCE = 1000
"""Most keys, or parts, of one call."""
_STRIDE = 8 * 1024 * 1024
"""Bytes that one deadline is enough for."""
_MISSING = ("404", "NoSuchKey")

_Answer = TypeVar("_Answer")


@frozen
class S3Storage:
    """ObjectStorage as an S3 bucket."""

    client: Any
    bucket: str
    signer: Signer
    breaker: Breaker

    @property
    def upload_links_serve_once(self) -> bool:
        """A signed PUT serves as often as it is used, until its time is up."""
        return False

    def upload_link(self, key: str, *, content_type: str, size_bytes: int, at: datetime, ttl: timedelta) -> str:
        """Return a link that accepts a PUT of exactly this type and size."""
        headers = {"content-length": str(size_bytes)}
        if content_type:
            # No type can't be signed: a browser that knows none leaves the header out, and a signed one is missed.
            headers["content-type"] = content_type
        return self.signer.link("PUT", key, at=at, ttl=ttl, query={}, headers=headers)

    def download_link(
        self, key: str, *, filename: str, content_type: str, inline: bool, at: datetime, ttl: timedelta
    ) -> str:
        """Return a link that serves the file as *content_type*, shown *inline* or saved as *filename*."""
        told = {
            "response-content-disposition": disposition(filename, inline=inline),
            "response-content-type": content_type or UNKNOWN_TYPE,
        }
        return self.signer.link("GET", key, at=at, ttl=ttl, query=told)

    async def stat(self, key: str) -> StoredObject | None:
        """Return what is kept under *key*."""
        head: Any = await self._found(lambda: self.client.head_object(Bucket=self.bucket, Key=key))
        if head is None:
            return None
        return StoredObject(head["ContentLength"], head.get("ContentType", ""), _bare(head["ETag"]))

    async def read(self, key: str, *, at_most: int) -> bytes | None:
        """Return the bytes under *key*."""

        async def fetch() -> bytes | None:
            got: Any = await self.client.get_object(Bucket=self.bucket, Key=key)
            async with got["Body"] as body:
                return await body.read() if got["ContentLength"] <= at_most else None

        return await self._found(fetch, times=1 + at_most // _STRIDE)

    async def write(self, key: str, body: bytes, *, content_type: str) -> None:
        """Keep *body* under *key*."""
        await self._do(
            lambda: self.client.put_object(Bucket=self.bucket, Key=key, Body=body, **_typed(content_type)),
            times=1 + len(body) // _STRIDE,
        )

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete what is kept under *keys*."""
        for begin in range(0, len(keys), AT_ONCE):
            named = {"Objects": [{"Key": key} for key in keys[begin : begin + AT_ONCE]], "Quiet": True}
            done: Any = await self._do(partial(self.client.delete_objects, Bucket=self.bucket, Delete=named))
            if any(error.get("Code") not in _MISSING for error in done.get("Errors", ())):
                raise down()

    async def begin_parts(self, key: str, *, content_type: str) -> str:
        """Begin an upload in parts."""
        begun: Any = await self._do(
            lambda: self.client.create_multipart_upload(Bucket=self.bucket, Key=key, **_typed(content_type))
        )
        return str(begun["UploadId"])

    def part_link(
        self, key: str, parts_id: str, *, number: int, size_bytes: int, at: datetime, ttl: timedelta
    ) -> str:
        """Return a link that accepts a PUT of one part of exactly this size."""
        part, headers = {"partNumber": str(number), "uploadId": parts_id}, {"content-length": str(size_bytes)}
        return self.signer.link("PUT", key, at=at, ttl=ttl, query=part, headers=headers)

    async def parts(self, key: str, parts_id: str) -> tuple[Part, ...] | None:
        """Return the parts that have arrived: the first thousand, far more than any file of ours has."""
        listed: Any = await self._found(
            lambda: self.client.list_parts(Bucket=self.bucket, Key=key, UploadId=parts_id, MaxParts=AT_ONCE),
            missing=("404", "NoSuchUpload"),
        )
        if listed is None:
            return None
        # SeaweedFS lists a part that was sent again twice; which of two it joins is up to the ETag it is told.
        by_age = sorted(listed.get("Parts", ()), key=itemgetter("LastModified"))
        latest = {one["PartNumber"]: one for one in by_age}
        return tuple(Part(number, one["Size"], _bare(one["ETag"])) for number, one in sorted(latest.items()))

    async def join_parts(self, key: str, parts_id: str, parts: Sequence[Part]) -> None:
        """Make one file of *parts*."""
        named = {"Parts": [{"PartNumber": part.number, "ETag": f'"{part.etag}"'} for part in parts]}
        await self._do(
            lambda: self.client.complete_multipart_upload(
                Bucket=self.bucket, Key=key, UploadId=parts_id, MultipartUpload=named
            )
        )

    async def drop_parts(self, key: str, parts_id: str) -> None:
        """Give up an upload in parts."""
        await self._found(
            lambda: self.client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=parts_id),
            missing=("404", "NoSuchUpload"),
        )

    async def _do(self, asked: Callable[[], Awaitable[_Answer]], *, times: int = 1) -> _Answer:
        """Return the answer to what the storage has no reason to refuse."""
        try:
            return await self.breaker.call(asked, times=times)
        except ClientError:
            raise down() from None

    async def _found(
        self,
        asked: Callable[[], Awaitable[_Answer]],
        *,
        missing: Sequence[str] = _MISSING,
        times: int = 1,
    ) -> _Answer | None:
        """Return the answer, or None if what is asked about is not there."""
        try:
            return await self.breaker.call(asked, times=times)
        except ClientError as refusal:
            if code(refusal) in missing:
                return None
            raise down() from None


def _typed(content_type: str) -> dict[str, str]:
    return {"ContentType": content_type} if content_type else {}


def _bare(etag: str) -> str:
    return etag.strip('"')
