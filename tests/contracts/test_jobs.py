"""The queue that wakes runners."""

import asyncio

import pytest

from mtchat_adapters.memory.jobs import MemoryJobQueue
from mtchat_core.domain.jobs import Job
from mtchat_core.ports.jobs import JobQueue


@pytest.fixture
def queue() -> JobQueue:
    return MemoryJobQueue()


class Runs:
    """Counts what was run."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self._ran = asyncio.Queue[Job]()

    async def __call__(self, job: Job) -> None:
        self.jobs.append(job)
        self._ran.put_nowait(job)

    async def next(self) -> Job:
        async with asyncio.timeout(5):
            return await self._ran.get()


async def test_a_woken_job_runs(queue: JobQueue) -> None:
    runs = Runs()
    async with queue.runner(runs):
        queue.wake(Job.REMIND)
        assert await runs.next() is Job.REMIND
        queue.wake(Job.DELIVER)
        assert await runs.next() is Job.DELIVER

    assert runs.jobs == [Job.REMIND, Job.DELIVER]


async def test_a_job_woken_while_it_runs_runs_once_more(queue: JobQueue) -> None:
    runs = Runs()

    async def run(job: Job) -> None:
        if not runs.jobs:
            for _ in range(3):
                queue.wake(job)
        await runs(job)

    async with queue.runner(run):
        queue.wake(Job.DELIVER)
        await runs.next()
        await runs.next()

    assert runs.jobs == [Job.DELIVER, Job.DELIVER]


async def test_a_failing_job_disturbs_nobody(queue: JobQueue) -> None:
    runs = Runs()

    async def run(job: Job) -> None:
        await runs(job)
        raise ZeroDivisionError

    async with queue.runner(run):
        for _ in range(2):
            queue.wake(Job.REMIND)
            await runs.next()

    assert runs.jobs == [Job.REMIND, Job.REMIND]
