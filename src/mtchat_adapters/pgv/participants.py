"""People in dialogs, in PostgreSQL."""

from collections.abc import Sequence

import sqlalchemy as sa
from attrs import frozen
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from mtchat_adapters.pgv import rows
from mtchat_adapters.pgv.tables import participants
from mtchat_core.domain.ids import DialogId, MessageId, UserId
from mtchat_core.domain.messages import Message
from mtchat_core.domain.participants import Participant

_KEPT = ("dialog_id", "user_id", "display_name", "company", "email", "phone", "joined_as", "joined_at")

# The SQL of ReadMark.forgetting, for everybody at once.
_FORGET = sa.text("""
    update participants set
      read_counted = read_counted
        - case when :seq <= read_seq or (user_id = :sender and read_seq > 0) then 1 else 0 end,
      last_read_message_id =
        case when last_read_message_id = :message then cast(:older as uuid) else last_read_message_id end
    where dialog_id = :dialog
      and (:seq <= read_seq or (user_id = :sender and read_seq > 0) or last_read_message_id = :message)
""")


@frozen
class PostgresParticipants:
    """Participants of one transaction."""

    connection: AsyncConnection

    async def get(self, dialog: DialogId, user: UserId) -> Participant | None:
        """Return one participant."""
        row = (await self.connection.execute(sa.select(participants).where(_is(dialog, user)))).one_or_none()
        return rows.participant(row) if row else None

    async def user_ids(self, dialog: DialogId) -> frozenset[UserId]:
        """Return who takes part."""
        found = await self.connection.execute(
            sa.select(participants.c.user_id).where(participants.c.dialog_id == dialog)
        )
        return frozenset(found.scalars())

    async def add(self, people: Sequence[Participant]) -> tuple[Participant, ...]:
        """Keep those who do not take part yet, all in one statement."""
        if not people:
            return ()
        values = [rows.participant_values(person) for person in people]
        insert = postgresql.insert(participants).values(values).on_conflict_do_nothing()
        new = set((await self.connection.execute(insert.returning(participants.c.user_id))).scalars())
        return tuple(person for person in people if person.user_id in new)

    async def save(self, participant: Participant) -> None:
        """Keep a changed participant."""
        values = rows.participant_values(participant)
        changed = {name: value for name, value in values.items() if name not in _KEPT}
        where = _is(participant.dialog_id, participant.user_id)
        await self.connection.execute(sa.update(participants).where(where).values(changed))

    async def remove(self, dialog: DialogId, user: UserId) -> Participant | None:
        """Remove one participant."""
        removed = await self.connection.execute(
            sa.delete(participants).where(_is(dialog, user)).returning(*participants.c)
        )
        row = removed.one_or_none()
        return rows.participant(row) if row else None

    async def forget_message(self, message: Message, *, older: MessageId | None) -> None:
        """Let everybody's mark forget a deleted message."""
        values = {
            "dialog": message.dialog_id,
            "seq": message.seq,
            "sender": message.sender_id,
            "message": message.id,
            "older": older,
        }
        await self.connection.execute(_FORGET, values)


def _is(dialog: DialogId, user: UserId) -> sa.ColumnElement[bool]:
    return sa.and_(participants.c.dialog_id == dialog, participants.c.user_id == user)
