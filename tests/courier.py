"""A worker that carries webhooks until it is killed: `python -m tests.courier DATABASE HOOK LEASE_SECONDS`."""

import asyncio
import sys
from datetime import timedelta

from attrs import evolve

from mtchat_adapters import memory, postgres
from mtchat_adapters.httpx import webhooks
from mtchat_core.chat import Chat, Habits
from mtchat_core.use_cases.webhooks import OwnEndpoint, Terms

SECRET = "a-secret-of-the-host"


async def carry(database: str, hook: str, lease: timedelta) -> None:
    """Work for a minute at most."""
    habits = Habits(webhooks=Terms(own=OwnEndpoint(hook, (SECRET,)), lease=lease))
    async with (
        postgres.open(database, pool_size=2) as store,
        webhooks.open(deadline=timedelta(seconds=30), may_call=lambda _: True) as sender,
    ):
        chat = Chat.over(evolve(memory.ports(), sender=sender, **store.ports()), habits)
        for _ in range(600):
            await chat.webhooks.tick()
            await asyncio.sleep(0.1)


if __name__ == "__main__":
    asyncio.run(carry(sys.argv[1], sys.argv[2], timedelta(seconds=float(sys.argv[3]))))
