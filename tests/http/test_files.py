"""A person uploads files, sends them, and whoever is in the dialog gets at them (contract 3.14, 3.18, 3.19, 8)."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest
from attrs import evolve

from mtchat_adapters.memory.storage import MemoryStorage
from mtchat_adapters.memory.webhooks import MemoryWebhooks
from mtchat_core.chat import Chat, Habits, Ports
from mtchat_core.domain.attachments import KINDS, MAX_BYTES, FileState, thumbnail_key
from mtchat_core.domain.errors import InvalidInput, ServiceUnavailable
from mtchat_core.domain.events import AttachmentUpdated
from mtchat_core.domain.ids import AttachmentId, DialogId, UserId
from mtchat_core.ports.storage import StoredObject
from mtchat_core.use_cases.announcing import Announcer
from mtchat_core.use_cases.files import PART_BYTES, FileTerms
from mtchat_core.use_cases.transaction import Transaction
from tests.builders import SECOND, FakeClock
from tests.http.filing import place, send, storage, upload
from tests.http.hooks import create
from tests.http.world import House, World, open_world

BAD_REQUEST, UNFIT, SHAPE = (400, "BAD_REQUEST"), (400, "INVALID_INPUT"), (422, "INVALID_INPUT")
FORBIDDEN, NO_DIALOG, NO_FILE = (403, "FORBIDDEN"), (404, "DIALOG_NOT_FOUND"), (404, "ATTACHMENT_NOT_FOUND")
WRONG_TYPE, WRONG_SIZE = (400, "UNSUPPORTED_FILE_TYPE"), (400, "FILE_TOO_LARGE")
OFF, DOWN = (503, "FILES_OFF"), (503, "SERVICE_UNAVAILABLE")
NOWHERE = "0197c0de-0000-7000-8000-0000000000a1"
LARGE = 2 * PART_BYTES + 5


def asked(dialog: str, **changes: object) -> dict[str, object]:
    """Return what somebody asks who wants to upload a file."""
    return {
        "dialog_id": dialog,
        "filename": "a.pdf",
        "content_type": "application/pdf",
        "size": 5,
        **changes,
    }


@asynccontextmanager
async def opened(ports: Ports, house: House, habits: Habits | None = None) -> AsyncGenerator[World]:
    """Open the service over other ports than the tests' own."""
    chat = Chat.over(ports, habits)
    async with open_world(chat, house) as world:
        yield world
    chat.realtime.close()
    chat.presence.close()


# Up and down


async def test_a_file_goes_up_in_one_put_and_comes_with_its_message_g19(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    file = await upload(world, "ana", dialog, "plan.pdf", body=b"%PDF-1.7")

    said = await send(world, "ana", dialog, file, content="the plan")

    [shown] = said["attachments"]
    assert shown.keys() == {"id", "filename", "content_type", "size", "kind", "url"}
    assert (shown["filename"], shown["content_type"]) == ("plan.pdf", "application/pdf")
    assert (shown["size"], shown["kind"]) == (8, "document")
    assert storage(world).get(shown["url"]) == b"%PDF-1.7"
    assert (await world.transcript("bo", dialog))[-1] == said
    assert await world.person("bo").data("GET", f"/dialogs/{dialog}/messages/{said['id']}") == said


async def test_files_alone_are_a_message_and_keep_their_order(world: World) -> None:
    dialog = await world.dialog("ana")
    files = [await upload(world, "ana", dialog, f"{n}.txt", "text/plain", str(n).encode()) for n in range(10)]

    said = await send(world, "ana", dialog, *reversed(files))

    assert [file["filename"] for file in said["attachments"]] == [f"{n}.txt" for n in range(9, -1, -1)]
    assert [storage(world).get(file["url"]) for file in said["attachments"]] == [
        str(n).encode() for n in range(9, -1, -1)
    ]


@pytest.mark.parametrize("content_type", KINDS)
async def test_every_documented_type_is_taken(world: World, content_type: str) -> None:
    dialog = await world.dialog("ana")

    said = await send(world, "ana", dialog, await upload(world, "ana", dialog, "x", content_type))

    assert said["attachments"][0]["kind"] == KINDS[content_type].value


async def test_a_message_without_files_has_no_word_of_any(world: World) -> None:
    dialog = await world.dialog("ana")

    said = await world.say("ana", dialog, "hello", attachments=[])

    assert "attachments" not in said
    assert "attachment_count" not in (await world.person("ana").data("GET", "/dialogs"))[0]["last_message"]


async def test_a_list_tells_how_many_files_the_newest_message_has(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    files = [await upload(world, "ana", dialog) for _ in range(2)]

    await send(world, "ana", dialog, *files)

    [entry] = await world.person("bo").data("GET", "/dialogs")
    assert (entry["last_message"]["attachment_count"], entry["last_message"]["content"]) == (2, "")
    assert entry["unread_count"] == 1


async def test_an_edit_keeps_the_files_and_may_leave_no_text(world: World) -> None:
    dialog = await world.dialog("ana")
    said = await send(world, "ana", dialog, await upload(world, "ana", dialog), content="look")

    edited = await world.person("ana").data("PUT", f"/dialogs/{dialog}/messages/{said['id']}", {"content": ""})

    assert edited["attachments"] == said["attachments"]
    assert edited["content"] == ""


async def test_a_retry_with_its_key_is_the_same_message_g3(world: World) -> None:
    dialog = await world.dialog("ana")
    file = await upload(world, "ana", dialog)

    first = await world.say("ana", dialog, "", attachments=[file], client_message_id="k")
    again = await world.say("ana", dialog, "", attachments=[file], client_message_id="k")

    assert again == first
    another = {"content": "", "attachments": [await upload(world, "ana", dialog)], "client_message_id": "k"}
    assert await world.refuses(world.person("ana"), "POST", f"/dialogs/{dialog}/messages", another) == (
        422,
        "IDEMPOTENCY_KEY_REUSED",
    )


# Asking for a place


async def test_a_place_says_how_long_it_is_open(world: World, clock: FakeClock) -> None:
    dialog = await world.dialog("ana")

    given = await place(world, "ana", dialog, content_type="image/png", size=3)
    clock.advance(300 * SECOND)

    assert given.keys() == {"upload_url", "s3_key", "expires_in"}
    assert given["expires_in"] == 300
    assert given["s3_key"].startswith(f"dialogs/{dialog}/")
    with pytest.raises(InvalidInput):
        storage(world).put(given["upload_url"], b"png", content_type="image/png")


@pytest.mark.parametrize(
    "content_type",
    [
        "image/png; charset=utf-8",
        "IMAGE/PNG",
        "image/x-icon",
        "application/x-msdownload",
        "image",
        " image/png",
        "image/png\r\nX-Evil: 1",
        "x" * 300,
    ],
)
@pytest.mark.parametrize("path", ["/upload/presign", "/upload/multipart"])
async def test_another_type_is_refused_b55(world: World, content_type: str, path: str) -> None:
    ana, dialog = world.person("ana"), await world.dialog("ana")

    # The type comes before all that is wrong besides.
    for wrong in ({}, {"size": 0}, {"dialog_id": NOWHERE}):
        body = asked(dialog, content_type=content_type, **wrong)
        assert await world.refuses(ana, "POST", path, body) == WRONG_TYPE


@pytest.mark.parametrize("size", [0, -1, MAX_BYTES + 1, 2**62])
@pytest.mark.parametrize("path", ["/upload/presign", "/upload/multipart"])
async def test_no_bytes_or_too_many_are_refused_b56(world: World, size: int, path: str) -> None:
    ana, dialog = world.person("ana"), await world.dialog("ana")

    for wrong in ({}, {"dialog_id": NOWHERE}):
        assert await world.refuses(ana, "POST", path, asked(dialog, size=size, **wrong)) == WRONG_SIZE


async def test_a_place_is_for_participants_of_a_dialog_there_is_g8_b30(world: World) -> None:
    dialog = await world.dialog("ana")

    for path, size in (("/upload/presign", 5), ("/upload/multipart", LARGE)):
        body = asked(dialog, size=size)
        assert await world.refuses(world.person("bo"), "POST", path, body) == FORBIDDEN
        assert await world.refuses(world.person("ana"), "POST", path, asked(NOWHERE, size=size)) == NO_DIALOG


async def test_who_asks_for_places_too_fast_waits(chat: Chat) -> None:
    fast = House(RATE_LIMIT_ENABLED="true", RATE_LIMIT_BURST="100", RATE_LIMIT_UPLOADS_BURST="2")
    async with open_world(chat, fast) as world:
        dialog = await world.dialog("ana", "bo")
        for _ in range(2):
            await world.person("ana").data("POST", "/upload/presign", asked(dialog))

        too_much = await world.person("ana")("POST", "/upload/multipart", asked(dialog, size=LARGE))

        assert (too_much.status_code, too_much.json()["error"]["code"]) == (429, "RATE_LIMIT_EXCEEDED")
        assert int(too_much.headers["Retry-After"]) >= 1
        await world.person("bo").data("POST", "/upload/presign", asked(dialog))


async def test_a_quota_ends_what_one_may_upload(ports: Ports, house: House) -> None:
    async with opened(ports, house, Habits(files=FileTerms(quota_bytes=10))) as world:
        dialog = await world.dialog("ana", "bo")
        await world.person("ana").data("POST", "/upload/presign", asked(dialog, size=6))

        refusal = await world.refuses(world.person("ana"), "POST", "/upload/presign", asked(dialog, size=5))

        assert refusal == (403, "FILE_QUOTA_EXCEEDED")
        await world.person("bo").data("POST", "/upload/presign", asked(dialog, size=10))


# Names


@pytest.mark.parametrize(
    ("filename", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("a\r\nSet-Cookie: x=1.png", "aSet-Cookie: x=1.png"),
        ('a".png', 'a".png'),
        ("чертёж №4.pdf", "чертёж №4.pdf"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("<img src=x onerror=alert(1)>.png", "<img src=x onerror=alert(1)>.png"),
        ("x" * 255, "x" * 255),
        (".png", ".png"),
    ],
    ids=ascii,
)
async def test_a_name_is_kept_without_what_could_trick_anybody_b57(
    world: World, filename: str, shown: str
) -> None:
    dialog = await world.dialog("ana")
    file = await upload(world, "ana", dialog, filename)

    said = await send(world, "ana", dialog, file)

    assert said["attachments"][0]["filename"] == shown
    assert file["s3_key"].isascii()
    assert set(file["s3_key"].rpartition("/")[2]) <= set("0123456789abcdefghijklmnopqrstuvwxyz-.")


@pytest.mark.parametrize("filename", ["", " ", "..", "/", "\u202e", "a/", "x" * 256, "a\x00b"], ids=ascii)
async def test_a_name_that_is_none_is_refused_b57(world: World, filename: str) -> None:
    ana, dialog = world.person("ana"), await world.dialog("ana")
    file = await upload(world, "ana", dialog)
    body = {"content": "", "attachments": [file | {"filename": filename}]}

    assert await world.refuses(ana, "POST", "/upload/presign", asked(dialog, filename=filename)) == UNFIT
    assert await world.refuses(ana, "POST", f"/dialogs/{dialog}/messages", body) == UNFIT


@pytest.mark.parametrize(
    ("content_type", "opens"),
    [
        ("image/png", True),
        ("application/pdf", True),
        ("video/mp4", True),
        ("audio/mpeg", True),
        ("image/svg+xml", False),
        ("text/html", False),
        ("text/xml", False),
        ("text/plain", False),
        ("application/json", False),
        ("application/zip", False),
        ("", False),
    ],
)
async def test_what_can_hold_a_script_is_saved_and_never_opened_b58_g19(
    world: World, content_type: str, opens: bool
) -> None:
    dialog = await world.dialog("ana")

    said = await send(world, "ana", dialog, await upload(world, "ana", dialog, "x.bin", content_type))

    assert f"inline={opens}" in said["attachments"][0]["url"]


# Sending what can't be sent


async def refused(world: World, dialog: str, *files: object, who: str = "ana") -> tuple[int, str]:
    """Try to send files, and return the refusal; nothing has changed."""
    body = {"content": "hello", "attachments": list(files)}
    return await world.refuses(world.person(who), "POST", f"/dialogs/{dialog}/messages", body)


async def test_a_key_that_leads_elsewhere_is_refused_b54_g2(world: World) -> None:
    dialog, other = await world.dialog("ana"), await world.dialog("ana", object_id="other")
    file = await upload(world, "ana", dialog)
    inside = f"dialogs/{dialog}/"

    for key in (
        f"{inside}../{other}/x.pdf",
        f"{inside}..",
        f"{inside}%2e%2e/x.pdf",
        f"{inside}%2E%2E/x.pdf",
        f"{inside}a\x00.pdf",
        (await upload(world, "ana", other))["s3_key"],
        f"dialogs/{dialog.upper()}/x.pdf",
        f"/{file['s3_key']}",
        f" {file['s3_key']}",
        f"{inside}{'x' * 512}",
        "",
        "https://evil.example/x.pdf",
        f"{inside}never-given-out.pdf",
        f"{file['s3_key']}.thumbnail.webp",
    ):
        assert await refused(world, dialog, file | {"s3_key": key}) == UNFIT, key


async def test_another_persons_key_and_one_that_has_served_are_refused_b54_g8(world: World) -> None:
    dialog, other = await world.dialog("ana", "bo"), await world.dialog("ana", object_id="other")
    of_bo, own = await upload(world, "bo", dialog), await upload(world, "ana", dialog)
    await send(world, "ana", dialog, own)

    assert await refused(world, dialog, of_bo) == UNFIT
    assert await refused(world, dialog, own) == UNFIT
    assert await refused(world, dialog, await upload(world, "ana", dialog), own) == UNFIT
    assert await refused(world, other, await upload(world, "ana", dialog)) == UNFIT
    assert (await send(world, "bo", dialog, of_bo))["attachments"], "what was refused to ana is still bo's"


async def test_a_file_that_failed_to_be_sent_beside_another_can_be_sent_again_g2(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    mine, of_bo = await upload(world, "ana", dialog), await upload(world, "bo", dialog)

    assert await refused(world, dialog, mine, of_bo) == UNFIT

    assert len((await send(world, "ana", dialog, mine))["attachments"]) == 1


async def test_what_was_not_uploaded_as_announced_is_refused_b56_f26(world: World) -> None:
    dialog = await world.dialog("ana")
    file = await upload(world, "ana", dialog, "a.png", "image/png", b"12345")
    given = await place(world, "ana", dialog, content_type="image/png", size=5)
    never = file | {"s3_key": given["s3_key"]}

    for false in (
        never,
        file | {"size": 4},
        file | {"size": 6},
        file | {"content_type": "image/jpeg"},
        file | {"content_type": ""},
    ):
        assert await refused(world, dialog, false) == BAD_REQUEST, false
    for body, content_type in ((b"1234", "image/png"), (b"123456", "image/png"), (b"12345", "text/html")):
        with pytest.raises(InvalidInput):
            storage(world).put(given["upload_url"], body, content_type=content_type)
    await send(world, "ana", dialog, file)


async def test_bytes_that_are_not_those_of_the_place_are_found_out_b56_f26(world: World) -> None:
    dialog = await world.dialog("ana")

    for body, content_type in ((b"1234", "image/png"), (b"12345", "text/html")):
        file = await upload(world, "ana", dialog, "a.png", "image/png", b"12345")
        await storage(world).write(file["s3_key"], body, content_type=content_type)

        assert await refused(world, dialog, file) == BAD_REQUEST


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        ({"content_type": "image/png; charset=utf-8"}, BAD_REQUEST),
        ({"content_type": "IMAGE/PNG"}, BAD_REQUEST),
        ({"size": 0}, BAD_REQUEST),
        ({"size": -1}, BAD_REQUEST),
        ({"size": MAX_BYTES + 1}, BAD_REQUEST),
        ({"size": "5"}, SHAPE),
        ({"size": 5.0}, SHAPE),
        ({"size": True}, SHAPE),
        ({"size": None}, SHAPE),
        ({"s3_key": None}, SHAPE),
        ({"s3_key": 7}, SHAPE),
        ({"filename": None}, SHAPE),
        ({"content_type": None}, SHAPE),
    ],
    ids=str,
)
async def test_a_file_that_can_not_be_is_refused_b55_b56_b11(
    world: World, wrong: dict[str, object], refusal: tuple[int, str]
) -> None:
    dialog = await world.dialog("ana")

    assert await refused(world, dialog, await upload(world, "ana", dialog) | wrong) == refusal


async def test_ten_files_are_sent_and_eleven_or_the_same_twice_refused_b59(world: World) -> None:
    dialog = await world.dialog("ana")
    files = [await upload(world, "ana", dialog) for _ in range(11)]

    assert await refused(world, dialog, *files) == BAD_REQUEST
    assert await refused(world, dialog, files[0], files[0]) == BAD_REQUEST
    assert len((await send(world, "ana", dialog, *files[:10]))["attachments"]) == 10


@pytest.mark.parametrize("value", [None, {}, "x", 1, [None], ["x"], [[]], [{}]], ids=str)
async def test_files_have_the_shape_of_files_b11_b12(world: World, value: object) -> None:
    dialog = await world.dialog("ana")
    body = {"content": "hello", "attachments": value}

    assert await world.refuses(world.person("ana"), "POST", f"/dialogs/{dialog}/messages", body) == SHAPE


async def test_who_is_not_in_learns_nothing_about_a_key_g8_b30(world: World) -> None:
    dialog = await world.dialog("ana")
    file = await upload(world, "ana", dialog)

    assert await refused(world, dialog, file, who="bo") == FORBIDDEN
    assert await refused(world, dialog, {**file, "size": 0}, who="bo") == FORBIDDEN
    body = {"content": "", "attachments": [file | {"s3_key": f"dialogs/{NOWHERE}/x"}]}
    assert await world.person("ana").refused("POST", f"/dialogs/{NOWHERE}/messages", body) == NO_DIALOG


# In parts


async def begin(world: World, user: str, dialog: str, size: int = LARGE) -> dict[str, Any]:
    """Have somebody begin an upload in parts."""
    body = asked(dialog, content_type="video/mp4", filename="film.mp4", size=size)
    begun: dict[str, Any] = await world.person(user).data("POST", "/upload/multipart", body)
    return begun


def put_part(world: World, part: dict[str, Any], letter: bytes = b"x") -> None:
    storage(world).put(part["upload_url"], letter * part["size"], content_type="")


async def test_a_large_file_goes_up_in_parts_and_goes_on_after_a_break_g19(world: World, clock: FakeClock) -> None:
    ana, dialog = world.person("ana"), await world.dialog("ana")
    begun = await begin(world, "ana", dialog)
    query = f"/upload/multipart?s3_key={begun['s3_key']}"

    put_part(world, begun["parts"][1], b"b")
    clock.advance(timedelta(minutes=6))
    resumed = await ana.data("GET", query)
    early = await ana.refused("POST", "/upload/multipart/complete", {"s3_key": begun["s3_key"]})
    for part, letter in zip(resumed["parts"], (b"a", b"c"), strict=True):
        put_part(world, part, letter)
    done = await ana.data("POST", "/upload/multipart/complete", {"s3_key": begun["s3_key"]})
    again = await ana.data("POST", "/upload/multipart/complete", {"s3_key": begun["s3_key"]})
    file = {"s3_key": done["s3_key"], "filename": "film.mp4", "content_type": "video/mp4", "size": LARGE}
    said = await send(world, "ana", dialog, file)

    assert begun.keys() == {"s3_key", "part_size", "parts", "arrived", "expires_in"}
    assert (begun["part_size"], begun["expires_in"], begun["arrived"]) == (PART_BYTES, 300, [])
    assert [(part["part_number"], part["size"]) for part in begun["parts"]] == [
        (1, PART_BYTES),
        (2, PART_BYTES),
        (3, 5),
    ]
    assert resumed["arrived"] == [{"part_number": 2, "size": PART_BYTES}]
    assert [part["part_number"] for part in resumed["parts"]] == [1, 3]
    assert early == BAD_REQUEST
    assert again == done == {"s3_key": begun["s3_key"]}
    body = storage(world).get(said["attachments"][0]["url"])
    assert body == b"a" * PART_BYTES + b"b" * PART_BYTES + b"c" * 5


async def test_an_upload_in_parts_is_its_beginners_alone_g8_b54(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    begun = await begin(world, "ana", dialog)
    key, bo = begun["s3_key"], world.person("bo")

    for unknown in (key, f"dialogs/{dialog}/../x", "x" * 600, ""):
        query = f"/upload/multipart?s3_key={unknown}"
        assert await world.refuses(bo, "GET", query) == UNFIT
        assert await world.refuses(bo, "POST", "/upload/multipart/complete", {"s3_key": unknown}) == UNFIT
        assert (await bo("DELETE", query)).status_code == 204
    for verb in ("GET", "DELETE"):
        assert await world.refuses(bo, verb, "/upload/multipart") == BAD_REQUEST

    assert (await world.person("ana").data("GET", f"/upload/multipart?s3_key={key}"))["parts"]


async def test_an_upload_in_parts_is_sent_only_when_whole_and_can_be_given_up(world: World) -> None:
    ana, dialog = world.person("ana"), await world.dialog("ana")
    begun = await begin(world, "ana", dialog)
    query = f"/upload/multipart?s3_key={begun['s3_key']}"
    file = {"s3_key": begun["s3_key"], "filename": "f", "content_type": "video/mp4", "size": LARGE}

    assert await refused(world, dialog, file) == BAD_REQUEST
    for _ in range(2):
        assert (await ana("DELETE", query)).status_code == 204

    assert await ana.refused("GET", query) == UNFIT
    assert await refused(world, dialog, file) in (BAD_REQUEST, UNFIT)


async def test_a_small_file_has_no_parts(world: World) -> None:
    dialog = await world.dialog("ana")

    body = asked(dialog, size=16 * 1024 * 1024 - 1)
    assert await world.refuses(world.person("ana"), "POST", "/upload/multipart", body) == BAD_REQUEST


# Fetching


async def test_a_link_lasts_its_time_and_is_renewed_for_participants_alone_g19_g8(
    world: World, clock: FakeClock
) -> None:
    dialog = await world.dialog("ana", "bo", "cy")
    await world.dialog("dan", object_id="other")
    said = await send(world, "ana", dialog, await upload(world, "ana", dialog, body=b"%PDF"))
    path = f"/attachments/{said['attachments'][0]['id']}/url"

    first = await world.person("bo").data("GET", path)
    assert first.keys() == {"url", "thumbnail_url", "expires_in"}
    assert (first["url"], first["thumbnail_url"]) == (said["attachments"][0]["url"], None)
    clock.advance(timedelta(seconds=first["expires_in"]))
    later = await world.person("bo").data("GET", path)
    assert later["url"] != first["url"]
    assert storage(world).get(later["url"]) == b"%PDF"
    clock.advance(timedelta(seconds=1))
    with pytest.raises(InvalidInput):
        storage(world).get(first["url"])

    await world.host("DELETE", f"/dialogs/{dialog}/participants/cy")
    for stranger in ("cy", "dan", "nobody"):
        assert await world.refuses(world.person(stranger), "GET", path) == NO_FILE
    assert await world.refuses(world.person("bo"), "GET", f"/attachments/{uuid4()}/url") == NO_FILE
    assert await world.refuses(world.person("bo"), "GET", "/attachments/junk/url") == BAD_REQUEST


async def test_a_link_says_what_is_left_of_it_in_whole_seconds(world: World, clock: FakeClock) -> None:
    dialog = await world.dialog("ana")
    said = await send(world, "ana", dialog, await upload(world, "ana", dialog))
    path = f"/attachments/{said['attachments'][0]['id']}/url"

    answers = []
    for _ in range(3):
        answers.append(await world.person("ana").data("GET", path))
        clock.advance(timedelta(minutes=7, milliseconds=500))

    assert all(1800 <= answer["expires_in"] <= 3600 for answer in answers)
    for before, after in pairwise(answers):
        is_same = before["url"] == after["url"]
        assert (before["expires_in"] - after["expires_in"] in (420, 421)) == is_same


async def test_a_deleted_messages_files_are_gone_at_once_g8(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    said = await send(world, "ana", dialog, await upload(world, "ana", dialog))

    await world.person("ana")("DELETE", f"/dialogs/{dialog}/messages/{said['id']}")

    path = f"/attachments/{said['attachments'][0]['id']}/url"
    assert await world.person("bo").refused("GET", path) == NO_FILE
    assert (await world.person("bo").data("GET", f"/dialogs/{dialog}/files"))["files"] == []


async def test_a_dialogs_files_are_listed_newest_first_by_kind_and_in_pages(world: World) -> None:
    dialog = await world.dialog(participants=[{"user_id": "ana", "display_name": "Ana"}, "bo"])
    sent: list[dict[str, Any]] = []
    for name, content_type in (("a.png", "image/png"), ("b.zip", "application/zip"), ("c.gif", "image/gif")):
        sent.append(await send(world, "ana", dialog, await upload(world, "ana", dialog, name, content_type)))
    files = [await upload(world, "bo", dialog, name, "text/csv") for name in ("d.csv", "e.csv")]
    sent.append(await send(world, "bo", dialog, *files))
    bo, path = world.person("bo"), f"/dialogs/{dialog}/files"

    whole = await bo.data("GET", path)
    pages, before = list[list[str]](), ""
    while True:
        page = await bo.data("GET", f"{path}?limit=2{before}")
        pages.append([file["filename"] for file in page["files"]])
        before = f"&before={page['files'][-1]['id']}"
        if not page["has_more"]:
            break
    images = await bo.data("GET", f"{path}?kind=image")

    names = [file["filename"] for file in whole["files"]]
    assert (sorted(names[:2]), names[2:]) == (["d.csv", "e.csv"], ["c.gif", "b.zip", "a.png"])
    assert whole["has_more"] is False
    assert [name for page in pages for name in page] == names
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [file["filename"] for file in images["files"]] == ["c.gif", "a.png"]
    [shown] = sent[0]["attachments"]
    assert whole["files"][-1] == {
        **shown,
        "message_id": sent[0]["id"],
        "sender_id": "ana",
        "sender_name": "Ana",
        "sent_at": sent[0]["sent_at"],
    }


async def test_a_dialogs_files_are_its_participants_g8_b30_b38(world: World) -> None:
    dialog = await world.dialog("ana")
    await send(world, "ana", dialog, await upload(world, "ana", dialog))
    ana, path = world.person("ana"), f"/dialogs/{dialog}/files"

    assert await world.refuses(world.person("bo"), "GET", path) == FORBIDDEN
    assert await world.refuses(ana, "GET", f"/dialogs/{NOWHERE}/files") == FORBIDDEN
    for wrong in ("kind=picture", "kind=", "limit=x", "before=x"):
        assert await world.refuses(ana, "GET", f"{path}?{wrong}") == BAD_REQUEST
    for clamped in ("limit=0", "limit=-1", "limit=1000000000"):
        assert len((await ana.data("GET", f"{path}?{clamped}"))["files"]) == 1


# Who is told


async def test_sockets_and_events_carry_files_now_and_after_a_break_g5_g22(world: World) -> None:
    dialog = await world.dialog("ana", "bo")
    ear = await world.listen("bo")

    said = await send(world, "ana", dialog, await upload(world, "ana", dialog), content="look")

    [frame] = await ear.heard()
    assert frame["type"] == "message.new"
    assert frame["attachments"] == frame["payload"]["message"]["attachments"] == said["attachments"]
    edited = await world.person("ana").data("PUT", f"/dialogs/{dialog}/messages/{said['id']}", {"content": "x"})
    [frame] = await ear.heard()
    assert frame["payload"]["message"] == edited
    cursor = ear.greeting["cursor"]
    [missed, _] = (await world.person("bo")("GET", f"/events?after={cursor}")).json()["data"]
    assert missed["payload"]["message"]["attachments"] == said["attachments"]
    for_host = (await world.host("GET", "/events")).json()["data"]
    assert for_host[-1]["payload"]["message"]["attachments"] == said["attachments"]


Find = Callable[..., Awaitable[None]]


@pytest.fixture
def find(world: World) -> Find:
    """Find something out about a file, as a job does."""
    ports = world.chat.ports

    async def find(dialog: str, file: dict[str, Any], **found: Any) -> None:
        in_dialog = DialogId(UUID(dialog))
        id_ = AttachmentId(UUID(file["id"]))
        kept = await ports.attachments.get(UserId("ana"), id_)
        assert kept is not None
        async with Transaction(ports.units, Announcer(ports.broker, ports.jobs))() as tx:
            assert await tx.dialogs.lock(in_dialog) is not None
            message = await tx.files.change(in_dialog, evolve(kept, **found), look_again_in=None)
            assert message is not None
            tx.record(AttachmentUpdated(dialog_id=message.dialog_id, message=message, attachment_id=id_))

    return find


async def test_what_is_found_out_about_a_picture_is_shown_and_told(world: World, find: Find) -> None:
    dialog = await world.dialog("ana", "bo")
    said = await send(world, "ana", dialog, await upload(world, "ana", dialog, "a.png", "image/png"))
    ear, [file] = await world.listen("bo"), said["attachments"]
    small = thumbnail_key("somewhere")
    await storage(world).write(small, b"webp", content_type="image/webp")

    await find(dialog, file, width=640, height=480, thumbnail_key=small)

    [frame] = await ear.heard()
    [shown] = (await world.transcript("bo", dialog))[-1]["attachments"]
    assert (frame["type"], frame["id"], frame["attachment_id"]) == ("attachment.updated", said["id"], file["id"])
    assert frame["payload"]["message"]["attachments"] == [shown]
    assert (shown["width"], shown["height"], shown["url"]) == (640, 480, file["url"])
    assert "status" not in shown
    assert storage(world).get(shown["thumbnail_url"]) == b"webp"
    fetched = await world.person("bo").data("GET", f"/attachments/{file['id']}/url")
    assert fetched["thumbnail_url"] == shown["thumbnail_url"]


@pytest.mark.parametrize("state", [state for state in FileState if state is not FileState.AVAILABLE])
async def test_a_file_that_is_not_trusted_says_so_and_is_kept_back_g19(
    world: World, find: Find, state: FileState
) -> None:
    dialog = await world.dialog("ana", "bo")
    said = await send(world, "ana", dialog, await upload(world, "ana", dialog))
    [file] = said["attachments"]

    await find(dialog, file, state=state)

    [shown] = (await world.transcript("bo", dialog))[-1]["attachments"]
    answer = await world.person("bo")("GET", f"/attachments/{file['id']}/url")
    is_open = state is FileState.FLAGGED
    assert shown["status"] == state.value
    assert (shown["url"] == file["url"], answer.status_code == 200) == (is_open, is_open)
    assert is_open or (shown["url"], answer.status_code) == ("", 404)


async def test_a_webhook_tells_of_files_without_links_g11(world: World) -> None:
    await create(world)
    dialog = await world.dialog("ana")
    said = await send(world, "ana", dialog, await upload(world, "ana", dialog), content="look")
    await world.say("ana", dialog, "no file")

    sender = world.chat.ports.sender
    assert isinstance(sender, MemoryWebhooks)
    await world.chat.webhooks.tick()
    await world.chat.webhooks.idle()

    told = [json.loads(request.body)["payload"]["message"] for _, request in sender.sent]
    [file] = said["attachments"]
    assert told[0]["attachments"] == [{name: file[name] for name in ("id", "filename", "content_type", "size")}]
    assert "attachments" not in told[1]
    assert not [request for _, request in sender.sent if b"memory:" in request.body]


# Without a storage, and when it is down


class Down(MemoryStorage):
    """A storage that does not answer."""

    async def stat(self, key: str) -> StoredObject | None:
        raise ServiceUnavailable("The storage does not answer.")

    async def begin_parts(self, key: str, *, content_type: str) -> str:
        raise ServiceUnavailable("The storage does not answer.")


async def test_a_chat_without_a_storage_says_so_and_talks_on_g14(ports: Ports, house: House) -> None:
    async with opened(evolve(ports, storage=None), house) as world:
        ana, dialog = world.person("ana"), await world.dialog("ana", "bo")
        ear = await world.listen("ana")
        file = {"s3_key": f"dialogs/{dialog}/x", "filename": "f", "content_type": "", "size": 1}

        assert "files" not in ear.greeting["features"]
        # That there is none comes before all that is wrong besides.
        for verb, path, body in (
            ("POST", "/upload/presign", asked(NOWHERE, content_type="x", size=0)),
            ("POST", "/upload/multipart", asked(NOWHERE, content_type="x", size=0)),
            ("GET", "/upload/multipart?s3_key=x", None),
            ("POST", "/upload/multipart/complete", {"s3_key": "x"}),
            ("DELETE", "/upload/multipart?s3_key=x", None),
            ("GET", f"/attachments/{NOWHERE}/url", None),
        ):
            assert await world.refuses(ana, verb, path, body) == OFF, path
        assert await refused(world, dialog, file) == OFF
        await world.say("ana", dialog, "hello")
        assert await ana.data("GET", f"/dialogs/{dialog}/files") == {"files": [], "has_more": False}


async def test_files_of_a_chat_that_lost_its_storage_are_named_without_links(ports: Ports, house: House) -> None:
    async with opened(ports, house) as world:
        dialog = await world.dialog("ana")
        said = await send(world, "ana", dialog, await upload(world, "ana", dialog))

    async with opened(evolve(ports, storage=None), house) as world:
        [shown] = (await world.transcript("ana", dialog))[-1]["attachments"]

    assert shown == said["attachments"][0] | {"url": ""}


async def test_where_files_are_kept_the_greeting_says_so(world: World) -> None:
    assert "files" in (await world.listen("ana")).greeting["features"]


async def test_while_the_storage_is_down_text_goes_on_and_nothing_is_half_sent_f24_g14_g2(
    ports: Ports, house: House, clock: FakeClock
) -> None:
    async with opened(evolve(ports, storage=Down(clock)), house) as world:
        dialog = await world.dialog("ana", "bo")
        file = await upload(world, "ana", dialog)
        body = {"content": "with a file", "attachments": [file]}

        answer = await world.person("ana")("POST", f"/dialogs/{dialog}/messages", body)

        assert int(answer.headers["Retry-After"]) >= 1
        assert await refused(world, dialog, file) == DOWN
        parts = asked(dialog, size=LARGE)
        assert await world.refuses(world.person("ana"), "POST", "/upload/multipart", parts) == DOWN
        await world.say("ana", dialog, "text goes on")
        await world.person("ana").data("POST", "/upload/presign", asked(dialog))

    back = MemoryStorage(clock)
    await back.write(file["s3_key"], b"%PDF-1.7 a plan", content_type="application/pdf")
    async with opened(evolve(ports, storage=back), house) as world:
        assert [said["content"] for said in await world.transcript("bo", dialog)][1:] == ["text goes on"]
        assert len((await send(world, "ana", dialog, file))["attachments"]) == 1, "the place has kept"
