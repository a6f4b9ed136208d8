"""What was committed is told: to whoever listens, and to the jobs it causes."""

from collections.abc import Sequence

from attrs import frozen

from mtchat_core.domain.events import Recorded
from mtchat_core.domain.jobs import Job, caused_by
from mtchat_core.ports.jobs import JobQueue
from mtchat_core.ports.realtime import RealtimeBroker


@frozen
class Announcer:
    """Tells of what was committed. It never waits and never fails: the log has it all anyway."""

    broker: RealtimeBroker
    jobs: JobQueue

    def __call__(self, recorded: Sequence[Recorded]) -> None:
        """Tell of *recorded*, in order."""
        self.broker.publish(recorded)
        for job in frozenset[Job]().union(*(caused_by(entry.event) for entry in recorded)):
            self.jobs.wake(job)
