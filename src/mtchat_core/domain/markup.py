"""The HTML we allow, made safe: what a message may hold, and what of it a reader sees.

The rules live here; an engine behind `ports/markup.py` parses the HTML and asks `attribute` about
each attribute. Guide: docs/guide/markup.md.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from urllib.parse import urlsplit

from mtchat_core.domain import text
from mtchat_core.domain.errors import InvalidInput

_BLOCKS = frozenset({"p", "br", "ul", "ol", "li", "blockquote", "pre"})
TAGS = _BLOCKS | {"strong", "b", "em", "i", "u", "s", "strike", "a", "code", "span"}
"""Every tag a message may hold. Others are unwrapped; see DROPPED_WITH_CONTENT."""
DROPPED_WITH_CONTENT = frozenset({"script", "style"})
"""Tags that go together with the text inside them."""
ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "*": frozenset({"lang", "title"}),
    "a": frozenset({"href", "target"}),
    "span": frozenset({"data-type", "data-id", "data-label", "data-mention", "class"}),
    "code": frozenset({"class"}),
    "pre": frozenset({"class"}),
}
"""Attributes by tag, `*` for every tag. `attribute` has the last word on the values."""
CLASS_PREFIXES = ("mtchat-", "language-")
"""How a class has to begin, so that a message can't wear the host application's styles."""
LINK_SCHEMES = frozenset({"http", "https"})
LINK_REL = "noopener noreferrer"
"""What every link says about the page it leaves, whatever its author wrote."""

MAX_CONTENT = 50_000
"""Longest content, in characters (code points), counted before it is made safe."""
MAX_STORED = 12 * MAX_CONTENT
"""Longest safe content, in characters: `<a></a>` grows most, as every link gets its `rel`."""
MAX_DEPTH = 64
"""Most tags around a piece of text."""
MAX_HREF = 2048
"""Longest link, in characters."""
MAX_VALUE = 255
"""Longest value of any other attribute, in characters."""

# An HTML parser opens formatting again in every block that follows a badly closed one, so that a
# few kilobytes can ask for millions of elements. What they ask for is estimated before parsing.
_REOPENED_PER_CHARACTER = 2
_SPARE_REOPENED = 1_000
_MAX_UNCLOSED = 1_000
_FORMATTING = frozenset(
    {"a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"}
)
_LEFT_OPEN = frozenset(
    {"p", "li", "br", "hr", "img", "wbr", "input", "col", "dt", "dd", "td", "th", "tr", "option"}
)
_BLANK = r"[ \t\r\n\f]"
_PLAIN_REST = rf"""(?:{_BLANK}+[a-z-]+(?:=(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>=`]+))?)*+{_BLANK}*/?>"""
_TAG = re.compile(rf"<(/?)([a-z][^\s/>]*)({_PLAIN_REST})?", re.ASCII | re.IGNORECASE)
_PLAIN_TAG = re.compile(rf"</?(?:{'|'.join(sorted(TAGS))}){_PLAIN_REST}", re.ASCII | re.IGNORECASE)
_MARKUP = re.compile(r"<[a-z/!?]", re.ASCII | re.IGNORECASE)

# Safe HTML is well-formed, so that patterns read it rightly, and much faster than a parser.
_SAFE_REST = r"""\b(?:[^">]|"[^"]*")*>"""
_SAFE_TAG = re.compile(rf"<(/?)(\w+){_SAFE_REST}")
_SAFE_BLOCK = re.compile(rf"</?(?:{'|'.join(sorted(_BLOCKS))}){_SAFE_REST}")
_SAFE_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", " "), ("&amp;", "&"))

_BIDI_CONTROLS = dict.fromkeys([0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
_UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp", "Mn", "Mc", "Me"})
_BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800\U0001d159\U00013441\U00013442")
_NOT_IN_LINKS = _BLANK_LETTERS | {" ", "\\"}


class TangledMarkup(InvalidInput):
    """The content's tags nest too deeply, or cross each other so much that no two parsers agree."""

    says = f"content nests its tags too deeply (over {MAX_DEPTH} levels) or crosses them. Simplify its formatting."


def check(content: str) -> str:
    """Return *content*, as typed, if it is fit to be made safe.

    Raises:
        InvalidInput: it holds U+0000 or a lone surrogate, or is longer than 50,000 characters.
    """
    return text.bounded("content", content, at_most=MAX_CONTENT)


def affordable(content: str) -> str:
    """Return *content*, as typed, if parsing it costs no more than its length allows.

    Raises:
        TangledMarkup: more than 1,000 tags are left open, or badly closed formatting would have to
            be opened again more than twice for each character.
    """
    most_reopened = _REOPENED_PER_CHARACTER * len(content) + _SPARE_REOPENED
    most_tags = content.count("<")
    if most_tags <= _MAX_UNCLOSED and most_tags * most_tags <= most_reopened:
        # Each tag opens at most those before it again.
        return content
    # A closing tag is believed only where it can't be part of a comment or a value.
    trusted = not _MARKUP.search(_PLAIN_TAG.sub("", content))
    held = Counter[str]()
    formatting = reopened = unclosed = 0
    for closing, name, rest in _TAG.findall(content):
        tag = name.lower()
        if tag in _FORMATTING:
            kind = tag if trusted or tag == "a" else tag + rest
            formatting -= held[kind]
            if not closing:
                held[kind] = min(held[kind] + 1, _most(kind))
            elif trusted:
                held[kind] = max(held[kind] - 1, 0)
            formatting += held[kind]
        if tag not in _LEFT_OPEN:
            unclosed = max(unclosed - 1, 0) if closing else unclosed + 1
        reopened += formatting
        if unclosed > _MAX_UNCLOSED or reopened > most_reopened:
            raise TangledMarkup
    return content


def bounded(html: str) -> str:
    """Return safe *html* if it is small and flat enough to be kept.

    Raises:
        TangledMarkup: more than 64 levels of tags, or grown to more than 600,000 characters.
    """
    if len(html) > MAX_STORED:
        raise TangledMarkup
    if html.count("<") <= MAX_DEPTH:
        return html
    depth = 0
    for closing, tag in _SAFE_TAG.findall(html):
        if tag != "br":
            depth += -1 if closing else 1
        if depth > MAX_DEPTH:
            raise TangledMarkup
    return html


def attribute(tag: str, name: str, value: str) -> str | None:
    """Return what attribute *name* of *tag* may say instead of *value*; None drops it.

    Names are in lower case. *value* is free of entities, as a browser would see it.
    """
    if tag == "a" and name == "rel":
        return LINK_REL
    if name not in ATTRIBUTES["*"] and name not in ATTRIBUTES.get(tag, ()):
        return None
    if name == "href":
        return value if is_safe_href(value) else None
    if name == "target":
        return value if value == "_blank" else None
    if len(value) > MAX_VALUE:
        return None
    if name == "class":
        return " ".join(c for c in value.split() if c.startswith(CLASS_PREFIXES)) or None
    return value


def is_safe_href(href: str) -> bool:
    r"""Tell whether a link may lead to *href*, at most 2048 characters.

    Allowed are absolute http and https URLs without user name, and links within the host's own
    site: `/path`, `?query`, `#fragment`. Anything a browser might read differently is not:
    `//host`, `https:host`, backslashes, blanks, invisible and control characters.
    Source: WHATWG URL, sections 4.4 and 4.5.
    """
    if len(href) > MAX_HREF or not href.isprintable() or not _NOT_IN_LINKS.isdisjoint(href):
        return False
    if href.startswith(("/", "?", "#")):
        return not href.startswith("//")
    try:
        url = urlsplit(href)
        # Reading the port is what makes urlsplit check it.
        _ = url.port
    except ValueError:
        return False
    return url.scheme in LINK_SCHEMES and bool(url.hostname) and "@" not in url.netloc


def visible_text(html: str) -> str:
    """Return what a reader sees of safe *html*: one line, entities resolved, blocks a blank apart."""
    plain = _SAFE_TAG.sub("", _SAFE_BLOCK.sub(" ", html))
    for entity, character in _SAFE_ENTITIES:
        plain = plain.replace(entity, character)
    return " ".join(plain.split())


def is_blank(html: str) -> bool:
    """Tell whether safe *html* shows nothing."""
    return not is_visible(visible_text(html))


def is_visible(plain: str) -> bool:
    """Tell whether *plain* text (not HTML) shows anything.

    Blanks, invisible and control characters, lone combining marks and the letters that are drawn
    as nothing (Hangul fillers, the empty Braille pattern and such) don't show.
    """
    return not all(map(_is_unseen, set(plain)))


def strip_bidi(name: str) -> str:
    """Return *name* without bidirectional controls, which could turn the text around it.

    Source: UAX #9, section 2 (the characters with the property Bidi_Control).
    """
    return name.translate(_BIDI_CONTROLS)


def _is_unseen(c: str) -> bool:
    if c.isascii():
        return c <= " " or c == "\x7f"
    category = unicodedata.category(c)
    if category == "Cn":
        # Most are characters newer than this Python, and people write new emoji at once.
        return c == "\u2065" or "\ufff0" <= c <= "\ufff8" or "\U000e0000" <= c <= "\U000e0fff"
    return category in _UNSEEN_CATEGORIES or c in _BLANK_LETTERS


def _most(kind: str) -> int:
    """Return how many elements of a kind a parser opens again (WHATWG HTML, section 13.2.4.3)."""
    if kind == "a":
        return 1
    is_known_whole = kind.endswith(">")
    return 3 if is_known_whole else MAX_CONTENT
