"""One validator for every string."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtchat_core.domain import text
from mtchat_core.domain.errors import InvalidInput


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=50))
def test_clean_text_comes_back_unchanged(given_text: str) -> None:
    assert text.bounded("title", given_text, at_most=50) == given_text
    assert text.optional("title", given_text, at_most=50) == given_text


@pytest.mark.parametrize("dirty", ["\x00", "a\x00", "\ud800", "a\udfff", "\udc00\ud800"])
def test_what_cannot_be_stored_is_refused(dirty: str) -> None:
    assert not text.is_clean(dirty)
    for check in (text.bounded, text.required, text.optional):
        with pytest.raises(InvalidInput):
            check("title", dirty, at_most=50)


def test_lengths_are_counted_in_characters() -> None:
    assert text.bounded("title", "🙂" * 500, at_most=500) == "🙂" * 500

    with pytest.raises(InvalidInput, match="title is too long: at most 500 characters, got 501"):
        text.bounded("title", "я" * 501, at_most=500)


def test_only_required_text_must_be_there() -> None:
    with pytest.raises(InvalidInput, match="title must not be empty"):
        text.required("title", "", at_most=5)

    assert text.bounded("title", "", at_most=5) == ""
    assert text.optional("title", None, at_most=5) is None
    assert text.required("title", " ", at_most=5) == " "
