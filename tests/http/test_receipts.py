"""A person reads, and knows what is left (contract 3.8 and 3.11)."""

from uuid import uuid4

import pytest

from tests.asking import OTHER_SCOPES
from tests.http.world import World


async def unread(world: World, user: str, dialog: str) -> int:
    """Return what a participant has unread in one dialog."""
    count: int = (await world.entry(user, dialog))["unread_count"]
    return count


async def mark(world: World, user: str, dialog: str) -> str | None:
    """Return the last message that a participant has read."""
    people = (await world.host.data("GET", f"/dialogs/{dialog}"))["participants"]
    found: str | None = next(p["last_read_message_id"] for p in people if p["user_id"] == user)
    return found


async def read(world: World, user: str, dialog: str, message: str) -> None:
    """Have a participant read up to *message*."""
    await world.person(user).data("POST", f"/dialogs/{dialog}/read", {"last_read_message_id": message})


# What changes an unread count


async def test_a_message_is_unread_for_others_and_read_by_its_sender(world: World) -> None:
    dialog = await world.dialog("ana", "bo", "cy")

    said = await world.say("ana", dialog)

    assert [await unread(world, user, dialog) for user in ("ana", "bo", "cy")] == [0, 1, 1]
    assert await mark(world, "ana", dialog) == said["id"]
    assert await mark(world, "bo", dialog) is None


async def test_who_answers_has_read_all_before(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    await world.say("ana", dialog)
    await world.say("ana", dialog)

    said = await world.say("bo", dialog)

    assert await unread(world, "bo", dialog) == 0
    assert await mark(world, "bo", dialog) == said["id"]
    assert await unread(world, "ana", dialog) == 1


async def test_system_messages_leave_every_count_as_it_was(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    await world.say("ana", dialog)

    await world.person("cy").data("POST", f"/dialogs/{dialog}/join")
    await world.host.data("POST", f"/dialogs/{dialog}/messages", {"text": "Delivered"})
    await world.person("cy").data("POST", f"/dialogs/{dialog}/leave")

    assert [await unread(world, user, dialog) for user in ("ana", "bo")] == [0, 1]


async def test_who_joins_has_the_history_unread_and_who_is_added_nothing(world: World) -> None:
    dialog = await world.dialog("ana")
    await world.say("ana", dialog)
    await world.host.data("POST", f"/dialogs/{dialog}/messages", {"text": "Delivered"})
    history = len(await world.transcript("ana", dialog))

    await world.person("cy").data("POST", f"/dialogs/{dialog}/join")
    await world.host("POST", f"/dialogs/{dialog}/participants", {"user_id": "di"})

    assert await unread(world, "cy", dialog) == history == 3
    assert await unread(world, "di", dialog) == 0
    assert await mark(world, "cy", dialog) is await mark(world, "di", dialog) is None


@pytest.mark.parametrize(
    ("is_read_first", "left", "falls_back"), [(False, 1, False), (True, 0, True)], ids=["unread", "read"]
)
async def test_deleting_lowers_the_count_of_who_had_not_read_it(
    world: World, is_read_first: bool, left: int, falls_back: bool
) -> None:
    dialog = await world.dialog("ana", "bo")
    first = (await world.say("ana", dialog))["id"]
    second = (await world.say("ana", dialog))["id"]
    if is_read_first:
        await read(world, "bo", dialog, second)

    await world.person("ana")("DELETE", f"/dialogs/{dialog}/messages/{second}")

    assert await unread(world, "bo", dialog) == left
    assert await mark(world, "bo", dialog) == (first if falls_back else None)
    await world.say("ana", dialog)
    assert await unread(world, "bo", dialog) == left + 1


# Reading


async def test_reading_the_newest_leaves_nothing_unread(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    await world.say("ana", dialog)
    newest = (await world.say("ana", dialog))["id"]

    answer = await world.person("bo")("POST", f"/dialogs/{dialog}/read", {"last_read_message_id": newest})

    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert (await unread(world, "bo", dialog), await mark(world, "bo", dialog)) == (0, newest)


async def test_reading_part_of_it_leaves_what_others_said_after(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    [first, *_] = [(await world.say("ana", dialog))["id"] for _ in range(3)]
    await world.host.data("POST", f"/dialogs/{dialog}/messages", {"text": "Delivered"})

    await read(world, "bo", dialog, first)

    assert await unread(world, "bo", dialog) == 2


async def test_a_mark_never_moves_back_b34(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    old, new = [(await world.say("ana", dialog))["id"] for _ in range(2)]
    await read(world, "bo", dialog, new)
    before = await world.everything()

    await read(world, "bo", dialog, old)
    await read(world, "bo", dialog, new)

    assert await world.everything() == before


async def test_a_newcomer_reads_the_system_messages_too(world: World) -> None:
    dialog = await world.dialog("ana")
    await world.person("cy").data("POST", f"/dialogs/{dialog}/join")
    newest = (await world.transcript("cy", dialog))[-1]["id"]

    await read(world, "cy", dialog, newest)

    assert (await unread(world, "cy", dialog), await mark(world, "cy", dialog)) == (0, newest)


@pytest.mark.parametrize("target", ["unknown", "other dialog", "deleted"])
async def test_a_mark_on_a_message_that_is_not_there_is_refused_b33(world: World, target: str) -> None:
    dialog, other = await world.dialog("ana", "bo"), await world.dialog("ana", "bo")
    deleted = (await world.say("ana", dialog))["id"]
    await world.say("ana", dialog)
    await world.person("ana")("DELETE", f"/dialogs/{dialog}/messages/{deleted}")
    targets = {"unknown": str(uuid4()), "other dialog": (await world.say("ana", other))["id"], "deleted": deleted}

    refusal = await world.refuses(
        world.person("bo"), "POST", f"/dialogs/{dialog}/read", {"last_read_message_id": targets[target]}
    )

    assert refusal == (400, "INVALID_INPUT")


async def test_who_is_not_in_marks_nothing(world: World) -> None:
    dialog = await world.dialog("ana")
    body = {"last_read_message_id": (await world.say("ana", dialog))["id"]}

    for scopes in (None, OTHER_SCOPES):
        cy = world.person("cy", scopes)
        assert await world.refuses(cy, "POST", f"/dialogs/{dialog}/read", body) == (403, "FORBIDDEN")
        assert await world.refuses(cy, "POST", f"/dialogs/{uuid4()}/read", body) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "body",
    [{}, {"last_read_message_id": None}, {"last_read_message_id": "x"}, {"last_read_message_id": 1}, []],
    ids=repr,
)
async def test_a_mark_of_another_shape_is_refused_b11_b12(world: World, body: object) -> None:
    dialog = await world.dialog("ana")

    refusal = await world.refuses(world.person("ana"), "POST", f"/dialogs/{dialog}/read", body)

    assert refusal == (422, "INVALID_INPUT")


@pytest.mark.parametrize("form", ["{{{}}}", "urn:uuid:{}"], ids=["braced", "urn"])
async def test_a_message_to_mark_is_understood_in_the_rarer_forms_of_an_id(world: World, form: str) -> None:
    dialog = await world.dialog("ana", "bo")
    said = (await world.say("ana", dialog))["id"]

    await read(world, "bo", dialog, form.format(said))

    assert await mark(world, "bo", dialog) == said


# A badge


async def test_a_badge_sums_up_every_dialog_that_is_not_archived(world: World) -> None:
    one, other, archived = [await world.dialog("ana", "bo") for _ in range(3)]
    for dialog in (one, one, other, archived):
        await world.say("ana", dialog)
    await world.dialog("ana", "bo")
    await world.person("bo").data("POST", f"/dialogs/{archived}/archive")

    assert await world.person("bo").data("GET", "/unread") == {"unread_count": 3, "dialogs_count": 2}
    assert await world.person("ana").data("GET", "/unread") == {"unread_count": 0, "dialogs_count": 0}
    assert await world.person("cy").data("GET", "/unread") == {"unread_count": 0, "dialogs_count": 0}
