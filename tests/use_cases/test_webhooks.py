"""The host is told, whatever its receiver does: over memory and over PostgreSQL, through the network."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest
import sqlalchemy as sa
from attrs import evolve

from mtchat_adapters import memory
from mtchat_adapters.httpx import webhooks as httpx_webhooks
from mtchat_adapters.httpx.webhooks import HttpxWebhooks
from mtchat_adapters.postgres import PostgresStore
from mtchat_core.chat import Chat, Habits, Ports
from mtchat_core.domain.events import NotificationPending, Reminded
from mtchat_core.domain.webhooks import (
    DeliveryId,
    DeliveryState,
    Endpoint,
    EndpointId,
    EndpointState,
    NotReplayable,
    Schedule,
    WebhookOfSettings,
    verify,
)
from mtchat_core.use_cases.webhooks import OwnEndpoint, Terms
from tests.builders import ANN, BO, a_dialog_id, locked, open_dialog, say
from tests.courier import SECRET
from tests.receiver import Answer, Arrived, Receiver, drip, late, open_receiver, reset, silence, status

SWIFT = Schedule.of([0, *[0.02] * 9])
DEADLINE_SECONDS = 30


@pytest.fixture(params=["memory", "postgres"])
def ports(request: pytest.FixtureRequest) -> Ports:
    """Every port, with a clock that runs."""
    if request.param == "memory":
        return memory.ports()
    return cast(Ports, request.getfixturevalue("postgres_ports"))


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    async with open_receiver() as receiver:
        yield receiver


@pytest.fixture
async def sender() -> AsyncGenerator[HttpxWebhooks]:
    async with httpx_webhooks.open(deadline=timedelta(seconds=20), may_call=lambda _: True) as sender:
        yield sender


class Host:
    """A chat whose host is told at the receiver."""

    def __init__(self, ports: Ports, receiver: Receiver, terms: Terms) -> None:
        self.chat = Chat.over(ports, Habits(webhooks=terms))
        self.ports = ports
        self.receiver = receiver

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Tick as a runner would until *is_so*."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not is_so():
                await self.chat.webhooks.tick()
                await asyncio.sleep(0.01)

    async def arrived(self, count: int) -> None:
        """Wait until so many requests have arrived."""
        await self.until(lambda: len(self.receiver.arrived) >= count)

    async def settled(self, state: DeliveryState, count: int) -> None:
        """Wait until so many deliveries are in that state."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while len(await self.in_state(state)) < count:
                await self.chat.webhooks.tick()
                await asyncio.sleep(0.01)

    async def in_state(self, state: DeliveryState) -> list[str]:
        """Return the ids of the deliveries in that state."""
        endpoint = await self.endpoint()
        found = await self.chat.webhooks.deliveries(endpoint.id, state=state, before=None, limit=1000)
        return [str(delivery.id) for delivery in found]

    async def endpoint(self) -> Endpoint:
        """Return the only endpoint."""
        [endpoint] = await self.chat.webhooks.endpoints()
        return endpoint


@asynccontextmanager
async def told(ports: Ports, receiver: Receiver, sender: HttpxWebhooks, **terms: Any) -> AsyncGenerator[Host]:
    """Open a host that is told from now on."""
    own = OwnEndpoint(receiver.url, (SECRET,))
    host = Host(evolve(ports, sender=sender), receiver, evolve(Terms(own=own, schedule=SWIFT), **terms))
    await host.chat.webhooks.follow_settings()
    try:
        yield host
    finally:
        await host.chat.webhooks.close()
        host.chat.realtime.close()


@pytest.fixture
async def host(ports: Ports, receiver: Receiver, sender: HttpxWebhooks) -> AsyncGenerator[Host]:
    async with told(ports, receiver, sender) as host:
        yield host


def the_same_every_time(receiver: Receiver) -> None:
    """Check that each id came with the same bytes at every attempt."""
    bodies: dict[str, bytes] = {}
    for one in receiver.arrived:
        assert bodies.setdefault(one.id, one.body) == one.body
        assert one.id == one.json["id"] == one.headers["x-webhook-id"]


async def test_what_arrives_can_be_believed(host: Host, receiver: Receiver) -> None:
    dialog = await open_dialog(host.ports, ANN, BO)
    await say(host.ports, dialog, "hello")

    await host.settled(DeliveryState.DELIVERED, 1)

    [one] = receiver.arrived
    event = verify(
        one.body,
        one.headers,
        [SECRET],
        now=datetime.fromtimestamp(int(one.headers["webhook-timestamp"]), UTC),
    )
    assert (event.id, event.type) == (one.id, "message.new")
    assert one.headers["x-webhook-event"] == "message.new"
    assert event.payload["message"]["content"] == "hello"
    assert host.chat.webhooks.counts["delivered"] == 1


async def test_every_dialog_is_told_in_order_whatever_fails_on_the_way_g11(host: Host, receiver: Receiver) -> None:
    taken: dict[str, list[int]] = {}
    tried = Counter[str]()

    async def answer(one: Arrived, writer: asyncio.StreamWriter) -> None:
        tried[one.id] += 1
        seq = one.payload["seq"]
        if seq % 3 == 0 and tried[one.id] <= 2:
            await (status(500) if seq % 2 else reset)(one, writer)
        else:
            taken.setdefault(one.payload["dialog_id"], []).append(seq)
            await status(200)(one, writer)

    receiver.answer = answer
    dialogs = [await open_dialog(host.ports, ANN) for _ in range(5)]
    for number in range(20):
        await asyncio.gather(*(say(host.ports, dialog, str(number)) for dialog in dialogs))

    await host.settled(DeliveryState.DELIVERED, 100)

    the_same_every_time(receiver)
    assert list(taken.values()) == [list(range(1, 21))] * 5


async def test_a_receiver_that_is_never_up_makes_dead_letters_that_can_be_replayed_f11_g11(
    host: Host, receiver: Receiver
) -> None:
    receiver.answer = status(500)
    dialogs = [await open_dialog(host.ports, ANN) for _ in range(3)]
    for dialog in dialogs:
        await say(host.ports, dialog, "1", "2")

    await host.settled(DeliveryState.DEAD, 6)

    assert len(receiver.arrived) == 60
    the_same_every_time(receiver)
    endpoint = await host.endpoint()
    dead = await host.in_state(DeliveryState.DEAD)
    assert (endpoint.dead, endpoint.last_failure, endpoint.state) == (6, "HTTP 500", EndpointState.ACTIVE)

    receiver.answer = status(200)
    assert await host.chat.webhooks.replay_dead(endpoint.id) == 6
    await host.settled(DeliveryState.DELIVERED, 6)
    the_same_every_time(receiver)
    assert set(await host.in_state(DeliveryState.DELIVERED)) == set(dead)


async def test_a_receiver_that_comes_back_gets_everything_f11(host: Host, receiver: Receiver) -> None:
    receiver.answers([status(500), reset, status(503)] * 4)
    dialogs = [await open_dialog(host.ports, ANN) for _ in range(4)]
    for dialog in dialogs:
        await say(host.ports, dialog, "1", "2", "3")

    await host.settled(DeliveryState.DELIVERED, 12)

    assert await host.in_state(DeliveryState.DEAD) == []
    the_same_every_time(receiver)


async def test_a_dialog_that_fails_holds_nobody_else_f12(host: Host, receiver: Receiver) -> None:
    stuck, others = await open_dialog(host.ports, ANN), [await open_dialog(host.ports, ANN) for _ in range(30)]
    gate = asyncio.Event()

    async def answer(one: Arrived, writer: asyncio.StreamWriter) -> None:
        if one.payload["dialog_id"] == str(stuck):
            await gate.wait()
        await status(200)(one, writer)

    receiver.answer = answer
    await say(host.ports, stuck, "1", "2")
    for dialog in others:
        await say(host.ports, dialog, "1", "2")

    await host.settled(DeliveryState.DELIVERED, 60)

    assert [one.payload["seq"] for one in receiver.by_dialog()[str(stuck)]] == [1]
    gate.set()
    await host.settled(DeliveryState.DELIVERED, 62)


@pytest.mark.parametrize("answer", [silence, drip])
async def test_a_receiver_that_never_ends_is_cut_and_tried_again_f12(
    ports: Ports, receiver: Receiver, answer: Answer
) -> None:
    receiver.answers([answer])
    brief = timedelta(milliseconds=100)
    async with (
        httpx_webhooks.open(deadline=brief, may_call=lambda _: True) as sender,
        told(ports, receiver, sender) as host,
    ):
        await say(ports, await open_dialog(ports, ANN), "1", "2")
        await host.settled(DeliveryState.DELIVERED, 2)

        assert [one.payload["seq"] for one in receiver.arrived] == [1, 1, 2]


async def test_no_more_than_ten_are_under_way_at_once_g11(host: Host, receiver: Receiver) -> None:
    gate = asyncio.Event()
    receiver.answer = late(gate, status(200))
    for _ in range(25):
        await say(host.ports, await open_dialog(host.ports, ANN), "hello")

    await host.arrived(10)
    gate.set()
    await host.settled(DeliveryState.DELIVERED, 25)

    assert receiver.most_at_once == 10


async def test_410_parks_and_whoever_resumes_goes_on_f14(host: Host, receiver: Receiver) -> None:
    receiver.answer = status(410)
    dialog = await open_dialog(host.ports, ANN)
    await say(host.ports, dialog, "1", "2")
    await host.arrived(1)
    await host.chat.webhooks.idle()
    endpoint = await host.endpoint()
    assert (endpoint.state, endpoint.pending) == (EndpointState.PARKED, 2)
    await host.chat.webhooks.tick()
    await host.chat.webhooks.idle()
    assert len(receiver.arrived) == 1

    receiver.answer = status(200)
    await say(host.ports, dialog, "3")
    assert (await host.chat.webhooks.resume(endpoint.id)).state is EndpointState.ACTIVE
    await host.settled(DeliveryState.DELIVERED, 3)

    assert [one.payload["seq"] for one in receiver.arrived] == [1, 1, 2, 3]
    the_same_every_time(receiver)


@pytest.mark.parametrize("answer", [status(429, "Retry-After: 0"), status(404), status(302, "Location: /x")])
async def test_anything_else_is_tried_again_f13_f14(host: Host, receiver: Receiver, answer: Answer) -> None:
    receiver.answers([answer, answer])
    await say(host.ports, await open_dialog(host.ports, ANN), "hello")

    await host.settled(DeliveryState.DELIVERED, 1)

    assert [one.path for one in receiver.arrived] == ["/hook"] * 3


@pytest.fixture
async def patient_host(ports: Ports, receiver: Receiver, sender: HttpxWebhooks) -> AsyncGenerator[Host]:
    """A host that is tried for a while before anything is dead."""
    async with told(ports, receiver, sender, schedule=Schedule.of([0.0] + [0.05] * 1000)) as host:
        yield host


async def test_a_reminder_of_what_was_read_meanwhile_is_dropped_f15(
    patient_host: Host, receiver: Receiver
) -> None:
    host = patient_host
    receiver.answer = status(500)
    dialog = await open_dialog(host.ports, ANN, BO)
    [message] = await say(host.ports, dialog, "hello")
    await host.settled(DeliveryState.PENDING, 1)
    async with locked(host.ports, dialog) as tx:
        tx.record(NotificationPending(dialog_id=dialog, message=message, recipients=[Reminded(BO, 1)]))
    await host.until(lambda: any(one.json["type"] == "notification.pending" for one in receiver.arrived))

    await host.chat.receipts.mark_read(BO, dialog, message.id)

    await host.settled(DeliveryState.DROPPED, 1)
    reminders = [one for one in receiver.arrived if one.json["type"] == "notification.pending"]
    receiver.answer = status(200)
    await host.settled(DeliveryState.DELIVERED, 1)
    later = [one for one in receiver.arrived if one.json["type"] == "notification.pending"]
    assert len(reminders) == len(later)
    assert host.chat.webhooks.counts["dropped"] == 1


async def test_who_stops_lets_attempts_end_and_gives_the_lease_back_f2(
    ports: Ports, receiver: Receiver, sender: HttpxWebhooks
) -> None:
    gate = asyncio.Event()
    receiver.answer = late(gate, status(200))
    dialog = await open_dialog(ports, ANN)
    async with told(ports, receiver, sender) as leaving, told(ports, receiver, sender) as staying:
        await say(ports, dialog, "1", "2")
        await leaving.arrived(1)

        closing = asyncio.create_task(leaving.chat.webhooks.close())
        await staying.chat.webhooks.tick()
        assert not closing.done()
        gate.set()
        await closing
        await staying.settled(DeliveryState.DELIVERED, 2)

    assert [one.payload["seq"] for one in receiver.arrived] == [1, 2]


async def test_a_killed_worker_is_followed_by_another_with_the_same_id_and_bytes_f2_g11(
    postgres_ports: Ports, postgres_url: str, receiver: Receiver, sender: HttpxWebhooks
) -> None:
    receiver.answer = silence
    arguments = [sys.executable, "-m", "tests.courier", postgres_url, receiver.url, "1"]
    worker = await asyncio.create_subprocess_exec(*arguments)
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not await postgres_ports.webhooks.endpoints():  # noqa: ASYNC110 - in another process
                await asyncio.sleep(0.05)
        dialog = await open_dialog(postgres_ports, ANN)
        await say(postgres_ports, dialog, "1", "2")
        await receiver.wait_for(1)
    finally:
        worker.kill()
        await worker.wait()
    receiver.answer = status(200)

    async with told(postgres_ports, receiver, sender, lease=timedelta(seconds=1)) as host:
        await host.settled(DeliveryState.DELIVERED, 2)

    assert [one.payload["seq"] for one in receiver.arrived] == [1, 1, 2]
    the_same_every_time(receiver)


async def test_a_poisoned_event_holds_nobody_f3(
    postgres_ports: Ports, postgres_store: PostgresStore, receiver: Receiver, sender: HttpxWebhooks
) -> None:
    async with told(postgres_ports, receiver, sender) as host:
        await say(postgres_ports, await open_dialog(postgres_ports, ANN), "fine", "poison", "fine too")
        async with postgres_store.engine.connect() as connection:
            await connection.execute(
                sa.text("""update events set facts = '{"origin": "nowhere"}' where seq = 2""")
            )

        await host.settled(DeliveryState.DELIVERED, 2)

        [dead] = await host.in_state(DeliveryState.DEAD)
        assert [one.payload["seq"] for one in receiver.arrived] == [1, 3]
        assert host.chat.webhooks.counts["unwritten"] == 1
        with pytest.raises(NotReplayable):
            await host.chat.webhooks.replay((await host.endpoint()).id, DeliveryId(UUID(dead)))


async def test_the_endpoint_of_the_settings_is_changed_in_the_settings_alone(host: Host) -> None:
    endpoint = await host.endpoint()

    with pytest.raises(WebhookOfSettings):
        await host.chat.webhooks.change(endpoint.id, lambda kept: kept)
    with pytest.raises(WebhookOfSettings):
        await host.chat.webhooks.remove(endpoint.id)
    await host.chat.webhooks.remove(EndpointId(a_dialog_id()))

    assert await host.endpoint() == endpoint


async def test_a_changed_address_and_secret_are_used_at_once(
    ports: Ports, receiver: Receiver, sender: HttpxWebhooks
) -> None:
    chat = Chat.over(evolve(ports, sender=sender))
    made = await chat.webhooks.create(name="erp", url="http://127.0.0.1:1/", events=None, secrets=None)
    assert made.secrets[0].startswith("whsec_")

    await chat.webhooks.change(
        made.id, lambda kept: evolve(kept, url=receiver.url, secrets=("the-new-secret-here", *kept.secrets))
    )
    await say(ports, await open_dialog(ports, ANN), "hello")
    await chat.webhooks.tick()
    [one] = await receiver.wait_for(1)
    await chat.webhooks.close()
    chat.realtime.close()

    now = datetime.fromtimestamp(int(one.headers["webhook-timestamp"]), UTC)
    for secret in ("the-new-secret-here", *made.secrets):
        assert verify(one.body, one.headers, [secret], now=now)


async def test_what_is_old_is_forgotten(host: Host) -> None:
    await say(host.ports, await open_dialog(host.ports, ANN), "hello")
    await host.settled(DeliveryState.DELIVERED, 1)

    now = datetime.now(UTC)
    assert await host.chat.webhooks.prune(now, limit=100) == 0
    assert await host.chat.webhooks.prune(now + timedelta(days=4), limit=100) == 1
    assert await host.in_state(DeliveryState.DELIVERED) == []


async def test_a_database_copied_into_another_server_goes_on_from_its_present(
    postgres_ports: Ports, postgres_store: PostgresStore, receiver: Receiver, sender: HttpxWebhooks
) -> None:
    async with told(postgres_ports, receiver, sender) as host:
        dialog = await open_dialog(host.ports, ANN, BO)
        async with postgres_store.engine.connect() as connection:
            # Transactions were counted further where it comes from.
            ahead = sa.text("update webhook_endpoints set log_xid = '4000000000000', log_seq = 7")
            await connection.execute(ahead)
        await host.chat.webhooks.tick()
        await host.chat.webhooks.idle()

        await say(host.ports, dialog, "hello")
        await host.arrived(1)

    assert receiver.arrived[0].json["payload"]["message"]["content"] == "hello"
