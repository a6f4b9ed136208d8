"""What is known about one request while it lasts, for its log line and its errors."""

import random
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, cast

from attrs import define, field
from litestar.types import Receive, Send

_KEY = "mtchat_trace"


def _new_id() -> str:
    # It tells requests apart and guards nothing.
    return f"{random.getrandbits(64):016x}"


@define
class Trace:
    """One request or socket: its id (sent back as X-Request-Id), who asked, and what went wrong.

    A socket's route ends once it has opened it; `conversation` is what follows.
    """

    request_id: str = field(factory=_new_id)
    user_id: str | None = None
    error: Exception | None = None
    conversation: Callable[[Receive, Send], Awaitable[None]] | None = None


def begin(scope: MutableMapping[str, Any], request_id: str | None) -> Trace:
    """Start the trace of a connection; *request_id* is the caller's own, if it brought one."""
    trace = Trace(request_id) if request_id else Trace()
    scope["state"][_KEY] = trace
    return trace


def of(scope: Any) -> Trace:
    """Return the trace of a connection that came through the front."""
    return cast(Trace, scope["state"][_KEY])
