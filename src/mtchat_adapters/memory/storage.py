"""Files in this process."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit
from uuid import uuid4

from attrs import define, field

from mtchat_core.domain.errors import InvalidInput
from mtchat_core.ports.clock import Clock
from mtchat_core.ports.storage import Part, StoredObject


@define
class _Parts:
    key: str
    content_type: str
    bodies: dict[int, bytes] = field(factory=dict[int, bytes])


class MemoryStorage:
    """ObjectStorage as a dictionary; its links are `memory:` URLs that `put` and `get` honour."""

    upload_links_serve_once = True

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._secret = secrets.token_bytes(16)
        self._objects: dict[str, tuple[bytes, StoredObject]] = {}
        self._parts: dict[str, _Parts] = {}
        self._used: set[str] = set()

    def upload_link(self, key: str, *, content_type: str, size_bytes: int, at: datetime, ttl: timedelta) -> str:
        """Return a link for one PUT of this type and size."""
        return self._link("put", key, at + ttl, content_type=content_type, size=str(size_bytes))

    def download_link(
        self, key: str, *, filename: str, content_type: str, inline: bool, at: datetime, ttl: timedelta
    ) -> str:
        """Return a link that serves the file."""
        return self._link("get", key, at + ttl, filename=filename, content_type=content_type, inline=str(inline))

    def put(self, link: str, body: bytes, *, content_type: str) -> None:
        """Upload through a link, as a browser would; a part has no type.

        Raises:
            InvalidInput: unknown, used or expired link, or another type or size than agreed.
        """
        verb, key, agreed = self._opened(link)
        if verb not in ("put", "part") or link in self._used:
            raise InvalidInput("The upload link is unknown, or has served.")
        if len(body) != int(agreed["size"]) or (verb == "put" and content_type != agreed["content_type"]):
            raise InvalidInput("The upload differs in type or size from what was agreed.")
        if verb == "part":
            if (parts := self._parts.get(agreed["parts_id"])) is None:
                raise InvalidInput("There is no such upload.")
            parts.bodies[int(agreed["number"])] = body
            return
        self._used.add(link)
        self._keep(key, body, content_type)

    def get(self, link: str) -> bytes:
        """Download through a link, as a browser would.

        Raises:
            InvalidInput: unknown or expired link, or nothing there.
        """
        verb, key, _ = self._opened(link)
        if verb != "get" or key not in self._objects:
            raise InvalidInput("The download link is unknown, or nothing is there.")
        return self._objects[key][0]

    def keys(self) -> list[str]:
        """Return every key there is."""
        return sorted(self._objects)

    async def stat(self, key: str) -> StoredObject | None:
        """Return what is kept under *key*."""
        kept = self._objects.get(key)
        return kept[1] if kept else None

    async def read(self, key: str, *, at_most: int) -> bytes | None:
        """Return the bytes under *key*."""
        body = self._objects[key][0] if key in self._objects else None
        return body if body is not None and len(body) <= at_most else None

    async def write(self, key: str, body: bytes, *, content_type: str) -> None:
        """Keep *body* under *key*."""
        self._keep(key, body, content_type)

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete what is kept under *keys*."""
        for key in keys:
            self._objects.pop(key, None)

    async def begin_parts(self, key: str, *, content_type: str) -> str:
        """Begin an upload in parts."""
        parts_id = uuid4().hex
        self._parts[parts_id] = _Parts(key, content_type)
        return parts_id

    def part_link(
        self, key: str, parts_id: str, *, number: int, size_bytes: int, at: datetime, ttl: timedelta
    ) -> str:
        """Return a link for one part."""
        return self._link("part", key, at + ttl, parts_id=parts_id, number=str(number), size=str(size_bytes))

    async def parts(self, key: str, parts_id: str) -> tuple[Part, ...] | None:
        """Return the parts that have arrived."""
        if (begun := self._parts.get(parts_id)) is None or begun.key != key:
            return None
        return tuple(Part(number, len(body), _etag(body)) for number, body in sorted(begun.bodies.items()))

    async def join_parts(self, key: str, parts_id: str, parts: Sequence[Part]) -> None:
        """Make one file of *parts*."""
        if (begun := self._parts.pop(parts_id, None)) is not None:
            body = b"".join(begun.bodies[part.number] for part in parts)
            self._keep(key, body, begun.content_type)

    async def drop_parts(self, key: str, parts_id: str) -> None:  # noqa: ARG002 - the port's
        """Give up an upload in parts."""
        self._parts.pop(parts_id, None)

    def _keep(self, key: str, body: bytes, content_type: str) -> None:
        self._objects[key] = (body, StoredObject(len(body), content_type, _etag(body)))

    def _opened(self, link: str) -> tuple[str, str, dict[str, str]]:
        text, _, signature = link.rpartition("&signature=")
        parts = urlsplit(text)
        verb, _, key = parts.path.partition("/")
        agreed = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        is_ours = parts.scheme == "memory" and verb in ("put", "get", "part")
        if (
            not is_ours
            or signature != self._signature(text)
            or self._clock.now() >= datetime.fromisoformat(agreed["until"])
        ):
            raise InvalidInput("The link is unknown or has expired.")
        return verb, unquote(key), agreed

    def _link(self, verb: str, key: str, until: datetime, **agreed: str) -> str:
        text = f"memory:{verb}/{quote(key)}?{urlencode({'until': until.isoformat(), **agreed})}"
        return f"{text}&signature={self._signature(text)}"

    def _signature(self, text: str) -> str:
        return hashlib.blake2b(text.encode(), digest_size=16, key=self._secret).hexdigest()


def _etag(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=16).hexdigest()
