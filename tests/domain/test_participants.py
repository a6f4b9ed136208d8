"""People in dialogs."""

import pytest
from attrs import evolve

from mtchat_core.domain.errors import InvalidInput
from mtchat_core.domain.ids import UserId
from mtchat_core.domain.participants import Invitation, Profile, invitations, profile
from tests.builders import ANN, SECOND, START, a_participant, an_invitation


def test_a_profile_is_kept_as_given() -> None:
    assert profile(" Ann <b> ", "", "not an address", "call me") == Profile(
        " Ann <b> ", "", "not an address", "call me"
    )
    assert profile("Ann") == Profile("Ann", None, None, None)


def test_a_profile_has_limits_in_characters() -> None:
    longest = profile("я" * 200, "я" * 200, "я" * 254, "я" * 50)

    assert len(longest.display_name) == 200
    for fields in (
        ("x" * 201, None, None, None),
        ("Ann", "x" * 201, None, None),
        ("Ann", None, "x" * 255, None),
        ("Ann", None, None, "x" * 51),
        ("Ann", "\x00", None, None),
        ("Ann", None, "\ud800", None),
    ):
        with pytest.raises(InvalidInput):
            profile(*fields)


@pytest.mark.parametrize("name", ["", " ", "\u00a0\t", "\u200b", "\u202e\u202c", "\u3164", "\x00"])
def test_a_name_has_to_show_something_b49(name: str) -> None:
    with pytest.raises(InvalidInput, match="display_name"):
        profile(name)


def test_a_name_cannot_turn_the_text_around_it_b48() -> None:
    assert profile("\u202eAnn\u2066").display_name == "Ann"


def test_a_name_is_text_and_no_markup() -> None:
    assert profile("<b>").display_name == "<b>"
    assert profile("&nbsp;").display_name == "&nbsp;"


def test_contacts_can_be_left_out() -> None:
    assert Profile("Ann", "Nordwind", "a@b.example", "+7").without_contacts() == Profile("Ann", "Nordwind")


def test_each_change_touches_one_thing() -> None:
    me = a_participant()

    assert me.archived() == evolve(me, is_archived=True)
    assert me.archived().unarchived(at=START + SECOND) == evolve(me, unarchived_at=START + SECOND)
    assert me.pinned(on=True) == evolve(me, is_pinned=True)
    assert me.pinned(on=True).pinned(on=False) == me
    assert me.notified(on=False) == evolve(me, notifications_enabled=False)
    assert me.notified(on=False).notified(on=True) == me


def test_the_first_entry_of_a_repeated_person_wins() -> None:
    first, second = Invitation(ANN, Profile("Ann")), Invitation(ANN, Profile("Another"))
    other = an_invitation(UserId("ANN"))

    assert invitations((first, other, second)) == (first, other)


def test_a_thousand_people_fit_in_one_call() -> None:
    people = tuple(an_invitation(UserId(str(number))) for number in range(1000))

    assert invitations(people) == people
    with pytest.raises(InvalidInput, match="at most 1000"):
        invitations((*people, an_invitation(ANN)))
