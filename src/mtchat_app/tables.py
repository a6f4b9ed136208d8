"""How an operator reads things at the terminal: aligned columns, and instants in UTC."""

from collections.abc import Sequence
from datetime import datetime


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return *rows*, heads first, as lines with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def instant(at: datetime | None) -> str:
    """Return an instant to the second, or a dash for none."""
    return "-" if at is None else f"{at:%Y-%m-%d %H:%M:%S}Z"
