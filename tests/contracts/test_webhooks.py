"""Endpoints, their places in the log, and what is on its way to them."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve

from mtchat_adapters.memory.webhooks import MemoryWebhooks
from mtchat_core.chat import Ports
from mtchat_core.domain.events import (
    DialogPinned,
    Event,
    NotificationCancelled,
    NotificationPending,
    ParticipantJoined,
    Reminded,
)
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.domain.messages import Edit, Message, Origin
from mtchat_core.domain.participants import JoinedAs
from mtchat_core.domain.webhooks import (
    Delivery,
    DeliveryId,
    DeliveryState,
    Endpoint,
    EndpointId,
    EndpointState,
    Happening,
    Letter,
    Outcome,
    Receipt,
    SignedRequest,
    Source,
    WebhookNameTaken,
    letters,
)
from mtchat_core.ports.webhooks import Due, Relayed, WebhookSender
from tests.builders import (
    ANN,
    BO,
    CY,
    START,
    a_dialog_id,
    a_message_id,
    a_participant,
    a_profile,
    locked,
    open_dialog,
    participant,
    remove_person,
    say,
)

WORKER, OTHER = a_dialog_id(), a_dialog_id()
LEASE, NOTHING, LATER = timedelta(minutes=1), timedelta(), timedelta(hours=1)
EXPIRED = timedelta(microseconds=-1)
DONE, FAILED, GONE = Receipt(204, None, 3), Receipt(500, None, 7), Receipt(410)
PENDING, DELIVERED, DEAD = DeliveryState.PENDING, DeliveryState.DELIVERED, DeliveryState.DEAD
LONG_AGO, SOMEDAY = datetime.min.replace(year=1970, tzinfo=START.tzinfo), START.replace(year=2100)


class Hands:
    """A worker at one endpoint."""

    def __init__(self, ports: Ports, endpoint: EndpointId, worker: UUID = WORKER) -> None:
        self.ports = ports
        self.endpoint = endpoint
        self.worker = worker

    async def relay(self, *, wait: timedelta = NOTHING, limit: int = 100) -> Relayed | None:
        return await self.ports.webhooks.relay(
            self.worker, self.endpoint, letters, ttl=LEASE, wait=wait, limit=limit
        )

    async def due(self, *under_way: int, limit: int = 100) -> tuple[Due, ...]:
        return await self.ports.webhooks.due(self.endpoint, under_way=under_way, limit=limit)

    async def settle(self, *outcomes: Outcome, log_all: bool = True) -> bool:
        return await self.ports.webhooks.settle(self.worker, self.endpoint, outcomes, ttl=LEASE, log_all=log_all)

    async def all(self, state: DeliveryState | None = None) -> tuple[Delivery, ...]:
        return await self.ports.webhooks.deliveries(self.endpoint, state=state, before=None, limit=100)

    async def states(self) -> list[str]:
        """Return the state of every delivery, oldest first."""
        return [delivery.state.value for delivery in reversed(await self.all())]


async def add(ports: Ports, name: str = "erp", **fields: Any) -> EndpointId:
    made = Endpoint(
        id=EndpointId(a_dialog_id()),
        name=name,
        url="https://erp.example/hook",
        secrets=("a-secret-of-the-host",),
        created_at=START,
    )
    await ports.webhooks.add(evolve(made, **fields))
    return made.id


async def held(ports: Ports, **fields: Any) -> Hands:
    """Add an endpoint and something for it, and take its lease; what was for it is relayed."""
    hands = Hands(ports, await add(ports, **fields))
    await say(ports, await open_dialog(ports, ANN), "to have something to do")
    await ports.webhooks.lease(WORKER, ttl=LEASE, running=[])
    await hands.relay()
    await hands.settle(*(ended(due) for due in await hands.due()))
    return hands


def ended(
    due: Due, receipt: Receipt = DONE, *, state: DeliveryState = DELIVERED, wait: timedelta = NOTHING
) -> Outcome:
    return Outcome(
        number=due.number,
        dialog_id=due.dialog_id,
        state=state,
        attempts=due.attempts + 1,
        wait=wait,
        receipt=receipt,
    )


def failed(due: Due, wait: timedelta = NOTHING) -> Outcome:
    return ended(due, FAILED, state=PENDING, wait=wait)


def said(dues: Sequence[Due]) -> list[str]:
    return [json.loads(due.body)["payload"]["message"]["content"] for due in dues]


async def record(ports: Ports, dialog: DialogId, *events: Event) -> None:
    async with locked(ports, dialog) as tx:
        tx.record(*events)


async def read_up_to(ports: Ports, message: Message, user: UserId) -> None:
    person = await participant(ports, message.dialog_id, user)
    async with locked(ports, message.dialog_id) as tx:
        mark = evolve(person.mark, seq=message.seq, message_id=message.id)
        await tx.participants.save(evolve(person, mark=mark))


async def test_what_was_sent_is_kept_in_order_and_answered() -> None:
    webhooks = MemoryWebhooks()
    sender: WebhookSender = webhooks
    request = SignedRequest(b"{}", {"X-Webhook-Event": "message.new"})

    first = await sender.send("https://one.example", request)
    webhooks.answer = Receipt(None, "connection refused")
    second = await sender.send("https://two.example", request)

    assert [first.is_done, second.is_done] == [True, False]
    assert webhooks.sent == [("https://one.example", request), ("https://two.example", request)]


async def test_an_endpoint_is_kept_changed_and_forgotten(ports: Ports) -> None:
    first, second = await add(ports, "one"), await add(ports, "two", events=("message.new",))

    kept = await ports.webhooks.endpoint(second)
    assert kept is not None
    assert (kept.secrets, kept.events, kept.state) == (
        ("a-secret-of-the-host",),
        ("message.new",),
        EndpointState.ACTIVE,
    )
    changed = evolve(kept, url="https://new.example/", events=None, state=EndpointState.DISABLED, why="by hand")
    assert await ports.webhooks.change(changed)
    assert await ports.webhooks.endpoint(second) == changed
    assert [endpoint.id for endpoint in await ports.webhooks.endpoints()] == [first, second]

    assert await ports.webhooks.remove(second)
    assert not await ports.webhooks.remove(second)
    assert not await ports.webhooks.change(changed)
    assert await ports.webhooks.endpoint(second) is None
    await add(ports, "two")


async def test_a_name_belongs_to_one_endpoint(ports: Ports) -> None:
    await add(ports, "one")
    other = await add(ports, "two")
    kept = await ports.webhooks.endpoint(other)
    assert kept is not None

    with pytest.raises(WebhookNameTaken):
        await add(ports, "one")
    with pytest.raises(WebhookNameTaken):
        await ports.webhooks.change(evolve(kept, name="one"))

    assert [endpoint.name for endpoint in await ports.webhooks.endpoints()] == ["one", "two"]


async def test_the_endpoint_of_the_settings_follows_them_and_keeps_no_secret(ports: Ports) -> None:
    store = ports.webhooks
    own = Endpoint(
        id=EndpointId(a_dialog_id()), name="settings", url="https://a/", source=Source.SETTINGS, created_at=START
    )

    await store.follow_settings(own)
    await store.follow_settings(
        evolve(own, id=EndpointId(a_dialog_id()), url="https://b/", events=("message.new",))
    )

    [kept] = await store.endpoints()
    assert (kept.id, kept.url, kept.events, kept.secrets) == (own.id, "https://b/", ("message.new",), ())
    await store.follow_settings(None)
    [gone] = await store.endpoints()
    assert gone.state is EndpointState.DISABLED
    await store.follow_settings(own)
    [back] = await store.endpoints()
    assert (back.id, back.state) == (own.id, EndpointState.ACTIVE)


async def test_a_parked_endpoint_of_the_settings_stays_so_until_its_address_changes_f14(ports: Ports) -> None:
    own = Endpoint(
        id=EndpointId(a_dialog_id()), name="settings", url="https://a/", source=Source.SETTINGS, created_at=START
    )
    await ports.webhooks.follow_settings(own)
    await ports.webhooks.change(evolve(own, state=EndpointState.PARKED))

    await ports.webhooks.follow_settings(own)
    [same] = await ports.webhooks.endpoints()
    await ports.webhooks.follow_settings(evolve(own, url="https://b/"))
    [moved] = await ports.webhooks.endpoints()

    assert (same.state, moved.state) == (EndpointState.PARKED, EndpointState.ACTIVE)


async def test_a_new_endpoint_hears_of_what_happens_from_then_on(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    await say(ports, dialog, "before")
    endpoint = await add(ports)

    assert await ports.webhooks.lease(WORKER, ttl=LEASE, running=[]) == ()
    await say(ports, dialog, "after")
    [taken] = await ports.webhooks.lease(WORKER, ttl=LEASE, running=[])
    hands = Hands(ports, endpoint)
    assert taken.id == endpoint
    assert await hands.relay() == Relayed(1, 1)
    assert said(await hands.due()) == ["after"]
    assert await hands.relay() == Relayed()


async def test_one_worker_at_a_time_has_an_endpoint_f2(ports: Ports) -> None:
    endpoint = await add(ports)
    await say(ports, await open_dialog(ports, ANN), "hello")
    store, mine, theirs = ports.webhooks, Hands(ports, endpoint), Hands(ports, endpoint, OTHER)

    [_] = await store.lease(WORKER, ttl=LEASE, running=[])
    assert await store.lease(OTHER, ttl=LEASE, running=[]) == ()
    assert await store.lease(WORKER, ttl=LEASE, running=[endpoint]) == ()
    assert await theirs.relay() is None
    assert await store.renew(OTHER, endpoint, ttl=LEASE) is None
    await store.release(OTHER, endpoint)
    assert await store.renew(WORKER, endpoint, ttl=EXPIRED) is not None

    [_] = await store.lease(OTHER, ttl=LEASE, running=[])
    assert await mine.relay() is None
    assert await theirs.relay() == Relayed(1, 1)
    [due] = await theirs.due()
    assert not await mine.settle(ended(due))
    assert await theirs.due() == (due,), "the same id and bytes"
    assert await theirs.settle(ended(due))
    await store.release(OTHER, endpoint)
    assert await store.lease(WORKER, ttl=LEASE, running=[]) == (), "there is nothing to do"


async def test_only_what_people_do_through_the_chat_is_told(ports: Ports) -> None:
    hands = await held(ports)
    dialog = await open_dialog(ports, ANN, BO)
    [message] = await say(ports, dialog, "hello")
    await record(
        ports,
        dialog,
        DialogPinned(dialog_id=dialog, people=[ANN]),
        ParticipantJoined(
            dialog_id=dialog, user_id=CY, joined_as=JoinedAs.PARTICIPANT, joined_at=START, origin=Origin.MANAGEMENT
        ),
        ParticipantJoined(
            dialog_id=dialog, user_id=CY, joined_as=JoinedAs.JOINED, joined_at=START, origin=Origin.CHAT
        ),
        NotificationPending(dialog_id=dialog, message=message, recipients=[Reminded(BO, 1), Reminded(CY, 1)]),
        NotificationCancelled(dialog_id=dialog, people=[BO]),
    )

    assert await hands.relay() == Relayed(6, 5)

    new = list(reversed(await hands.all()))[1:]
    assert [(one.type, one.seq, one.recipient) for one in new] == [
        ("message.new", 1, None),
        ("participant.joined", 4, None),
        ("notification.pending", 5, BO),
        ("notification.pending", 5, CY),
        ("notification.cancelled", 6, BO),
    ]


async def test_an_endpoint_is_told_only_what_it_asked_for(ports: Ports) -> None:
    hands = await held(ports, events=("participant.joined",))
    dialog = await open_dialog(ports, ANN)
    await say(ports, dialog, "hello")

    assert await hands.relay() == Relayed(1, 0)
    assert await hands.all() == ()


async def test_the_senders_company_and_the_title_are_those_of_now(ports: Ports) -> None:
    hands = await held(ports)
    ann = a_participant(by=ANN, profile=a_profile("Ann", "Nordwind"))
    dialog = await open_dialog(ports, ann, BO, title="Order 1")
    [message] = await say(ports, dialog, "typo")
    edited = message.edited("fixed", at=START)
    async with locked(ports, dialog) as tx:
        await tx.messages.edit(edited, previous=Edit("typo", START))
        tx.record(NotificationPending(dialog_id=dialog, message=edited, recipients=[Reminded(BO, 3)]))

    await hands.relay()

    dues = await hands.due()
    assert said(dues) == ["fixed", "fixed"]
    payload = json.loads(dues[1].body)["payload"]
    assert (payload["chat_title"], payload["sender_company"], payload["unread_count"]) == (
        "Order 1",
        "Nordwind",
        3,
    )
    assert (payload["object_type"], payload["object_id"]) == ("quote", "RFQ-88")


async def test_what_is_deleted_before_it_was_told_is_not_told(ports: Ports) -> None:
    hands = await held(ports)
    dialog, doomed = await open_dialog(ports, ANN), await open_dialog(ports, ANN)
    [message] = await say(ports, dialog, "secret")
    await say(ports, doomed, "secret too")
    async with locked(ports, dialog) as tx:
        await tx.messages.delete(message)
    async with locked(ports, doomed) as tx:
        await tx.dialogs.delete(doomed)

    assert await hands.relay() == Relayed(2, 0)
    assert await hands.due() == ()


async def test_the_log_is_read_in_pieces_and_nothing_twice(ports: Ports) -> None:
    hands = await held(ports)
    for _ in range(3):
        await say(ports, await open_dialog(ports, ANN), "1", "2", "3")

    read = [await hands.relay(limit=4) for _ in range(4)]

    assert [relayed and relayed.read for relayed in read] == [4, 4, 1, 0]
    assert len({delivery.id for delivery in await hands.all()}) == 10


async def test_an_event_that_cannot_be_told_parks_alone_f3(ports: Ports) -> None:
    hands = await held(ports)
    dialog = await open_dialog(ports, ANN)
    await say(ports, dialog, "fine", "poison", "fine too")

    def write(happening: Happening) -> tuple[Letter, ...]:
        if "poison" in repr(happening):
            raise ZeroDivisionError
        return letters(happening)

    relayed = await ports.webhooks.relay(WORKER, hands.endpoint, write, ttl=LEASE, wait=NOTHING, limit=100)

    assert relayed == Relayed(3, 3, 1)
    assert said(await hands.due()) == ["fine", "fine too"]
    assert (await hands.states())[1:] == ["pending", "dead", "pending"]
    assert await ports.webhooks.replay(hands.endpoint, None) == 0, "there is nothing to send"


async def test_a_dialogs_deliveries_go_one_after_the_other_and_dialogs_side_by_side_g11(ports: Ports) -> None:
    hands = await held(ports)
    one, two = await open_dialog(ports, ANN), await open_dialog(ports, ANN)
    await say(ports, one, "1", "2", "3")
    await say(ports, two, "a", "b")
    await hands.relay()

    dues = await hands.due()
    lanes = {due.lane: said([other for other in dues if other.lane == due.lane]) for due in dues}
    assert sorted(lanes.values()) == [["1", "2", "3"], ["a", "b"]]

    first, second, third, *_ = dues
    assert said(await hands.due(first.number, second.number, third.number)) == ["a", "b"], "1 is under way"
    await hands.settle(ended(first), failed(second, LATER))
    assert said(await hands.due()) == ["a", "b"], "2 waits, and 3 waits for it"


async def test_what_failed_three_times_holds_nobody_any_more_g11(ports: Ports) -> None:
    hands = await held(ports)
    await say(ports, await open_dialog(ports, ANN), "failing", "next", "last")
    await hands.relay()

    for attempt in range(3):
        dues = await hands.due()
        assert (said(dues), dues[0].attempts) == (["failing", "next", "last"], attempt)
        await hands.settle(failed(dues[0], NOTHING if attempt < 2 else LATER))

    dues = await hands.due()
    assert said(dues) == ["next", "last"]
    await hands.settle(*map(ended, dues))
    assert (await hands.states())[1:] == ["pending", "delivered", "delivered"]


@pytest.mark.parametrize("late", [DONE, FAILED], ids=["succeeds", "fails once more"])
async def test_what_holds_nobody_any_more_frees_nobody_either_g11(ports: Ports, late: Receipt) -> None:
    hands = await held(ports)
    dialog = await open_dialog(ports, ANN)
    for words in ("one", "two", "three"):
        await say(ports, dialog, words)
    await hands.relay()
    for _ in range(3):
        [first, *_] = await hands.due()
        await hands.settle(failed(first))
    [again, *later] = sorted(await hands.due(), key=lambda due: due.number)
    assert [said([due]) for due in later] == [["two"], ["three"]]

    await hands.settle(ended(again, late, state=DELIVERED if late is DONE else PENDING, wait=LATER))

    left = await hands.due()
    assert said(left) == ["two", "three"]
    assert len({due.lane for due in left}) == 1


async def test_a_dead_letter_that_is_sent_again_pulls_nobody_forward_g11(ports: Ports) -> None:
    hands = await held(ports)
    dialog = await open_dialog(ports, ANN)
    for words in ("one", "two", "three"):
        await say(ports, dialog, words)
    await hands.relay()
    [first, *_] = await hands.due()
    await hands.settle(ended(first, FAILED, state=DEAD))

    await ports.webhooks.replay(hands.endpoint, first.id)

    due = await hands.due()
    assert sorted(said(due)) == ["one", "three", "two"]
    lanes = {text: one.lane for text, one in zip(said(due), due, strict=True)}
    assert lanes["two"] == lanes["three"]


async def test_what_comes_later_waits_too_g11(ports: Ports) -> None:
    hands = await held(ports)
    dialog = await open_dialog(ports, ANN)
    await say(ports, dialog, "1")
    await hands.relay()
    [first] = await hands.due()
    await hands.settle(failed(first, LATER))

    await say(ports, dialog, "2")
    await hands.relay()
    assert await hands.due() == ()
    await hands.settle(ended(first))
    [second] = await hands.due()
    assert said([second]) == ["2"]

    await say(ports, dialog, "3")
    await hands.relay()
    await hands.settle(ended(second))
    assert said(await hands.due()) == ["3"]


async def test_a_long_line_of_one_dialog_is_handed_out_in_order_g11(ports: Ports) -> None:
    hands = await held(ports)
    texts = [str(number) for number in range(40)]
    await say(ports, await open_dialog(ports, ANN), *texts)
    await hands.relay()

    heard: list[str] = []
    while dues := await hands.due(limit=7):
        heard += said(dues)
        await hands.settle(*map(ended, dues))

    assert heard == texts


async def test_the_first_attempt_waits_as_long_as_it_should(ports: Ports) -> None:
    hands = await held(ports)
    await say(ports, await open_dialog(ports, ANN), "later")

    await hands.relay(wait=LATER)

    assert await hands.due() == ()
    assert [delivery.state for delivery in await hands.all()][:1] == [PENDING]


async def test_a_dead_letter_can_be_sent_again_with_the_same_id_and_bytes_g11(ports: Ports) -> None:
    hands = await held(ports)
    await say(ports, await open_dialog(ports, ANN), "1", "2")
    await hands.relay()
    first, second = await hands.due()
    await hands.settle(ended(first, FAILED, state=DEAD), ended(second))
    assert await hands.due() == ()

    assert await ports.webhooks.replay(hands.endpoint, second.id) == 0, "it has arrived"
    assert await ports.webhooks.replay(hands.endpoint, first.id) == 1
    [again] = await hands.due()
    assert (again.id, again.body, again.attempts) == (first.id, first.body, 0)
    await hands.settle(ended(again, FAILED, state=DEAD))
    assert await ports.webhooks.replay(hands.endpoint, None) == 1
    assert await hands.due() == (again,)


async def test_a_reminder_nobody_needs_any_more_is_stale_f15(ports: Ports) -> None:
    hands = await held(ports)
    everyone = [ANN, BO, CY, UserId("muted"), UserId("away")]
    dialog = await open_dialog(ports, *everyone)
    [message] = await say(ports, dialog, "hello")
    await record(
        ports,
        dialog,
        NotificationPending(
            dialog_id=dialog, message=message, recipients=[Reminded(who, 1) for who in everyone[1:]]
        ),
    )
    await hands.relay()
    [plain, *reminders] = await hands.due()
    assert [due.is_stale for due in [plain, *reminders]] == [False] * 5

    await read_up_to(ports, message, BO)
    await remove_person(ports, dialog, UserId("away"))
    async with locked(ports, dialog) as tx:
        muted = await tx.participants.get(dialog, UserId("muted"))
        assert muted is not None
        await tx.participants.save(evolve(muted, notifications_enabled=False))

    assert [due.is_stale for due in await hands.due()] == [False, True, False, True, True]
    async with locked(ports, dialog) as tx:
        await tx.messages.delete(message)
    assert [due.is_stale for due in await hands.due()] == [False, True, True, True, True]


async def test_attempts_are_kept_to_look_at(ports: Ports) -> None:
    hands = await held(ports)
    await say(ports, await open_dialog(ports, ANN), "1")
    await hands.relay()
    [due] = await hands.due()
    await hands.settle(failed(due))
    [due] = await hands.due()
    await hands.settle(ended(due))

    found = await ports.webhooks.delivery(hands.endpoint, due.id)

    assert found is not None
    delivery, attempts = found
    assert (delivery.state, delivery.attempts, delivery.finished_at is None) == (DELIVERED, 2, False)
    assert [(one.status, one.failure, one.milliseconds) for one in attempts] == [(500, None, 7), (204, None, 3)]
    kept = await ports.webhooks.endpoint(hands.endpoint)
    assert kept is not None
    assert (kept.last_failure, kept.pending, kept.dead) == ("HTTP 500", 0, 0)
    assert kept.last_success_at
    assert kept.last_failure_at
    assert await ports.webhooks.delivery(hands.endpoint, DeliveryId(a_message_id())) is None


async def test_attempts_that_went_well_need_not_be_kept(ports: Ports) -> None:
    hands = await held(ports)
    await say(ports, await open_dialog(ports, ANN), "1")
    await hands.relay()
    [due] = await hands.due()

    await hands.settle(failed(due), log_all=False)
    await hands.settle(ended(due), log_all=False)

    found = await ports.webhooks.delivery(hands.endpoint, due.id)
    assert found is not None
    assert [one.status for one in found[1]] == [500]


async def test_410_parks_the_endpoint_and_everything_stays_f14(ports: Ports) -> None:
    hands = await held(ports)
    dialog = await open_dialog(ports, ANN)
    await say(ports, dialog, "1")
    await hands.relay()
    [due] = await hands.due()

    assert not await hands.settle(evolve(failed(due), receipt=GONE, attempts=0))

    parked = await ports.webhooks.endpoint(hands.endpoint)
    assert parked is not None
    assert (parked.state, parked.why, parked.pending) == (EndpointState.PARKED, "it answered 410 Gone", 1)
    await say(ports, dialog, "2")
    await ports.webhooks.release(WORKER, hands.endpoint)
    assert await ports.webhooks.lease(OTHER, ttl=LEASE, running=[]) == ()
    await ports.webhooks.change(evolve(parked, state=EndpointState.ACTIVE, why=None))
    await ports.webhooks.lease(WORKER, ttl=LEASE, running=[])
    await hands.relay()
    assert said(await hands.due()) == ["1", "2"]


async def test_a_disabled_endpoint_is_left_alone_and_goes_on_later(ports: Ports) -> None:
    hands = await held(ports)
    kept = await ports.webhooks.endpoint(hands.endpoint)
    assert kept is not None
    await ports.webhooks.change(evolve(kept, state=EndpointState.DISABLED))
    await say(ports, await open_dialog(ports, ANN), "meanwhile")

    assert await hands.relay() is None
    assert await ports.webhooks.renew(WORKER, hands.endpoint, ttl=LEASE) is None

    await ports.webhooks.change(kept)
    assert await hands.relay() == Relayed(1, 1)


async def test_deliveries_are_listed_newest_first_in_pages_and_by_state(ports: Ports) -> None:
    hands = await held(ports)
    await say(ports, await open_dialog(ports, ANN), "1", "2", "3")
    await hands.relay()
    first, second, _ = await hands.due()
    await hands.settle(ended(first), ended(second, FAILED, state=DEAD))
    store, endpoint = ports.webhooks, hands.endpoint

    everything = await hands.all()
    page = await store.deliveries(endpoint, state=None, before=None, limit=2)
    rest = await store.deliveries(endpoint, state=None, before=page[-1].number, limit=2)

    assert [delivery.seq for delivery in everything] == [3, 2, 1, 1]
    assert page + rest == everything
    assert [one.id for one in await hands.all(DEAD)] == [second.id]
    assert await store.deliveries(EndpointId(a_dialog_id()), state=None, before=None, limit=2) == ()


async def test_what_is_over_is_forgotten_in_time(ports: Ports) -> None:
    hands = await held(ports)
    await say(ports, await open_dialog(ports, ANN), "1", "2", "3")
    await hands.relay()
    first, second, _ = await hands.due()
    await hands.settle(ended(first), ended(second, FAILED, state=DEAD))
    store = ports.webhooks

    assert await store.prune(finished_before=LONG_AGO, dead_before=LONG_AGO, limit=10) == 0
    assert await store.prune(finished_before=SOMEDAY, dead_before=LONG_AGO, limit=1) == 1
    assert await store.prune(finished_before=SOMEDAY, dead_before=LONG_AGO, limit=10) == 1
    assert await hands.states() == ["dead", "pending"]
    assert await store.prune(finished_before=SOMEDAY, dead_before=SOMEDAY, limit=10) == 1
    assert await hands.states() == ["pending"]
    assert await store.delivery(hands.endpoint, first.id) is None


async def test_several_endpoints_go_their_own_ways(ports: Ports) -> None:
    one, two = Hands(ports, await add(ports, "one")), Hands(ports, await add(ports, "two"))
    await say(ports, await open_dialog(ports, ANN), "hello")
    await ports.webhooks.lease(WORKER, ttl=LEASE, running=[])
    await one.relay()
    await two.relay()
    [first], [second] = await one.due(), await two.due()

    await one.settle(failed(first, LATER))

    assert (first.id, first.body) == (second.id, second.body)
    assert await one.due() == ()
    assert said(await two.due()) == ["hello"]
