"""Files, kept outside the database and handed to browsers by signed links."""

from datetime import datetime, timedelta
from typing import Protocol

from attrs import frozen


@frozen
class StoredObject:
    """A file as the storage holds it. `etag` changes whenever the bytes do."""

    size_bytes: int
    content_type: str
    etag: str
    stored_at: datetime


class ObjectStorage(Protocol):
    """A bucket of files by key."""

    async def upload_link(self, key: str, *, content_type: str, size_bytes: int, ttl: timedelta) -> str:
        """Return a link that accepts one PUT of exactly this type and size within *ttl*."""
        ...

    async def download_link(self, key: str, *, filename: str, inline: bool, ttl: timedelta) -> str:
        """Return a link that serves the file within *ttl*, shown or saved as *filename*."""
        ...

    async def stat(self, key: str) -> StoredObject | None:
        """Return what is kept under *key*; None if nothing is.

        Raises:
            ServiceUnavailable: the storage does not answer in time.
        """
        ...

    async def delete(self, key: str) -> None:
        """Delete what is kept under *key*, if anything is."""
        ...
