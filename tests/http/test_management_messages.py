"""The host speaks in a dialog: as a participant, or in the system's voice."""

import asyncio
import json
from typing import Any

import pytest

from tests.http.house import ID
from tests.http.test_management_dialogs import BAD_KEYS
from tests.http.world import World


def door(dialog: str) -> str:
    """Return where the host speaks."""
    return f"/dialogs/{dialog}/messages"


# As a participant


async def test_the_host_speaks_as_a_participant(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    asked = await world.say("bo", dialog, "When?")

    said = await world.host.data(
        "POST", door(dialog), {"sender_id": "ana", "content": "Today", "reply_to": asked["id"]}
    )

    assert (said["sender_id"], said["sender_name"], said["content"]) == ("ana", "ana", "Today")
    assert (said["message_type"], said["reply_to_id"], said["seq"]) == ("user", asked["id"], asked["seq"] + 1)
    assert (await world.transcript("bo", dialog))[-1] == said
    assert (await world.entry("bo", dialog))["unread_count"] == 1
    assert (await world.entry("ana", dialog))["unread_count"] == 0


async def test_what_the_host_says_for_somebody_is_made_safe(world: World) -> None:
    dialog = await world.dialog("ana")

    said = await world.host.data(
        "POST", door(dialog), {"sender_id": "ana", "content": "<b>a</b><script>1</script>"}
    )

    assert said["content"] == "<b>a</b>"


# In the system's voice


@pytest.mark.parametrize(
    ("body", "content"),
    [
        ({"text": "Доставлено"}, {"event": "notice", "text": "Доставлено"}),
        ({"event": "order.confirmed"}, {"event": "order.confirmed"}),
        (
            {"event": "order.confirmed", "params": {"number": 7, "names": ["я", None]}, "text": "Confirmed"},
            {"event": "order.confirmed", "params": {"number": 7, "names": ["я", None]}, "text": "Confirmed"},
        ),
        ({"event": "e" + "_" * 99}, {"event": "e" + "_" * 99}),
    ],
    ids=["text", "event", "event with all", "event of 100"],
)
async def test_the_host_tells_everybody_what_happened(
    world: World, body: dict[str, Any], content: dict[str, Any]
) -> None:
    dialog = await world.dialog("ana", "bo")

    said = await world.host.data("POST", door(dialog), body)

    assert (said["sender_id"], said["message_type"]) == (None, "system")
    assert "sender_name" not in said
    assert json.loads(said["content"]) == content
    assert (await world.transcript("bo", dialog))[-1] == said
    assert (await world.entry("bo", dialog))["unread_count"] == 0


async def test_a_system_message_takes_nothing_out_of_an_archive(world: World) -> None:
    dialog = await world.dialog("ana")
    await world.person("ana").data("POST", f"/dialogs/{dialog}/archive")

    await world.host.data("POST", door(dialog), {"text": "Delivered"})

    assert (await world.entry("ana", dialog))["is_archived"] is True


async def test_a_notice_at_its_limit_passes_and_one_more_is_refused(world: World) -> None:
    dialog = await world.dialog("ana")
    room = 10_000 - len('{"event":"notice","text":""}')

    await world.host.data("POST", door(dialog), {"text": "я" * room})

    refusal = await world.refuses(world.host, "POST", door(dialog), {"text": "я" * (room + 1)})
    assert refusal == (400, "INVALID_INPUT")


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({}, (400, "INVALID_INPUT")),
        ({"content": "whose?"}, (400, "INVALID_INPUT")),
        ({"sender_id": "ana"}, (400, "INVALID_INPUT")),
        ({"sender_id": "", "content": "x"}, (400, "INVALID_INPUT")),
        ({"sender_id": "ana", "content": " "}, (400, "INVALID_INPUT")),
        ({"sender_id": "ana", "content": "x" * 50_001}, (400, "INVALID_INPUT")),
        ({"sender_id": "ana", "content": "x", "reply_to": ID}, (400, "INVALID_INPUT")),
        ({"sender_id": "ana", "content": "x", "event": "e"}, (400, "INVALID_INPUT")),
        ({"sender_id": "ana", "text": "x"}, (400, "INVALID_INPUT")),
        ({"sender_id": "cy", "content": "x"}, (403, "NOT_PARTICIPANT")),
        ({"text": " "}, (400, "INVALID_INPUT")),
        ({"event": ""}, (400, "INVALID_INPUT")),
        ({"event": "Order.confirmed"}, (400, "INVALID_INPUT")),
        ({"event": "order confirmed"}, (400, "INVALID_INPUT")),
        ({"event": "e" * 101}, (400, "INVALID_INPUT")),
        ({"event": "chat_created"}, (400, "INVALID_INPUT")),
        ({"event": "participant_left"}, (400, "INVALID_INPUT")),
        ({"event": "e", "params": {"a": "x" * 10_000}}, (400, "INVALID_INPUT")),
        ({"event": "e", "params": []}, (422, "INVALID_INPUT")),
        ({"event": 1}, (422, "INVALID_INPUT")),
        ({"sender_id": "ana", "content": 1}, (422, "INVALID_INPUT")),
        ({"sender_id": "ana", "content": "x", "reply_to": "x"}, (422, "INVALID_INPUT")),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_a_host_that_says_nothing_sensible_is_refused(
    world: World, body: dict[str, Any], refusal: tuple[int, str]
) -> None:
    dialog = await world.dialog("ana", "bo")

    assert await world.refuses(world.host, "POST", door(dialog), body) == refusal


# Saying it again

WAYS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "as a participant": ({"sender_id": "ana", "content": "hello"}, {"sender_id": "ana", "content": "other"}),
    "event": ({"event": "order.confirmed"}, {"event": "order.declined"}),
    "text": ({"text": "hello"}, {"text": "other"}),
}
WAY = pytest.mark.parametrize(("body", "other"), WAYS.values(), ids=WAYS.keys())


@WAY
async def test_the_same_key_makes_one_message(world: World, body: dict[str, Any], other: dict[str, Any]) -> None:
    dialog = await world.dialog("ana", "bo")
    before = await world.transcript("bo", dialog)
    keyed = {"Idempotency-Key": "once"}

    answers = await asyncio.gather(
        *[world.host.data("POST", door(dialog), body, headers=keyed) for _ in range(20)]
    )

    assert all(answer == answers[0] for answer in answers)
    assert await world.transcript("bo", dialog) == [*before, answers[0]]


@WAY
async def test_the_same_key_with_something_else_to_say_is_refused(
    world: World, body: dict[str, Any], other: dict[str, Any]
) -> None:
    dialog = await world.dialog("ana", "bo")
    keyed = {"Idempotency-Key": "once"}
    await world.host.data("POST", door(dialog), body, headers=keyed)

    refusal = await world.refuses(world.host, "POST", door(dialog), other, headers=keyed)

    assert refusal == (422, "IDEMPOTENCY_KEY_REUSED")


@WAY
@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS.keys())
async def test_a_malformed_key_is_refused_b66(
    world: World, body: dict[str, Any], other: dict[str, Any], key: bytes
) -> None:
    dialog = await world.dialog("ana", "bo")

    refusal = await world.refuses(world.host, "POST", door(dialog), body, headers={"Idempotency-Key": key})

    assert refusal == (400, "BAD_REQUEST")


async def test_the_same_notice_key_in_another_dialog_is_refused(world: World) -> None:
    one, other = await world.dialog("ana"), await world.dialog("ana")
    keyed = {"Idempotency-Key": "once"}
    await world.host.data("POST", door(one), {"text": "hello"}, headers=keyed)

    refusal = await world.refuses(world.host, "POST", door(other), {"text": "hello"}, headers=keyed)

    assert refusal == (422, "IDEMPOTENCY_KEY_REUSED")
