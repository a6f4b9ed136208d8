"""When an unread message deserves a nudge."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from mtchat_core.domain.notifications import Debounce
from tests.builders import SECOND, START


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
