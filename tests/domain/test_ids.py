"""Ids rise, whatever the clocks of the machines that make them."""

from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtchat_core.domain.errors import InvalidInput
from mtchat_core.domain.ids import following, user_id

LONGEST_MILLISECONDS = 2**48 - 2


def uuid7(milliseconds: int, a: int, b: int) -> UUID:
    return UUID(int=milliseconds << 80 | 0x7 << 76 | a << 64 | 0x2 << 62 | b)


EDGES = st.sampled_from([0, 1, 2**48 - 2, 2**48 - 1, 2**48, 2**62 - 2, 2**62 - 1])
UUIDS = st.builds(
    uuid7,
    st.integers(0, LONGEST_MILLISECONDS),
    st.integers(0, 2**12 - 1),
    st.integers(0, 2**62 - 1) | EDGES,
)


@given(candidate=UUIDS, last=UUIDS)
def test_the_next_id_is_a_uuid7_above_the_last(candidate: UUID, last: UUID) -> None:
    issued = following(candidate, last)

    assert issued > last
    assert issued.version == 7
    assert issued.variant == RFC_4122


@given(candidate=UUIDS, last=UUIDS)
def test_a_rising_candidate_is_taken_as_it_is(candidate: UUID, last: UUID) -> None:
    issued = following(candidate, last)

    assert (issued == candidate) == (candidate > last)


@given(candidate=UUIDS)
def test_the_first_id_is_the_candidate(candidate: UUID) -> None:
    assert following(candidate, None) == candidate


@given(last=UUIDS)
def test_ids_go_on_rising_while_the_candidate_stands_still(last: UUID) -> None:
    one = following(last, last)
    two = following(last, one)

    assert last < one < two


def test_a_full_millisecond_flows_over_into_the_next() -> None:
    last = UUID("0197c0de-ffff-7fff-bfff-ffffffffffff")

    assert following(last, last) == UUID("0197c0df-0000-7000-8000-000000000000")


def test_a_user_id_is_kept_exactly() -> None:
    for name in (" Ann ", "ann", "Я", "x" * 255, "a\nb"):
        assert user_id(name) == name


@pytest.mark.parametrize("name", ["", "x" * 256, "a\x00b", "a\ud800"])
def test_a_user_id_that_cannot_be_stored_is_refused_without_repeating_it(name: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        user_id(name, field="sender_id")

    assert refusal.value.message.startswith("sender_id ")
    assert not name or name not in refusal.value.message
