"""Files in a folder: whole or not at all, and never outside of it. Everything here blocks.

    secret      what links are signed with
    objects/    the files, each under its key
    parts/      uploads in parts, a folder for each
    incoming/   what is being written

A file ends with a trailer that says its type and etag: so it becomes visible in one step with what is
known about it, and most programs still open it as what it is. No symbolic link is followed below the
folder, and no name is used that is not made of plain characters.
"""

import errno
import hashlib
import json
import os
import re
import secrets
import stat
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from attrs import frozen

from mtchat_core.domain.errors import InvalidInput
from mtchat_core.ports.storage import Part, StoredObject

_SEGMENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
_PARTS_ID = re.compile(r"[0-9a-f]{32}")
_PART = re.compile(r"[1-9][0-9]{0,4}")
_TRAILER_BYTES: Final = 256
_COPY_BYTES: Final = 1024 * 1024
_SECRET_BYTES: Final = 32
_ABANDONED_SECONDS: Final = 24 * 3600.0
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@frozen
class Place:
    """Where a file is, or is to be: folders one inside the other, and a name."""

    folders: tuple[str, ...]
    name: str
    may_be_made: bool = True
    """Whether folders that are missing are made."""


class OpenFile:
    """A file while it is read; closing waits for whoever reads."""

    def __init__(self, descriptor: int, about: StoredObject) -> None:
        self._file = os.fdopen(descriptor, "rb", buffering=0)
        self._lock = threading.Lock()
        self.about = about

    def read(self, begin: int, size: int) -> bytes:
        """Return up to *size* bytes from *begin* on."""
        with self._lock:
            return os.pread(self._file.fileno(), min(size, self.about.size_bytes - begin), begin)

    def close(self) -> None:
        """Let it go."""
        with self._lock:
            self._file.close()


class NewFile:
    """A file while it is written, which nobody sees yet; whoever ends it waits for whoever writes."""

    def __init__(self, folder: "Folder") -> None:
        self._folder = folder
        self._name = secrets.token_hex(16)
        with folder.inside("incoming", make=True) as incoming:
            self._file = os.fdopen(os.open(self._name, _CREATE, 0o600, dir_fd=incoming), "wb", buffering=0)
        self._hash = hashlib.blake2b(digest_size=16)
        self._lock = threading.Lock()
        self._is_over = False

    def add(self, body: bytes) -> None:
        """Write on."""
        with self._lock:
            self._hash.update(body)
            self._write(body)

    def keep(self, place: "Place", *, content_type: str, replace: bool) -> StoredObject | None:
        """Make the file visible, and sure to outlive a power cut; None where one stays that is not to be replaced.

        Raises:
            FileNotFoundError: its folder is not there, and none was to be made.
        """
        with self._lock:
            kept = StoredObject(self._file.tell(), content_type, self._hash.hexdigest())
            self._write(_trailer(kept))
            os.fsync(self._file.fileno())
            inside = self._folder.inside
            with inside("incoming") as incoming, inside(*place.folders, make=place.may_be_made) as target:
                if replace:
                    os.replace(self._name, place.name, src_dir_fd=incoming, dst_dir_fd=target)
                else:
                    try:
                        os.link(
                            self._name,
                            place.name,
                            src_dir_fd=incoming,
                            dst_dir_fd=target,
                            follow_symlinks=False,
                        )
                    except FileExistsError:
                        return None
                os.fsync(target)
            return kept

    def close(self) -> None:
        """Let it go, and with it whatever nobody is to see."""
        with self._lock:
            if self._is_over:
                return
            self._is_over = True
            self._file.close()
            with suppress(OSError), self._folder.inside("incoming") as incoming:
                os.unlink(self._name, dir_fd=incoming)

    def _write(self, body: bytes) -> None:
        rest = memoryview(body)
        while rest:
            rest = rest[self._file.write(rest) :]


@frozen
class Folder:
    """The folder itself."""

    root: Path

    def prepare(self) -> bytes:
        """Make what is missing, clear away what nobody finished, and return the secret."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("objects", "parts", "incoming"):
            with self.inside(name, make=True):
                pass
        with self.inside("incoming") as incoming:
            for name in _names_in(incoming):
                with suppress(FileNotFoundError):
                    if os.stat(name, dir_fd=incoming).st_mtime < time.time() - _ABANDONED_SECONDS:
                        os.unlink(name, dir_fd=incoming)
        return self._secret()

    def _secret(self) -> bytes:
        """Return the secret, made at the first start; of several that start at once, all take the first one's."""
        with self.inside() as root:
            with suppress(FileNotFoundError):
                return _read_secret(root)
            name = f"secret.{secrets.token_hex(8)}"
            with os.fdopen(os.open(name, _CREATE, 0o600, dir_fd=root), "wb") as file:
                file.write(secrets.token_hex(_SECRET_BYTES).encode())
                file.flush()
                os.fsync(file.fileno())
            try:
                with suppress(FileExistsError):
                    os.link(name, "secret", src_dir_fd=root, dst_dir_fd=root, follow_symlinks=False)
            finally:
                os.unlink(name, dir_fd=root)
            os.fsync(root)
            return _read_secret(root)

    def examine(self) -> int:
        """Write something, and return how many bytes there still is room for."""
        probe = NewFile(self)
        try:
            probe.add(b"?")
        finally:
            probe.close()
        return self.room()

    def room(self) -> int:
        """Return how many bytes there still is room for."""
        left = os.statvfs(self.root)
        return left.f_bavail * left.f_frsize

    @contextmanager
    def inside(self, *names: str, make: bool = False) -> Generator[int]:
        """Open a folder below the root for the block, name by name."""
        here = os.open(self.root, _FOLDER & ~os.O_NOFOLLOW)
        try:
            for name in names:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(name, 0o700, dir_fd=here)
                        os.fsync(here)
                inner = os.open(name, _FOLDER, dir_fd=here)
                os.close(here)
                here = inner
            yield here
        finally:
            os.close(here)

    # Files

    def open(self, place: Place) -> OpenFile | None:
        """Open a file to be read; None if there is none."""
        try:
            with self.inside(*place.folders) as folder:
                descriptor = os.open(place.name, _READ, dir_fd=folder)
        except FileNotFoundError:
            return None
        try:
            about = _about(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        if about is None:
            os.close(descriptor)
            return None
        return OpenFile(descriptor, about)

    def stat(self, place: Place) -> StoredObject | None:
        """Return what a file is; None if there is none."""
        if (found := self.open(place)) is None:
            return None
        found.close()
        return found.about

    def write(self, place: Place, body: bytes, *, content_type: str) -> None:
        """Put a file in place of whatever there is."""
        file = NewFile(self)
        try:
            file.add(body)
            file.keep(place, content_type=content_type, replace=True)
        finally:
            file.close()

    def delete(self, places: Sequence[Place]) -> None:
        """Delete files, as far as there are any."""
        for place in places:
            with suppress(FileNotFoundError), self.inside(*place.folders) as folder:
                os.unlink(place.name, dir_fd=folder)

    # Uploads in parts

    def begin_parts(self, key: str, content_type: str) -> str:
        """Make a folder for parts, and return its name."""
        parts_id = secrets.token_hex(16)
        about = json.dumps({"key": key}).encode()
        with self.inside("parts", parts_id, make=True):
            self.write(Place(("parts", parts_id), "about"), about, content_type=content_type)
        return parts_id

    def is_under_way(self, key: str, parts_id: str) -> bool:
        """Tell whether parts of *key* are being collected under this name."""
        return self._type_of_parts(key, parts_id) is not None

    def parts(self, key: str, parts_id: str) -> tuple[Part, ...] | None:
        """Return the parts there are, by number; None if they are not being collected."""
        if not self.is_under_way(key, parts_id):
            return None
        with self.inside("parts", parts_id) as folder:
            numbers = sorted(int(name) for name in _names_in(folder) if _PART.fullmatch(name))
        found = ((number, self.stat(part_place(parts_id, number))) for number in numbers)
        return tuple(Part(number, kept.size_bytes, kept.etag) for number, kept in found if kept is not None)

    def join_parts(self, key: str, parts_id: str, parts: Sequence[Part]) -> bool:
        """Make one file of parts; False if they are not being collected, or one is not there as named."""
        if (content_type := self._type_of_parts(key, parts_id)) is None:
            return False
        file = NewFile(self)
        try:
            for part in parts:
                if not self._copy(part_place(parts_id, part.number), part, file):
                    return False
            # A file that is there already is this one: somebody joined at the same time, or just before the end.
            file.keep(place_of(key), content_type=content_type, replace=False)
        finally:
            file.close()
        self.drop_parts(parts_id)
        return True

    def _copy(self, place: Place, part: Part, target: NewFile) -> bool:
        if (source := self.open(place)) is None:
            return False
        try:
            if (source.about.size_bytes, source.about.etag) != (part.size_bytes, part.etag):
                return False
            for begin in range(0, part.size_bytes, _COPY_BYTES):
                target.add(source.read(begin, _COPY_BYTES))
        finally:
            source.close()
        return True

    def drop_parts(self, parts_id: str) -> None:
        """Delete parts, if there are any."""
        if not _PARTS_ID.fullmatch(parts_id):
            return
        with suppress(FileNotFoundError), self.inside("parts") as parts:
            with self.inside("parts", parts_id) as folder:
                for name in sorted(_names_in(folder), key="about".__ne__):
                    with suppress(FileNotFoundError):
                        os.unlink(name, dir_fd=folder)
            try:
                os.rmdir(parts_id, dir_fd=parts)
            except OSError as error:
                # A part that came at the last moment goes with the next attempt.
                if error.errno != errno.ENOTEMPTY:
                    raise

    def _type_of_parts(self, key: str, parts_id: str) -> str | None:
        if not _PARTS_ID.fullmatch(parts_id):
            return None
        if (file := self.open(Place(("parts", parts_id), "about"))) is None:
            return None
        try:
            about = json.loads(file.read(0, file.about.size_bytes))
        finally:
            file.close()
        return file.about.content_type if about["key"] == key else None


def place_of(key: str) -> Place:
    """Return where the file of a key is.

    Raises:
        InvalidInput: it is no key of ours.
    """
    *folders, name = key.split("/")
    if not all(map(_SEGMENT.fullmatch, (*folders, name))):
        raise InvalidInput("This is not the key of a file.")
    return Place(("objects", *folders), name)


def part_place(parts_id: str, number: int) -> Place:
    """Return where a part is."""
    return Place(("parts", parts_id), str(number), may_be_made=False)


def _names_in(folder: int) -> list[str]:
    return os.listdir(folder)


def _trailer(kept: StoredObject) -> bytes:
    said = json.dumps({"type": kept.content_type, "size": kept.size_bytes, "etag": kept.etag}).encode()
    assert len(said) < _TRAILER_BYTES
    return said.ljust(_TRAILER_BYTES - 1) + b"\n"


def _about(descriptor: int) -> StoredObject | None:
    """Read a file's trailer; None if it is not one of ours."""
    status = os.fstat(descriptor)
    size = status.st_size - _TRAILER_BYTES
    if not stat.S_ISREG(status.st_mode) or size < 0:
        return None
    try:
        said = json.loads(os.pread(descriptor, _TRAILER_BYTES, size))
        about = StoredObject(said["size"], said["type"], said["etag"])
    except (ValueError, KeyError, TypeError):
        return None
    return about if about.size_bytes == size else None


def _read_secret(root: int) -> bytes:
    with os.fdopen(os.open("secret", _READ, dir_fd=root), "rb") as file:
        secret = file.read(1024)
    if len(secret) < _SECRET_BYTES:
        raise InvalidInput("The file `secret` in the folder for files holds none: delete it for a new one.")
    return secret
