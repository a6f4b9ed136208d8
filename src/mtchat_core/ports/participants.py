"""People in dialogs, inside one transaction."""

from collections.abc import Sequence
from typing import Protocol

from mtchat_core.domain.ids import DialogId, MessageId, UserId
from mtchat_core.domain.messages import Message
from mtchat_core.domain.participants import Participant


class Participants(Protocol):
    """The participants of dialogs that this transaction has locked."""

    async def get(self, dialog: DialogId, user: UserId) -> Participant | None:
        """Return one participant; None if they do not take part."""
        ...

    async def user_ids(self, dialog: DialogId) -> frozenset[UserId]:
        """Return who takes part."""
        ...

    async def add(self, people: Sequence[Participant]) -> tuple[Participant, ...]:
        """Keep those of *people* who do not take part yet, and return them; leave the others as they are."""
        ...

    async def save(self, participant: Participant) -> None:
        """Keep a changed participant: read mark, archive, pin, notifications."""
        ...

    async def remove(self, dialog: DialogId, user: UserId) -> Participant | None:
        """Remove and return one participant; None if they did not take part."""
        ...

    async def forget_message(self, message: Message, *, older: MessageId | None) -> None:
        """Apply `ReadMark.forgetting` to everybody's mark, in one step."""
        ...
