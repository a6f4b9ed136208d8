"""A person says things, and reads what was said (contract 3.13 to 3.17)."""

import asyncio
import re
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.asking import OTHER_SCOPES, SCOPES
from tests.builders import FakeClock
from tests.contracts.test_markup import ATTACKS, complaints
from tests.http.test_management_dialogs import BAD_KEYS
from tests.http.world import World

KEYS = {
    "id",
    "dialog_id",
    "seq",
    "sender_id",
    "sender_name",
    "content",
    "sent_at",
    "last_edited_at",
    "reply_to_id",
    "message_type",
}
BLANKS = {
    "nothing": "",
    "blanks": " \t\r\n",
    "no-break": "\u00a0&nbsp;",
    "zero width": "\u200b\u2060\ufeff",
    "filler": "\u3164\u2800\u115f",
    "bidi": "\u202e\u200f",
    "combining": "\u0301",
    "paragraph": "<p><br></p>",
    "list": "<ul><li> </li></ul>",
    "script": "<script>alert(1)</script>",
    "style": "<style>p{}</style>",
    "comment": "<!-- hello -->",
    "image": "<img src=x onerror=alert(1)>",
    "foreign": "<svg><text>v</text></svg>",
}


def door(dialog: str, *rest: str) -> str:
    """Return the address of a dialog's messages, or of one of them."""
    return "/".join((f"/dialogs/{dialog}/messages", *rest))


async def page(world: World, user: str, dialog: str, query: str = "") -> dict[str, Any]:
    """Return a page of messages."""
    found: dict[str, Any] = await world.person(user).data("GET", f"{door(dialog)}{query}")
    return found


# Sending


async def test_a_message_is_answered_as_everybody_will_read_it(world: World) -> None:
    dialog = await world.dialog(participants=[{"user_id": "ana", "display_name": "Ana"}, "bo"])

    said = await world.say("ana", dialog, "hello")

    assert said.keys() == KEYS
    assert (said["dialog_id"], said["seq"], said["message_type"]) == (dialog, 2, "user")
    assert (said["sender_id"], said["sender_name"], said["content"]) == ("ana", "Ana", "hello")
    assert said["last_edited_at"] is said["reply_to_id"] is None
    assert UUID(said["id"]).version == 7
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", said["sent_at"])
    assert (await world.transcript("bo", dialog))[-1] == said
    assert await world.person("bo").data("GET", door(dialog, said["id"])) == said


async def test_a_system_message_has_no_sender(world: World) -> None:
    dialog = await world.dialog("ana")

    [opening] = await world.transcript("ana", dialog)

    assert opening.keys() == KEYS - {"sender_name"}
    assert opening["sender_id"] is None


async def test_messages_are_numbered_without_gaps_and_their_ids_rise(world: World, clock: FakeClock) -> None:
    dialog = await world.dialog("ana", "bo")
    await asyncio.gather(*[world.say(user, dialog, str(number)) for number, user in enumerate(["ana", "bo"] * 9)])
    clock.advance(-timedelta(hours=1))
    await world.say("ana", dialog)
    await world.say("bo", dialog)

    messages = await world.transcript("ana", dialog)

    assert [message["seq"] for message in messages] == list(range(1, 22))
    assert sorted(message["id"] for message in messages) == [message["id"] for message in messages]
    assert sorted(message["sent_at"] for message in messages) == [message["sent_at"] for message in messages]


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("a & b > c", "a &amp; b &gt; c"),
        ("3 < 4", "3 &lt; 4"),
        ("<div><p>v</p></div>", "<p>v</p>"),
        ("<script>1</script>v<style>2</style>", "v"),
        ("<a href='//evil.example'>w</a>", '<a rel="noopener noreferrer">w</a>'),
        ("<a href='https:evil.example'>w</a>", '<a rel="noopener noreferrer">w</a>'),
        ("<a href='\\\\evil'>w</a>", '<a rel="noopener noreferrer">w</a>'),
        ("<a href='\u00a0javascript:alert(1)'>w</a>", '<a rel="noopener noreferrer">w</a>'),
        ("<a href='/r' target='_top'>w</a>", '<a href="/r" rel="noopener noreferrer">w</a>'),
        ("<span class='btn mtchat-mention'>@Ana</span>", '<span class="mtchat-mention">@Ana</span>'),
        ("שלום\u202e \u0343\u0351Z", "שלום\u202e \u0343\u0351Z"),
        ("x" * 50_000, "x" * 50_000),
        ("я" * 50_000, "я" * 50_000),
        ("&" * 50_000, "&amp;" * 50_000),
    ],
    ids=lambda text: ascii(text)[:40],
)
async def test_content_is_made_safe_when_sent_and_when_edited_b43_b44_b45_b46_b48(
    world: World, typed: str, stored: str
) -> None:
    dialog = await world.dialog("ana")

    said = await world.say("ana", dialog, typed)
    again = await world.person("ana").data("PUT", door(dialog, said["id"]), {"content": typed})

    assert said["content"] == again["content"] == stored


async def test_no_attack_gets_through_a_send_or_an_edit_g18_b44_b45_b46(world: World) -> None:
    dialog = await world.dialog("ana")
    kept = await world.say("ana", dialog)
    path = door(dialog, kept["id"])

    for attack in ATTACKS:
        # What is refused as blank on its own is kept with a word beside it.
        said = await world.say("ana", dialog, f"x{attack}")
        edited = await world.person("ana").data("PUT", path, {"content": f"x{attack}"})
        again = await world.person("ana").data("PUT", path, {"content": said["content"]})

        assert complaints(said["content"]) == []
        assert edited["content"] == again["content"] == said["content"]


@pytest.mark.parametrize(
    "content", [*BLANKS.values(), "x" * 50_001, "a\x00b", "<b>" * 4000 + "x"], ids=[*BLANKS, "long", "NUL", "deep"]
)
async def test_content_that_shows_nothing_or_too_much_is_refused_b3_b42_b43_b47(
    world: World, content: str
) -> None:
    """On send and on edit."""
    dialog = await world.dialog("ana", "bo")
    said = await world.say("ana", dialog)
    ana, body = world.person("ana"), {"content": content}

    assert await world.refuses(ana, "POST", door(dialog), body) == (400, "INVALID_INPUT")
    assert await world.refuses(ana, "PUT", door(dialog, said["id"]), body) == (400, "INVALID_INPUT")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"content": None},
        {"content": 1},
        {"content": "x", "reply_to": "x"},
        {"content": "x", "reply_to": 1},
        {"content": "x", "client_message_id": 1},
        [],
        "x",
    ],
    ids=repr,
)
async def test_a_message_of_another_shape_is_refused_b11_b12(world: World, body: object) -> None:
    dialog = await world.dialog("ana")

    assert await world.refuses(world.person("ana"), "POST", door(dialog), body) == (422, "INVALID_INPUT")


@pytest.mark.parametrize("content", ["hello", " ", "x" * 50_001], ids=["good", "blank", "long"])
async def test_who_is_not_in_cannot_write_and_learns_nothing_about_their_text(world: World, content: str) -> None:
    dialog = await world.dialog("ana", "bo")
    await world.person("bo").data("POST", f"/dialogs/{dialog}/leave")
    body = {"content": content}

    for asker in (world.person("bo"), world.person("cy"), world.person("cy", OTHER_SCOPES)):
        assert await world.refuses(asker, "POST", door(dialog), body) == (403, "FORBIDDEN")
        assert await world.refuses(asker, "POST", door(str(uuid4())), body) == (404, "DIALOG_NOT_FOUND")


# Replying


async def test_a_reply_names_its_message_until_that_is_deleted(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    asked = await world.say("ana", dialog, "When?")

    said = await world.say("bo", dialog, "Today", reply_to=asked["id"])
    await world.person("ana")("DELETE", door(dialog, asked["id"]))

    assert said["reply_to_id"] == asked["id"]
    assert (await world.transcript("bo", dialog))[-1] == said | {"reply_to_id": None}


async def test_a_system_message_can_be_replied_to(world: World) -> None:
    dialog = await world.dialog("ana")
    [opening] = await world.transcript("ana", dialog)

    assert (await world.say("ana", dialog, "Hi", reply_to=opening["id"]))["reply_to_id"] == opening["id"]


@pytest.mark.parametrize("target", ["unknown", "other dialog", "deleted"])
async def test_a_reply_to_a_message_that_is_not_there_is_refused_b33(world: World, target: str) -> None:
    dialog, other = await world.dialog("ana"), await world.dialog("ana")
    deleted = (await world.say("ana", dialog))["id"]
    await world.person("ana")("DELETE", door(dialog, deleted))
    targets = {"unknown": str(uuid4()), "other dialog": (await world.say("ana", other))["id"], "deleted": deleted}

    refusal = await world.refuses(
        world.person("ana"), "POST", door(dialog), {"content": "Today", "reply_to": targets[target]}
    )

    assert refusal == (400, "INVALID_INPUT")


# Sending again

ONCE: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "header": ({"Idempotency-Key": "once"}, {}),
    "body": ({}, {"client_message_id": "once"}),
    "both": ({"Idempotency-Key": "once"}, {"client_message_id": "once"}),
    "255 characters": ({"Idempotency-Key": "k" * 255}, {}),
}


@pytest.mark.parametrize(("headers", "fields"), ONCE.values(), ids=ONCE.keys())
async def test_the_same_key_makes_one_message_however_often_it_comes(
    world: World, headers: dict[str, str], fields: dict[str, str]
) -> None:
    dialog = await world.dialog("ana", "bo")
    ana, body = world.person("ana"), {"content": "hello", **fields}

    answers = await asyncio.gather(*[ana.data("POST", door(dialog), body, headers=headers) for _ in range(20)])

    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["client_message_id"] == [*headers.values(), *fields.values()][0]
    assert (await world.transcript("bo", dialog))[1:] == [answers[0]]
    assert (await world.entry("bo", dialog))["unread_count"] == 1


@pytest.mark.parametrize("change", [{"content": "other"}, {"reply_to": "opening"}], ids=["content", "reply"])
async def test_the_same_key_with_something_else_to_say_is_refused(world: World, change: dict[str, str]) -> None:
    dialog = await world.dialog("ana")
    [opening] = await world.transcript("ana", dialog)
    await world.say("ana", dialog, "hello", client_message_id="once")
    body = {"content": "hello", "client_message_id": "once"} | change
    if "reply_to" in body:
        body["reply_to"] = opening["id"]

    assert await world.refuses(world.person("ana"), "POST", door(dialog), body) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_a_key_is_ones_own_and_the_dialogs_own(world: World) -> None:
    dialog, other = await world.dialog("ana", "bo"), await world.dialog("ana")

    said = [
        (await world.say(user, where, "hello", client_message_id="once"))["id"]
        for user, where in (("ana", dialog), ("bo", dialog), ("ana", other))
    ]

    assert len(set(said)) == 3


async def test_a_retry_answers_the_message_as_it_is_now(world: World) -> None:
    dialog = await world.dialog("ana")
    said = await world.say("ana", dialog, "hello", client_message_id="once")
    edited = await world.person("ana").data("PUT", door(dialog, said["id"]), {"content": "changed"})

    assert await world.say("ana", dialog, "hello", client_message_id="once") == edited


async def test_a_late_retry_does_not_bring_a_deleted_message_back(world: World) -> None:
    dialog = await world.dialog("ana")
    said = await world.say("ana", dialog, "hello", client_message_id="once")
    await world.person("ana")("DELETE", door(dialog, said["id"]))
    body = {"content": "hello", "client_message_id": "once"}

    assert await world.refuses(world.person("ana"), "POST", door(dialog), body) == (404, "MESSAGE_NOT_FOUND")


@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS.keys())
async def test_a_malformed_key_is_refused_in_the_header_and_in_the_body_b66(world: World, key: bytes) -> None:
    dialog = await world.dialog("ana")
    ana, body = world.person("ana"), {"content": "hello"}

    in_header = await world.refuses(ana, "POST", door(dialog), body, headers={"Idempotency-Key": key})
    in_body = await world.refuses(ana, "POST", door(dialog), body | {"client_message_id": key.decode()})

    assert in_header == in_body == (400, "BAD_REQUEST")


async def test_two_different_keys_for_one_message_are_refused(world: World) -> None:
    dialog = await world.dialog("ana")
    body = {"content": "hello", "client_message_id": "one"}

    refusal = await world.refuses(
        world.person("ana"), "POST", door(dialog), body, headers={"Idempotency-Key": "two"}
    )

    assert refusal == (400, "BAD_REQUEST")


# Reading pages


async def ten(world: World) -> tuple[str, list[str]]:
    """Return a dialog of ana's and bo's with ten messages, and their ids."""
    dialog = await world.dialog("ana", "bo")
    for number in range(9):
        await world.say("ana", dialog, str(number))
    return dialog, [message["id"] for message in await world.transcript("ana", dialog)]


NOWHERE_LOW, NOWHERE_HIGH = "00000000-0000-7000-8000-000000000000", "ffffffff-ffff-7fff-bfff-ffffffffffff"
PAGES: list[tuple[str, range, bool, bool]] = [
    ("", range(10), False, False),
    ("?limit=10", range(10), False, False),
    ("?limit=9", range(1, 10), True, False),
    ("?limit=3", range(7, 10), True, False),
    ("?limit=3&before={5}", range(2, 5), True, True),
    ("?limit=5&before={5}", range(5), False, True),
    ("?before={0}", range(0), False, True),
    (f"?before={NOWHERE_HIGH}&limit=3", range(7, 10), True, False),
    (f"?before={NOWHERE_LOW}", range(0), False, True),
    ("?limit=3&after={5}", range(6, 9), True, True),
    ("?limit=4&after={5}", range(6, 10), True, False),
    ("?after={9}", range(0), True, False),
    (f"?after={NOWHERE_LOW}", range(10), False, False),
    (f"?after={NOWHERE_HIGH}", range(0), True, False),
    ("?limit=4&around={5}", range(3, 8), True, True),
    ("?limit=5&around={5}", range(3, 8), True, True),
    ("?limit=1&around={5}", range(5, 6), True, True),
    ("?limit=1&around={9}", range(9, 10), True, False),
    ("?limit=4&around={0}", range(3), False, True),
    ("?limit=4&around={9}", range(7, 10), True, False),
    ("?around={5}", range(10), False, False),
    (f"?limit=4&around={NOWHERE_HIGH}", range(8, 10), True, False),
    ("?limit=2&around={5}&after={1}&before={9}", range(4, 7), True, True),
    ("?limit=2&after={1}&before={9}", range(2, 4), True, True),
    ("?limit=0", range(9, 10), True, False),
    ("?limit=-1", range(9, 10), True, False),
    ("?limit=1000000000", range(10), False, False),
    ("?user_id=ana&unknown=1", range(10), False, False),
]


@pytest.mark.parametrize(
    ("query", "shown", "before", "after"), PAGES, ids=[query or "latest" for query, *_ in PAGES]
)
async def test_a_page_is_in_order_and_tells_truly_whether_there_is_more_b38_b39(
    world: World, query: str, shown: range, before: bool, after: bool
) -> None:
    dialog, ids = await ten(world)

    found = await page(world, "ana", dialog, query.format(*ids))

    assert [message["id"] for message in found["messages"]] == [ids[index] for index in shown]
    assert (found["has_more_before"], found["has_more_after"]) == (before, after)
    assert found.keys() == {"messages", "has_more_before", "has_more_after"}


async def test_a_page_holds_at_most_a_hundred_messages_and_fifty_by_default(world: World) -> None:
    dialog = await world.dialog("ana")
    for number in range(101):
        await world.say("ana", dialog, str(number))

    assert len((await page(world, "ana", dialog))["messages"]) == 50
    assert len((await page(world, "ana", dialog, "?limit=101"))["messages"]) == 100


@pytest.mark.parametrize(
    "query",
    ["limit=x", "limit=", "limit=1.5", "before=x", "after=", "around=00", "limit=1&limit=2", f"before={'0' * 33}"],
)
async def test_a_page_that_makes_no_sense_is_refused_b38_b39(world: World, query: str) -> None:
    dialog = await world.dialog("ana")

    assert await world.refuses(world.person("ana"), "GET", f"{door(dialog)}?{query}") == (400, "BAD_REQUEST")


async def test_a_cursor_from_another_dialog_shows_nothing_of_it_b39(world: World) -> None:
    dialog, ids = await ten(world)
    foreign = (await world.say("bo", await world.dialog("bo"), "canary"))["id"]

    for way in ("before", "after", "around"):
        found = await page(world, "ana", dialog, f"?{way}={foreign}")
        assert {message["id"] for message in found["messages"]} <= set(ids)


async def test_the_first_unread_message_is_named_on_every_page_but_around(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    await world.say("bo", dialog, "mine")
    unread = [(await world.say("ana", dialog, str(number)))["id"] for number in range(3)]

    assert (await page(world, "bo", dialog))["first_unread_message_id"] == unread[0]
    assert (await page(world, "bo", dialog, "?limit=2"))["first_unread_message_id"] == unread[1]
    assert (await page(world, "bo", dialog, f"?after={unread[0]}"))["first_unread_message_id"] == unread[1]
    assert "first_unread_message_id" not in await page(world, "bo", dialog, f"?before={unread[0]}")
    assert "first_unread_message_id" not in await page(world, "bo", dialog, f"?around={unread[0]}")


async def test_nothing_is_named_unread_once_all_is_read(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    said = await world.say("ana", dialog)
    await world.host.data("POST", f"/dialogs/{dialog}/messages", {"text": "Delivered"})

    await world.person("bo").data("POST", f"/dialogs/{dialog}/read", {"last_read_message_id": said["id"]})

    assert "first_unread_message_id" not in await page(world, "bo", dialog)


async def test_a_newcomers_whole_history_is_unread(world: World) -> None:
    dialog = await world.dialog("ana")
    [opening] = await world.transcript("ana", dialog)

    await world.person("cy").data("POST", f"/dialogs/{dialog}/join")

    assert (await page(world, "cy", dialog))["first_unread_message_id"] == opening["id"]


# One message


@pytest.mark.parametrize(("verb", "tail"), [("GET", ""), ("GET", "/history"), ("PUT", ""), ("DELETE", "")])
async def test_a_message_is_found_under_its_own_dialog_alone_b32(world: World, verb: str, tail: str) -> None:
    dialog, other = await world.dialog("ana"), await world.dialog("ana")
    said = (await world.say("ana", dialog))["id"]
    ana, body = world.person("ana"), {"content": "changed"} if verb == "PUT" else None

    for path in (door(other, said), door(dialog, str(uuid4())), door(other, dialog)):
        assert await world.refuses(ana, verb, f"{path}{tail}", body) == (404, "MESSAGE_NOT_FOUND")
    assert await world.refuses(ana, verb, f"{door(dialog, 'x')}{tail}", body) == (400, "BAD_REQUEST")


# Editing


async def test_an_edit_changes_the_wording_and_says_when(world: World, clock: FakeClock) -> None:
    dialog = await world.dialog("ana", "bo")
    said = await world.say("ana", dialog, "first", client_message_id="once")
    clock.advance()

    edited = await world.person("ana").data("PUT", door(dialog, said["id"]), {"content": "second"})

    assert edited == said | {"content": "second", "last_edited_at": edited["last_edited_at"]}
    assert edited["last_edited_at"].endswith("Z")
    assert (await world.transcript("bo", dialog))[-1] == edited
    assert (await world.entry("bo", dialog))["unread_count"] == 1


async def test_every_earlier_wording_is_kept_oldest_first(world: World, clock: FakeClock) -> None:
    dialog = await world.dialog("ana", "bo")
    said = (await world.say("ana", dialog, "first"))["id"]
    for content in ("second", "second", "third"):
        clock.advance()
        await world.person("ana").data("PUT", door(dialog, said), {"content": content})

    history = await world.person("bo").data("GET", door(dialog, said, "history"))

    assert [edit["content"] for edit in history] == ["first", "second", "second"]
    assert history[0].keys() == {"content", "edited_at"}
    times = [edit["edited_at"] for edit in history]
    assert times == sorted(times)


async def test_a_message_never_edited_has_no_history(world: World) -> None:
    dialog = await world.dialog("ana")
    said = (await world.say("ana", dialog))["id"]

    assert await world.person("ana").data("GET", door(dialog, said, "history")) == []


@pytest.mark.parametrize(
    ("verb", "body"), [("PUT", {"content": "changed"}), ("DELETE", None)], ids=["edit", "delete"]
)
async def test_only_the_author_changes_a_message_and_nobody_a_system_message_b35(
    world: World, verb: str, body: object
) -> None:
    dialog = await world.dialog("ana", "bo")
    [opening] = await world.transcript("ana", dialog)
    said = await world.say("ana", dialog)

    for message in (opening, said):
        refusal = await world.refuses(world.person("bo"), verb, door(dialog, message["id"]), body)
        assert refusal == (403, "NOT_MESSAGE_AUTHOR")
    assert await world.refuses(world.person("ana"), verb, door(dialog, opening["id"]), body) == (
        403,
        "NOT_MESSAGE_AUTHOR",
    )


@pytest.mark.parametrize(
    ("verb", "body"), [("PUT", {"content": "changed"}), ("DELETE", None)], ids=["edit", "delete"]
)
@pytest.mark.parametrize("way", ["leaves", "is removed"])
async def test_an_author_who_is_out_changes_nothing_b31(world: World, verb: str, body: object, way: str) -> None:
    dialog = await world.dialog("ana", "bo")
    said = (await world.say("bo", dialog))["id"]
    if way == "leaves":
        await world.person("bo").data("POST", f"/dialogs/{dialog}/leave")
    else:
        await world.host("DELETE", f"/dialogs/{dialog}/participants/bo")

    assert await world.refuses(world.person("bo"), verb, door(dialog, said), body) == (403, "FORBIDDEN")


@pytest.mark.parametrize("body", [{}, {"content": None}, {"content": 1}, []], ids=repr)
async def test_an_edit_of_another_shape_is_refused(world: World, body: object) -> None:
    dialog = await world.dialog("ana")
    said = (await world.say("ana", dialog))["id"]

    assert await world.refuses(world.person("ana"), "PUT", door(dialog, said), body) == (422, "INVALID_INPUT")


# Deleting


async def test_a_deleted_message_is_gone_for_everybody(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    before = await world.transcript("bo", dialog)
    said = (await world.say("ana", dialog))["id"]

    answer = await world.person("ana")("DELETE", door(dialog, said))

    assert (answer.status_code, answer.content) == (204, b"")
    assert await world.transcript("bo", dialog) == before
    assert (await world.entry("bo", dialog))["unread_count"] == 0
    for user in ("ana", "bo"):
        assert await world.person(user).refused("GET", door(dialog, said)) == (404, "MESSAGE_NOT_FOUND")
    [entry] = await world.person("bo").data("GET", "/dialogs")
    assert entry["last_message"]["id"] == before[-1]["id"]


async def test_deleting_twice_is_refused(world: World) -> None:
    dialog = await world.dialog("ana")
    said = (await world.say("ana", dialog))["id"]
    await world.person("ana")("DELETE", door(dialog, said))

    assert await world.refuses(world.person("ana"), "DELETE", door(dialog, said)) == (404, "MESSAGE_NOT_FOUND")


async def test_who_could_join_reads_no_message(world: World) -> None:
    dialog = await world.dialog("ana")
    said = (await world.say("ana", dialog))["id"]

    for path in (door(dialog), door(dialog, said), door(dialog, said, "history")):
        assert await world.refuses(world.person("cy", SCOPES), "GET", path) == (403, "FORBIDDEN")
