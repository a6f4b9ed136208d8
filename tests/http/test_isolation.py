"""Who gets what: every address asked by everybody, and canaries that sing where they must not (G8, B30 to B32)."""

import base64
import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest
from attrs import frozen
from litestar.routes import HTTPRoute
from structlog.testing import capture_logs

from mtchat_app.asgi import create_app
from mtchat_app.settings import Settings
from mtchat_app.wiring import Service
from mtchat_core.use_cases.files import PARTS_FROM
from tests.asking import ADMIN, MANAGEMENT, OTHER_SCOPES, PERSON, SCOPES, Asker, token
from tests.http.filing import send, upload
from tests.http.world import World

Answers = dict[str, tuple[int, str | None]]

FINE, GONE = (200, None), (204, None)
ANONYMOUS, EXPIRED, NONSENSE = (401, "UNAUTHORIZED"), (401, "TOKEN_EXPIRED"), (400, "BAD_REQUEST")
FORBIDDEN, MISMATCH, NOT_IN = (403, "FORBIDDEN"), (403, "SCOPE_MISMATCH"), (403, "NOT_PARTICIPANT")


def to(
    member: tuple[int, str | None], admitted: tuple[int, str | None], stranger: tuple[int, str | None]
) -> Answers:
    """Return what each actor is answered; who has left, or is in another dialog, is a stranger."""
    return {
        "member": member,
        "admitted": admitted,
        "ex-member": stranger,
        "neighbour": stranger,
        "outsider": stranger,
        "expired": EXPIRED,
        "nobody": ANONYMOUS,
    }


@frozen
class Asked:
    """One request of the matrix: what follows the address, the body, and what each actor is answered."""

    answers: Answers
    query: str = ""
    body: object = None


LISTS = to(FINE, FINE, FINE)
MEMBERS_VIEW = to(FINE, NOT_IN, NOT_IN)
MEMBERS_TEXT = to(FINE, FORBIDDEN, FORBIDDEN)
UNKNOWN_KEY, NO_FILE = (400, "INVALID_INPUT"), (404, "ATTACHMENT_NOT_FOUND")
PLACE = {"dialog_id": "{dialog_id}", "filename": "a.pdf", "content_type": "application/pdf", "size": 5}

# A new address joins with one line: the last test sees to it.
MATRIX: dict[str, list[Asked]] = {
    "GET /dialogs": [
        Asked(LISTS),
        Asked(LISTS, "?type=available"),
        Asked(LISTS, "?search=canary"),
        Asked(LISTS, "?archived=false&limit=100"),
    ],
    "GET /dialogs/by-object": [Asked(to(NONSENSE, NONSENSE, NONSENSE))],
    "GET /dialogs/by-object/{object_type}/{object_id}": [Asked(LISTS)],
    "GET /dialogs/by-object/{object_type}/{object_id}/list": [Asked(LISTS), Asked(LISTS, "?type=available")],
    "GET /dialogs/{dialog_id}": [Asked(to(FINE, FINE, MISMATCH))],
    "POST /dialogs/{dialog_id}/archive": [Asked(MEMBERS_VIEW)],
    "POST /dialogs/{dialog_id}/unarchive": [Asked(MEMBERS_VIEW)],
    "POST /dialogs/{dialog_id}/pin": [Asked(MEMBERS_VIEW)],
    "POST /dialogs/{dialog_id}/unpin": [Asked(MEMBERS_VIEW)],
    "POST /dialogs/{dialog_id}/notifications": [Asked(MEMBERS_VIEW, body={"enabled": False})],
    "POST /dialogs/{dialog_id}/join": [Asked(to(NONSENSE, FINE, FORBIDDEN))],
    "POST /dialogs/{dialog_id}/leave": [Asked(MEMBERS_VIEW)],
    "GET /dialogs/{dialog_id}/participants": [Asked(to(FINE, FINE, FORBIDDEN))],
    "POST /dialogs/{dialog_id}/read": [Asked(MEMBERS_TEXT, body={"last_read_message_id": "{message_id}"})],
    "GET /unread": [Asked(LISTS)],
    "GET /search": [
        Asked(LISTS, "?q=canary"),
        Asked(LISTS, "?q=canary&limit=100"),
        Asked(MEMBERS_TEXT, "?q=canary&dialog_id={dialog_id}"),
    ],
    "GET /events": [Asked(LISTS), Asked(LISTS, "?after={cursor}"), Asked(LISTS, "?after={cursor}&limit=1")],
    "GET /dialogs/{dialog_id}/messages": [
        Asked(MEMBERS_TEXT),
        Asked(MEMBERS_TEXT, "?around={message_id}"),
        Asked(MEMBERS_TEXT, "?before=ffffffff-ffff-7fff-bfff-ffffffffffff"),
    ],
    "POST /dialogs/{dialog_id}/messages": [
        Asked(MEMBERS_TEXT, body={"content": "hello"}),
        Asked(MEMBERS_TEXT, body={"content": "hello", "reply_to": "{message_id}"}),
    ],
    "GET /dialogs/{dialog_id}/messages/{message_id}": [Asked(MEMBERS_TEXT)],
    "GET /dialogs/{dialog_id}/messages/{message_id}/history": [Asked(MEMBERS_TEXT)],
    "PUT /dialogs/{dialog_id}/messages/{message_id}": [Asked(MEMBERS_TEXT, body={"content": "hello"})],
    "DELETE /dialogs/{dialog_id}/messages/{message_id}": [Asked(to(GONE, FORBIDDEN, FORBIDDEN))],
    "POST /upload/presign": [Asked(MEMBERS_TEXT, body=PLACE)],
    "POST /upload/multipart": [Asked(MEMBERS_TEXT, body=PLACE | {"size": PARTS_FROM})],
    "GET /upload/multipart": [Asked(to(FINE, UNKNOWN_KEY, UNKNOWN_KEY), "?s3_key={s3_key}")],
    "POST /upload/multipart/complete": [
        Asked(to(NONSENSE, UNKNOWN_KEY, UNKNOWN_KEY), body={"s3_key": "{s3_key}"})
    ],
    "DELETE /upload/multipart": [Asked(to(GONE, GONE, GONE), "?s3_key={s3_key}")],
    "GET /attachments/{attachment_id}/url": [Asked(to(FINE, NO_FILE, NO_FILE))],
    "GET /dialogs/{dialog_id}/files": [Asked(MEMBERS_TEXT), Asked(MEMBERS_TEXT, "?kind=document&limit=1")],
}
INSIDERS = ("member", "admitted")
OTHERS = ("ex-member", "neighbour", "outsider", "expired", "nobody")
CASES = {f"{address}{asked.query}": (address, asked) for address, asks in MATRIX.items() for asked in asks}

CARD = {"title-canary", "url-canary", "name-canary", "company-canary", "meta-canary"}
INSIDE = {
    "text-canary",
    "wording-canary",
    "ex-text-canary",
    "mail-canary@example.com",
    "phone-canary",
    "file-canary",
    "ex-file-canary",
}
MAY_KNOW: Mapping[str, set[str]] = {"member": CARD | INSIDE, "admitted": CARD}


def routes(prefix: str) -> set[str]:
    """Return the HTTP routes below a prefix: method and path, parameters without their type."""

    def nothing(_: Settings) -> AbstractAsyncContextManager[Service]:
        raise AssertionError("the routes are there before the service is")

    app = create_app(Settings.load({}), nothing).app
    return {
        f"{method} {route.path.removeprefix(prefix).replace(':str', '')}"
        for route in app.routes
        if isinstance(route, HTTPRoute) and route.path.startswith(f"{prefix}/")
        for method in route.methods - {"OPTIONS", "HEAD"}
    }


class Scene:
    """A dialog full of canaries, and everybody who might ask about it."""

    def __init__(
        self,
        world: World,
        dialog: str,
        message: dict[str, Any],
        ex_message: dict[str, Any],
        *,
        cursor: str,
        parts: str,
    ) -> None:
        self.world = world
        self.dialog = dialog
        self._messages = {"ex-member": ex_message}
        self._message = message
        self._cursor = cursor
        self._parts = parts

    def asker(self, actor: str) -> Asker:
        """Return the actor, with a token of their own."""
        if actor == "expired":
            return Asker(self.world.client, PERSON, token("member", SCOPES, exp=1))
        return self.world.person(actor, SCOPES if actor in INSIDERS else OTHER_SCOPES)

    async def check(self, actor: str, address: str, asked: Asked) -> httpx.Response:
        """Have the actor ask; they are answered as the matrix says, and hear only what they may know."""
        status, code = asked.answers[actor]
        before = None if code is None or actor in OTHERS else await self.world.everything()

        answer = await self.ask(actor, address, asked)

        assert answer.status_code == status, answer.text
        if code is not None:
            assert answer.json()["error"]["code"] == code
        if before is not None:
            assert await self.world.everything() == before
        assert sung(answer.text) <= MAY_KNOW.get(actor, set())
        return answer

    async def ask(self, actor: str, address: str, asked: Asked) -> httpx.Response:
        """Have the actor ask; who has left asks about what they wrote themselves."""
        message = self._messages.get(actor, self._message)
        places = {
            "dialog_id": self.dialog,
            "message_id": message["id"],
            "attachment_id": message["attachments"][0]["id"],
            "s3_key": self._parts,
            "object_type": "order",
            "object_id": "4711",
            "participant_id": "member",
            "cursor": self._cursor,
        }
        verb, path = address.split(" ")
        for name, value in places.items():
            path = path.replace(f"{{{name}}}", value)
        query = asked.query.format(**places)
        filled = json.dumps(asked.body)
        for name in ("dialog_id", "message_id", "s3_key"):
            filled = filled.replace(f"{{{name}}}", places[name])
        body = json.loads(filled)
        if actor == "nobody":
            return await self.world.client.request(verb, f"{PERSON}{path}{query}", json=body)
        return await self.asker(actor)(verb, f"{path}{query}", body)


@pytest.fixture
async def scene(world: World) -> Scene:
    """A dialog with secrets in every place that can hold one."""
    member = {
        "user_id": "member",
        "display_name": "name-canary",
        "company": "company-canary",
        "email": "mail-canary@example.com",
        "phone": "phone-canary",
    }
    dialog = await world.dialog(
        participants=[member, "ex-member"],
        title="title-canary",
        object_url="https://host.test/url-canary",
        meta={"note": "meta-canary"},
    )
    await world.dialog("neighbour")
    ex_file = await upload(world, "ex-member", dialog, "ex-file-canary.pdf")
    ex_message = await send(world, "ex-member", dialog, ex_file, content="ex-text-canary")
    await world.person("ex-member").data("POST", f"/dialogs/{dialog}/leave")
    cursor = (await world.person("member")("GET", "/events")).json()["cursor"]
    file = await upload(world, "member", dialog, "file-canary.pdf")
    message = await send(world, "member", dialog, file, content="wording-canary")
    path = f"/dialogs/{dialog}/messages/{message['id']}"
    await world.person("member").data("PUT", path, {"content": "text-canary"})
    parts = {**PLACE, "dialog_id": dialog, "filename": "parts-canary.mp4", "size": PARTS_FROM}
    begun = await world.person("member").data("POST", "/upload/multipart", parts)
    return Scene(world, dialog, message, ex_message, cursor=cursor, parts=begun["s3_key"])


def sung(text: str) -> set[str]:
    """Return the canaries in *text*."""
    return {canary for canary in CARD | INSIDE if canary in text}


@pytest.mark.parametrize("actor", INSIDERS)
@pytest.mark.parametrize(("address", "asked"), CASES.values(), ids=CASES.keys())
async def test_who_belongs_here_gets_what_is_theirs_and_nothing_else_g8_b30(
    scene: Scene, actor: str, address: str, asked: Asked
) -> None:
    await scene.check(actor, address, asked)


@pytest.mark.parametrize("actor", OTHERS)
async def test_who_does_not_belong_here_gets_nothing_and_changes_nothing_g8_g2_b30_b31(
    scene: Scene, actor: str
) -> None:
    before = await scene.world.everything()

    for address, asked in CASES.values():
        answer = await scene.check(actor, address, asked)
        assert scene.dialog not in answer.text
    assert await scene.world.everything() == before


@pytest.mark.parametrize("actor", ["ex-member", "outsider"])
@pytest.mark.parametrize("address", ["GET /dialogs/{dialog_id}", "POST /dialogs/{dialog_id}/join"])
async def test_scopes_written_into_a_header_open_nothing_b37(scene: Scene, actor: str, address: str) -> None:
    forged = base64.b64encode(json.dumps(SCOPES).encode()).decode()
    verb, path = address.replace("{dialog_id}", scene.dialog).split(" ")

    answer = await scene.asker(actor)(verb, path, headers={"X-Scope-Config": forged})

    assert answer.status_code == 403
    assert not sung(answer.text)


async def test_a_member_of_another_dialog_reaches_nothing_here_through_it_b32(scene: Scene) -> None:
    own = await scene.world.dialog("outsider", object_id="own")
    ask = scene.asker("outsider")
    foreign = (await scene.world.transcript("member", scene.dialog))[-1]["id"]

    for verb, tail, body in (
        ("GET", "", None),
        ("GET", "/history", None),
        ("PUT", "", {"content": "mine"}),
        ("DELETE", "", None),
    ):
        answer = await ask(verb, f"/dialogs/{own}/messages/{foreign}{tail}", body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "MESSAGE_NOT_FOUND")
        assert not sung(answer.text)


async def test_who_is_not_in_hears_nothing_whatever_happens_g8(scene: Scene) -> None:
    world, dialog = scene.world, scene.dialog
    actors = ("admitted", "ex-member", "neighbour", "outsider")
    ears = [await world.listen(actor, f"token={token(actor, SCOPES)}") for actor in actors]

    said = (await world.say("member", dialog, "text-canary"))["id"]
    await world.person("member").data("PUT", f"/dialogs/{dialog}/messages/{said}", {"content": "wording-canary"})
    await world.person("member")("DELETE", f"/dialogs/{dialog}/messages/{said}")
    for verb in ("archive", "unarchive", "pin", "unpin"):
        await world.person("member").data("POST", f"/dialogs/{dialog}/{verb}")
    await world.host.data("POST", f"/dialogs/{dialog}/messages", {"text": "text-canary"})
    await world.host.data("PATCH", f"/dialogs/{dialog}", {"title": "another title-canary"})
    await world.host("POST", f"/dialogs/{dialog}/participants", {"user_id": "new"})
    await world.person("member").data("POST", f"/dialogs/{dialog}/leave")
    await world.host("DELETE", f"/dialogs/{dialog}")

    for ear in ears:
        assert await ear.heard() == []


async def test_no_log_line_holds_what_people_wrote_or_their_tokens_g20(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    tokens = [scene.asker(actor).token for actor in (*INSIDERS, *OTHERS)]

    with capture_logs() as lines:
        await scene.world.listen("member")
        for address, asked in CASES.values():
            for actor in ("nobody", "expired", "outsider", "admitted", "member"):
                await scene.ask(actor, address, asked)
        body = {"object_type": "text-canary", "object_id": 7, "participants": []}
        await scene.world.host("POST", "/dialogs", body)
        for path in ("/dialogs?cursor=text-canary", "/dialogs/mail-canary@example.com"):
            await scene.asker("member")("GET", path)

    # The client of these tests logs what it asks; the service must not.
    others = [record.getMessage() for record in caplog.records if not record.name.startswith("http")]
    logged = "\n".join(map(repr, [*lines, *others]))
    assert "/api/v1/dialogs/{dialog_id" in logged
    assert not sung(logged)
    assert not [secret for secret in (*tokens, ADMIN, "eyJ") if secret in logged]


@pytest.mark.parametrize("address", sorted(routes(MANAGEMENT)))
async def test_the_hosts_door_opens_for_the_admin_token_alone_b28_g2(scene: Scene, address: str) -> None:
    world = scene.world
    before = await world.everything()
    verb, path = address.split(" ")
    path = path.replace("{dialog_id}", scene.dialog).replace("{participant_id}", "member")

    for bearer, status, code in (
        (None, 401, "UNAUTHORIZED"),
        (scene.asker("member").token, 403, "FORBIDDEN"),
        (f"{ADMIN}x", 403, "FORBIDDEN"),
        ("", 403, "FORBIDDEN"),
    ):
        headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
        answer = await world.client.request(verb, f"{MANAGEMENT}{path}", headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
        assert not sung(answer.text)
    assert await world.everything() == before


@pytest.mark.parametrize("address", sorted(MATRIX))
async def test_the_admin_token_is_nobody_at_a_persons_door(scene: Scene, address: str) -> None:
    verb, path = address.split(" ")
    path = path.replace("{dialog_id}", scene.dialog)

    answer = await scene.world.client.request(
        verb, f"{PERSON}{path}", headers={"Authorization": f"Bearer {ADMIN}"}
    )

    assert (answer.status_code, answer.json()["error"]["code"]) == ANONYMOUS


def test_every_address_of_a_persons_door_is_in_the_matrix_g8() -> None:
    assert {address for address in routes(PERSON) if not address.split(" ")[1].startswith("/management/")} == set(
        MATRIX
    )
