"""A person joins, leaves, and sees who is there (contract 3.6, 3.7, 3.12)."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest

from tests.asking import OTHER_SCOPES, SCOPES
from tests.builders import FakeClock
from tests.http.world import World

CY: dict[str, Any] = {
    "display_name": "Cy",
    "company": "Borealis",
    "email": "cy@example.com",
    "phone": "+7 900 000-00-00",
}


async def seen(world: World, user: str, dialog: str) -> list[dict[str, Any]]:
    """Return who is in, as *user* sees them."""
    found: list[dict[str, Any]] = await world.person(user).data("GET", f"/dialogs/{dialog}/participants")
    return found


# Joining


async def test_whoever_a_scope_admits_joins(world: World, clock: FakeClock) -> None:
    dialog = await world.dialog("ana")
    clock.advance()

    answer = await world.person("cy")("POST", f"/dialogs/{dialog}/join", CY)

    assert (answer.status_code, answer.json()) == (200, {"status": "joined", "dialog_id": dialog})
    cy = (await seen(world, "cy", dialog))[-1]
    assert CY.items() <= cy.items()
    assert (cy["user_id"], cy["joined_as"], cy["last_read_message_id"]) == ("cy", "joined", None)


async def test_joining_is_said_in_the_dialog_and_raises_nobodys_unread(world: World) -> None:
    dialog = await world.dialog("ana")

    await world.person("cy").data("POST", f"/dialogs/{dialog}/join", CY)

    said = (await world.transcript("ana", dialog))[-1]
    assert (said["message_type"], said["sender_id"]) == ("system", None)
    assert json.loads(said["content"]) == {"event": "participant_joined", "name": "Cy", "company": "Borealis"}
    assert (await world.entry("ana", dialog))["unread_count"] == 0


async def test_who_joins_without_a_body_shows_by_user_id(world: World) -> None:
    dialog = await world.dialog("ana")

    await world.person("cy").data("POST", f"/dialogs/{dialog}/join")

    said = (await world.transcript("ana", dialog))[-1]
    assert json.loads(said["content"]) == {"event": "participant_joined", "name": "cy", "company": ""}
    cy = (await seen(world, "cy", dialog))[-1]
    assert (cy["display_name"], cy["company"], cy["email"], cy["phone"]) == ("cy", None, None, None)


async def test_an_empty_company_is_a_company(world: World) -> None:
    dialog = await world.dialog()

    await world.person("cy").data("POST", f"/dialogs/{dialog}/join", {"display_name": "Cy", "company": ""})

    [cy] = await seen(world, "cy", dialog)
    assert cy["company"] == ""


async def test_who_rejoins_starts_afresh(world: World) -> None:
    dialog = await world.dialog("ana", "cy")
    cy = world.person("cy")
    await world.say("cy", dialog)
    for verb, body in (("pin", None), ("archive", None), ("notifications", {"enabled": False})):
        await cy.data("POST", f"/dialogs/{dialog}/{verb}", body)
    await cy.data("POST", f"/dialogs/{dialog}/leave")
    history = len(await world.transcript("ana", dialog))

    await cy.data("POST", f"/dialogs/{dialog}/join")

    entry = await world.entry("cy", dialog)
    assert (entry["is_pinned"], entry["is_archived"], entry["notifications_enabled"]) == (False, False, True)
    assert entry["unread_count"] == history


async def test_who_is_in_cannot_join_again_b40(world: World) -> None:
    dialog = await world.dialog("ana")

    for body in (CY, None):
        refusal = await world.refuses(world.person("ana"), "POST", f"/dialogs/{dialog}/join", body)
        assert refusal == (400, "BAD_REQUEST")


async def test_of_twenty_joins_at_once_one_succeeds_b40(world: World) -> None:
    dialog = await world.dialog("ana")
    cy = world.person("cy")

    answers = await asyncio.gather(*[cy("POST", f"/dialogs/{dialog}/join", CY) for _ in range(20)])

    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 19
    assert len(await world.transcript("ana", dialog)) == 2
    assert len(await seen(world, "ana", dialog)) == 2


@pytest.mark.parametrize("body", [CY, None], ids=["body", "no body"])
async def test_who_may_not_join_is_refused(world: World, body: object) -> None:
    matching, closed = await world.dialog("ana"), await world.dialog("ana", scopes=[])
    stranger, cy, nobody = world.person("cy", OTHER_SCOPES), world.person("cy"), world.person("cy", None)

    for asker, dialog, refusal in (
        (stranger, matching, (403, "FORBIDDEN")),
        (cy, closed, (403, "FORBIDDEN")),
        (cy, str(uuid4()), (404, "DIALOG_NOT_FOUND")),
        (nobody, matching, (400, "BAD_REQUEST")),
    ):
        assert await world.refuses(asker, "POST", f"/dialogs/{dialog}/join", body) == refusal


LIMITS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "display_name": ({"display_name": "я" * 200}, {"display_name": "я" * 201}),
    "company": ({"company": "я" * 200}, {"company": "я" * 201}),
    "email": ({"email": "я" * 254}, {"email": "я" * 255}),
    "phone": ({"phone": "5" * 50}, {"phone": "5" * 51}),
}


@pytest.mark.parametrize(("passes", "fails"), LIMITS.values(), ids=LIMITS.keys())
async def test_a_profile_at_its_limits_passes_and_one_more_is_refused_b49(
    world: World, passes: dict[str, str], fails: dict[str, str]
) -> None:
    dialog = await world.dialog("ana")
    cy, path = world.person("cy"), f"/dialogs/{dialog}/join"

    assert await world.refuses(cy, "POST", path, CY | fails) == (400, "INVALID_INPUT")

    await cy.data("POST", path, CY | passes)


@pytest.mark.parametrize("name", ["", "  ", "\u200b", "\u3164\u2800", "\u202e", "a\x00b"], ids=ascii)
async def test_a_name_that_shows_nothing_is_refused_b49(world: World, name: str) -> None:
    dialog = await world.dialog("ana")

    refusal = await world.refuses(
        world.person("cy"), "POST", f"/dialogs/{dialog}/join", CY | {"display_name": name}
    )

    assert refusal == (400, "INVALID_INPUT")


async def test_bidirectional_controls_are_taken_out_of_names_and_other_marks_stay_b48(world: World) -> None:
    dialog = await world.dialog()

    await world.person("cy").data(
        "POST", f"/dialogs/{dialog}/join", CY | {"display_name": "\u202eyC Z\u0351\u0343"}
    )

    [cy] = await seen(world, "cy", dialog)
    assert cy["display_name"] == "yC Z\u0351\u0343"


@pytest.mark.parametrize(
    "body",
    [{}, {"display_name": "Cy"}, {"company": ""}, CY | {"company": None}, CY | {"email": 1}, [], "Cy"],
    ids=repr,
)
async def test_a_profile_of_another_shape_is_refused(world: World, body: object) -> None:
    dialog = await world.dialog("ana")

    refusal = await world.refuses(world.person("cy"), "POST", f"/dialogs/{dialog}/join", body)

    assert refusal == (422, "INVALID_INPUT")


# Leaving


async def test_who_leaves_is_out_and_it_is_said(world: World) -> None:
    dialog = await world.dialog(participants=["ana", {"user_id": "cy", "display_name": "Cy"}])
    cy = world.person("cy")

    answer = await cy("POST", f"/dialogs/{dialog}/leave")

    assert (answer.status_code, answer.json()) == (200, {"status": "left"})
    assert json.loads((await world.transcript("ana", dialog))[-1]["content"]) == {
        "event": "participant_left",
        "name": "Cy",
    }
    assert [person["user_id"] for person in await seen(world, "ana", dialog)] == ["ana"]
    assert (await world.entry("ana", dialog))["unread_count"] == 0
    assert await cy.refused("GET", f"/dialogs/{dialog}/messages") == (403, "FORBIDDEN")


async def test_a_stranger_cannot_leave_b40(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    await world.person("bo").data("POST", f"/dialogs/{dialog}/leave")

    for user in ("bo", "cy"):
        refusal = await world.refuses(world.person(user), "POST", f"/dialogs/{dialog}/leave")
        assert refusal == (403, "NOT_PARTICIPANT")
    assert await world.refuses(world.person("cy"), "POST", f"/dialogs/{uuid4()}/leave") == (
        404,
        "DIALOG_NOT_FOUND",
    )


async def test_a_removal_and_a_send_at_once_leave_one_of_two_histories_b41(world: World) -> None:
    dialog = await world.dialog("ana", "bo")

    sent, removed = await asyncio.gather(
        world.person("bo")("POST", f"/dialogs/{dialog}/messages", {"content": "hello"}),
        world.host("DELETE", f"/dialogs/{dialog}/participants/bo"),
    )

    assert removed.status_code == 204
    assert sent.status_code in (200, 403)
    said = [message["sender_id"] for message in await world.transcript("ana", dialog)]
    assert said == [None, "bo"][: 2 if sent.status_code == 200 else 1]


# Who is there


async def test_a_participant_sees_everybody_in_the_order_they_came(world: World, clock: FakeClock) -> None:
    dialog = await world.dialog("cy", "bo")
    clock.advance()
    await world.host("POST", f"/dialogs/{dialog}/participants", {"user_id": "ana", "email": "ana@example.com"})

    people = await seen(world, "bo", dialog)

    assert [person["user_id"] for person in people] == ["bo", "cy", "ana"]
    assert people[2] == {
        "dialog_id": dialog,
        "user_id": "ana",
        "joined_at": people[2]["joined_at"],
        "joined_as": "participant",
        "notifications_enabled": True,
        "last_read_message_id": None,
        "unread_count": 0,
        "display_name": "ana",
        "company": None,
        "email": "ana@example.com",
        "phone": None,
        "is_archived": False,
        "is_pinned": False,
        "is_online": False,
    }
    assert people[2]["joined_at"] > people[0]["joined_at"]


async def test_who_could_join_sees_people_without_their_contacts(world: World) -> None:
    dialog = await world.dialog(participants=[{"user_id": "ana", **CY}])

    [shown] = await seen(world, "di", dialog)

    assert (shown["display_name"], shown["company"]) == ("Cy", "Borealis")
    assert shown["email"] is shown["phone"] is None


@pytest.mark.parametrize("reader", ["bo", "di"], ids=["participant", "not joined"])
async def test_what_others_keep_to_themselves_reads_as_untouched_but_their_mark_shows(
    world: World, reader: str
) -> None:
    dialog = await world.dialog("ana", "bo")
    said = await world.say("ana", dialog)
    await world.say("bo", dialog)
    for verb, body in (("pin", None), ("archive", None), ("notifications", {"enabled": False})):
        await world.person("ana").data("POST", f"/dialogs/{dialog}/{verb}", body)
    own = ("unread_count", "is_archived", "is_pinned", "notifications_enabled")

    shown = (await seen(world, reader, dialog))[0]
    herself = (await seen(world, "ana", dialog))[0]

    assert [shown[key] for key in own] == [0, False, False, True]
    assert [herself[key] for key in own] == [1, True, True, False]
    assert shown["last_read_message_id"] == herself["last_read_message_id"] == said["id"]


async def test_who_has_a_socket_open_is_online(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    await world.listen("ana")

    assert [person["is_online"] for person in await seen(world, "bo", dialog)] == [True, False]


@pytest.mark.parametrize(
    "scopes", [None, OTHER_SCOPES, SCOPES], ids=["no scopes", "other scopes", "no such dialog"]
)
async def test_a_stranger_sees_nobody(world: World, scopes: dict[str, list[str]] | None) -> None:
    dialog = str(uuid4()) if scopes is SCOPES else await world.dialog("ana")

    refusal = await world.refuses(world.person("cy", scopes), "GET", f"/dialogs/{dialog}/participants")

    assert refusal == (403, "FORBIDDEN")


@pytest.mark.parametrize(
    ("user", "where", "expected"),
    [
        ("cy", "0197c0de-0000-7000-8000-0000000000a1", (404, "DIALOG_NOT_FOUND")),
        ("ana", None, (400, "BAD_REQUEST")),
        ("eve", None, (403, "FORBIDDEN")),
        ("cy", None, (400, "INVALID_INPUT")),
    ],
    ids=["unknown dialog", "already in", "not admitted", "the profile comes last"],
)
async def test_joining_looks_at_the_profile_last(
    world: World, user: str, where: str | None, expected: tuple[int, str]
) -> None:
    dialog = await world.dialog("ana")
    scopes = OTHER_SCOPES if user == "eve" else SCOPES

    body = {"display_name": " ", "company": ""}

    assert await world.person(user, scopes).refused("POST", f"/dialogs/{where or dialog}/join", body) == expected
