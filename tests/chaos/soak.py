"""`make soak`: person after person comes, talks and goes; the service's memory has to stay within 10 %."""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import httpx
from websockets.asyncio.client import connect

from mtchat_adapters import postgres
from tests.asking import ADMIN, MANAGEMENT, PERSON, token
from tests.chaos.faults import Database
from tests.journeys.service import Service

VISITORS_AT_ONCE = 8
GROWTH = 0.10


async def _visit(client: httpx.AsyncClient, url: str, dialog: str, user: str) -> None:
    bearer = token(user)
    host, person = {"Authorization": f"Bearer {ADMIN}"}, {"Authorization": f"Bearer {bearer}"}
    people = f"{url}{MANAGEMENT}/dialogs/{dialog}/participants"
    messages = f"{url}{PERSON}/dialogs/{dialog}/messages"
    (await client.post(people, json={"user_id": user}, headers=host)).raise_for_status()
    async with connect(f"{url.replace('http', 'ws', 1)}{PERSON}/ws?token={bearer}", proxy=None) as socket:
        await socket.recv()
        (await client.get(f"{url}{PERSON}/dialogs", headers=person)).raise_for_status()
        said = await client.post(messages, json={"content": "hello"}, headers=person)
        said.raise_for_status()
        mark = {"last_read_message_id": said.json()["data"]["id"]}
        (await client.post(f"{url}{PERSON}/dialogs/{dialog}/read", json=mark, headers=person)).raise_for_status()
    (await client.delete(f"{people}/{user}", headers=host)).raise_for_status()


async def _soak(folder: Path, seconds: float) -> tuple[int, list[int]]:
    """Let visitors come for some *seconds*; return how many came, and the memory in KiB, once a second."""
    database = Database(folder)
    await database.start()
    await postgres.migrate_async(database.dsn)
    service = Service("serve", log=folder / "service.log", DATABASE_URL=database.dsn)
    memory: list[int] = []
    came = 0
    try:
        await asyncio.to_thread(service.__enter__)
        until = time.monotonic() + seconds
        async with httpx.AsyncClient(timeout=20, trust_env=False) as client:
            host = {"Authorization": f"Bearer {ADMIN}"}

            async def visitors(number: int) -> None:
                nonlocal came
                body = {"object_type": "order", "object_id": str(number), "participants": []}
                made = await client.post(f"{service.url}{MANAGEMENT}/dialogs", json=body, headers=host)
                dialog = made.json()["data"]["id"]
                while time.monotonic() < until:
                    came += 1
                    await _visit(client, service.url, dialog, f"visitor-{came}")

            async def watch() -> None:
                while time.monotonic() < until:
                    memory.append(_resident_kib(service.pid))
                    await asyncio.sleep(1)

            await asyncio.gather(watch(), *(visitors(number) for number in range(VISITORS_AT_ONCE)))
    finally:
        service.kill()
        database.close()
    return came, memory


def _resident_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("the system does not tell how much memory a process has")


def main() -> int:
    """Run, print one line, and return how the process should end."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long; at most 60")
    seconds = min(max(parser.parse_args().minutes, 0.2), 60.0) * 60
    with tempfile.TemporaryDirectory(prefix="mtchat-soak-") as folder:
        came, memory = asyncio.run(_soak(Path(folder), seconds))
    third = len(memory) // 3
    # The first third fills caches that have a limit.
    early, late = median(memory[third : third + third // 2 + 1]), median(memory[-third // 2 :])
    growth = late / early - 1
    print(
        f"{seconds:.0f} s, {came} people came and went; memory {early / 1024:.0f} MiB after a third of the time, "
        f"{late / 1024:.0f} MiB at the end: {growth:+.1%}"
    )
    return 1 if growth > GROWTH else 0


if __name__ == "__main__":
    sys.exit(main())
