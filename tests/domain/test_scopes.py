"""Who may discover and join."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtchat_core.domain.errors import InvalidInput
from mtchat_core.domain.scopes import (
    AccessScope,
    UserScope,
    access_scope,
    access_scopes,
    any_admits,
    hides_from_lists,
    same_set,
)

LABELS = st.sampled_from("abcde")
LEVELS = st.tuples(*[st.frozensets(LABELS, max_size=3)] * 3)
ACCESS = st.builds(AccessScope, LEVELS)
HELD = st.builds(UserScope, LEVELS)
NOTHING_HELD = UserScope(([], [], []))
WELCOME = AccessScope(([], [], []))


@pytest.mark.parametrize(
    ("asked", "held", "admits"),
    [
        ([], [], True),
        ([], ["a"], True),
        (["a"], ["a", "z"], True),
        (["a", "b"], ["b"], True),
        (["a"], ["z"], False),
        (["a"], [], False),
        (["a"], ["A"], False),
        (["a"], ["a "], False),
        ([""], [""], True),
    ],
)
@pytest.mark.parametrize("level", [0, 1, 2])
def test_one_level_admits_whoever_shares_a_label(
    level: int, asked: list[str], held: list[str], admits: bool
) -> None:
    scope = AccessScope([asked if number == level else [] for number in range(3)])
    person = UserScope([held if number == level else ["other"] for number in range(3)])

    assert scope.admits(person) == admits


@given(ACCESS, HELD)
def test_every_level_has_to_admit_by_itself(scope: AccessScope, held: UserScope) -> None:
    levels = [not asked or bool(asked & has) for asked, has in zip(scope.levels, held.levels, strict=True)]

    assert scope.admits(held) == all(levels)


@given(st.lists(ACCESS, max_size=4), HELD)
def test_one_scope_is_enough_and_scopes_are_not_combined(scopes: list[AccessScope], held: UserScope) -> None:
    assert any_admits(scopes, held) == any(any_admits([scope], held) for scope in scopes)


def test_rows_are_not_combined() -> None:
    rows = [AccessScope((["a"], ["x"], [])), AccessScope((["b"], ["y"], []))]

    assert not any_admits(rows, UserScope((["a"], ["y"], [])))
    assert any_admits(rows, UserScope((["b"], ["y"], [])))


@given(HELD)
def test_a_dialog_without_scopes_admits_nobody_and_an_empty_scope_everybody(held: UserScope) -> None:
    assert not any_admits([], held)
    assert any_admits([WELCOME], held)
    assert not any_admits([WELCOME], None)


@given(st.lists(ACCESS, max_size=4).map(tuple), HELD)
def test_lists_hide_only_what_has_scopes_that_do_not_match(
    scopes: tuple[AccessScope, ...], held: UserScope
) -> None:
    assert hides_from_lists(scopes, held) == (bool(scopes) and not any_admits(scopes, held))
    assert not hides_from_lists(scopes, None)


@given(st.lists(ACCESS, max_size=4), st.randoms())
def test_order_and_repeated_labels_make_no_difference(scopes: list[AccessScope], random: object) -> None:
    doubled = [AccessScope([[*level, *level] for level in scope.levels]) for scope in reversed(scopes)]

    assert same_set(scopes, doubled)
    assert same_set(doubled, scopes)


@given(st.lists(ACCESS, max_size=3), ACCESS)
def test_one_scope_more_makes_a_difference(scopes: list[AccessScope], another: AccessScope) -> None:
    assert not same_set(scopes, [*scopes, another])


def test_a_missing_level_makes_a_difference() -> None:
    assert not same_set([AccessScope((["a"], [], []))], [AccessScope((["a"], ["b"], []))])
    assert not same_set([AccessScope((["a"], [], []))], [AccessScope(([], ["a"], []))])


def test_naming_a_tenant_makes_no_difference() -> None:
    assert same_set([AccessScope((["t"], [], []), tenant_uid="t")], [AccessScope((["t"], [], []))])


def test_limits_are_the_published_ones() -> None:
    labels = [str(number) for number in range(100)]

    assert access_scope(labels, ["x" * 255], []).levels == (frozenset(labels), frozenset(["x" * 255]), frozenset())
    assert len(access_scopes([WELCOME] * 100)) == 100
    with pytest.raises(InvalidInput, match="scope_level0 holds too many values: at most 100"):
        access_scope([*labels, "100"], [], [])
    with pytest.raises(InvalidInput, match="scope_level1 is too long"):
        access_scope([], ["x" * 256], [])
    with pytest.raises(InvalidInput, match="scope_level2 contains"):
        access_scope([], [], ["\x00"])
    with pytest.raises(InvalidInput, match="at most 100"):
        access_scopes([WELCOME] * 101)


def test_a_repeated_label_counts_once() -> None:
    assert access_scope(["a"] * 101, [], []).levels[0] == {"a"}
