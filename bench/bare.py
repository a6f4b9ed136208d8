"""The floors that serve: the same server, or the same library, with nothing of ours in or behind them.

`python -m bench.bare asgi|broadcast PORT`. `asgi` is an application that answers every request with a
prepared body and accepts every socket, on plain uvicorn without its log and without deflate;
`broadcast` is a server of the websockets library, which sends what one client says to all of them.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
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
    if kind == "asgi":
        app: Any = application
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
