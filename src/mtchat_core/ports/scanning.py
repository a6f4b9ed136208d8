"""Whether a file is harmful: somebody else knows."""

from typing import Protocol

from mtchat_core.domain.attachments import Attachment
from mtchat_core.domain.ids import DialogId, MessageId


class FileScanner(Protocol):
    """A service of the host that looks into files before people do."""

    async def is_clean(self, attachment: Attachment, *, dialog: DialogId, message: MessageId, link: str) -> bool:
        """Ask about a file that is to be fetched from *link*.

        Raises:
            ServiceUnavailable: no answer in time, or none that says either.
        """
        ...
