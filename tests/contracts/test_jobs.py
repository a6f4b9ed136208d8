"""The queue that wakes runners: in this process, and between processes."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from attrs import frozen

from mtchat_adapters.memory.jobs import MemoryJobQueue
from mtchat_adapters.saq import jobs as saq
from mtchat_core.domain.jobs import Job
from mtchat_core.ports.jobs import JobQueue
from tests.builders import a_dialog_id
from tests.valkey import Valkey


@frozen
class Queues:
    """Where runners are woken from, and where they are."""

    wakes: JobQueue
    runs: JobQueue


@pytest.fixture(params=["memory", "redis", "redis, from another process"])
async def queues(request: pytest.FixtureRequest) -> AsyncIterator[Queues]:
    if request.param == "memory":
        queue = MemoryJobQueue()
        yield Queues(queue, queue)
        return
    valkey: Valkey = request.getfixturevalue("valkey")
    prefix = str(a_dialog_id())
    async with (
        saq.open(valkey.url, MemoryJobQueue(), prefix=prefix) as here,
        saq.open(valkey.url, MemoryJobQueue(), prefix=prefix) as there,
    ):
        yield Queues(here if request.param == "redis" else there, here)


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


async def test_a_woken_job_runs(queues: Queues) -> None:
    runs = Runs()
    async with queues.runs.runner(runs):
        queues.wakes.wake(Job.REMIND)
        assert await runs.next() is Job.REMIND
        queues.wakes.wake(Job.DELIVER)
        assert await runs.next() is Job.DELIVER

    assert runs.jobs == [Job.REMIND, Job.DELIVER]


async def test_a_job_woken_while_it_runs_runs_once_more(queues: Queues) -> None:
    runs = Runs()

    async def run(job: Job) -> None:
        if not runs.jobs:
            for _ in range(3):
                queues.wakes.wake(job)
        await runs(job)

    async with queues.runs.runner(run):
        queues.wakes.wake(Job.DELIVER)
        await runs.next()
        await runs.next()

    assert runs.jobs == [Job.DELIVER, Job.DELIVER]


async def test_a_failing_job_disturbs_nobody(queues: Queues) -> None:
    runs = Runs()

    async def run(job: Job) -> None:
        await runs(job)
        raise ZeroDivisionError

    async with queues.runs.runner(run):
        for _ in range(2):
            queues.wakes.wake(Job.REMIND)
            await runs.next()

    assert runs.jobs == [Job.REMIND, Job.REMIND]


async def test_who_is_woken_when_nobody_runs_finds_it_or_not_but_nobody_fails(queues: Queues) -> None:
    for job in Job:
        queues.wakes.wake(job)
    runs = Runs()

    async with queues.runs.runner(runs):
        queues.wakes.wake(Job.PRUNE)
        while await runs.next() is not Job.PRUNE:
            pass


async def test_leaving_waits_for_what_is_under_way(queues: Queues) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def run(_job: Job) -> None:
        began.set()
        for _ in range(10):
            await asyncio.sleep(0)
        ended.set()

    async with queues.runs.runner(run):
        queues.wakes.wake(Job.REMIND)
        async with asyncio.timeout(5):
            await began.wait()

    assert ended.is_set()
