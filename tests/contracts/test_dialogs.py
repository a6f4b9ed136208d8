"""Dialogs inside a transaction, and the directory the host looks them up in."""

from datetime import timedelta
from typing import cast

import pytest

from mtchat_core.chat import Ports
from mtchat_core.domain.dialogs import About, Dialog, Json, ObjectRef, Tally
from mtchat_core.domain.ids import DialogId
from mtchat_core.domain.messages import Window
from mtchat_core.domain.scopes import AccessScope
from mtchat_core.ports.dialogs import Place
from tests.builders import (
    ANN,
    BO,
    CY,
    PLANNERS,
    QUOTE,
    SECOND,
    START,
    a_dialog,
    a_dialog_id,
    a_participant,
    a_profile,
    an_outgoing,
    announce,
    kept,
    locked,
    open_dialog,
    participant,
    say,
)

METAS: list[Json] = [
    None,
    True,
    False,
    0,
    1,
    1.5,
    -(2**53),
    "",
    "текст 'и' \"кавычки\" \\ 🙂",
    [],
    {},
    [1, None, ["x"]],
    {"prio": 2, "nested": {"deep": [True, {"a": "b"}]}, "ключ": None},
]


async def details_of(ports: Ports, dialog: DialogId) -> Dialog:
    details = await ports.directory.details(dialog)
    assert details is not None
    return details.dialog


async def test_a_dialog_is_kept_as_it_was_given(ports: Ports) -> None:
    dialog = a_dialog(object_url="https://erp.example/rfq/88", meta={"prio": 2})

    async with ports.units.begin() as tx:
        await tx.dialogs.add(dialog)

    assert await details_of(ports, dialog.id) == dialog
    async with ports.units.begin() as tx:
        assert await tx.dialogs.lock(dialog.id) == dialog


async def test_a_dialog_may_say_nothing_about_itself(ports: Ports) -> None:
    dialog = a_dialog(title=None, by=None)

    async with ports.units.begin() as tx:
        await tx.dialogs.add(dialog)

    assert await details_of(ports, dialog.id) == dialog


async def test_an_unknown_dialog_cannot_be_locked(ports: Ports) -> None:
    async with ports.units.begin() as tx:
        assert await tx.dialogs.lock(a_dialog_id()) is None


async def test_a_new_dialog_starts_counting_at_zero(ports: Ports) -> None:
    dialog = await open_dialog(ports)

    assert (await details_of(ports, dialog)).tally == Tally()


async def test_the_tally_follows_what_is_said(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)

    await announce(ports, dialog)
    [message] = await say(ports, dialog, "hello")

    tally = (await details_of(ports, dialog)).tally
    assert tally == Tally(
        last_seq=2,
        event_seq=1,
        user_messages=1,
        system_messages=1,
        last_message_id=message.id,
        last_message_at=message.sent_at,
    )
    async with ports.units.begin() as tx:
        locked_dialog = await tx.dialogs.lock(dialog)
    assert locked_dialog is not None
    assert locked_dialog.tally == tally


@pytest.mark.parametrize("meta", METAS, ids=repr)
async def test_meta_comes_back_exactly(ports: Ports, meta: Json) -> None:
    added = a_dialog(meta=meta)
    changed = await open_dialog(ports)

    async with ports.units.begin() as tx:
        await tx.dialogs.add(added)
    async with locked(ports, changed) as tx:
        found = await tx.dialogs.lock(changed)
        assert found is not None
        await tx.dialogs.describe(found.described(About(meta=meta)))

    for dialog in (added.id, changed):
        back = (await details_of(ports, dialog)).about.meta
        assert back == meta
        assert type(back) is type(meta)


async def test_describing_changes_what_it_is_about_and_nothing_else(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    await say(ports, dialog, "hello")
    before = await details_of(ports, dialog)
    about = About('It\'s 100% \\ "new"', "https://erp.example/?q=%20", {"a": [1]})

    async with locked(ports, dialog) as tx:
        await tx.dialogs.describe(before.described(about))

    assert await details_of(ports, dialog) == before.described(about)


async def test_scopes_are_replaced_as_a_whole(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, scopes=[PLANNERS])
    first = kept(AccessScope((["a", "b"], [], ["x"])), AccessScope(([], [], [])), at=START + SECOND)
    tenant = kept(AccessScope((["Ünïcode {\"',}\\ NULL", "null", ""], [], []), tenant_uid="t"))

    for wanted in (first, tenant, ()):
        async with locked(ports, dialog) as tx:
            await tx.dialogs.set_scopes(dialog, wanted)
            assert set(await tx.dialogs.scopes(dialog)) == {one.scope for one in wanted}

        details = await ports.directory.details(dialog)
        assert details is not None
        assert {(one.id, one.scope, one.scope.tenant_uid, one.created_at) for one in details.scopes} == {
            (one.id, one.scope, one.scope.tenant_uid, one.created_at) for one in wanted
        }
        assert len(details.scopes) == len(wanted)
    assert (await participant(ports, dialog, ANN)).user_id == ANN


async def test_a_scope_list_may_repeat_itself(ports: Ports) -> None:
    dialog = await open_dialog(ports, scopes=[PLANNERS, PLANNERS])

    async with locked(ports, dialog) as tx:
        assert await tx.dialogs.scopes(dialog) == (PLANNERS, PLANNERS)


async def test_a_deleted_dialog_takes_everything_below_it_along(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO, scopes=[PLANNERS])
    other = await open_dialog(ports, ANN)
    [message] = await say(ports, dialog, "hello", by=BO)
    sent = await ports.log.append(an_outgoing(dialog, by=BO, reply_to=message.id, key="key"))

    async with locked(ports, dialog) as tx:
        await tx.dialogs.delete(dialog)

    assert await ports.directory.details(dialog) is None
    assert await ports.directory.access(dialog, ANN) is None
    assert await ports.directory.find(QUOTE, [PLANNERS]) is None
    assert [found.id for found in await every(ports)] == [other]
    assert await ports.inbox.entry(ANN, None, dialog) is None
    assert await ports.inbox.people(ANN, None, dialog) is None
    assert [one for one, _ in await ports.inbox.dialogs_of(ANN)] == [other]
    assert await ports.transcript.page(dialog, ANN, Window()) is None
    assert (await ports.receipts.unread(ANN)).messages == 0
    log = await ports.events.of_dialog(dialog, after=0, limit=10)
    assert [entry.seq for entry in log] == [1, 2]
    assert sent.message.content not in repr(log)
    async with ports.units.begin() as tx:
        assert await tx.dialogs.lock(dialog) is None


async def test_details_show_people_by_their_coming_and_then_by_id(ports: Ports) -> None:
    late = a_participant(by=ANN, at=START + SECOND)
    twin = a_participant(by=CY, at=START, profile=a_profile("Cy", "Borealis"), is_archived=True)
    dialog = await open_dialog(ports, late, twin, BO, scopes=[PLANNERS])

    details = await ports.directory.details(dialog)

    assert details is not None
    assert [person.user_id for person in details.participants] == [BO, CY, ANN]
    assert details.participants[1] == await participant(ports, dialog, CY)
    assert await ports.directory.details(a_dialog_id()) is None


SCOPES = AccessScope((["a", "b"], [], ["x"]))
OTHERS = AccessScope((["c"], [], []))


@pytest.mark.parametrize(
    ("wanted", "is_found"),
    [
        ([SCOPES, OTHERS], True),
        ([OTHERS, AccessScope((["b", "a", "a"], [], ["x"]))], True),
        ([OTHERS, SCOPES, SCOPES], False),
        ([SCOPES], False),
        ([SCOPES, AccessScope((["c"], [], ["x"]))], False),
        ([SCOPES, AccessScope((["C"], [], []))], False),
        ([SCOPES, SCOPES], False),
        ([], False),
    ],
)
async def test_a_dialog_is_found_by_exactly_its_scopes(
    ports: Ports, wanted: list[AccessScope], is_found: bool
) -> None:
    dialog = await open_dialog(ports, scopes=[SCOPES, OTHERS])

    found = await ports.directory.find(QUOTE, wanted)

    assert (found is not None and found.id == dialog) == is_found
    assert is_found or found is None


async def test_no_scopes_find_only_a_dialog_without_scopes(ports: Ports) -> None:
    open_to_all = await open_dialog(ports, scopes=[AccessScope(([], [], []))])
    without = await open_dialog(ports)

    found = await ports.directory.find(QUOTE, [])
    welcoming = await ports.directory.find(QUOTE, [AccessScope(([], [], []))])

    assert found is not None
    assert found.id == without
    assert welcoming is not None
    assert welcoming.id == open_to_all


async def test_the_newest_of_several_dialogs_is_found(ports: Ports) -> None:
    await open_dialog(ports, scopes=[SCOPES], at=START)
    newest = await open_dialog(ports, scopes=[SCOPES], at=START + 2 * SECOND)
    await open_dialog(ports, scopes=[SCOPES], at=START + SECOND)
    await open_dialog(ports, scopes=[OTHERS], at=START + 3 * SECOND)

    found = await ports.directory.find(QUOTE, [SCOPES])

    assert found is not None
    assert found.id == newest


@pytest.mark.parametrize(
    "about",
    [
        ObjectRef("quote", "rfq-88"),
        ObjectRef("Quote", "RFQ-88"),
        ObjectRef("quote", "RFQ-88 "),
        ObjectRef("RFQ-88", "quote"),
        ObjectRef("quote", "RFQ-%"),
    ],
)
async def test_objects_are_compared_exactly(ports: Ports, about: ObjectRef) -> None:
    await open_dialog(ports, about=QUOTE)

    assert await ports.directory.find(about, []) is None


async def test_composed_and_decomposed_letters_are_different_objects_b53(ports: Ports) -> None:
    composed, decomposed = ObjectRef("quote", "\u0439"), ObjectRef("quote", "\u0438\u0306")
    one, other = await open_dialog(ports, about=composed), await open_dialog(ports, about=decomposed)

    assert cast(Dialog, await ports.directory.find(composed, [])).id == one
    assert cast(Dialog, await ports.directory.find(decomposed, [])).id == other


async def every(
    ports: Ports, *, object_type: str | None = None, object_id: str | None = None, limit: int = 100
) -> tuple[Dialog, ...]:
    return await ports.directory.page(object_type=object_type, object_id=object_id, limit=limit, after=None)


async def test_the_host_lists_dialogs_newest_first(ports: Ports) -> None:
    opened = [await open_dialog(ports, at=START + n * timedelta(hours=1)) for n in (1, 3, 2)]

    found = await every(ports)

    assert [dialog.id for dialog in found] == [opened[1], opened[2], opened[0]]
    assert found[0] == await details_of(ports, opened[1])
    assert await every(ports, limit=1) == found[:1]


async def test_the_host_narrows_the_list_by_type_and_id(ports: Ports) -> None:
    quote = await open_dialog(ports, about=ObjectRef("quote", "1"))
    order = await open_dialog(ports, about=ObjectRef("order", "1"))
    another = await open_dialog(ports, about=ObjectRef("order", "2"))

    assert {dialog.id for dialog in await every(ports, object_type="order")} == {order, another}
    assert {dialog.id for dialog in await every(ports, object_id="1")} == {quote, order}
    assert [dialog.id for dialog in await every(ports, object_type="order", object_id="1")] == [order]
    assert await every(ports, object_type="Order") == ()


async def test_pages_of_the_list_join_without_a_seam(ports: Ports) -> None:
    for n in (0, 1, 1, 1, 2, 2, 3):
        await open_dialog(ports, at=START + n * SECOND)
    whole = await every(ports)

    pages: list[Dialog] = []
    place: Place | None = None
    while page := await ports.directory.page(object_type="quote", object_id=None, limit=2, after=place):
        assert len(page) <= 2
        pages.extend(page)
        place = Place(page[-1].created_at, page[-1].id)

    assert tuple(pages) == whole
    assert [(one.created_at, one.id) for one in whole] == sorted(
        ((one.created_at, one.id) for one in whole), reverse=True
    )


async def test_access_tells_who_is_in_and_whom_the_scopes_admit(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, scopes=[PLANNERS])
    bare = await open_dialog(ports, ANN)

    assert await ports.directory.access(dialog, ANN) == (True, (PLANNERS,))
    assert await ports.directory.access(dialog, BO) == (False, (PLANNERS,))
    assert await ports.directory.access(bare, ANN) == (True, ())
    assert await ports.directory.access(a_dialog_id(), ANN) is None
