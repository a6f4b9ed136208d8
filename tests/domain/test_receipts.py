"""Read marks: unread counts by numbers alone."""

from hypothesis import given
from hypothesis import strategies as st

from mtchat_core.domain.dialogs import Tally
from mtchat_core.domain.receipts import ReadMark
from tests.builders import a_message_id

ONE, OTHER = a_message_id(), a_message_id()


def a_tally(*, user: int = 0, system: int = 0) -> Tally:
    return Tally(last_seq=user + system, user_messages=user, system_messages=system)


def test_whom_the_host_adds_has_nothing_unread_but_what_comes() -> None:
    mark = ReadMark.caught_up(a_tally(user=5, system=2))

    assert mark == ReadMark(seq=7, message_id=None, counted=5)
    assert mark.unread(a_tally(user=5, system=2)) == 0
    assert mark.unread(a_tally(user=5, system=3)) == 0
    assert mark.unread(a_tally(user=7, system=3)) == 2


def test_who_joins_has_the_whole_history_unread_and_not_the_notice_of_their_joining() -> None:
    mark = ReadMark.newcomer(a_tally(user=5, system=2))

    assert mark.unread(a_tally(user=5, system=2)) == 7
    assert mark.unread(a_tally(user=5, system=3)) == 7
    assert mark.unread(a_tally(user=6, system=3)) == 8
    assert ReadMark.newcomer(a_tally()).unread(a_tally(system=1)) == 0


def test_a_mark_at_a_message_reaches_it_and_everything_before() -> None:
    mark = ReadMark(seq=5, message_id=ONE)

    assert [mark.reaches(seq) for seq in (1, 4, 5, 6)] == [True, True, True, False]


def test_a_mark_that_names_no_message_may_be_put_where_it_stands() -> None:
    assert [ReadMark(seq=5).reaches(seq) for seq in (4, 5, 6)] == [True, False, False]
    assert not ReadMark().reaches(1)


def test_reading_leaves_what_is_after_it() -> None:
    tally = a_tally(user=10, system=3)

    mark = ReadMark(seq=2, counted=1).advanced(seq=6, message_id=ONE, left=4, tally=tally)

    assert mark == ReadMark(seq=6, message_id=ONE, counted=6)
    assert mark.unread(tally) == 4
    assert mark.unread(a_tally(user=11, system=3)) == 5


def test_deleting_an_unread_message_lowers_the_count() -> None:
    mark = ReadMark(seq=2, message_id=ONE, counted=2)

    forgetful = mark.forgetting(seq=3, message_id=OTHER, own=False, older=ONE)

    assert forgetful == mark
    assert (mark.unread(a_tally(user=5)), forgetful.unread(a_tally(user=4))) == (3, 2)


def test_deleting_a_read_message_leaves_the_count() -> None:
    mark = ReadMark(seq=4, message_id=ONE, counted=4)

    forgetful = mark.forgetting(seq=3, message_id=OTHER, own=False, older=None)

    assert forgetful == ReadMark(seq=4, message_id=ONE, counted=3)
    assert mark.unread(a_tally(user=6)) == forgetful.unread(a_tally(user=5)) == 2


def test_deleting_ones_own_message_after_the_mark_leaves_the_count() -> None:
    mark = ReadMark(seq=2, message_id=ONE, counted=3)

    assert mark.forgetting(seq=4, message_id=OTHER, own=True, older=ONE).counted == 2


def test_a_newcomers_own_old_message_counts_as_unread_and_deleting_it_lowers_the_count() -> None:
    mark = ReadMark.newcomer(a_tally(user=3))

    forgetful = mark.forgetting(seq=2, message_id=ONE, own=True, older=None)

    assert forgetful.unread(a_tally(user=2)) == 2


def test_a_mark_at_a_deleted_message_falls_back_to_the_older_one_and_not_in_number() -> None:
    mark = ReadMark(seq=4, message_id=ONE, counted=4)

    forgetful = mark.forgetting(seq=4, message_id=ONE, own=False, older=OTHER)

    assert forgetful == ReadMark(seq=4, message_id=OTHER, counted=3)
    assert ReadMark(1, ONE, 1).forgetting(seq=1, message_id=ONE, own=True, older=None) == ReadMark(1, None, 0)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_nothing_is_ever_less_than_nothing(user: int, system: int, later: int) -> None:
    tally = a_tally(user=user, system=system)

    assert ReadMark.caught_up(tally).unread(tally) == 0
    assert ReadMark.newcomer(tally).unread(tally) == user + system
    assert ReadMark(counted=user + later).unread(tally) == 0
