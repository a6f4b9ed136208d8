"""Small pictures, drawn by a child process that is replaced whenever a picture was too much for it.

Starting one takes as long as drawing a large photograph: it serves one picture after the other, and ends when
it has served enough, or nobody has asked for a while.
"""

import asyncio
import logging
import os
import struct
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from attrs import define, field

from mtchat_core.domain.errors import ServiceUnavailable
from mtchat_core.ports.pictures import EDGE_PIXELS, MOST_BYTES, MOST_PIXELS, Picture

LIMIT_SECONDS: Final = 10.0
"""For one picture, by the clock on the wall."""
START_SECONDS: Final = 20.0
IDLE_SECONDS: Final = 60.0
MOST_PICTURES: Final = 200
"""Of one child: whatever a library loses on the way is given back with it."""
_MOST_THUMBNAIL_BYTES: Final = 1024 * 1024
# The other side is `child.py`, a program that imports nothing of ours and is not imported here.
_PROGRAM: Final = Path(__file__).with_name("child.py")
_REQUEST: Final = struct.Struct(">I")
_ANSWER: Final = struct.Struct(">III")
_A_PIXEL: Final = b"GIF89a\1\0\1\0\x80\0\0\xff\xff\xff\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"
_READY, _UNBOUND = b"+", b"-"
_NOBODY: Final = "Nobody can look into pictures right now."

_log = logging.getLogger(__name__)


def why_not() -> str | None:
    """Return why no pictures can be drawn here, in a sentence; None if they can."""
    if find_spec("resource") is None:
        return "This system can't limit what a process takes, so pictures from strangers are not looked into here."
    if find_spec("PIL") is None:
        return "Pillow is not installed: pip install 'mtchat[images]'."
    return None


class _Ended(Exception):
    """The child has ended, or talks nonsense."""


@define
class _Child:
    process: Process
    served: int = 0

    @classmethod
    async def start(cls) -> "_Child":
        """Start a child and wait until it has given up everything but its pipes."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-S",
            str(_PROGRAM),
            *map(str, (EDGE_PIXELS, MOST_PIXELS, MOST_BYTES)),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            # Our secrets are none of its business; where packages lie is all it is told.
            env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if Path(path).is_absolute())},
            start_new_session=True,
        )
        child = cls(process)
        try:
            async with asyncio.timeout(START_SECONDS):
                said = await child._read(len(_READY))
            if said == _UNBOUND:
                _log.warning("this system does not limit a process's memory: large pictures may take much of it")
            elif said != _READY:
                raise _Ended
        except BaseException:
            await child.end()
            raise
        return child

    @property
    def is_fit(self) -> bool:
        return self.process.returncode is None and self.served < MOST_PICTURES

    async def draw(self, body: bytes) -> Picture | None:
        """Ask for one picture."""
        self.served += 1
        given = self.process.stdin
        assert given is not None
        try:
            given.write(_REQUEST.pack(len(body)))
            given.write(body)
            await given.drain()
            width, height, length = _ANSWER.unpack(await self._read(_ANSWER.size))
            if not length:
                return None
            # Who knows what a picture has made of the child: only a small picture of a possible one is believed.
            if length > _MOST_THUMBNAIL_BYTES or not 0 < width * height <= MOST_PIXELS:
                raise _Ended
            small = await self._read(length)
        except OSError:
            raise _Ended from None
        if small[:4] != b"RIFF" or small[8:12] != b"WEBP":
            raise _Ended
        return Picture(width, height, small)

    async def _read(self, length: int) -> bytes:
        told = self.process.stdout
        assert told is not None
        try:
            return await told.readexactly(length)
        except asyncio.IncompleteReadError:
            raise _Ended from None

    async def end(self) -> None:
        """Kill it."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


@define(eq=False)
class PillowThumbnailer:
    """Thumbnailer that has one child at most, for one picture at a time."""

    started: int = 0
    """How many children there have been."""
    _child: _Child | None = None
    _turn: asyncio.Lock = field(factory=asyncio.Lock)
    _leave: asyncio.TimerHandle | None = None
    _leaving: asyncio.Task[None] | None = None
    _is_closed: bool = False

    @property
    def pid(self) -> int | None:
        """The process id of the child, while there is one."""
        return self._child.process.pid if self._child is not None else None

    async def draw(self, body: bytes) -> Picture | None:
        """Return what the picture is; whatever it does to the child, there is another one next time."""
        if not 0 < len(body) <= MOST_BYTES:
            return None
        async with self._turn:
            self._stay()
            try:
                return await self._drawn(body)
            finally:
                self._leave = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._begin_to_leave)

    async def close(self) -> None:
        """End the child, and what it draws."""
        self._is_closed = True
        self._stay()
        await self._end()

    async def _drawn(self, body: bytes) -> Picture | None:
        for was_used in (self._child is not None, False):
            child = await self._ready()
            try:
                async with asyncio.timeout(LIMIT_SECONDS):
                    return await child.draw(body)
            except TimeoutError:
                await self._end()
                _log.warning("a picture took too long; its process was ended")
                return None
            except _Ended:
                await self._end()
                # A child that had served may have ended for another reason, before it ever saw this picture.
                if not was_used:
                    break
            except BaseException:
                # We are told to stop: an answer that nobody waits for would be taken for the next picture's.
                await self._end()
                raise
        _log.warning("a picture was too much for the process that looked into it")
        return None

    async def _ready(self) -> _Child:
        if self._child is not None and not self._child.is_fit:
            await self._end()
        if self._child is None:
            if self._is_closed:
                raise ServiceUnavailable(_NOBODY)
            try:
                self._child = await _Child.start()
            except (_Ended, OSError) as error:
                _log.warning("no process could be started to look into pictures: %s", type(error).__name__)
                raise ServiceUnavailable(_NOBODY) from None
            self.started += 1
        return self._child

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            await child.end()

    def _stay(self) -> None:
        if self._leave is not None:
            self._leave.cancel()
            self._leave = None

    def _begin_to_leave(self) -> None:
        self._leave = None
        self._leaving = asyncio.get_running_loop().create_task(self._leave_idle())

    async def _leave_idle(self) -> None:
        async with self._turn:
            # Nobody has asked since: whoever does has it stay for another while.
            if self._leave is None:
                await self._end()


@asynccontextmanager
async def open() -> AsyncGenerator[PillowThumbnailer]:  # noqa: A001 - pillow.open
    """Have a thumbnailer for the block; its child starts with the first picture."""
    thumbnailer = PillowThumbnailer()
    try:
        yield thumbnailer
    finally:
        await thumbnailer.close()


async def examine() -> str | None:
    """Draw a picture, and return why that can't be done here, in a sentence; None if it can."""
    if (why := why_not()) is not None:
        return why
    async with open() as thumbnailer:
        try:
            is_drawn = await thumbnailer.draw(_A_PIXEL) is not None
        except ServiceUnavailable:
            is_drawn = False
    return None if is_drawn else "The process that looks into pictures can't be started here."
