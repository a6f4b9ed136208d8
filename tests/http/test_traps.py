"""The traps for a naive reimplementation (contract, Appendix B), one test each."""

import base64
import hashlib
import hmac
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest

from mtchat_adapters.memory.webhooks import MemoryWebhooks
from mtchat_core.chat import Chat
from tests.asking import OTHER_SCOPES, PERSON, SCOPES
from tests.http.filing import send, upload
from tests.http.hooks import SECRET, URL, create
from tests.http.world import House, World, open_world

INSECURE = House(JWT_AUTH_ENABLED="false", ALLOW_INSECURE_USER_ID="true")


def said(answer: httpx.Response) -> tuple[int, Any]:
    """Return status and body; an empty body is None."""
    return answer.status_code, answer.json() if answer.content else None


async def test_trap_1_envelopes_and_statuses_are_mixed(world: World) -> None:
    dialog = await world.dialog("ana")
    ana, cy, door = world.person("ana"), world.person("cy"), f"/dialogs/{dialog}"
    created = await world.host("POST", "/dialogs", {"object_type": "o", "object_id": "1", "participants": []})
    sent = await ana("POST", f"{door}/messages", {"content": "hello"})
    message = sent.json()["data"]["id"]
    place = {"dialog_id": dialog, "filename": "a.png", "content_type": "image/png", "size": 1}

    assert (created.status_code, created.json().keys()) == (200, {"data"})
    assert (sent.status_code, sent.json().keys()) == (200, {"data"})
    assert (await ana("POST", "/upload/presign", place)).json()["data"].keys() == {
        "upload_url",
        "s3_key",
        "expires_in",
    }
    assert said(await ana("DELETE", "/upload/multipart?s3_key=unknown")) == (204, None)
    assert said(await world.host("POST", f"{door}/participants", {"user_id": "bo"})) == (201, None)
    assert said(await cy("POST", f"{door}/join")) == (200, {"status": "joined", "dialog_id": dialog})
    assert said(await cy("POST", f"{door}/leave")) == (200, {"status": "left"})
    assert said(await ana("POST", f"{door}/archive")) == (200, {"status": "archived"})
    assert said(await ana("POST", f"{door}/unarchive")) == (200, {"status": "unarchived"})
    assert said(await ana("POST", f"{door}/pin")) == (200, {"status": "pinned"})
    assert said(await ana("POST", f"{door}/unpin")) == (200, {"status": "unpinned"})
    assert said(await ana("POST", f"{door}/notifications", {"enabled": True})) == (200, {"status": "enabled"})
    assert said(await ana("POST", f"{door}/read", {"last_read_message_id": message})) == (200, {"success": True})
    assert said(await ana("DELETE", f"{door}/messages/{message}")) == (204, None)
    assert said(await world.host("DELETE", f"{door}/participants/nobody")) == (204, None)
    assert said(await world.host("DELETE", f"/dialogs/{uuid4()}")) == (204, None)
    assert said(await world.host("DELETE", f"/dialogs/{uuid4()}/participants/ana")) == (204, None)
    assert (await world.client.get("/health")).json()["status"] == "ok"
    assert (await world.client.get("/health/ready")).json()["status"] == "ready"


async def test_trap_2_some_nulls_are_written_and_some_keys_left_out(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    await world.say("ana", dialog)
    [item] = await world.person("ana").data("GET", "/dialogs")
    page = await world.person("ana").data("GET", f"/dialogs/{dialog}/messages")
    [_, bo] = await world.person("ana").data("GET", f"/dialogs/{dialog}/participants")
    opening, hello = page["messages"]
    [file] = (await send(world, "ana", dialog, await upload(world, "ana", dialog)))["attachments"]
    link = await world.person("ana").data("GET", f"/attachments/{file['id']}/url")

    assert item["title"] is item["object_url"] is None
    assert opening["sender_id"] is hello["last_edited_at"] is hello["reply_to_id"] is None
    assert bo["last_read_message_id"] is bo["company"] is bo["email"] is bo["phone"] is None
    assert "meta" not in item
    assert "attachments" not in hello
    assert not file.keys() & {"width", "height", "thumbnail_url", "status"}
    assert link["thumbnail_url"] is None
    assert "first_unread_message_id" not in page
    assert "company" not in item["participants"][0]


async def test_trap_3_a_webhook_has_its_dotted_name_in_the_header_and_is_signed_to_the_byte(world: World) -> None:
    await create(world)
    sender = world.chat.ports.sender
    assert isinstance(sender, MemoryWebhooks)

    await world.say("ana", await world.dialog("ana"), "привет")
    await world.chat.webhooks.tick()
    await world.chat.webhooks.idle()

    [(url, request)] = sender.sent
    ours = hmac.new(SECRET.encode(), request.body, hashlib.sha256).hexdigest()
    assert url == URL
    assert request.headers["X-Webhook-Event"] == json.loads(request.body)["type"] == "message.new"
    assert request.headers["X-Webhook-Signature"] == f"sha256={ours}"
    assert "привет".encode() in request.body


async def test_trap_4_the_greeting_comes_first_and_names_the_employee(world: World) -> None:
    ear = await world.listen("ana")

    await ear.say(json.dumps({"type": "subscribe", "dialog_id": str(uuid4())}))

    assert (ear.greeting["type"], ear.greeting["employee_id"]) == ("connected", "ana")
    assert await ear.heard() == []


async def test_trap_5_the_leaver_the_newcomer_and_the_readers_other_tabs_hear_of_it(world: World) -> None:
    dialog = await world.dialog("ana")
    ana, bo = await world.listen("ana"), await world.listen("bo")

    await world.host("POST", f"/dialogs/{dialog}/participants", {"user_id": "bo"})
    assert await bo.types() == ["participant.joined"]

    newest = (await world.transcript("ana", dialog))[-1]["id"]
    await world.person("ana").data("POST", f"/dialogs/{dialog}/read", {"last_read_message_id": newest})
    assert await ana.types() == ["participant.joined", "message.read"]
    assert await bo.types() == ["message.read"]

    await world.person("bo").data("POST", f"/dialogs/{dialog}/leave")
    assert "participant.left" in await bo.types()

    await world.host("DELETE", f"/dialogs/{dialog}/participants/ana")
    assert (await ana.types())[-1] == "participant.left"


async def test_trap_6_scopes_narrow_a_participants_lists_and_nothing_else(world: World) -> None:
    scoped, bare = await world.dialog("ana"), await world.dialog("ana", scopes=[])
    ana = world.person("ana", OTHER_SCOPES)

    assert [entry["id"] for entry in await ana.data("GET", "/dialogs")] == [bare]
    await ana.data("GET", f"/dialogs/{scoped}")
    await ana.data("GET", f"/dialogs/{scoped}/messages")
    assert await world.person("cy").data("GET", "/dialogs?type=available") != []
    assert await world.person("cy").refused("POST", f"/dialogs/{bare}/join") == (403, "FORBIDDEN")


async def test_trap_7_null_for_strangers_400_for_a_second_join_403_for_an_unknown_dialog(world: World) -> None:
    dialog = await world.dialog("ana")
    stranger = world.person("cy", OTHER_SCOPES)

    assert await stranger.data("GET", "/dialogs/by-object/order/4711") is None
    assert await world.person("ana").refused("POST", f"/dialogs/{dialog}/join") == (400, "BAD_REQUEST")
    assert await stranger.refused("POST", f"/dialogs/{uuid4()}/archive") == (403, "NOT_PARTICIPANT")
    assert await stranger.refused("GET", f"/dialogs/{uuid4()}/messages") == (403, "FORBIDDEN")


async def test_trap_8_around_beats_after_beats_before_and_shows_25_older_and_26_from_there(world: World) -> None:
    dialog = await world.dialog("ana")
    ids = [(await world.say("ana", dialog, str(number)))["id"] for number in range(60)]

    async def shown(query: str) -> list[str]:
        page = await world.person("ana").data("GET", f"/dialogs/{dialog}/messages?{query}")
        return [message["id"] for message in page["messages"]]

    assert await shown(f"before={ids[9]}&after={ids[5]}&around={ids[30]}") == ids[5:56]
    assert await shown(f"before={ids[9]}&after={ids[5]}") == ids[6:56]
    assert await shown(f"before={ids[59]}&limit=2") == ids[57:59]


async def test_trap_9_a_send_reads_and_unarchives_for_its_sender_and_the_system_raises_no_unread(
    world: World,
) -> None:
    dialog = await world.dialog("ana", "bo")
    await world.say("bo", dialog)
    await world.person("ana").data("POST", f"/dialogs/{dialog}/archive")

    sent = await world.say("ana", dialog)
    await world.person("cy").data("POST", f"/dialogs/{dialog}/join")

    ana = await world.entry("ana", dialog)
    [me, *_] = await world.person("ana").data("GET", f"/dialogs/{dialog}/participants")
    assert (ana["unread_count"], ana["is_archived"], me["last_read_message_id"]) == (0, False, sent["id"])
    assert (await world.entry("cy", dialog))["unread_count"] == 3


async def test_trap_10_a_joiners_unread_is_counted_before_the_join_message(world: World) -> None:
    # That the webhook comes from a person's join alone, never from the host's: test_webhooks.py.
    dialog = await world.dialog("ana")
    before = len(await world.transcript("ana", dialog))

    await world.person("cy").data("POST", f"/dialogs/{dialog}/join")

    assert (await world.entry("cy", dialog))["unread_count"] == before
    assert len(await world.transcript("ana", dialog)) == before + 1


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("a & b", "a &amp; b"),
        ("<p title='k' lang='en' class='c'>v</p>", '<p title="k" lang="en">v</p>'),
        ("<a>w</a>", '<a rel="noopener noreferrer">w</a>'),
        ("<a href='/r' rel='nofollow'>w</a>", '<a href="/r" rel="noopener noreferrer">w</a>'),
    ],
)
async def test_trap_11_plain_text_is_escaped_and_every_link_gets_its_rel(
    world: World, typed: str, stored: str
) -> None:
    dialog = await world.dialog("ana")

    assert (await world.say("ana", dialog, typed))["content"] == stored


async def test_trap_12_sender_id_is_another_name_for_user_id_and_the_first_counts(chat: Chat) -> None:
    async with open_world(chat, INSECURE) as world:
        dialog = await world.dialog("ana", "bo")
        body = {"content": "hello"}

        for query, sender in (
            ("sender_id=ana", "ana"),
            ("user_id=ana", "ana"),
            ("sender_id=ana&user_id=bo", "ana"),
            ("user_id=bo&sender_id=ana", "bo"),
        ):
            answer = await world.client.post(f"{PERSON}/dialogs/{dialog}/messages?{query}", json=body)
            assert answer.json()["data"]["sender_id"] == sender


async def test_trap_13_identity_scopes_path_query_body_existence_in_that_order(chat: Chat) -> None:
    bad = {"X-Scope-Config": "not base64"}
    good = {"X-Scope-Config": base64.b64encode(json.dumps(SCOPES).encode()).decode()}
    unknown = uuid4()
    steps: list[tuple[str, str, dict[str, str], object, int, str]] = [
        ("GET", "/dialogs/x?", bad, None, 400, "user_id"),
        ("GET", "/dialogs/x?user_id=ana", bad, None, 400, "X-Scope-Config"),
        ("GET", "/dialogs/x?user_id=ana", good, None, 400, "dialog_id"),
        ("GET", "/dialogs?user_id=ana&limit=x", bad, None, 400, "X-Scope-Config"),
        ("GET", "/dialogs/x/messages?user_id=ana&limit=x", {}, None, 400, "dialog_id"),
        ("GET", f"/dialogs/{unknown}/messages?user_id=ana&limit=x", {}, None, 400, "limit"),
        ("POST", "/dialogs/x/messages?user_id=ana", {}, {}, 400, "dialog_id"),
        ("POST", f"/dialogs/{unknown}/messages?user_id=ana", {}, {}, 422, "content"),
        ("POST", f"/dialogs/{unknown}/messages?user_id=ana", {}, {"content": "hello"}, 404, "no such dialog"),
    ]

    async with open_world(chat, INSECURE) as world:
        for verb, path, headers, body, status, word in steps:
            answer = await world.client.request(verb, f"{PERSON}{path}", headers=headers, json=body)
            assert (answer.status_code, word in answer.json()["error"]["message"]) == (status, True), path

    async with open_world(chat, House()) as world:
        for verb, path, headers, body, *_ in steps:
            answer = await world.client.request(verb, f"{PERSON}{path}", headers=headers, json=body)
            assert answer.status_code == 401, path


async def test_trap_14_an_absent_meta_is_left_out_while_an_absent_title_is_null(world: World) -> None:
    dialog = await world.dialog("ana")

    for shown in (
        await world.host.data("GET", f"/dialogs/{dialog}"),
        await world.entry("ana", dialog),
        (await world.person("ana").data("GET", "/dialogs"))[0],
    ):
        assert shown["title"] is None
        assert "meta" not in shown


async def test_trap_15_people_created_together_have_one_time_and_a_steady_order(world: World) -> None:
    dialog = await world.dialog("di", "bo", "ana", "cy")

    people = (await world.host.data("GET", f"/dialogs/{dialog}"))["participants"]

    assert len({person["joined_at"] for person in people}) == 1
    for shown in (
        people,
        await world.person("ana").data("GET", f"/dialogs/{dialog}/participants"),
        (await world.person("ana").data("GET", "/dialogs"))[0]["participants"],
    ):
        assert [person["user_id"] for person in shown] == ["ana", "bo", "cy", "di"]
