"""What a run found, for whom: a table for the terminal and the docs, JSON to keep, a picture of the ratios."""

import json
import os
import platform
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from bench.rows import Goal, Row
from mtchat_adapters.embedded.binaries import find_binaries

BEGIN, END = "<!-- results: written by `python -m bench --write` -->", "<!-- end of results -->"
_HEADINGS = ("row", "work", "beside", "ours", "floor", "ratio", "target", "aim", "verdict")


def machine(*, is_durable: bool) -> str:
    """Describe what was measured on, in one line."""
    binaries = find_binaries()
    database = f"PostgreSQL {binaries.version[0]}.{binaries.version[1]}"
    sync = f"fsync on ({_fsync_ms():.2f} ms each)" if is_durable else "fsync off: figures mean nothing"
    cores = f"{os.cpu_count()} cores ({_processor()}), load {os.getloadavg()[0]:.1f} before the run"
    return f"{cores}, {platform.system()}, CPython {platform.python_version()}, {database}, {sync}"


def lines(row: Row) -> tuple[str, ...]:
    """Return a row's cells, as text."""
    ours, floor = (_figure(value) for value in (row.ours, row.floor))
    goal = row.goal
    return (
        row.id,
        row.work,
        row.beside,
        f"{ours} {row.unit}",
        f"{floor} {row.unit}",
        f"{row.ratio:.2f}",
        _wanted(goal, goal.target),
        _wanted(goal, goal.aim),
        row.verdict,
    )


def table(rows: Sequence[Row]) -> str:
    """Return the table for a terminal."""
    cells = [_HEADINGS, *map(lines, rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def details(row: Row) -> str:
    """Return what else was seen, for a terminal."""
    return "; ".join(f"{name} {_figure(value)}" for name, value in row.seen.items())


def as_json(rows: Sequence[Row], on: str) -> str:
    """Return everything that is known of a run."""
    found = [{**asdict(row), "ratio": row.ratio, "verdict": row.verdict} for row in rows]
    return json.dumps({"at": _now(), "machine": on, "rows": found}, indent=2, ensure_ascii=False) + "\n"


def markdown(rows: Sequence[Row], on: str, others: str = "") -> str:
    """Return the results as a section of a page; of *others*, an earlier section, what was not measured again."""
    names = {_name(row.id) for row in rows}
    kept = [line for line in others.splitlines() if (name := _name_in(line)) is not None and name not in names]
    table_lines = [f"| {' | '.join(lines(row))} |" for row in rows] + [line for line in kept if line[0] == "|"]
    seen = [f"- **{row.id}** {details(row)}" for row in rows if row.seen] + [
        line for line in kept if line[0] == "-"
    ]
    which = f" {', '.join(sorted(names, key=_number))}; the other rows are of an earlier run" if kept else ""
    return "\n".join(
        [
            f"Measured on {_now()[:10]}{which}: {on}.",
            "",
            f"| {' | '.join(_HEADINGS)} |",
            "|---" * len(_HEADINGS) + "|",
            *sorted(table_lines, key=lambda line: _number(_name_in(line) or "")),
            "",
            "What else was seen meanwhile:",
            "",
            *sorted(seen, key=lambda line: _number(_name_in(line) or "")),
        ]
    )


def _name(row_id: str) -> str:
    return row_id.split()[0]


def _number(name: str) -> int:
    return int(name[1:])


def _name_in(line: str) -> str | None:
    """Return the name of the row that a line of a section is about."""
    found = re.match(r"(?:\| |- \*\*)(P[0-9]+)", line)
    return found[1] if found else None


def write_into(page: Path, rows: Sequence[Row], on: str) -> None:
    """Replace the results on a page; rows that were not measured stay as they are.

    Raises:
        ValueError: the page has no place for them.
    """
    text = page.read_text()
    before, begin, rest = text.partition(BEGIN)
    old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no place for results: it needs the lines {BEGIN} and {END}.")
    page.write_text(f"{before}{BEGIN}\n\n{markdown(rows, on, old)}\n\n{END}{after}")


def picture(rows: Sequence[Row], on: str) -> str:
    """Return an SVG: a bar per row with a goal, as long as the goal is exceeded; the line is the target."""
    shown = [row for row in rows if row.goal.target is not None]
    return "\n".join(_drawn(shown, on)) + "\n"


_LABEL, _WIDTH, _LINE, _TOP, _MOST = 420, 400, 26, 64, 3.0


def _drawn(rows: Sequence[Row], on: str) -> Iterator[str]:
    height = _TOP + _LINE * len(rows) + 24
    width = _LABEL + _WIDTH + 150
    target = _LABEL + _WIDTH / _MOST
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif" font-size="13">'
    )
    yield f"<title>MTChat: ratios to the floors beside them. {escape(on)}</title>"
    yield f'<rect width="{width}" height="{height}" fill="#fff"/>'
    yield '<text x="12" y="24" font-size="16" font-weight="600" fill="#222">How far beyond its target</text>'
    yield f'<text x="12" y="44" font-size="11" fill="#666">{escape(on)}</text>'
    for place, row in enumerate(rows):
        reach = min(_MOST, _score(row, row.goal.target or 1.0))
        y = _TOP + _LINE * place
        colour = {"missed": "#c0392b", "met": "#2e86c1", "aim met": "#1e8449"}[row.verdict]
        yield f'<text x="{_LABEL - 10}" y="{y + 14}" text-anchor="end" fill="#222">{escape(_label(row))}</text>'
        yield (
            f'<rect x="{_LABEL}" y="{y + 3}" width="{reach * _WIDTH / _MOST:.1f}" height="{_LINE - 10}" '
            f'fill="{colour}"/>'
        )
        if row.goal.aim is not None and row.goal.target is not None:
            aim = _LABEL + min(_MOST, _aim_score(row.goal.better, row.goal.target, row.goal.aim)) * _WIDTH / _MOST
            yield f'<path d="M{aim:.1f} {y + 1}v{_LINE - 6}" stroke="#1e8449" stroke-dasharray="3 2"/>'
        said = f"{row.ratio:.2f} ({_wanted(row.goal, row.goal.target)})"
        yield f'<text x="{_LABEL + _WIDTH + 12}" y="{y + 14}" fill="#222">{escape(said)}</text>'
    bottom = _TOP + _LINE * len(rows)
    yield f'<path d="M{target:.1f} {_TOP - 4}V{bottom}" stroke="#222"/>'
    yield f'<text x="{target:.1f}" y="{bottom + 16}" text-anchor="middle" font-size="11" fill="#666">target</text>'
    yield "</svg>"


def _score(row: Row, wanted: float) -> float:
    return row.ratio / wanted if row.goal.better == "higher" else wanted / row.ratio


def _aim_score(better: str, target: float, aim: float) -> float:
    return aim / target if better == "higher" else target / aim


def _label(row: Row) -> str:
    said = f"{row.id}: {row.work}"
    return said if len(said) <= 62 else f"{said[:61]}…"


def _wanted(goal: Goal, value: float | None) -> str:
    if value is None:
        return ""
    return f"{'>=' if goal.better == 'higher' else '<='} {value:g}"


def _figure(value: float) -> str:
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _fsync_ms() -> float:
    """Return what it takes to have 8 kB on the disk of the temporary folder: the median of 20."""
    took: list[float] = []
    with tempfile.TemporaryFile() as file:
        for _ in range(20):
            file.write(b"." * 8192)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - began)
    return sorted(took)[10] * 1e3


def _processor() -> str:
    cpus = Path("/proc/cpuinfo")
    names = [
        line.partition(":")[2].strip() for line in cpus.read_text().splitlines() if line.startswith("model name")
    ]
    return names[0] if names else platform.machine()
