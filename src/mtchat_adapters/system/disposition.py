"""How an answer tells a browser what to do with a file, and what it is called."""

from urllib.parse import quote

_UNSAFE = frozenset('"\\%/;')
"""What old browsers read as more than itself in a quoted name, or decode."""
_ATTR_CHARS = "!#$&+-.^_`|~"
"""What RFC 5987 lets stand for itself, beside letters and digits."""


def disposition(filename: str, *, inline: bool) -> str:
    """Return the Content-Disposition of a file: shown in place, or saved; visible ASCII whatever the name.

    The name comes twice: in ASCII for whoever knows no better, and as it is where it is not ASCII.
    Source: RFC 6266, RFC 5987.
    """
    shown = "inline" if inline else "attachment"
    plain = "".join(char if " " <= char <= "~" and char not in _UNSAFE else "_" for char in filename)
    if plain == filename:
        return f'{shown}; filename="{plain}"'
    exact = quote(filename.encode("utf-8", "replace"), safe=_ATTR_CHARS)
    return f"{shown}; filename=\"{plain}\"; filename*=UTF-8''{exact}"
