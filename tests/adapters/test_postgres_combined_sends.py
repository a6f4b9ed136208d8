"""Sends that travel in one statement: each keeps its own outcome, and the rules are the domain's."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from attrs import evolve, field, frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtchat_adapters import memory, postgres
from mtchat_adapters.postgres import PostgresStore
from mtchat_adapters.postgres.failures import Fault, Lost
from mtchat_adapters.postgres.message_log import PostgresMessageLog
from mtchat_adapters.postgres.session import Row, Statement, Trips, Values
from mtchat_adapters.system.ids import SystemIds
from mtchat_core.chat import Ports
from mtchat_core.domain.dialogs import DialogNotFound
from mtchat_core.domain.errors import ChatError, Forbidden, ServiceUnavailable
from mtchat_core.domain.events import ParticipantLeft, Recorded
from mtchat_core.domain.ids import DialogId, MessageId, UserId, following
from mtchat_core.domain.messages import IdempotencyKeyReused, Message, Origin, Outgoing, ReplyTargetUnknown, Window
from mtchat_core.domain.notifications import Debounce
from mtchat_core.ports.messages import MessageLog, Posted
from tests.adapters.watching import query, until_waiting
from tests.builders import (
    ANN,
    BO,
    CY,
    DI,
    START,
    a_dialog_id,
    a_message_id,
    a_participant,
    an_outgoing,
    locked,
    open_dialog,
    participant,
    say,
)
from tests.servers import Databases

FAR_AHEAD = MessageId(UUID("7fffffff-ffff-7fff-bfff-fffffffffffe"))


@frozen
class Watched(Trips):
    """Trips that remember how many sends went together, and fail as the test says."""

    together: list[int] = field(factory=list[int])
    failures: list[Exception] = field(factory=list[Exception])

    async def all(self, statement: Statement, values: Values, *, is_repeatable: bool = True) -> Sequence[Row]:
        """Run a statement, unless it is to fail."""
        self.together.append(len(values["candidates"]))
        if self.failures:
            raise self.failures.pop(0)
        return await super().all(statement, values, is_repeatable=is_repeatable)


@pytest.fixture
def trips(postgres_store: PostgresStore) -> Watched:
    """The way to the database, watched."""
    return Watched(postgres_store.pool)


@pytest.fixture
def log(trips: Watched) -> PostgresMessageLog:
    """A node's log that goes this way."""
    return PostgresMessageLog(trips, SystemIds(), Debounce())


async def sent(log: MessageLog, *sends: Outgoing) -> list[Posted | BaseException]:
    """Send at the same moment, and return what came of each."""
    return await asyncio.gather(*(log.append(outgoing) for outgoing in sends), return_exceptions=True)


async def kept(ports: Ports, dialog: DialogId, reader: UserId = ANN) -> list[Message]:
    page = await ports.transcript.page(dialog, reader, Window(limit=100))
    assert page is not None
    return list(page.messages)


async def test_sends_of_one_moment_go_in_one_statement_and_are_numbered_in_their_order_g4(
    postgres_ports: Ports, log: PostgresMessageLog, trips: Watched
) -> None:
    dialogs = [await open_dialog(postgres_ports, ANN, BO) for _ in range(3)]
    sends = [an_outgoing(dialogs[n % 3], by=(ANN, BO)[n % 2], content=str(n)) for n in range(30)]

    posted = await sent(log, *sends)

    assert trips.together == [30]
    assert [one.message.content for one in posted if isinstance(one, Posted)] == [str(n) for n in range(30)]
    for n, dialog in enumerate(dialogs):
        messages = await kept(postgres_ports, dialog)
        assert [message.content for message in messages] == [str(m) for m in range(n, 30, 3)]
        assert [message.seq for message in messages] == list(range(1, 11))
        assert [message.id for message in messages] == sorted(message.id for message in messages)


async def test_each_send_of_a_statement_has_its_own_outcome_g2(
    postgres_ports: Ports, log: PostgresMessageLog, trips: Watched
) -> None:
    dialog, other = await open_dialog(postgres_ports, ANN, BO), await open_dialog(postgres_ports, BO)
    [elsewhere] = await say(postgres_ports, other, "elsewhere", by=BO)
    [first] = [(await log.append(an_outgoing(dialog, key="said"))).message]

    outcomes = await sent(
        log,
        an_outgoing(dialog, content="a"),
        an_outgoing(dialog, by=CY),
        an_outgoing(a_dialog_id()),
        an_outgoing(dialog, key="said"),
        an_outgoing(dialog, reply_to=elsewhere.id),
        an_outgoing(dialog, by=BO, key="said"),
        an_outgoing(dialog, reply_to=first.id, content="b"),
        an_outgoing(other),
    )

    assert trips.together == [1, 8]
    refusals = [type(one) for one in outcomes if not isinstance(one, Posted)]
    assert refusals == [Forbidden, DialogNotFound, ReplyTargetUnknown, Forbidden]
    assert [one.message.seq for one in outcomes if isinstance(one, Posted)] == [2, 1, 3, 4]
    assert outcomes[3] == Posted(first)
    assert [message.seq for message in await kept(postgres_ports, dialog)] == [1, 2, 3, 4]
    assert [message.id for message in await kept(postgres_ports, other, BO)] == [elsewhere.id]


async def test_the_same_send_twice_at_one_moment_makes_one_message_g3(
    postgres_ports: Ports, log: PostgresMessageLog
) -> None:
    dialog = await open_dialog(postgres_ports, ANN)

    first, again, another = await sent(
        log,
        an_outgoing(dialog, key="k"),
        an_outgoing(dialog, key="k"),
        an_outgoing(dialog, key="k", fingerprint=b"something else"),
    )

    assert isinstance(first, Posted)
    assert again == Posted(first.message)
    assert isinstance(another, IdempotencyKeyReused)
    assert await kept(postgres_ports, dialog) == [first.message]


async def test_a_message_the_database_refuses_does_not_take_its_neighbours_along(
    postgres_ports: Ports, log: PostgresMessageLog
) -> None:
    dialog, other = await open_dialog(postgres_ports, ANN), await open_dialog(postgres_ports, ANN)

    before, refused, after = await sent(
        log, an_outgoing(dialog), an_outgoing(dialog, content="a\x00b"), an_outgoing(other)
    )

    assert isinstance(refused, Fault)
    assert isinstance(before, Posted)
    assert isinstance(after, Posted)
    assert await kept(postgres_ports, dialog) == [before.message]


async def test_after_a_cut_what_has_a_key_is_sent_again_and_the_rest_is_told_f1(
    postgres_ports: Ports, log: PostgresMessageLog, trips: Watched
) -> None:
    dialog = await open_dialog(postgres_ports, ANN, BO)
    trips.failures.append(Lost())

    outcomes = await sent(
        log, an_outgoing(dialog), an_outgoing(dialog, key="a"), an_outgoing(dialog, by=BO, key="a")
    )

    assert trips.together == [3, 2]
    assert isinstance(outcomes[0], ServiceUnavailable)
    assert await kept(postgres_ports, dialog) == [one.message for one in outcomes[1:] if isinstance(one, Posted)]


async def test_a_dialog_that_somebody_holds_keeps_nobody_else_waiting_g15(
    postgres_ports: Ports, postgres_store: PostgresStore, log: PostgresMessageLog
) -> None:
    dialog, other = await open_dialog(postgres_ports, ANN), await open_dialog(postgres_ports, ANN)
    async with locked(postgres_ports, dialog):
        held, free = [
            asyncio.create_task(log.append(an_outgoing(one, content=str(n))))
            for n, one in enumerate((dialog, other))
        ]
        await free
        await until_waiting(postgres_store)
        behind = asyncio.create_task(log.append(an_outgoing(dialog, content="2")))
        await log.append(an_outgoing(other))

        assert not held.done()
        assert not behind.done()

    await asyncio.gather(held, behind)
    assert [message.content for message in await kept(postgres_ports, dialog)] == ["0", "2"]


async def test_a_sender_who_gives_up_takes_nobody_along(postgres_ports: Ports, log: PostgresMessageLog) -> None:
    dialog = await open_dialog(postgres_ports, ANN)
    sending = [asyncio.create_task(log.append(an_outgoing(dialog, content=str(n)))) for n in range(3)]
    await asyncio.sleep(0)

    sending[1].cancel()
    await asyncio.wait(sending)

    contents = [message.content for message in await kept(postgres_ports, dialog)]
    assert contents in (["0", "2"], ["0", "1", "2"])
    assert [one.cancelled() for one in sending] == [False, True, False]


async def test_ids_rise_although_another_nodes_clock_runs_far_ahead_f32(
    postgres_ports: Ports, log: PostgresMessageLog
) -> None:
    dialog = await open_dialog(postgres_ports, ANN)
    ahead = (await postgres_ports.log.append(an_outgoing(dialog, id=FAR_AHEAD))).message

    posted = await sent(log, *(an_outgoing(dialog) for _ in range(3)))

    ids = [ahead.id, *(one.message.id for one in posted if isinstance(one, Posted))]
    assert ids == sorted(set(ids))
    assert ids == [message.id for message in await kept(postgres_ports, dialog)]


IDS = st.integers(0, 2**128 - 2**81).map(lambda n: UUID(int=n & ~(0xF << 76 | 0x3 << 62) | 0x7 << 76 | 0x2 << 62))


@given(last=IDS | st.just(FAR_AHEAD), steps=st.integers(1, 5))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_several_ids_above_the_last_are_those_the_domain_would_issue(
    postgres_store: PostgresStore, last: UUID, steps: int
) -> None:
    issued = last
    for _ in range(steps):
        issued = following(issued, issued)

    [row] = await query(
        postgres_store,
        "select following(cast(:last as uuid), cast(:steps as integer)) as id",
        last=last,
        steps=steps,
    )

    assert row["id"] == issued


SLOW = (
    "alter table mtchat.dialogs enable row level security",
    "alter table mtchat.dialogs force row level security",
    """
    create policy waiting on mtchat.dialogs
    using (case when cast(pg_advisory_lock_shared(1) as text) = '' then pg_advisory_unlock_shared(1) end)
    """,
)


@asynccontextmanager
async def slow_to_lock(databases: Databases) -> AsyncIterator[tuple[Ports, PostgresStore]]:
    """Open a database whose statements wait, once they have begun, for whoever holds the lock 1."""
    url = await databases.create()
    await postgres.migrate_async(url)
    async with postgres.open(url) as store:
        async with store.engine.connect() as connection:
            for sql in SLOW:
                await connection.execute(sa.text(sql))
        yield evolve(memory.ports(), **store.ports()), store
    await databases.drop(url)


async def test_what_changes_between_the_look_and_the_lock_is_seen_b41(databases: Databases) -> None:
    async with slow_to_lock(databases) as (ports, store):
        dialog = await open_dialog(ports, ANN, BO)
        async with locked(ports, dialog) as tx:
            [superuser] = await query(store, "select rolsuper from pg_roles where rolname = current_user")
            if superuser["rolsuper"]:
                pytest.skip("row security, which this test waits in, does not bind a superuser")
            await tx.participants.remove(dialog, BO)
            tx.record(ParticipantLeft(dialog_id=dialog, user_id=BO, left_at=START, origin=Origin.MANAGEMENT))
            async with store.engine.connect() as connection:
                await connection.execute(sa.text("select pg_advisory_lock(1)"))
                sending = asyncio.create_task(ports.log.append(an_outgoing(dialog, by=BO)))
                await until_waiting(store)
                await connection.execute(sa.text("select pg_advisory_unlock(1)"))

        with pytest.raises(Forbidden):
            await sending


@frozen
class Plan:
    """A send as Hypothesis imagines it."""

    dialog: int
    by: UserId
    key: str | None
    reply: int | None
    content: str

    def outgoing(self, dialogs: Sequence[DialogId], said: Sequence[MessageId]) -> Outgoing:
        reply = None if self.reply is None else (said[self.reply] if self.reply < len(said) else a_message_id())
        return an_outgoing(
            dialogs[self.dialog],
            by=self.by,
            key=self.key,
            reply_to=reply,
            content=self.content,
            fingerprint=self.content.encode(),
        )


PLANS = st.builds(
    Plan,
    dialog=st.integers(0, 1),
    by=st.sampled_from([ANN, BO, CY, DI]),
    key=st.sampled_from([None, None, "a", "b"]),
    reply=st.sampled_from([None, None, 0, 1, 2]),
    content=st.sampled_from("xy"),
)


@frozen
class World:
    """The same two dialogs in one store or another: DI is in neither, CY has archived the first."""

    ports: Ports
    dialogs: tuple[DialogId, DialogId]
    said: tuple[MessageId, ...]

    @classmethod
    async def made(cls, ports: Ports) -> "World":
        archived = a_participant(by=CY, is_archived=True)
        dialogs = (await open_dialog(ports, ANN, BO, archived), await open_dialog(ports, ANN, BO))
        said = (await say(ports, dialogs[1], "first"))[0].id, (await say(ports, dialogs[1], "second"))[0].id
        return cls(ports, dialogs, said)

    async def facts(self, outcomes: Iterable[Posted | BaseException]) -> dict[str, Any]:
        """Return everything that may not depend on the store."""
        return {
            "outcomes": [_plain(one, self) for one in outcomes],
            "events": [
                [_event(one) for one in await self.ports.events.of_dialog(dialog, after=0, limit=100)]
                for dialog in self.dialogs
            ],
            "people": [
                (person.mark.seq, person.mark.counted, person.is_archived)
                for dialog, user in ((0, ANN), (0, BO), (0, CY), (1, ANN), (1, BO))
                for person in [await participant(self.ports, self.dialogs[dialog], user)]
            ],
        }


def _plain(outcome: Posted | BaseException, world: World) -> object:
    if not isinstance(outcome, Posted):
        assert isinstance(outcome, ChatError)
        return type(outcome)
    message = outcome.message
    return (
        world.dialogs.index(message.dialog_id),
        message.seq,
        message.sender_name,
        message.content,
        message.client_message_id,
        [_event(one) for one in outcome.recorded],
    )


def _event(recorded: Recorded) -> object:
    return recorded.seq, recorded.event.type, sorted(recorded.event.audience.people)


@given(plans=st.lists(PLANS, min_size=1, max_size=12))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_together_or_one_by_one_in_memory_the_outcome_is_the_same_g3_g4_g7(
    postgres_ports: Ports, trips: Watched, plans: list[Plan]
) -> None:
    # Keyed twins of one sender go in the next statement, so only here may the order differ from memory's.
    plans = [plan for n, plan in enumerate(plans) if plan.key is None or not _same_key(plan, plans[:n])]
    ours = await World.made(evolve(postgres_ports, log=PostgresMessageLog(trips, SystemIds(), Debounce())))
    twin = await World.made(memory.ports())
    trips.together.clear()

    together = await sent(ours.ports.log, *(plan.outgoing(ours.dialogs, ours.said) for plan in plans))
    one_by_one = [(await sent(twin.ports.log, plan.outgoing(twin.dialogs, twin.said)))[0] for plan in plans]

    assert trips.together == [len(plans)]
    assert await ours.facts(together) == await twin.facts(one_by_one)


def _same_key(plan: Plan, earlier: Iterable[Plan]) -> bool:
    return any((one.dialog, one.by, one.key) == (plan.dialog, plan.by, plan.key) for one in earlier)
