"""Small pictures. Each adapter is shown pictures it can know."""

from collections.abc import AsyncGenerator
from io import BytesIO

import pytest
from PIL import Image

from mtchat_adapters import pillow
from mtchat_adapters.memory.pictures import MemoryThumbnailer
from mtchat_core.ports.pictures import EDGE_PIXELS, MOST_BYTES, Picture, Thumbnailer


def a_photo(width: int = 640, height: int = 480) -> bytes:
    out = BytesIO()
    Image.new("RGB", (width, height), "teal").save(out, "JPEG")
    return out.getvalue()


@pytest.fixture(params=["memory", "pillow"])
async def thumbnailer(request: pytest.FixtureRequest) -> AsyncGenerator[Thumbnailer]:
    if request.param == "memory":
        out = BytesIO()
        Image.new("RGB", (300, 225), "teal").save(out, "WEBP")
        yield MemoryThumbnailer({a_photo(): Picture(640, 480, out.getvalue())})
        return
    async with pillow.open() as opened:
        yield opened


async def test_a_picture_is_measured_and_drawn_small(thumbnailer: Thumbnailer) -> None:
    drawn = await thumbnailer.draw(a_photo())

    assert drawn is not None
    assert (drawn.width, drawn.height) == (640, 480)
    small = Image.open(BytesIO(drawn.thumbnail))
    assert (small.format, small.size) == ("WEBP", (EDGE_PIXELS, 225))


@pytest.mark.parametrize("body", [b"", b"no picture", b"\xff\xd8\xff", bytes(MOST_BYTES + 1)], ids=len)
async def test_what_is_no_picture_or_too_large_is_none(thumbnailer: Thumbnailer, body: bytes) -> None:
    assert await thumbnailer.draw(body) is None
    assert await thumbnailer.draw(a_photo()) is not None


async def test_nobody_sees_the_bytes_by_accident(thumbnailer: Thumbnailer) -> None:
    drawn = await thumbnailer.draw(a_photo())

    assert "RIFF" not in repr(drawn)
