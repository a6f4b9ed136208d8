"""The embedded server's life: made once, started, reached by its URL, and stopped with its parent."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from mtchat_adapters.embedded.accounts import Account, account_for
from mtchat_adapters.embedded.binaries import Binaries, find_binaries, within_reach
from mtchat_adapters.embedded.errors import StartFailed
from mtchat_adapters.embedded.folder import DataFolder, Holder, read_holder, write_holder
from mtchat_adapters.embedded.programs import handed_over, stopping_with_parent, surroundings

_NAME = "mtchat"
_PORT = 5432  # no network port: it is part of the socket's file name
_SOCKET_BYTES = 100  # systems allow 104 or 108 for a socket's path
_LOG_BYTES = 1 << 20
_START_LIMIT = timedelta(minutes=5)
_NOTICEABLE = timedelta(seconds=1)
_STOP_REQUESTS = (  # fast; then at once, and the next start repairs
    (signal.SIGINT, timedelta(minutes=1)),
    (signal.SIGQUIT, timedelta(seconds=10)),
)
_SETTINGS = {
    "listen_addresses": "",
    "port": str(_PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "min_wal_size": "64MB",
    "max_wal_size": "256MB",
    "jit": "off",
    "timezone": "UTC",
    # Only the server's own life: refused statements reach the caller, and what people wrote stays out of the log.
    "log_min_messages": "log",
    "log_checkpoints": "off",
    "log_autovacuum_min_duration": "-1",
    "log_timezone": "UTC",
}


def _tell_nobody(step: str) -> None:
    """Keep *step* to ourselves."""


class EmbeddedPostgres:
    """A PostgreSQL server that belongs to this process, its database kept under one folder.

    It listens on a Unix socket in a private folder and on no network. Whoever may enter that folder (the account
    the server runs as, and root) is trusted without a password.

    On Linux the server stops when the *thread* that started it ends, even by `kill -9`: start it from one that
    lives as long as the process, best the main thread. Elsewhere a server whose parent was killed runs on until
    the next start stops it.
    """

    def __init__(
        self,
        data: Path,
        *,
        durable: bool = True,
        on_progress: Callable[[str], None] = _tell_nobody,
        patience: timedelta = timedelta(seconds=10),
    ) -> None:
        """Describe the server in the folder *data*, which is made when missing and is for the server alone.

        Without *durable* it is faster and may lose its database when the machine fails: for tests.
        *on_progress* is told, in a sentence, about steps that may take over a second.
        *patience* is how long to wait for another process to let go of the folder.
        """
        self._folder = DataFolder(data.absolute())
        self._durable = durable
        self._on_progress = on_progress
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self._sockets: Path | None = None
        self._held = ExitStack()

    @property
    def data(self) -> Path:
        """The folder, as an absolute path."""
        return self._folder.path

    @property
    def url(self) -> str:
        """The database's address for SQLAlchemy; only while the server runs."""
        return self.dsn.replace("postgresql:", "postgresql+asyncpg:", 1)

    @property
    def dsn(self) -> str:
        """The database's address for asyncpg, psql and other programs; only while the server runs."""
        if self._sockets is None:
            raise RuntimeError("The embedded server has no address before start() and after stop().")
        return f"postgresql://{_NAME}@/{_NAME}?host={quote(str(self._sockets), safe='/')}&port={_PORT}"

    @property
    def pid(self) -> int | None:
        """The server's process id; None while it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start the server and return once it takes connections; the first time, make the database.

        A server that runs already is left alone; one that has died is started anew.
        Raises:
            BinariesNotFound: no PostgreSQL that can open this folder is installed.
            BinariesOutOfReach: the account that has to run it may not.
            DataFolderInUse: another process still uses the folder after *patience*.
            AccountUnsuitable: the files belong to an account that cannot run the server from here.
            StartFailed: PostgreSQL gave up; the message carries its own words.
        """
        if self.pid is not None:
            return
        self.stop()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server, ending what still runs in it, and let go of the folder. Twice is as good as once."""
        if self._process is not None:
            for request, limit in _STOP_REQUESTS:
                self._process.send_signal(request)
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(limit.total_seconds())
                    break
            else:
                self._process.kill()
                self._process.wait()
        self._process = None
        self._sockets = None
        self._held.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self) -> None:
        folder = self._folder
        folder.path.mkdir(parents=True, exist_ok=True)
        lock = folder.open_lock(account_for(folder.path, folder.cluster))
        self._held.callback(os.close, lock)
        folder.acquire(lock, patience=self._patience, on_progress=self._on_progress)
        # Asked again: whoever had the folder may have made the database meanwhile.
        account = account_for(folder.path, folder.cluster)
        binaries = within_reach(find_binaries(folder.major()), account)
        sockets = self._make_sockets(account, lock)
        if not folder.cluster.exists():
            self._create(binaries, account, lock)
        folder.forget_dead_server()
        self._launch(binaries, account, lock, sockets)
        self._sockets = sockets

    def _create(self, binaries: Binaries, account: Account, lock: int) -> None:
        """Make the database beside its place, and move it there once it is whole."""
        self._on_progress("Creating the database (first start only)…")
        fresh = self._folder.path / "cluster.new"
        if fresh.exists():
            shutil.rmtree(fresh)
        fresh.mkdir(mode=0o700)
        account.take(fresh)
        with handed_over(fresh) as (path, directory):

            def run(program: str, *arguments: str, say: str = "") -> None:
                done = subprocess.run(  # noqa: S603
                    [binaries.program(program), *arguments],
                    input=say.encode(),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    check=False,
                    **surroundings(account, lock, directory),
                )
                if done.returncode != 0:
                    words = done.stdout.decode(errors="replace")
                    raise StartFailed(f"{binaries} could not make its database:\n{words}")

            access = ("--username=postgres", "--auth-local=trust", "--auth-host=reject")
            run("initdb", "-D", path, *access, *self._initial_options(binaries))
            settings = _options(self._settings() | {"exit_on_error": "on"})
            statements = f"CREATE ROLE {_NAME} LOGIN CREATEDB\nCREATE DATABASE {_NAME} OWNER {_NAME}\n"
            run("postgres", "--single", "-D", path, *settings, "postgres", say=statements)
        fresh.rename(self._folder.cluster)
        parent = os.open(self._folder.path, os.O_RDONLY)
        os.fsync(parent)
        os.close(parent)

    def _initial_options(self, binaries: Binaries) -> Iterator[str]:
        # Bytes decide the order everywhere, as code points do; pg_trgm and lower() need to know Unicode's letters.
        ctype = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
        yield from (
            "--encoding=UTF8",
            "--locale=C",
            f"--lc-ctype={ctype}",
            "--data-checksums",
            "--no-instructions",
        )
        if binaries.major >= 17:
            yield from ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        if not self._durable:
            yield "--no-sync"

    def _make_sockets(self, account: Account, lock: int) -> Path:
        """Make the folder of the socket, and remove that of a server that was killed.

        It lies outside the data folder, whose path may be longer than the system allows for a socket.
        """
        before = read_holder(lock)
        if before is not None:
            _remove_sockets(Path(before.sockets))
        usual = tempfile.gettempdir()
        length = len(os.fsencode(f"{usual}/mtchat-12345678/.s.PGSQL.{_PORT}.lock"))
        # The account root steps down to may have no way into root's own temporary folder.
        base = usual if account.user is None and length <= _SOCKET_BYTES else "/tmp"  # noqa: S108
        sockets = Path(tempfile.mkdtemp(prefix="mtchat-", dir=base))
        self._held.callback(_remove_sockets, sockets)
        account.take(sockets)
        write_holder(lock, Holder(os.getpid(), str(sockets)))
        return sockets

    def _launch(self, binaries: Binaries, account: Account, lock: int, sockets: Path) -> None:
        escaped = str(sockets).replace('"', '""')
        settings = self._settings() | {"unix_socket_directories": f'"{escaped}"'}
        with handed_over(self._folder.cluster) as (path, directory), self._log(account) as log:
            log_start = os.fstat(log).st_size
            process = self._process = subprocess.Popen(  # noqa: S603
                [binaries.program("postgres"), "-D", path, *_options(settings)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the parent, which stops its server in good order
                preexec_fn=stopping_with_parent(),
                **surroundings(account, lock, directory),
            )
        started = time.monotonic()
        told = False
        while self._folder.server_pid(status="ready") != process.pid:
            waited = timedelta(seconds=time.monotonic() - started)
            if process.poll() is not None or waited > _START_LIMIT:
                words = self._folder.log.read_bytes()[log_start:].decode(errors="replace")
                raise StartFailed(f"{binaries} did not start on {self._folder.cluster}:\n{words}")
            if waited > _NOTICEABLE and not told:
                self._on_progress("Starting the database; after a crash it repairs itself first…")
                told = True
            time.sleep(0.01)

    def _settings(self) -> dict[str, str]:
        safety = "on" if self._durable else "off"
        return _SETTINGS | {"fsync": safety, "synchronous_commit": safety, "full_page_writes": safety}

    @contextmanager
    def _log(self, account: Account) -> Generator[int]:
        """Open the server's log at its end, having put a grown one aside."""
        path = self._folder.log
        if path.exists() and path.stat().st_size > _LOG_BYTES:
            path.replace(path.with_name(f"{path.name}.1"))
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        try:
            account.take(path)
            yield log
        finally:
            os.close(log)


def _options(settings: dict[str, str]) -> Iterator[str]:
    for name, value in settings.items():
        yield from ("-c", f"{name}={value}")


def _remove_sockets(folder: Path) -> None:
    """Remove a folder of ours with its socket, if it is still there."""
    if folder.name.startswith("mtchat-") and folder.is_dir():
        for name in (f".s.PGSQL.{_PORT}", f".s.PGSQL.{_PORT}.lock"):
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()
