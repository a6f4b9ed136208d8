"""Small pictures of large ones."""

from typing import Protocol

from attrs import field, frozen

MOST_PIXELS = 40_000_000
MOST_BYTES = 32 * 1024 * 1024
"""The largest file that is looked into."""
EDGE_PIXELS = 300
"""The longer side of a small picture; one that is smaller already stays as it is."""


@frozen
class Picture:
    """What a picture is, the right way up, and a small one of it as WebP without any metadata."""

    width: int
    height: int
    thumbnail: bytes = field(repr=False)


class Thumbnailer(Protocol):
    """Looks into pictures from strangers: whatever is in them, this process comes to no harm."""

    async def draw(self, body: bytes) -> Picture | None:
        """Return what the picture is, with a small one; None if it is none, is too large, or takes too long.

        Raises:
            ServiceUnavailable: nobody can look into it right now.
        """
        ...
