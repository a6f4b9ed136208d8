"""Ten seconds of it, with each kind of fault once."""

import random
from pathlib import Path

from tests.chaos.faults import KINDS, RECEIVER_KINDS, REDIS_KINDS
from tests.chaos.journey import run

EVERY_KIND = (*KINDS, *REDIS_KINDS, *RECEIVER_KINDS)


async def test_whatever_breaks_nothing_is_lost_doubled_out_of_order_or_leaked_g1_g2_g3_g4_g5_g7_g8_g11_g12_f1_f4(
    tmp_path: Path,
) -> None:
    seed = random.randrange(2**32)
    strikes = random.Random(seed).sample(EVERY_KIND, len(EVERY_KIND))

    report = await run(tmp_path, seed=seed, seconds=10, strikes=strikes, people=6, dialogs=3, pause=0.03)

    assert report.verdict.violations() == [], str(report)
    assert set(report.faults) == set(EVERY_KIND)
    assert sum(call.is_acknowledged for call in report.history.calls) > 100, str(report)
    assert report.resumed > 0, str(report)
