"""The host creates, finds, lists, changes and deletes dialogs (contract 2.1 to 2.4)."""

import asyncio
import json
import re
from typing import Any
from uuid import UUID, uuid4

import pytest

from mtchat_core.domain.ids import UserId
from tests.builders import FakeClock
from tests.http.world import World

OBJECT: dict[str, Any] = {"object_type": "order", "object_id": "4711"}
EMPTY: dict[str, Any] = {**OBJECT, "participants": []}
BARE_KEYS = {"id", "object_id", "object_type", "title", "object_url", "created_by", "created_at"}
BAD_KEYS = {
    "empty": b"",
    "with a blank": b"two words",
    "256 characters": b"k" * 256,
    "not ASCII": "ключ".encode(),
}


# Creating


async def test_a_new_dialog_is_answered_with_its_nulls_and_without_people_or_scopes(world: World) -> None:
    created = await world.host.data("POST", "/dialogs", EMPTY)

    assert created.keys() == BARE_KEYS
    assert created["object_type"] == "order"
    assert created["object_id"] == "4711"
    assert created["title"] is created["object_url"] is created["created_by"] is None


async def test_a_dialogs_id_is_a_uuid7_and_its_time_is_utc(world: World) -> None:
    created = await world.host.data("POST", "/dialogs", EMPTY)

    assert UUID(created["id"]).version == 7
    assert created["id"] == str(UUID(created["id"]))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", created["created_at"])


@pytest.mark.parametrize(
    "meta", [{"prio": 2, "имя": ["я", None]}, [1, 2.5], "text", 0, False, "", [], {}], ids=repr
)
async def test_meta_comes_back_as_it_was_given(world: World, meta: object) -> None:
    created = await world.host.data("POST", "/dialogs", {**EMPTY, "meta": meta})

    assert created["meta"] == meta
    assert (await world.host.data("GET", f"/dialogs/{created['id']}"))["meta"] == meta


async def test_a_meta_of_null_is_no_meta(world: World) -> None:
    created = await world.host.data("POST", "/dialogs", {**EMPTY, "meta": None})

    assert "meta" not in created


async def test_a_dialog_is_created_by_its_first_participant_whatever_the_body_says(world: World) -> None:
    body = {**OBJECT, "participants": ["bo", "ana"], "created_by": "cy"}

    created = await world.host.data("POST", "/dialogs", body)

    assert created["created_by"] == "bo"


async def test_the_people_of_a_new_dialog_start_together_with_nothing_unread(world: World) -> None:
    bo = {"user_id": "bo", "display_name": "Bo", "company": "Borealis", "email": "bo@example.com", "phone": "+7 1"}
    dialog = await world.dialog("cy", participants=[bo, {"user_id": "ana", "display_name": "Ana"}])

    people = (await world.host.data("GET", f"/dialogs/{dialog}"))["participants"]

    assert [person["user_id"] for person in people] == ["ana", "bo"]
    assert people[1] == {
        **bo,
        "dialog_id": dialog,
        "joined_at": people[0]["joined_at"],
        "joined_as": "participant",
        "notifications_enabled": True,
        "last_read_message_id": None,
        "unread_count": 0,
        "is_archived": False,
        "is_pinned": False,
    }
    assert people[0]["company"] is people[0]["email"] is people[0]["phone"] is None


@pytest.mark.parametrize(
    "person", ["ana", {"user_id": "ana"}, {"user_id": "ana", "display_name": None}], ids=["string", "bare", "null"]
)
async def test_a_participant_without_a_name_shows_by_user_id(world: World, person: object) -> None:
    dialog = await world.dialog(participants=[person])

    [shown] = (await world.host.data("GET", f"/dialogs/{dialog}"))["participants"]

    assert (shown["user_id"], shown["display_name"]) == ("ana", "ana")


async def test_the_first_entry_of_a_repeated_person_counts(world: World) -> None:
    dialog = await world.dialog(participants=[{"user_id": "ana", "display_name": "Ana"}, "ana"])

    [shown] = (await world.host.data("GET", f"/dialogs/{dialog}"))["participants"]

    assert shown["display_name"] == "Ana"


async def test_a_new_dialog_opens_with_a_message_naming_its_people(world: World) -> None:
    people = [
        {"user_id": "ana", "display_name": "Ana", "company": "Nordwind"},
        {"user_id": "bo", "display_name": "Бо"},
    ]
    dialog = await world.dialog(participants=people)

    [opening] = await world.transcript("ana", dialog)

    assert opening["message_type"] == "system"
    assert opening["sender_id"] is None
    assert json.loads(opening["content"]) == {
        "event": "chat_created",
        "participants": [{"name": "Ana", "company": "Nordwind"}, {"name": "Бо"}],
    }


async def test_a_dialog_created_for_nobody_has_no_message(world: World) -> None:
    dialog = await world.dialog()

    await world.host("POST", f"/dialogs/{dialog}/participants", {"user_id": "ana"})

    assert await world.transcript("ana", dialog) == []


async def test_an_object_may_have_several_dialogs(world: World) -> None:
    first, second = await world.dialog("ana"), await world.dialog("ana")

    listed = await world.host.data("GET", "/dialogs")

    assert {dialog["id"] for dialog in listed} == {first, second}


def _nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


def _person(**fields: str) -> dict[str, Any]:
    return {"participants": [{"user_id": "ana", **fields}]}


def _scopes(*levels: list[str]) -> dict[str, Any]:
    return {"access_scopes": [{"scope_level0": level} for level in levels]}


LIMITS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "object_id of 255": ({"object_id": "я" * 255}, {"object_id": "я" * 256}),
    "object_type of 100": ({"object_type": "я" * 100}, {"object_type": "я" * 101}),
    "title of 500": ({"title": "я" * 500}, {"title": "я" * 501}),
    "object_url of 2048": (
        {"object_url": "https://h.example/".ljust(2048, "a")},
        {"object_url": "https://h.example/".ljust(2049, "a")},
    ),
    "user_id of 255": (
        _person(user_id="я" * 255, display_name="Ana"),
        _person(user_id="я" * 256, display_name="Ana"),
    ),
    "display_name of 200": (_person(display_name="я" * 200), _person(display_name="я" * 201)),
    "company of 200": (_person(company="я" * 200), _person(company="я" * 201)),
    "email of 254": (_person(email="я" * 254), _person(email="я" * 255)),
    "phone of 50": (_person(phone="5" * 50), _person(phone="5" * 51)),
    "1000 participants": (
        {"participants": [f"u{n}" for n in range(1000)]},
        {"participants": [f"u{n}" for n in range(1001)]},
    ),
    "100 scopes": (_scopes(*[[f"s{n}"] for n in range(100)]), _scopes(*[[f"s{n}"] for n in range(101)])),
    "100 labels": (_scopes([f"s{n}" for n in range(100)]), _scopes([f"s{n}" for n in range(101)])),
    "label of 255": (_scopes(["я" * 255]), _scopes(["я" * 256])),
    "meta of 16 KiB": ({"meta": "m" * (16 * 1024 - 2)}, {"meta": "m" * (16 * 1024 - 1)}),
    "meta 20 deep": ({"meta": _nested(20)}, {"meta": _nested(21)}),
}


@pytest.mark.parametrize(("passes", "fails"), LIMITS.values(), ids=LIMITS.keys())
async def test_at_the_limit_passes_and_one_more_is_refused_b49_b50_b52_b65(
    world: World, passes: dict[str, Any], fails: dict[str, Any]
) -> None:
    """Lengths count characters."""
    await world.host.data("POST", "/dialogs", EMPTY | passes)

    assert await world.refuses(world.host, "POST", "/dialogs", EMPTY | fails) == (400, "INVALID_INPUT")


@pytest.mark.parametrize(
    "fields",
    [
        {"object_id": ""},
        {"object_type": ""},
        {"object_id": "a\x00b"},
        {"title": "a\x00b"},
        {"meta": {"a\x00b": 1}},
        *[{"participants": [{"user_id": "ana", "display_name": blank}]} for blank in ("", " \t", "\u200b\u3164")],
        {"participants": [""]},
        {"participants": [{"user_id": ""}]},
        *[
            {"object_url": url}
            for url in (
                "javascript:alert(1)",
                "//evil.example",
                "/path",
                "",
                "mailto:a@b.c",
                "https:evil.example",
                "https:///path",
                "https://a b",
                "https://a\\b",
                "data:text/html,x",
            )
        ],
    ],
    ids=repr,
)
async def test_a_value_that_breaks_a_rule_is_refused_b3_b49_b50(world: World, fields: dict[str, Any]) -> None:
    assert await world.refuses(world.host, "POST", "/dialogs", EMPTY | fields) == (400, "INVALID_INPUT")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"object_type": "order", "participants": []},
        {"object_id": "4711", "participants": []},
        OBJECT,
        EMPTY | {"participants": None},
        EMPTY | {"participants": [7]},
        EMPTY | {"participants": [{"display_name": "Ana"}]},
        EMPTY | {"access_scopes": None},
        EMPTY | {"access_scopes": [{"scope_level0": None}]},
        EMPTY | {"access_scopes": [{"scope_level1": None}]},
        EMPTY | {"access_scopes": [{"scope_level0": "nordwind"}]},
        EMPTY | {"object_id": 4711},
        EMPTY | {"object_id": None},
        EMPTY | {"title": 1},
        [],
        "text",
    ],
    ids=repr,
)
async def test_a_body_of_another_shape_is_refused_b11_b12(world: World, body: object) -> None:
    assert await world.refuses(world.host, "POST", "/dialogs", body) == (422, "INVALID_INPUT")


# Creating again


async def test_a_repeated_create_with_the_same_key_answers_the_first_dialog(world: World) -> None:
    body = {**OBJECT, "participants": ["ana"], "title": "Order"}
    keyed = {"Idempotency-Key": "order-4711"}

    answers = await asyncio.gather(*[world.host.data("POST", "/dialogs", body, headers=keyed) for _ in range(20)])

    assert all(answer == answers[0] for answer in answers)
    assert [dialog["id"] for dialog in await world.host.data("GET", "/dialogs")] == [answers[0]["id"]]
    assert len(await world.transcript("ana", answers[0]["id"])) == 1


async def test_a_key_used_for_another_dialog_is_refused(world: World) -> None:
    keyed = {"Idempotency-Key": "order-4711"}
    await world.host.data("POST", "/dialogs", EMPTY, headers=keyed)

    refusal = await world.refuses(world.host, "POST", "/dialogs", EMPTY | {"title": "Another"}, headers=keyed)

    assert refusal == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_a_key_whose_dialog_is_gone_does_not_bring_it_back(world: World) -> None:
    keyed = {"Idempotency-Key": "order-4711"}
    created = await world.host.data("POST", "/dialogs", EMPTY, headers=keyed)
    await world.host("DELETE", f"/dialogs/{created['id']}")

    assert await world.refuses(world.host, "POST", "/dialogs", EMPTY, headers=keyed) == (404, "NOT_FOUND")


@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS.keys())
async def test_a_malformed_key_is_refused_b66(world: World, key: bytes) -> None:
    refusal = await world.refuses(world.host, "POST", "/dialogs", EMPTY, headers={"Idempotency-Key": key})

    assert refusal == (400, "BAD_REQUEST")


async def test_a_refused_create_leaves_its_key_unused(world: World) -> None:
    keyed = {"Idempotency-Key": "order-4711"}
    await world.host.refused("POST", "/dialogs", EMPTY | {"object_id": ""}, headers=keyed)

    await world.host.data("POST", "/dialogs", EMPTY, headers=keyed)


# Searching

ONE: dict[str, Any] = {"scope_level0": ["a", "b"], "scope_level1": ["p"]}
TWO: dict[str, Any] = {"scope_level0": ["c"]}


@pytest.mark.parametrize(
    "wanted",
    [
        [ONE, TWO],
        [TWO, ONE],
        [TWO, {"scope_level0": ["b", "a", "b"], "scope_level1": ["p"], "scope_level2": []}],
        [{"tenant_uid": "c"}, ONE],
    ],
    ids=["same", "other order", "labels repeated", "by tenant"],
)
async def test_search_finds_the_same_set_of_scopes_in_any_order(world: World, wanted: list[object]) -> None:
    dialog = await world.dialog(scopes=[ONE, TWO])

    found = await world.host.data("POST", "/dialogs/search", {**OBJECT, "access_scopes": wanted})

    assert found["id"] == dialog
    assert found.keys() == BARE_KEYS


@pytest.mark.parametrize(
    "wanted",
    [
        [],
        [ONE],
        [ONE, ONE],
        [ONE, TWO, TWO],
        [ONE, {**TWO, "scope_level1": ["p"]}],
        [ONE, {"scope_level1": ["c"]}],
    ],
    ids=["none", "fewer", "other", "more", "a level more", "another level"],
)
async def test_search_finds_nothing_for_another_set_of_scopes(world: World, wanted: list[object]) -> None:
    await world.dialog(scopes=[ONE, TWO])

    assert await world.host.data("POST", "/dialogs/search", {**OBJECT, "access_scopes": wanted}) is None


async def test_search_without_scopes_finds_the_newest_dialog_without_scopes(
    world: World, clock: FakeClock
) -> None:
    created: list[str] = []
    for scopes in ([], [], [ONE]):
        clock.advance()
        created.append(await world.dialog(scopes=scopes))

    found = await world.host.data("POST", "/dialogs/search", OBJECT)

    assert found["id"] == created[1]


@pytest.mark.parametrize(
    ("one", "other"), [("rfq", "RFQ"), ("\u00c5", "A\u030a"), ("a", "a ")], ids=["case", "normal form", "blank"]
)
async def test_ids_are_compared_exactly_b53(world: World, one: str, other: str) -> None:
    await world.dialog(object_id=one, scopes=[])

    found = await world.host.data("POST", "/dialogs/search", {"object_type": "order", "object_id": other})

    assert found is None


# Showing and deleting


async def test_the_host_sees_a_dialog_with_its_scopes(world: World) -> None:
    dialog = await world.dialog("ana", scopes=[{"scope_level0": ["b", "a"], "scope_level2": ["chat.read"]}])

    shown = await world.host.data("GET", f"/dialogs/{dialog}")

    assert shown.keys() == BARE_KEYS | {"participants", "access_scopes"}
    [scope] = shown["access_scopes"]
    assert scope.keys() == {"id", "dialog_id", "scope_level0", "scope_level1", "scope_level2", "created_at"}
    assert scope["dialog_id"] == dialog
    assert (scope["scope_level0"], scope["scope_level1"], scope["scope_level2"]) == (["a", "b"], [], ["chat.read"])


@pytest.mark.parametrize("form", ["{}", "{{{}}}", "urn:uuid:{}"], ids=["hyphenated", "braced", "urn"])
async def test_a_dialogs_id_is_understood_in_its_usual_forms(world: World, form: str) -> None:
    dialog = await world.dialog()

    assert (await world.host.data("GET", f"/dialogs/{form.format(dialog)}"))["id"] == dialog
    assert (await world.host.data("GET", f"/dialogs/{UUID(dialog).hex}"))["id"] == dialog


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"title": "Order"}),
        ("GET", "/access?user_id=ana", None),
        ("POST", "/participants", {"user_id": "ana"}),
        ("POST", "/participants/batch", {"participants": ["ana"]}),
        ("PUT", "/access-scopes", {"access_scopes": []}),
        ("POST", "/messages", {"text": "hello"}),
        ("POST", "/messages", {"sender_id": "ana", "content": "hello"}),
    ],
)
async def test_an_unknown_dialog_is_not_found(world: World, verb: str, path: str, body: object) -> None:
    assert await world.refuses(world.host, verb, f"/dialogs/{uuid4()}{path}", body) == (404, "NOT_FOUND")
    assert await world.refuses(world.host, verb, f"/dialogs/no-uuid{path}", body) == (400, "BAD_REQUEST")


async def test_a_deleted_dialog_is_gone_for_everybody(world: World) -> None:
    dialog = await world.dialog("ana")
    await world.say("ana", dialog)

    answer = await world.host("DELETE", f"/dialogs/{dialog}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert await world.host.refused("GET", f"/dialogs/{dialog}") == (404, "NOT_FOUND")
    assert await world.person("ana").refused("GET", f"/dialogs/{dialog}") == (404, "DIALOG_NOT_FOUND")
    assert await world.person("ana").refused("GET", f"/dialogs/{dialog}/messages") == (403, "FORBIDDEN")
    assert await world.person("ana").data("GET", "/dialogs") == []


async def test_deleting_an_unknown_dialog_changes_nothing(world: World) -> None:
    await world.dialog("ana")
    before = await world.everything()

    answer = await world.host("DELETE", f"/dialogs/{uuid4()}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert await world.everything() == before


# Changing


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {}),
        ({"title": "New"}, {"title": "New"}),
        ({"title": None}, {"title": None}),
        ({"object_url": "https://new.example/"}, {"object_url": "https://new.example/"}),
        ({"object_url": None}, {"object_url": None}),
        ({"meta": {"b": 2}}, {"meta": {"b": 2}}),
        ({"object_id": "other", "created_by": "bo"}, {}),
    ],
    ids=repr,
)
async def test_a_change_touches_only_the_keys_it_names(
    world: World, change: dict[str, Any], expected: dict[str, Any]
) -> None:
    dialog = await world.dialog("ana", title="Old", object_url="https://old.example/", meta={"a": 1})
    before = await world.host.data("GET", f"/dialogs/{dialog}")

    changed = await world.host.data("PATCH", f"/dialogs/{dialog}", change)

    assert changed == {key: before[key] for key in (*BARE_KEYS, "meta")} | expected
    assert await world.host.data("GET", f"/dialogs/{dialog}") == before | expected


async def test_a_meta_changed_to_null_is_left_out(world: World) -> None:
    dialog = await world.dialog(meta={"a": 1})

    assert "meta" not in await world.host.data("PATCH", f"/dialogs/{dialog}", {"meta": None})


async def test_a_change_that_changes_nothing_is_no_event(world: World) -> None:
    dialog = await world.dialog("ana", title="Order")
    before = await world.everything()

    await world.host.data("PATCH", f"/dialogs/{dialog}", {"title": "Order"})

    assert await world.everything() == before


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"title": "t" * 501}, 400),
        ({"object_url": "javascript:alert(1)"}, 400),
        ({"meta": "m" * 16 * 1024}, 400),
        ({"title": 1}, 422),
        ([], 422),
    ],
    ids=["title", "object_url", "meta", "number", "array"],
)
async def test_a_change_that_breaks_a_rule_is_refused(world: World, change: object, status: int) -> None:
    dialog = await world.dialog("ana", title="Order")

    assert await world.refuses(world.host, "PATCH", f"/dialogs/{dialog}", change) == (status, "INVALID_INPUT")


# Listing


async def test_the_hosts_list_shows_every_dialog_once_newest_first(world: World, clock: FakeClock) -> None:
    created: list[str] = []
    for number in range(5):
        clock.advance() if number % 2 else None
        created.append(await world.dialog())

    pages: list[list[str]] = []
    query = "?limit=2"
    while True:
        answer = (await world.host("GET", f"/dialogs{query}")).json()
        pages.append([dialog["id"] for dialog in answer["data"]])
        if answer["next_cursor"] is None:
            break
        query = f"?limit=2&cursor={answer['next_cursor']}"

    assert [dialog for page in pages for dialog in page] == created[::-1]
    assert [len(page) for page in pages] == [2, 2, 1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"order 1", "order 2", "quote 1"}),
        ("?object_type=order", {"order 1", "order 2"}),
        ("?object_id=1", {"order 1", "quote 1"}),
        ("?object_type=quote&object_id=1", {"quote 1"}),
        ("?object_type=Quote", set[str]()),
        ("?object_type=%25", set[str]()),
    ],
)
async def test_the_hosts_list_can_be_narrowed_to_an_object(world: World, query: str, expected: set[str]) -> None:
    for kind, name in (("order", "1"), ("order", "2"), ("quote", "1")):
        await world.dialog(object_type=kind, object_id=name)

    found = await world.host.data("GET", f"/dialogs{query}")

    assert {f"{dialog['object_type']} {dialog['object_id']}" for dialog in found} == expected


@pytest.mark.parametrize(("limit", "shown"), [("-1", 1), ("0", 1), ("1", 1), ("1000000000", 3)])
async def test_the_hosts_page_size_is_clamped_b38(world: World, limit: str, shown: int) -> None:
    for _ in range(3):
        await world.dialog()

    assert len(await world.host.data("GET", f"/dialogs?limit={limit}")) == shown


@pytest.mark.parametrize("query", ["limit=x", "limit=", "limit=1&limit=2", "cursor=junk", "cursor=", "cursor=%00"])
async def test_a_bad_query_of_the_hosts_list_is_refused_b4_b38_b39(world: World, query: str) -> None:
    assert await world.refuses(world.host, "GET", f"/dialogs?{query}") == (400, "BAD_REQUEST")


async def test_a_cursor_of_a_persons_list_is_none_of_the_hosts_b39(world: World) -> None:
    await world.dialog("ana")
    cursor = (await world.person("ana")("GET", "/dialogs?limit=1")).json()["next_cursor"]

    assert await world.refuses(world.host, "GET", f"/dialogs?cursor={cursor}") == (400, "BAD_REQUEST")


# Explaining access


@pytest.mark.parametrize(
    ("query", "is_participant", "scopes_match", "can_see", "can_read", "can_join"),
    [
        ("user_id=ana", True, False, True, True, False),
        ("user_id=ana&scope_level0=elsewhere", True, False, True, True, False),
        ("user_id=cy", False, False, False, False, False),
        ("user_id=cy&scope_level0=elsewhere", False, False, False, False, False),
        ("user_id=cy&scope_level1=nordwind", False, False, False, False, False),
        ("user_id=cy&scope_level0=elsewhere&scope_level0=nordwind", False, True, True, False, True),
    ],
)
async def test_the_host_learns_why_a_person_sees_a_dialog_or_not(
    world: World,
    query: str,
    is_participant: bool,
    scopes_match: bool,
    can_see: bool,
    can_read: bool,
    can_join: bool,
) -> None:
    dialog = await world.dialog("ana")

    access = await world.host.data("GET", f"/dialogs/{dialog}/access?{query}")

    assert access.pop("explanation")
    assert access == {
        "user_id": UserId(query[8:].split("&")[0]),
        "is_participant": is_participant,
        "scopes_match": scopes_match,
        "can_see": can_see,
        "can_read": can_read,
        "can_join": can_join,
    }


async def test_what_the_host_is_told_of_access_is_what_the_person_meets(world: World) -> None:
    dialog = await world.dialog("ana")

    for user in ("ana", "cy"):
        access = await world.host.data("GET", f"/dialogs/{dialog}/access?user_id={user}&scope_level0=nordwind")
        met = await world.entry(user, dialog)
        reads = await world.person(user)("GET", f"/dialogs/{dialog}/messages")
        assert (access["is_participant"], access["can_join"]) == (met["i_am_participant"], met["can_join"])
        assert access["can_read"] is (reads.status_code == 200)


async def test_whose_access_to_explain_must_be_said(world: World) -> None:
    dialog = await world.dialog("ana")

    assert await world.refuses(world.host, "GET", f"/dialogs/{dialog}/access") == (400, "BAD_REQUEST")
