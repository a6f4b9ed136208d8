"""When a dialog has gone quiet."""

from datetime import timedelta

from mtchat_core.domain.archiving import Silence
from tests.builders import SECOND, START, a_dialog, a_participant

A_DAY = timedelta(days=1)
SILENCE = Silence(3 * A_DAY)


def test_a_dialog_is_quiet_once_its_newest_message_is_old_enough() -> None:
    assert not SILENCE.is_over(a_dialog(), now=START + 3 * A_DAY - SECOND)
    assert SILENCE.is_over(a_dialog(), now=START + 3 * A_DAY)


def test_without_a_length_no_dialog_is_ever_quiet() -> None:
    assert not Silence(timedelta()).is_over(a_dialog(), now=START + 1000 * A_DAY)


def test_who_took_it_out_by_hand_keeps_it_as_long_again() -> None:
    person = a_participant(is_archived=True).unarchived(at=START + A_DAY)

    assert not SILENCE.puts_away(person, now=START + 4 * A_DAY - SECOND)
    assert SILENCE.puts_away(person, now=START + 4 * A_DAY)


def test_what_is_archived_stays_so_and_is_not_told_again() -> None:
    assert not SILENCE.puts_away(a_participant(is_archived=True), now=START + 4 * A_DAY)
    assert SILENCE.puts_away(a_participant(), now=START + 4 * A_DAY)
