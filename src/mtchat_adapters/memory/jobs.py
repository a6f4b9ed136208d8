"""A job queue in this process."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from mtchat_core.domain.jobs import Job
from mtchat_core.ports.jobs import Run

_log = logging.getLogger(__name__)


class MemoryJobQueue:
    """JobQueue as one event and one task per job."""

    def __init__(self) -> None:
        self._woken: dict[Job, asyncio.Event] = {job: asyncio.Event() for job in Job}

    def wake(self, job: Job) -> None:
        """Have the runner look at *job*."""
        self._woken[job].set()

    @asynccontextmanager
    async def runner(self, run: Run) -> AsyncGenerator[None]:
        """Call *run* for what is woken until the block ends."""
        is_over = False

        async def attend(job: Job) -> None:
            while True:
                await self._woken[job].wait()
                if is_over:
                    return
                self._woken[job].clear()
                try:
                    await run(job)
                except Exception:
                    _log.exception("the job %s failed; it runs again when it is due", job.value)

        tasks = [asyncio.create_task(attend(job)) for job in Job]
        try:
            yield
        finally:
            is_over = True
            for event in self._woken.values():
                event.set()
            await asyncio.gather(*tasks)
            for event in self._woken.values():
                event.clear()
