"""Who wakes up when. The truth about what is due lives in the store; a queue only wakes."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from mtchat_core.domain.jobs import Job

Run = Callable[[Job], Awaitable[None]]


class JobQueue(Protocol):
    """Wakes runners, here or in other processes. A wake-up may be lost: runners also look by themselves."""

    def wake(self, job: Job) -> None:
        """Have one runner look at *job* soon. Never waits, never fails; several wake-ups may become one."""
        ...

    def runner(self, run: Run) -> AbstractAsyncContextManager[None]:
        """Call *run* for what is woken, for as long as the block lasts; leaving waits for what is under way.

        A job woken while it runs runs once more. A *run* that fails is logged and does not end the runner.
        """
        ...
