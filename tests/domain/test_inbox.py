"""What a list shows, and in which order."""

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from mtchat_core.domain.dialogs import Tally
from mtchat_core.domain.errors import InvalidInput
from mtchat_core.domain.inbox import Access, Entry, Position, Query, Standing, matches
from tests.builders import SECOND, START, a_dialog


def a_standing(*, is_pinned: bool = False) -> Standing:
    return Standing(
        0, is_archived=False, is_pinned=is_pinned, notifications_enabled=True, last_read_message_id=None
    )


def test_no_search_finds_everything() -> None:
    assert matches(None, title=None, companies=[])


@pytest.mark.parametrize(
    ("search", "is_found"),
    [
        ("quote", True),
        ("TE 8", True),
        ("ромашка", True),
        ("ОМАШ", True),
        ("nord", True),
        ("x", False),
        ("%", False),
    ],
)
def test_a_search_looks_for_a_part_of_the_title_or_of_a_company(search: str, is_found: bool) -> None:
    found = matches(search, title="Quote 88", companies=[None, "Nordwind", "Ромашка"])

    assert found == is_found


def test_a_search_does_not_reach_over_from_one_text_to_the_next() -> None:
    assert not matches("tc", title="quot", companies=["company"])
    assert not matches("x", title=None, companies=[None, ""])


@given(st.text(st.characters(codec="ascii"), min_size=1, max_size=20), st.data())
def test_every_part_of_a_title_finds_it_whatever_the_case(title: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(title) - 1))
    part = title[start : data.draw(st.integers(start + 1, len(title)))]

    assert matches(part, title=title, companies=[])
    assert matches(part.upper(), title=title, companies=[])
    assert matches(part.lower(), title=title.upper(), companies=[])


@pytest.mark.parametrize(
    ("limit", "offset", "expected"),
    [
        (-1, -1, (1, 0)),
        (0, 0, (1, 0)),
        (50, 7, (50, 7)),
        (100, 2**31, (100, 2**31 - 1)),
        (10**9, 2**63, (100, 2**31 - 1)),
    ],
)
def test_limits_are_clamped_b38(limit: int, offset: int, expected: tuple[int, int]) -> None:
    query = Query(limit=limit, offset=offset)

    assert (query.limit, query.offset) == expected


def test_an_empty_search_is_no_search() -> None:
    assert Query(search="").search is None
    assert Query(search=" ").search == " "
    assert Query(search="x" * 200).search == "x" * 200


@pytest.mark.parametrize("search", ["x" * 201, "a\x00", "\ud800"])
def test_an_unusable_search_is_refused(search: str) -> None:
    with pytest.raises(InvalidInput, match="search"):
        Query(search=search)


def test_the_place_of_an_entry_is_pin_activity_and_id() -> None:
    dialog = a_dialog(at=START)
    spoken_in = evolve(dialog, tally=Tally(last_message_at=START + SECOND))

    assert Position.of(Entry(dialog, None, True, ())) == Position(False, START, dialog.id)
    assert Position.of(Entry(dialog, a_standing(), True, ())) == Position(False, START, dialog.id)
    assert Position.of(Entry(spoken_in, a_standing(is_pinned=True), True, ())) == Position(
        True, START + SECOND, dialog.id
    )


@pytest.mark.parametrize("is_in", [True, False])
@pytest.mark.parametrize("admitted", [True, False])
def test_who_is_admitted_and_not_in_can_join(is_in: bool, admitted: bool) -> None:
    entry = Entry(a_dialog(), a_standing() if is_in else None, admitted, ())

    assert entry.can_join == (admitted and not is_in)


@pytest.mark.parametrize(
    ("access", "can", "reason"),
    [
        (Access(True, True, True, True), "see read", "Takes part"),
        (Access(True, False, True, False), "see read", "Takes part"),
        (Access(True, True, True, False), "see read", "Takes part"),
        (Access(False, True, True, True), "see join", "can join"),
        (Access(False, True, True, False), "", "no access scope matches"),
        (Access(False, False, True, False), "", "no scopes were given"),
        (Access(False, False, False, False), "", "has no access scopes"),
        (Access(False, True, False, False), "", "has no access scopes"),
    ],
)
def test_access_is_explained(access: Access, can: str, reason: str) -> None:
    allowed = {"see": access.can_see, "read": access.can_read, "join": access.can_join}

    assert " ".join(verb for verb, is_allowed in allowed.items() if is_allowed) == can
    assert reason in access.explain()
