"""Start the service as a user would, and talk to it with nothing but HTTP and a plain socket client."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from websockets.asyncio.client import ClientConnection, connect

from tests import silence
from tests.asking import ADMIN, MANAGEMENT, PERSON, SECRET, Asker, Scopes, token

PATIENCE_SECONDS = 60.0


def free_port() -> int:
    """Return a port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Service:
    """`mtchat serve` or `mtchat worker` as a child process; both say on their port whether they are ready."""

    def __init__(self, *arguments: str, log: Path, port_option: str | None = None, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._arguments = arguments if port_option is None else (*arguments, port_option, str(self.port))
        self._log = log
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "WORKER_PORT": str(self.port),
            "ADMIN_API_TOKEN": ADMIN,
            "JWT_SECRET": SECRET,
            "SHUTDOWN_GRACE_SECS": "0",
            **environment,
        }

    def __enter__(self) -> Self:
        program = Path(sys.executable).parent / "mtchat"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(program), *self._arguments],
                env=self.environment,
                stdout=log,
                stderr=log,
                cwd=self._log.parent,
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if kind is None:
            silence.check_log(self.logged())

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End the process as an operator would, and wait for it."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(40)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End the process as a power cut would."""
        self._process.kill()
        self._process.wait(10)

    def tell(self, sign: signal.Signals) -> None:
        """Send the process a signal."""
        self._process.send_signal(sign)

    def ended(self, within: float) -> int:
        """Wait up to *within* seconds for the process to end, and return its exit code."""
        return self._process.wait(within)

    def resident_kb(self) -> int:
        """Return how much memory the process holds."""
        rollup = Path(f"/proc/{self._process.pid}/smaps_rollup").read_text()
        return int(rollup.partition("Rss:")[2].split()[0])

    def open_files(self) -> int:
        """Return how many files and connections the process holds."""
        return len(list(Path(f"/proc/{self._process.pid}/fd").iterdir()))

    def logged(self) -> str:
        """Return everything the process has printed."""
        return self._log.read_text(errors="replace")

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                if httpx.get(f"{self.url}/health/ready", timeout=2).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError(f"the service did not come up:\n{self.logged()}")


class Listener:
    """A person's open socket."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def next(self, kind: str | None = None) -> dict[str, Any]:
        """Return the next frame (of *kind*), presence and pongs aside unless asked for."""
        async with asyncio.timeout(10):
            while True:
                frame: dict[str, Any] = json.loads(await self._connection.recv())
                if kind is not None and frame["type"] != kind:
                    continue
                if kind is None and frame["type"] == "presence.update":
                    continue
                return frame

    async def heard(self) -> list[dict[str, Any]]:
        """Return every frame up to the answer to a ping sent now: what was to come has come."""
        await self._connection.send('{"type":"ping"}')
        frames: list[dict[str, Any]] = []
        while (frame := await self.next())["type"] != "pong":
            frames.append(frame)
        return frames


@asynccontextmanager
async def listening(url: str, bearer: str) -> AsyncGenerator[Listener]:
    """Open a socket, past its greeting."""
    async with connect(f"{url.replace('http', 'ws', 1)}/api/v1/ws?token={bearer}") as connection:
        listener = Listener(connection)
        greeting = await listener.next()
        assert greeting["type"] == "connected"
        yield listener


@asynccontextmanager
async def people(url: str) -> AsyncGenerator[Callable[..., Awaitable[Asker]]]:
    """Return a maker of askers, closed after the block; without a user it makes the host."""
    async with AsyncExitStack() as stack:

        async def make(user: str | None = None, scopes: Scopes | None = None) -> Asker:
            client = await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=20))
            bearer, prefix = (ADMIN, MANAGEMENT) if user is None else (token(user, scopes), PERSON)
            return Asker(client, prefix, bearer)

        yield make
