"""The jobs of one process: whatever is due is done, woken or not; what fails disturbs nobody."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast

import pytest
from attrs import define, evolve, field, frozen

from mtchat_adapters.memory.pictures import MemoryThumbnailer
from mtchat_adapters.memory.storage import MemoryStorage
from mtchat_app import runner as runners
from mtchat_app.runner import Runner
from mtchat_core.chat import Chat, Ports
from mtchat_core.domain.attachments import FileClaim, thumbnail_key
from mtchat_core.domain.errors import ServiceUnavailable
from mtchat_core.domain.events import AttachmentUpdated, DialogArchived, NotificationPending
from mtchat_core.domain.ids import DialogId
from mtchat_core.domain.jobs import Job
from mtchat_core.domain.messages import Draft
from mtchat_core.ports.jobs import Run
from mtchat_core.ports.pictures import Picture
from mtchat_core.ports.reminders import DueReminders
from mtchat_core.ports.schedules import Claim, Schedule, Schedules
from tests.builders import ANN, BO, SECOND, FakeClock, a_new_dialog, say
from tests.elapsing import Elapse

CRON = "0 */5 * * * *"
PATIENCE_SECONDS = 15


@frozen
class Deaf:
    """A JobQueue that wakes nobody."""

    def wake(self, job: Job) -> None:
        pass

    @asynccontextmanager
    async def runner(self, run: Run) -> AsyncGenerator[None]:
        yield


async def a_dialog(chat: Chat) -> DialogId:
    return (await chat.dialogs.create(a_new_dialog(ANN, BO))).id


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not await condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def happened(ports: Ports, dialog: DialogId, kind: type) -> int:
    log = await ports.events.of_dialog(dialog, after=0, limit=100)
    return sum(isinstance(one.event, kind) for one in log)


async def until_happened(ports: Ports, dialog: DialogId, kind: type) -> None:
    async def has() -> bool:
        return bool(await happened(ports, dialog, kind))

    await until(has)


async def schedule(ports: Ports, job: Job) -> Schedule | None:
    return next((one for one in await ports.schedules.all() if one.job is job), None)


async def until_finished(ports: Ports, *jobs: Job) -> None:
    async def are() -> bool:
        found = [await schedule(ports, job) for job in jobs]
        return all(one is not None and one.finished_at is not None for one in found)

    await until(are)


async def test_what_is_due_is_done_though_nobody_wakes_the_runner(ports: Ports, elapse: Elapse) -> None:
    chat = Chat.over(evolve(ports, jobs=Deaf()))
    dialog = await a_dialog(chat)
    await say(ports, dialog, "1")
    await elapse(30 * SECOND)

    async with Runner(chat, CRON).running():
        await until_happened(ports, dialog, NotificationPending)
        await elapse(timedelta(days=3))
        await until_happened(ports, dialog, DialogArchived)


async def test_a_picture_that_was_sent_is_looked_into_at_once(
    ports: Ports, elapse: Elapse, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runners, "TICK_SECONDS", 3600.0)
    storage, thumbnailer = MemoryStorage(clock), MemoryThumbnailer({b"photo": Picture(40, 30, b"small")})
    chat = Chat.over(evolve(ports, storage=storage, thumbnailer=thumbnailer))
    dialog = await a_dialog(chat)

    async with Runner(chat, CRON).running():
        await until_finished(ports, Job.ARCHIVE, Job.PRUNE)
        place = await chat.files.reserve(
            ANN, dialog, filename="a.jpg", content_type="image/jpeg", size_bytes=len(b"photo")
        )
        storage.put(place.url, b"photo", content_type="image/jpeg")
        claim = FileClaim(place.upload.key, "a.jpg", "image/jpeg", len(b"photo"))
        await chat.messages.send(ANN, dialog, Draft("<p>see</p>", files=(claim,)))
        await until_happened(ports, dialog, AttachmentUpdated)

    (filed,) = (await chat.files.page(BO, dialog)).files
    assert (filed.attachment.width, filed.attachment.height) == (40, 30)
    assert await storage.read(thumbnail_key(place.upload.key), at_most=99) == b"small"


async def test_every_job_tells_how_it_fares(ports: Ports, elapse: Elapse) -> None:
    runner = Runner(Chat.over(ports), CRON)

    async with runner.running():
        await until_finished(ports, Job.ARCHIVE, Job.PRUNE)

    archive, prune = await ports.schedules.all()
    assert (archive.plan, archive.result, prune.result) == (CRON, "done", "done")
    assert archive.started_at is not None
    assert timedelta() < archive.due_at - archive.started_at <= timedelta(minutes=5)
    assert prune.started_at is not None
    assert prune.due_at == prune.started_at + runners.PRUNE_EVERY
    assert all(told["succeeded_at"] is not None and not told["failures"] for told in runner.report().values())
    assert runner.degraded() == []
    assert runner.counts["archive.runs"] >= 1


@define
class Slow:
    """Webhooks whose tick takes until it is let go, and notices when it runs twice at once."""

    gate: asyncio.Event = field(factory=asyncio.Event)
    began: asyncio.Event = field(factory=asyncio.Event)
    runs: int = 0
    at_once: int = 0
    most_at_once: int = 0
    is_closed: bool = False

    async def close(self) -> None:
        self.is_closed = True

    async def tick(self) -> None:
        self.runs += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.began.set()
        await self.gate.wait()
        self.at_once -= 1


async def test_a_job_never_runs_twice_at_once_and_once_more_when_woken_meanwhile(memory_ports: Ports) -> None:
    webhooks = Slow()

    async with Runner(Chat.over(memory_ports), CRON, webhooks).running():
        await asyncio.wait_for(webhooks.began.wait(), PATIENCE_SECONDS)
        for _ in range(10):
            memory_ports.jobs.wake(Job.DELIVER)
            await asyncio.sleep(0)
        webhooks.gate.set()

        async def again() -> bool:
            return webhooks.runs >= 2

        await until(again)

    assert webhooks.most_at_once == 1


class Failing(Slow):
    """Webhooks that always fail."""

    async def tick(self) -> None:
        raise ZeroDivisionError


async def test_a_job_that_always_fails_takes_its_time_and_the_others_flow_f3(ports: Ports, elapse: Elapse) -> None:
    chat = Chat.over(ports)
    dialog = await a_dialog(chat)
    await say(ports, dialog, "1")
    await elapse(30 * SECOND)

    runner = Runner(chat, CRON, Failing())
    async with runner.running():
        for _ in range(100):
            ports.jobs.wake(Job.DELIVER)
            await asyncio.sleep(0)
        await until_happened(ports, dialog, NotificationPending)

    told = runner.report()
    assert told["deliver"]["trouble"] == "ZeroDivisionError"
    assert told["remind"]["trouble"] is None
    assert 1 <= runner.counts["deliver.failures"] < 10


@define
class Shaky:
    """DueReminders that can't be reached at first."""

    reminders: DueReminders
    failures: int

    async def due(self, limit: int) -> tuple[DialogId, ...]:
        self.failures -= 1
        if self.failures >= 0:
            raise ServiceUnavailable
        return await self.reminders.due(limit)


async def test_a_job_comes_back_with_the_database_f4(
    ports: Ports, elapse: Elapse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runners, "TICK_SECONDS", 0.01)
    shaky = Shaky(ports.reminders, failures=runners.PATIENCE + 1)
    chat = Chat.over(evolve(ports, reminders=cast(DueReminders, shaky)))
    dialog = await a_dialog(chat)
    await say(ports, dialog, "1")
    await elapse(30 * SECOND)
    runner = Runner(chat, CRON)

    async with runner.running():

        async def is_degraded() -> bool:
            return bool(runner.degraded())

        await until(is_degraded)
        await until_happened(ports, dialog, NotificationPending)

        async def is_well() -> bool:
            return not runner.degraded()

        await until(is_well)

    assert runner.counts["remind.failures"] == runners.PATIENCE + 1


async def test_two_schedulers_run_each_job_once_f23(ports: Ports, elapse: Elapse) -> None:
    chats = [Chat.over(ports) for _ in range(2)]
    dialog = await a_dialog(chats[0])
    await elapse(timedelta(days=3))

    async with Runner(chats[0], CRON).running(), Runner(chats[1], CRON).running():
        await until_finished(ports, Job.ARCHIVE, Job.PRUNE)
        first = await schedule(ports, Job.ARCHIVE)
        await asyncio.gather(*(chat.notifications.remind_due() for chat in chats))

    assert await schedule(ports, Job.ARCHIVE) == first
    assert await happened(ports, dialog, DialogArchived) == 1
    assert sum(chat.archiving.counts["archived"] for chat in chats) == 1


@define
class Held:
    """Schedules of which the archive's run takes until it is cut short."""

    schedules: Schedules
    is_ours: bool = True
    ended: list[str] = field(factory=list[str])

    async def plan(self, job: Job, plan: str) -> None:
        await self.schedules.plan(job, plan)

    async def claim(self, job: Job) -> Claim | None:
        return await self.schedules.claim(job) if job is Job.ARCHIVE else None

    async def renew(self, claim: Claim) -> bool:
        return self.is_ours and await self.schedules.renew(claim)

    async def fail(self, claim: Claim, *, again_in: timedelta, result: str) -> None:
        self.ended.append(result)

    async def release(self, claim: Claim) -> None:
        self.ended.append("released")
        await self.schedules.release(claim)


@define
class Endless:
    """QuietDialogs that never come to an end."""

    began: asyncio.Event = field(factory=asyncio.Event)

    async def stretch(self, *_: object, **__: object) -> None:
        self.began.set()
        await asyncio.Event().wait()


def endless(ports: Ports, schedules: Held, quiet: Endless) -> Runner:
    odd: dict[str, Any] = {"schedules": schedules, "quiet": quiet}
    return Runner(Chat.over(evolve(ports, **odd)), CRON)


async def test_leaving_cuts_short_what_takes_too_long_and_leaves_it_to_others_f33(
    ports: Ports, elapse: Elapse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runners, "LEAVE_SECONDS", 0.05)
    schedules, quiet = Held(ports.schedules), Endless()

    async with asyncio.timeout(PATIENCE_SECONDS), endless(ports, schedules, quiet).running():
        await quiet.began.wait()

    assert schedules.ended == ["released"]
    assert await ports.schedules.claim(Job.ARCHIVE) is not None


async def test_what_has_become_somebody_elses_is_stopped_f2(
    ports: Ports, elapse: Elapse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runners, "LEASE", timedelta(seconds=0.03))
    schedules, quiet = Held(ports.schedules, is_ours=False), Endless()

    async with endless(ports, schedules, quiet).running():

        async def is_over() -> bool:
            return bool(schedules.ended)

        await until(is_over)

    assert schedules.ended[0] == "Lost"


async def test_leaving_waits_for_what_is_under_way_f33(memory_ports: Ports) -> None:
    webhooks = Slow()

    async with Runner(Chat.over(memory_ports), CRON, webhooks).running():
        await asyncio.wait_for(webhooks.began.wait(), PATIENCE_SECONDS)
        asyncio.get_running_loop().call_later(0.05, webhooks.gate.set)

    assert (webhooks.runs, webhooks.at_once, webhooks.is_closed) == (1, 0, True)
