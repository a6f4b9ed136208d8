"""One run: a database, two processes of the service, people, faults, and the verdict."""

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
from tests.chaos.faults import Database, Faults, until
from tests.chaos.final import Final, read_final
from tests.chaos.history import History, canary
from tests.chaos.people import HOST, OUTSIDER, Ear, Participant, Somebody
from tests.journeys.service import Service

CLOSER = "closer"
"""Takes part in everything to the end, and says the last word."""
HEARD_WITHIN_SECONDS = 15.0


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
        calls, verdict = self.history.calls, self.verdict
        statuses = Counter(status for call in calls for status in call.statuses)
        failures = {status: count for status, count in sorted(statuses.items()) if status >= 500}
        struck = ", ".join(
            f"{kind} {len(times)} (well after {max(times):.1f} s)" for kind, times in sorted(self.faults.items())
        )
        frames = sum(len(connection.frames) for connection in self.history.connections)
        return (
            f"seed {self.seed}, {self.seconds:.0f} s, {len(calls)} actions, "
            f"{sum(call.is_acknowledged for call in calls)} acknowledged, {frames} frames on "
            f"{len(self.history.connections)} sockets; lost {len(verdict.lost)}, doubled {len(verdict.doubled)}, "
            f"out of order {len(verdict.disordered)}, leaks {len(verdict.leaked)}, missed {len(verdict.missed)}, "
            f"miscounted {len(verdict.miscounted)}, kept though refused {len(verdict.kept_anyway)}; "
            f"5xx {failures or 'none'}, no answer {statuses[0]}; faults: {struck or 'none'}; "
            f"slowest answer {self.slowest_answer:.1f} s"
        )


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

    *pause* is the seconds between two things one person does. The seed decides who does what and
    what breaks; the moments are the machine's.
    """
    history = History()
    async with AsyncExitStack() as stack:
        database = Database(folder)
        stack.callback(database.close)
        await database.start()
        await postgres.migrate_async(database.dsn)
        log = folder / "service.log"
        limits = {"DATABASE_URL": database.dsn, "DATABASE_MAX_CONNECTIONS": "8"}
        nodes = [Service("serve", log=log, **limits) for _ in range(2)]
        for node in nodes:
            stack.callback(node.kill)
        await asyncio.gather(*(asyncio.to_thread(node.__enter__) for node in nodes))
        urls = [node.url for node in nodes]

        def chance(of: str) -> random.Random:
            return random.Random(f"{seed} {of}")

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
        ears = [Ear(person.name, urls[0], person.token, history) for person in (*crowd, *talking[:2])]
        listening = [asyncio.create_task(ear.listen()) for ear in ears]

        def hang_up() -> None:
            for task in listening:
                task.cancel()

        stack.callback(hang_up)
        wires = chance("wires")

        def cut() -> None:
            for ear in wires.sample(ears, len(ears) // 2):
                ear.cut()

        faults = Faults(database, nodes, cut, chance("faults"))
        began = time.monotonic()
        is_over = False
        lives = [asyncio.create_task(person.live(lambda: is_over, pause)) for person in talking]
        for number, kind in enumerate(strikes, 1):
            due = began + seconds * number / (len(strikes) + 1)
            await asyncio.sleep(max(0, due - time.monotonic()))
            await faults.strike(kind)
        await asyncio.sleep(max(0, began + seconds - time.monotonic()))
        is_over = True
        await asyncio.gather(*lives)
        lasted = time.monotonic() - began
        await _say_last_words(closer, history)
        kept = await read_final(database.dsn)
        await _until_heard(ears, kept)
        for person in crowd:
            kept.told |= {(dialog, person.name): count for dialog, count in (await person.count()).items()}
        history.logged = log.read_text(errors="replace")
        slowest = max(person.slowest for person in (*crowd, host))
    return Report(seed, lasted, history, judge(history, kept), dict(faults.happened), slowest)


async def _open_dialog(host: Somebody, number: int, names: Sequence[str]) -> str:
    body = {
        "object_type": "order",
        "object_id": str(number),
        "participants": [{"user_id": name, "display_name": name} for name in names],
        "access_scopes": [{"scope_level0": ["nordwind"]}],
    }
    answer = await host.insist(host.begin("create", ""), "POST", "/dialogs", body, node=0)
    assert answer is not None
    assert answer.status_code // 100 == 2, answer.text
    dialog: str = answer.json()["data"]["id"]
    return dialog


async def _say_last_words(closer: Participant, history: History) -> None:
    """Say one more thing in every dialog, on the process where people listen."""
    for short, dialog in history.names.items():
        call = closer.begin("send", dialog, content=canary(short, 0), key="last-words")
        body = {"content": call.content, "client_message_id": call.key}
        closer.note_sent(call, await closer.insist(call, "POST", f"/dialogs/{dialog}/messages", body, node=0))
        assert call.is_acknowledged, call.statuses


async def _until_heard(ears: Sequence[Ear], kept: Final) -> None:
    """Wait until every open socket has heard the last words, or had the time to; the verdict decides."""
    waiting = [ear.open for ear in ears if ear.open is not None]
    await until(lambda: not any(last_words_missed(one, kept) for one in waiting), within=HEARD_WITHIN_SECONDS)
    for connection in waiting:
        connection.lasted = connection.code is None and connection in [ear.open for ear in ears]
