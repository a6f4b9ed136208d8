"""Small pictures, as a test says they are."""

from attrs import define, field

from mtchat_core.ports.pictures import Picture


@define
class MemoryThumbnailer:
    """Thumbnailer that knows the pictures it was told of, by their bytes; to all else it says no."""

    pictures: dict[bytes, Picture] = field(factory=dict[bytes, Picture])

    async def draw(self, body: bytes) -> Picture | None:
        """Return what it was told."""
        return self.pictures.get(body)
