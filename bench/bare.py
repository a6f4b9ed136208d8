"""The floors that serve: the same server, or the same library, with nothing of ours in or behind them.

`python -m bench.bare asgi|receiver|broadcast PORT`. `asgi` is an application that answers every request
with a prepared body and accepts every socket, on plain uvicorn without its log and without deflate;
`receiver`, on the same, takes webhooks; `broadcast` is a server of the websockets library, which sends
what one client says to all of them.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any

import uvicorn
import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.http11 import Request, Response

_BODY = b'{"data":{"content":"' + b"." * 400 + b'"}}'
_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(_BODY)).encode())],
}


async def application(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Answer at once; a request's body is read first."""
    if scope["type"] == "http":
        while (await receive()).get("more_body"):
            pass
        await send(_START)
        await send({"type": "http.response.body", "body": _BODY})
    else:
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] == "websocket.receive":
            pass


class Receiver:
    """Takes every POST at once; a GET tells what came since the last one: when, and when the message was sent."""

    def __init__(self) -> None:
        self._taken: list[tuple[float, bytes]] = []

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        """Answer one request."""
        body = b""
        while (part := await receive()).get("more_body"):
            body += part["body"]
        body += part.get("body", b"")
        said = b""
        if scope["method"] == "POST":
            self._taken.append((time.time(), body))
        elif scope["path"] == "/taken":
            said = json.dumps([(at, _sent_at(text)) for at, text in self._taken]).encode()
            self._taken.clear()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(said)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": said})


def _sent_at(body: bytes) -> float:
    """Return when the message a webhook is about was sent; 0 if it is about none."""
    message = json.loads(body)["payload"].get("message")
    return datetime.fromisoformat(message["created_at"]).timestamp() if message else 0.0


async def broadcasting(port: int) -> None:
    """Send what any client says to every client, until the process is ended."""
    everybody: set[ServerConnection] = set()

    async def listen(connection: ServerConnection) -> None:
        everybody.add(connection)
        try:
            async for text in connection:
                broadcast(everybody, text)
        finally:
            everybody.discard(connection)

    async def answer(connection: ServerConnection, request: Request) -> Response | None:
        return connection.respond(HTTPStatus.OK, "ready\n") if request.path == "/health/ready" else None

    async with serve(listen, "127.0.0.1", port, process_request=answer, compression=None, max_queue=None):
        await asyncio.get_running_loop().create_future()


def main() -> None:
    """Serve one of the floors."""
    kind, port = sys.argv[1], int(sys.argv[2])
    if kind in ("asgi", "receiver"):
        app: Any = application if kind == "asgi" else Receiver()
        uvicorn.run(
            app,
            host="127.0.0.1",
            port=port,
            http="httptools",
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            lifespan="off",
            log_level="warning",
            access_log=False,
        )
    else:
        uvloop.run(broadcasting(port))


if __name__ == "__main__":
    main()
