"""What every room's tests may ask for: ports in memory and over PostgreSQL, and the chat over them."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
import sqlalchemy as sa
from attrs import evolve

from mtchat_adapters import memory, postgres
from mtchat_adapters.memory.unit_of_work import MemoryUnitsOfWork
from mtchat_core.chat import Chat, Habits, Ports
from mtchat_core.domain.presence import Discretion
from tests import servers
from tests.builders import FakeClock
from tests.elapsing import Elapse, make_older
from tests.s3 import Endpoint, test_s3
from tests.silence import listening_to_logs, no_secret_in_any_line
from tests.valkey import Valkey

__all__ = ["listening_to_logs", "no_secret_in_any_line"]

_EMPTY = sa.text("""
    truncate dialogs, participants, access_scopes, messages, deleted_messages, edits, events, event_floor,
      idempotency_keys, webhook_endpoints, webhook_deliveries, webhook_attempts, reminder_failures, schedules,
      uploads, attachments, storage_leftovers
""")


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still until the test moves it."""
    return FakeClock()


@pytest.fixture
def memory_ports(clock: FakeClock) -> Ports:
    """Every port in memory, empty."""
    return memory.ports(clock=clock)


@pytest.fixture(scope="session")
def databases() -> Iterator[servers.Databases]:
    """The session's PostgreSQL server."""
    with servers.test_postgres() as lent:
        yield lent


@pytest.fixture(scope="session")
async def postgres_url(databases: servers.Databases) -> AsyncIterator[str]:
    """The URL of one migrated database for the whole session."""
    url = await databases.create()
    await postgres.migrate_async(url)
    yield url
    await databases.drop(url)


@pytest.fixture(scope="session")
async def postgres_store(postgres_url: str) -> AsyncIterator[postgres.PostgresStore]:
    """The session's pool."""
    async with postgres.open(postgres_url, command=timedelta(seconds=20), acquire=timedelta(seconds=20)) as store:
        yield store


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """The session's Redis, on a unix socket: `valkey.url`. Whoever breaks one starts their own."""
    with Valkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture(scope="session")
async def s3_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Endpoint]:
    """The session's S3, with the bucket there. Whoever breaks one takes the strict one."""
    with test_s3(tmp_path_factory.mktemp("s3")) as server:
        await server.make_bucket()
        yield server


@pytest.fixture
async def postgres_ports(clock: FakeClock, postgres_store: postgres.PostgresStore) -> Ports:
    """Every port over PostgreSQL, empty; the rest in memory."""
    async with postgres_store.engine.connect() as connection:
        await connection.execute(_EMPTY)
    return evolve(memory.ports(clock=clock), **postgres_store.ports())


@pytest.fixture(params=["memory", "postgres"])
def ports(request: pytest.FixtureRequest) -> Ports:
    """Every port, once in memory and once over PostgreSQL."""
    return cast(Ports, request.getfixturevalue(f"{request.param}_ports"))


@pytest.fixture
def elapse(request: pytest.FixtureRequest, ports: Ports, clock: FakeClock) -> Elapse:
    """Let time pass at once: on the clock, which begins at the present, or by making what is kept older."""
    clock.set(datetime.now(UTC))
    is_kept = not isinstance(ports.units, MemoryUnitsOfWork)
    store = request.getfixturevalue("postgres_store") if is_kept else None

    async def elapse(by: timedelta) -> None:
        if store is None:
            clock.advance(by)
        else:
            await make_older(store, by)

    return elapse


@pytest.fixture
def chat(ports: Ports) -> Iterator[Chat]:
    """The whole chat over `ports`."""
    chat = Chat.over(ports, Habits(discretion=Discretion(grace=timedelta(0))))
    yield chat
    chat.realtime.close()
    chat.presence.close()
