"""The host adds and removes people (contract 2.5 and 2.6)."""

from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.http.world import World

ANA: dict[str, Any] = {"user_id": "ana", "display_name": "Ana", "company": "Nordwind", "email": "ana@example.com"}


async def people(world: World, dialog: str) -> list[dict[str, Any]]:
    """Return who is in, as the host sees them."""
    found: list[dict[str, Any]] = (await world.host.data("GET", f"/dialogs/{dialog}"))["participants"]
    return found


# Adding one


async def test_an_added_person_is_answered_with_201_and_nothing_else(world: World) -> None:
    dialog = await world.dialog()

    answer = await world.host("POST", f"/dialogs/{dialog}/participants", {**ANA, "phone": "+7 1"})

    assert (answer.status_code, answer.content) == (201, b"")
    [ana] = await people(world, dialog)
    assert ANA.items() <= ana.items()
    assert ana["joined_as"] == "participant"


async def test_an_added_person_has_nothing_unread_whatever_was_said_before(world: World) -> None:
    dialog = await world.dialog("bo")
    await world.say("bo", dialog)

    await world.host("POST", f"/dialogs/{dialog}/participants", ANA)

    ana, _ = await people(world, dialog)
    assert (ana["unread_count"], ana["last_read_message_id"]) == (0, None)
    assert (await world.entry("ana", dialog))["unread_count"] == 0


async def test_somebody_added_twice_stays_as_they_were(world: World) -> None:
    dialog = await world.dialog("bo")
    await world.host("POST", f"/dialogs/{dialog}/participants", ANA)
    before = await world.everything()

    answer = await world.host("POST", f"/dialogs/{dialog}/participants", {"user_id": "ana", "display_name": "X"})

    assert (answer.status_code, answer.content) == (201, b"")
    assert await world.everything() == before


async def test_adding_and_removing_say_nothing_in_the_dialog(world: World) -> None:
    dialog = await world.dialog("bo")
    before = await world.transcript("bo", dialog)

    await world.host("POST", f"/dialogs/{dialog}/participants", ANA)
    await world.host("DELETE", f"/dialogs/{dialog}/participants/ana")

    assert await world.transcript("bo", dialog) == before


LIMITS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "user_id": ({"user_id": "я" * 255}, {"user_id": "я" * 256}),
    "display_name": ({"display_name": "я" * 200}, {"display_name": "я" * 201}),
    "company": ({"company": "я" * 200}, {"company": "я" * 201}),
    "email": ({"email": "я" * 254}, {"email": "я" * 255}),
    "phone": ({"phone": "5" * 50}, {"phone": "5" * 51}),
}


@pytest.mark.parametrize(("passes", "fails"), LIMITS.values(), ids=LIMITS.keys())
async def test_a_field_at_its_limit_passes_and_one_more_is_refused(
    world: World, passes: dict[str, Any], fails: dict[str, Any]
) -> None:
    dialog = await world.dialog()
    path = f"/dialogs/{dialog}/participants"

    assert await world.refuses(world.host, "POST", path, ANA | fails) == (400, "INVALID_INPUT")

    assert (await world.host("POST", path, ANA | passes)).status_code == 201


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"user_id": ""}, (400, "INVALID_INPUT")),
        (ANA | {"display_name": " \u200b"}, (400, "INVALID_INPUT")),
        ({"display_name": "Ana"}, (422, "INVALID_INPUT")),
        ({"user_id": 7}, (422, "INVALID_INPUT")),
        ({"user_id": None}, (422, "INVALID_INPUT")),
        ("ana", (422, "INVALID_INPUT")),
    ],
    ids=repr,
)
async def test_somebody_who_cant_be_named_is_refused_b11_b12_b49(
    world: World, body: object, refusal: tuple[int, str]
) -> None:
    dialog = await world.dialog("bo")

    assert await world.refuses(world.host, "POST", f"/dialogs/{dialog}/participants", body) == refusal


async def test_a_users_255_character_id_is_name_enough(world: World) -> None:
    dialog = await world.dialog()

    answer = await world.host("POST", f"/dialogs/{dialog}/participants", {"user_id": "я" * 255})

    assert answer.status_code == 201
    [shown] = await people(world, dialog)
    assert shown["user_id"] == "я" * 255


# Adding many


async def test_many_are_added_at_once_and_the_answer_names_the_new(world: World) -> None:
    dialog = await world.dialog("bo")

    added = await world.host.data(
        "POST", f"/dialogs/{dialog}/participants/batch", {"participants": [ANA, "bo", "cy", "cy"]}
    )

    assert added == {"added": ["ana", "cy"]}
    assert [(person["user_id"], person["display_name"]) for person in await people(world, dialog)] == [
        ("ana", "Ana"),
        ("bo", "bo"),
        ("cy", "cy"),
    ]


@pytest.mark.parametrize("bad", ["", {"user_id": "cy", "display_name": " "}], ids=repr)
async def test_one_bad_person_keeps_everybody_out(world: World, bad: object) -> None:
    dialog = await world.dialog("bo")
    body = {"participants": [ANA, bad]}

    assert await world.refuses(world.host, "POST", f"/dialogs/{dialog}/participants/batch", body) == (
        400,
        "INVALID_INPUT",
    )


async def test_a_thousand_are_added_at_once_and_one_more_is_refused_b65(world: World) -> None:
    dialog = await world.dialog()
    path = f"/dialogs/{dialog}/participants/batch"
    many = [f"u{number}" for number in range(1001)]

    assert await world.refuses(world.host, "POST", path, {"participants": many}) == (400, "INVALID_INPUT")

    assert len((await world.host.data("POST", path, {"participants": many[:1000]}))["added"]) == 1000


@pytest.mark.parametrize("body", [{}, {"participants": None}, {"participants": "ana"}, []], ids=repr)
async def test_a_batch_of_another_shape_is_refused(world: World, body: object) -> None:
    dialog = await world.dialog("bo")

    refusal = await world.refuses(world.host, "POST", f"/dialogs/{dialog}/participants/batch", body)

    assert refusal == (422, "INVALID_INPUT")


# Removing


@pytest.mark.parametrize("user", ["ana", "ana lee", "имя", "a/b", "a%2Fb", "a+b", "ana?x#y"])
async def test_a_removed_person_is_out(world: World, user: str) -> None:
    dialog = await world.dialog("bo", user)

    answer = await world.host("DELETE", f"/dialogs/{dialog}/participants/{quote(user, safe='')}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert [person["user_id"] for person in await people(world, dialog)] == ["bo"]
    assert await world.person(user).refused("GET", f"/dialogs/{dialog}/messages") == (403, "FORBIDDEN")
    assert await world.person(user).data("GET", "/dialogs") == []


async def test_removing_somebody_who_is_not_there_changes_nothing(world: World) -> None:
    dialog = await world.dialog("bo")
    before = await world.everything()

    for path in (f"/dialogs/{dialog}/participants/ana", f"/dialogs/{uuid4()}/participants/bo"):
        answer = await world.host("DELETE", path)
        assert (answer.status_code, answer.content) == (204, b"")

    assert await world.everything() == before


async def test_what_a_removed_person_wrote_stays(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    said = await world.say("ana", dialog)

    await world.host("DELETE", f"/dialogs/{dialog}/participants/ana")

    assert (await world.transcript("bo", dialog))[-1] == said
