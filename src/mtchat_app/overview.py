"""What is due, late and parked, for whoever runs the service: from the store, whichever process does the work."""

from datetime import datetime

from msgspec import Struct

from mtchat_app.tables import columns, instant
from mtchat_app.wiring import Service


class Reminders(Struct, kw_only=True, frozen=True):
    """Dialogs with a reminder: waiting for its time, overdue, or given up until the next message."""

    waiting: int
    late: int
    parked: int


class Files(Struct, kw_only=True, frozen=True):
    """Files to be looked into, those late by a minute or more, and what is to be deleted: each up to 10,000."""

    unseen: int
    late: int
    leftovers: int


class Schedule(Struct, kw_only=True, frozen=True):
    """A periodic job."""

    job: str
    plan: str
    due_at: datetime
    is_running: bool
    started_at: datetime | None
    finished_at: datetime | None
    failures: int
    result: str | None


class Webhook(Struct, kw_only=True, frozen=True):
    """An endpoint, and what is on its way to it; both are counted up to 10,000."""

    name: str
    state: str
    pending: int
    dead: int
    last_success_at: datetime | None
    last_failure: str | None


class Queue(Struct, kw_only=True, frozen=True):
    """The queue that wakes workers; nothing depends on it."""

    is_reachable: bool
    waiting: int = 0
    under_way: int = 0
    workers: int = 0


class Overview(Struct, kw_only=True, frozen=True):
    """Everything at a glance; `queue` is None without Redis."""

    reminders: Reminders
    schedules: list[Schedule]
    webhooks: list[Webhook]
    files: Files
    queue: Queue | None = None


async def overview(service: Service) -> Overview:
    """Ask the store, and the queue if there is one.

    Raises:
        ServiceUnavailable: the store can't be reached.
    """
    ports = service.chat.ports
    outlook, waiting = await ports.reminders.outlook(), await ports.file_work.backlog()
    return Overview(
        reminders=Reminders(waiting=outlook.waiting, late=outlook.late, parked=outlook.parked),
        schedules=[
            Schedule(
                job=one.job.value,
                plan=one.plan,
                due_at=one.due_at,
                is_running=one.leased_until is not None,
                started_at=one.started_at,
                finished_at=one.finished_at,
                failures=one.failures,
                result=one.result,
            )
            for one in await ports.schedules.all()
        ],
        webhooks=[
            Webhook(
                name=one.name,
                state=one.state.value,
                pending=one.pending,
                dead=one.dead,
                last_success_at=one.last_success_at,
                last_failure=one.last_failure,
            )
            for one in await service.chat.webhooks.endpoints()
        ],
        files=Files(unseen=waiting.unseen, late=waiting.late, leftovers=waiting.leftovers),
        queue=await _queue(service),
    )


async def _queue(service: Service) -> Queue | None:
    if service.queue is None:
        return None
    try:
        queued = await service.queue.queued()
    except Exception:
        # Whatever is wrong with it: the truth is elsewhere.
        return Queue(is_reachable=False)
    return Queue(is_reachable=True, waiting=queued.waiting, under_way=queued.under_way, workers=queued.workers)


def table(seen: Overview) -> str:
    """Return an overview for eyes."""
    reminders, files = seen.reminders, seen.files
    lines = [
        f"Reminders   {reminders.waiting} waiting, {reminders.late} late, {reminders.parked} parked",
        f"Files       {files.unseen} to look into, {files.late} late, {files.leftovers} to delete",
        "",
        *columns(
            [
                ("Schedule", "Plan", "Due", "Last run", "Result", "Failures"),
                *(
                    (
                        one.job,
                        one.plan,
                        "running" if one.is_running else instant(one.due_at),
                        instant(one.finished_at),
                        one.result or "-",
                        str(one.failures),
                    )
                    for one in seen.schedules
                ),
            ]
        ),
    ]
    if not seen.schedules:
        lines.append("(none yet: no process has run jobs on this database)")
    if seen.webhooks:
        heads = ("Webhook", "State", "Pending", "Dead", "Last success", "Last failure")
        lines += [
            "",
            *columns(
                [
                    heads,
                    *(
                        (
                            one.name,
                            one.state,
                            str(one.pending),
                            str(one.dead),
                            instant(one.last_success_at),
                            one.last_failure or "-",
                        )
                        for one in seen.webhooks
                    ),
                ]
            ),
        ]
    if seen.queue is not None:
        queue = seen.queue
        said = f"{queue.waiting} waiting, {queue.under_way} under way, {queue.workers} worker(s)"
        lines += [
            "",
            f"Queue       {said if queue.is_reachable else 'Redis does not answer; jobs run all the same'}",
        ]
    return "\n".join(lines)
