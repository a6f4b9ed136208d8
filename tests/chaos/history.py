"""What everybody did, was answered and heard: the record a verdict is made from."""

import re
from typing import Any

from attrs import Factory, define, frozen

NO_ANSWER = 0
"""Stands for a status where none came."""

_CANARY = re.compile(r"canary-([a-z0-9]+)-\d+")


def canary(dialog: str, number: int) -> str:
    """Return a text that betrays the dialog it was said in, wherever it turns up."""
    return f"canary-{dialog}-{number}"


def canaries(text: str) -> frozenset[str]:
    """Return the dialogs whose texts turn up in *text*."""
    return frozenset(_CANARY.findall(text))


@define
class Call:
    """One thing somebody asked for, retries included. Times are seconds of the machine's clock."""

    by: str
    action: str
    dialog: str
    began: float
    ended: float = 0.0
    statuses: list[int] = Factory(list[int])
    content: str | None = None
    key: str | None = None
    target: str | None = None
    """The message it is about, or the person."""
    answer: Any = None
    seen: frozenset[str] = frozenset()
    """Dialogs whose texts were in the answers."""

    @property
    def is_acknowledged(self) -> bool:
        """Whether the service said that it is done."""
        return bool(self.statuses) and self.statuses[-1] // 100 == 2

    @property
    def is_refused(self) -> bool:
        """Whether every answer was a refusal, so that nothing may have changed."""
        return bool(self.statuses) and all(400 <= status < 500 for status in self.statuses)


@frozen
class Frame:
    """What one frame told of a dialog."""

    type: str
    dialog: str
    seq: int
    """Its `event_seq`."""
    seen: frozenset[str] = frozenset()
    """Dialogs whose texts were in it."""


@define
class Connection:
    """One socket's life: what it heard, in order."""

    by: str
    greeted_at: float
    frames: list[Frame] = Factory(list[Frame])
    code: int | None = None
    """How it was closed; None while it is open, or when it was torn."""
    lasted: bool = False
    """Whether it was open before the last words, and still is."""
    resumed: "Resumed | None" = None
    """Where it went on, when it came with a cursor and was told that it had everything."""


@frozen
class Resumed:
    """Where a cursor came from, and when."""

    connection: Connection
    at: float


@frozen
class Post:
    """One attempt to bring a webhook, as the receiver saw it."""

    at: float
    id: str
    event: str
    signature: str
    body: bytes
    status: int = 200
    """What it was answered; 0: the connection was torn instead."""

    @property
    def is_taken(self) -> bool:
        """Whether the receiver said that it has it."""
        return self.status // 100 == 2


@define
class History:
    """Everything that was recorded in a run."""

    names: dict[str, str] = Factory(dict[str, str])
    """The dialogs by the names their canaries carry."""
    calls: list[Call] = Factory(list[Call])
    connections: list[Connection] = Factory(list[Connection])
    posts: list[Post] = Factory(list[Post])
    """What came to the webhook receiver, in order."""
    absences: list[tuple[float, float]] = Factory(list[tuple[float, float]])
    """When the receiver was not there, so that attempts failed which it never saw."""
    webhook_secret: str = ""
    """What bodies are signed with."""
    reminds_after: tuple[float, float] | None = None
    """Seconds from a message to its reminder, at least and at most; None: nobody reminds."""
    logged: str = ""
    """What the services have printed."""
