"""Draws small pictures in a process of its own, which its parent may kill at any time.

It is run as a program and imports nothing of ours. What it reads comes from strangers: before the first byte
it gives up memory, processor time, files and network for good. A request is the length of a picture in four
bytes and the picture; an answer is `ANSWER` and the small picture, all zeros if there is none.
"""

import struct
import sys
import warnings
from io import BytesIO

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageCms,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

REQUEST = struct.Struct(">I")
ANSWER = struct.Struct(">III")
"""Width and height of the upright picture, length of the small one."""
READY, UNBOUND = b"+", b"-"
"""What it says first: that its memory is limited, or that this system does not limit it."""
CPU_SECONDS = 5
MEMORY_BYTES = 512 * 1024 * 1024

_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")
_PLUGINS = (
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
"""Imported by name: nothing can be, once files are given up."""
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns a picture upright, by its EXIF orientation."""
_ON_ITS_SIDE = 5
"""From this orientation on, width and height change places."""
_MOST_SAMPLE = 255
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


def draw(body: bytes, *, edge: int, most_pixels: int) -> tuple[int, int, bytes] | None:
    """Return the upright picture's width and height and a small one; None if it is none, or too large."""
    with Image.open(BytesIO(body), formats=_FORMATS) as picture:
        width, height = picture.size
        if width * height > most_pixels:
            return None
        turn = 1
        # Pillow itself turns TIFF upright, and tells the upright size from the start.
        if picture.format != "TIFF":
            turn = _orientation(picture)
            width, height = (height, width) if turn >= _ON_ITS_SIDE else (width, height)
        small = _small(picture, edge)
    if turn in _UPRIGHT:
        small = small.transpose(_UPRIGHT[turn])
    # Whatever else came with the picture stays behind.
    small.info = {}
    out = BytesIO()
    small.save(out, "WEBP", quality=80, method=4)
    return width, height, out.getvalue()


def _orientation(picture: Image.Image) -> int:
    try:
        turn = picture.getexif().get(_ORIENTATION, 1)
    except Exception:
        return 1
    return turn if isinstance(turn, int) and turn in _UPRIGHT else 1


def _small(picture: Image.Image, edge: int) -> Image.Image:
    """Return the first frame within *edge* pixels, in plain red, green, blue and perhaps alpha."""
    profile = picture.info.get("icc_profile")
    small: Image.Image = picture
    if picture.mode in ("1", "P", "PA") or (picture.mode != "RGBA" and picture.has_transparency_data):
        small = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
        picture.close()
    # Samples of 16 bits can't be averaged beforehand, which makes the others quick.
    small.thumbnail((edge, edge), reducing_gap=None if small.mode.startswith("I;") else 2.0)
    return _plain(small, profile)


def _plain(small: Image.Image, profile: bytes | None) -> Image.Image:
    if small.mode in ("I", "F") or small.mode.startswith("I;"):
        small, profile = _within_a_byte(small), None
    alpha = small.convert("RGBA").getchannel("A") if small.has_transparency_data else None
    colours = small.convert("RGB") if alpha is not None else small
    if profile:
        colours = _as_srgb(colours, profile)
    colours = colours.convert("RGB")
    if alpha is not None:
        colours.putalpha(alpha)
    return colours


def _within_a_byte(small: Image.Image) -> Image.Image:
    """Bring samples of 16 or 32 bits into 8: the usual 16 evenly, others from their least to their most."""
    least, most = 0.0, 256.0 * (_MOST_SAMPLE + 1) - 1
    if small.mode in ("I", "F"):
        small = small.convert("F")
        extremes = small.getextrema()
        least, most = float(extremes[0]), float(extremes[1])  # type: ignore[arg-type]
    small = small.convert("F")
    scale = _MOST_SAMPLE / ((most - least) or 1.0)
    evened = small.point(lambda sample: sample * scale - least * scale)  # pyright: ignore[reportUnknownMemberType]
    return evened.convert("L")


def _as_srgb(colours: Image.Image, profile: bytes) -> Image.Image:
    """Return *colours* as sRGB, or as they are if the profile is of no use."""
    try:
        given = ImageCms.ImageCmsProfile(BytesIO(profile))
        return ImageCms.profileToProfile(colours, given, _SRGB, outputMode="RGB") or colours
    except Exception:
        return colours


def rehearse(edge: int, most_pixels: int) -> None:
    """Draw one of each format, so that everything that is ever loaded has been."""
    for mode, kind in [("L", "JPEG"), ("CMYK", "JPEG"), ("P", "GIF"), ("I;16", "TIFF")] + [
        ("RGB", kind) for kind in _FORMATS
    ]:
        out = BytesIO()
        exif = Image.Exif()
        exif[_ORIENTATION] = 6
        tiny = Image.new(mode, (edge + 2, 2))
        packed = {"compression": "tiff_lzw"} if kind == "TIFF" else {}
        tiny.save(out, kind, exif=exif, icc_profile=_SRGB.tobytes(), **packed)
        draw(out.getvalue(), edge=edge, most_pixels=most_pixels)


def _give_up_everything() -> bool:
    """Take what a hostile picture could use away from this process; return whether memory is limited."""
    import resource

    def limit(what: int, soft: int, hard: int) -> None:
        try:
            resource.setrlimit(what, (soft, hard))
        except (ValueError, OSError):
            sys.stderr.write("a limit can't be set here\n")

    for what, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_DATA, MEMORY_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        limit(what, most, most)
    try:
        bytearray(MEMORY_BYTES)
    except MemoryError:
        return True
    return False


def _allow_time() -> None:
    """Let the next picture have its seconds: whoever takes more is ended by the system."""
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + CPU_SECONDS, hard))


def main() -> None:
    """Answer requests until nobody asks any more."""
    import os

    edge, most_pixels, most_bytes = map(int, sys.argv[1:4])
    os.nice(10)
    warnings.simplefilter("ignore")
    # The look at the size is our own; Pillow's would refuse only twice as much.
    Image.MAX_IMAGE_PIXELS = most_pixels
    rehearse(edge, most_pixels)
    asked, answered = sys.stdin.buffer, sys.stdout.buffer
    answered.write(READY if _give_up_everything() else UNBOUND)
    answered.flush()
    while len(head := asked.read(REQUEST.size)) == REQUEST.size:
        (length,) = REQUEST.unpack(head)
        if length > most_bytes:
            return
        body = asked.read(length)
        if len(body) < length:
            return
        _allow_time()
        try:
            drawn = draw(body, edge=edge, most_pixels=most_pixels)
        except Exception:
            # Whatever a stranger's picture does to a decoder, it is no picture.
            drawn = None
        width, height, small = drawn or (0, 0, b"")
        answered.write(ANSWER.pack(width, height, len(small)) + small)
        answered.flush()


if __name__ == "__main__":
    main()
