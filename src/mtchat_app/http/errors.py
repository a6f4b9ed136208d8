"""Refusals on the wire: the only table of statuses, and the only shape of an error."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from attrs import frozen
from litestar import Request, Response
from litestar.exceptions import HTTPException, WebSocketDisconnect

from mtchat_app.http import trace
from mtchat_core.domain.errors import ChatError, Kind

STATUSES: Mapping[Kind, int] = {
    Kind.INVALID: 400,
    Kind.DENIED: 403,
    Kind.MISSING: 404,
    Kind.CONFLICT: 409,
    Kind.REUSED: 422,
    Kind.GONE: 410,
    Kind.UNAVAILABLE: 503,
}


class DoorError(Exception):
    """A refusal by the door itself, before the core is asked. No sentence repeats what came in."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "BAD_REQUEST"
    says: ClassVar[str] = "The request can't be understood."
    headers: ClassVar[Mapping[str, str]] = {}

    def __init__(self, message: str | None = None) -> None:
        self.message = message or self.says
        super().__init__(self.message)


class Unauthorized(DoorError):
    """The caller is not known: no token, or not one that counts here (RFC 6750)."""

    status, code = 401, "UNAUTHORIZED"
    says = "Send a valid token: Authorization: Bearer …"
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": "Bearer"}


class TokenExpired(Unauthorized):
    """The token was good once; a client renews it and tries again."""

    code = "TOKEN_EXPIRED"
    says = "The token has expired. Get a new one."


class AddressUnknown(DoorError):
    """Nothing lives at this address."""

    status, code = 404, "NOT_FOUND"
    says = "There is nothing at this address."


class MethodUnknown(DoorError):
    """The address is right, the method is not; `Allow` lists those that are."""

    status = 405
    says = "This address does not answer that method."


class BodyTooSlow(DoorError):
    """The body did not arrive in time."""

    status = 408
    says = "The body took too long to arrive."
    headers: ClassVar[Mapping[str, str]] = {"Connection": "close"}


class BodyTooLarge(DoorError):
    """The body is over the limit; the rest of it is not read."""

    status = 413
    says = "The body is too large."
    headers: ClassVar[Mapping[str, str]] = {"Connection": "close"}


class MediaTypeUnknown(DoorError):
    """The body is not announced as plain JSON."""

    status = 415
    says = "Send JSON, not compressed, with Content-Type: application/json."


class WrongShape(DoorError):
    """The body is JSON, but not the JSON this address takes."""

    status, code = 422, "INVALID_INPUT"


class PeerGone(DoorError, OSError):
    """The connection has ended; nobody reads an answer."""

    says = "The connection has ended."


class SocketVersionUnknown(DoorError):
    """The handshake is for a version of WebSocket that nobody speaks here (RFC 6455, section 4.4)."""

    status = 426
    says = "Sockets are opened with Sec-WebSocket-Version: 13."
    headers: ClassVar[Mapping[str, str]] = {"Sec-WebSocket-Version": "13"}


class RateLimited(DoorError):
    """Too many requests in a short time; `retry_after` is in seconds."""

    status, code = 429, "RATE_LIMIT_EXCEEDED"
    says = "Too many requests. Wait a moment and try again."

    def __init__(self, retry_after: float) -> None:
        super().__init__()
        self.retry_after = retry_after


class HeadersTooLarge(DoorError):
    """Address and headers are over the limit together."""

    status = 431
    says = "The address and headers are too large."


@frozen
class Answer:
    """An error as it leaves: status, headers beside those every answer has, and the body's parts."""

    status: int
    code: str
    message: str
    headers: tuple[tuple[str, str], ...] = ()

    def body(self, request_id: str) -> bytes:
        """Return the JSON; failures of ours carry the request's id so that people can quote it."""
        error = {"code": self.code, "message": self.message}
        if self.status >= 500:
            error["request_id"] = request_id
        return msgspec.json.encode({"error": error})


_UNEXPECTED = Answer(500, "INTERNAL_ERROR", "Something went wrong on our side. Please try again later.")


def answer_to(error: BaseException) -> Answer:
    """Return how *error* looks from outside; whatever is not a refusal is our own failure, without details."""
    match error:
        case ChatError():
            return _refusal(error)
        case RateLimited():
            return Answer(error.status, error.code, error.message, (_retry_after(error.retry_after),))
        case DoorError():
            return Answer(error.status, error.code, error.message, tuple(error.headers.items()))
        case HTTPException():
            return _by_framework(error)
        case _:
            return _UNEXPECTED


def is_failure(error: BaseException) -> bool:
    """Tell whether *error* is a failure of ours to look into, and not a refusal."""
    return answer_to(error) is _UNEXPECTED and not isinstance(error, WebSocketDisconnect)


def _refusal(error: ChatError) -> Answer:
    status, message = STATUSES[error.kind], error.message
    if status == 403 and not message.startswith("Forbidden"):
        message = f"Forbidden: {message}"
    wait = error.retry_after
    if wait is None and status != 503:
        return Answer(status, error.code, message)
    return Answer(status, error.code, message, (_retry_after(wait.total_seconds() if wait else 1),))


def _retry_after(seconds: float) -> tuple[str, str]:
    return "Retry-After", str(max(1, math.ceil(seconds)))


def _by_framework(error: HTTPException) -> Answer:
    """Answer what Litestar refuses by itself; its own sentences repeat the request, so ours replace them."""
    match error.status_code:
        case 404:
            return answer_to(AddressUnknown())
        case 405:
            return _method_unknown((error.headers or {}).get("allow", ""))
        case status if status < 500:
            return answer_to(DoorError())
        case _:
            return _UNEXPECTED


def _method_unknown(allow: str) -> Answer:
    allowed = {method.strip() for method in allow.split(",")} - {""}
    if not allowed - {"websocket", "OPTIONS"}:
        return answer_to(DoorError("This address is for sockets: open a WebSocket."))
    allowed -= {"websocket"}
    if "GET" in allowed:
        allowed.add("HEAD")
    return Answer(
        MethodUnknown.status, MethodUnknown.code, MethodUnknown.says, (("Allow", ", ".join(sorted(allowed))),)
    )


def handle(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer *error* on behalf of a route; the front looks after logging."""
    answer = answer_to(error)
    return Response(
        answer.body(trace.of(request.scope).request_id),
        status_code=answer.status,
        headers=dict(answer.headers),
        media_type="application/json",
    )
