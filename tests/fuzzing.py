"""How long to try strange inputs: briefly and always the same in `make test`, long and anew in `make fuzz`."""

import os

from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("MTCHAT_FUZZ_TIMES", "1"))
"""How many times as many examples as usual."""
SEED = int(os.environ.get("MTCHAT_FUZZ_SEED", "1"))
"""Where the random choices start."""


def trying(examples: int) -> settings:
    """Return the settings for a test that usually tries so many *examples*."""
    return settings(
        max_examples=examples * TIMES,
        deadline=None,
        derandomize=TIMES == 1,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
