"""Contexts that one task has to both enter and leave, held open by a task of their own."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Generic, TypeVar

T = TypeVar("T")


class Held(Generic[T]):
    """An open context; `release` leaves it, in the task that entered it."""

    def __init__(self, context: AbstractAsyncContextManager[T]) -> None:
        self._opened: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._closing = asyncio.Event()
        self._task = asyncio.create_task(self._hold(context))

    async def _hold(self, context: AbstractAsyncContextManager[T]) -> None:
        try:
            async with context as value:
                self._opened.set_result(value)
                await self._closing.wait()
        except BaseException as error:
            if self._opened.done():
                raise
            self._opened.set_exception(error)

    async def value(self) -> T:
        """Return what the context gave."""
        return await self._opened

    async def release(self) -> None:
        """Leave the context."""
        self._closing.set()
        await self._task
