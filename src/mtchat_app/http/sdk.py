"""The web SDK, ready to embed: whoever runs the service has a fitting client at the same address."""

import hashlib
from pathlib import Path
from typing import Any, Final

from litestar import Request, Response, get
from litestar.params import FromPath

from mtchat_app.http.assets import Assets
from mtchat_app.http.errors import AddressUnknown

ENTRY: Final = "mt-chat.js"
"""The one script tag."""
FILES: Final = Assets(Path(__file__).parent.parent / "sdk")
_NOT_BUILT = "The web SDK has not been built here. Say `make web` in the repository, or install a released wheel."
_HEADERS = {
    # Everybody's, whatever CORS_ALLOWED_ORIGINS says: a page that checks the hash has to ask with CORS.
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


def script_tag(base_url: str, files: Assets) -> str:
    """Return the line that loads the SDK, one of *files*, from the service at *base_url*, with its hash.

    Raises:
        AddressUnknown: the SDK has not been built.
    """
    integrity = _built(files).get(ENTRY).integrity
    # By its version, so that an older file in somebody's cache is not held against the hash.
    version = hashlib.sha256(integrity.encode()).hexdigest()[:8]
    source = f"{base_url}/sdk/{ENTRY}?v={version}"
    return f'<script src="{source}" integrity="{integrity}" crossorigin="anonymous" defer></script>'


def _built(files: Assets) -> Assets:
    if not files.is_built:
        raise AddressUnknown(_NOT_BUILT)
    return files


@get("/sdk/{name:str}", include_in_schema=False)
async def sdk(name: FromPath[str], request: Request[Any, Any, Any]) -> Response[bytes]:
    """Serve a file of the SDK; names with a hash never change, the others are looked at again."""
    return _built(request.app.state["sdk"]).get(name).answer(request, _HEADERS)
