"""Any storage that speaks S3: Amazon's, MinIO, SeaweedFS, Ceph."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

from attrs import frozen

from mtchat_adapters.s3.breaker import Breaker
from mtchat_adapters.s3.bucket import PREFIX, TIMEOUT, Bucket, connect
from mtchat_adapters.s3.checks import Remark, check
from mtchat_adapters.s3.storage import S3Storage

__all__ = ["Bucket", "Remark", "S3Link", "S3Storage", "check", "open"]


@frozen
class S3Link:
    """The storage, and how it is."""

    storage: S3Storage
    breaker: Breaker

    @property
    def is_up(self) -> bool:
        """Whether the storage answers, as far as is known."""
        return self.breaker.down_since is None

    def degraded(self) -> list[str]:
        """Return a sentence if the storage is of no use right now."""
        if (since := self.breaker.down_since) is None:
            return []
        trouble = f"of no use since {since:%Y-%m-%dT%H:%M:%SZ} ({self.breaker.trouble})"
        return [f"storage: {trouble}; messages with files are refused, text goes on"]


@asynccontextmanager
async def open(  # noqa: A001 - read as s3.open
    bucket: Bucket, *, patience: timedelta = TIMEOUT
) -> AsyncGenerator[S3Link]:
    """Open the way to a bucket for the block, whether or not it is there; *patience* bounds each call.

    Raises:
        InvalidInput: a name or an endpoint that can't be used, or no keys.
    """
    async with connect(bucket, patience=patience) as connection:

        async def probe() -> None:
            await connection.client.list_objects_v2(Bucket=bucket.name, Prefix=PREFIX, MaxKeys=1)

        breaker = Breaker(probe, patience=patience)
        refreshing = asyncio.create_task(connection.keep_credentials_fresh())
        breaker.open()
        try:
            yield S3Link(S3Storage(connection.client, bucket.name, connection.signer, breaker), breaker)
        finally:
            await breaker.close()
            refreshing.cancel()
            await asyncio.gather(refreshing, return_exceptions=True)
