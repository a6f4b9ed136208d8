"""Running the service: one process of uvicorn, tuned as measured, that leaves as politely as it serves."""

import asyncio
import gc
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import Any

import structlog
import uvicorn

from mtchat_app.asgi import not_ready
from mtchat_app.http import log
from mtchat_app.http.front import Front
from mtchat_app.http.realtime import Sockets
from mtchat_app.http1 import Http1, Terms
from mtchat_app.line import Line
from mtchat_app.settings import Settings

KEEP_ALIVE_SECONDS = 75
"""Longer than the 60 s of common proxies: a connection must not end just when one sends a request over it."""
DRAIN_SECONDS = 20.0
"""For requests to end and sockets to close, once nobody is let in any more."""
SPREAD_SECONDS = 10.0
"""Over which all sockets close: each comes back to another node at once."""
_SOCKETS_PER_TICK = 10
_TICK_SECONDS = 0.1
_LAST_MOMENT_SECONDS = 1.0
_BACKLOG = 4096


class Server(uvicorn.Server):
    """A server that says when it accepts connections, ends what is late, and leaves step by step.

    SIGTERM: not ready, but serving for a while, until nobody comes any more; then the door is shut,
    and sockets close one after the other. SIGINT, or a second signal, skips the waiting.
    """

    def __init__(self, app: Front, settings: Settings, on_ready: Callable[[], None] = lambda: None) -> None:
        self._terms = Terms(
            head_seconds=settings.request_head_timeout_secs,
            head_bytes=settings.request_max_header_bytes,
            body_seconds=settings.request_body_timeout_secs,
            request_seconds=settings.request_timeout_secs,
        )
        super().__init__(_config(app, settings, self._terms))
        self._app = app
        self._grace_seconds = settings.shutdown_grace_secs
        self._on_ready = on_ready
        self._is_hurried = False
        self._checked_at = 0.0

    async def startup(self, sockets: Any = None) -> None:
        """Start, then tell."""
        await super().startup(sockets)
        if self.started:
            # What has been loaded by now stays: looking through it for garbage would stop everybody
            # for a tenth of a second, again and again.
            gc.collect()
            gc.freeze()
            self._on_ready()

    async def on_tick(self, counter: int) -> bool:
        """Look, once a second, for what is late."""
        now = asyncio.get_running_loop().time()
        if now - self._checked_at >= 1:
            self._checked_at = now
            for connection in tuple(self.server_state.connections):
                if isinstance(connection, Http1):
                    connection.check(now)
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as signal handlers are
        """Begin to leave; with each further signal faster."""
        # uvicorn would raise the signal again in the end: we ended in order, and so with 0.
        self.force_exit = self.should_exit and self._is_hurried
        self._is_hurried = self.should_exit or sig == signal.SIGINT
        self.should_exit = True

    async def main_loop(self) -> None:
        """Serve until a signal comes, and leave."""
        await super().main_loop()
        not_ready(self._app)
        self._terms.is_leaving = True
        await self._wait(self._grace_seconds)
        await self._shut_the_door()
        drained_by = time.monotonic() + DRAIN_SECONDS
        await self._close_sockets()
        # uvicorn closes whoever has not asked anything yet: let those ask who came at the last moment.
        await self._wait(_LAST_MOMENT_SECONDS)
        self.config.timeout_graceful_shutdown = max(1, round(drained_by - time.monotonic()))

    async def _shut_the_door(self) -> None:
        """Stop listening, and take in whoever has knocked already: the system would reset them."""
        knocked: list[socket.socket] = []
        for server in self.servers:
            for listener in server.sockets:
                with socket.fromfd(listener.fileno(), listener.family, listener.type) as door:
                    door.setblocking(False)
                    with suppress(OSError):
                        while True:
                            knocked.append(door.accept()[0])
            server.close()
        loop = asyncio.get_running_loop()
        for peer in knocked:
            peer.setblocking(False)
            await loop.connect_accepted_socket(self._speak, peer)

    def _speak(self) -> asyncio.Protocol:
        make: Any = self.config.http_protocol_class
        protocol: asyncio.Protocol = make(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol

    async def _close_sockets(self) -> None:
        sockets: Sockets = self._app.app.state.sockets
        steps = 1 if self._is_hurried else min(SPREAD_SECONDS / _TICK_SECONDS, len(sockets) / _SOCKETS_PER_TICK)
        for _ in sockets.leave(max(1, int(steps))):
            await self._wait(_TICK_SECONDS)

    async def _wait(self, seconds: float) -> None:
        """Go on serving for *seconds*, or until somebody is in a hurry."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._is_hurried:
            await self.on_tick(0)
            await asyncio.sleep(_TICK_SECONDS)


def _config(app: Front, settings: Settings, terms: Terms) -> uvicorn.Config:
    # uvicorn takes anything that makes protocols, whatever its types say.
    http: Any = partial(Http1, terms=terms)
    ws: Any = partial(Line, write_seconds=settings.socket_write_timeout_secs)
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=http,
        ws=ws,
        ws_per_message_deflate=False,
        ws_max_size=settings.socket_frame_max_bytes,
        ws_ping_interval=settings.socket_ping_secs,
        ws_ping_timeout=settings.socket_dead_secs - settings.socket_ping_secs,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )


def serve(app: Front, settings: Settings, *, on_ready: Callable[[], None] = lambda: None) -> bool:
    """Serve *app* until a signal ends it; return whether it ever came up."""
    log.configure(settings.log_level, settings.log_format)
    for insecurity in settings.insecurities():
        structlog.get_logger().warning("INSECURE", what=insecurity)
    server = Server(app, settings, on_ready)
    server.run()
    return server.started
