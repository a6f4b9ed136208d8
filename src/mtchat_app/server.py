"""Running the service: one process of uvicorn, as tuned as it was measured."""

from collections.abc import Callable
from typing import Any

import structlog
import uvicorn

from mtchat_app import http1
from mtchat_app.http import log
from mtchat_app.settings import Settings

PING_SECONDS = 25.0
DEAD_AFTER_SECONDS = 60.0
DRAIN_SECONDS = 20


class _Server(uvicorn.Server):
    """A server that says when it accepts connections."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: Any = None) -> None:
        """Start, then tell."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()


def serve(app: Any, settings: Settings, *, on_ready: Callable[[], None] = lambda: None) -> bool:
    """Serve *app* until a signal ends it; return whether it ever came up."""
    log.configure(settings.log_level, settings.log_format)
    for insecurity in settings.insecurities():
        structlog.get_logger().warning("INSECURE", what=insecurity)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=http1.within(settings.request_max_header_bytes),
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=settings.socket_frame_max_bytes,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=DEAD_AFTER_SECONDS - PING_SECONDS,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    server = _Server(config, on_ready)
    server.run()
    return server.started
