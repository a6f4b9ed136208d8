"""The host looks after its webhooks."""

import pytest

from mtchat_core.domain.webhooks import (
    DeliveryState,
    Endpoint,
    EndpointId,
    EndpointState,
    Receipt,
    Source,
)
from tests.builders import START, a_dialog_id
from tests.http.hooks import SECRET, URL, carry, create
from tests.http.world import World

NOWHERE = "0197c0de-0000-7000-8000-0000000000a1"


async def test_a_webhook_gets_a_secret_that_is_shown_once(world: World) -> None:
    made = await world.host.data("POST", "/webhooks", {"name": "erp", "url": URL})

    [secret] = made.pop("secrets")
    assert secret.startswith("whsec_")
    assert (
        made.items()
        >= {
            "name": "erp",
            "url": URL,
            "events": None,
            "source": "api",
            "state": "active",
            "why": None,
            "pending": 0,
            "dead": 0,
        }.items()
    )
    shown = await world.host("GET", f"/webhooks/{made['id']}")
    listed = await world.host("GET", "/webhooks")
    assert shown.json()["data"].keys() == made.keys()
    assert [webhook["id"] for webhook in listed.json()["data"]] == [made["id"]]
    assert secret not in shown.text + listed.text


async def test_a_webhook_is_changed_and_forgotten(world: World) -> None:
    webhook = await create(world)

    changed = await world.host.data("PATCH", f"/webhooks/{webhook}", {"events": ["message.new"], "name": "new"})
    disabled = await world.host.data("PATCH", f"/webhooks/{webhook}", {"state": "disabled", "events": None})
    active = await world.host.data("PATCH", f"/webhooks/{webhook}", {"state": "active", "secrets": [SECRET * 2]})

    assert (changed["name"], changed["events"], changed["url"]) == ("new", ["message.new"], URL)
    assert (disabled["state"], disabled["events"]) == ("disabled", None)
    assert active["state"] == "active"
    assert "secrets" not in active
    for _ in range(2):
        assert (await world.host("DELETE", f"/webhooks/{webhook}")).status_code == 204
    assert await world.host.data("GET", "/webhooks") == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://erp.example/",
        "//erp.example/",
        "https://user:secret@erp.example/",
        "http://169.254.169.254/latest/meta-data",
        "http://[fe80::1]/",
        "http://0.0.0.0/",
        "http://0.1.2.3/",
        "http://224.0.0.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://metadata.google.internal/",
        "http://erp.example\\@169.254.169.254/",
        "http://erp.example/ x",
        "https://erp.example/" + "x" * 2048,
    ],
)
async def test_an_address_that_tricks_us_is_refused_b68(world: World, url: str) -> None:
    webhook = await create(world)

    for verb, path, body in (
        ("POST", "/webhooks", {"name": "new", "url": url}),
        ("PATCH", f"/webhooks/{webhook}", {"url": url}),
    ):
        assert await world.host.refused(verb, path, body) == (400, "INVALID_INPUT")
    [kept] = await world.host.data("GET", "/webhooks")
    assert (kept["name"], kept["url"]) == ("erp", URL)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": " "},
        {"name": "a\nb"},
        {"name": "x" * 101},
        {"events": []},
        {"events": ["message.edited"]},
        {"secrets": []},
        {"secrets": ["short"]},
        {"secrets": [SECRET] * 3},
        {"secrets": ["whsec_no base64 in here"]},
    ],
)
async def test_what_makes_no_sense_is_refused(world: World, wrong: dict[str, object]) -> None:
    webhook = await create(world)

    for verb, path, body in (
        ("POST", "/webhooks", {"name": "new", "url": URL, **wrong}),
        ("PATCH", f"/webhooks/{webhook}", wrong),
    ):
        assert await world.host.refused(verb, path, body) == (400, "INVALID_INPUT")
    assert [kept["name"] for kept in await world.host.data("GET", "/webhooks")] == ["erp"]


async def test_names_are_not_given_twice(world: World) -> None:
    await create(world, "one")
    two = await create(world, "two")

    for verb, path in (("POST", "/webhooks"), ("PATCH", f"/webhooks/{two}")):
        taken = await world.host.refused(verb, path, {"name": "one", "url": URL})
        assert taken == (409, "WEBHOOK_NAME_TAKEN")


async def test_the_webhook_of_the_settings_is_shown_and_left_alone(world: World) -> None:
    own = Endpoint(
        id=EndpointId(a_dialog_id()), name="settings", url=URL, source=Source.SETTINGS, created_at=START
    )
    await world.chat.ports.webhooks.follow_settings(own)

    shown = await world.host.data("GET", f"/webhooks/{own.id}")
    assert (shown["name"], shown["source"]) == ("settings", "settings")
    for verb, body in (("PATCH", {"name": "mine"}), ("DELETE", None)):
        assert await world.host.refused(verb, f"/webhooks/{own.id}", body) == (409, "WEBHOOK_OF_SETTINGS")
    assert [kept["name"] for kept in await world.host.data("GET", "/webhooks")] == ["settings"]


async def test_deliveries_and_their_attempts_can_be_looked_at_and_dead_letters_replayed_g11(world: World) -> None:
    webhook, dialog = await create(world), await world.dialog("ana")
    await world.say("ana", dialog, "text-of-ana")
    failed = Receipt(500, None, 12)
    dead = await carry(world.chat.ports, webhook, receipt=failed, state=DeliveryState.DEAD, attempts=10)

    everything = await world.host("GET", f"/webhooks/{webhook}/deliveries")
    [found] = await world.host.data("GET", f"/webhooks/{webhook}/deliveries?state=dead")
    shown = await world.host.data("GET", f"/webhooks/{webhook}/deliveries/{dead}")

    assert len(everything.json()["data"]) == 1
    assert "text-of-ana" not in everything.text
    assert (found["id"], found["attempts"], found["type"], found["due_at"]) == (dead, 10, "message.new", None)
    assert found["dialog_id"] == dialog
    assert [(one["status"], one["failure"], one["milliseconds"]) for one in shown["attempt_log"]] == [
        (500, None, 12)
    ]
    assert (await world.host.data("GET", f"/webhooks/{webhook}"))["dead"] == 1

    again = await world.host.data("POST", f"/webhooks/{webhook}/deliveries/{dead}/replay")
    assert again == {"replayed": 1}
    twice = await world.host.refused("POST", f"/webhooks/{webhook}/deliveries/{dead}/replay")
    assert twice == (409, "NOT_REPLAYABLE")
    assert await carry(world.chat.ports, webhook, receipt=failed, state=DeliveryState.DEAD) == dead
    assert await world.host.data("POST", f"/webhooks/{webhook}/replay") == {"replayed": 1}


async def test_deliveries_come_in_pages(world: World) -> None:
    webhook, dialog = await create(world), await world.dialog("ana")
    for number in range(5):
        await world.say("ana", dialog, str(number))
    await carry(world.chat.ports, webhook, receipt=Receipt(204), state=DeliveryState.DELIVERED)

    seqs: list[int] = []
    cursor = ""
    while True:
        page = (await world.host("GET", f"/webhooks/{webhook}/deliveries?limit=2{cursor}")).json()
        seqs += [delivery["seq"] for delivery in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert seqs == sorted(seqs, reverse=True)
    assert len(seqs) == 5
    for junk in ("x", "W10", "Wy0xXQ", "WzkyMjMzNzIwMzY4NTQ3NzU4MDhd"):
        refused = await world.host.refused("GET", f"/webhooks/{webhook}/deliveries?cursor={junk}")
        assert refused == (400, "BAD_REQUEST")


async def test_a_parked_webhook_is_resumed_f14(world: World) -> None:
    webhook, dialog = await create(world), await world.dialog("ana")
    await world.say("ana", dialog)
    await carry(world.chat.ports, webhook, receipt=Receipt(410), state=DeliveryState.PENDING, attempts=0)
    parked = await world.host.data("GET", f"/webhooks/{webhook}")
    assert (parked["state"], parked["why"], parked["pending"]) == (
        EndpointState.PARKED.value,
        "it answered 410 Gone",
        1,
    )

    resumed = await world.host.data("POST", f"/webhooks/{webhook}/resume")

    assert (resumed["state"], resumed["why"]) == ("active", None)


async def test_what_does_not_exist_is_not_found(world: World) -> None:
    webhook = await create(world)

    for verb, path, body in (
        ("GET", f"/webhooks/{NOWHERE}", None),
        ("PATCH", f"/webhooks/{NOWHERE}", {"name": "x"}),
        ("POST", f"/webhooks/{NOWHERE}/resume", None),
        ("POST", f"/webhooks/{NOWHERE}/replay", None),
        ("GET", f"/webhooks/{NOWHERE}/deliveries", None),
        ("GET", f"/webhooks/{NOWHERE}/deliveries/{NOWHERE}", None),
        ("GET", f"/webhooks/{webhook}/deliveries/{NOWHERE}", None),
        ("POST", f"/webhooks/{webhook}/deliveries/{NOWHERE}/replay", None),
    ):
        assert await world.host.refused(verb, path, body) == (404, "NOT_FOUND"), path


@pytest.fixture
async def told(world: World) -> str:
    return await create(world)


async def test_only_joining_and_leaving_by_oneself_is_told_trap_10(world: World, told: str) -> None:
    dialog = await world.dialog("ana")
    await world.host("POST", f"/dialogs/{dialog}/participants", {"user_id": "host-added"})
    await world.person("cy").data("POST", f"/dialogs/{dialog}/join", {"display_name": "Cy", "company": ""})
    await world.person("cy").data("POST", f"/dialogs/{dialog}/leave")
    await world.host("DELETE", f"/dialogs/{dialog}/participants/host-added")
    await carry(world.chat.ports, told, receipt=Receipt(204), state=DeliveryState.DELIVERED)

    deliveries = await world.host.data("GET", f"/webhooks/{told}/deliveries")

    assert [one["type"] for one in reversed(deliveries)] == ["participant.joined", "participant.left"]
