"""What changes while a send waits for its turn: it is decided by what is true when the turn comes."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest
from attrs import Factory, define, evolve, frozen

from mtchat_adapters import memory, postgres
from mtchat_adapters.postgres import PostgresStore
from mtchat_adapters.postgres.message_log import PostgresMessageLog
from mtchat_adapters.postgres.session import Trips
from mtchat_adapters.system.ids import SystemIds
from mtchat_core.chat import Chat, Ports
from mtchat_core.domain.dialogs import DialogNotFound
from mtchat_core.domain.errors import Forbidden
from mtchat_core.domain.events import DialogUnarchived, MessageDeleted, MessageSent, Recorded
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.domain.messages import (
    Draft,
    IdempotencyKeyReused,
    Message,
    MessageNotFound,
    Outgoing,
    ReplyTargetUnknown,
    Window,
)
from mtchat_core.domain.notifications import Debounce
from mtchat_core.domain.scopes import AccessScope, UserScope
from mtchat_core.ports.inbox import Inbox
from mtchat_core.ports.messages import Posted
from mtchat_core.ports.realtime import Announcement
from mtchat_core.ports.unit_of_work import UnitOfWork
from mtchat_core.use_cases.realtime import Realtime
from tests.adapters.watching import query, until_waiting
from tests.builders import (
    ANN,
    BO,
    CY,
    START,
    a_new_dialog,
    a_participant,
    a_profile,
    an_invitation,
    an_outgoing,
    locked,
    open_dialog,
    participant,
    say,
)

WELCOME = AccessScope(([], [], []))

Change = Callable[[UnitOfWork], Awaitable[object]]


@pytest.fixture(params=["one node", "a node each"])
def senders(request: pytest.FixtureRequest, postgres_store: PostgresStore) -> Iterator[PostgresMessageLog]:
    """Where sends come from: a single node, where they wait for each other, or one node each."""
    if request.param == "one node":
        return itertools.repeat(a_node(postgres_store))
    return (a_node(postgres_store) for _ in itertools.count())


def a_node(store: PostgresStore) -> PostgresMessageLog:
    return PostgresMessageLog(Trips(store.pool), SystemIds(), Debounce())


async def sent_while(
    ports: Ports, store: PostgresStore, senders: Iterator[PostgresMessageLog], change: Change, *sends: Outgoing
) -> list[Posted | BaseException]:
    """Begin *sends* while a transaction holds the dialog, let it *change* something, and return how they end."""
    from_nodes = list(zip(senders, sends, strict=False))
    async with locked(ports, sends[0].dialog_id) as tx:
        sending = [asyncio.create_task(node.append(outgoing)) for node, outgoing in from_nodes]
        await until_waiting(store, len({id(node) for node, _ in from_nodes}))
        await change(tx)
    return await asyncio.gather(*sending, return_exceptions=True)


async def seqs(ports: Ports, dialog: DialogId, reader: UserId = ANN) -> list[int]:
    page = await ports.transcript.page(dialog, reader, Window(limit=100))
    assert page is not None
    return [message.seq for message in page.messages]


async def logged(ports: Ports, dialog: DialogId) -> list[type]:
    log = await ports.events.of_dialog(dialog, after=0, limit=100)
    assert [one.seq for one in log] == list(range(1, len(log) + 1))
    return [type(one.event) for one in log]


async def test_who_is_removed_meanwhile_is_refused_b41(
    postgres_ports: Ports, postgres_store: PostgresStore, senders: Iterator[PostgresMessageLog]
) -> None:
    dialog = await open_dialog(postgres_ports, ANN, BO)

    [ended] = await sent_while(
        postgres_ports,
        postgres_store,
        senders,
        lambda tx: tx.participants.remove(dialog, BO),
        an_outgoing(dialog, by=BO),
    )

    assert isinstance(ended, Forbidden)
    assert await seqs(postgres_ports, dialog) == []
    assert (await say(postgres_ports, dialog, "next"))[0].seq == 1


async def test_a_dialog_that_is_deleted_meanwhile_is_not_found(
    postgres_ports: Ports, postgres_store: PostgresStore, senders: Iterator[PostgresMessageLog]
) -> None:
    dialog = await open_dialog(postgres_ports, ANN)

    [ended] = await sent_while(
        postgres_ports, postgres_store, senders, lambda tx: tx.dialogs.delete(dialog), an_outgoing(dialog)
    )

    assert isinstance(ended, DialogNotFound)


async def test_a_reply_to_what_is_deleted_meanwhile_is_refused(
    postgres_ports: Ports, postgres_store: PostgresStore, senders: Iterator[PostgresMessageLog]
) -> None:
    dialog = await open_dialog(postgres_ports, ANN, BO)
    [question] = await say(postgres_ports, dialog, "?")

    refused, kept = await sent_while(
        postgres_ports,
        postgres_store,
        senders,
        lambda tx: tx.messages.delete(question),
        an_outgoing(dialog, by=BO, reply_to=question.id),
        an_outgoing(dialog, by=BO),
    )

    assert isinstance(refused, ReplyTargetUnknown)
    assert isinstance(kept, Posted)
    assert await seqs(postgres_ports, dialog) == [2]


@pytest.mark.parametrize("who", [ANN, BO], ids=["the sender", "another"])
async def test_who_archives_meanwhile_finds_it_unarchived_g13(
    postgres_ports: Ports, postgres_store: PostgresStore, senders: Iterator[PostgresMessageLog], who: UserId
) -> None:
    dialog = await open_dialog(postgres_ports, ANN, BO)

    [ended] = await sent_while(
        postgres_ports,
        postgres_store,
        senders,
        lambda tx: tx.participants.save(a_participant(dialog, by=who, is_archived=True)),
        an_outgoing(dialog),
    )

    assert isinstance(ended, Posted)
    assert [type(one.event) for one in ended.recorded] == [DialogUnarchived, MessageSent]
    assert ended.recorded[0].event.audience.people == {who}
    assert not (await participant(postgres_ports, dialog, who)).is_archived


@pytest.mark.parametrize("who", [ANN, BO], ids=["the sender", "another"])
async def test_who_unarchives_meanwhile_is_not_told_twice(
    postgres_ports: Ports, postgres_store: PostgresStore, senders: Iterator[PostgresMessageLog], who: UserId
) -> None:
    dialog = await open_dialog(
        postgres_ports, *(a_participant(by=one, is_archived=one == who) for one in (ANN, BO))
    )

    [ended] = await sent_while(
        postgres_ports,
        postgres_store,
        senders,
        lambda tx: tx.participants.save(a_participant(dialog, by=who).unarchived(at=START)),
        an_outgoing(dialog),
    )

    assert isinstance(ended, Posted)
    assert [type(one.event) for one in ended.recorded] == [MessageSent]


async def test_of_several_waiting_sends_one_unarchives(
    postgres_ports: Ports, postgres_store: PostgresStore, senders: Iterator[PostgresMessageLog]
) -> None:
    archived = [a_participant(by=one, is_archived=True) for one in (ANN, BO, CY)]
    dialog = await open_dialog(postgres_ports, *archived)

    await sent_while(
        postgres_ports,
        postgres_store,
        senders,
        lambda tx: tx.participants.user_ids(dialog),
        *(an_outgoing(dialog, by=by) for by in (ANN, BO, CY, ANN)),
    )

    assert await logged(postgres_ports, dialog) == [DialogUnarchived, *([MessageSent] * 4)]
    assert await seqs(postgres_ports, dialog) == [1, 2, 3, 4]


async def test_identical_sends_that_wait_together_make_one_message_g3(
    postgres_ports: Ports, postgres_store: PostgresStore, senders: Iterator[PostgresMessageLog]
) -> None:
    dialog = await open_dialog(postgres_ports, ANN, BO)

    ended = await sent_while(
        postgres_ports,
        postgres_store,
        senders,
        lambda tx: tx.messages.say(dialog, "{}"),
        *(an_outgoing(dialog, key="k") for _ in range(8)),
        an_outgoing(dialog, key="k", fingerprint=b"another payload!"),
    )

    outcomes = [one.message.id if isinstance(one, Posted) else type(one) for one in ended]
    assert len(set(outcomes)) == 2
    assert IdempotencyKeyReused in outcomes
    assert await seqs(postgres_ports, dialog) == [1, 2]
    assert await logged(postgres_ports, dialog) == [MessageSent]


async def test_twenty_parallel_identical_sends_make_one_message_one_event_one_unread_g3(
    postgres_ports: Ports,
) -> None:
    dialog = await open_dialog(postgres_ports, ANN, BO)

    posted = await asyncio.gather(*(postgres_ports.log.append(an_outgoing(dialog, key="k")) for _ in range(20)))

    assert len({one.message.id for one in posted}) == 1
    assert sum(len(one.recorded) for one in posted) == 1
    entry = await postgres_ports.inbox.entry(BO, None, dialog)
    assert entry is not None
    assert entry.standing is not None
    assert entry.standing.unread_count == 1
    assert entry.dialog.tally.last_seq == 1


@frozen
class AnotherClock:
    """A node whose clock is wrong: its ids and its instants are *off* by so much, give or take."""

    off: Callable[[], timedelta]

    def now(self) -> datetime:
        return datetime.now(UTC) + self.off()

    def new(self) -> UUID:
        milliseconds = int(self.now().timestamp() * 1000)
        return UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62 | random.getrandbits(62))


@asynccontextmanager
async def nodes(url: str, *clocks: AnotherClock) -> AsyncIterator[list[Chat]]:
    """Open as many processes' worth of chats over one database, each with its clock."""
    async with AsyncExitStack() as stack:
        opened: list[Chat] = []
        for clock in clocks:
            store = await stack.enter_async_context(postgres.open(url, ids=clock, pool_size=8))
            chat = Chat.over(evolve(memory.ports(clock=clock), **store.ports(), clock=clock, ids=clock))
            stack.callback(chat.realtime.close)
            opened.append(chat)
        yield opened


RIGHT = AnotherClock(timedelta)
AHEAD, BEHIND = AnotherClock(lambda: timedelta(seconds=120)), AnotherClock(lambda: timedelta(seconds=-120))
BACK_AND_FORTH = AnotherClock(lambda: timedelta(seconds=random.uniform(-120, 120)))


@pytest.mark.parametrize(
    "clocks",
    [(AHEAD, BEHIND), (RIGHT, BEHIND), (BACK_AND_FORTH, BACK_AND_FORTH)],
    ids=["both wrong", "one behind", "back and forth"],
)
async def test_order_does_not_depend_on_the_clocks_of_the_nodes_f32_g4(
    postgres_ports: Ports, postgres_url: str, clocks: tuple[AnotherClock, ...]
) -> None:
    people = [UserId(f"user-{n}") for n in range(4)]
    async with nodes(postgres_url, *clocks) as (one, other):
        dialog = (await one.dialogs.create(a_new_dialog(ANN, *people, scopes=[WELCOME]))).id
        answered: list[Message] = []

        async def talk(user: UserId, *chats: Chat) -> None:
            for _ in range(6):
                answered.extend([await chat.messages.send(user, dialog, Draft("x")) for chat in chats])

        await asyncio.gather(*(talk(user, one, other) for user in people))
        await other.participants.join(dialog, CY, UserScope(([], [], [])), a_profile("Cy"))
        answered.append(await one.messages.send(ANN, dialog, Draft("last")))
        page = await one.messages.page(ANN, dialog, Window(limit=100))
        edited = await one.messages.edit(ANN, dialog, answered[-1].id, "wording")
        log = await postgres_ports.events.of_dialog(dialog, after=0, limit=200)

    assert [message.seq for message in page.messages] == list(range(1, 52))
    assert all(a.id < b.id and a.sent_at <= b.sent_at for a, b in itertools.pairwise(page.messages))
    # One after the other was answered: one after the other they stand.
    for user in people:
        mine = [message.seq for message in answered if message.sender_id == user]
        assert mine == sorted(mine)
    assert [one.seq for one in log] == list(range(1, len(log) + 1))
    assert all(a.at <= b.at for a, b in itertools.pairwise(log))
    assert edited.content == "wording"


async def test_parallel_retries_over_two_nodes_make_one_message_and_none_after_its_deletion_f16_g3(
    postgres_ports: Ports, postgres_url: str
) -> None:
    async with nodes(postgres_url, RIGHT, RIGHT) as (one, other):
        dialog = (await one.dialogs.create(a_new_dialog(ANN, BO))).id
        told: list[Any] = []
        for chat in (one, other):
            chat.ports.broker.listen(told.append)

        async def send(chat: Chat) -> Message:
            return await chat.messages.send(ANN, dialog, Draft("once", key="k"))

        sent = await asyncio.gather(*(send(chat) for chat in (one, other) * 10))
        unread = (await other.receipts.unread(BO)).messages
        log = await logged(postgres_ports, dialog)
        await other.messages.delete(ANN, dialog, sent[0].id)
        late = await asyncio.gather(*(send(chat) for chat in (one, other) * 5), return_exceptions=True)

        assert len({message.id for message in sent}) == 1
        assert (unread, log.count(MessageSent)) == (1, 2)
        assert [type(one.event) for one in told] == [MessageSent, MessageDeleted]
        assert {type(ended) for ended in late} == {MessageNotFound}
        assert await seqs(postgres_ports, dialog) == [1]


@frozen
class SlowInbox:
    """An inbox whose answer is on its way while the world goes on."""

    inbox: Inbox
    meanwhile: Callable[[], Awaitable[object]]

    async def dialogs_of(self, user: UserId) -> Sequence[tuple[DialogId, int]]:
        known = await self.inbox.dialogs_of(user)
        await self.meanwhile()
        return known


@define(eq=False)
class Phone:
    """Hears everything that reaches one person."""

    user_id: UserId
    heard: list[Announcement] = Factory(list[Announcement])

    def deliver(self, announcement: Announcement) -> None:
        self.heard.append(announcement)

    def give_up(self) -> None:
        raise AssertionError("nothing was missed")


async def test_what_happens_between_the_snapshot_and_the_subscription_is_heard_f20(postgres_ports: Ports) -> None:
    chat = Chat.over(postgres_ports)
    dialog = (await chat.dialogs.create(a_new_dialog(ANN, BO, scopes=[WELCOME]))).id
    joined = (await chat.dialogs.create(a_new_dialog(BO, scopes=[WELCOME]))).id

    async def meanwhile() -> None:
        await chat.messages.send(BO, dialog, Draft("while you connect"))
        await chat.participants.add(joined, [an_invitation(ANN)])
        await chat.messages.send(BO, joined, Draft("welcome"))

    slow = SlowInbox(postgres_ports.inbox, meanwhile)
    realtime = Realtime(postgres_ports.broker, cast(Inbox, slow), postgres_ports.events)
    phone = Phone(ANN)
    await realtime.connect(phone)
    await chat.messages.send(BO, dialog, Draft("after that"))
    realtime.close()
    chat.realtime.close()

    said = [
        one.event.message.content
        for one in phone.heard
        if isinstance(one, Recorded) and isinstance(one.event, MessageSent)
    ]
    assert said == ["while you connect", "welcome", "after that"]


async def test_fifty_senders_in_one_dialog_never_lock_each_other_out_g4(postgres_ports: Ports) -> None:
    people = [UserId(f"user-{n}") for n in range(50)]
    dialog = await open_dialog(postgres_ports, ANN, *people)

    async def talk(user: UserId) -> list[Posted]:
        return [await postgres_ports.log.append(an_outgoing(dialog, by=user)) for _ in range(4)]

    posted = list(itertools.chain(*await asyncio.gather(*(talk(user) for user in people))))

    messages = sorted((one.message for one in posted), key=lambda message: message.seq)
    assert [message.seq for message in messages] == list(range(1, 201))
    assert all(a.id < b.id and a.sent_at <= b.sent_at for a, b in itertools.pairwise(messages))
    assert sorted(one.recorded[0].seq for one in posted) == list(range(1, 201))


async def test_whatever_people_do_at_once_the_numbers_have_no_gaps_and_nobody_is_locked_out_f8(
    postgres_ports: Ports, postgres_store: PostgresStore
) -> None:
    people = [UserId(f"user-{n}") for n in range(8)]
    dialog = await open_dialog(postgres_ports, ANN, *people)
    seed = random.randrange(2**32)
    chance = random.Random(seed)

    async def send(user: UserId) -> None:
        replies = await postgres_ports.transcript.page(dialog, user, Window(limit=3))
        reply_to = chance.choice(replies.messages).id if replies and replies.messages else None
        key = chance.choice([None, "a", "b"])
        await postgres_ports.log.append(an_outgoing(dialog, by=user, reply_to=reply_to, key=key))

    async def archive(user: UserId) -> None:
        async with locked(postgres_ports, dialog) as tx:
            if me := await tx.participants.get(dialog, user):
                await tx.participants.save(evolve(me, is_archived=not me.is_archived))

    async def leave_and_come_back(user: UserId) -> None:
        async with locked(postgres_ports, dialog) as tx:
            await tx.participants.remove(dialog, user)
        async with locked(postgres_ports, dialog) as tx:
            await tx.participants.add([a_participant(dialog, by=user)])

    async def delete(user: UserId) -> None:
        async with locked(postgres_ports, dialog) as tx:
            page = await postgres_ports.transcript.page(dialog, user, Window(limit=5))
            mine = [message for message in page.messages if message.sender_id == user] if page else []
            if mine and await tx.messages.get(dialog, mine[0].id) is not None:
                older = await tx.messages.delete(mine[0])
                await tx.participants.forget_message(mine[0], older=older)

    async def live(user: UserId) -> None:
        for _ in range(25):
            [act] = chance.choices([send, archive, leave_and_come_back, delete], weights=[8, 2, 1, 2])
            # What is out of date by then may be refused; nobody is locked out.
            with suppress(Forbidden, ReplyTargetUnknown, MessageNotFound, IdempotencyKeyReused):
                await act(user)

    await asyncio.gather(*(live(user) for user in people))

    [numbers] = await query(
        postgres_store,
        """
        select d.last_seq, d.event_seq, d.user_messages,
          array(select seq from messages where dialog_id = d.id union all
                select seq from deleted_messages where dialog_id = d.id order by 1) as seqs,
          array(select seq from events where dialog_id = d.id order by 1) as event_seqs,
          (select count(*) from messages where dialog_id = d.id) as messages
        from dialogs d where d.id = :dialog
        """,
        dialog=dialog,
    )
    assert numbers["seqs"] == list(range(1, numbers["last_seq"] + 1)), f"seed {seed}"
    assert numbers["event_seqs"] == list(range(1, numbers["event_seq"] + 1)), f"seed {seed}"
    assert numbers["messages"] == numbers["user_messages"], f"seed {seed}"
