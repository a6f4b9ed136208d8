"""Storages as a browser uses them: through their links alone."""

from typing import Protocol

import httpx
from attrs import frozen

from mtchat_adapters.memory.storage import MemoryStorage
from mtchat_core.domain.errors import InvalidInput
from mtchat_core.ports.storage import ObjectStorage


class Refused(Exception):
    """The storage did not take or give what a link was used for."""


class Browser(Protocol):
    """What a browser does with links."""

    async def put(self, link: str, body: bytes, content_type: str | None) -> None:
        """Upload through a link; a part has no type. Raise Refused if the storage says no."""
        ...

    async def get(self, link: str) -> bytes:
        """Download through a link. Raise Refused if the storage says no, or has nothing."""
        ...


@frozen
class StorageInUse:
    """A storage, and a browser that uses it."""

    storage: ObjectStorage
    browser: Browser


@frozen
class MemoryBrowser:
    """Browser for links of this process."""

    storage: MemoryStorage

    async def put(self, link: str, body: bytes, content_type: str | None) -> None:
        """Upload."""
        try:
            self.storage.put(link, body, content_type=content_type or "")
        except InvalidInput as error:
            raise Refused from error

    async def get(self, link: str) -> bytes:
        """Download."""
        try:
            return self.storage.get(link)
        except InvalidInput as error:
            raise Refused from error


@frozen
class HttpBrowser:
    """Browser over HTTP: it says how long its body is, and of what type if it knows."""

    client: httpx.AsyncClient

    async def put(self, link: str, body: bytes, content_type: str | None) -> None:
        """Upload."""
        headers = {"Content-Type": content_type} if content_type else {}
        self._taken(await self.client.put(link, content=body, headers=headers))

    async def get(self, link: str) -> bytes:
        """Download."""
        return self._taken(await self.client.get(link)).content

    def _taken(self, answer: httpx.Response) -> httpx.Response:
        if not answer.is_success:
            raise Refused(answer.status_code)
        return answer
