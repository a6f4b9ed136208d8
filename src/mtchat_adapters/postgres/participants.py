"""People in dialogs, in PostgreSQL."""

import json
from collections.abc import Sequence
from typing import Any

from attrs import frozen

from mtchat_adapters.postgres import rows
from mtchat_adapters.postgres.session import Session, statement
from mtchat_core.domain.ids import DialogId, MessageId, UserId
from mtchat_core.domain.inbox import search_line
from mtchat_core.domain.messages import Message
from mtchat_core.domain.participants import Participant

_GET = statement(f"""
    select {rows.PARTICIPANT} from participants p where p.dialog_id = :dialog and p.user_id = :user
""")  # noqa: S608 - built from our own constants

_USER_IDS = statement("select p.user_id from participants p where p.dialog_id = :dialog")

# What the dialog is searched in goes with its people. A statement does not see its own changes.
_TITLE = "coalesce(split_part(d.search_text, chr(10), 1), lower(d.title), '')"
_OTHERS = f"select {rows.COMPANY} from participants p where p.dialog_id = d.id"  # noqa: S608 - our own
_WITH_ADDED = f"{_OTHERS} union all select a.company_folded from added a where a.dialog_id = d.id"  # noqa: S608

_ADD = statement(f"""
    with added as (
      insert into participants ({", ".join(rows.PARTICIPANT_NAMES.split())}, company_folded)
      select {rows.PARTICIPANT}, p.company_folded from jsonb_to_recordset(cast(:people as jsonb)) as p (
        dialog_id uuid, user_id text, display_name text, company text, email text, phone text,
        joined_as text, joined_at timestamptz, read_seq bigint, read_counted bigint, last_read_message_id uuid,
        notifications_enabled boolean, is_archived boolean, is_pinned boolean, unarchived_at timestamptz,
        reminded_seq bigint, company_folded text
      )
      on conflict do nothing
      returning dialog_id, user_id, company_folded
    ), searched as (
      update dialogs d set search_text = {rows.searched(_TITLE, _WITH_ADDED)}
      where d.id in (select a.dialog_id from added a where a.company_folded is not null)
    )
    select dialog_id, user_id from added
""")  # noqa: S608 - built from our own constants

_SAVE = statement("""
    update participants set read_seq = :read_seq, read_counted = :read_counted,
      last_read_message_id = :last_read_message_id, notifications_enabled = :notifications_enabled,
      is_archived = :is_archived, is_pinned = :is_pinned, unarchived_at = :unarchived_at,
      reminded_seq = :reminded_seq
    where dialog_id = :dialog and user_id = :user
""")

_REMOVE = statement(f"""
    with p as (
      delete from participants p where p.dialog_id = :dialog and p.user_id = :user returning {rows.PARTICIPANT}
    ), searched as (
      update dialogs d set search_text = {rows.searched(_TITLE, f"{_OTHERS} and p.user_id <> :user")}
      where d.id in (select p.dialog_id from p where p.company is not null)
    )
    select {rows.PARTICIPANT} from p
""")  # noqa: S608 - built from our own constants

# ReadMark.forgetting, for everybody at once.
_FORGET = statement("""
    update participants set
      read_counted = read_counted - case when read_seq >= :seq or (user_id = :sender and read_seq > 0)
        then 1 else 0 end,
      last_read_message_id = case when last_read_message_id = :message
        then cast(:older as uuid) else last_read_message_id end
    where dialog_id = :dialog
      and (read_seq >= :seq or (user_id = :sender and read_seq > 0) or last_read_message_id = :message)
""")


@frozen
class PostgresParticipants:
    """Participants of one transaction."""

    session: Session

    async def get(self, dialog: DialogId, user: UserId) -> Participant | None:
        """Return one participant."""
        row = await self.session.one(_GET, {"dialog": dialog, "user": user})
        return rows.participant(row) if row else None

    async def user_ids(self, dialog: DialogId) -> frozenset[UserId]:
        """Return who takes part."""
        return frozenset(row["user_id"] for row in await self.session.all(_USER_IDS, {"dialog": dialog}))

    async def add(self, people: Sequence[Participant]) -> tuple[Participant, ...]:
        """Keep those who do not take part yet, all in one statement."""
        if not people:
            return ()
        values = [_values(person) for person in people]
        added = await self.session.all(_ADD, {"people": json.dumps(values, default=str)})
        new = {(row["dialog_id"], row["user_id"]) for row in added}
        return tuple(person for person in people if (person.dialog_id, person.user_id) in new)

    async def save(self, participant: Participant) -> None:
        """Keep a changed participant."""
        who = {"dialog": participant.dialog_id, "user": participant.user_id}
        await self.session.all(_SAVE, {**_values(participant), **who})

    async def remove(self, dialog: DialogId, user: UserId) -> Participant | None:
        """Remove one participant."""
        row = await self.session.one(_REMOVE, {"dialog": dialog, "user": user})
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
        await self.session.all(_FORGET, values)


def _values(person: Participant) -> dict[str, Any]:
    return {
        "dialog_id": person.dialog_id,
        "user_id": person.user_id,
        "display_name": person.profile.display_name,
        "company": person.profile.company,
        "company_folded": None if person.profile.company is None else search_line(person.profile.company),
        "email": person.profile.email,
        "phone": person.profile.phone,
        "joined_as": person.joined_as.value,
        "joined_at": person.joined_at,
        "read_seq": person.mark.seq,
        "read_counted": person.mark.counted,
        "last_read_message_id": person.mark.message_id,
        "notifications_enabled": person.notifications_enabled,
        "is_archived": person.is_archived,
        "is_pinned": person.is_pinned,
        "unarchived_at": person.unarchived_at,
        "reminded_seq": person.reminded_seq,
    }
