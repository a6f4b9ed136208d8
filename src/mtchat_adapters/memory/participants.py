"""People in dialogs, in this process."""

from collections.abc import Sequence

from attrs import evolve, frozen

from mtchat_adapters.memory.store import Changes
from mtchat_core.domain.ids import DialogId, MessageId, UserId
from mtchat_core.domain.messages import Message
from mtchat_core.domain.participants import Participant


@frozen
class MemoryParticipants:
    """Participants of one transaction."""

    changes: Changes

    async def get(self, dialog: DialogId, user: UserId) -> Participant | None:
        """Return one participant."""
        return self.changes.room(dialog).people.get(user)

    async def user_ids(self, dialog: DialogId) -> frozenset[UserId]:
        """Return who takes part."""
        return frozenset(self.changes.room(dialog).people)

    async def add(self, people: Sequence[Participant]) -> tuple[Participant, ...]:
        """Keep those who do not take part yet."""
        new: list[Participant] = []
        for person in people:
            room = self.changes.room(person.dialog_id)
            if person.user_id not in room.people:
                room.people[person.user_id] = person
                new.append(person)
        return tuple(new)

    async def save(self, participant: Participant) -> None:
        """Keep a changed participant."""
        self.changes.room(participant.dialog_id).people[participant.user_id] = participant

    async def remove(self, dialog: DialogId, user: UserId) -> Participant | None:
        """Remove one participant."""
        return self.changes.room(dialog).people.pop(user, None)

    async def forget_message(self, message: Message, *, older: MessageId | None) -> None:
        """Let everybody's mark forget a deleted message."""
        people = self.changes.room(message.dialog_id).people
        for user, person in people.items():
            mark = person.mark.forgetting(
                seq=message.seq, message_id=message.id, own=user == message.sender_id, older=older
            )
            people[user] = evolve(person, mark=mark)
