"""Dialog lists as one person sees them."""

import itertools
from collections.abc import Iterable, Sequence
from datetime import timedelta

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtchat_core.chat import Ports
from mtchat_core.domain.dialogs import ObjectRef
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.domain.inbox import Entry, Listing, Position, Preview, Query, Standing, Summary, matches
from mtchat_core.domain.messages import MessageType
from mtchat_core.domain.participants import Profile
from mtchat_core.domain.receipts import ReadMark
from mtchat_core.domain.scopes import AccessScope, UserScope, any_admits, hides_from_lists
from tests.builders import (
    A_PLANNER,
    A_STRANGER,
    ANN,
    BO,
    CY,
    DI,
    PLANNERS,
    QUOTE,
    SECOND,
    START,
    a_dialog,
    a_dialog_id,
    a_participant,
    a_profile,
    an_upload,
    announce,
    entry_of,
    locked,
    open_dialog,
    remove_person,
    say,
    send_files,
)

WELCOME = AccessScope(([], [], []))
NOTHING_HELD = UserScope(([], [], []))
EVERYTHING = Query()


def ids(entries: Iterable[Entry]) -> list[DialogId]:
    return [entry.dialog.id for entry in entries]


async def mine(
    ports: Ports, reader: UserId = ANN, *, scopes: UserScope | None = None, query: Query = EVERYTHING
) -> list[DialogId]:
    return ids(await ports.inbox.participating(reader, scopes, query))


# What an entry shows


async def test_an_entry_shows_the_dialog_its_people_its_newest_message_and_ones_own_view(ports: Ports) -> None:
    late = a_participant(by=ANN, at=START + SECOND, is_pinned=True, notifications_enabled=False)
    bo = a_participant(by=BO, profile=a_profile("Bo", "Borealis"), is_archived=True)
    dialog = await open_dialog(ports, late, bo, CY, scopes=[PLANNERS])
    [read] = await say(ports, dialog, "1")
    [newest] = await say(ports, dialog, "<p>2</p>", by=BO)
    details = await ports.directory.details(dialog)
    assert details is not None

    [entry] = await ports.inbox.participating(ANN, A_PLANNER, Query())

    assert entry == Entry(
        dialog=details.dialog,
        standing=Standing(
            unread_count=1,
            is_archived=False,
            is_pinned=True,
            notifications_enabled=False,
            last_read_message_id=read.id,
        ),
        admitted=True,
        participants=(Summary(BO, "Bo", "Borealis"), Summary(CY, "Cy", None), Summary(ANN, "Ann", None)),
        last_message=Preview(newest.id, "<p>2</p>", BO, "Bo", newest.sent_at, MessageType.USER),
    )
    assert entry.dialog.active_at == newest.sent_at
    assert not entry.can_join


async def test_every_way_to_an_entry_shows_the_same(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO, scopes=[PLANNERS])
    await say(ports, dialog, "hello")

    for reader in (ANN, CY):
        one = await ports.inbox.entry(reader, A_PLANNER, dialog)
        assert one is not None
        assert await ports.inbox.newest_of(reader, A_PLANNER, QUOTE) == one
        assert await ports.inbox.of_object(reader, A_PLANNER, QUOTE, None, Query()) == (one,)
    assert await ports.inbox.participating(ANN, A_PLANNER, Query()) == (
        await entry_of(ports, ANN, dialog, A_PLANNER),
    )
    assert await ports.inbox.available(CY, A_PLANNER, Query()) == (await entry_of(ports, CY, dialog, A_PLANNER),)


async def test_who_has_not_joined_sees_the_people_but_no_text_g8(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, scopes=[PLANNERS])
    await say(ports, dialog, "secret")
    await announce(ports, dialog)

    seen = [
        await entry_of(ports, BO, dialog),
        await entry_of(ports, BO, dialog, A_PLANNER),
        *await ports.inbox.available(BO, A_PLANNER, Query()),
        *await ports.inbox.of_object(BO, A_PLANNER, QUOTE, None, Query()),
    ]

    assert len(seen) == 4
    assert [entry.can_join for entry in seen] == [False, True, True, True]
    for entry in seen:
        assert entry.last_message is None
        assert entry.standing is None
        assert entry.participants == (Summary(ANN, "Ann", None),)
        assert entry.dialog.tally.last_message_at is not None


async def test_a_message_of_the_system_can_be_the_newest(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    await say(ports, dialog, "hello")
    system = await announce(ports, dialog, "{}")

    entry = await entry_of(ports, ANN, dialog)

    assert entry.last_message == Preview(system.id, "{}", None, None, system.sent_at, MessageType.SYSTEM)


async def test_a_preview_counts_the_files_of_the_newest_message(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    await send_files(ports, dialog, an_upload(dialog), an_upload(dialog))

    preview = (await entry_of(ports, BO, dialog)).last_message
    await say(ports, dialog, "<p>later</p>")
    later = (await entry_of(ports, BO, dialog)).last_message

    assert preview is not None
    assert later is not None
    assert (preview.file_count, later.file_count) == (2, 0)


async def test_the_name_of_a_sender_who_left_is_not_shown(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    await say(ports, dialog, "bye", by=BO)
    await remove_person(ports, dialog, BO)

    preview = (await entry_of(ports, ANN, dialog)).last_message

    assert preview is not None
    assert (preview.sender_id, preview.sender_name) == (BO, None)


async def test_a_dialog_without_people_and_messages_shows_just_itself(ports: Ports) -> None:
    dialog = await open_dialog(ports)

    entry = await entry_of(ports, ANN, dialog)

    assert (entry.participants, entry.standing, entry.last_message, entry.admitted) == ((), None, None, False)
    assert entry.dialog.active_at == START
    assert await ports.inbox.entry(ANN, None, a_dialog_id()) is None


# Order and pages


async def test_pinned_come_first_then_the_newest_activity(ports: Ports) -> None:
    old = await open_dialog(ports, ANN, at=START - timedelta(days=9000))
    quiet_pin = await open_dialog(ports, a_participant(is_pinned=True), at=START - timedelta(days=9001))
    loud_pin = await open_dialog(ports, a_participant(is_pinned=True), BO, at=START - timedelta(days=9002))
    loud = await open_dialog(ports, ANN, a_participant(by=BO, is_pinned=True), at=START - timedelta(days=9003))
    older = await open_dialog(ports, ANN, at=START - timedelta(days=9001))
    await say(ports, loud, "hello")
    await say(ports, loud_pin, "hello")

    assert await mine(ports) == [loud_pin, quiet_pin, loud, old, older]
    assert await mine(ports, BO) == [loud, loud_pin]


async def test_equal_activity_is_ordered_by_id(ports: Ports) -> None:
    dialogs = [await open_dialog(ports, ANN, scopes=[WELCOME]) for _ in range(4)]

    assert await mine(ports) == sorted(dialogs, reverse=True)
    assert ids(await ports.inbox.available(BO, NOTHING_HELD, Query())) == sorted(dialogs, reverse=True)


async def test_pages_by_place_and_pages_by_offset_show_the_same(ports: Ports) -> None:
    for n, pinned in itertools.product(range(5), (True, False)):
        person = a_participant(is_pinned=pinned)
        dialog = await open_dialog(
            ports, person, at=START - timedelta(days=8000, seconds=n // 2), scopes=[WELCOME]
        )
        if n == 3:
            await say(ports, dialog, "hello")
    whole = await ports.inbox.participating(ANN, None, Query())
    assert len(whole) == 10

    for limit in (1, 2, 3, 10):
        by_offset = [
            entry
            for start in range(0, 10, limit)
            for entry in await ports.inbox.participating(ANN, None, Query(limit=limit, offset=start))
        ]
        by_place: list[Entry] = []
        after: Position | None = None
        while page := await ports.inbox.participating(ANN, None, Query(limit=limit, after=after)):
            by_place.extend(page)
            after = Position.of(page[-1])
        assert by_offset == by_place == list(whole), limit
    assert await ports.inbox.participating(ANN, None, Query(offset=2**31 - 1)) == ()


async def test_pages_of_available_dialogs_join_too(ports: Ports) -> None:
    for n in range(5):
        await open_dialog(ports, scopes=[WELCOME], at=START + n // 2 * SECOND)
    whole = await ports.inbox.available(ANN, NOTHING_HELD, Query())

    first = await ports.inbox.available(ANN, NOTHING_HELD, Query(limit=2))
    rest = await ports.inbox.available(ANN, NOTHING_HELD, Query(after=Position.of(first[-1])))

    assert len(whole) == 5
    assert first + rest == whole
    assert await ports.inbox.available(ANN, NOTHING_HELD, Query(limit=2, offset=3)) == whole[3:]


# Which dialogs


async def test_lists_hold_only_ones_own_dialogs(ports: Ports) -> None:
    my, _ = await open_dialog(ports, ANN, BO), await open_dialog(ports, BO)

    assert await mine(ports) == [my]
    assert await mine(ports, CY) == []
    assert await mine(ports, UserId("ANN")) == []


@pytest.mark.parametrize("listing", [None, Listing.PARTICIPATING])
async def test_the_archive_narrows_ones_own_dialogs(ports: Ports, listing: Listing | None) -> None:
    active = await open_dialog(ports, ANN, a_participant(by=BO, is_archived=True))
    archived = await open_dialog(ports, a_participant(is_archived=True), BO)
    both = sorted([active, archived], reverse=True)

    for is_archived, expected in ((None, both), (True, [archived]), (False, [active])):
        query = Query(archived=is_archived)
        assert ids(await ports.inbox.participating(ANN, None, query)) == expected
        assert ids(await ports.inbox.of_object(ANN, None, QUOTE, listing, query)) == expected


async def test_the_archive_does_not_narrow_what_could_be_joined(ports: Ports) -> None:
    joinable = await open_dialog(ports, BO, scopes=[PLANNERS])
    archived = await open_dialog(ports, a_participant(is_archived=True), scopes=[PLANNERS], at=START + SECOND)

    for is_archived, own in ((None, [archived]), (True, [archived]), (False, [])):
        query = Query(archived=is_archived)
        assert ids(await ports.inbox.available(ANN, A_PLANNER, query)) == [joinable]
        assert ids(await ports.inbox.of_object(ANN, A_PLANNER, QUOTE, Listing.AVAILABLE, query)) == [joinable]
        assert ids(await ports.inbox.of_object(ANN, A_PLANNER, QUOTE, Listing.PARTICIPATING, query)) == own
        assert ids(await ports.inbox.of_object(ANN, A_PLANNER, QUOTE, None, query)) == [*own, joinable]


async def test_without_scopes_nothing_of_an_object_is_joinable(ports: Ports) -> None:
    my = await open_dialog(ports, ANN, scopes=[PLANNERS])
    await open_dialog(ports, BO, scopes=[WELCOME])

    assert ids(await ports.inbox.of_object(ANN, None, QUOTE, None, Query())) == [my]
    assert await ports.inbox.of_object(ANN, None, QUOTE, Listing.AVAILABLE, Query()) == ()


async def test_dialogs_of_an_object_are_all_there_newest_created_first(ports: Ports) -> None:
    opened = [await open_dialog(ports, ANN, at=START + n * SECOND) for n in range(5)]
    await open_dialog(ports, a_participant(is_pinned=True), about=ObjectRef("quote", "rfq-88"))
    await say(ports, opened[0], "activity does not count")

    found = await ports.inbox.of_object(ANN, None, QUOTE, None, Query(limit=1, offset=3))

    assert ids(found) == opened[::-1]


async def test_dialogs_of_an_object_can_be_searched(ports: Ports) -> None:
    red = await open_dialog(ports, ANN, title="red", scopes=[WELCOME])
    await open_dialog(ports, ANN, title="blue", scopes=[WELCOME])

    assert ids(await ports.inbox.of_object(ANN, None, QUOTE, None, Query(search="RED"))) == [red]
    assert ids(await ports.inbox.of_object(BO, NOTHING_HELD, QUOTE, None, Query(search="RED"))) == [red]


async def test_the_newest_dialog_of_an_object_is_the_newest_one_may_open(ports: Ports) -> None:
    own = await open_dialog(ports, ANN, at=START)
    joinable = await open_dialog(ports, BO, scopes=[PLANNERS], at=START + SECOND)
    await open_dialog(ports, BO, at=START + 2 * SECOND)
    await open_dialog(ports, ANN, about=ObjectRef("quote", "other"), at=START + 3 * SECOND)

    async def newest(reader: UserId, scopes: UserScope | None) -> DialogId | None:
        entry = await ports.inbox.newest_of(reader, scopes, QUOTE)
        return entry.dialog.id if entry else None

    assert await newest(ANN, None) == own
    assert await newest(ANN, A_PLANNER) == joinable
    assert await newest(ANN, A_STRANGER) == own
    assert await newest(CY, A_STRANGER) is None
    assert await newest(CY, None) is None


async def test_the_newest_dialog_of_an_object_may_be_archived(ports: Ports) -> None:
    dialog = await open_dialog(ports, a_participant(is_archived=True))

    entry = await ports.inbox.newest_of(ANN, None, QUOTE)

    assert entry is not None
    assert entry.dialog.id == dialog


# Search


@pytest.mark.parametrize(
    ("title", "search", "is_found"),
    [
        ("Quote 88", "quote", True),
        ("Quote 88", "TE 8", True),
        ("Quote 88", "quote  88", False),
        ("Заявка Ёж", "заЯВка ёЖ", True),
        ("Заявка", "заявки", False),
        ("100% sure", "0% s", True),
        ("100 sure", "0% s", False),
        ("snake_case", "e_c", True),
        ("snakeXcase", "e_c", False),
        (r"C:\temp", "\\", True),
        ("nothing", "\\", False),
        (r"50\%", r"\%", True),
        ("50%", r"\%", False),
        ('O\'Neil "x"', "o'neil \"", True),
        ("anything", "'; DROP TABLE dialogs; --", False),
        ("a.b*c", "a.b*", True),
        ("aXbbc", "a.b*", False),
        ("anything", "", True),
        (None, "", True),
        (None, "x", False),
        ("", "x", False),
        (" ", " ", True),
        ("ЩЁТКИ", "щетки", True),
        ("щетки", "Щё", True),
        ("Зелёный чай", "зеле\u0308НЫЙ", True),
        ("Grüße", "GRÜ", True),
        ("two\nlines", "two lines", True),
        ("two\nlines", "o\nl", True),
    ],
)
async def test_search_finds_what_the_title_contains_literally_b51(
    ports: Ports, title: str | None, search: str, is_found: bool
) -> None:
    dialog = await open_dialog(ports, ANN, title=title, scopes=[WELCOME])
    expected = [dialog] if is_found else []

    assert await mine(ports, query=Query(search=search)) == expected
    assert ids(await ports.inbox.available(BO, NOTHING_HELD, Query(search=search))) == expected
    assert ids(await ports.inbox.of_object(ANN, None, QUOTE, None, Query(search=search))) == expected


async def test_search_finds_the_company_of_anybody_in_the_dialog_once(ports: Ports) -> None:
    people = [a_participant(by=user, profile=a_profile("N", "ООО «Ромашка»")) for user in (ANN, BO)]
    dialog = await open_dialog(ports, *people, title=None, scopes=[WELCOME])
    await open_dialog(ports, ANN, title="ромашка?", scopes=[WELCOME])
    await open_dialog(ports, ANN, title=None)

    assert await mine(ports, query=Query(search="«РОМАШКА»")) == [dialog]
    assert len(await mine(ports, query=Query(search="ромашка"))) == 2
    assert ids(await ports.inbox.available(CY, NOTHING_HELD, Query(search="«ромашка»"))) == [dialog]


async def test_search_finds_nothing_that_runs_from_one_name_into_the_next(ports: Ports) -> None:
    people = [
        a_participant(by=BO, profile=a_profile("Bo", "alpha")),
        a_participant(by=CY, profile=a_profile("Cy", "beta")),
    ]
    dialog = await open_dialog(ports, ANN, *people, title="title")

    for whole in ("title", "alpha", "beta"):
        assert await mine(ports, query=Query(search=whole)) == [dialog]
    for joint in ("", " ", "\n", ",", "\\n", "%", "_"):
        for pair in itertools.permutations(("title", "alpha", "beta"), 2):
            assert await mine(ports, query=Query(search=joint.join(pair))) == []


LETTERS = "еЕёЁиЙ\u0308\u0306aAß%_\\ \n"
NAMES = st.none() | st.text(LETTERS, max_size=5)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    titles=st.tuples(NAMES, NAMES),
    companies=st.tuples(NAMES, NAMES, NAMES, NAMES),
    search=st.text(LETTERS, max_size=3),
)
async def test_search_follows_the_title_and_the_people_b51(
    ports: Ports, titles: Sequence[str | None], companies: Sequence[str | None], search: str
) -> None:
    reader = UserId(f"reader {a_dialog_id()}")
    query = Query(search=search)
    people = [
        a_participant(by=user, profile=a_profile("N", company))
        for user, company in zip((reader, BO, CY, DI), companies, strict=True)
    ]

    async def is_found() -> bool:
        return await mine(ports, reader, query=query) == [dialog]

    dialog = await open_dialog(ports, *people[:2], title=titles[0])
    assert await is_found() == matches(query.search, title=titles[0], companies=companies[:2])
    async with locked(ports, dialog) as tx:
        await tx.participants.add([evolve(person, dialog_id=dialog) for person in people])
    assert await is_found() == matches(query.search, title=titles[0], companies=companies)
    await remove_person(ports, dialog, BO)
    left = [companies[0], *companies[2:]]
    assert await is_found() == matches(query.search, title=titles[0], companies=left)
    async with locked(ports, dialog) as tx:
        await tx.dialogs.describe(a_dialog(id=dialog, title=titles[1]))
    assert await is_found() == matches(query.search, title=titles[1], companies=left)
    await remove_person(ports, dialog, CY)
    assert await is_found() == matches(query.search, title=titles[1], companies=[companies[0], companies[3]])


async def test_search_looks_neither_at_names_nor_at_messages(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO, title="title")
    await say(ports, dialog, "needle")

    assert await mine(ports, query=Query(search="needle")) == []
    assert await mine(ports, query=Query(search="Bo")) == []
    assert await mine(ports, query=Query(search="example.com")) == []


async def test_search_goes_with_the_archive_and_the_page(ports: Ports) -> None:
    found = [await open_dialog(ports, ANN, title=f"needle {n}", at=START + n * SECOND) for n in range(3)]
    await open_dialog(ports, a_participant(is_archived=True), title="needle")
    await open_dialog(ports, ANN, title="hay")

    assert await mine(ports, query=Query(search="needle", archived=False)) == found[::-1]
    assert await mine(ports, query=Query(search="needle", archived=False, limit=1, offset=1)) == [found[1]]


# Scopes

LABELS = st.sampled_from(["a", "b", "A", "a,b", "é", '"{}\\'])
LEVELS = st.tuples(*[st.frozensets(LABELS, max_size=2)] * 3)
ACCESS = st.lists(st.builds(AccessScope, LEVELS), max_size=3)
HELD = st.builds(UserScope, LEVELS)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(every_access=st.lists(ACCESS, min_size=1, max_size=6), held=HELD)
async def test_scopes_admit_and_hide_as_the_rules_say(
    ports: Ports, every_access: list[list[AccessScope]], held: UserScope
) -> None:
    marker = str(a_dialog_id())
    about = ObjectRef("quote", marker)
    everywhere, nowhere = UserId(f"everywhere {marker}"), UserId(f"nowhere {marker}")
    dialogs = {
        await open_dialog(ports, everywhere, about=about, title=marker, scopes=access): tuple(access)
        for access in every_access
    }
    query = Query(search=marker)

    listed = await ports.inbox.participating(everywhere, held, query)
    listed_here = await ports.inbox.of_object(everywhere, held, about, None, query)
    joinable = await ports.inbox.available(nowhere, held, query)
    joinable_here = await ports.inbox.of_object(nowhere, held, about, None, query)

    shown = {dialog for dialog, access in dialogs.items() if not hides_from_lists(access, held)}
    admitting = {dialog for dialog, access in dialogs.items() if any_admits(access, held)}
    assert set(ids(listed)) == set(ids(listed_here)) == shown
    assert set(ids(joinable)) == set(ids(joinable_here)) == admitting
    assert all(entry.admitted == (entry.dialog.id in admitting) for entry in (*listed, *joinable))
    assert await ports.inbox.available(everywhere, held, query) == ()
    newest = await ports.inbox.newest_of(nowhere, held, about)
    assert (newest and newest.dialog.id) == max(admitting, default=None)
    for dialog in dialogs:
        assert (await entry_of(ports, everywhere, dialog, held)).admitted == (dialog in admitting)
        people = await ports.inbox.people(nowhere, held, dialog)
        assert people is not None
        assert (people.is_participant, people.admitted) == (False, dialog in admitting)


async def test_without_scopes_ones_own_lists_are_not_narrowed(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, scopes=[PLANNERS])

    assert await mine(ports) == [dialog]
    assert await mine(ports, scopes=A_STRANGER) == []
    assert await mine(ports, scopes=A_PLANNER) == [dialog]


# People, and where somebody is


async def test_people_are_shown_by_their_coming_with_their_marks(ports: Ports) -> None:
    ann = a_participant(at=START + SECOND, profile=Profile("Ann", "Nordwind", "a@b.example", "+7"))
    dialog = await open_dialog(ports, ann, CY, BO)
    [message] = await say(ports, dialog, "hello", by=BO)

    people = await ports.inbox.people(ANN, None, dialog)

    assert people is not None
    assert people.is_participant
    assert [person.user_id for person in people.seen] == [BO, CY, ANN]
    bo, _, me = people.seen
    assert bo.last_read_message_id == bo.standing.last_read_message_id == message.id
    assert (me.profile, me.dialog_id, me.joined_at, me.joined_as) == (
        ann.profile,
        dialog,
        ann.joined_at,
        ann.joined_as,
    )
    assert (me.standing.unread_count, bo.standing.unread_count) == (1, 0)
    assert not me.is_online


async def test_the_people_of_an_unknown_dialog_are_unknown(ports: Ports) -> None:
    assert await ports.inbox.people(ANN, A_PLANNER, a_dialog_id()) is None


async def test_the_reader_may_be_a_stranger_to_the_people(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, scopes=[PLANNERS])

    stranger = await ports.inbox.people(BO, None, dialog)
    planner = await ports.inbox.people(BO, A_PLANNER, dialog)

    assert stranger is not None
    assert planner is not None
    assert (stranger.is_participant, stranger.admitted) == (False, False)
    assert (planner.is_participant, planner.admitted) == (False, True)


async def test_a_person_is_in_these_dialogs_as_of_this_event(ports: Ports) -> None:
    quiet, archived = await open_dialog(ports, ANN), await open_dialog(ports, a_participant(is_archived=True), BO)
    hidden = await open_dialog(ports, ANN, scopes=[PLANNERS])
    await open_dialog(ports, DI)
    await say(ports, hidden, "1", "2")
    await say(ports, archived, "1", by=BO)

    assert dict(await ports.inbox.dialogs_of(ANN)) == {quiet: 0, archived: 2, hidden: 2}
    assert await ports.inbox.dialogs_of(CY) == ()


async def test_an_unread_count_is_never_below_zero(ports: Ports) -> None:
    dialog = await open_dialog(ports, a_participant(mark=ReadMark(seq=5, counted=5)))

    standing = (await entry_of(ports, ANN, dialog)).standing

    assert standing is not None
    assert standing.unread_count == 0
    assert (await ports.receipts.unread(ANN)).messages == 0
    async with locked(ports, dialog) as tx:
        assert await tx.participants.get(dialog, ANN) is not None
