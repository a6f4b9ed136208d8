"""Where SQL repeats a rule of the domain, the domain is the oracle."""

import random
from datetime import timedelta
from uuid import UUID

import pytest
from attrs import evolve
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mtchat_adapters import memory, postgres
from mtchat_adapters.postgres import PostgresStore
from mtchat_core.chat import Chat, Ports
from mtchat_core.domain.ids import DialogId, MessageId, UserId, following
from mtchat_core.domain.messages import Direction, Draft, Message, MessageType, Window
from mtchat_core.domain.notifications import Debounce
from mtchat_core.domain.scopes import AccessScope, UserScope
from tests.adapters.watching import query
from tests.builders import ANN, BO, CY, DI, a_profile, an_invitation, announce, open_dialog, participant, say

SHARED = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_LAST = "0297c0de-0000-7fff-bfff-ffffffffffff"


@st.composite
def uuid7s(draw: st.DrawFn) -> UUID:
    milliseconds = draw(st.integers(min_value=0, max_value=(1 << 48) - 2))
    low = draw(st.one_of(st.just((1 << 48) - 1), st.integers(min_value=0, max_value=(1 << 48) - 1)))
    middle = draw(st.integers(min_value=0, max_value=(1 << 12) - 1))
    return UUID(int=milliseconds << 80 | 0x7 << 76 | middle << 64 | 0x2 << 62 | low)


@SHARED
@given(candidate=uuid7s(), last=st.none() | uuid7s())
@example(candidate=UUID("0197c0de-0000-7000-8000-000000000000"), last=UUID(_LAST))
@example(candidate=UUID(_LAST), last=UUID(_LAST))
async def test_the_next_id_is_the_domains(
    postgres_store: PostgresStore, candidate: UUID, last: UUID | None
) -> None:
    sql = "select following(cast(:candidate as uuid), cast(:last as uuid)) as id"

    [found] = await query(postgres_store, sql, candidate=candidate, last=last)

    assert found["id"] == following(candidate, last)


@pytest.mark.parametrize("debounce", [Debounce(), Debounce(timedelta(seconds=5), timedelta(milliseconds=1))])
async def test_the_reminder_is_due_when_the_domain_says(
    postgres_ports: Ports, postgres_store: PostgresStore, postgres_url: str, debounce: Debounce
) -> None:
    dialog = await open_dialog(postgres_ports, ANN)
    sql = "select reminder_since, reminder_due from dialogs where id = :dialog"
    async with postgres.open(postgres_url, pool_size=1, debounce=debounce) as store:
        ports = evolve(memory.ports(), **store.ports())
        first, *_, last = await say(ports, dialog, "1", "2", "3")

    [due] = await query(postgres_store, sql, dialog=dialog)
    assert due == {
        "reminder_since": first.sent_at,
        "reminder_due": debounce.due(now=last.sent_at, first=first.sent_at),
    }


WELCOME, HELD = AccessScope(([], [], [])), UserScope(([], [], []))


class Life:
    """People in one dialog, and, kept by hand, which messages each of them has not read."""

    def __init__(self, ports: Ports, dialog: DialogId, chance: random.Random) -> None:
        self.ports = ports
        self.chat = Chat.over(ports)
        self.dialog = dialog
        self.chance = chance
        self.unread: dict[UserId, set[MessageId]] = {ANN: set()}

    async def messages(self) -> list[Message]:
        page = await self.chat.messages.page(ANN, self.dialog, Window(limit=100))
        found = list(page.messages)
        while page.has_more_before:
            page = await self.chat.messages.page(
                ANN, self.dialog, Window(Direction.BEFORE, found[0].id, limit=100)
            )
            found[:0] = page.messages
        return found

    async def send(self, user: UserId) -> None:
        message = await self.chat.messages.send(user, self.dialog, Draft("hello"))
        for unread in self.unread.values():
            unread.add(message.id)
        self.unread[user].clear()

    async def read(self, user: UserId) -> None:
        messages = await self.messages()
        target = self.chance.choice(messages)
        if not (await participant(self.ports, self.dialog, user)).mark.reaches(target.seq):
            self.unread[user] = {
                one.id
                for one in messages
                if one.seq > target.seq and one.type is MessageType.USER and one.sender_id != user
            }
        await self.chat.receipts.mark_read(user, self.dialog, target.id)

    async def delete(self, user: UserId) -> None:
        mine = [message.id for message in await self.messages() if message.sender_id == user]
        if mine:
            gone = self.chance.choice(mine)
            await self.chat.messages.delete(user, self.dialog, gone)
            for unread in self.unread.values():
                unread.discard(gone)

    async def leave(self, user: UserId) -> None:
        if user != ANN:
            await self.chat.participants.leave(self.dialog, user)
            del self.unread[user]

    async def come(self, user: UserId) -> None:
        if self.chance.random() < 0.5:
            self.unread[user] = {message.id for message in await self.messages()}
            await self.chat.participants.join(self.dialog, user, HELD, a_profile("N"))
        else:
            self.unread[user] = set()
            await self.chat.participants.add(self.dialog, [an_invitation(user)])


async def test_unread_counts_are_what_counting_one_by_one_gives_g7(
    postgres_ports: Ports, postgres_store: PostgresStore
) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    dialog = await open_dialog(postgres_ports, ANN, scopes=[WELCOME])
    await announce(postgres_ports, dialog)
    life = Life(postgres_ports, dialog, chance)
    counted = """
        select p.user_id, d.user_messages - p.read_counted as by_numbers, p.read_seq,
          (select count(*) from messages m where m.dialog_id = d.id and m.type = 'user'
            and m.sender_id <> p.user_id and m.seq > p.read_seq) as by_counting
        from dialogs d join participants p on p.dialog_id = d.id where d.id = :dialog
    """

    for _ in range(300):
        user = chance.choice([ANN, BO, CY, DI])
        acts = [life.send, life.send, life.read, life.delete, life.leave] if user in life.unread else [life.come]
        await chance.choice(acts)(user)

        found = await query(postgres_store, counted, dialog=dialog)
        by_hand = {user: len(unread) for user, unread in life.unread.items()}
        assert {row["user_id"]: row["by_numbers"] for row in found} == by_hand, f"seed {seed}"
        assert all(row["by_numbers"] == row["by_counting"] for row in found if row["read_seq"]), f"seed {seed}"
    for user, unread in life.unread.items():
        assert (await life.chat.receipts.unread(user)).messages == len(unread), f"seed {seed}"
    life.chat.realtime.close()
