"""Small pictures: P20."""

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

from PIL import Image

from bench.processes import PATIENCE_SECONDS
from bench.rows import Goal, Row
from bench.stage import Stage, Stopwatch
from mtchat_adapters import pillow
from mtchat_adapters.pillow import PillowThumbnailer

ROWS = ("P20",)
_SIZE = (4000, 3000)
_BARE = """
import sys, time
from io import BytesIO
from PIL import Image, ImageOps
body = open(sys.argv[1], "rb").read()
def draw():
    with Image.open(BytesIO(body)) as picture:
        picture.thumbnail((300, 300))
        out = BytesIO()
        ImageOps.exif_transpose(picture).save(out, "WEBP", quality=80, method=4)
draw()
began = time.perf_counter()
for _ in range(int(sys.argv[2])):
    draw()
print(time.perf_counter() - began)
print(open("/proc/self/status").read())
"""


async def measure(stage: Stage, wanted: frozenset[str]) -> AsyncIterator[Row]:
    """Have small pictures drawn by the child and by the floor, by turns."""
    assert wanted
    sizes, photo = stage.sizes, _photo()
    kept = stage.folder / "photo.jpg"
    kept.write_bytes(photo)
    count = max(3, sizes.reads // 5)
    ours, floor, memory, floor_memory = [list[float]() for _ in range(4)]
    with Stopwatch(f"P20: {sizes.rounds} x {count} pictures of each side"):
        for _ in range(sizes.rounds):
            async with pillow.open() as thumbnailer:
                began = time.perf_counter()
                await _draw(thumbnailer, photo)
                first = time.perf_counter() - began
                began = time.perf_counter()
                for _ in range(count):
                    await _draw(thumbnailer, photo)
                ours.append(count / (time.perf_counter() - began))
                memory.append(_most_bytes(_status(thumbnailer.pid)))
            seconds, held = await _bare(kept, count)
            floor.append(count / seconds)
            floor_memory.append(held)
    yield Row(
        "P20",
        "small pictures of a 12 megapixel photo, by the child process",
        "Pillow in a loop",
        "/s",
        statistics.median(ours),
        statistics.median(floor),
        Goal("higher", 0.8, 0.95),
        {"first one, with the start of the child, ms": first * 1e3, "the photo, kB": len(photo) / 1e3},
    )
    yield Row(
        "P20 memory",
        "most memory of the child",
        "Pillow in a loop",
        "MB",
        statistics.median(memory) / 1e6,
        statistics.median(floor_memory) / 1e6,
        Goal("lower", 1.5, 1.1),
    )


async def _draw(thumbnailer: PillowThumbnailer, photo: bytes) -> None:
    if await thumbnailer.draw(photo) is None:
        raise RuntimeError("The photo was not drawn.")


def _photo() -> bytes:
    """Return a JPEG as heavy as a camera's."""
    grain = Image.effect_noise((_SIZE[0] // 4, _SIZE[1] // 4), 60).resize(_SIZE)
    out = BytesIO()
    Image.merge("RGB", (grain, grain.rotate(180), Image.linear_gradient("L").resize(_SIZE))).save(out, "JPEG")
    return out.getvalue()


def _status(pid: int | None) -> str:
    return Path(f"/proc/{pid}/status").read_text()


def _most_bytes(status: str) -> float:
    return next(float(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


async def _bare(photo: Path, count: int) -> tuple[float, float]:
    """Return the seconds that the floor takes for *count* pictures, and the most memory it had."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _BARE, str(photo), str(count), stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        said, _ = await process.communicate()
    seconds, _, status = said.decode().partition("\n")
    return float(seconds), _most_bytes(status)
