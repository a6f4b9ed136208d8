"""What monitoring is told, and what it is not."""

import re

from tests.asking import ADMIN
from tests.http.world import World


async def told(world: World) -> str:
    answer = await world.client.get("/metrics", headers={"Authorization": f"Bearer {ADMIN}"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return answer.text


def value(text: str, series: str) -> float:
    found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


async def test_requests_are_counted_by_route_and_nobody_is_named(world: World) -> None:
    sends = 'method="POST",route="/api/v1/dialogs/{dialog_id}/messages",status="200"'
    dialog = await world.dialog("ann")
    before = value(await told(world), f"mtchat_request_seconds_count{{{sends}}}")

    for _ in range(3):
        await world.say("ann", dialog, "a-canary")
    text = await told(world)

    assert value(text, f"mtchat_request_seconds_count{{{sends}}}") - before == 3
    assert value(text, "mtchat_ready") == 1
    assert dialog not in text
    assert "canary" not in text


async def test_made_up_addresses_and_methods_make_no_new_series(world: World) -> None:
    made_up = 'mtchat_request_seconds_count{method="none",route="none",status="404"}'
    before = value(await told(world), made_up)

    for number in range(5):
        await world.client.request(f"METHOD{number}", f"/nowhere/{number}")
    text = await told(world)

    assert "nowhere" not in text
    assert "METHOD" not in text
    assert value(text, made_up) - before == 5


async def test_what_waits_is_counted(world: World) -> None:
    await world.host.data("POST", "/webhooks", {"name": "erp", "url": "https://erp.example/hook"})
    dialog = await world.dialog("ann", "bo")

    await world.say("ann", dialog, "to be told, and to be reminded of")
    text = await told(world)

    assert value(text, 'mtchat_reminders{sort="waiting"}') == 1
    assert value(text, 'mtchat_reminders{sort="late"}') == 0
    for state in ("pending", "dead"):
        assert f'\nmtchat_webhook_deliveries{{endpoint="erp",state="{state}"}} 0.0\n' in text
    assert "\nmtchat_log_lag_seconds 0.0\n" in text


async def test_an_open_socket_is_counted(world: World) -> None:
    before = value(await told(world), "mtchat_sockets")
    await world.listen("ann")

    assert value(await told(world), "mtchat_sockets") == before + 1


async def test_metrics_need_the_admin_token(world: World) -> None:
    without = await world.client.get("/metrics")
    wrong = await world.client.get("/metrics", headers={"Authorization": "Bearer wrong"})

    assert (without.status_code, wrong.status_code) == (401, 403)
    assert "mtchat_" not in without.text + wrong.text
