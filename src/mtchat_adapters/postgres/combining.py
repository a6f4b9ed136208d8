"""Write combining: whoever waits at the same moment goes together (docs/adr/0006-write-combining.md).

Nothing here knows what is carried. Items of one dialog keep their order, and a dialog is under way
at most once, so that its items never compete with each other for the dialog's lock.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from datetime import timedelta
from typing import Any, Generic, Protocol, TypeVar

from attrs import frozen

from mtchat_core.domain.errors import ServiceUnavailable
from mtchat_core.domain.ids import DialogId


class Item(Protocol):
    """Something to carry into one dialog."""

    @property
    def dialog(self) -> DialogId:
        """The dialog it belongs to."""
        ...

    @property
    def once(self) -> object | None:
        """What no two items of a dialog may share while they travel together; None: nothing."""
        ...


I = TypeVar("I", bound=Item)  # noqa: E741 - an item
R = TypeVar("R")

Carrier = Callable[[Sequence[I]], Awaitable[Sequence[R | Exception | None]]]
"""Takes items, and says of each what came of it; None: not yet, somebody else holds its dialog."""


@frozen
class Limits:
    """How much goes at once, and how long anybody waits."""

    writers: int = 1
    """Statements for many dialogs under way at the same moment: the fewer, the more goes in each."""
    patient: int = 8
    """Dialogs waited for at the same moment because somebody else holds them."""
    together: int = 128
    """Most items of one statement."""
    waiting: int = 10_000
    """Most items that wait; more are refused at once."""
    patience: timedelta = timedelta(seconds=1)
    """Longest wait for a turn; a turn itself is bounded by the statement's own limits."""


@frozen
class _Waiting(Generic[I, R]):
    item: I
    outcome: asyncio.Future[R]
    until: float

    def refuse(self) -> None:
        """Say that this takes too long."""
        if not self.outcome.done():
            self.outcome.set_exception(_overloaded())


def _overloaded() -> ServiceUnavailable:
    return ServiceUnavailable(retry_after=timedelta(seconds=1))


class Combiner(Generic[I, R]):
    """Carries items: at once when nothing is under way, together when something is."""

    def __init__(self, together: Carrier[I, R], patiently: Carrier[I, R], limits: Limits) -> None:
        """Carry by *together*; what it hands back goes by *patiently*, one dialog at a time."""
        self._together = together
        self._patiently = patiently
        self._limits = limits
        self._queues: dict[DialogId, deque[_Waiting[I, R]]] = {}
        self._length = 0
        self._under_way: set[DialogId] = set()
        self._writers = 0
        self._is_starting = False
        self._patient = asyncio.Semaphore(limits.patient)
        self._tasks: set[asyncio.Task[None]] = set()
        self._alarm: asyncio.TimerHandle | None = None

    async def carry(self, item: I) -> R:
        """Return what came of *item*.

        Whoever stops waiting takes nobody else along; their item may be carried all the same.
        Raises:
            ServiceUnavailable: too many wait, or the wait was too long.
            And whatever became of the item itself.
        """
        if self._length >= self._limits.waiting:
            raise _overloaded()
        loop = asyncio.get_running_loop()
        waiting = _Waiting[I, R](item, loop.create_future(), loop.time() + self._limits.patience.total_seconds())
        self._queues.setdefault(item.dialog, deque()).append(waiting)
        self._length += 1
        self._go_on()
        return await waiting.outcome

    async def close(self) -> None:
        """Wait for what is under way."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _go_on(self) -> None:
        """Have carried what can go, and see to it that nobody waits for ever.

        The batch is made when its task starts: whatever comes within this turn of the loop goes along.
        """
        can_go = self._writers < self._limits.writers and not self._queues.keys() <= self._under_way
        if can_go and not self._is_starting:
            self._is_starting = True
            self._begin(self._write())
        if self._length and self._alarm is None:
            oldest = min(queue[0].until for queue in self._queues.values())
            self._alarm = asyncio.get_running_loop().call_at(oldest, self._give_up)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _next(self) -> list[_Waiting[I, R]]:
        """Take those whose turn it is: dialog by dialog, the one that waits longest first."""
        batch: list[_Waiting[I, R]] = []
        for dialog in [dialog for dialog in self._queues if dialog not in self._under_way]:
            if len(batch) == self._limits.together:
                break
            batch += self._of_dialog(dialog, self._limits.together - len(batch))
        self._under_way.update(waiting.item.dialog for waiting in batch)
        return batch

    def _of_dialog(self, dialog: DialogId, most: int) -> Iterator[_Waiting[I, R]]:
        queue = self._queues.pop(dialog)
        taken: set[object] = set()
        while queue and most and (queue[0].item.once not in taken):
            waiting = queue.popleft()
            self._length -= 1
            if waiting.outcome.done():
                continue
            if waiting.item.once is not None:
                taken.add(waiting.item.once)
            most -= 1
            yield waiting
        if queue:
            # What is left goes to the back of the line.
            self._queues[dialog] = queue

    async def _write(self) -> None:
        self._is_starting = False
        batch = self._next()
        if not batch:
            return
        self._writers += 1
        self._go_on()
        try:
            not_yet = await _settle(batch, self._together)
        finally:
            self._writers -= 1
        held: dict[DialogId, list[_Waiting[I, R]]] = {}
        for waiting in not_yet:
            held.setdefault(waiting.item.dialog, []).append(waiting)
        for group in held.values():
            self._begin(self._wait_for_lock(group))
        self._arrived({waiting.item.dialog for waiting in batch} - held.keys())

    async def _wait_for_lock(self, group: Sequence[_Waiting[I, R]]) -> None:
        try:
            async with asyncio.timeout(self._limits.patience.total_seconds()):
                await self._patient.acquire()
        except TimeoutError:
            for waiting in group:
                waiting.refuse()
        else:
            try:
                await _settle(group, self._patiently)
            finally:
                self._patient.release()
        self._arrived({group[0].item.dialog})

    def _arrived(self, dialogs: set[DialogId]) -> None:
        self._under_way -= dialogs
        self._go_on()

    def _give_up(self) -> None:
        """Refuse those who have waited too long."""
        self._alarm = None
        now = asyncio.get_running_loop().time()
        for dialog, queue in tuple(self._queues.items()):
            while queue and queue[0].until <= now:
                queue.popleft().refuse()
                self._length -= 1
            if not queue:
                del self._queues[dialog]
        self._go_on()


async def _settle(group: Sequence[_Waiting[I, R]], carrier: Carrier[I, R]) -> list[_Waiting[I, R]]:
    """Carry a group and tell everybody what came of it; return those of whom nothing came yet."""
    outcomes: Sequence[R | Exception | None]
    try:
        outcomes = await carrier([waiting.item for waiting in group])
    except Exception as error:
        outcomes = [error] * len(group)
    except BaseException:
        for waiting in group:
            waiting.outcome.cancel()
        raise
    not_yet: list[_Waiting[I, R]] = []
    for waiting, outcome in zip(group, outcomes, strict=True):
        if outcome is None:
            not_yet.append(waiting)
        elif waiting.outcome.done():
            continue
        elif isinstance(outcome, Exception):
            waiting.outcome.set_exception(outcome)
        else:
            waiting.outcome.set_result(outcome)
    return not_yet
