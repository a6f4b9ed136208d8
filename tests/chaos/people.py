"""People who do whatever comes to their mind, over plain HTTP and plain sockets, and remember it all."""

import asyncio
import itertools
import json
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from tests.asking import ADMIN, MANAGEMENT, OTHER_SCOPES, PERSON, SCOPES, token
from tests.chaos.history import NO_ANSWER, Call, Connection, Frame, History, Resumed, canaries, canary

HOST, OUTSIDER = "host", "eve"
ATTEMPTS, ANSWER_SECONDS = 60, 10.0
_AGAIN = (NO_ANSWER, 409, 429, 503)

_numbers = itertools.count(1)


class Somebody:
    """One person, or the host: asks, and writes down what came of it."""

    def __init__(self, name: str, urls: Sequence[str], history: History, chance: random.Random) -> None:
        self.name = name
        self.slowest = 0.0
        self._history = history
        self._chance = chance
        scopes = OTHER_SCOPES if name == OUTSIDER else SCOPES
        self.token = ADMIN if name == HOST else token(name, scopes)
        prefix = MANAGEMENT if name == HOST else PERSON
        self._clients = [
            httpx.AsyncClient(
                base_url=url + prefix,
                headers={"Authorization": f"Bearer {self.token}"},
                timeout=ANSWER_SECONDS,
                trust_env=False,
            )
            for url in urls
        ]

    async def close(self) -> None:
        """Hang up."""
        await asyncio.gather(*(client.aclose() for client in self._clients))

    def begin(self, action: str, dialog: str, **facts: Any) -> Call:
        """Write down that something is about to be asked."""
        call = Call(self.name, action, dialog, time.time(), **facts)
        self._history.calls.append(call)
        return call

    async def ask(
        self, call: Call, verb: str, path: str, body: object = None, node: int | None = None
    ) -> httpx.Response | None:
        """Ask once, of a *node* or of any, and write down the answer."""
        client = self._chance.choice(self._clients) if node is None else self._clients[node]
        began = time.monotonic()
        try:
            answer = await client.request(verb, path, json=body)
        except httpx.TransportError:
            answer = None
        call.ended = time.time()
        call.statuses.append(NO_ANSWER if answer is None else answer.status_code)
        if answer is not None:
            self.slowest = max(self.slowest, time.monotonic() - began)
            call.seen |= canaries(answer.text)
        return answer

    async def insist(
        self, call: Call, verb: str, path: str, body: object = None, node: int | None = None
    ) -> httpx.Response | None:
        """Ask until there is an answer that will not change by asking again."""
        for attempt in range(ATTEMPTS):
            answer = await self.ask(call, verb, path, body, node)
            if answer is not None and answer.status_code not in _AGAIN:
                return answer
            await asyncio.sleep(min(0.05 * 2**attempt, 1.0) * self._chance.uniform(0.5, 1))
        return None


class Participant(Somebody):
    """A person who does one thing after the other, at random."""

    def __init__(
        self, name: str, urls: Sequence[str], history: History, chance: random.Random, host: Somebody
    ) -> None:
        super().__init__(name, urls, history, chance)
        self._host = host
        self._names = {dialog: short for short, dialog in history.names.items()}
        self._mine = defaultdict[str, list[str]](list)
        self._known = defaultdict[str, list[str]](list)
        self._others = [f"user-{n}" for n in range(100)]

    def knows(self, others: Sequence[str]) -> None:
        """Be told who else there is."""
        self._others = list(others)

    async def live(self, until: Callable[[], bool], pause: float) -> None:
        """Do things, with a *pause* in seconds of about that length between them."""
        acts: dict[Callable[[str], Awaitable[None]], int] = {
            self.send: 30,
            self.send_without_key: 12,
            self.send_twice: 4,
            self.reply: 8,
            self.edit: 6,
            self.delete: 4,
            self.read: 10,
            self.page: 14,
            self.older_page: 4,
            self.list: 4,
            self.unread: 3,
            self.archive: 3,
            self.mute: 1,
            self.join: 4,
            self.leave: 2,
            self.have_somebody_added: 2,
            self.have_somebody_removed: 1,
        }
        while not until():
            [act] = self._chance.choices(list(acts), weights=list(acts.values()))
            await act(self._chance.choice(list(self._names)))
            await asyncio.sleep(self._chance.uniform(0, 2 * pause))

    def _text(self, dialog: str) -> str:
        return canary(self._names[dialog], next(_numbers))

    async def _say(self, dialog: str, **more: str) -> Call:
        call = self.begin("send", dialog, content=self._text(dialog), key=more.get("client_message_id"))
        asks = self.insist if call.key is not None else self.ask
        answer = await asks(call, "POST", f"/dialogs/{dialog}/messages", {"content": call.content, **more})
        self.note_sent(call, answer)
        return call

    def note_sent(self, call: Call, answer: httpx.Response | None) -> None:
        """Write down which message a send made."""
        if answer is not None and answer.status_code == 200:
            said = answer.json()["data"]
            call.answer = {"id": said["id"], "seq": said["seq"]}
            self._mine[call.dialog].append(said["id"])

    def _key(self) -> str:
        return f"{self.name}-{next(_numbers)}"

    async def send(self, dialog: str) -> None:
        """Say something, with a key, until it is answered."""
        await self._say(dialog, client_message_id=self._key())

    async def send_without_key(self, dialog: str) -> None:
        """Say something once, whatever comes of it."""
        await self._say(dialog)

    async def send_twice(self, dialog: str) -> None:
        """Say the same with the same key at the same moment."""
        key, text = self._key(), self._text(dialog)
        body = {"content": text, "client_message_id": key}

        async def once() -> None:
            call = self.begin("send", dialog, content=text, key=key)
            self.note_sent(call, await self.insist(call, "POST", f"/dialogs/{dialog}/messages", body))

        await asyncio.gather(once(), once())

    async def reply(self, dialog: str) -> None:
        """Answer a message that was seen."""
        if self._known[dialog]:
            target = self._chance.choice(self._known[dialog])
            await self._say(dialog, reply_to=target, client_message_id=self._key())

    async def edit(self, dialog: str) -> None:
        """Change one of the last things one said, or what another said, which is refused."""
        known = self._mine[dialog][-5:] + self._known[dialog][-1:]
        if known:
            call = self.begin("edit", dialog, content=self._text(dialog), target=self._chance.choice(known))
            path = f"/dialogs/{dialog}/messages/{call.target}"
            await self.ask(call, "PUT", path, {"content": call.content})

    async def delete(self, dialog: str) -> None:
        """Delete one of the last things one said."""
        if mine := self._mine[dialog]:
            target = mine.pop(self._chance.randrange(max(0, len(mine) - 5), len(mine)))
            call = self.begin("delete", dialog, target=target)
            await self.ask(call, "DELETE", f"/dialogs/{dialog}/messages/{target}")

    async def read(self, dialog: str) -> None:
        """Read up to a message that was seen."""
        if known := self._known[dialog]:
            call = self.begin("read", dialog, target=self._chance.choice(known[-3:]))
            await self.ask(call, "POST", f"/dialogs/{dialog}/read", {"last_read_message_id": call.target})

    async def page(self, dialog: str) -> None:
        """Look at the newest messages."""
        await self._look(self.begin("page", dialog), "?limit=20")

    async def older_page(self, dialog: str) -> None:
        """Scroll up."""
        if known := self._known[dialog]:
            call = self.begin("page", dialog, target=self._chance.choice(known))
            await self._look(call, f"?limit=50&before={call.target}")

    async def _look(self, call: Call, where: str) -> None:
        answer = await self.ask(call, "GET", f"/dialogs/{call.dialog}/messages{where}")
        if answer is not None and answer.status_code == 200:
            shown = answer.json()["data"]["messages"]
            call.answer = [{name: message[name] for name in ("id", "seq", "sent_at")} for message in shown]
            self._known[call.dialog] = [m["id"] for m in shown if m["message_type"] == "user"]

    async def list(self, dialog: str) -> None:
        """Look at the list of dialogs, one's own or those one could join."""
        which = self._chance.choice(["", "?type=available"])
        await self.ask(self.begin("list", dialog), "GET", f"/dialogs{which}")

    async def unread(self, dialog: str) -> None:
        """Look at the badge, and at one dialog."""
        await self.ask(self.begin("unread", dialog), "GET", "/unread")
        await self.ask(self.begin("open", dialog), "GET", f"/dialogs/{dialog}")

    async def archive(self, dialog: str) -> None:
        """Put a dialog away, or back."""
        verb = self._chance.choice(["archive", "unarchive"])
        await self.ask(self.begin(verb, dialog), "POST", f"/dialogs/{dialog}/{verb}")

    async def mute(self, dialog: str) -> None:
        """Want no reminders from a dialog, or want them again."""
        call = self.begin("mute", dialog)
        await self.ask(call, "POST", f"/dialogs/{dialog}/notifications", {"enabled": self._chance.random() < 0.5})

    async def join(self, dialog: str) -> None:
        """Come in by oneself."""
        body = {"display_name": self.name, "company": "Nordwind"}
        await self.ask(self.begin("join", dialog), "POST", f"/dialogs/{dialog}/join", body)

    async def leave(self, dialog: str) -> None:
        """Go by oneself."""
        await self.ask(self.begin("leave", dialog), "POST", f"/dialogs/{dialog}/leave")

    async def have_somebody_added(self, dialog: str) -> None:
        """Have the host add somebody."""
        whom = self._chance.choice(self._others)
        call = self._host.begin("add", dialog, target=whom)
        await self._host.ask(call, "POST", f"/dialogs/{dialog}/participants", {"user_id": whom})

    async def have_somebody_removed(self, dialog: str) -> None:
        """Have the host remove somebody."""
        whom = self._chance.choice(self._others)
        call = self._host.begin("remove", dialog, target=whom)
        await self._host.ask(call, "DELETE", f"/dialogs/{dialog}/participants/{whom}")

    async def count(self) -> dict[str, int]:
        """Return what is unread, by dialog."""
        call = self.begin("list", "")
        answer = await self.insist(call, "GET", "/dialogs?limit=100")
        assert answer is not None
        return {entry["id"]: entry["unread_count"] for entry in answer.json()["data"]}


class Ear:
    """A person's socket, opened again at any node whenever it ends, to go on where it was."""

    def __init__(self, by: str, urls: Sequence[str], bearer: str, history: History, chance: random.Random) -> None:
        self._by = by
        self._urls = [f"{url.replace('http', 'ws', 1)}{PERSON}/ws?token={bearer}" for url in urls]
        self._history = history
        self._chance = chance
        self._socket: ClientConnection | None = None
        self._newest: tuple[str, Resumed] | None = None
        """The newest cursor, and where it came from."""
        self.open: Connection | None = None

    def cut(self) -> None:
        """Tear the wire."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def listen(self) -> None:
        """Listen until cancelled."""
        while True:
            url = self._chance.choice(self._urls)
            if self._newest is not None:
                url += f"&cursor={quote(self._newest[0])}"
            try:
                async with connect(url, open_timeout=ANSWER_SECONDS, proxy=None, compression=None) as socket:
                    self._socket = socket
                    await self._hear(socket)
            except (OSError, WebSocketException, TimeoutError, EOFError):
                pass
            finally:
                self._socket = self.open = None
            await asyncio.sleep(0.1)

    async def _hear(self, socket: ClientConnection) -> None:
        greeting = json.loads(await socket.recv())
        assert greeting["type"] == "connected", greeting
        resumed = self._newest[1] if self._newest is not None and greeting["recovered"] else None
        connection = self.open = Connection(self._by, time.time(), resumed=resumed)
        self._history.connections.append(connection)
        self._note(connection, greeting)
        pinging = asyncio.create_task(self._ping(socket))
        try:
            while True:
                text = await socket.recv()
                frame = json.loads(text)
                self._note(connection, frame)
                if "event_seq" in frame:
                    connection.frames.append(
                        Frame(frame["type"], frame["dialog_id"], frame["event_seq"], canaries(str(text)))
                    )
        except ConnectionClosed as closed:
            connection.code = closed.rcvd.code if closed.rcvd else None
        finally:
            pinging.cancel()

    def _note(self, connection: Connection, frame: Mapping[str, Any]) -> None:
        """Keep a cursor, with where it came from."""
        if cursor := frame.get("cursor"):
            self._newest = cursor, Resumed(connection, time.time())

    async def _ping(self, socket: ClientConnection) -> None:
        """Ask for a new cursor from time to time."""
        with suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(self._chance.uniform(0.5, 1.5))
                await socket.send('{"type":"ping"}')
