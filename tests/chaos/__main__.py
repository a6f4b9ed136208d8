"""`make chaos`: minutes of it, from a seed that is printed, with every kind of fault again and again."""

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from tests.chaos.faults import KINDS, LONG_FREEZE, RECEIVER_KINDS, REDIS_KINDS
from tests.chaos.journey import run

SECONDS_BETWEEN_FAULTS = 8.0
LONG_RUN_SECONDS = 300
"""A run of this length has the database frozen for half a minute once (F5)."""


def main() -> int:
    """Run, print one line, and return how the process should end."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long people talk; at most 60")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="from an earlier run")
    given = parser.parse_args()
    seconds = min(max(given.minutes, 0.1), 60.0) * 60
    chance = random.Random(given.seed)
    count = int(seconds / SECONDS_BETWEEN_FAULTS)
    strikes = chance.choices(KINDS, k=count)
    if seconds >= LONG_RUN_SECONDS:
        strikes[count // 2] = LONG_FREEZE
    strikes += chance.choices(REDIS_KINDS, k=count) + chance.choices(RECEIVER_KINDS, k=count)
    print(f"seed {given.seed}: {seconds:.0f} s, {len(strikes)} faults", flush=True)
    with tempfile.TemporaryDirectory(prefix="mtchat-chaos-") as folder:
        report = asyncio.run(
            run(Path(folder), seed=given.seed, seconds=seconds, strikes=strikes, people=12, dialogs=5, pause=0.05)
        )
    for violation in report.verdict.violations()[:50]:
        print(violation)
    print(report)
    return 1 if report.verdict.violations() else 0


if __name__ == "__main__":
    sys.exit(main())
