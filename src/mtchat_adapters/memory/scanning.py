"""A scanner that finds what a test says it finds."""

from attrs import define, field

from mtchat_core.domain.attachments import Attachment
from mtchat_core.domain.errors import ServiceUnavailable
from mtchat_core.domain.ids import DialogId, MessageId


@define
class MemoryScanner:
    """FileScanner: everything is clean but files of certain names."""

    harmful: set[str] = field(factory=set[str])
    is_up: bool = True
    asked: list[str] = field(factory=list[str])
    """The links it was given."""

    async def is_clean(
        self,
        attachment: Attachment,
        *,
        dialog: DialogId,  # noqa: ARG002 - the port's
        message: MessageId,  # noqa: ARG002 - the port's
        link: str,
    ) -> bool:
        """Tell whether the name is harmless."""
        if not self.is_up:
            raise ServiceUnavailable("The scanner does not answer.")
        self.asked.append(link)
        return attachment.filename not in self.harmful
