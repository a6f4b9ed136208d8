"""Where the service's time goes: py-spy on the real process, while it sends (P1's load) or delivers (P9's).

It writes `profile.svg`, a flame graph to open in a browser, and `profile.folded`, its stacks as text, and
prints the functions that take the most.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import uvloop

from bench import load, sockets
from bench.processes import PATIENCE_SECONDS, Child, allow_open_files, run, service
from bench.sizes import FULL
from bench.stage import IN_DIALOG, Database, Stage, send_requests, tell
from mtchat_adapters.embedded.postgres import EmbeddedPostgres

_SAMPLES_PER_SECOND = 200
_MOST = 25
_TRUNK = 0.8
Work = Callable[[float], Coroutine[Any, Any, int]]
"""Keeps the service busy for some seconds; returns how many messages or deliveries that made."""
LoadOf = Callable[[Database, Child], AbstractAsyncContextManager[Work]]

_NOT_ALLOWED = "py-spy may look into another process only as root, or where kernel.yama.ptrace_scope is 0."


def main() -> None:
    """Profile and print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.profile", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--of", choices=_LOADS, default="sending", help="what the service does (default sending)")
    parser.add_argument("--seconds", type=int, default=10, help="how long to look, twice (default 10)")
    parser.add_argument("--output", type=Path, default=Path("profile"), help="where to write, without ending")
    options = parser.parse_args()
    allow_open_files()
    with (
        tempfile.TemporaryDirectory(prefix="mtchat-bench-") as folder,
        EmbeddedPostgres(Path(folder) / "postgres", on_progress=tell) as server,
    ):
        stage = Stage(server, FULL, Path(folder))
        uvloop.run(_profiled(stage, _LOADS[options.of], options.seconds, options.output))
    stacks = options.output.with_suffix(".folded").read_text().splitlines()
    print(top(stacks))
    tell(f"Flame graph: {options.output.with_suffix('.svg')}")


@asynccontextmanager
async def _sending(database: Database, served: Child) -> AsyncGenerator[Work]:
    """Send as P1 does."""
    await database.furnish(0, database.sizes.dialogs, IN_DIALOG)
    await database.settle()
    senders = send_requests(database, 0, database.sizes.dialogs)

    async def work(seconds: float) -> int:
        return len((await load.drive(served.port, senders, seconds)).latencies)

    yield work


@asynccontextmanager
async def _delivering(database: Database, served: Child) -> AsyncGenerator[Work]:
    """Deliver as in P9."""
    async with sockets.crowd(database, served) as (listeners, say):

        async def work(seconds: float) -> int:
            until, events = time.monotonic() + seconds, 0
            while time.monotonic() < until:
                await listeners.hear(say)
                events += 1
            return events * len(listeners.ears)

        yield work


_LOADS = {"sending": _sending, "delivering": _delivering}


async def _profiled(stage: Stage, load_of: LoadOf, seconds: int, output: Path) -> None:
    async with stage.database() as database:
        with service(database.url, stage.folder) as served:
            async with load_of(database, served) as work:
                lasting = 2 * seconds + 8
                tell(f"working for {lasting} s, looked at twice for {seconds} s …")
                before = served.cpu_seconds()
                working = asyncio.create_task(work(lasting))
                await asyncio.sleep(stage.sizes.warm_up)
                await _look(served.pid, seconds, "raw", output.with_suffix(".folded"))
                await _look(served.pid, seconds, "flamegraph", output.with_suffix(".svg"))
                done = await working
                each = (served.cpu_seconds() - before) / done * 1e6
                tell(f"{done / lasting:.0f} a second, {each:.0f} us of the service's CPU each, looked at")


async def _look(pid: int, seconds: int, form: str, output: Path) -> None:
    command = (
        str(Path(sys.executable).parent / "py-spy"),
        *("record", "--pid", str(pid), "--duration", str(seconds), "--rate", str(_SAMPLES_PER_SECOND)),
        *("--format", form, "--output", str(output)),
    )
    try:
        await run(*command, seconds=seconds + PATIENCE_SECONDS)
    except RuntimeError as error:
        error.add_note(_NOT_ALLOWED)
        raise


def top(stacks: list[str]) -> str:
    """Return the functions that take the most time, themselves and with what they call.

    *stacks* are lines of functions from the outermost in, by semicolon, then a blank and how often they were seen.
    """
    own, whole = Counter[str](), Counter[str]()
    for stack in stacks:
        path, _, seen = stack.rpartition(" ")
        functions = [_function(frame) for frame in path.split(";")]
        own[functions[-1]] += int(seen)
        for function in set(functions):
            whole[function] += int(seen)
    total = own.total()
    lines = [f"{total} samples", "", "  self   with callees"]
    lines += [f"{own[name] / total:6.1%} {whole[name] / total:8.1%}  {name}" for name, _ in own.most_common(_MOST)]
    lines += ["", "  with callees   self    (what is on nearly every stack is left out)"]
    branches = [(name, seen) for name, seen in whole.most_common() if seen < _TRUNK * total]
    lines += [f"{seen / total:8.1%} {own[name] / total:10.1%}  {name}" for name, seen in branches[:_MOST]]
    return "\n".join(lines)


def _function(frame: str) -> str:
    """Return a frame without its line number: `fetch (asyncpg/connection.py:705)` is one place with 706."""
    return frame.rpartition(":")[0] + ")" if frame.endswith(")") and ":" in frame else frame


if __name__ == "__main__":
    main()
