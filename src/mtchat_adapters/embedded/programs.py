"""How every PostgreSQL program is run: as whom, where, with which files, and until when."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

from mtchat_adapters.embedded.accounts import Account

_SET_PARENT_DEATH_SIGNAL = 1  # source: prctl(2), PR_SET_PDEATHSIG


class Surroundings(TypedDict):
    """The arguments of `subprocess.Popen` that every program shares."""

    user: int | None
    group: int | None
    extra_groups: tuple[int, ...] | None
    cwd: str
    pass_fds: tuple[int, ...]
    env: dict[str, str]
    umask: int


def surroundings(account: Account, *inherited: int) -> Surroundings:
    """Run a program as *account*, with the descriptors *inherited* and none of the secrets in our environment."""
    kept = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    return {
        "user": account.user,
        "group": account.group,
        "extra_groups": account.extra_groups,
        "cwd": "/",  # ours may be closed to the account
        "pass_fds": inherited,
        "env": {name: os.environ[name] for name in kept if name in os.environ},
        "umask": 0o077,
    }


@contextmanager
def handed_over(directory: Path) -> Generator[tuple[str, int]]:
    """Open *directory* for a child; yield the path the child uses, and the descriptor it has to inherit.

    On Linux that path leads through the descriptor, so the account root steps down to need not be able to walk
    there: a data folder inside a closed home works, and no permission above it has to change.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}" if sys.platform == "linux" else str(directory), descriptor
    finally:
        os.close(descriptor)


def stopping_with_parent() -> Callable[[], None] | None:
    """Return what a child does before it becomes the server: ask the kernel for SIGINT when its parent dies.

    Linux alone can do that, and takes the thread that started the child for its parent. None elsewhere.
    """
    if sys.platform != "linux":
        return None
    parent, libc = os.getpid(), ctypes.CDLL(None)

    def ask() -> None:
        libc.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGINT, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)  # the parent died before we asked

    return ask
