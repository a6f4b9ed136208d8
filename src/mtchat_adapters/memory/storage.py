"""Files in this process."""

import hashlib
from datetime import datetime, timedelta

from mtchat_core.domain.errors import InvalidInput
from mtchat_core.ports.clock import Clock
from mtchat_core.ports.storage import StoredObject


class MemoryStorage:
    """ObjectStorage as a dictionary; its links are `memory:` URLs that `put` and `get` honour."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._objects: dict[str, tuple[bytes, StoredObject]] = {}
        self._uploads: dict[str, tuple[str, str, int, datetime]] = {}
        self._downloads: dict[str, tuple[str, datetime]] = {}

    async def upload_link(self, key: str, *, content_type: str, size_bytes: int, ttl: timedelta) -> str:
        """Return a link for one PUT of this type and size."""
        link = f"memory:put/{len(self._uploads)}/{key}"
        self._uploads[link] = (key, content_type, size_bytes, self._clock.now() + ttl)
        return link

    async def download_link(self, key: str, *, filename: str, inline: bool, ttl: timedelta) -> str:
        """Return a link that serves the file."""
        link = f"memory:get/{len(self._downloads)}/{key}?filename={filename}&inline={inline}"
        self._downloads[link] = (key, self._clock.now() + ttl)
        return link

    def put(self, link: str, body: bytes, *, content_type: str) -> None:
        """Upload through a link, as a browser would.

        Raises:
            InvalidInput: unknown or expired link, or another type or size than agreed.
        """
        agreed = self._uploads.pop(link, None)
        if agreed is None or self._clock.now() >= agreed[3]:
            raise InvalidInput("The upload link is unknown or has expired.")
        key, agreed_type, agreed_size, _ = agreed
        if (content_type, len(body)) != (agreed_type, agreed_size):
            raise InvalidInput("The upload differs in type or size from what was agreed.")
        etag = hashlib.blake2b(body, digest_size=16).hexdigest()
        self._objects[key] = (body, StoredObject(len(body), content_type, etag, self._clock.now()))

    def get(self, link: str) -> bytes:
        """Download through a link, as a browser would.

        Raises:
            InvalidInput: unknown or expired link, or nothing there.
        """
        key, until = self._downloads.get(link, ("", self._clock.now()))
        if key not in self._objects or self._clock.now() >= until:
            raise InvalidInput("The download link is unknown or has expired.")
        return self._objects[key][0]

    async def stat(self, key: str) -> StoredObject | None:
        """Return what is kept under *key*."""
        kept = self._objects.get(key)
        return kept[1] if kept else None

    async def delete(self, key: str) -> None:
        """Delete what is kept under *key*."""
        self._objects.pop(key, None)
