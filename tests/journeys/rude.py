"""A socket client that is not polite: it reads, answers and writes only what it is told."""

import base64
import contextlib
import os
import socket
import time

from websockets.frames import Frame, Opcode

from tests.asking import token
from tests.journeys.service import Service


class Rude:
    """A socket without a library behind it, past its handshake; *receives* is its buffer, in bytes."""

    def __init__(self, service: Service, user: str, *, receives: int | None = None, headers: str = "") -> None:
        self._socket = socket.socket()
        if receives is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
        self._socket.settimeout(10)
        self._socket.connect(("127.0.0.1", service.port))
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            f"GET /api/v1/ws?token={token(user)} HTTP/1.1\r\nHost: a\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{headers}\r\n".encode()
        )
        self.head = b""
        while b"\r\n\r\n" not in self.head:
            self.head += self._socket.recv(1)

    def __enter__(self) -> "Rude":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def say(self, opcode: Opcode, data: bytes, *, fin: bool = True, bits: int = 0) -> None:
        """Send one frame, masked as clients must, with *bits* set in its first byte."""
        frame = bytearray(Frame(opcode, data, fin).serialize(mask=True))
        frame[0] |= bits
        self._socket.sendall(frame)

    def next(self) -> tuple[int, bytes]:
        """Return opcode and payload of the next frame but pings."""
        while True:
            first, size = self._read(2)
            if size in (126, 127):
                size = int.from_bytes(self._read(2 if size == 126 else 8))
            payload = self._read(size)
            if first & 0x0F != Opcode.PING:
                return first & 0x0F, payload

    def closing(self) -> int:
        """Read to the end, and return the code it ended with."""
        while True:
            opcode, payload = self.next()
            if opcode == Opcode.CLOSE:
                return int.from_bytes(payload[:2])

    def ended(self) -> float:
        """Read, answering nothing, until the connection is gone; return the seconds that took."""
        began = time.monotonic()
        with contextlib.suppress(ConnectionResetError):
            while self._socket.recv(65536):
                pass
        return time.monotonic() - began

    def _read(self, size: int) -> bytes:
        read = bytearray()
        while len(read) < size:
            if not (some := self._socket.recv(size - len(read))):
                raise ConnectionResetError
            read += some
        return bytes(read)
