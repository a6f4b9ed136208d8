"""Files that the web's build has made: known by their manifest, read once, served as they lie there."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen
from litestar import Request, Response

from mtchat_app.http.errors import AddressUnknown
from mtchat_app.http.parameters import header

MANIFEST = "manifest.json"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_HASHED = re.compile(r"-[A-Za-z0-9_-]{8}\.[a-z0-9]+")
_FOREVER, _BRIEFLY = "public, max-age=31536000, immutable", "public, max-age=300"
_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".wasm": "application/wasm",
}
_PACKED = (("br", ".br"), ("gzip", ".gz"))
"""Encodings that a build may have made beside a file, the smallest first."""


@frozen
class Asset:
    """One file: its bytes by encoding ("" is the plain one), and what a browser is told about it."""

    bodies: Mapping[str, bytes]
    media_type: str
    etag: str
    integrity: str
    is_hashed: bool

    def answer(self, request: Request[Any, Any, Any], headers: Mapping[str, str]) -> Response[bytes]:
        """Answer with the file in the encoding that *request* takes, or say that nothing has changed."""
        told = {
            **headers,
            "Cache-Control": _FOREVER if self.is_hashed else _BRIEFLY,
            "ETag": self.etag,
            "Vary": "Accept-Encoding",
        }
        known = (header(request.scope, b"if-none-match") or b"").decode("latin-1")
        if self.etag in (tag.strip().removeprefix("W/") for tag in known.split(",")):
            return Response(b"", status_code=304, headers=told)
        accepted = _accepted(header(request.scope, b"accept-encoding") or b"")
        encoding = next((name for name, _ in _PACKED if name in accepted and name in self.bodies), "")
        if encoding:
            told["Content-Encoding"] = encoding
        return Response(self.bodies[encoding], media_type=self.media_type, headers=told)


@frozen
class Assets:
    """What a folder's manifest lists; nothing else in it, or outside, can be asked for."""

    folder: Path
    _found: dict[str, Asset] = field(factory=dict[str, Asset], init=False)

    @property
    def is_built(self) -> bool:
        """Whether the build has been here."""
        return (self.folder / MANIFEST).is_file()

    def get(self, name: str) -> Asset:
        """Return the file of that name.

        Raises:
            AddressUnknown: there is no such file.
        """
        if not self._found:
            self._found.update(_read(self.folder))
        try:
            return self._found[name]
        except KeyError:
            raise AddressUnknown from None


def _read(folder: Path) -> dict[str, Asset]:
    manifest = folder / MANIFEST
    if not manifest.is_file():
        return {}
    listed: dict[str, dict[str, str]] = json.loads(manifest.read_text())["files"]
    found = {
        name: _asset(folder, name, said["integrity"]) for name, said in listed.items() if _NAME.fullmatch(name)
    }
    return {**found, MANIFEST: _asset(folder, MANIFEST, "")}


def _asset(folder: Path, name: str, integrity: str) -> Asset:
    bodies = {"": (folder / name).read_bytes()}
    for encoding, ending in _PACKED:
        packed = folder / f"{name}{ending}"
        if packed.is_file():
            bodies[encoding] = packed.read_bytes()
    mark = integrity or f"{len(bodies[''])}-{(folder / name).stat().st_mtime_ns}"
    return Asset(
        bodies=bodies,
        media_type=_TYPES.get(Path(name).suffix, "application/octet-stream"),
        etag=f'"{mark}"',
        integrity=integrity,
        is_hashed=_HASHED.search(name) is not None,
    )


def _accepted(value: bytes) -> set[str]:
    """Return the encodings a client takes (RFC 9110, section 12.5.3)."""
    taken: set[str] = set()
    for part in value.decode("latin-1").lower().split(","):
        name, _, weight = part.partition(";")
        if not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", weight):
            taken.add(name.strip())
    return taken
