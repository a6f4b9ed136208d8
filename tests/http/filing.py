"""Files for tests of the doors: announced, put where they belong, and named as a message names them."""

from collections.abc import Mapping
from typing import Any

from mtchat_adapters.memory.storage import MemoryStorage
from tests.http.world import World

Named = dict[str, Any]


def storage(world: World) -> MemoryStorage:
    """Return where the world keeps its files."""
    kept = world.chat.files.storage
    assert isinstance(kept, MemoryStorage)
    return kept


async def place(
    world: World, user: str, dialog: str, *, filename: str = "plan.pdf", content_type: str, size: int
) -> Mapping[str, Any]:
    """Have somebody ask where to put a file."""
    asked = {"dialog_id": dialog, "filename": filename, "content_type": content_type, "size": size}
    place: Mapping[str, Any] = await world.person(user).data("POST", "/upload/presign", asked)
    return place


async def upload(
    world: World,
    user: str,
    dialog: str,
    filename: str = "plan.pdf",
    content_type: str = "application/pdf",
    body: bytes = b"%PDF-1.7 a plan",
) -> Named:
    """Have somebody upload a file, and return it as a message names it."""
    given = await place(world, user, dialog, filename=filename, content_type=content_type, size=len(body))
    storage(world).put(given["upload_url"], body, content_type=content_type)
    return {"s3_key": given["s3_key"], "filename": filename, "content_type": content_type, "size": len(body)}


async def send(world: World, user: str, dialog: str, *files: Named, content: str = "") -> dict[str, Any]:
    """Have somebody send files, and return the message."""
    return await world.say(user, dialog, content, attachments=list(files))
