"""A person's dialog lists, and their own view of each dialog (contract 3.1 to 3.5, 3.9, 3.10)."""

import json
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

import pytest

from tests.asking import OTHER_SCOPES, SCOPES, Asker, Scopes
from tests.builders import FakeClock
from tests.http.world import World

BASE = {"id", "object_id", "object_type", "title", "object_url", "created_by", "created_at"}
OWN = {"unread_count", "is_archived", "is_pinned", "notifications_enabled"}
SEEN = {"i_am_participant", "can_join"}
PEOPLE = {"participants_count", "participants"}
LAST = {"last_message_at", "last_message"}
OBJECT = "/dialogs/by-object/order/4711"


async def listed(asker: Asker, query: str = "") -> list[str]:
    """Return the ids of a person's list."""
    return [entry["id"] for entry in await asker.data("GET", f"/dialogs{query}")]


async def of_object(asker: Asker, query: str = "") -> list[str]:
    """Return the ids of the object's dialogs."""
    return [entry["id"] for entry in await asker.data("GET", f"{OBJECT}/list{query}")]


# Which fields appear where

COLUMNS: dict[str, tuple[str, str, set[str]]] = {
    "list, participating": ("ana", "/dialogs", BASE | SEEN | PEOPLE | OWN | LAST),
    "list, available": ("cy", "/dialogs?type=available", BASE | SEEN | PEOPLE | {"last_message_at"}),
    "newest of object, mine": ("ana", OBJECT, BASE | SEEN | PEOPLE | OWN | LAST),
    "newest of object, joinable": ("cy", OBJECT, BASE | SEEN | PEOPLE | {"last_message_at"}),
    "all of object, mine": ("ana", f"{OBJECT}/list", BASE | SEEN | PEOPLE | OWN | LAST),
    "all of object, joinable": ("cy", f"{OBJECT}/list", BASE | SEEN | PEOPLE | {"last_message_at"}),
    "by id, mine": ("ana", "/dialogs/{}", BASE | SEEN | PEOPLE | OWN),
    "by id, joinable": ("cy", "/dialogs/{}", BASE | SEEN),
}
COLUMN = pytest.mark.parametrize(("user", "path", "keys"), COLUMNS.values(), ids=COLUMNS.keys())


async def look(world: World, user: str, path: str, dialog: str) -> dict[str, Any]:
    """Return the one dialog that *user* sees at *path*."""
    seen = await world.person(user).data("GET", path.format(dialog))
    entry: dict[str, Any] = seen[0] if isinstance(seen, list) else seen
    return entry


@COLUMN
async def test_each_way_to_a_dialog_shows_its_fields_and_leaves_out_the_rest(
    world: World, user: str, path: str, keys: set[str]
) -> None:
    dialog = await world.dialog("ana", "bo")
    await world.say("bo", dialog)

    entry = await look(world, user, path, dialog)

    assert entry.keys() == keys
    assert entry["id"] == dialog
    assert (entry["i_am_participant"], entry["can_join"]) == ((True, False) if user == "ana" else (False, True))


@COLUMN
async def test_meta_appears_everywhere_once_there_is_some(
    world: World, user: str, path: str, keys: set[str]
) -> None:
    dialog = await world.dialog("ana", meta={"prio": 2})

    entry = await look(world, user, path, dialog)

    assert entry.keys() == keys | {"meta"}
    assert entry["meta"] == {"prio": 2}


async def test_a_dialog_without_people_or_messages_shows_neither(world: World) -> None:
    await world.dialog()

    [entry] = await world.person("cy").data("GET", "/dialogs?type=available")

    assert entry.keys() == BASE | SEEN | {"participants_count"}
    assert entry["participants_count"] == 0


async def test_an_entry_shows_people_and_the_newest_message(world: World) -> None:
    people = [
        {"user_id": "bo", "display_name": "Bo"},
        {"user_id": "ana", "display_name": "Ana", "company": "Nordwind"},
    ]
    dialog = await world.dialog(participants=people, title="Order 4711")
    said = await world.say("bo", dialog, "<p>ok</p>")

    [entry] = await world.person("ana").data("GET", "/dialogs")

    assert entry["participants_count"] == 2
    assert entry["participants"] == [
        {"user_id": "ana", "display_name": "Ana", "company": "Nordwind"},
        {"user_id": "bo", "display_name": "Bo"},
    ]
    assert entry["last_message_at"] == said["sent_at"]
    assert entry["last_message"] == {
        "id": said["id"],
        "content": "<p>ok</p>",
        "sender_id": "bo",
        "sender_name": "Bo",
        "sent_at": said["sent_at"],
        "message_type": "user",
    }
    assert (entry["title"], entry["object_url"], entry["unread_count"]) == ("Order 4711", None, 1)


async def test_a_system_message_is_shown_as_the_newest_without_a_sender(world: World) -> None:
    await world.dialog("ana")

    [entry] = await world.person("ana").data("GET", "/dialogs")

    assert entry["last_message"].keys() == {"id", "content", "sent_at", "message_type"}
    assert json.loads(entry["last_message"]["content"])["event"] == "chat_created"


async def test_a_sender_who_was_removed_has_no_name_under_the_newest_message(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    await world.say("bo", dialog)

    await world.host("DELETE", f"/dialogs/{dialog}/participants/bo")

    [entry] = await world.person("ana").data("GET", "/dialogs")
    assert entry["last_message"]["sender_id"] == "bo"
    assert "sender_name" not in entry["last_message"]


# Lists


async def test_a_list_is_of_ones_own_dialogs_unless_asked_otherwise(world: World) -> None:
    mine, joinable = await world.dialog("ana"), await world.dialog("bo")
    await world.dialog("bo", scopes=[OTHER_SCOPES])
    ana = world.person("ana")

    assert await listed(ana) == await listed(ana, "?type=participating") == [mine]
    assert await listed(ana, "?type=available") == [joinable]


async def test_a_list_has_pinned_dialogs_first_then_the_newest_activity(world: World, clock: FakeClock) -> None:
    dialogs: list[str] = []
    for _ in range(4):
        clock.advance()
        dialogs.append(await world.dialog("ana"))
    first, second, third, fourth = dialogs
    clock.advance()
    await world.say("ana", first)
    await world.person("ana").data("POST", f"/dialogs/{second}/pin")

    assert await listed(world.person("ana")) == [second, first, fourth, third]


@pytest.mark.parametrize("kind", ["participating", "available"])
async def test_a_cursor_leads_through_the_whole_list_once(world: World, clock: FakeClock, kind: str) -> None:
    user = "ana" if kind == "participating" else "cy"
    for number in range(5):
        if number % 2:
            clock.advance()
        await world.dialog("ana")
    [*_, pinned] = await listed(world.person("ana"))
    await world.person("ana").data("POST", f"/dialogs/{pinned}/pin")
    whole = await listed(world.person(user), f"?type={kind}")

    walked: list[str] = []
    query = f"?type={kind}&limit=2"
    while True:
        answer = (await world.person(user)("GET", f"/dialogs{query}")).json()
        walked += [entry["id"] for entry in answer["data"]]
        if answer["next_cursor"] is None:
            break
        query = f"?type={kind}&limit=2&cursor={answer['next_cursor']}"

    assert walked == whole
    assert len(whole) == 5


async def test_offsets_lead_through_the_list_too(world: World) -> None:
    for _ in range(3):
        await world.dialog("ana")
    ana = world.person("ana")

    whole = await listed(ana)

    assert await listed(ana, "?limit=2") + await listed(ana, "?limit=2&offset=2") == whole


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("limit=-1", 1),
        ("limit=0", 1),
        ("limit=1000000000", 3),
        (f"limit={2**63}", 3),
        ("offset=-1", 3),
        ("offset=2", 1),
        (f"offset={2**31}", 0),
        (f"offset={2**63}", 0),
    ],
)
async def test_page_size_and_offset_are_clamped_b38(world: World, query: str, shown: int) -> None:
    for _ in range(3):
        await world.dialog("ana")

    assert len(await listed(world.person("ana"), f"?{query}")) == shown


@pytest.mark.parametrize(
    "path",
    [
        "/dialogs?type=all",
        "/dialogs?type=",
        "/dialogs?archived=1",
        "/dialogs?archived=",
        "/dialogs?archived=True",
        "/dialogs?limit=x",
        "/dialogs?limit=1.0",
        "/dialogs?offset=",
        "/dialogs?search=a&search=b",
        "/dialogs?search=%00",
        "/dialogs?cursor=junk",
        "/dialogs?cursor=",
        "/dialogs?cursor=bnVsbA",
        f"{OBJECT}/list?type=all",
        f"{OBJECT}/list?archived=1",
        "/dialogs/by-object",
        "/dialogs/no-uuid",
    ],
)
async def test_a_query_or_path_that_makes_no_sense_is_refused_b4_b38_b39(world: World, path: str) -> None:
    await world.dialog("ana")

    assert await world.refuses(world.person("ana"), "GET", path) == (400, "BAD_REQUEST")


async def test_a_cursor_of_somebody_else_shows_ones_own_dialogs_alone_b39(world: World, clock: FakeClock) -> None:
    mine = await world.dialog("bo")
    clock.advance()
    await world.dialog("ana")
    cursor = (await world.person("ana")("GET", "/dialogs?limit=1")).json()["next_cursor"]

    assert await listed(world.person("bo"), f"?cursor={cursor}") == [mine]


async def test_a_cursor_of_the_hosts_list_is_nobodys_b39(world: World) -> None:
    await world.dialog("ana")
    cursor = (await world.host("GET", "/dialogs?limit=1")).json()["next_cursor"]

    refusal = await world.refuses(world.person("ana"), "GET", f"/dialogs?cursor={cursor}")

    assert refusal == (400, "BAD_REQUEST")


async def test_available_dialogs_need_scopes(world: World) -> None:
    await world.dialog("bo")

    refusal = await world.refuses(world.person("ana", None), "GET", "/dialogs?type=available")

    assert refusal == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    ("held", "shown"),
    [(None, {"matching", "other", "none"}), (SCOPES, {"matching", "none"}), (OTHER_SCOPES, {"other", "none"})],
    ids=["no scopes", "matching", "other"],
)
async def test_scopes_narrow_ones_own_lists_and_dialogs_without_scopes_pass(
    world: World, held: Scopes | None, shown: set[str]
) -> None:
    for title, scopes in (("matching", [SCOPES]), ("other", [OTHER_SCOPES]), ("none", [])):
        await world.dialog("ana", title=title, scopes=scopes)
    ana = world.person("ana", held)

    assert {entry["title"] for entry in await ana.data("GET", "/dialogs")} == shown
    assert {entry["title"] for entry in await ana.data("GET", f"{OBJECT}/list")} == shown


async def test_the_archive_is_listed_by_itself_or_left_out(world: World) -> None:
    kept, archived = await world.dialog("ana"), await world.dialog("ana")
    joinable = await world.dialog("bo")
    ana = world.person("ana")
    await ana.data("POST", f"/dialogs/{archived}/archive")

    assert await listed(ana, "?archived=true") == [archived]
    assert await listed(ana, "?archived=false") == [kept]
    assert set(await listed(ana)) == {kept, archived}
    assert await listed(ana, "?type=available&archived=true") == [joinable]
    assert await of_object(ana, "?archived=true") == [joinable, archived]
    assert await of_object(ana, "?archived=false") == [joinable, kept]
    assert await of_object(ana, "?type=participating&archived=true") == [archived]
    assert await of_object(ana, "?type=available&archived=true") == [joinable]


# Search

TITLES = ("100% sure", "100 sure", "a_b", "axb", "a\\b", "ab", 'say "hi"', "it's", "Заказ Ёлка", None)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("SURE", {"100% sure", "100 sure"}),
        ("%", {"100% sure"}),
        ("_", {"a_b"}),
        ("\\", {"a\\b"}),
        ('"', {'say "hi"'}),
        ("'", {"it's"}),
        ("заказ ёл", {"Заказ Ёлка"}),
        (" ", {"100% sure", "100 sure", 'say "hi"', "Заказ Ёлка"}),
        ("", set(TITLES)),
        ("nothing like it", set[str]()),
    ],
)
async def test_search_finds_part_of_a_title_taken_literally_b51(
    world: World, search: str, found: set[str | None]
) -> None:
    for title in TITLES:
        await world.dialog("ana", title=title)
    query = urlencode({"search": search})

    entries = await world.person("ana").data("GET", f"/dialogs?{query}")
    available = await world.person("cy").data("GET", f"/dialogs?type=available&{query}")
    of_it = await world.person("ana").data("GET", f"{OBJECT}/list?{query}")

    assert {entry["title"] for entry in entries} == found
    assert {entry["title"] for entry in available} == found
    assert {entry["title"] for entry in of_it} == found


@pytest.mark.parametrize(
    ("search", "is_found"),
    [("nordWIND", True), ("бореа", True), ("Anastasia", False), ("secret", False), ("ana", False)],
)
async def test_search_looks_at_companies_but_not_at_names_ids_or_texts(
    world: World, search: str, is_found: bool
) -> None:
    people = [
        {"user_id": "ana", "display_name": "Anastasia", "company": "Nordwind"},
        {"user_id": "bo", "display_name": "Bo", "company": "ООО Бореалис"},
    ]
    dialog = await world.dialog(participants=people, title=None)
    await world.say("ana", dialog, "secret")

    found = await listed(world.person("ana"), f"?search={quote(search)}")

    assert found == [dialog] * is_found


async def test_a_search_at_its_limit_passes_and_one_more_is_refused(world: World) -> None:
    await world.dialog("ana")
    ana = world.person("ana")

    assert await listed(ana, f"?search={quote('я' * 200)}") == []
    for path in ("/dialogs", f"{OBJECT}/list"):
        assert await world.refuses(ana, "GET", f"{path}?search={quote('я' * 201)}") == (400, "INVALID_INPUT")


# One dialog


async def test_a_dialog_by_id_opens_for_participants_whatever_their_scopes(world: World) -> None:
    dialog = await world.dialog("ana")

    for scopes in (None, SCOPES, OTHER_SCOPES):
        entry = await world.person("ana", scopes).data("GET", f"/dialogs/{dialog}")
        assert entry["i_am_participant"] is True


@pytest.mark.parametrize("scopes", [None, OTHER_SCOPES], ids=["no scopes", "other scopes"])
async def test_a_dialog_by_id_is_closed_to_strangers(world: World, scopes: Scopes | None) -> None:
    dialog = await world.dialog("ana")

    refusal = await world.refuses(world.person("cy", scopes), "GET", f"/dialogs/{dialog}")

    assert refusal == (403, "SCOPE_MISMATCH")


async def test_an_unknown_dialog_by_id_is_not_found(world: World) -> None:
    assert await world.refuses(world.person("ana"), "GET", f"/dialogs/{uuid4()}") == (404, "DIALOG_NOT_FOUND")


# The dialogs of an object


async def test_the_newest_dialog_of_an_object_is_the_newest_one_can_open(world: World, clock: FakeClock) -> None:
    mine = await world.dialog("ana")
    clock.advance()
    await world.dialog("bo", scopes=[OTHER_SCOPES])

    assert (await world.person("ana").data("GET", OBJECT))["id"] == mine
    assert (await world.person("cy").data("GET", OBJECT))["id"] == mine
    clock.advance()
    newer = await world.dialog("bo")
    assert (await world.person("ana").data("GET", OBJECT))["id"] == newer


@pytest.mark.parametrize("scopes", [None, OTHER_SCOPES], ids=["no scopes", "other scopes"])
async def test_strangers_find_nothing_about_an_object(world: World, scopes: Scopes | None) -> None:
    await world.dialog("ana")
    stranger = world.person("cy", scopes)

    assert await stranger.data("GET", OBJECT) is None
    assert await of_object(stranger) == []
    assert await stranger.data("GET", "/dialogs/by-object/order/unknown") is None


async def test_an_object_is_found_by_its_exact_name(world: World) -> None:
    for name in ("a/b", "a%2Fb", "имя", "a b", "a+b"):
        dialog = await world.dialog("ana", object_type="t/y", object_id=name)
        path = f"/dialogs/by-object/{quote('t/y', safe='')}/{quote(name, safe='')}"

        assert (await world.person("ana").data("GET", path))["id"] == dialog
        assert [entry["id"] for entry in await world.person("ana").data("GET", f"{path}/list")] == [dialog]
        assert await world.person("ana").data("GET", path.replace("t%2Fy", "T%2Fy")) is None


@pytest.mark.parametrize("path", [f"by-object/{'я' * 101}/x", f"by-object/order/{'я' * 256}"], ids=["type", "id"])
async def test_an_object_name_over_its_limit_is_refused(world: World, path: str) -> None:
    for tail in ("", "/list"):
        refusal = await world.refuses(world.person("ana"), "GET", f"/dialogs/{quote(path)}{tail}")
        assert refusal == (400, "INVALID_INPUT")


async def test_the_dialogs_of_an_object_are_ones_own_and_joinable_ones_newest_created_first(
    world: World, clock: FakeClock
) -> None:
    created: list[str] = []
    for people in (("ana",), ("bo",), ("ana", "bo")):
        clock.advance()
        created.append(await world.dialog(*people))
    oldest, joinable, newest = created
    await world.dialog("ana", object_id="other")
    clock.advance()
    await world.say("ana", oldest)
    await world.person("ana").data("POST", f"/dialogs/{oldest}/pin")
    ana = world.person("ana")

    assert await of_object(ana) == [newest, joinable, oldest]
    assert await of_object(ana, "?type=participating") == [newest, oldest]
    assert await of_object(ana, "?type=available") == [joinable]
    assert await of_object(world.person("ana", None)) == [newest, oldest]


# One's own view

SWITCHES = [
    ("archive", None, "archived", "is_archived", True),
    ("unarchive", None, "unarchived", "is_archived", False),
    ("pin", None, "pinned", "is_pinned", True),
    ("unpin", None, "unpinned", "is_pinned", False),
    ("notifications", {"enabled": True}, "enabled", "notifications_enabled", True),
    ("notifications", {"enabled": False}, "disabled", "notifications_enabled", False),
]
SWITCH = pytest.mark.parametrize(
    ("verb", "body", "status", "field", "value"),
    SWITCHES,
    ids=[f"{verb} {status}" for verb, _, status, *_ in SWITCHES],
)


@SWITCH
async def test_a_switch_changes_ones_own_view_alone_and_again_changes_nothing(
    world: World, verb: str, body: object, status: str, field: str, value: bool
) -> None:
    dialog = await world.dialog("ana", "bo")
    path = f"/dialogs/{dialog}/{verb}"
    for opposite, other_body, _, other_field, other_value in SWITCHES:
        if other_field == field and other_value is not value:
            for user in ("ana", "bo"):
                await world.person(user).data("POST", f"/dialogs/{dialog}/{opposite}", other_body)
    bo = await world.entry("bo", dialog)

    first = await world.person("ana")("POST", path, body)
    once = await world.everything()
    second = await world.person("ana")("POST", path, body)

    assert (first.status_code, first.json()) == (second.status_code, second.json()) == (200, {"status": status})
    assert (await world.entry("ana", dialog))[field] is value
    assert await world.entry("bo", dialog) == bo
    assert await world.everything() == once


@SWITCH
async def test_only_a_participant_has_a_view_to_change(
    world: World, verb: str, body: object, status: str, field: str, value: bool
) -> None:
    dialog = await world.dialog("ana")

    for path in (f"/dialogs/{dialog}/{verb}", f"/dialogs/{uuid4()}/{verb}"):
        for scopes in (SCOPES, OTHER_SCOPES, None):
            refusal = await world.refuses(world.person("cy", scopes), "POST", path, body)
            assert refusal == (403, "NOT_PARTICIPANT")


@pytest.mark.parametrize("body", [{}, {"enabled": None}, {"enabled": 1}, {"enabled": "true"}, [], True], ids=repr)
async def test_notifications_are_on_or_off_and_nothing_else_b11_b12(world: World, body: object) -> None:
    dialog = await world.dialog("ana")

    refusal = await world.refuses(world.person("ana"), "POST", f"/dialogs/{dialog}/notifications", body)

    assert refusal == (422, "INVALID_INPUT")


async def test_a_message_takes_the_dialog_out_of_everybodys_archive(world: World) -> None:
    dialog = await world.dialog("ana", "bo", "cy")
    for user in ("ana", "bo"):
        await world.person(user).data("POST", f"/dialogs/{dialog}/archive")

    await world.say("ana", dialog)

    for user in ("ana", "bo", "cy"):
        assert (await world.entry(user, dialog))["is_archived"] is False
