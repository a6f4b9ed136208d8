"""When an unread message deserves a nudge."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mtchat_core.domain.ids import UserId
from mtchat_core.domain.notifications import MOST_TRIES, Debounce, Waiting, decide, is_caught_up, retry_in
from tests.builders import ANN, BO, CY, SECOND, START, a_message_id


def test_a_single_message_is_reminded_of_after_the_delay() -> None:
    assert Debounce().due(now=START, first=START) == START + 30 * SECOND


def test_every_new_message_restarts_the_delay() -> None:
    assert Debounce().due(now=START + 20 * SECOND, first=START) == START + 50 * SECOND


def test_nobody_waits_for_ever() -> None:
    assert Debounce().due(now=START + 100 * SECOND, first=START) == START + 120 * SECOND
    assert Debounce(SECOND, 2 * SECOND).due(now=START + 5 * SECOND, first=START) == START + 2 * SECOND


@given(st.lists(st.integers(0, 60), min_size=1, max_size=20))
def test_the_reminder_comes_after_the_delay_and_before_the_limit(pauses: list[int]) -> None:
    debounce, now = Debounce(), START
    due = debounce.due(now=START, first=START)
    for pause in pauses:
        now += timedelta(seconds=pause)
        if now >= due:
            break
        due = debounce.due(now=now, first=START)

    assert START + debounce.delay <= due <= START + debounce.at_most


def waiting(user: UserId, *, first: datetime = START, newest: datetime = START) -> Waiting:
    return Waiting(user, 1, a_message_id(), 1, first, newest)


def test_whoever_began_to_wait_later_is_reminded_later_g12() -> None:
    ann = waiting(ANN, newest=START + 110 * SECOND)
    bo = waiting(BO, first=START + 95 * SECOND, newest=START + 110 * SECOND)
    cy = waiting(CY, first=START + 105 * SECOND, newest=START + 105 * SECOND)

    decided = decide([ann, bo, cy], Debounce(), now=START + 120 * SECOND)

    assert decided.reminded == (ann,)
    assert (decided.since, decided.due) == (START + 95 * SECOND, START + 135 * SECOND)


def test_where_nobody_waits_there_is_no_next_time() -> None:
    decided = decide([], Debounce(), now=START)

    assert (decided.reminded, decided.since, decided.due) == ((), None, None)


def test_who_reads_up_to_the_reminder_or_everything_there_is_has_caught_up() -> None:
    assert is_caught_up(3, read_seq=3, left=1)
    assert is_caught_up(3, read_seq=2, left=0)
    assert not is_caught_up(3, read_seq=2, left=1)
    assert not is_caught_up(None, read_seq=3, left=0)


def test_what_fails_waits_longer_each_time_and_is_parked_in_the_end_f3() -> None:
    waits = [retry_in(tries) for tries in range(1, MOST_TRIES + 1)]

    assert waits[:3] == [5 * SECOND, 10 * SECOND, 20 * SECOND]
    assert None not in waits[:-1]
    assert waits[-1] is None
