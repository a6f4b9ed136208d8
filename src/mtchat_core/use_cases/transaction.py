"""Commit first, then announce."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from attrs import frozen

from mtchat_core.ports.unit_of_work import UnitOfWork, UnitsOfWork
from mtchat_core.use_cases.announcing import Announcer


@frozen
class Transaction:
    """Opens the transactions of the use cases.

    Leaving the block commits and then announces what was recorded; an exception keeps nothing
    and tells nobody. Nothing is awaited between the two, so a cancelled caller can't come between.
    """

    units: UnitsOfWork
    announce: Announcer

    @asynccontextmanager
    async def __call__(self) -> AsyncGenerator[UnitOfWork]:
        """Open a transaction for the block."""
        async with self.units.begin() as tx:
            yield tx
        self.announce(tx.recorded)
