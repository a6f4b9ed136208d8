"""Files, kept outside the database and handed to browsers by signed links.

Making a link asks nobody: it only signs. A link counts from *at* for *ttl*, and the same values make the
same link, so that browsers and every node share it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from attrs import frozen


@frozen
class StoredObject:
    """A file as the storage holds it. `etag` changes whenever the bytes do."""

    size_bytes: int
    content_type: str
    etag: str


@frozen
class Part:
    """A part of an upload that has arrived; the first has number 1."""

    number: int
    size_bytes: int
    etag: str


class ObjectStorage(Protocol):
    """A bucket of files by key. Whoever waits for it waits a few seconds at most.

    Every method that waits raises ServiceUnavailable when the storage does not do in time what it is asked.
    """

    @property
    def upload_links_serve_once(self) -> bool:
        """Whether nothing can be put through an upload link once something was."""
        ...

    def upload_link(self, key: str, *, content_type: str, size_bytes: int, at: datetime, ttl: timedelta) -> str:
        """Return a link that accepts a PUT of exactly this type and size."""
        ...

    def download_link(
        self, key: str, *, filename: str, content_type: str, inline: bool, at: datetime, ttl: timedelta
    ) -> str:
        """Return a link that serves the file as *content_type*, shown *inline* or saved as *filename*.

        An empty type is served as bytes that nobody knows anything about.
        """
        ...

    async def stat(self, key: str) -> StoredObject | None:
        """Return what is kept under *key*; None if nothing is."""
        ...

    async def read(self, key: str, *, at_most: int) -> bytes | None:
        """Return the bytes under *key*; None if there are none, or more than *at_most*."""
        ...

    async def write(self, key: str, body: bytes, *, content_type: str) -> None:
        """Keep *body* under *key*."""
        ...

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete what is kept under *keys*, as far as anything is."""
        ...

    async def begin_parts(self, key: str, *, content_type: str) -> str:
        """Begin an upload in parts, and return the storage's name for it."""
        ...

    def part_link(
        self, key: str, parts_id: str, *, number: int, size_bytes: int, at: datetime, ttl: timedelta
    ) -> str:
        """Return a link that accepts a PUT of one part of exactly this size."""
        ...

    async def parts(self, key: str, parts_id: str) -> tuple[Part, ...] | None:
        """Return the parts that have arrived, by number; None if the upload has ended or is unknown."""
        ...

    async def join_parts(self, key: str, parts_id: str, parts: Sequence[Part]) -> None:
        """Make one file of *parts*; the upload has ended then."""
        ...

    async def drop_parts(self, key: str, parts_id: str) -> None:
        """Give up an upload in parts, if there still is one."""
        ...
