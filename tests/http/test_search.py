"""A person finds what was said."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.asking import OTHER_SCOPES, SCOPES, Asker
from tests.http.world import World


async def found(asker: Asker, wanted: str, more: str = "") -> list[dict[str, Any]]:
    """Return the hits of one page."""
    hits: list[dict[str, Any]] = await asker.data("GET", f"/search?q={quote(wanted)}{more}")
    return hits


async def test_a_hit_shows_where_it_is_and_what_to_highlight(world: World) -> None:
    dialog = await world.dialog("ana", "bo", title="Order 4711")
    message = await world.say("bo", dialog, "🙂 <b>ПРИ</b>ВЕТ &amp; привет")

    answer = await world.person("ana")("GET", f"/search?q={quote('Привет')}")

    assert answer.json() == {
        "data": [
            {
                "dialog_id": dialog,
                "message_id": message["id"],
                "seq": message["seq"],
                "sender_id": "bo",
                "sender_name": "bo",
                "sent_at": message["sent_at"],
                "snippet": "🙂 ПРИВЕТ & привет",
                "matches": [{"start": 2, "length": 6}, {"start": 11, "length": 6}],
                "dialog_title": "Order 4711",
                "object_type": "order",
                "object_id": "4711",
            }
        ],
        "next_cursor": None,
    }


async def test_a_hit_leads_to_its_place_in_the_dialog(world: World) -> None:
    dialog = await world.dialog("ana")
    for n in range(9):
        await world.say("ana", dialog, f"message {n}")

    [hit] = await found(world.person("ana"), "message 4")
    page = await world.person("ana").data(
        "GET", f"/dialogs/{hit['dialog_id']}/messages?around={hit['message_id']}&limit=3"
    )

    assert [message["content"] for message in page["messages"]] == ["message 3", "message 4", "message 5"]


async def test_a_cursor_leads_through_all_hits_once_newest_first(world: World) -> None:
    dialogs = [await world.dialog("ana"), await world.dialog("ana")]
    said = [(await world.say("ana", dialogs[n % 2], f"message {n}"))["id"] for n in range(7)]

    hits: list[str] = []
    more = ""
    for _ in range(10):
        answer = (await world.person("ana")("GET", f"/search?q=message&limit=3{more}")).json()
        hits += [hit["message_id"] for hit in answer["data"]]
        if answer["next_cursor"] is None:
            break
        more = f"&cursor={answer['next_cursor']}"

    assert hits == list(reversed(said))


async def test_one_dialog_can_be_searched_alone(world: World) -> None:
    dialogs = [await world.dialog("ana"), await world.dialog("ana")]
    for dialog in dialogs:
        await world.say("ana", dialog)

    hits = await found(world.person("ana"), "hello", f"&dialog_id={dialogs[0]}")

    assert [hit["dialog_id"] for hit in hits] == [dialogs[0]]


async def test_scopes_narrow_the_search_as_they_narrow_lists(world: World) -> None:
    dialog = await world.dialog("ana")
    await world.say("ana", dialog)

    assert len(await found(world.person("ana", SCOPES), "hello")) == 1
    assert await found(world.person("ana", OTHER_SCOPES), "hello") == []
    assert len(await found(world.person("ana", OTHER_SCOPES), "hello", f"&dialog_id={dialog}")) == 1


@pytest.mark.parametrize("sign", ["%", "_", "\\", "'", '"', "%25", "a_b"])
async def test_signs_are_literal_b51(world: World, sign: str) -> None:
    dialog = await world.dialog("ana")
    await world.say("ana", dialog, "hello axb")
    sought = await world.say("ana", dialog, f"hello {sign}")

    assert [hit["message_id"] for hit in await found(world.person("ana"), f"hello {sign}")] == [sought["id"]]


@pytest.mark.parametrize(("limit", "shown"), [("-1", 1), ("0", 1), ("1", 1), ("1000000000", 21), ("", None)])
async def test_the_limit_is_clamped_b38(world: World, limit: str, shown: int | None) -> None:
    dialog = await world.dialog("ana")
    for _ in range(21):
        await world.say("ana", dialog)

    answer = await world.person("ana")("GET", f"/search?q=hello&limit={limit}")

    assert (len(answer.json()["data"]) if answer.status_code == 200 else None) == shown


async def test_twenty_hits_come_by_default(world: World) -> None:
    dialog = await world.dialog("ana")
    for _ in range(21):
        await world.say("ana", dialog)

    assert len(await found(world.person("ana"), "hello")) == 20


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "BAD_REQUEST"),
        ("?q=", "INVALID_INPUT"),
        ("?q=+", "INVALID_INPUT"),
        ("?q=%E2%80%8B", "INVALID_INPUT"),
        (f"?q={'a' * 201}", "INVALID_INPUT"),
        ("?q=%00", "BAD_REQUEST"),
        ("?q=%FF", "BAD_REQUEST"),
        ("?q=a&q=b", "BAD_REQUEST"),
        ("?q=a&limit=x", "BAD_REQUEST"),
        ("?q=a&dialog_id=x", "BAD_REQUEST"),
        ("?q=a&cursor=junk", "BAD_REQUEST"),
        ("?q=a&cursor=", "BAD_REQUEST"),
        ("?q=a&cursor=bnVsbA", "BAD_REQUEST"),
    ],
)
async def test_what_makes_no_sense_is_refused_b3_b5_b38_b39(world: World, query: str, code: str) -> None:
    assert await world.refuses(world.person("ana"), "GET", f"/search{query}") == (400, code)


async def test_a_search_for_nothing_is_told_what_is_missing(world: World) -> None:
    for address in ("/search", "/search?limit=3"):
        answer = await world.person("ana")("GET", address)

        assert answer.status_code == 400
        assert answer.json()["error"] == {"code": "BAD_REQUEST", "message": "q is missing from the query."}


async def test_a_cursor_of_somebody_else_finds_ones_own_alone_b39(world: World) -> None:
    foreign, own = await world.dialog("ana"), await world.dialog("bo")
    mine = (await world.say("bo", own))["id"]
    for _ in range(2):
        await world.say("ana", foreign)
    cursor = (await world.person("ana")("GET", "/search?q=hello&limit=1")).json()["next_cursor"]

    hits = await found(world.person("bo"), "hello", f"&cursor={cursor}")

    assert [hit["message_id"] for hit in hits] == [mine]


async def test_a_cursor_of_another_list_is_none_of_searchs_b39(world: World) -> None:
    await world.dialog("ana")
    cursor = (await world.person("ana")("GET", "/dialogs?limit=1")).json()["next_cursor"]

    assert await world.refuses(world.person("ana"), "GET", f"/search?q=a&cursor={cursor}") == (400, "BAD_REQUEST")
