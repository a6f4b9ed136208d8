"""Is it alive, and can it serve? Asked by whoever runs us, without any token."""

import asyncio
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Annotated, Literal

import structlog
from attrs import frozen
from litestar import Request, Response, get
from litestar.datastructures import State
from msgspec import Meta, Struct

PATIENCE_SECONDS = 2
VERSION = version("mtchat")

_log = structlog.get_logger()


class Health(Struct, kw_only=True, frozen=True):
    """It runs."""

    status: Annotated[Literal["ok"], Meta(description="How it is.")] = "ok"
    version: Annotated[str, Meta(description="Of the service.")] = VERSION


class Readiness(Struct, kw_only=True, frozen=True):
    """Whether it can serve."""

    status: Annotated[Literal["ready", "not_ready"], Meta(description="How it is.")]
    insecure: Annotated[list[str], Meta(description="Protections that are switched off.")]
    degraded: Annotated[list[str], Meta(description="Optional parts that do not work right now.")]


async def _not_yet() -> bool:
    return False


def _nothing() -> list[str]:
    return []


@frozen
class Condition:
    """How the service is; `app.state.condition`, replaced once everything is open."""

    insecure: list[str]
    is_ready: Callable[[], Awaitable[bool]] = _not_yet
    degraded: Callable[[], list[str]] = _nothing


@get("/health", tags=["Health"])
async def health() -> Health:
    """Tell that the process answers. Asks nothing else, so it stays true when the database does not."""
    return Health()


@get("/health/ready", tags=["Health"])
async def ready(request: Request[None, None, State]) -> Response[Readiness]:
    """Tell whether requests can be served: 200 when the database answers, else 503."""
    condition: Condition = request.app.state.condition
    is_ready = await _within_patience(condition)
    answer = Readiness(
        status="ready" if is_ready else "not_ready", insecure=condition.insecure, degraded=condition.degraded()
    )
    return Response(answer, status_code=200 if is_ready else 503)


async def _within_patience(condition: Condition) -> bool:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await condition.is_ready()
    except Exception as error:
        # A probe answers, whatever is wrong; what is wrong goes into the log.
        _log.warning("not ready", kind=type(error).__name__)
        return False
