"""When an unread message deserves a nudge."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from attrs import frozen

from mtchat_core.domain.ids import MessageId, UserId


@frozen
class Debounce:
    """Wait `delay` after each new message, but never longer than `at_most` after the first."""

    delay: timedelta = timedelta(seconds=30)
    at_most: timedelta = timedelta(seconds=120)

    def due(self, *, now: datetime, first: datetime) -> datetime:
        """Return when to remind, given a message *now* and the *first* one not yet reminded of."""
        return min(now + self.delay, first + self.at_most)


@frozen
class Waiting:
    """Somebody with user messages of others that they have neither read nor been reminded of.

    `message` is the newest of them, with its `seq`; `first_at` and `newest_at` are when the first
    and the newest were sent.
    """

    user_id: UserId
    unread_count: int
    message: MessageId
    seq: int
    first_at: datetime
    newest_at: datetime


@frozen
class Round:
    """Whom to remind of a dialog now, and whom later: when to look again, if at all."""

    reminded: tuple[Waiting, ...]
    since: datetime | None = None
    due: datetime | None = None


FIRST_RETRY = timedelta(seconds=5)
MOST_TRIES = 8


def retry_in(tries: int) -> timedelta | None:
    """Return how long to wait after a dialog's reminder has failed that often; None: it is parked."""
    return None if tries >= MOST_TRIES else FIRST_RETRY * 2 ** (tries - 1)


def decide(waiting: Sequence[Waiting], debounce: Debounce, *, now: datetime) -> Round:
    """Divide *waiting*: a dialog's reminder falls due for the first of them, and each has a time of their own."""
    due = {person: debounce.due(now=person.newest_at, first=person.first_at) for person in waiting}
    later = [person for person in waiting if due[person] > now]
    return Round(
        reminded=tuple(person for person in waiting if due[person] <= now),
        since=min((person.first_at for person in later), default=None),
        due=min((due[person] for person in later), default=None),
    )


def is_caught_up(reminded_seq: int | None, *, read_seq: int, left: int) -> bool:
    """Tell whether somebody has read what they were last reminded of: up to it, or all there is."""
    return reminded_seq is not None and (read_seq >= reminded_seq or not left)
