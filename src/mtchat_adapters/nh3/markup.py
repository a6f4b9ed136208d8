"""Markup made safe by nh3."""

import asyncio
import re

import nh3
from attrs import field, frozen

from mtchat_core.domain import markup

_LONG = 5_000
_MANY_TAGS = 200
_MAX_ROUNDS = 10
_PRE_BEFORE_NEWLINE = re.compile(r"<pre(?: [^>]*)?>(?=\n)")


def _cleaner() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=markup.TAGS,
        clean_content_tags=markup.DROPPED_WITH_CONTENT,
        attributes=markup.ATTRIBUTES,
        attribute_filter=markup.attribute,
        url_schemes=markup.LINK_SCHEMES,
        link_rel=markup.LINK_REL,
    )


@frozen
class Nh3Sanitizer:
    """Sanitizer as one nh3.Cleaner, shared by all threads, run until its result no longer changes."""

    _cleaner: nh3.Cleaner = field(factory=_cleaner, init=False)

    async def clean(self, html: str) -> str:
        """Return *html* made safe; a thread cleans what may take over a few milliseconds."""
        if len(html) > _LONG or html.count("<") > _MANY_TAGS:
            # nh3 lets go of the interpreter lock while it works.
            return await asyncio.to_thread(self._settle, html)
        return self._settle(html)

    def _settle(self, html: str) -> str:
        # Unwrapping a tag can leave neighbours that parse differently: a link in a table cell in a link.
        for _ in range(_MAX_ROUNDS):
            cleaned = markup.bounded(self._once(markup.affordable(html)))
            if cleaned == html:
                return cleaned
            html = cleaned
        raise markup.TangledMarkup

    def _once(self, html: str) -> str:
        # Parsers drop a newline right after <pre>, and nh3 doesn't write the one that protects the next.
        return _PRE_BEFORE_NEWLINE.sub("\\g<0>\n", self._cleaner.clean(html))
