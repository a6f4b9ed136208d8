"""How long one heartbeat counts, and how comings, goings and writing are told."""

from datetime import timedelta

from attrs import frozen

TTL = timedelta(seconds=60)
"""A person counts as online this long after their last beat; clients beat every 30 s."""
TYPING_LASTS = timedelta(seconds=6)
"""Who said they write, and nothing since, is taken to have stopped."""
TYPING_PAUSE = timedelta(seconds=3)
"""How often at most somebody's writing is told in one dialog."""


@frozen
class Discretion:
    """When comings and goings are not told.

    Who returns within *grace* was never gone. In a dialog of more than *audience* people connected
    to one process, its members there ask who is online.
    """

    grace: timedelta = timedelta(seconds=5)
    audience: int = 200
