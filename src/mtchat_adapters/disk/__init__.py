"""Files in a folder of this machine."""

from mtchat_adapters.disk.storage import KEEP_FREE_BYTES, PATH, DiskStorage, StorageFull, examine, open, prepare  # noqa: A004 - read as disk.open

__all__ = ["KEEP_FREE_BYTES", "PATH", "DiskStorage", "StorageFull", "examine", "open", "prepare"]
