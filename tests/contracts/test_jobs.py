"""The queue that wakes workers."""

import pytest

from mtchat_adapters.memory.jobs import MemoryJobQueue
from mtchat_core.domain.jobs import Job, JobKind
from mtchat_core.ports.jobs import JobQueue
from tests.builders import SECOND, START, a_dialog_id


@pytest.fixture
def queue() -> JobQueue:
    return MemoryJobQueue()


def a_job(kind: JobKind = JobKind.REMIND) -> Job:
    return Job(kind, a_dialog_id())


async def test_a_job_wakes_at_its_time_and_once(queue: JobQueue) -> None:
    job = a_job()
    await queue.wake(job, at=START + SECOND)

    assert await queue.due(now=START, limit=10) == ()
    assert await queue.due(now=START + SECOND, limit=10) == (job,)
    assert await queue.due(now=START + 2 * SECOND, limit=10) == ()


async def test_the_earliest_job_comes_first(queue: JobQueue) -> None:
    jobs = [a_job() for _ in range(3)]
    for delay, job in zip((3, 1, 2), jobs, strict=True):
        await queue.wake(job, at=START + delay * SECOND)

    assert await queue.due(now=START + 9 * SECOND, limit=2) == (jobs[1], jobs[2])
    assert await queue.due(now=START + 9 * SECOND, limit=2) == (jobs[0],)


async def test_equal_jobs_are_one_and_the_earlier_time_wins(queue: JobQueue) -> None:
    job = a_job()
    deliver = Job(JobKind.DELIVER, job.dialog_id)
    for delay in (3, 1, 2):
        await queue.wake(job, at=START + delay * SECOND)
    await queue.wake(deliver, at=START + 2 * SECOND)

    assert await queue.due(now=START + SECOND, limit=10) == (job,)
    assert await queue.due(now=START + 9 * SECOND, limit=10) == (deliver,)


async def test_a_job_taken_may_be_put_in_again(queue: JobQueue) -> None:
    job = a_job()
    await queue.wake(job, at=START)
    await queue.due(now=START, limit=1)

    await queue.wake(job, at=START + SECOND)

    assert await queue.due(now=START + SECOND, limit=1) == (job,)
