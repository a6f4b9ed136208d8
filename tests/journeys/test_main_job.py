"""The main job: people talk about an order, on a service that keeps what they said."""

from pathlib import Path

from tests.asking import OTHER_SCOPES, SCOPES
from tests.journeys.service import Service, listening, people


async def test_people_talk_about_an_order_and_all_is_there_after_a_restart(tmp_path: Path) -> None:
    arguments = ("serve", "--data", str(tmp_path / "data"))
    log = tmp_path / "service.log"

    with Service(*arguments, log=log) as service:
        dialog, said = await _the_conversation(service.url)

    with Service(*arguments, log=log) as service:
        await _all_is_still_there(service.url, dialog, said)

    logged = log.read_text()
    assert "deliver" not in logged
    assert "eyJ" not in logged


async def _the_conversation(url: str) -> tuple[str, str]:
    async with people(url) as make:
        host, ana, bo = await make(), await make("ana", SCOPES), await make("bo", SCOPES)
        cy, eve = await make("cy", SCOPES), await make("eve", OTHER_SCOPES)

        created = await host.data(
            "POST",
            "/dialogs",
            {
                "object_type": "order",
                "object_id": "4711",
                "title": "Order 4711",
                "participants": [
                    {"user_id": "ana", "display_name": "Ana", "company": "Nordwind"},
                    {"user_id": "bo", "display_name": "Bo"},
                ],
                "access_scopes": [{"scope_level0": ["nordwind"]}],
            },
        )
        dialog = created["id"]
        messages = f"/dialogs/{dialog}/messages"

        async with (
            listening(url, ana.token) as phone,
            listening(url, ana.token) as laptop,
            listening(url, eve.token) as outside,
        ):
            question = await ana.data("POST", messages, {"content": "Can you deliver on <b>Friday</b>?"})
            answer = await bo.data("POST", messages, {"content": "Thursday & Monday", "reply_to": question["id"]})

            for device in (phone, laptop):
                assert (await device.next("message.new"))["id"] == question["id"]
                heard = await device.next("message.new")
                assert heard["content"] == "Thursday &amp; Monday"
                assert heard["payload"]["message"]["reply_to_id"] == question["id"]

            [listed] = await ana.data("GET", "/dialogs")
            assert listed["unread_count"] == 1
            assert listed["last_message"]["sender_name"] == "Bo"
            assert (await ana.data("GET", "/unread")) == {"unread_count": 1, "dialogs_count": 1}
            await ana.data("POST", f"/dialogs/{dialog}/read", {"last_read_message_id": answer["id"]})
            assert (await laptop.next("message.read"))["user_id"] == "ana"
            assert (await ana.data("GET", "/unread"))["unread_count"] == 0

            [found] = await cy.data("GET", "/dialogs?type=available")
            assert found["id"] == dialog
            assert "last_message" not in found
            assert (await cy("GET", messages)).status_code == 403
            await cy.data("POST", f"/dialogs/{dialog}/join", {"display_name": "Cy", "company": "Nordwind"})
            assert (await laptop.next("participant.joined"))["user_id"] == "cy"
            assert (await cy.data("GET", "/unread"))["unread_count"] == 3

            edited = await bo.data("PUT", f"{messages}/{answer['id']}", {"content": "Thursday"})
            assert edited["content"] == "Thursday"
            assert (await phone.next("message.edited"))["content"] == "Thursday"
            slip = await bo.data("POST", messages, {"content": "wrong window"})
            assert (await bo("DELETE", f"{messages}/{slip['id']}")).status_code == 204
            assert (await phone.next("message.deleted"))["id"] == slip["id"]
            assert (await ana.data("GET", "/unread"))["unread_count"] == 0
            await bo.data("POST", f"/dialogs/{dialog}/pin")

            assert await outside.heard() == []
            assert await eve.data("GET", "/dialogs") == []
            assert await eve.data("GET", "/dialogs/by-object/order/4711") is None
            for verb, path, body in (
                ("GET", messages, None),
                ("POST", messages, {"content": "let me in"}),
                ("GET", f"/dialogs/{dialog}", None),
                ("GET", f"/dialogs/{dialog}/participants", None),
                ("POST", f"/dialogs/{dialog}/join", {"display_name": "Eve", "company": ""}),
                ("POST", f"/dialogs/{dialog}/read", {"last_read_message_id": answer["id"]}),
            ):
                refused = await eve(verb, path, body)
                assert refused.status_code == 403, (verb, path)
                assert refused.json()["error"]["message"].startswith("Forbidden")
        return dialog, answer["id"]


async def _all_is_still_there(url: str, dialog: str, said: str) -> None:
    async with people(url) as make:
        ana, bo = await make("ana", SCOPES), await make("bo", SCOPES)
        page = await ana.data("GET", f"/dialogs/{dialog}/messages")
        assert [message["seq"] for message in page["messages"]] == [1, 2, 3, 4]
        history = await ana.data("GET", f"/dialogs/{dialog}/messages/{said}/history")
        assert [edit["content"] for edit in history] == ["Thursday &amp; Monday"]
        [pinned] = await bo.data("GET", "/dialogs")
        assert pinned["is_pinned"]
        assert [person["user_id"] for person in pinned["participants"]] == ["ana", "bo", "cy"]
        await bo.data("POST", f"/dialogs/{dialog}/messages", {"content": "Still here."})
        assert (await ana.data("GET", "/unread"))["unread_count"] == 1
