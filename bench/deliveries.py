"""Messages at a rate, each with a number, and how long each takes to the sockets of others."""

import time
from functools import partial

from bench import load
from bench.stage import IN_DIALOG, Database, message, socket_path


class Deliveries:
    """What a rate of messages to the first dialogs from a number takes."""

    def __init__(self, database: Database, first: int) -> None:
        self.seconds: list[float] = []
        """From the moment a message was due until another participant's socket had it."""
        self._sizes = database.sizes
        self._places = [
            (database.sender(dialog, place), dialog)
            for place in range(IN_DIALOG)
            for dialog in range(first, first + database.sizes.dialogs)
        ]
        self._began: list[float] = []

    async def send(self, port: int) -> load.Tally:
        """Send for a while, whether or not earlier ones are answered, and return what was answered."""
        self._began.clear()
        return await load.at_rate(port, 32, self._request, self._sizes.rate, self._sizes.seconds, self._began)

    async def send_and_hear(self, port: int, heard_at: int) -> load.Tally:
        """Send to one process while everybody listens at the same or at another one."""
        people = sorted({who for who, _ in self._places})
        before = len(self.seconds)
        async with load.ears(heard_at, [(who, socket_path(who)) for who in people], self._heard):
            tally = await self.send(port)
            expected = before + len(tally.latencies) * (IN_DIALOG - 1)
            await load.until(partial(self._has, expected), "every message to be delivered")
        return tally

    def _has(self, expected: int) -> bool:
        return len(self.seconds) >= expected

    def _request(self, number: int) -> bytes:
        who, dialog = self._places[number % len(self._places)]
        return message(who, dialog, f"number {number:08d} of {len(self._places)}")

    def _heard(self, who: str, frame: bytes) -> None:
        now = time.perf_counter()
        at = frame.find(b'"number ')
        if at >= 0:
            number = int(frame[at + 8 : at + 16])
            if self._places[number % len(self._places)][0] != who:
                self.seconds.append(now - self._began[number])
