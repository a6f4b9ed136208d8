"""What a message may hold, and what of it a reader sees."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mtchat_core.domain import markup
from mtchat_core.domain.errors import InvalidInput, Kind
from mtchat_core.domain.markup import TangledMarkup

ZERO_WIDTH_SPACE = "\u200b"
SAFE_LINKS = [
    "https://example.org",
    "http://example.org:8080/a/b?c=d#e",
    "HTTPS://EXAMPLE.ORG/",
    "https://пример.рф/путь",
    "http://[::1]/",
    "https://example.org/@ann",
    "https://example.org/a//b",
    "https://example.org/?to=javascript:alert(1)",
    "/",
    "/r",
    "/a//b",
    "?page=2",
    "#part",
]
UNSAFE_LINKS = [
    "",
    "//evil.example",
    "///evil.example",
    r"\\evil.example",
    r"/\evil.example",
    r"\/evil.example",
    r"https:\\evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "https://",
    "https://?x",
    "https://:80",
    "https://ann@evil.example",
    "https://example.org:secret@evil.example/",
    "https://@evil.example",
    "https://example.org:port/",
    "https://example.org:99999/",
    "https://[::1",
    "https://evil\uff0fexample",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "javascript://example.org/%0aalert(1)",
    " javascript:alert(1)",
    "\x01javascript:alert(1)",
    "java\tscript:alert(1)",
    "java\nscript:alert(1)",
    "\u200bjavascript:alert(1)",
    "\u2800javascript:alert(1)",
    "\u3164javascript:alert(1)",
    "\xa0javascript:alert(1)",
    "vbscript:msgbox(1)",
    "data:text/html,<script>alert(1)</script>",
    "blob:https://example.org/1",
    "file:///etc/passwd",
    "mailto:ann@example.org",
    "tel:123",
    "ftp://example.org/",
    "page.html",
    "./page.html",
    "../page.html",
    "/\t/evil.example",
    "/a b",
    "/a\u202eb",
    "/a\xadb",
    "https://example.org/a\x00b",
    "https://example.org/" + "x" * markup.MAX_HREF,
]
BLANK = [
    "",
    " \t\r\n\f",
    "\xa0",
    "\u3000",
    "\u2028\u2029",
    ZERO_WIDTH_SPACE,
    "\u200c\u200d\u2060\ufeff",
    "\u200e\u200f\u202a\u202e\u2066\u2069\u061c",
    "\xad",
    "\x01\x7f\x85",
    "\u0301\u0489",
    "\ufe0f",
    "\u034f",
    "\u180e",
    "\u115f\u1160\u3164\uffa0",
    "\u2800",
    "\U000e0020\U000e007f",
    "\U000e0fff",
    "\u2065\ufff0",
    "\U0001d159",
]
VISIBLE = [
    "a",
    "0",
    ".",
    "ё",
    "字",
    "ß",
    "e\u0301",
    "\u200bx",
    "🙂",
    "👩\u200d👩\u200d👧",
    "1\ufe0f\u20e3",
    "\ufffd",
    "\U0001fae9",
]


@pytest.mark.parametrize("href", SAFE_LINKS)
def test_a_link_to_the_web_or_within_the_host_is_kept(href: str) -> None:
    assert markup.is_safe_href(href)
    assert markup.attribute("a", "href", href) == href


@pytest.mark.parametrize("href", UNSAFE_LINKS)
def test_a_link_that_could_lead_elsewhere_than_it_says_is_dropped_b45(href: str) -> None:
    assert not markup.is_safe_href(href)
    assert markup.attribute("a", "href", href) is None


@given(
    st.text(max_size=20), st.sampled_from(["", "https:", "https://", "//", "/", "?", "#", "javascript:", "\\\\"])
)
@example("evil", "https:")
def test_every_link_that_is_kept_says_where_it_leads_b45(rest: str, start: str) -> None:
    href = start + rest

    safe = markup.is_safe_href(href)

    absolute = href.lower().startswith(("http://", "https://"))
    within = href[:1] in {"/", "?", "#"} and href[:2] != "//"
    assert not safe or absolute or within
    assert not safe or not any(c.isspace() or c == "\\" for c in href)


@pytest.mark.parametrize(
    ("given_classes", "kept"),
    [
        ("mtchat-mention", "mtchat-mention"),
        ("btn mtchat-mention  modal", "mtchat-mention"),
        ("language-python", "language-python"),
        ("mtchat-a\tlanguage-b\n", "mtchat-a language-b"),
        ("btn btn-danger", None),
        ("MTCHAT-mention", None),
        ("x-mtchat-mention", None),
        ("", None),
    ],
)
def test_only_our_own_classes_are_kept_b46(given_classes: str, kept: str | None) -> None:
    assert markup.attribute("span", "class", given_classes) == kept
    assert markup.attribute("code", "class", given_classes) == kept
    assert markup.attribute("p", "class", given_classes) is None


@pytest.mark.parametrize("target", ["_top", "_parent", "_self", "_BLANK", " _blank", "name", ""])
def test_a_link_opens_in_a_new_window_or_as_usual_b46(target: str) -> None:
    assert markup.attribute("a", "target", target) is None
    assert markup.attribute("a", "target", "_blank") == "_blank"


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("p", "style"),
        ("p", "id"),
        ("p", "onclick"),
        ("a", "name"),
        ("a", "ping"),
        ("a", "download"),
        ("a", "class"),
        ("a", "data-id"),
        ("p", "href"),
        ("p", "rel"),
        ("span", "href"),
        ("span", "data-other"),
        ("code", "data-id"),
        ("svg", "onload"),
        ("*", "onload"),
    ],
)
def test_an_attribute_nobody_listed_is_dropped_g18(tag: str, name: str) -> None:
    assert markup.attribute(tag, name, "/x") is None


@pytest.mark.parametrize("tag", sorted(markup.TAGS))
def test_every_tag_may_have_a_language_and_a_title(tag: str) -> None:
    assert markup.attribute(tag, "lang", "en") == "en"
    assert markup.attribute(tag, "title", "a <b>") == "a <b>"
    assert markup.attribute(tag, "title", "x" * (markup.MAX_VALUE + 1)) is None


def test_every_link_says_nothing_about_the_page_it_leaves() -> None:
    assert markup.attribute("a", "rel", "opener") == "noopener noreferrer"


def test_what_an_attribute_became_stays_as_it_is_g18() -> None:
    once = markup.attribute("span", "class", " x mtchat-b  mtchat-a ")

    assert once is not None
    assert markup.attribute("span", "class", once) == once


def test_the_length_is_counted_in_characters_not_bytes_b43() -> None:
    longest = "🙂" * markup.MAX_CONTENT

    assert markup.check(longest) == longest
    with pytest.raises(InvalidInput, match="at most 50000 characters, got 50001"):
        markup.check(longest + "x")


@pytest.mark.parametrize("content", ["a\x00b", "a\ud800b"])
def test_text_that_cannot_be_stored_is_refused_and_not_repeated(content: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        markup.check(content)

    assert refusal.value.code == "INVALID_INPUT"
    assert content not in refusal.value.message


@pytest.mark.parametrize("blank", BLANK)
def test_what_draws_nothing_is_blank_b42(blank: str) -> None:
    assert not markup.is_visible(blank)
    assert markup.is_blank(blank)
    assert markup.is_blank(f"<p>{blank}<br><strong>{blank}</strong></p>")


@pytest.mark.parametrize("visible", VISIBLE)
def test_what_draws_something_is_not_blank_b42(visible: str) -> None:
    assert markup.is_visible(visible)
    assert not markup.is_blank(f"<p>{visible}</p>")


@pytest.mark.parametrize(
    "html", ["", "<p></p>", "<p>&nbsp;</p>", "<br>", "<ul><li></li></ul>", '<a href="/shown" title="shown"></a>']
)
def test_tags_alone_show_nothing_b42(html: str) -> None:
    assert markup.is_blank(html)


@pytest.mark.parametrize("html", ["&lt;", "&amp;", "&gt;", "<p>&nbsp;x</p>"])
def test_an_escaped_character_shows_b42(html: str) -> None:
    assert not markup.is_blank(html)


@pytest.mark.parametrize(
    ("html", "seen"),
    [
        ("hello", "hello"),
        ("<p>a</p><p>b</p>", "a b"),
        ("<ul><li>a</li><li>b</li></ul>c", "a b c"),
        ("a<br>b", "a b"),
        ("s<strong>o</strong><em>n</em>g", "song"),
        ("<pre>\na\n  b\n</pre>", "a b"),
        ("x &amp; y &lt;b&gt;&nbsp;z", "x & y <b> z"),
        ("&amp;lt;", "&lt;"),
        ('<p title="a &quot;<b>&quot; c > d">v</p>', "v"),
        ("<blockquote><p>q</p></blockquote>a", "q a"),
    ],
)
def test_visible_text_reads_as_one_line_with_blocks_apart(html: str, seen: str) -> None:
    assert markup.visible_text(html) == seen


def test_bidirectional_controls_leave_a_name_b48() -> None:
    assert markup.strip_bidi("\u202eann\u202c \u2066bo\u2069\u200e\u200f\u061c") == "ann bo"
    assert markup.strip_bidi("Ангелина שלום Z\u0351\u036b") == "Ангелина שלום Z\u0351\u036b"


@pytest.mark.parametrize("tag", ["b", "span", "blockquote", "div", "ul", "svg", "table", "nobody-knows"])
def test_thousands_of_nested_tags_are_refused_unparsed_b47(tag: str) -> None:
    with pytest.raises(TangledMarkup) as refusal:
        markup.affordable(f"<{tag}>" * 4000)

    assert refusal.value.code == "INVALID_INPUT"
    assert refusal.value.kind is Kind.INVALID
    assert tag not in refusal.value.message.split()


MANY_BLOCKS = "<p>x" * 5000
UNLIKE = "".join(f"<b title={n}>" for n in range(150))
BARE = ["big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"]
THRICE = "".join(f"<{tag}>" * 3 for tag in BARE)
THRICE_CLOSED = "".join(f"</{tag}>" * 3 for tag in BARE)


@pytest.mark.parametrize(
    "content",
    [
        f"<p>{UNLIKE}{MANY_BLOCKS}",
        f"<p>{UNLIKE}{'</b>' * 20}{MANY_BLOCKS}",
        f"<p>{UNLIKE}<!--{'</b>' * 150}-->{MANY_BLOCKS}",
        f"<p>{UNLIKE}<title>{'</b>' * 150}</title>{MANY_BLOCKS}",
        f"<p>{UNLIKE}<i title='{'</b>' * 150}'></i>{MANY_BLOCKS}",
        f"<p>{THRICE}<!--{THRICE_CLOSED}-->{MANY_BLOCKS}",
        f"<p>{UNLIKE}{'<object></b></object>' * 150}{MANY_BLOCKS}",
        "<p>" + "".join(f"<b title={n}></b\xa0>" for n in range(150)) + MANY_BLOCKS,
        "<p>" + "".join(f"<b title={n}></b\x0b>" for n in range(150)) + MANY_BLOCKS,
        "<p>" + "".join(f"<s title={n}></ſ>" for n in range(150)) + MANY_BLOCKS,
        "<p>" + "".join(f"<B\ftitle={n}>" for n in range(150)) + MANY_BLOCKS,
        "<p>" + "".join(f'<b a=x" c=">{n}">' for n in range(150)) + MANY_BLOCKS,
    ],
    ids=[
        "plain",
        "some closed",
        "comment",
        "raw text",
        "value",
        "bare",
        "scope",
        "nbsp",
        "vertical tab",
        "long s",
        "form feed",
        "quotes",
    ],
)
def test_formatting_that_would_be_opened_again_a_million_times_is_refused_unparsed_b47(content: str) -> None:
    with pytest.raises(TangledMarkup):
        markup.affordable(content)


@pytest.mark.parametrize(
    "content",
    [
        "&" * markup.MAX_CONTENT,
        "<" * markup.MAX_CONTENT,
        "<p>" * 16_000,
        "<br>" * 12_000,
        "<p>some <strong>bold</strong>, <em>leaning</em> and <a href='/x'>linked</a> text</p>" * 500,
        "<p>call <code class='language-python'>f()</code></p>" * 900,
        "<table><tr><td><font color=red>x</font><td><b style='color: blue'>y</b></table>" * 500,
        "<!-- pasted -->" + "<p><b>x</b> <i>y</i> <a href='/x'>z</a></p>" * 500,
    ],
)
def test_long_content_of_the_usual_kind_can_be_afforded_b43(content: str) -> None:
    assert markup.affordable(content) == content


def test_sixty_four_levels_are_kept_and_one_more_is_refused_b47() -> None:
    deepest = "<blockquote>" * 64 + "x<br>" + "</blockquote>" * 64

    assert markup.bounded(deepest * 2) == deepest * 2
    with pytest.raises(TangledMarkup):
        markup.bounded(f"<p>{deepest}</p>")


def test_safe_html_that_has_grown_beyond_all_measure_is_refused() -> None:
    with pytest.raises(TangledMarkup):
        markup.bounded("x" * (markup.MAX_STORED + 1))
