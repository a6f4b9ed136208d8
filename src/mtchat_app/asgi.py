"""The doors put together: routes behind whoever asks who asks, behind the front."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from typing import Any

from litestar import Litestar, Router, get
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Tag
from litestar.routes import HTTPRoute, WebSocketRoute
from litestar.types import Scope

from mtchat_app.http import api_page, chat, health, management, metrics, realtime, sdk
from mtchat_app.http.bodies import BodyLimits, StrictRequest
from mtchat_app.http.callers import Callers, Person, person_at
from mtchat_app.http.cors import Cors
from mtchat_app.http.envelope import JsonResponse
from mtchat_app.http.errors import handle
from mtchat_app.http.files import FileDoor
from mtchat_app.http.front import Front, note_error
from mtchat_app.http.parameters import plan_of
from mtchat_app.http.realtime import Sockets
from mtchat_app.readings import Gauges
from mtchat_app.runner import Runner
from mtchat_app.settings import Settings
from mtchat_app.wiring import Service
from mtchat_core.chat import Chat
from mtchat_core.domain.errors import ChatError

OpenService = Callable[[Settings], AbstractAsyncContextManager[Service]]

_TAGS = (
    Tag("Management: Dialogs", "The host creates, finds, changes and deletes conversations."),
    Tag("Management: Participants", "The host adds and removes people."),
    Tag("Management: Access scopes", "The host says who may discover and join."),
    Tag("Management: Messages", "The host speaks in a dialog."),
    Tag("Management: Events", "The host reads what happened."),
    Tag("Management: Webhooks", "Where the host is told of events, and what became of it."),
    Tag("Chat: Dialogs", "A person finds conversations."),
    Tag("Chat: Participants", "A person joins, leaves, and sees who is there."),
    Tag("Chat: Messages", "A person says things, and reads what was said."),
    Tag("Chat: Files", "A person uploads files, fetches them, and finds them again."),
    Tag("Chat: Read receipts", "A person reads, and knows what is left."),
    Tag("Chat: Events", "A person reads what they missed."),
    Tag("Chat: My view of a dialog", "Archive, pin, reminders: one's own business."),
    Tag("Health", "For whoever runs the service."),
)


def create_app(settings: Settings, open_service: OpenService, extra: Sequence[HTTPRouteHandler] = ()) -> Front:
    """Return the whole service as one ASGI application.

    *open_service* opens the chat behind it, for as long as the application's lifespan lasts. A
    host that mounts the application enters `app.lifespan()` itself. *extra* are routes of the demo.
    """
    callers = Callers.of(settings)
    measured = metrics.Metrics()

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            service = await stack.enter_async_context(open_service(settings))
            runner = Runner(service.chat, settings.archive_cron) if settings.worker == "internal" else None
            if runner is not None:
                await stack.enter_async_context(runner.running())
            app.state.chat = service.chat
            app.state.shelf = service.shelf
            app.state.condition = health.Condition(
                settings.insecurities(),
                service.is_ready,
                lambda: [*service.degraded(), *(runner.degraded() if runner else ())],
            )
            app.state.sockets = sockets = Sockets.of(settings, service.chat.files.links)
            app.state.readings = Gauges(service, sockets, runner).read
            if settings.webhook_url is not None:
                # Whoever runs the jobs does it too, but later: what is said from here on is to be told.
                with suppress(ChatError):
                    await service.chat.webhooks.follow_settings()
            every, cut_off = settings.log_poll_secs, settings.node_cut_off_secs
            try:
                async with service.chat.follower.follow(every=every, cut_off=cut_off):
                    yield
            finally:
                for _ in app.state.sockets.leave():
                    pass

    app = Litestar(
        route_handlers=[
            # As a hook and not as a guard, for whom Litestar copies the whole route at every request.
            Router("/api/v1/management", route_handlers=[*management.ROUTES], before_request=callers.admin),
            Router(
                "/api/v1",
                route_handlers=[*chat.ROUTES],
                before_request=callers.person,
                dependencies={"caller": Provide(_caller)},
            ),
            Router(
                "/api/v1",
                route_handlers=[realtime.listen],
                guards=[callers.person],
                dependencies={"caller": Provide(_caller)},
            ),
            Router("/", route_handlers=[metrics.metrics], before_request=callers.admin),
            health.health,
            health.ready,
            openapi,
            *api_page.ROUTES,
            sdk.sdk,
            *extra,
        ],
        dependencies={"chat": Provide(_chat)},
        lifespan=[lifespan],
        request_class=StrictRequest,
        response_class=JsonResponse,
        exception_handlers={Exception: handle},
        after_exception=[note_error],
        openapi_config=OpenAPIConfig(
            title="MTChat",
            version=health.VERSION,
            tags=list(_TAGS),
            render_plugins=[],
            use_handler_docstrings=True,
        ),
        state=State(
            {
                "body_limits": BodyLimits(settings.request_max_body_bytes, settings.request_body_timeout_secs),
                "condition": health.Condition(settings.insecurities()),
                "metrics": measured,
                "readings": metrics.nothing,
                "sdk": sdk.FILES,
            }
        ),
        logging_config=None,
        debug=False,
    )
    _check_routes(app)
    files = FileDoor(app.state, settings.request_body_timeout_secs, settings.request_timeout_secs)
    return Front(app, Cors.of(settings), settings.request_max_header_bytes, measured, files)


def not_ready(app: Front) -> None:
    """Have /health/ready say no from here on, and begin no job any more: the service is going away."""
    app.app.state.condition = health.Condition(app.app.state.condition.insecure)
    if (runner := app.app.state.get("runner")) is not None:
        runner.leave()


def describe() -> dict[str, Any]:
    """Return the API's description without opening anything."""

    def nothing(_: Settings) -> AbstractAsyncContextManager[Service]:
        raise AssertionError("a description opens nothing")

    return api_page.describe(create_app(Settings.load({}), nothing).app)


@get("/openapi.json", include_in_schema=False)
async def openapi() -> dict[str, Any]:
    """Describe the API."""
    return _description()


def _description() -> dict[str, Any]:
    if not _described:
        _described.update(describe())
    return _described


_described: dict[str, Any] = {}


async def _chat(scope: Scope) -> Chat:
    found: Chat = scope["litestar_app"].state["chat"]
    return found


async def _caller(scope: Scope, chat: NamedDependency[Chat]) -> Person:  # noqa: ARG001
    # It asks for the chat only to be resolved after it: side by side, the two would cost a task group.
    return person_at(scope)


def _check_routes(app: Litestar) -> None:
    """Read every route's parameters once, so that one nobody can send fails at the start."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                plan_of(handler)
        elif isinstance(route, WebSocketRoute):
            plan_of(route.route_handler)
