"""Pictures, looked into by Pillow in a process that may be killed."""

from mtchat_adapters.pillow.pictures import PillowThumbnailer, examine, open, why_not  # noqa: A004 - pillow.open

__all__ = ["PillowThumbnailer", "examine", "open", "why_not"]
