"""The benchmark works: every row is measured at small sizes. How fast it was is nobody's business here."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from bench import report
from bench.__main__ import GROUPS
from bench.profile import top
from bench.rows import Goal, Row

ROOT = Path(__file__).parents[2]


IN_SECONDS = {"P1", "P18", "P20"}
"""The groups, by a row of each, that every change is tried with; `make test-long` tries the others."""

BY_GROUP = [
    pytest.param(group.ROWS, marks=() if IN_SECONDS & set(group.ROWS) else pytest.mark.long) for group in GROUPS
]


@pytest.mark.parametrize("rows", BY_GROUP, ids="-".join)
def test_every_row_prints_a_ratio(tmp_path: Path, rows: Sequence[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text((ROOT / "docs" / "performance.md").read_text())
    options = ["--quick", "--rows", ",".join(rows), "--json", str(tmp_path / "rows.json")]
    options += ["--plot", str(tmp_path / "rows.svg"), "--write", str(page)]

    run = subprocess.run(
        [sys.executable, "-m", "bench", *options], cwd=ROOT, capture_output=True, text=True, timeout=240
    )

    assert run.returncode == 0, run.stderr
    measured = json.loads((tmp_path / "rows.json").read_text())["rows"]
    assert {row["id"].split()[0] for row in measured} == set(rows)
    assert all(row["ratio"] > 0 for row in measured)
    lines = run.stdout.splitlines()[1:]
    assert len(lines) == len(measured)
    assert all(re.search(r"\s\d+\.\d\d(\s|$)", line) for line in lines)
    results = page.read_text().partition(report.BEGIN)[2].partition(report.END)[0]
    assert sum(line.split()[1] in rows for line in results.splitlines() if line.startswith("| P")) == len(measured)
    held = sum(row["goal"]["target"] is not None for row in measured)
    assert (tmp_path / "rows.svg").read_text().count("<rect") == 1 + held


def test_a_ratio_is_held_against_its_goal() -> None:
    throughput, time = Goal("higher", 0.6, 1.0), Goal("lower", 2.5, 1.7)

    verdicts = [
        [Row("P0", "work", "floor", "unit", ours, 1.0, goal).verdict for ours in figures]
        for goal, figures in ((throughput, (0.5, 0.6, 1.0)), (time, (2.6, 2.5, 1.7)), (Goal("lower"), (9.0,)))
    ]

    assert verdicts == [["missed", "met", "aim met"], ["missed", "met", "aim met"], [""]]


def test_results_take_the_place_of_the_last_ones_and_of_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    others = "| P1 | slow | x | 1 | 1 | 1 |  |  |  |\n| P0 | old | x | 1 | 1 | 1 |  |  |  |\n- **P1** waited, ms 3"
    page.write_text(f"before\n{report.BEGIN}\n\n{others}\n\n{report.END}\nafter\n")
    row = Row("P0", "work", "floor", "unit", 3.0, 2.0, Goal("lower", 2.0), {"waited, ms": 7.0})

    report.write_into(page, [row], "a machine")

    written = page.read_text()
    assert written.startswith(f"before\n{report.BEGIN}\n")
    assert written.endswith(f"{report.END}\nafter\n")
    assert "| P0 | work | floor | 3 unit | 2 unit | 1.50 | <= 2 |  | met |" in written
    assert "- **P0** waited, ms 7\n- **P1** waited, ms 3" in written
    assert "| old |" not in written
    assert written.index("| P0 | work |") < written.index("| P1 | slow |")
    assert "P0; the other rows are of an earlier run" in written


def test_a_profile_counts_a_function_itself_and_with_what_it_calls() -> None:
    stacks = ["main (a.py:1);work (b.py:5);read (c.py:9) 6", "main (a.py:1);work (b.py:7) 3", "main (a.py:2) 1"]

    lines = top(stacks).splitlines()

    assert lines[0] == "10 samples"
    assert lines[3:6] == [
        " 60.0%    60.0%  read (c.py)",
        " 30.0%    90.0%  work (b.py)",
        " 10.0%   100.0%  main (a.py)",
    ]
    assert lines[-1] == "   60.0%      60.0%  read (c.py)"
