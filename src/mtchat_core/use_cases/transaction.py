"""Commit first, then announce."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from attrs import frozen

from mtchat_core.ports.realtime import RealtimeBroker
from mtchat_core.ports.unit_of_work import UnitOfWork, UnitsOfWork


@frozen
class Transaction:
    """Opens the transactions of the use cases.

    Leaving the block commits and then announces what was recorded; an exception keeps nothing
    and tells nobody. Nothing is awaited between the two, so a cancelled caller can't come between.
    """

    units: UnitsOfWork
    broker: RealtimeBroker

    @asynccontextmanager
    async def __call__(self) -> AsyncGenerator[UnitOfWork]:
        """Open a transaction for the block."""
        async with self.units.begin() as tx:
            yield tx
        self.broker.publish(tx.recorded)
