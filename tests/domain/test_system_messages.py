"""The dialog's own voice."""

import json
from collections.abc import Mapping

import pytest

from mtchat_core.domain import system_messages
from mtchat_core.domain.dialogs import Json
from mtchat_core.domain.errors import InvalidInput
from mtchat_core.domain.participants import Profile
from tests.builders import a_dialog_id

ANN, CY = Profile('Ann <b>"O\'"', "Nordwind", "a@b.example", "+7"), Profile("Цай")


def test_a_new_dialog_names_its_people_without_their_contacts() -> None:
    said = system_messages.chat_created([ANN, CY])

    assert said == (
        '{"event":"chat_created","participants":[{"name":"Ann <b>\\"O\'\\"","company":"Nordwind"},{"name":"Цай"}]}'
    )


def test_who_joins_is_named_with_a_company_even_if_empty() -> None:
    assert json.loads(system_messages.participant_joined(ANN))["company"] == "Nordwind"
    assert system_messages.participant_joined(CY) == '{"event":"participant_joined","name":"Цай","company":""}'


def test_who_leaves_is_named() -> None:
    assert system_messages.participant_left(CY) == '{"event":"participant_left","name":"Цай"}'


@pytest.mark.parametrize(
    ("event", "params", "said", "content"),
    [
        ("order.confirmed", {}, None, '{"event":"order.confirmed"}'),
        ("x", {"no": 7}, None, '{"event":"x","params":{"no":7}}'),
        ("price_changed", {"до": [1.5]}, "Цена", '{"event":"price_changed","params":{"до":[1.5]},"text":"Цена"}'),
        ("a" * 100, {}, "", '{"event":"' + "a" * 100 + '","text":""}'),
    ],
)
def test_a_business_event_carries_what_the_host_says(
    event: str, params: Mapping[str, Json], said: str | None, content: str
) -> None:
    assert system_messages.business_event(event, params, said=said).content == content


@pytest.mark.parametrize(
    "event",
    ["", "Order", "1st", "_x", ".x", "a b", "a-b", "я", "a\n", "a" * 101, "chat_created", "participant_left"],
)
def test_a_malformed_or_reserved_name_is_refused(event: str) -> None:
    with pytest.raises(InvalidInput, match="event must"):
        system_messages.business_event(event, {})


def test_an_event_is_short() -> None:
    frame = len('{"event":"x","text":""}')

    assert system_messages.business_event("x", {}, said="я" * (10_000 - frame))
    with pytest.raises(InvalidInput, match="at most 10000 characters"):
        system_messages.business_event("x", {}, said="я" * (10_001 - frame))


def test_a_notice_is_plain_text_in_the_systems_voice() -> None:
    assert system_messages.notice(' "Hi" ').content == '{"event":"notice","text":" \\"Hi\\" "}'


@pytest.mark.parametrize("said", ["", " \n", "x" * 10_001, "a\ud800"])
def test_a_blank_or_unusable_notice_is_refused(said: str) -> None:
    with pytest.raises(InvalidInput):
        system_messages.notice(said)


def test_text_that_cannot_be_stored_is_refused_wherever_it_hides() -> None:
    with pytest.raises(InvalidInput):
        system_messages.notice("a\x00")
    with pytest.raises(InvalidInput):
        system_messages.business_event("x", {}, said="\x00")
    with pytest.raises(InvalidInput):
        system_messages.business_event("x", {"a": ["\x00"]})
    with pytest.raises(InvalidInput):
        system_messages.business_event("x", {"\x00": 1})


def test_a_fingerprint_tells_notices_and_dialogs_apart() -> None:
    one, other = a_dialog_id(), a_dialog_id()
    hi, bye = system_messages.notice("hi"), system_messages.notice("bye")

    assert hi.fingerprint(one) == system_messages.notice("hi").fingerprint(one)
    assert len({hi.fingerprint(one), hi.fingerprint(other), bye.fingerprint(one)}) == 3
    assert len(hi.fingerprint(one)) == 16
