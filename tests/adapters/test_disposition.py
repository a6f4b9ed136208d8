"""What a browser is told of a file: nothing in a name gets out of its place."""

from email.message import EmailMessage
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtchat_adapters.system.disposition import disposition


def test_a_plain_name_comes_once() -> None:
    assert disposition("plan 1.pdf", inline=True) == 'inline; filename="plan 1.pdf"'
    assert disposition("plan.html", inline=False) == 'attachment; filename="plan.html"'


def test_a_name_in_another_alphabet_comes_as_it_is_with_a_fallback_b57() -> None:
    told = disposition("план €.pdf", inline=False)

    assert told == (
        "attachment; filename=\"____ _.pdf\"; filename*=UTF-8''%D0%BF%D0%BB%D0%B0%D0%BD%20%E2%82%AC.pdf"
    )


@pytest.mark.parametrize(
    "name", ['a".exe', "a\r\nSet-Cookie: x=1", "a; filename=b.exe", "a\\b", "../a", "a%22b", "a\x00b", "\ud800"]
)
def test_what_would_leave_the_quotes_is_encoded_b57(name: str) -> None:
    told = disposition(name, inline=True)

    quoted, exact = told.removeprefix('inline; filename="').split("\"; filename*=UTF-8''")
    assert not set(quoted) & set('"\\%/;\r\n\x00')
    assert unquote(exact) == name.encode("utf-8", "replace").decode()


@given(name=st.text(min_size=1, max_size=255), inline=st.booleans())
def test_any_name_is_visible_ascii_and_read_back_as_it_was_b57(name: str, inline: bool) -> None:
    told = disposition(name, inline=inline)
    read = EmailMessage()
    read["Content-Disposition"] = told

    assert all(" " <= char <= "~" for char in told)
    assert read.get_content_disposition() == ("inline" if inline else "attachment")
    exact = told.rpartition("filename*=UTF-8''")[2] if "filename*" in told else None
    assert (unquote(exact) if exact is not None else told.split('"')[1]) == name
