"""Markup made safe, by an engine that parses HTML as browsers do."""

from typing import Protocol


class Sanitizer(Protocol):
    """Turns what people type into HTML that is safe to show anywhere."""

    async def clean(self, html: str) -> str:
        """Return *html* with nothing in it but what `domain/markup.py` allows.

        Takes plain text as well: it comes back escaped. Unknown tags are unwrapped, open ones closed,
        values given their canonical form. Cleaning the result again changes nothing. *html* has
        passed `markup.check`. Long content doesn't hold up the event loop.

        Raises:
            TangledMarkup: the result nests too deeply, has grown too long, or never settles.
        Source: docs/guide/markup.md.
        """
        ...
