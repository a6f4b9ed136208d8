"""The API described (OpenAPI 3.1), and a page to click through it, served by ourselves alone."""

import json
import re
from importlib.resources import files
from typing import Any

from litestar import Litestar, Response, get

_ASSETS = files("mkdocs_swagger_ui_tag") / "swagger-ui"
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>MTChat API</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<div id="api"></div>
<script src="docs/swagger-ui.js"></script>
<script src="docs/start.js"></script>
</html>
"""
_START = """SwaggerUIBundle({
  url: "openapi.json", dom_id: "#api", deepLinking: true, persistAuthorization: false,
  docExpansion: "list", defaultModelsExpandDepth: 0, tryItOutEnabled: true,
});
"""
_REFUSALS = {
    "400": "A value breaks a rule, or the request makes no sense.",
    "401": "No token, or one that is not valid.",
    "403": 'Not allowed; the message begins with "Forbidden".',
    "404": "There is no such thing.",
    "409": "Not as things are: an idempotency key still at work, a name taken, a webhook of the settings.",
    "410": "The cursor is from too long ago: load afresh.",
    "413": "The body is over 2 MiB.",
    "415": "The body is not JSON.",
    "422": "The JSON has another shape than asked for, or an idempotency key came with another request.",
    "429": "Too fast: wait Retry-After seconds.",
    "431": "The headers are over 16 KiB.",
    "503": "Something the service needs does not answer: wait Retry-After seconds.",
}
_ABOUT_BODIES, _ABOUT_CHANGES, _ABOUT_CURSORS = {"413", "415", "422"}, {"409"}, {"410"}
_ERROR: dict[str, Any] = {
    "type": "object",
    "description": "A refusal. Switch on the code; the message says what to do next.",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "description": "What is wrong.",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string", "examples": ["INVALID_INPUT"]},
                "message": {"type": "string", "examples": ["content must show some text."]},
                "request_id": {
                    "type": "string",
                    "description": "Also in X-Request-Id; name it when you ask for help.",
                },
            },
        }
    },
}


def describe(app: Litestar) -> dict[str, Any]:
    """Return the description of *app*'s routes, with our refusals in place of the framework's."""
    # Generic answers are named after the Python module they come from; readers want the name alone.
    written = json.dumps(app.openapi_schema.to_schema())
    schema: dict[str, Any] = json.loads(re.sub(r"mtchat_app\.http\.(?:\w+\.)+", "", written))
    components = schema.setdefault("components", {})
    components.setdefault("schemas", {})["Error"] = _ERROR
    components["securitySchemes"] = {
        "person": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "A person's token."},
        "host": {"type": "http", "scheme": "bearer", "description": "The host's admin token."},
    }
    components["responses"] = {
        status: {
            "description": says,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
        for status, says in _REFUSALS.items()
    }
    for component in components["schemas"].values():
        # Said on the generic field itself, this would end up on whatever it holds.
        if (data := component.get("properties", {}).get("data")) and "$ref" not in data:
            data["description"] = "What was asked for."
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            _finish(path, method, operation)
    return schema


def _finish(path: str, method: str, operation: dict[str, Any]) -> None:
    operation["summary"] = operation["description"].split(". ")[0].rstrip(".")
    responses = {status: said for status, said in operation["responses"].items() if status.startswith("2")}
    if path.startswith("/api/"):
        is_hosts = path.startswith("/api/v1/management")
        operation["security"] = [{"host": []}] if is_hosts else [{"person": []}]
        operation["tags"] = [f"{'Management' if is_hosts else 'Chat'}: {tag}" for tag in operation["tags"]]
        needless = set[str]()
        needless |= set() if "requestBody" in operation else _ABOUT_BODIES
        needless |= _ABOUT_CHANGES if method == "get" else set()
        needless |= set() if path.endswith("/events") else _ABOUT_CURSORS
        responses |= {
            status: {"$ref": f"#/components/responses/{status}"} for status in _REFUSALS if status not in needless
        }
    operation["responses"] = responses


def _asset(path: str, media_type: str) -> Response[bytes]:
    body = (_ASSETS / path).read_bytes()
    return Response(body, media_type=media_type, headers={"Cache-Control": "public, max-age=86400"})


@get("/docs", include_in_schema=False)
async def api_page() -> Response[str]:
    """Show the API to click through."""
    return Response(_PAGE, media_type="text/html", headers={"Content-Security-Policy": _CSP})


@get("/docs/swagger-ui.js", include_in_schema=False)
async def api_page_script() -> Response[bytes]:
    """Serve the page's program."""
    return _asset("javascripts/swagger-ui-bundle.js", "text/javascript")


@get("/docs/swagger-ui.css", include_in_schema=False)
async def api_page_style() -> Response[bytes]:
    """Serve the page's style."""
    return _asset("stylesheets/swagger-ui.css", "text/css")


@get("/docs/start.js", include_in_schema=False)
async def api_page_start() -> Response[str]:
    """Serve the line that starts the page: the page's policy allows none in itself."""
    return Response(_START, media_type="text/javascript")


ROUTES = (api_page, api_page_script, api_page_style, api_page_start)
