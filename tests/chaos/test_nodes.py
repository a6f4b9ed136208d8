"""Two nodes, and one fault at a time: whatever one of them loses, the other one serves."""

import asyncio
import json
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.asking import PERSON, token
from tests.chaos.checker import judge
from tests.chaos.cutting import Way
from tests.chaos.faults import Database, until
from tests.chaos.final import read_final
from tests.chaos.history import History
from tests.chaos.people import Ear
from tests.chaos.scene import (
    ANSWER_SECONDS,
    HEALED_SECONDS,
    SAID,
    WAITING,
    a_dialog,
    at_least,
    attempted,
    connected,
    holding,
    serving,
    status_of,
    until_counted,
    until_ready,
)
from tests.journeys.service import Service, listening, people
from tests.valkey import Valkey

ELSEWHERE_SECONDS = 2.0
"""Until what one node committed is heard at another one, with PostgreSQL alone."""
REDIS_COSTS_SECONDS = 1.0
CUT_OFF_SECONDS = 2.0
APART_SECONDS = 120

END_ALL = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'mtchat'"

CLOCK = """
import os, time
from datetime import UTC, datetime, timedelta
from mtchat_adapters.system.clock import SystemClock
shift, told = float(os.environ["CLOCK_SHIFT_SECS"]), time.time
time.time = lambda: told() + shift
SystemClock.now = lambda self: datetime.now(UTC) + timedelta(seconds=shift)
"""


@asynccontextmanager
async def two_nodes(database: Database, folder: Path, **settings: str) -> AsyncIterator[tuple[Service, Service]]:
    async with AsyncExitStack() as stack:
        one, other = [await stack.enter_async_context(serving(database, folder, **settings)) for _ in range(2)]
        yield one, other


@pytest.fixture
async def nodes(database: Database, tmp_path: Path) -> AsyncIterator[tuple[Service, Service]]:
    """Two nodes with PostgreSQL and nothing else."""
    async with two_nodes(database, tmp_path) as both:
        yield both


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Valkey]:
    """A Redis to break."""
    with Valkey(tmp_path) as redis:
        yield redis


async def test_what_a_killed_node_had_committed_is_heard_at_the_other_one_f1_g6(
    database: Database, nodes: tuple[Service, Service]
) -> None:
    one, other = nodes
    async with people(one.url) as make, people(other.url) as make_there:
        host, ana, bo = await make(), await make("ana"), await make_there("bo")
        dialog = await a_dialog(host, "ana", "bo")
        body = {"content": "last words", "client_message_id": "k"}
        async with listening(other.url, bo.token) as phone:
            async with holding(database, dialog, "participants where dialog_id") as watcher:
                sending = asyncio.create_task(attempted(ana, "POST", f"/dialogs/{dialog}/messages", body))
                await until_counted(watcher, at_least(1), WAITING)
                # Its statement commits, and it is killed before it reads that, and so can tell nobody.
                os.kill(one.pid, signal.SIGSTOP)
            async with connected(database) as watcher:
                await until_counted(watcher, at_least(1), SAID, dialog, body["content"])
            one.kill()
            async with asyncio.timeout(ELSEWHERE_SECONDS):
                heard = await phone.next("message.new")
            status, _ = await sending
            retried = await (await make_there("ana")).data("POST", f"/dialogs/{dialog}/messages", body)
            heard_besides = [frame for frame in await phone.heard() if frame["type"] == "message.new"]

    assert status == 0
    assert heard["id"] == retried["id"]
    assert heard_besides == []


async def test_a_dead_or_frozen_redis_delays_no_send_and_no_delivery_for_long_g14_g6_f30_f31(
    database: Database, tmp_path: Path, own_redis: Valkey
) -> None:
    async with (
        two_nodes(database, tmp_path, REDIS_URL=own_redis.url) as (one, other),
        people(one.url) as make,
        listening(other.url, token("bo")) as phone,
    ):
        host, ana = await make(), await make("ana")
        dialog = await a_dialog(host, "ana", "bo")
        took, texts, heard = list[float](), list[str](), list[str]()

        async def say(how: str) -> None:
            for number in range(10):
                texts.append(f"{how} {number}")
                status, seconds = await attempted(
                    ana, "POST", f"/dialogs/{dialog}/messages", {"content": texts[-1]}
                )
                assert status == 200
                took.append(seconds)
            async with asyncio.timeout(ELSEWHERE_SECONDS):
                while len(heard) < len(texts):
                    heard.append((await phone.next("message.new"))["content"])

        await say("with Redis")
        own_redis.freeze()
        await say("with Redis frozen")
        own_redis.kill()
        await say("without Redis")
        own_redis.start()
        await say("with an empty Redis")
        own_redis.flush()
        await say("with Redis flushed")

    assert heard == texts
    assert max(took) < REDIS_COSTS_SECONDS


async def test_a_failover_to_a_server_that_takes_no_changes_and_back_f6(
    database: Database, nodes: tuple[Service, Service]
) -> None:
    one, other = nodes
    async with people(one.url) as make, people(other.url) as make_there, connected(database) as operator:
        host, ana, bo = await make(), await make("ana"), await make_there("bo")
        dialog = await a_dialog(host, "ana", "bo")
        send = ("POST", f"/dialogs/{dialog}/messages", {"content": "hello", "client_message_id": "k"})

        async def turn(read_only: str) -> None:
            await operator.execute(f"alter database mtchat set default_transaction_read_only = {read_only}")
            await operator.execute(END_ALL)

        await operator.execute("set default_transaction_read_only = off")
        async with listening(other.url, bo.token) as phone:
            await turn("on")
            await asyncio.gather(until_refusing(one), until_refusing(other))
            refused = [await attempted(who, *send) for who in (ana, bo) for _ in range(5)]
            read = [(await who("GET", f"/dialogs/{dialog}/messages")).status_code for who in (ana, bo)]
            await turn("off")
            healed = [await until_ready(node) for node in nodes]
            sent = await ana.data(*send)
            assert (await phone.next("message.new"))["id"] == sent["id"]

    assert {status for status, _ in refused} == {503}
    assert max(seconds for _, seconds in refused) < ANSWER_SECONDS
    assert read == [200, 200]
    assert max(healed) < HEALED_SECONDS


async def until_refusing(node: Service) -> None:
    """Wait until a node no longer says that it is ready."""
    async with asyncio.timeout(HEALED_SECONDS):
        while (await status_of(f"{node.url}/health/ready"))[0] == 200:  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.02)


async def test_a_node_cut_off_from_everything_sends_people_to_the_other_one_f22(
    database: Database, tmp_path: Path, own_redis: Valkey
) -> None:
    ways = tmp_path / "ways"
    ways.mkdir()
    sockets = Path(httpx.URL(database.dsn).params["host"])
    settings = {"REDIS_URL": own_redis.url, "NODE_CUT_OFF_SECS": str(CUT_OFF_SECONDS)}
    apart = {
        "DATABASE_URL": f"postgresql://mtchat@/mtchat?host={quote(str(ways), safe='/')}",
        "REDIS_URL": f"unix://{ways / 'redis'}",
    }
    async with (
        Way(ways / ".s.PGSQL.5432", sockets / ".s.PGSQL.5432") as to_database,
        Way(ways / "redis", Path(own_redis.url.removeprefix("unix://"))) as to_redis,
        serving(database, tmp_path, **settings) as whole,
        serving(database, tmp_path, **{**settings, **apart}) as lonely,
        people(whole.url) as make,
        people(lonely.url) as make_there,
    ):
        host, ana, bo = await make(), await make("ana"), await make_there("bo")
        dialog = await a_dialog(host, "ana", "bo")
        send = ("POST", f"/dialogs/{dialog}/messages", {"content": "hello"})
        url = f"{lonely.url.replace('http', 'ws', 1)}{PERSON}/ws?token={bo.token}"
        async with connect(url) as phone:
            cursor = json.loads(await phone.recv())["cursor"]
            to_database.cut()
            to_redis.cut()
            cut_at = time.monotonic()
            missed = [(await ana.data(*send))["id"] for _ in range(3)]
            status, seconds = await attempted(bo, *send)
            ready, _ = await status_of(f"{lonely.url}/health/ready")
            live, _ = await status_of(f"{lonely.url}/health")
            code = await code_of(phone)
            closed_after = time.monotonic() - cut_at
        elsewhere = f"{whole.url.replace('http', 'ws', 1)}{PERSON}/ws?token={bo.token}&cursor={quote(cursor)}"
        async with connect(elsewhere) as phone, asyncio.timeout(ANSWER_SECONDS):
            greeting = json.loads(await phone.recv())
            caught_up = list[str]()
            while len(caught_up) < len(missed):
                frame = json.loads(await phone.recv())
                caught_up += [frame["id"]] if frame["type"] == "message.new" else []
        to_database.mend()
        to_redis.mend()
        healed = await until_ready(lonely)
        again, _ = await attempted(bo, *send)

    assert (status, ready, live, code) == (503, 503, 200, 1013)
    assert seconds < ANSWER_SECONDS
    assert closed_after > CUT_OFF_SECONDS
    assert greeting["recovered"] is True
    assert caught_up == missed
    assert healed < HEALED_SECONDS
    assert again == 200


async def code_of(phone: ClientConnection) -> int | None:
    """Listen until the service hangs up, and return how."""
    with suppress(ConnectionClosed):
        async with asyncio.timeout(30):
            while True:
                await phone.recv()
    return phone.close_code


async def test_clocks_minutes_apart_change_neither_order_nor_delivery_f32_g4(
    database: Database, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(CLOCK)
    early = {"PYTHONPATH": str(tmp_path), "CLOCK_SHIFT_SECS": str(-APART_SECONDS)}
    late = {"PYTHONPATH": str(tmp_path), "CLOCK_SHIFT_SECS": str(APART_SECONDS)}
    async with (
        serving(database, tmp_path, **early) as one,
        serving(database, tmp_path, **late) as other,
        people(one.url) as make,
        people(other.url) as make_there,
        listening(one.url, token("ana")) as at_one,
        listening(other.url, token("bo")) as at_other,
    ):
        host, ana, bo = await make(), await make("ana"), await make_there("bo")
        dialog = await a_dialog(host, "ana", "bo")
        sent = [
            (await who.data("POST", f"/dialogs/{dialog}/messages", {"content": "hello"})) for who in (bo, ana) * 10
        ]
        page = (await ana.data("GET", f"/dialogs/{dialog}/messages"))["messages"]
        ids = [message["id"] for message in sent]
        heard = [[(await phone.next("message.new"))["id"] for _ in sent] for phone in (at_one, at_other)]

    assert heard == [ids, ids]
    assert [message["id"] for message in page if message["message_type"] == "user"] == ids == sorted(ids)
    assert [message["seq"] for message in sent] == sorted(message["seq"] for message in sent)
    assert [message["sent_at"] for message in sent] == sorted(message["sent_at"] for message in sent)


# A release


class Talker:
    """Sends keyed messages to any node; one that is not there, or leaves, sends it to the other one, once."""

    def __init__(self, name: str, urls: Sequence[str], dialog: str) -> None:
        self.answered: list[str] = []
        self.failed: list[str] = []
        self._name = name
        self._chance = random.Random(name)
        self._urls = urls
        self._path = f"{PERSON}/dialogs/{dialog}/messages"

    async def talk(self, is_over: asyncio.Event) -> None:
        """Talk until it is over."""
        headers = {"Authorization": f"Bearer {token(self._name)}"}
        async with httpx.AsyncClient(headers=headers, timeout=ANSWER_SECONDS, trust_env=False) as client:
            number = 0
            while not is_over.is_set():
                number += 1
                body = {"content": f"{self._name} {number}", "client_message_id": str(number)}
                first, second = self._chance.sample(self._urls, 2)
                if made := await self._say(client, first, body) or await self._say(client, second, body):
                    self.answered.append(made)
                else:
                    self.failed.append(body["content"])
                await asyncio.sleep(self._chance.uniform(0, 0.04))

    async def _say(self, client: httpx.AsyncClient, url: str, body: dict[str, str]) -> str | None:
        try:
            answer = await client.post(f"{url}{self._path}", json=body)
        except httpx.TransportError:
            return None
        return str(answer.json()["data"]["id"]) if answer.status_code == 200 else None


async def test_a_rolling_restart_fails_no_keyed_request_and_loses_no_event_g16_f33_g3(
    database: Database, tmp_path: Path, own_redis: Valkey
) -> None:
    settings = {"REDIS_URL": own_redis.url, "SHUTDOWN_GRACE_SECS": "0.5"}
    history, is_over = History(), asyncio.Event()
    async with two_nodes(database, tmp_path, **settings) as nodes:
        urls = [node.url for node in nodes]
        async with people(urls[0]) as make:
            dialog = await a_dialog(await make(), "ana", "bo", "cy")
        talkers = [Talker(name, urls, dialog) for name in ("ana", "bo")]
        ears = [Ear(name, urls, token(name), history, random.Random(name)) for name in ("ana", "bo", "cy") * 2]
        listening_ = [asyncio.create_task(ear.listen()) for ear in ears]
        assert await until(lambda: all(ear.open for ear in ears), within=10)
        talking = [asyncio.create_task(talker.talk(is_over)) for talker in talkers]
        codes = list[int]()
        for node in nodes:
            await asyncio.to_thread(node.stop)
            codes.append(node.ended(0))
            await asyncio.to_thread(node.__enter__)
        is_over.set()
        await asyncio.gather(*talking)
        said = {id_ for talker in talkers for id_ in talker.answered}
        kept = await read_final(database.dsn)
        last = kept.numbers[dialog][1]

        def has_heard(ear: Ear) -> bool:
            return ear.open is not None and any(frame.seq == last for frame in ear.open.frames)

        has_everybody_heard = await until(lambda: all(map(has_heard, ears)), within=10)
        for task in listening_:
            task.cancel()
        await asyncio.gather(*listening_, return_exceptions=True)

    assert [talker.failed for talker in talkers] == [[], []]
    assert codes == [0, 0]
    assert said == {one.id for one in kept.messages.values() if one.dialog == dialog and one.sender}
    assert has_everybody_heard
    verdict = judge(history, kept)
    assert (verdict.missed, verdict.disordered, verdict.leaked) == ([], [], [])
    assert len(said) == sum(len(talker.answered) for talker in talkers)
    assert all(one.resumed for one in history.connections[len(ears) :])
