"""ObjectStorage as a folder of this machine, whose links lead to a door of our own."""

import asyncio
import errno
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from attrs import define, field, frozen

from mtchat_adapters.disk.folder import Folder, NewFile, OpenFile, Place, part_place, place_of
from mtchat_adapters.disk.links import LinkRefused, LinkUsed, Pairs, Signer
from mtchat_adapters.system.disposition import disposition
from mtchat_core.domain.attachments import UploadUnknown
from mtchat_core.domain.errors import InvalidInput, ServiceUnavailable
from mtchat_core.ports.clock import Clock
from mtchat_core.ports.storage import Part, StoredObject

T = TypeVar("T")

PATH: Final = "/files/"
"""Where the door is, below the service's address."""
KEEP_FREE_BYTES: Final = 256 * 1024 * 1024
"""Room that files leave to others: a database on the same disk must not stop for them."""
_PATIENCE, _LONG_PATIENCE = timedelta(seconds=3), timedelta(seconds=25)
_LOOK_SECONDS = 5.0
_THREADS = 8
_IS_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_ACTIVE = frozenset({"image/svg+xml", "text/html", "text/xml"})
"""Types that may run a script where they are opened."""


class StorageFull(ServiceUnavailable):
    """There is no room for the file."""

    code = "STORAGE_FULL"
    says = "There is no room for this file right now."


class StorageIsDown(ServiceUnavailable):
    """The folder does not do in time what it is asked."""

    says = "Files can't be reached right now. Try again shortly."


@define(eq=False)
class DiskStorage:
    """ObjectStorage over *folder*. Waiting is done in threads of its own: short and long work do not meet."""

    folder: Folder
    signer: Signer
    clock: Clock
    keep_free_bytes: int = KEEP_FREE_BYTES
    patience: timedelta = _PATIENCE
    is_full: bool = False
    trouble: str | None = None
    """What went wrong the last time, until something goes well."""
    _short: ThreadPoolExecutor = field(factory=lambda: ThreadPoolExecutor(_THREADS, "files"), init=False)
    _long: ThreadPoolExecutor = field(factory=lambda: ThreadPoolExecutor(_THREADS, "bodies"), init=False)

    upload_links_serve_once = True

    # Links

    def upload_link(self, key: str, *, content_type: str, size_bytes: int, at: datetime, ttl: timedelta) -> str:
        """Return a link for one PUT of this type and size."""
        return self.signer.link("put", key, until=at + ttl, type=content_type, size=str(size_bytes))

    def download_link(
        self, key: str, *, filename: str, content_type: str, inline: bool, at: datetime, ttl: timedelta
    ) -> str:
        """Return a link that serves the file."""
        return self.signer.link(
            "get", key, until=at + ttl, name=filename, type=content_type, inline=str(int(inline))
        )

    def part_link(
        self, key: str, parts_id: str, *, number: int, size_bytes: int, at: datetime, ttl: timedelta
    ) -> str:
        """Return a link for one part; until the parts are joined, the same part may come again."""
        return self.signer.link(
            "part", key, until=at + ttl, upload=parts_id, part=str(number), size=str(size_bytes)
        )

    def intake(self, key: str, pairs: Pairs) -> "Intake":
        """Return what may be put through a link.

        Raises:
            LinkRefused, LinkExpired: nothing.
        """
        place, at = _place(key), self.clock.now()
        if any(name == "upload" for name, _ in pairs):
            said = self.signer.read("part", key, pairs, at=at)
            return Intake(self, key, place, int(said["size"]), None, said["upload"], int(said["part"]))
        said = self.signer.read("put", key, pairs, at=at)
        return Intake(self, key, place, int(said["size"]), said["type"])

    def handout(self, key: str, pairs: Pairs) -> "Handout":
        """Return what a link gives out.

        Raises:
            LinkRefused, LinkExpired: nothing.
        """
        place, at = _place(key), self.clock.now()
        said = self.signer.read("get", key, pairs, at=at)
        return Handout(
            self,
            place,
            content_type=said["type"] or "application/octet-stream",
            disposition=disposition(said["name"], inline=said["inline"] == "1" and said["type"] not in _ACTIVE),
            life=timedelta(seconds=int(said["until"]) - int(at.timestamp())),
        )

    # Files

    async def stat(self, key: str) -> StoredObject | None:
        """Return what is kept under *key*."""
        return await self.do(self.folder.stat, place_of(key))

    async def read(self, key: str, *, at_most: int) -> bytes | None:
        """Return the bytes under *key*."""
        return await self.do_long(self._read, place_of(key), at_most)

    async def write(self, key: str, body: bytes, *, content_type: str) -> None:
        """Keep *body* under *key*."""
        await self.do_long(self._write, place_of(key), body, content_type)

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete what is kept under *keys*."""
        await self.do_long(self.folder.delete, list(map(place_of, keys)))

    async def begin_parts(self, key: str, *, content_type: str) -> str:
        """Begin an upload in parts."""
        place_of(key)
        return await self.do(self.folder.begin_parts, key, content_type)

    async def parts(self, key: str, parts_id: str) -> tuple[Part, ...] | None:
        """Return the parts that have arrived."""
        return await self.do(self.folder.parts, key, parts_id)

    async def join_parts(self, key: str, parts_id: str, parts: Sequence[Part]) -> None:
        """Make one file of *parts*; once more changes nothing.

        Raises:
            UploadUnknown: there is no such upload, or a part is not there as named.
        """
        is_joined = await self.do_long(self._join, key, parts_id, parts)
        if not is_joined and await self.stat(key) is None:
            raise UploadUnknown

    async def drop_parts(self, key: str, parts_id: str) -> None:  # noqa: ARG002 - the port's
        """Give up an upload in parts."""
        await self.do(self.folder.drop_parts, parts_id)

    def _read(self, place: Place, at_most: int) -> bytes | None:
        if (file := self.folder.open(place)) is None:
            return None
        try:
            size = file.about.size_bytes
            return file.read(0, size) if size <= at_most else None
        finally:
            file.close()

    def _write(self, place: Place, body: bytes, content_type: str) -> None:
        self.require_room(len(body))
        self.folder.write(place, body, content_type=content_type)

    def _join(self, key: str, parts_id: str, parts: Sequence[Part]) -> bool:
        self.require_room(sum(part.size_bytes for part in parts))
        return self.folder.join_parts(key, parts_id, parts)

    def require_room(self, size_bytes: int) -> None:
        """Let nobody fill the disk (blocking).

        Raises:
            StorageFull: so many bytes more would.
        """
        if self.folder.room() - size_bytes < self.keep_free_bytes:
            raise StorageFull

    # How it does

    async def look(self) -> None:
        """See whether the folder can be written to, for `degraded`."""
        with suppress(ServiceUnavailable):
            self.is_full = await self.do(self.folder.examine) < self.keep_free_bytes

    def degraded(self) -> list[str]:
        """Return a sentence if files are of no use right now."""
        if self.trouble is not None:
            return [f"files: the folder {self.trouble}; everything else goes on"]
        return (
            ["files: the disk is full; nothing can be uploaded, everything else goes on"] if self.is_full else []
        )

    async def do(self, work: Callable[..., T], *given: object) -> T:
        """Have a thread do something short.

        Raises:
            StorageFull: there is no room for it.
            ServiceUnavailable: it takes too long, or can't be done.
        """
        return await self._do(self._short, self.patience, partial(work, *given))

    async def do_long(self, work: Callable[..., T], *given: object) -> T:
        """Have a thread do something that moves many bytes; raises as `do`."""
        return await self._do(self._long, max(self.patience, _LONG_PATIENCE), partial(work, *given))

    def do_later(self, work: Callable[[], object]) -> None:
        """Have a thread do something nobody waits for."""
        try:
            self._long.submit(work)
        except RuntimeError:
            # Everything is closing.
            work()

    async def _do(self, threads: ThreadPoolExecutor, patience: timedelta, work: Callable[[], T]) -> T:
        try:
            async with asyncio.timeout(patience.total_seconds()):
                done = await asyncio.get_running_loop().run_in_executor(threads, work)
        except TimeoutError:
            self.trouble = "does not answer"
            raise StorageIsDown from None
        except OSError as error:
            if error.errno in _IS_FULL:
                self.is_full = True
                raise StorageFull from None
            self.trouble = f"can't be used ({errno.errorcode.get(error.errno or 0, 'error')})"
            raise StorageIsDown from error
        self.trouble = None
        return done

    def close(self) -> None:
        """Let the threads go; what they do is done."""
        for threads in (self._short, self._long):
            threads.shutdown(wait=False, cancel_futures=False)


@define(eq=False)
class Intake:
    """One PUT through a link: exactly *size_bytes* of *content_type*, which is None where any will do."""

    storage: DiskStorage
    key: str
    place: Place
    size_bytes: int
    content_type: str | None
    parts_id: str | None = None
    number: int = 0
    _file: NewFile | None = field(default=None, init=False)

    async def begin(self) -> None:
        """Make ready to take the bytes.

        Raises:
            LinkUsed: they have come already.
            LinkRefused: they were for an upload in parts that has ended.
            StorageFull, ServiceUnavailable: there is no room for them, or the folder can't be used.
        """
        self._file = await self.storage.do(self._begun)

    async def add(self, body: bytes) -> None:
        """Take the next bytes."""
        assert self._file is not None
        await self.storage.do_long(self._file.add, body)

    async def keep(self) -> str:
        """Keep what came, and return its etag.

        Raises:
            And what `begin` raises.
        """
        return await self.storage.do_long(self._kept)

    def close(self) -> None:
        """Forget what was not kept; nobody waits for it."""
        if self._file is not None:
            self.storage.do_later(self._file.close)

    def _begun(self) -> NewFile:
        folder = self.storage.folder
        if self.parts_id is not None:
            if not folder.is_under_way(self.key, self.parts_id):
                raise LinkRefused
        elif folder.stat(self.place) is not None:
            raise LinkUsed
        self.storage.require_room(self.size_bytes)
        return NewFile(folder)

    def _kept(self) -> str:
        assert self._file is not None
        is_part = self.parts_id is not None
        place = self.place if self.parts_id is None else part_place(self.parts_id, self.number)
        try:
            kept = self._file.keep(place, content_type=self.content_type or "", replace=is_part)
        except FileNotFoundError:
            # The upload in parts has ended meanwhile.
            raise LinkRefused from None
        if kept is None:
            raise LinkUsed
        return kept.etag


@frozen
class Handout:
    """One GET through a link."""

    storage: DiskStorage
    place: Place
    content_type: str
    disposition: str
    life: timedelta
    """How much longer the link is good."""

    async def open(self) -> "Reading | None":
        """Open the file; None if there is none."""
        file = await self.storage.do(self.storage.folder.open, self.place)
        return None if file is None else Reading(self.storage, file)


@frozen
class Reading:
    """A file on its way out."""

    storage: DiskStorage
    file: OpenFile

    @property
    def size_bytes(self) -> int:
        """How long it is."""
        return self.file.about.size_bytes

    @property
    def etag(self) -> str:
        """What its bytes are called."""
        return self.file.about.etag

    async def read(self, begin: int, size: int) -> bytes:
        """Return some of its bytes."""
        return await self.storage.do_long(self.file.read, begin, size)

    def close(self) -> None:
        """Let it go."""
        self.storage.do_later(self.file.close)


def _place(key: str) -> Place:
    try:
        return place_of(key)
    except InvalidInput:
        raise LinkRefused from None


@asynccontextmanager
async def open(  # noqa: A001 - read as disk.open
    folder: Path, *, public_url: str, clock: Clock, keep_free_bytes: int = KEEP_FREE_BYTES
) -> AsyncGenerator[DiskStorage]:
    """Open a folder for files for the block; it is made if there is none.

    Raises:
        InvalidInput: it can't be used at all.
    """
    kept, secret = Folder(folder), await asyncio.to_thread(prepare, folder)
    storage = DiskStorage(kept, Signer(public_url + PATH, secret), clock, keep_free_bytes)
    looking = asyncio.create_task(_look(storage))
    try:
        yield storage
    finally:
        looking.cancel()
        storage.close()


async def _look(storage: DiskStorage) -> None:
    while True:
        await storage.look()
        await asyncio.sleep(_LOOK_SECONDS)


def prepare(folder: Path) -> bytes:
    """Make a folder ready for files, and return what its links are signed with (blocking).

    Raises:
        InvalidInput: it can't be used at all.
    """
    try:
        return Folder(folder).prepare()
    except OSError as error:
        raise InvalidInput(f"STORAGE_DIR can't be used: {error.strerror}.") from error


def examine(folder: Path) -> int:
    """Try a folder for files out, and return how many bytes it has room for (blocking).

    Raises:
        OSError: it is not there, or can't be used.
    """
    return Folder(folder).examine()
