"""Works of a lone caller, timed by turns, so that what disturbs the machine disturbs them all."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

BARE = "a bare application's answer p50, ms"
"""The name of a figure: what a request takes at least, on this machine and just then."""
_PATIENCE_SECONDS = 300.0


async def by_turns(
    works: Sequence[Callable[[], Awaitable[object]]], rounds: int, times: int, warm_up: float
) -> list[list[float]]:
    """Do each of *works* *times* in a row, for *rounds* rounds; return each one's seconds per time."""
    took: list[list[float]] = [[] for _ in works]
    for work in works:
        until = time.perf_counter() + warm_up
        while time.perf_counter() < until:
            await work()
    for _ in range(rounds):
        for work, seconds in zip(works, took, strict=True):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                for _ in range(times):
                    began = time.perf_counter()
                    await work()
                    seconds.append(time.perf_counter() - began)
    return took
