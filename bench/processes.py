"""Processes beside ours: the service under measurement and the floors, with what they take of the machine."""

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

ADMIN = "a-benchmark-admin-token"
SECRET = "a benchmark's secret of more than thirty-two bytes"
HOST = "127.0.0.1"
PATIENCE_SECONDS = 60.0
_OPEN_FILES = 20_000
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


async def run(*command: str, seconds: float, say: str = "", environment: Mapping[str, str] | None = None) -> str:
    """Run a program to its end, within *seconds*, and return what it said.

    Raises:
        RuntimeError: it failed, with its own words.
        TimeoutError: it did not end in time; it is ended then.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**_kept(), **(environment or {})},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(seconds):
            said = (await process.communicate(say.encode()))[0].decode(errors="replace")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} failed:\n{said}")
    return said


def free_port() -> int:
    """Return a port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


class Child:
    """A process of ours that answers HTTP on a port, until the block ends."""

    def __init__(self, command: list[str], port: int, log: Path, environment: Mapping[str, str]) -> None:
        self.port = port
        self._command = command
        self._log = log
        self._environment = environment

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env={**_kept(), **self._environment}, stdout=log, stderr=log
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def cpu_seconds(self) -> float:
        """Return the processor time it took so far, its own and the kernel's for it."""
        return cpu_seconds(self.pid)

    def rss_bytes(self) -> int:
        """Return the memory it holds now."""
        return rss_bytes(self.pid)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if is_ready(self.port):
                return
            time.sleep(0.002)
        said = self._log.read_text(errors="replace")[-4000:]
        raise RuntimeError(f"{' '.join(self._command)} did not come up:\n{said}")

    def _stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)


def service(database_url: str, folder: Path, **settings: str) -> Child:
    """Return `mtchat serve` as it runs in production: one process, tokens checked, a log line per request."""
    port = free_port()
    environment = {
        "HOST": HOST,
        "PORT": str(port),
        "DATABASE_URL": database_url,
        "ADMIN_API_TOKEN": ADMIN,
        "JWT_SECRET": SECRET,
        **settings,
    }
    program = str(Path(sys.executable).parent / "mtchat")
    return Child([program, "serve"], port, folder / f"service-{port}.log", environment)


def worker(database_url: str, folder: Path, **settings: str) -> Child:
    """Return `mtchat worker`, which runs the jobs of a service that leaves them to it."""
    port = free_port()
    environment = {"HOST": HOST, "WORKER_PORT": str(port), "DATABASE_URL": database_url, **settings}
    environment |= {"ADMIN_API_TOKEN": ADMIN, "JWT_SECRET": SECRET}
    program = str(Path(sys.executable).parent / "mtchat")
    return Child([program, "worker"], port, folder / f"worker-{port}.log", environment)


def bare(kind: str, folder: Path) -> Child:
    """Return one of the floors in `bench.bare`, in a process of its own."""
    port = free_port()
    return Child([sys.executable, "-m", "bench.bare", kind, str(port)], port, folder / f"{kind}-{port}.log", {})


def allow_open_files() -> None:
    """Allow as many sockets as both sides of a row need; children inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def is_ready(port: int) -> bool:
    """Tell whether the process at *port* says so."""
    try:
        with socket.create_connection((HOST, port), timeout=5) as connection:
            connection.sendall(b"GET /health/ready HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")
            return b" 200 " in connection.recv(4096).split(b"\r\n", 1)[0] + b" "
    except OSError:
        return False


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process so far."""
    return sum(_ticks(pid)[:2]) / _TICKS


def tree_cpu_seconds(pid: int) -> float:
    """Return the processor time of a process, of those it runs, and of those it has run."""
    return (sum(_ticks(pid)) + sum(sum(_ticks(child)[:2]) for child in _children(pid))) / _TICKS


def rss_bytes(pid: int) -> int:
    """Return the memory a process holds now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def _ticks(pid: int) -> tuple[int, int, int, int]:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0, 0, 0  # it has ended, and its parent counts it from now on
    user, system, waited_user, waited_system = map(int, fields[11:15])
    return user, system, waited_user, waited_system


def _children(pid: int) -> Iterator[int]:
    for thread in Path(f"/proc/{pid}/task").iterdir():
        yield from map(int, (thread / "children").read_text().split())


def _kept() -> dict[str, str]:
    """Return what a child needs of our environment; settings of a service around us stay out."""
    names = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH")
    return {name: os.environ[name] for name in names if name in os.environ}
