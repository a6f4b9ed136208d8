"""Pictures from strangers: photographs as cameras make them, and what is made to break whoever looks."""

import asyncio
import os
import signal
import struct
import time
import zlib
from collections.abc import AsyncGenerator, Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from mtchat_adapters import pillow
from mtchat_adapters.pillow import PillowThumbnailer, pictures
from mtchat_core.domain.errors import ServiceUnavailable
from mtchat_core.ports.pictures import Picture

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
ORIENTATION, GPS, CAMERA = 0x0112, 0x8825, 0x010F
PATIENCE_SECONDS = 20


@pytest.fixture(scope="module")
async def thumbnailer() -> AsyncGenerator[PillowThumbnailer]:
    async with pillow.open() as opened:
        yield opened


def corners(mode: str = "RGB", size: tuple[int, int] = (400, 200)) -> Image.Image:
    """Return a picture whose corners are red, green, blue and white, line by line."""
    picture = Image.new("RGB", (2, 2))
    picture.putdata([RED, GREEN, BLUE, WHITE])
    return picture.resize(size, Image.Resampling.NEAREST).convert(mode)


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    out = BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def opened(drawn: Picture | None) -> Image.Image:
    assert drawn is not None
    return Image.open(BytesIO(drawn.thumbnail))


def seen_corners(small: Image.Image) -> list[str]:
    """Name the colours in the corners, line by line."""
    names = {"red": RED, "green": GREEN, "blue": BLUE, "white": WHITE}
    plain, (width, height) = small.convert("RGB"), small.size
    found: list[str] = []
    for place in [(9, 9), (width - 9, 9), (9, height - 9), (width - 9, height - 9)]:
        pixel = plain.getpixel(place)
        assert isinstance(pixel, tuple)
        distance = {
            name: sum(abs(a - b) for a, b in zip(pixel, colour, strict=True)) for name, colour in names.items()
        }
        found.append(min(distance, key=distance.__getitem__))
    return found


def with_exif(turn: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = turn
    exif[CAMERA] = "SECRET-CAMERA"
    exif.get_ifd(GPS).update({1: "N", 2: (55.0, 45.0, 7.0), 3: "E", 4: (37.0, 37.0, 3.0)})
    return exif


LYING = {5, 6, 7, 8}
TURNED: dict[int, Callable[[Image.Image], Image.Image]] = {
    1: lambda upright: upright,
    2: lambda upright: upright.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    3: lambda upright: upright.transpose(Image.Transpose.ROTATE_180),
    4: lambda upright: upright.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
    5: lambda upright: upright.transpose(Image.Transpose.TRANSPOSE),
    6: lambda upright: upright.transpose(Image.Transpose.ROTATE_90),
    7: lambda upright: upright.transpose(Image.Transpose.TRANSVERSE),
    8: lambda upright: upright.transpose(Image.Transpose.ROTATE_270),
}
"""How a camera keeps an upright picture, by the orientation it writes beside it (EXIF 2.3, table 4)."""


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("turn", TURNED)
async def test_a_picture_stands_upright_and_tells_nothing_of_where_it_was_taken(
    thumbnailer: PillowThumbnailer, turn: int, kind: str
) -> None:
    body = saved(TURNED[turn](corners()), kind, exif=with_exif(turn))
    assert b"SECRET-CAMERA" in body

    drawn = await thumbnailer.draw(body)

    small = opened(drawn)
    assert drawn is not None
    assert (drawn.width, drawn.height) == (400, 200)
    assert small.size == (300, 150)
    assert seen_corners(small) == ["red", "green", "blue", "white"]
    assert not small.getexif()
    assert b"SECRET-CAMERA" not in drawn.thumbnail
    assert set(small.info) <= {"loop", "background", "timestamp", "duration"}


async def test_texts_profiles_and_xmp_stay_behind(thumbnailer: PillowThumbnailer) -> None:
    told = PngImagePlugin.PngInfo()
    told.add_text("Comment", "SECRET-TEXT")
    told.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta>SECRET-TEXT</x:xmpmeta>")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    for body in (
        saved(corners(), "PNG", pnginfo=told, icc_profile=profile),
        saved(corners(), "JPEG", comment=b"SECRET-TEXT", xmp=b"SECRET-TEXT", icc_profile=profile),
        saved(corners(), "WEBP", xmp=b"SECRET-TEXT", icc_profile=profile),
    ):
        assert b"SECRET-TEXT" in body
        drawn = await thumbnailer.draw(body)
        assert drawn is not None
        assert drawn.thumbnail[12:16] == b"VP8 ", "a plain picture with no further chunks"
        assert seen_corners(opened(drawn)) == ["red", "green", "blue", "white"]


@pytest.mark.parametrize(
    ("mode", "kind", "options"),
    [
        ("RGB", "JPEG", {}),
        ("RGB", "JPEG", {"progressive": True}),
        ("CMYK", "JPEG", {}),
        ("YCbCr", "JPEG", {}),
        ("P", "PNG", {}),
        ("RGBA", "PNG", {}),
        ("RGB", "PNG", {}),
        ("P", "GIF", {}),
        ("RGB", "BMP", {}),
        ("P", "BMP", {}),
        ("RGB", "TIFF", {"compression": "tiff_lzw"}),
        ("CMYK", "TIFF", {}),
        ("LAB", "TIFF", {}),
        ("RGB", "WEBP", {"lossless": True}),
    ],
)
async def test_every_sort_of_picture_keeps_its_colours(
    thumbnailer: PillowThumbnailer, mode: str, kind: str, options: dict[str, Any]
) -> None:
    picture = corners()
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        converted = ImageCms.profileToProfile(picture, srgb, lab, outputMode="LAB")
        assert converted is not None
        picture = converted

    drawn = await thumbnailer.draw(saved(picture if mode == "LAB" else picture.convert(mode), kind, **options))

    assert seen_corners(opened(drawn)) == ["red", "green", "blue", "white"]


@pytest.mark.parametrize(
    ("mode", "kind", "dark", "light"),
    [
        ("1", "PNG", 0, 1),
        ("L", "PNG", 0, 255),
        ("LA", "PNG", (0, 255), (255, 255)),
        ("I;16", "PNG", 0, 65535),
        ("I;16", "TIFF", 0, 65535),
        ("I", "TIFF", -70000, 70000),
        ("F", "TIFF", -1.5, 1.5),
    ],
)
async def test_shades_of_grey_stay_apart(
    thumbnailer: PillowThumbnailer, mode: str, kind: str, dark: Any, light: Any
) -> None:
    picture = Image.new(mode, (2000, 1000), dark)
    picture.paste(light, (0, 0, 1000, 1000))

    small = opened(await thumbnailer.draw(saved(picture, kind))).convert("L")

    assert small.getpixel((75, 75)) in range(245, 256)
    assert small.getpixel((225, 75)) in range(11)


async def test_what_is_transparent_stays_so(thumbnailer: PillowThumbnailer) -> None:
    picture = corners("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 200, 200))
    palette = picture.quantize()
    key = corners()

    for body, clear in (
        (saved(picture, "PNG"), (50, 50)),
        (saved(picture, "WEBP"), (50, 50)),
        (saved(palette, "GIF", transparency=palette.getpixel((50, 50))), (50, 50)),
        (saved(key, "PNG", transparency=RED), (50, 30)),
    ):
        small = opened(await thumbnailer.draw(body))
        assert small.mode == "RGBA"
        alpha = small.getchannel("A")
        assert (alpha.getpixel(clear), alpha.getpixel((250, 30))) == (0, 255)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
async def test_of_something_that_moves_the_first_picture_is_shown(
    thumbnailer: PillowThumbnailer, kind: str
) -> None:
    later = [Image.new("RGB", (400, 200), colour) for colour in ("black", "orange")]

    drawn = await thumbnailer.draw(saved(corners(), kind, save_all=True, append_images=later))

    small = opened(drawn)
    assert seen_corners(small) == ["red", "green", "blue", "white"]
    assert getattr(small, "n_frames", 1) == 1


async def test_a_picture_of_two_as_telephones_make_them_is_drawn(thumbnailer: PillowThumbnailer) -> None:
    body = saved(corners(), "MPO", save_all=True, append_images=[corners()])

    assert seen_corners(opened(await thumbnailer.draw(body))) == ["red", "green", "blue", "white"]


async def test_a_small_picture_is_not_made_larger_and_a_thin_one_has_a_pixel(
    thumbnailer: PillowThumbnailer,
) -> None:
    assert opened(await thumbnailer.draw(saved(corners(size=(40, 20)), "PNG"))).size == (40, 20)
    assert opened(await thumbnailer.draw(saved(corners(size=(4000, 2)), "PNG"))).size == (300, 1)
    assert opened(await thumbnailer.draw(saved(corners(size=(1, 1)), "PNG"))).size == (1, 1)


@pytest.mark.parametrize("kind", ["ICO", "PPM", "TGA", "PCX", "ICNS", "SGI", "DDS"])
async def test_other_formats_are_not_looked_into(thumbnailer: PillowThumbnailer, kind: str) -> None:
    assert await thumbnailer.draw(saved(corners(size=(64, 64)), kind)) is None


# What is made to break whoever looks


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def a_png(width: int, height: int, *chunks: bytes, mode: int = 2) -> bytes:
    """Return a PNG of nothing: a few bytes for as many pixels as one likes."""
    samples = {0: 1, 2: 3, 6: 4}[mode]
    packer = zlib.compressobj(9)
    line = bytes(1 + width * samples)
    pixels = b"".join(packer.compress(line) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, mode, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + b"".join(chunks)
        + chunk(b"IDAT", pixels)
        + chunk(b"IEND", b"")
    )


def a_tiff(*entries: tuple[int, int, int, int], following: int = 0) -> bytes:
    """Return a TIFF whose only directory has *entries* (tag, type, count, value) and names the *following* one."""
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return (
        b"II*\x00" + struct.pack("<I", 8) + struct.pack("<H", len(entries)) + packed + struct.pack("<I", following)
    )


def a_strip(length: int, width: int = 10) -> list[tuple[int, int, int, int]]:
    whole = {256: width, 257: 10, 273: 8, 278: 10, 279: length}
    short = {258: 8, 259: 1, 262: 1, 277: 1}
    entries = [(tag, 4, 1, value) for tag, value in whole.items()]
    return sorted(entries + [(tag, 3, 1, value) for tag, value in short.items()])


PHOTO = saved(corners(), "JPEG")
ZEROS = zlib.compress(bytes(200 * 1024 * 1024), 9)
HOSTILE: dict[str, Callable[[], bytes]] = {
    "a pixel bomb of 225 million": lambda: a_png(15_000, 15_000, mode=0),
    "a pixel bomb that only says so": lambda: (
        a_png(30_000, 2)[:16] + struct.pack(">II", 60_000, 60_000) + bytes(99)
    ),
    "just above the limit": lambda: a_png(8_000, 5_001, mode=0),
    "as wide as can be": lambda: a_png(40_000_001, 1, mode=0),
    "a gif of four thousand million": lambda: b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b";",
    "a text that unfolds": lambda: a_png(9, 9, chunk(b"zTXt", b"x\0\0" + ZEROS)),
    "an international text that unfolds": lambda: a_png(9, 9, chunk(b"iTXt", b"x\0\1\0\0\0" + ZEROS)),
    "a profile that unfolds": lambda: a_png(9, 9, chunk(b"iCCP", b"x\0\0" + ZEROS)),
    "many texts that unfold": lambda: a_png(
        9, 9, *[chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(1_000_000)))] * 500
    ),
    "a truncated photo": lambda: PHOTO[: len(PHOTO) // 2],
    "a truncated png": lambda: saved(corners(), "PNG")[:-40],
    "a truncated webp": lambda: saved(corners(), "WEBP")[:-40],
    "a tiff whose directories go in circles": lambda: a_tiff((256, 4, 1, 10), following=8),
    "a tiff of endless tags": lambda: a_tiff(*a_strip(0xFFFFFFFF), (34675, 7, 0xFFFFFFFF, 8)),
    "a tiff that leads beyond its end": lambda: a_tiff(*a_strip(0xFFFFFFFF, width=0xFFFFFFFF)),
    "a page of html": lambda: b"<html><script>alert(1)</script></html>",
    "postscript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "nothing but noise": lambda: os.urandom(100_000),
    "jpeg and then noise": lambda: PHOTO[:400] + bytes(range(1, 255)) * 40,
}


FORGIVEN = {
    "a tiff whose directories go in circles",
    "a tiff of endless tags",
    "an international text that unfolds",
    "a profile that unfolds",
    "jpeg and then noise",
}


@pytest.mark.parametrize("what", HOSTILE)
async def test_a_hostile_picture_is_none_and_the_next_one_is_drawn_f28(
    thumbnailer: PillowThumbnailer, what: str
) -> None:
    drawn = await thumbnailer.draw(HOSTILE[what]())

    # Decoders forgive a little: what counts is that nothing large comes of it, and nothing breaks.
    is_forgiven = what in FORGIVEN and drawn is not None and drawn.width * drawn.height <= 400 * 200
    assert drawn is None or is_forgiven
    assert await thumbnailer.draw(PHOTO) is not None


def memory_of(pid: int | None) -> dict[str, int]:
    """Return what the system says of a process's memory, in kB."""
    lines = [line.partition(":") for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return {name: int(rest.split()[0]) for name, _, rest in lines if "kB" in rest}


def is_running(pid: int | None) -> bool:
    return Path(f"/proc/{pid}").exists()


async def test_looking_at_a_pixel_bomb_takes_no_memory_f28() -> None:
    bomb = a_png(15_000, 15_000, mode=0)
    async with pillow.open() as thumbnailer:
        await thumbnailer.draw(PHOTO)
        before = memory_of(thumbnailer.pid)["VmHWM"]

        assert await thumbnailer.draw(bomb) is None

        assert memory_of(thumbnailer.pid)["VmHWM"] - before < 20_000, "in kB: nothing was unfolded"
        assert thumbnailer.started == 1


async def test_the_largest_picture_is_drawn_within_its_memory(thumbnailer: PillowThumbnailer) -> None:
    body = a_png(8_000, 5_000, mode=6)

    drawn = await thumbnailer.draw(body)

    assert drawn is not None
    assert (drawn.width, drawn.height) == (8_000, 5_000)
    assert memory_of(thumbnailer.pid)["VmPeak"] <= 513 * 1024


async def test_the_child_has_given_up_files_network_children_and_our_secrets(
    thumbnailer: PillowThumbnailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JWT_SECRET", "SECRET-OF-OURS")
    async with pillow.open() as fresh:
        await fresh.draw(PHOTO)
        about = Path(f"/proc/{fresh.pid}")
        limits = {line[:26].strip(): line[26:46].strip() for line in (about / "limits").read_text().splitlines()}
        held = {number.name: str(number.readlink()) for number in (about / "fd").iterdir()}
        told = (about / "environ").read_bytes()

    assert {name: limits[name] for name in ("Max open files", "Max file size", "Max processes")} == {
        "Max open files": "0",
        "Max file size": "0",
        "Max processes": "0",
    }
    assert limits["Max address space"] == str(512 * 1024 * 1024)
    assert int(limits["Max cpu time"]) <= 30
    assert set(held) == {"0", "1", "2"}
    assert held["2"] == "/dev/null"
    assert b"SECRET-OF-OURS" not in told


async def test_a_child_that_is_killed_between_pictures_is_replaced(thumbnailer: PillowThumbnailer) -> None:
    assert await thumbnailer.draw(PHOTO) is not None
    assert thumbnailer.pid is not None
    os.kill(thumbnailer.pid, signal.SIGKILL)

    assert await thumbnailer.draw(PHOTO) is not None


_READY = (
    "import os, struct, sys, time\nsys.stdout.buffer.write(b'+'); sys.stdout.flush()\nsys.stdin.buffer.read(5)\n"
)
BROKEN = {
    "dies of a picture": "os.kill(os.getpid(), 9)",
    "leaves in the middle of an answer": "os.write(1, struct.pack('>III', 9, 9, 999) + b'RIFF')",
    "claims a thumbnail without end": "os.write(1, struct.pack('>III', 9, 9, 2**32 - 1)); time.sleep(60)",
    "claims a picture that can't be": "os.write(1, struct.pack('>III', 2**31, 9, 20) + b'RIFF0000WEBP' * 9)",
    "answers with a page": "os.write(1, struct.pack('>III', 9, 9, 20) + b'<script>alert(1)</script>')",
}


@pytest.mark.parametrize("what", BROKEN)
async def test_a_child_that_breaks_over_a_picture_is_replaced_f28(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text(_READY + BROKEN[what])
    async with pillow.open() as thumbnailer:
        with monkeypatch.context() as patched:
            patched.setattr(pictures, "_PROGRAM", broken)
            assert await thumbnailer.draw(PHOTO) is None
            assert thumbnailer.pid is None

        assert await thumbnailer.draw(PHOTO) is not None


async def test_a_picture_that_takes_too_long_is_given_up_and_its_child_killed_f28(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "slow.py"
    slow.write_text(_READY + "time.sleep(600)")
    monkeypatch.setattr(pictures, "LIMIT_SECONDS", 0.2)
    monkeypatch.setattr(pictures, "_PROGRAM", slow)
    async with pillow.open() as thumbnailer:
        drawing = asyncio.create_task(thumbnailer.draw(PHOTO))
        pid = await until(lambda: thumbnailer.pid)

        assert await drawing is None
        assert not is_running(pid)


async def test_a_child_that_computes_without_end_is_ended_by_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = tmp_path / "endless.py"
    program = (
        Path(pictures.__file__).with_name("child.py").read_text().replace("CPU_SECONDS = 5", "CPU_SECONDS = 0")
    )
    drawing = "            drawn = draw("
    assert drawing in program
    endless.write_text(program.replace(drawing, f"            while True:\n                pass\n{drawing}"))
    monkeypatch.setattr(pictures, "_PROGRAM", endless)
    monkeypatch.setattr(pictures, "LIMIT_SECONDS", PATIENCE_SECONDS)
    async with pillow.open() as thumbnailer:
        began = time.monotonic()
        assert await thumbnailer.draw(PHOTO) is None
        assert time.monotonic() - began < PATIENCE_SECONDS, "the system ended it, not our own clock"


async def until(condition: Callable[[], int | None]) -> int:
    """Wait for what *condition* returns once it is there."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    return found


@pytest.mark.parametrize("program", ["import sys; sys.exit(1)", "print('x')", "raise SystemExit"])
async def test_where_no_child_can_be_started_the_picture_waits_for_another_time(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text(program)
    monkeypatch.setattr(pictures, "_PROGRAM", broken)

    async with pillow.open() as thumbnailer:
        with pytest.raises(ServiceUnavailable):
            await thumbnailer.draw(PHOTO)


async def test_who_stops_waiting_disturbs_no_later_picture(thumbnailer: PillowThumbnailer) -> None:
    await thumbnailer.draw(PHOTO)
    assert thumbnailer.pid is not None
    os.kill(thumbnailer.pid, signal.SIGSTOP)
    drawing = asyncio.create_task(thumbnailer.draw(saved(corners(size=(40, 20)), "PNG")))
    await asyncio.sleep(0)
    drawing.cancel()
    await asyncio.gather(drawing, return_exceptions=True)

    assert opened(await thumbnailer.draw(PHOTO)).size == (300, 150)


async def test_pictures_asked_for_at_once_come_one_after_the_other_and_each_to_its_own() -> None:
    sizes = [(40 + n, 20) for n in range(12)]
    async with pillow.open() as thumbnailer:
        drawn = await asyncio.gather(*(thumbnailer.draw(saved(corners(size=size), "PNG")) for size in sizes))

        assert [(one.width, one.height) if one else None for one in drawn] == sizes
        assert thumbnailer.started == 1


async def test_a_child_serves_only_so_many_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MOST_PICTURES", 3)
    async with pillow.open() as thumbnailer:
        for _ in range(7):
            assert await thumbnailer.draw(PHOTO) is not None

        assert thumbnailer.started == 3


async def test_a_child_that_nobody_asks_leaves_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "IDLE_SECONDS", 0.05)
    async with pillow.open() as thumbnailer:
        assert await thumbnailer.draw(PHOTO) is not None

        await until(lambda: thumbnailer.pid is None)
        assert await thumbnailer.draw(PHOTO) is not None


async def test_closing_leaves_no_child_behind() -> None:
    async with pillow.open() as thumbnailer:
        await thumbnailer.draw(PHOTO)
        pid = thumbnailer.pid

    assert not is_running(pid)
    with pytest.raises(ServiceUnavailable):
        await thumbnailer.draw(PHOTO)


async def test_whoever_asks_is_told_that_pictures_can_be_drawn_or_why_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await pillow.examine() is None

    monkeypatch.setattr(pictures, "_PROGRAM", tmp_path / "nothing.py")
    assert "can't be started" in (await pillow.examine() or "")


def test_a_missing_pillow_or_system_without_limits_is_said_clearly(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pillow.why_not() is None
    missing = {"PIL"}
    monkeypatch.setattr(pictures, "find_spec", lambda name: None if name in missing else object())
    assert "pip install 'mtchat[images]'" in (pillow.why_not() or "")
    missing.add("resource")
    assert "This system" in (pillow.why_not() or "")
