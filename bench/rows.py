"""The table: what is measured, beside what, and how close it should come."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Goal:
    """What a row promises: the ratio to reach, and the one to aim for; None where there is none."""

    better: Better
    target: float | None = None
    aim: float | None = None

    def is_reached(self, ratio: float, wanted: float) -> bool:
        """Tell whether *ratio* is as good as *wanted*."""
        return ratio >= wanted if self.better == "higher" else ratio <= wanted


@dataclass(frozen=True)
class Row:
    """One line of the table: our figure, the floor's in the same run, and what else was seen meanwhile.

    *ours* and *floor* are in *unit*; the ratio is ours to the floor.
    """

    id: str
    work: str
    beside: str
    unit: str
    ours: float
    floor: float
    goal: Goal
    seen: Mapping[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """How our figure compares: for throughput higher is better, for time and memory lower."""
        return self.ours / self.floor

    @property
    def verdict(self) -> str:
        """Say how the ratio compares with the goal."""
        goal = self.goal
        if goal.target is None:
            return ""
        if not goal.is_reached(self.ratio, goal.target):
            return "missed"
        return "aim met" if goal.aim is not None and goal.is_reached(self.ratio, goal.aim) else "met"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that *share* (0 to 1) of *values* do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def latencies(prefix: str, seconds: Sequence[float]) -> dict[str, float]:
    """Return the p50 and p99 of *seconds*, in milliseconds, as figures for a row."""
    return {
        f"{prefix} p50, ms": statistics.median(seconds) * 1e3,
        f"{prefix} p99, ms": percentile(seconds, 0.99) * 1e3,
    }
