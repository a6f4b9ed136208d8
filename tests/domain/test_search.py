"""What is searched, what counts as found, and what of it a result shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtchat_core.domain.errors import InvalidInput
from mtchat_core.domain.search import MAX_HITS, SNIPPET, Match, Search, Snippet, fold, search_text, shown_text


def marked(html: str, wanted: str) -> str:
    """Return the snippet with what it highlights in brackets."""
    snippet = Snippet.of(html, Search(wanted).wanted)
    text = snippet.text
    for match in reversed(snippet.matches):
        end = match.start + match.length
        text = f"{text[: match.start]}[{text[match.start : end]}]{text[end:]}"
    return text


# What is searched


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>he<b>ll</b>o</p>", "hello"),
        ("<p>one</p><p>two</p>", "one two"),
        ("a<br>b", "a b"),
        ("a&amp;b &lt;i&gt;", "a&b <i>"),
        ('<a href="https://example.com/strong">link</a>', "link"),
        ("Ёжик ПРИВЕТ", "ежик привет"),
        ("e\u0301", "\u00e9"),
        ("Straße İ ΣΟΦΟΣ", "straße İ σοφοσ"),
        ("水は美しい", "水は美しい"),
    ],
)
def test_a_message_is_searched_as_it_shows_whatever_the_case(html: str, text: str) -> None:
    assert search_text(html) == text


@given(st.text())
def test_folding_keeps_every_character_in_its_place(plain: str) -> None:
    folded = fold(plain)

    assert len(folded) == len(plain)
    assert fold(folded) == folded
    assert "".join(map(fold, plain)) == folded


# What one may look for


@pytest.mark.parametrize("wanted", ["", "  ", "\u200b", "\u3164", "a\x00", "a" * 201])
def test_what_shows_nothing_or_too_much_is_not_searched_for(wanted: str) -> None:
    with pytest.raises(InvalidInput):
        Search(wanted)


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [(" Hello \n World ", "hello world"), ("水", "水"), ("Ё", "е"), ("e\u0301", "\u00e9"), ("x" * 200, "x" * 200)],
)
def test_what_one_looks_for_is_compared_as_messages_are(wanted: str, kept: str) -> None:
    assert Search(wanted).wanted == kept


@pytest.mark.parametrize(("limit", "clamped"), [(-1, 1), (0, 1), (100, 100), (10**9, MAX_HITS)])
def test_the_number_of_hits_is_clamped_b38(limit: int, clamped: int) -> None:
    assert Search("a", limit=limit).limit == clamped


# What a result shows


@pytest.mark.parametrize(
    ("html", "wanted", "snippet"),
    [
        ("<p>Say hello, <b>HELL</b>O again</p>", "hello", "Say [hello], [HELLO] again"),
        ("a&amp;b", "A&B", "[a&b]"),
        ("Ещё счёт", "еще", "[Ещё] счёт"),
        ("aaaa", "aa", "[aa][aa]"),
        ("<p>one</p><p>two</p>", "e t", "on[e t]wo"),
    ],
)
def test_a_snippet_marks_what_was_found(html: str, wanted: str, snippet: str) -> None:
    assert marked(html, wanted) == snippet


def test_a_snippet_of_a_long_message_is_cut_around_the_first_match() -> None:
    html = f"<p>{'before ' * 50}the Match {'after ' * 50}match</p>"

    shown = marked(html, "match")

    assert shown.startswith("…before before ")
    assert "before the [Match] after" in shown
    assert shown.endswith("…")
    assert len(shown) == SNIPPET + len("……[]")


def test_a_snippet_shows_all_of_a_long_match() -> None:
    wanted = "x" * 200

    snippet = Snippet.of(f"{'a' * 100}{wanted}", wanted)

    assert snippet.matches == (Match(41, 200),)
    assert snippet.text == "…" + "a" * 40 + wanted


@given(st.text(st.sampled_from("aё İ\u0301ß🙂<&")), st.text(st.sampled_from("aеİß🙂"), min_size=1, max_size=3))
def test_what_a_snippet_marks_is_what_was_searched_for(plain: str, wanted: str) -> None:
    html = plain.replace("&", "&amp;").replace("<", "&lt;")
    wanted = Search(wanted).wanted

    snippet = Snippet.of(html, wanted)

    assert bool(snippet.matches) == (wanted in search_text(html))
    for match in snippet.matches:
        assert fold(snippet.text[match.start : match.start + match.length]) == wanted
    assert snippet.text.strip("…") in shown_text(html)
