"""One folder, one server: who holds a data folder, and what a killed server left in it."""

import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from attrs import asdict, frozen

from mtchat_adapters.embedded.accounts import Account
from mtchat_adapters.embedded.errors import DataFolderInUse


@frozen
class Holder:
    """The process that holds a data folder, and where its server's socket is."""

    pid: int
    sockets: str


@frozen
class DataFolder:
    """The files of one server: `cluster` (the database), `postgres.log` and `lock`."""

    path: Path

    @property
    def cluster(self) -> Path:
        """The database itself, PostgreSQL's data directory."""
        return self.path / "cluster"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.path / "postgres.log"

    def major(self) -> int | None:
        """Return the PostgreSQL version that wrote the database; None before there is one."""
        return int((self.cluster / "PG_VERSION").read_text()) if self.cluster.exists() else None

    def open_lock(self, account: Account) -> int:
        """Return a descriptor of the lock file, not locked yet."""
        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        account.take(self.path / "lock")
        return lock

    def acquire(self, lock: int, *, patience: timedelta, on_progress: Callable[[str], None]) -> None:
        """Take the folder for this process and every process that inherits *lock*.

        The server inherits it, so nobody else gets the folder before the last process that uses its files is gone.
        Raises:
            DataFolderInUse: somebody else still has it after *patience*.
        """
        patient_until = time.monotonic() + patience.total_seconds()
        told = False
        while not _locked(lock):
            holder = read_holder(lock)
            who = "another process" if holder is None else f"process {holder.pid}"
            if time.monotonic() > patient_until:
                raise DataFolderInUse(
                    f"The database in {self.path} is in use by {who}. "
                    "Stop it, or choose another data folder: a folder serves one process at a time."
                )
            if not told:
                on_progress(f"Waiting for {who} to let go of {self.path}…")
                told = True
            if holder is not None and not _lives(holder.pid):
                self._stop_orphan()
            time.sleep(0.05)

    def forget_dead_server(self) -> None:
        """Remove a killed server's pid file, before a stranger with its number makes PostgreSQL believe in it."""
        pid = self.server_pid()
        if pid is not None and _serves(pid, self.cluster) is False:
            (self.cluster / "postmaster.pid").unlink()

    def server_pid(self, *, status: str = "") -> int | None:
        """Return the process in the server's pid file, if there is one and *status* is in its last line.

        Source: PostgreSQL, src/include/utils/pidfile.h.
        """
        try:
            lines = (self.cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return None
        return int(lines[0]) if lines and lines[0].strip().isdigit() and status in lines[-1] else None

    def _stop_orphan(self) -> None:
        """Ask the server of a dead parent to stop; on Linux the kernel has done so already."""
        pid = self.server_pid()
        if pid is not None and _serves(pid, self.cluster):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)


def read_holder(lock: int) -> Holder | None:
    """Read who took the lock last; None when nobody did, or was killed before saying so."""
    written = os.pread(lock, 4096, 0)
    return Holder(**json.loads(written)) if written.endswith(b"\n") else None


def write_holder(lock: int, holder: Holder) -> None:
    """Say who holds the lock."""
    os.ftruncate(lock, 0)
    os.pwrite(lock, json.dumps(asdict(holder)).encode() + b"\n", 0)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _serves(pid: int, cluster: Path) -> bool | None:
    """Tell whether process *pid* is a server on *cluster*, which is a server's working directory.

    None means that the system does not let us see.
    """
    if not _lives(pid):
        return False
    if sys.platform != "linux":
        return True
    try:
        return Path(f"/proc/{pid}/cwd").samefile(cluster)
    except FileNotFoundError:
        return False
    except PermissionError:
        return None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
