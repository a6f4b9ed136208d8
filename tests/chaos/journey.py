"""One run: a database, two nodes and a worker, Redis, a webhook receiver, people, faults, and the verdict."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from attrs import frozen

from mtchat_adapters import postgres
from tests.chaos.checker import Verdict, judge, last_words_missed
from tests.chaos.faults import Database, Faults, ReceiverFaults, RedisFaults, ServiceFaults, until
from tests.chaos.final import Final, read_final
from tests.chaos.history import History, canary
from tests.chaos.people import HOST, OUTSIDER, Ear, Participant, Somebody
from tests.chaos.receiver import Receiver
from tests.chaos.webhooks import judge_webhooks
from tests.journeys.service import Service
from tests.valkey import Valkey

CLOSER = "closer"
"""Takes part in everything to the end, and says the last word."""
HEARD_WITHIN_SECONDS, TOLD_WITHIN_SECONDS = 15.0, 60.0
REMIND_SECONDS, REMIND_AT_MOST_SECONDS = 1.0, 3.0
RETRY_SECONDS = (0, 0.2, 0.5, *[1] * 10, *[2] * 50)
WEBHOOK_SECRET = "a-webhook-secret-of-the-chaos"


@frozen
class Report:
    """What a run came to."""

    seed: int
    seconds: float
    history: History
    verdict: Verdict
    faults: dict[str, list[float]]
    slowest_answer: float

    def __str__(self) -> str:
        calls, verdict, history = self.history.calls, self.verdict, self.history
        statuses = Counter(status for call in calls for status in call.statuses)
        failures = {status: count for status, count in sorted(statuses.items()) if status >= 500}
        struck = ", ".join(
            f"{kind} {len(times)} (well after {max(times):.1f} s)" for kind, times in sorted(self.faults.items())
        )
        frames = sum(len(connection.frames) for connection in history.connections)
        told = {post.id for post in history.posts if post.is_taken}
        reminders = {post.id for post in history.posts if post.event == "notification.pending" and post.is_taken}
        return (
            f"seed {self.seed}, {self.seconds:.0f} s, {len(calls)} actions, "
            f"{sum(call.is_acknowledged for call in calls)} acknowledged, {frames} frames on "
            f"{len(history.connections)} sockets, {self.resumed} of them went on where another ended, "
            f"{len(told)} webhooks in {len(history.posts)} attempts, {len(reminders)} of them reminders; "
            f"lost {len(verdict.lost)}, doubled {len(verdict.doubled)}, "
            f"out of order {len(verdict.disordered)}, leaks {len(verdict.leaked)}, missed {len(verdict.missed)}, "
            f"miscounted {len(verdict.miscounted)}, kept though refused {len(verdict.kept_anyway)}, "
            f"untold {len(verdict.untold)}, mistold {len(verdict.mistold)}; "
            f"5xx {failures or 'none'}, no answer {statuses[0]}; faults: {struck or 'none'}; "
            f"slowest answer {self.slowest_answer:.1f} s"
        )

    @property
    def resumed(self) -> int:
        """How many sockets went on where another ended."""
        return sum(connection.resumed is not None for connection in self.history.connections)


async def run(
    folder: Path,
    *,
    seed: int,
    seconds: float,
    strikes: Sequence[str],
    people: int,
    dialogs: int,
    pause: float,
) -> Report:
    """Let *people* talk in *dialogs* for some *seconds*, while the *strikes* fall evenly over that time.

    *pause* is the seconds between two things one person does. What happens to the service, to Redis
    and to the receiver happens beside each other. The seed decides who does what and what breaks;
    the moments are the machine's.
    """
    history = History(webhook_secret=WEBHOOK_SECRET, reminds_after=(REMIND_SECONDS, REMIND_AT_MOST_SECONDS))

    def chance(of: str) -> random.Random:
        return random.Random(f"{seed} {of}")

    async with AsyncExitStack() as stack:
        database = Database(folder)
        stack.callback(database.close)
        await database.start()
        await postgres.migrate_async(database.dsn)
        receiver = Receiver(history.posts, history.absences, chance("receiver"))
        stack.push_async_callback(receiver.stop)
        await receiver.start()
        redis = Valkey(folder)
        stack.callback(redis.kill)
        log = folder / "service.log"
        settings = _settings(database, redis, receiver)
        nodes = [Service("serve", log=log, WORKER="external", **settings) for _ in range(2)]
        worker = Service("worker", log=log, **settings)
        for process in (*nodes, worker):
            stack.callback(process.kill)
        await asyncio.gather(*(asyncio.to_thread(process.__enter__) for process in (*nodes, worker)))
        # Only now: nobody may need it to start (F29).
        await asyncio.to_thread(redis.start)
        urls = [node.url for node in nodes]

        host = Somebody(HOST, urls, history, chance(HOST))
        stack.push_async_callback(host.close)
        names = [f"user-{n}" for n in range(people)]
        for number in range(dialogs):
            history.names[f"d{number}"] = await _open_dialog(host, number, [CLOSER, *names])
        crowd = [Participant(name, urls, history, chance(name), host) for name in (*names, OUTSIDER, CLOSER)]
        for person in crowd:
            person.knows(names)
            stack.push_async_callback(person.close)
        *talking, closer = crowd
        ears = [
            Ear(person.name, urls, person.token, history, chance(f"ear {number}"))
            for number, person in enumerate((*crowd, *talking[:2]))
        ]
        listening = [asyncio.create_task(ear.listen()) for ear in ears]

        def hang_up() -> None:
            for task in listening:
                task.cancel()

        stack.callback(hang_up)
        wires = chance("wires")

        def cut() -> None:
            for ear in wires.sample(ears, len(ears) // 2):
                ear.cut()

        service_faults = ServiceFaults(database, nodes, worker, cut, chance("faults"))
        lanes = (
            service_faults,
            RedisFaults(redis, chance("Redis")),
            ReceiverFaults(receiver, chance("moods")),
        )
        began = time.monotonic()
        is_over = False
        lives = [asyncio.create_task(person.live(lambda: is_over, pause)) for person in talking]
        await asyncio.gather(*(_strike(faults, strikes, began, seconds) for faults in lanes))
        await asyncio.sleep(max(0, began + seconds - time.monotonic()))
        await service_faults.until_healthy()
        is_over = True
        await asyncio.gather(*lives)
        lasted = time.monotonic() - began
        await _say_last_words(closer, history)
        await _until_heard(ears, await read_final(database.dsn))
        kept = await _until_told(history, database)
        for person in crowd:
            kept.told |= {(dialog, person.name): count for dialog, count in (await person.count()).items()}
        history.logged = log.read_text(errors="replace")
        slowest = max(person.slowest for person in (*crowd, host))
    happened = {kind: times for faults in lanes for kind, times in faults.happened.items()}
    return Report(seed, lasted, history, judge(history, kept), happened, slowest)


def _settings(database: Database, redis: Valkey, receiver: Receiver) -> dict[str, str]:
    """Return what every process is told: like in production, in a time that is shorter."""
    return {
        "DATABASE_URL": database.dsn,
        "DATABASE_MAX_CONNECTIONS": "8",
        "REDIS_URL": redis.url,
        "WEBHOOK_URL": receiver.url,
        "WEBHOOK_SECRET": WEBHOOK_SECRET,
        "WEBHOOK_TIMEOUT_SECS": "2",
        "WEBHOOK_LEASE_SECS": "2",
        "WEBHOOK_RETRY_SECS": ",".join(map(str, RETRY_SECONDS)),
        "NOTIFICATION_DELAY_SECS": str(REMIND_SECONDS),
        "NOTIFICATION_MAX_DELAY_SECS": str(REMIND_AT_MOST_SECONDS),
    }


async def _strike(faults: Faults, strikes: Sequence[str], began: float, seconds: float) -> None:
    """Have those of the *strikes* that are its kind fall evenly over some *seconds*."""
    mine = [kind for kind in strikes if kind in faults.kinds]
    for number, kind in enumerate(mine, 1):
        due = began + seconds * number / (len(mine) + 1)
        await asyncio.sleep(max(0, due - time.monotonic()))
        await faults.strike(kind)


async def _open_dialog(host: Somebody, number: int, names: Sequence[str]) -> str:
    body = {
        "object_type": "order",
        "object_id": str(number),
        "participants": [{"user_id": name, "display_name": name} for name in names],
        "access_scopes": [{"scope_level0": ["nordwind"]}],
    }
    answer = await host.insist(host.begin("create", ""), "POST", "/dialogs", body)
    assert answer is not None
    assert answer.status_code // 100 == 2, answer.text
    dialog: str = answer.json()["data"]["id"]
    return dialog


async def _say_last_words(closer: Participant, history: History) -> None:
    """Say one more thing in every dialog."""
    for short, dialog in history.names.items():
        call = closer.begin("send", dialog, content=canary(short, 0), key="last-words")
        body = {"content": call.content, "client_message_id": call.key}
        closer.note_sent(call, await closer.insist(call, "POST", f"/dialogs/{dialog}/messages", body))
        assert call.is_acknowledged, call.statuses


async def _until_heard(ears: Sequence[Ear], kept: Final) -> None:
    """Wait until every open socket has heard the last words, or had the time to; the verdict decides."""
    waiting = [ear.open for ear in ears if ear.open is not None]
    await until(lambda: not any(last_words_missed(one, kept) for one in waiting), within=HEARD_WITHIN_SECONDS)
    for connection in waiting:
        connection.lasted = connection.code is None and connection in [ear.open for ear in ears]


async def _until_told(history: History, database: Database) -> Final:
    """Wait until the host was told everything, or had the time to be; return the database as it is then."""
    deadline = time.monotonic() + TOLD_WITHIN_SECONDS
    while True:
        kept = await read_final(database.dsn)
        if time.monotonic() > deadline or not judge_webhooks(history, kept).untold:
            return kept
        await asyncio.sleep(0.5)
