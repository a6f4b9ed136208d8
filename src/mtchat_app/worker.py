"""The process `mtchat worker`: the jobs apart from the doors, with a small door of its own for its operator."""

import hashlib
import hmac
import signal
from base64 import b64decode
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from types import FrameType

import msgspec
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mtchat_app.asgi import OpenService
from mtchat_app.http import health, log
from mtchat_app.http.errors import RateLimited
from mtchat_app.http.limits import Buckets
from mtchat_app.overview import overview
from mtchat_app.runner import LEAVE_SECONDS, Runner
from mtchat_app.settings import Settings
from mtchat_app.wiring import Service
from mtchat_core.domain.errors import ServiceUnavailable

QUEUES = "/queues"
_REQUESTS_SECONDS = 5
"""For requests to end; the jobs have their own time."""
_PROMETHEUS = "text/plain; version=0.0.4"

Metrics = Callable[[Service, Runner], Awaitable[bytes]]
"""What makes the text of `/metrics`, in the form of Prometheus."""


class Working:
    """What runs: set once it is open, and for as long as that lasts."""

    def __init__(self) -> None:
        self.service: Service | None = None
        self.runner: Runner | None = None


def create_app(
    settings: Settings, open_service: OpenService, working: Working, metrics: Metrics | None = None
) -> Starlette:
    """Return the worker's door; its lifespan runs the jobs. *metrics* is the text of `/metrics`, where wanted."""
    guarded = [Middleware(Guard, settings=settings)]

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        async with open_service(settings) as service:
            runner = Runner(service.chat, settings.archive_cron)
            async with runner.running():
                working.service, working.runner = service, runner
                yield
                working.service = None

    async def alive(_request: Request) -> Response:
        return _json(health.Health())

    async def ready(_request: Request) -> Response:
        service, runner = working.service, working.runner
        is_ready = (
            service is not None and runner is not None and not runner.is_leaving and await service.is_ready()
        )
        degraded = [*(service.degraded() if service else ()), *(runner.degraded() if runner else ())]
        answer = health.Readiness(
            status="ready" if is_ready else "not_ready", insecure=settings.insecurities(), degraded=degraded
        )
        return _json(answer, 200 if is_ready else 503)

    async def jobs(_request: Request) -> Response:
        if working.service is None or working.runner is None:
            return _refusal(503, "SERVICE_UNAVAILABLE", "The worker is starting or leaving.")
        try:
            seen = await overview(working.service)
        except ServiceUnavailable as error:
            return _refusal(503, error.code, error.message)
        return _json({"data": {**msgspec.to_builtins(seen), "here": working.runner.report()}})

    async def tell(_request: Request) -> Response:
        if metrics is None or working.service is None or working.runner is None:
            return _refusal(404, "NOT_FOUND", "There is nothing here.")
        return Response(await metrics(working.service, working.runner), media_type=_PROMETHEUS)

    async def queues(scope: Scope, receive: Receive, send: Send) -> None:
        page: ASGIApp = _refusal(404, "NOT_FOUND", "There is no queue to look at: REDIS_URL is not set.")
        if working.service is not None and working.service.queue is not None:
            page = working.service.queue.page(QUEUES)
        await page(scope, receive, send)

    return Starlette(
        routes=[
            Route("/health", alive),
            Route("/health/ready", ready),
            Route("/metrics", tell, middleware=guarded),
            Route("/jobs", jobs, middleware=guarded),
            Mount(QUEUES, queues, middleware=guarded),
        ],
        lifespan=lifespan,
    )


class Guard:
    """Lets in who has the admin token: as bearer, or as the password of HTTP Basic, so that a browser can ask."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._digests = [_digest(token.encode()) for token in settings.admin_tokens]
        self._is_open = settings.allow_open_management and not settings.admin_tokens
        self._failures = Buckets(settings.auth_failures_rps, settings.auth_failures_burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in, or refuse."""
        answer = self._refusal(HTTPConnection(scope)) if scope["type"] == "http" else None
        await (answer or self._app)(scope, receive, send)

    def _refusal(self, asked: HTTPConnection) -> Response | None:
        if asked.scope["method"] not in ("GET", "HEAD") and asked.headers.get("sec-fetch-site") not in _OURS:
            # A browser that knows the password would send it along for any page that asks.
            return _refusal(403, "FORBIDDEN", "Forbidden: only the page itself may do this.")
        if self._is_open:
            return None
        given = _token(asked.headers.get("authorization", ""))
        # Every token is compared, so that the time taken tells nothing.
        if given is not None and sum(hmac.compare_digest(_digest(given), known) for known in self._digests):
            return None
        try:
            self._failures.take(asked.client.host if asked.client else "")
        except RateLimited as limited:
            return _refusal(429, limited.code, limited.message)
        refused = _refusal(
            401, "UNAUTHORIZED", "Send the admin token as bearer, or as the password of HTTP Basic."
        )
        refused.headers["WWW-Authenticate"] = 'Basic realm="mtchat worker", charset="UTF-8"'
        return refused


_OURS = ("same-origin", "none", None)
"""Where a change may come from; what is no browser says nothing."""


def _token(authorization: str) -> bytes | None:
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return given.encode()
    if scheme.lower() == "basic":
        with suppress(ValueError):
            return b64decode(given, validate=True).partition(b":")[2]
    return None


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()


def _json(content: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def _refusal(status: int, code: str, message: str) -> Response:
    return _json({"error": {"code": code, "message": message}}, status)


class Server(uvicorn.Server):
    """A server that leaves with its jobs."""

    def __init__(self, app: Starlette, settings: Settings, working: Working) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.worker_port,
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_REQUESTS_SECONDS,
            )
        )
        self._working = working

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as signal handlers are
        """Begin to leave; SIGINT again ends at once."""
        # uvicorn would raise the signal again in the end: we ended in order, and so with 0.
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def main_loop(self) -> None:
        """Serve until a signal comes; then begin no job any more, while requests end."""
        await super().main_loop()
        if self._working.runner is not None:
            self._working.runner.leave()


def work(settings: Settings, open_service: OpenService, metrics: Metrics | None = None) -> bool:
    """Run the jobs until a signal ends them; return whether they ever began."""
    log.configure(settings.log_level, settings.log_format)
    working = Working()
    server = Server(create_app(settings, open_service, working, metrics), settings, working)
    structlog.get_logger().info("worker", port=settings.worker_port, leaves_within=LEAVE_SECONDS)
    server.run()
    return server.started
