"""Starting: P12."""

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator

from bench.processes import PATIENCE_SECONDS, rss_bytes, service
from bench.rows import Goal, Row
from bench.stage import Stage, Stopwatch

ROWS = ("P12",)
_IMPORTS = "import litestar, sqlalchemy"


async def measure(stage: Stage, wanted: frozenset[str]) -> AsyncIterator[Row]:
    """Start the service and the floor by turns, on a database that is migrated already."""
    assert wanted
    ours, floor, memory, floor_memory = [list[float]() for _ in range(4)]
    async with stage.database() as database:
        with Stopwatch(f"P12: {stage.sizes.starts} starts"):
            for _ in range(stage.sizes.starts):
                began = time.perf_counter()
                with service(database.url, stage.folder) as served:
                    ours.append(time.perf_counter() - began)
                    memory.append(served.rss_bytes())
                seconds, held = await _imported()
                floor.append(seconds)
                floor_memory.append(held)
    yield Row(
        "P12",
        "from start to ready",
        f'python -c "{_IMPORTS}"',
        "s",
        statistics.median(ours),
        statistics.median(floor),
        Goal("lower", 4.0, 2.5),
    )
    yield Row(
        "P12 memory",
        "memory once ready, nobody connected",
        f'python -c "{_IMPORTS}"',
        "MB",
        statistics.median(memory) / 1e6,
        statistics.median(floor_memory) / 1e6,
        Goal("lower"),
    )


async def _imported() -> tuple[float, float]:
    """Return the seconds until both are imported, and the memory that takes."""
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        f"{_IMPORTS}; print('imported', flush=True); input()",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await process.stdout.readline()
        return time.perf_counter() - began, rss_bytes(process.pid)
    finally:
        process.kill()
        await process.wait()
