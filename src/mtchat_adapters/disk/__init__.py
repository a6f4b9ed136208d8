"""Files in a folder of this machine."""

from mtchat_adapters.disk.storage import PATH, DiskStorage, StorageFull, examine, open  # noqa: A004 - read as disk.open

__all__ = ["PATH", "DiskStorage", "StorageFull", "examine", "open"]
