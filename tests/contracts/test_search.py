"""Finding what was said."""

import itertools

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtchat_core.chat import Ports
from mtchat_core.domain.dialogs import ObjectRef
from mtchat_core.domain.ids import DialogId, MessageId, UserId
from mtchat_core.domain.messages import Direction, Edit, Window
from mtchat_core.domain.scopes import UserScope
from mtchat_core.domain.search import Found, Hit, Match, Search, Snippet, search_text
from tests.builders import (
    A_PLANNER,
    A_STRANGER,
    ANN,
    BO,
    CY,
    PLANNERS,
    START,
    a_dialog_id,
    an_outgoing,
    announce,
    locked,
    open_dialog,
    remove_person,
    say,
)


async def search(
    ports: Ports,
    wanted: str,
    *,
    reader: UserId = ANN,
    scopes: UserScope | None = None,
    dialog: DialogId | None = None,
    limit: int = 20,
    upto: MessageId | None = None,
) -> Found:
    found = await ports.search.find(reader, scopes, Search(wanted, dialog=dialog, limit=limit, upto=upto))
    assert found is not None
    return found


async def found(ports: Ports, wanted: str, *, reader: UserId = ANN) -> list[str]:
    return [hit.snippet.text for hit in (await search(ports, wanted, reader=reader)).hits]


async def everything(
    ports: Ports, wanted: str, *, limit: int, reader: UserId = ANN, dialog: DialogId | None = None
) -> list[MessageId]:
    """Return every hit, page by page."""
    hits: list[MessageId] = []
    upto: MessageId | None = None
    for _ in range(1_000):
        page = await search(ports, wanted, reader=reader, dialog=dialog, limit=limit, upto=upto)
        assert len(page.hits) <= limit
        hits += [hit.message_id for hit in page.hits]
        if page.upto is None:
            return hits
        assert upto is None or page.upto < upto
        upto = page.upto
    raise AssertionError("the pages never end")


async def finds_every_hit_once(ports: Ports, talk: list[tuple[int, str]], limit: int) -> None:
    """Let people talk in four dialogs, of which the reader is in three, and compare with the rule."""
    reader = UserId(f"reader of {a_dialog_id()}")
    dialogs = [await open_dialog(ports, ANN, *([reader] if n else [])) for n in range(4)]
    said = [(n, (await ports.log.append(an_outgoing(dialogs[n], content=what))).message) for n, what in talk]
    for place in (None, 1):
        expected = [
            message.id
            for n, message in reversed(said)
            if "yes" in search_text(message.content) and (n > 0 if place is None else n == place)
        ]

        dialog = None if place is None else dialogs[place]
        assert await everything(ports, "yes", limit=limit, reader=reader, dialog=dialog) == expected


# What a hit shows


async def test_a_hit_says_who_said_what_where_and_leads_there(ports: Ports) -> None:
    about = ObjectRef("order", "4711")
    dialog = await open_dialog(ports, ANN, BO, about=about, title="Order 4711")
    await say(ports, dialog, "1", "2")
    [message] = await say(ports, dialog, "<p>Hello <b>wor</b>ld</p>", by=BO)
    await say(ports, dialog, "3")

    [hit] = (await search(ports, "WORLD")).hits

    assert hit == Hit(
        dialog_id=dialog,
        message_id=message.id,
        seq=3,
        sender_id=BO,
        sender_name="Bo",
        sent_at=message.sent_at,
        snippet=Snippet("Hello world", (Match(6, 5),)),
        title="Order 4711",
        object=about,
    )
    page = await ports.transcript.page(hit.dialog_id, ANN, Window(Direction.AROUND, hit.message_id, 3))
    assert page is not None
    assert [shown.content for shown in page.messages] == ["2", message.content, "3"]


async def test_the_name_of_somebody_who_left_stays_with_what_they_said(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    await say(ports, dialog, "bye", by=BO)
    await remove_person(ports, dialog, BO)

    [hit] = (await search(ports, "bye")).hits

    assert (hit.sender_id, hit.sender_name) == (BO, "Bo")


# What is found


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("<p>he<b>ll</b>o</p>", "hello"),
        ("<p>one</p><p>two</p>", "one two"),
        ("a&amp;b", "a&b"),
        ("1 &lt; 2", "1 < 2"),
        ("ПРИВЕТ, мир", "привет"),
        ("привет, мир", "ПРИВЕТ"),
        ("Ёлка", "елка"),
        ("Straße", "straße"),
        ("ΣΟΦΟΣ", "σοφος"),
        ("水は美しい", "水"),
        ("e\u0301te\u0301", "\u00e9t\u00e9"),
        ("🙂 smile", "🙂"),
        ("x", "x"),
        ("a  \n b", "A B"),
    ],
)
async def test_a_part_is_found_in_what_shows_whatever_the_case(ports: Ports, content: str, wanted: str) -> None:
    dialog = await open_dialog(ports, ANN)
    await say(ports, dialog, content, "something else")

    [hit] = (await search(ports, wanted)).hits

    assert len(hit.snippet.matches) == 1


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("<p><strong>bold</strong></p>", "strong"),
        ('<a href="https://example.com/" rel="noopener noreferrer">here</a>', "example"),
        ("a&amp;b", "amp"),
        ("one<br>two", "onetwo"),
        ("hello", "help"),
    ],
)
async def test_markup_is_not_found(ports: Ports, content: str, wanted: str) -> None:
    dialog = await open_dialog(ports, ANN)
    await say(ports, dialog, content)

    assert await found(ports, wanted) == []


@pytest.mark.parametrize("sign", ["%", "_", "\\", "'", '"', "\\%", "a%b", "--", ";", "$1", ":x", "*", ".", "[["])
async def test_signs_stand_for_themselves_b51(ports: Ports, sign: str) -> None:
    dialog = await open_dialog(ports, ANN)
    await say(ports, dialog, "plain axb \\ab", f"with {sign} in it", "nothing")

    hits = await found(ports, f"h {sign} i")

    assert hits == [f"with {sign} in it"]


async def test_what_the_system_says_is_not_found(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    await announce(ports, dialog, '{"event":"notice","text":"hello"}')

    assert await found(ports, "hello") == []


async def test_an_edited_message_is_found_by_its_new_wording_alone(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    [message] = await say(ports, dialog, "before")
    async with locked(ports, dialog) as tx:
        edited = message.edited("<b>aft</b>er", at=START)
        await tx.messages.edit(edited, previous=Edit("before", START))

    assert await found(ports, "before") == []
    assert await found(ports, "after") == ["after"]


async def test_a_deleted_message_is_not_found(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    [message] = await say(ports, dialog, "gone")
    async with locked(ports, dialog) as tx:
        await tx.messages.delete(message)

    assert await found(ports, "gone") == []


async def test_archived_dialogs_are_searched_too(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    await say(ports, dialog, "hello")
    async with locked(ports, dialog) as tx:
        me = await tx.participants.get(dialog, ANN)
        assert me is not None
        await tx.participants.save(evolve(me, is_archived=True))

    assert await found(ports, "hello") == ["hello"]


# Whose text it is


async def test_only_dialogs_one_is_in_are_searched_g8(ports: Ports) -> None:
    shared = await open_dialog(ports, ANN, BO)
    foreign = await open_dialog(ports, BO, scopes=[PLANNERS])
    left = await open_dialog(ports, ANN, BO)
    for dialog in (shared, foreign, left):
        await say(ports, dialog, "secret", by=BO)
    await remove_person(ports, left, ANN)

    for scopes in (None, A_PLANNER):
        assert [hit.dialog_id for hit in (await search(ports, "secret", scopes=scopes)).hits] == [shared]
    assert await search(ports, "secret", reader=CY, scopes=A_PLANNER) == Found(())


async def test_one_dialog_is_searched_by_its_participants_alone_g8(ports: Ports) -> None:
    dialog, other = await open_dialog(ports, ANN), await open_dialog(ports, ANN, BO)
    await say(ports, dialog, "hello")
    await say(ports, other, "hello")

    assert [hit.dialog_id for hit in (await search(ports, "hello", dialog=dialog)).hits] == [dialog]
    for reader, place in ((BO, dialog), (ANN, a_dialog_id())):
        assert await ports.search.find(reader, A_PLANNER, Search("hello", dialog=place)) is None


async def test_a_dialog_without_messages_is_searched_in_vain(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)

    assert await search(ports, "hello", dialog=dialog) == Found(())
    assert await search(ports, "hello") == Found(())


async def test_what_scopes_hide_from_lists_is_found_only_by_name_of_the_dialog(ports: Ports) -> None:
    narrow = await open_dialog(ports, ANN, scopes=[PLANNERS])
    wide = await open_dialog(ports, ANN)
    for dialog in (narrow, wide):
        await say(ports, dialog, "hello")

    async def seen(scopes: UserScope | None, dialog: DialogId | None = None) -> set[DialogId]:
        return {hit.dialog_id for hit in (await search(ports, "hello", scopes=scopes, dialog=dialog)).hits}

    assert await seen(None) == await seen(A_PLANNER) == {narrow, wide}
    assert await seen(A_STRANGER) == {wide}
    assert await seen(A_STRANGER, narrow) == {narrow}


# Pages


async def test_hits_come_newest_first_and_page_by_page(ports: Ports) -> None:
    first, second = await open_dialog(ports, ANN), await open_dialog(ports, ANN)
    said = [
        (await say(ports, dialog, content))[0].id
        for dialog, content in zip(
            itertools.cycle([first, second]), ["yes 1", "yes 2", "no", "yes 3", "yes 4"], strict=False
        )
    ]
    expected = [said[n] for n in (4, 3, 1, 0)]

    page = await search(ports, "yes", limit=3)
    rest = await search(ports, "yes", limit=3, upto=page.upto)

    assert [hit.message_id for hit in (*page.hits, *rest.hits)] == expected
    assert (len(page.hits), rest.upto) == (3, None)
    assert (await search(ports, "yes", limit=4)).upto is None


async def test_a_hit_deleted_between_two_pages_takes_nobody_with_it(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    said = await say(ports, dialog, "1 yes", "2 yes", "3 yes")
    page = await search(ports, "yes", limit=1)
    async with locked(ports, dialog) as tx:
        await tx.messages.delete(said[1])

    rest = await search(ports, "yes", upto=page.upto)

    assert [hit.message_id for hit in rest.hits] == [said[0].id]


TALKS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["yes", "no", "yes and no"])), max_size=30)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(talk=TALKS, limit=st.integers(1, 5))
async def test_going_on_finds_every_hit_once(ports: Ports, talk: list[tuple[int, str]], limit: int) -> None:
    await finds_every_hit_once(ports, talk, limit)
