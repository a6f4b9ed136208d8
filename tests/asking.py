"""How tests ask the service: as the host, or as a person with a token."""

import time
from typing import Any

import httpx
import jwt

ADMIN = "a-test-admin-token"
SECRET = "a-test-secret-of-more-than-thirty-two-bytes"
MANAGEMENT, PERSON = "/api/v1/management", "/api/v1"

Scopes = dict[str, list[str]]
SCOPES: Scopes = {"scope_level0": ["nordwind"], "scope_level1": [], "scope_level2": []}
OTHER_SCOPES: Scopes = {"scope_level0": ["elsewhere"], "scope_level1": [], "scope_level2": []}


def token(user: object, scopes: Scopes | None = None, **claims: Any) -> str:
    """Return a token for *user*, good for an hour unless *claims* say otherwise."""
    content = {"sub": user, "exp": int(time.time()) + 3600, **claims}
    if scopes is not None:
        content["scopes"] = scopes
    return jwt.encode(content, SECRET, algorithm="HS256")


class Asker:
    """Somebody who asks over HTTP."""

    def __init__(self, client: httpx.AsyncClient, prefix: str, bearer: str) -> None:
        self.token = bearer
        self._client = client
        self._prefix = prefix

    async def __call__(self, verb: str, path: str, body: object = None, **options: Any) -> httpx.Response:
        """Ask, and return the whole answer; *body* goes as JSON unless *options* carry content."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        if body is not None:
            options["json"] = body
        return await self._client.request(verb, f"{self._prefix}{path}", headers=headers, **options)

    async def data(self, verb: str, path: str, body: object = None, **options: Any) -> Any:
        """Ask, expect a 200, and return what is under `data` (or the whole body)."""
        answer = await self(verb, path, body, **options)
        assert answer.status_code == 200, answer.text
        decoded = answer.json()
        return decoded.get("data", decoded)

    async def refused(self, verb: str, path: str, body: object = None, **options: Any) -> tuple[int, str]:
        """Ask, expect a refusal in the envelope, and return status and code."""
        answer = await self(verb, path, body, **options)
        assert answer.status_code >= 400, answer.text
        error = answer.json()["error"]
        assert error["message"]
        assert answer.status_code != 403 or error["message"].startswith("Forbidden")
        return answer.status_code, error["code"]
