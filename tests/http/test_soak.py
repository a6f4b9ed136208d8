"""People come and go: what the service remembers of them in memory goes with them."""

from collections.abc import Collection, Mapping

from tests.http.world import World

WARM_UP, CHURN = 5, 40


def remembered(*things: object) -> dict[str, int]:
    """Count what the collections of *things* hold, those within them included."""
    return {
        f"{type(thing).__name__}{name}": _weight(value)
        for thing in things
        for name, value in vars(thing).items()
        if isinstance(value, Collection)
    }


def _weight(value: object) -> int:
    if not isinstance(value, Collection) or isinstance(value, str | bytes):
        return 0
    within = value.values() if isinstance(value, Mapping) else value
    return len(value) + sum(map(_weight, within))


async def visit(world: World, dialog: str, number: int) -> None:
    """Have somebody new come in, look around, listen, talk and go for good."""
    user = f"visitor-{number}"
    person = world.person(user)
    await world.host.data("POST", f"/dialogs/{dialog}/participants/batch", {"participants": [user]})
    ear = await world.listen(user)
    await person.data("GET", "/dialogs")
    message = await world.say(user, dialog)
    await person.data("POST", f"/dialogs/{dialog}/read", {"last_read_message_id": message["id"]})
    assert (await person("DELETE", f"/dialogs/{dialog}/messages/{message['id']}")).status_code == 204
    await world.host("DELETE", f"/dialogs/{dialog}/participants/{user}")
    await ear.close()


async def test_visitors_leave_nothing_behind_in_memory_f36(world: World) -> None:
    dialog = await world.dialog("ana")
    phone = await world.listen("ana")
    things = (world.chat.realtime, world.app.state.sockets, world.chat.presence.tracker)
    for number in range(WARM_UP):
        await visit(world, dialog, number)
    await phone.heard()
    before = remembered(*things)

    for number in range(WARM_UP, WARM_UP + CHURN):
        await visit(world, dialog, number)
        await phone.heard()

    assert sum(before.values()) > 0
    assert remembered(*things) == before
