"""The embedded server as a user meets it: it starts, keeps what it was given, and goes when its process goes."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from mtchat_adapters.embedded import binaries as binaries_module
from mtchat_adapters.embedded.accounts import account_for
from mtchat_adapters.embedded.binaries import OVERRIDE, Binaries, find_binaries, within_reach
from mtchat_adapters.embedded.errors import (
    AccountUnsuitable,
    BinariesNotFound,
    DataFolderInUse,
    EmbeddedPostgresError,
    StartFailed,
)
from mtchat_adapters.embedded.postgres import EmbeddedPostgres
from tests import servers

BRIEFLY = timedelta(milliseconds=200)
INSTALLED = [one.source for one in binaries_module.installed()]
SERVE_UNTIL_KILLED = """
import sys
from pathlib import Path
from mtchat_adapters.embedded import postgres
if "--outlived" in sys.argv:
    postgres.stopping_with_parent = lambda: None
with postgres.EmbeddedPostgres(Path(sys.argv[1]), durable=False) as server:
    print(server.pid, server.dsn, flush=True)
    sys.stdin.read()
"""
SERVE_AS_SOMEBODY = """
import os, sys
from pathlib import Path
from mtchat_adapters.embedded.postgres import EmbeddedPostgres
user, group = int(sys.argv[2]), int(sys.argv[3])
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)
with EmbeddedPostgres(Path(sys.argv[1]), durable=False) as server:
    print(Path(f"/proc/{server.pid}").stat().st_uid if sys.platform == "linux" else os.geteuid())
"""


@pytest.fixture(params=INSTALLED)
def each_installed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the test once with every server of this machine: the system's and the wheel's."""
    chosen = next(one for one in binaries_module.installed() if one.source == request.param)
    runnable = within_reach(chosen, account_for(Path("/"), Path("/nowhere")))
    monkeypatch.setenv(OVERRIDE, str(runnable.directory))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server on an empty folder, started by the test."""
    server = EmbeddedPostgres(tmp_path / "data", durable=False, patience=BRIEFLY)
    yield server
    server.stop()


@pytest.mark.usefixtures("each_installed")
async def test_a_first_start_makes_a_database_that_survives_restarts(tmp_path: Path) -> None:
    told: list[str] = []
    server = EmbeddedPostgres(tmp_path / "data", on_progress=told.append)

    with server:
        await _run(server, "CREATE TABLE notes (body text)", "INSERT INTO notes VALUES ('kept')")
    with server:
        engine = create_async_engine(server.url)
        async with engine.connect() as connection:
            kept = (await connection.execute(text("SELECT body FROM notes"))).scalar_one()
        await engine.dispose()

    assert kept == "kept"
    assert told == ["Creating the database (first start only)…"]


@pytest.mark.usefixtures("each_installed")
async def test_every_version_orders_and_understands_text_alike(server: EmbeddedPostgres) -> None:
    server.start()

    await _run(server, "CREATE EXTENSION pg_trgm")
    ordered = await _ask(server, "SELECT string_agg(c, '' ORDER BY c) FROM unnest('{b,B,a,ё,я,Я,😀,ﬁ}'::text[]) c")
    lowered = await _ask(server, "SELECT lower('ПРИВЕТ') || lower('ÄÖ')")
    alike = await _ask(server, "SELECT similarity('привет', 'приветы') > 0.5 AND 'ПРИВЕТ' ILIKE 'при%'")

    assert ordered == "".join(sorted("bBaёяЯ😀ﬁ"))
    assert lowered == "приветäö"
    assert alike is True


@pytest.mark.usefixtures("each_installed")
async def test_a_killed_server_starts_again_with_all_it_had_promised(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "data") as server:
        await _run(server, "CREATE TABLE notes (body text)", "INSERT INTO notes VALUES ('kept')")

        os.kill(_running(server), signal.SIGKILL)
        _eventually(lambda: server.pid is None)
        server.start()

        assert await _ask(server, "SELECT body FROM notes") == "kept"


async def test_the_server_stops_when_its_parent_is_killed(tmp_path: Path) -> None:
    with _somebody_serving(tmp_path / "data") as (parent, _, dsn):
        await _run(dsn, "CREATE TABLE notes (body text)", "INSERT INTO notes VALUES ('kept')")

        parent.kill()

        _eventually(lambda: not (tmp_path / "data/cluster/postmaster.pid").exists())
    with EmbeddedPostgres(tmp_path / "data") as server:
        assert await _ask(server, "SELECT body FROM notes") == "kept"


@pytest.mark.usefixtures("each_installed")
async def test_killing_everything_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    with _somebody_serving(tmp_path / "data") as (parent, pid, dsn):
        os.kill(pid, signal.SIGKILL)
        parent.kill()
        parent.wait()
    left_over = [tmp_path / "data/cluster/postmaster.pid", _socket(dsn)]
    assert [path.exists() for path in left_over] == [True, True]

    with EmbeddedPostgres(tmp_path / "data") as server:
        assert await _ask(server, "SELECT 1") == 1

    assert [path.exists() for path in left_over] == [False, False]


async def test_a_server_that_outlived_its_parent_is_stopped_by_the_next_start(tmp_path: Path) -> None:
    with _somebody_serving(tmp_path / "data", "--outlived") as (parent, pid, _):
        parent.kill()
        parent.wait()
    os.kill(pid, 0)

    with EmbeddedPostgres(tmp_path / "data") as server:
        assert server.pid != pid
        assert await _ask(server, "SELECT 1") == 1


async def test_a_number_taken_over_by_a_stranger_does_not_pass_for_the_server(server: EmbeddedPostgres) -> None:
    server.start()
    server.stop()
    with _a_stranger_of_the_same_account(server) as pid:
        pid_file = server.data / "cluster/postmaster.pid"
        pid_file.write_text(f"{pid}\n{server.data}\n1\n5432\n\n\n  1  1\nready\n")

        server.start()

    assert await _ask(server, "SELECT 1") == 1


def test_a_second_process_is_refused_and_told_who_has_the_folder(server: EmbeddedPostgres) -> None:
    with _somebody_serving(server.data) as (parent, pid, _):
        with pytest.raises(DataFolderInUse, match=f"in use by process {parent.pid}"):
            server.start()

        os.kill(pid, 0)
        assert server.pid is None


def test_a_second_server_in_the_same_process_is_refused_too(server: EmbeddedPostgres) -> None:
    server.start()

    with pytest.raises(DataFolderInUse, match=f"process {os.getpid()}"):
        EmbeddedPostgres(server.data, patience=BRIEFLY).start()


async def test_a_start_waits_for_a_server_that_is_just_leaving(server: EmbeddedPostgres) -> None:
    server.start()
    told: list[str] = []

    def leave(step: str) -> None:
        told.append(step)
        server.stop()

    with EmbeddedPostgres(server.data, durable=False, on_progress=leave) as successor:
        assert await _ask(successor, "SELECT 1") == 1
    assert told == [f"Waiting for process {os.getpid()} to let go of {server.data}…"]


@pytest.mark.usefixtures("each_installed")
@pytest.mark.parametrize(
    "name", ["with spaces and 'quotes' \"of both\" kinds, $HOME", "long" * 50 + "/" + "longer" * 40]
)
async def test_any_path_will_do_even_in_a_closed_folder_which_stays_closed(tmp_path: Path, name: str) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    before = closed.stat()

    with EmbeddedPostgres(closed / name, durable=False) as server:
        assert await _ask(server, "SELECT 1") == 1

    after = closed.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


async def test_a_long_temporary_folder_does_not_make_the_sockets_path_too_long(
    server: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("long" * 25)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))

    server.start()

    assert await _ask(server, "SELECT 1") == 1


@pytest.mark.usefixtures("each_installed")
def test_a_normal_user_runs_the_server_as_themselves() -> None:
    nobody = pwd.getpwnam("nobody")
    user, group = (nobody.pw_uid, nobody.pw_gid) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, user, group)

        done = subprocess.run(
            [sys.executable, "-c", SERVE_AS_SOMEBODY, f"{folder}/data", str(user), str(group)],
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.stderr == ""
    assert int(done.stdout) == user


def test_nobody_else_may_enter_the_sockets_folder(server: EmbeddedPostgres) -> None:
    server.start()

    sockets = _socket(server.dsn).parent

    assert sockets.stat().st_mode & 0o777 == 0o700
    assert sockets.stat().st_uid == (server.data / "cluster").stat().st_uid


async def test_it_listens_on_no_network_and_its_role_is_no_superuser(server: EmbeddedPostgres) -> None:
    server.start()

    assert await _ask(server, "SHOW listen_addresses") == ""
    assert await _ask(server, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False


@pytest.mark.parametrize(("durable", "safety"), [(True, "on"), (False, "off")])
async def test_only_a_durable_server_waits_for_the_disk(tmp_path: Path, durable: bool, safety: str) -> None:
    with EmbeddedPostgres(tmp_path / "data", durable=durable) as server:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert await _ask(server, f"SHOW {setting}") == safety


def test_ctrl_c_reaches_the_parent_alone(server: EmbeddedPostgres) -> None:
    server.start()

    assert os.getsid(_running(server)) != os.getsid(0)


async def test_the_log_holds_the_servers_life_and_nothing_people_wrote(server: EmbeddedPostgres) -> None:
    server.start()

    with pytest.raises(asyncpg.PostgresError):
        await _run(server, "SELECT 'a secret'::int")
    server.stop()

    log = (server.data / "postgres.log").read_text()
    assert "ready to accept connections" in log
    assert "secret" not in log


def test_a_grown_log_is_put_aside_at_the_next_start(server: EmbeddedPostgres) -> None:
    server.data.mkdir()
    (server.data / "postgres.log").write_text("old\n" * 300_000)

    server.start()

    assert (server.data / "postgres.log").stat().st_size < 10_000
    assert (server.data / "postgres.log.1").read_text().startswith("old")


async def test_a_database_left_half_made_is_made_again(server: EmbeddedPostgres) -> None:
    (server.data / "cluster.new/base").mkdir(parents=True)

    server.start()

    assert await _ask(server, "SELECT 1") == 1
    assert not (server.data / "cluster.new").exists()


def test_a_failed_start_repeats_the_servers_own_words_and_leaves_nothing(server: EmbeddedPostgres) -> None:
    server.start()
    server.stop()
    (server.data / "cluster/global/pg_control").unlink()

    with pytest.raises(StartFailed, match="pg_control"):
        server.start()

    assert server.pid is None
    with pytest.raises(RuntimeError, match="no address"):
        _ = server.url
    with pytest.raises(StartFailed):  # and not DataFolderInUse
        EmbeddedPostgres(server.data, patience=BRIEFLY).start()


def test_data_of_another_version_is_refused_with_a_way_out(server: EmbeddedPostgres) -> None:
    server.start()
    server.stop()
    (server.data / "cluster/PG_VERSION").write_text("9999\n")

    with pytest.raises(BinariesNotFound, match="Install PostgreSQL 9999"):
        server.start()


def test_the_server_that_wrote_the_data_is_preferred_to_a_newer_one() -> None:
    for one in binaries_module.installed():
        assert find_binaries(one.major).major == one.major


def test_a_machine_without_a_server_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries_module, "installed", list[Binaries])

    with pytest.raises(BinariesNotFound, match=r"pip install 'mtchat\[embedded\]'"):
        find_binaries()


def test_a_wrong_folder_in_the_override_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(OVERRIDE, str(tmp_path))

    with pytest.raises(BinariesNotFound, match=f"{OVERRIDE} is {tmp_path}"):
        find_binaries()


async def test_a_wheel_inside_a_closed_home_is_run_all_the_same(
    server: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    wheel = next(one for one in binaries_module.installed() if one.source == "wheel")
    package = wheel.directory.parent.parent
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, home / part.name, ignore=shutil.ignore_patterns("include", "*.a"))
    home.chmod(0o700)
    inside = Binaries(wheel.version, home / package.name / "pginstall/bin", "wheel", has_trigrams=True)
    monkeypatch.setattr(binaries_module, "installed", lambda: [inside])

    with _a_folder_open_to_all() as copies:
        monkeypatch.setattr(binaries_module, "_COPIES", copies)
        server.start()
        answer = await _ask(server, "SELECT 1")
        server.stop()

    assert answer == 1
    assert home.stat().st_mode & 0o777 == 0o700


def test_root_steps_down_to_the_owner_of_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    somebody = pwd.getpwnam("nobody")
    if os.getuid() == 0:
        os.chown(tmp_path, somebody.pw_uid, somebody.pw_gid)

    account = account_for(tmp_path, tmp_path / "cluster")

    assert account.user == tmp_path.stat().st_uid
    assert account.extra_groups == ()


def test_files_of_root_are_refused_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    with pytest.raises(AccountUnsuitable, match="chown"):
        account_for(tmp_path, Path("/"))


def test_files_of_somebody_else_are_refused_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cluster").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: 4321)

    with pytest.raises(EmbeddedPostgresError, match="this process runs as user 4321"):
        account_for(tmp_path, tmp_path / "cluster")


async def test_test_databases_are_copies_of_their_template_and_go_when_dropped() -> None:
    with servers.test_postgres() as databases:
        template = await databases.create()
        await _run(template, "CREATE TABLE notes (body text)", "INSERT INTO notes VALUES ('copied')")

        copy = await databases.create(template)
        await _run(copy, "UPDATE notes SET body = 'changed'")
        in_template = await _ask(template, "SELECT body FROM notes")
        await databases.drop(copy)
        await databases.drop(template)

        assert in_template == "copied"
        with pytest.raises(asyncpg.InvalidCatalogNameError):
            await _ask(copy, "SELECT 1")


async def _run(where: EmbeddedPostgres | str, *statements: str) -> None:
    connection = await asyncpg.connect(_dsn(where))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def _ask(where: EmbeddedPostgres | str, question: str) -> object:
    connection = await asyncpg.connect(_dsn(where))
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


def _dsn(where: EmbeddedPostgres | str) -> str:
    return where.dsn if isinstance(where, EmbeddedPostgres) else where.replace("+asyncpg", "")


def _socket(dsn: str) -> Path:
    return Path(dsn.partition("host=")[2].partition("&")[0]) / ".s.PGSQL.5432"


def _running(server: EmbeddedPostgres) -> int:
    assert server.pid is not None
    return server.pid


@contextmanager
def _somebody_serving(data: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], int, str]]:
    """Let another process serve *data*; yield it, its server's process id and its DSN."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVE_UNTIL_KILLED, str(data), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        pid, dsn = parent.stdout.readline().split()
        yield parent, int(pid), dsn


@contextmanager
def _a_folder_open_to_all() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def _a_stranger_of_the_same_account(server: EmbeddedPostgres) -> Iterator[int]:
    account = account_for(server.data, server.data / "cluster")
    with subprocess.Popen(["sleep", "60"], user=account.user, group=account.group) as stranger:
        yield stranger.pid
        stranger.kill()


def _eventually(holds: Callable[[], bool], *, within: timedelta = timedelta(seconds=20)) -> None:
    until = time.monotonic() + within.total_seconds()
    while not holds():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)
