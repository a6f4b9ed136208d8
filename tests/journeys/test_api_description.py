"""The API against its own description: whatever is sent, the answer is as described and never a 5xx (G17)."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from mtchat_app.asgi import describe
from tests.asking import ADMIN, SCOPES, token
from tests.journeys.service import Service

EXAMPLES = 25
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service on PostgreSQL."""
    folder = tmp_path_factory.mktemp("described")
    with Service("serve", "--data", str(folder / "data"), log=folder / "log") as service:
        yield service


@pytest.fixture(scope="session")
def dialog(served: Service) -> str:
    """A dialog that ana is in, with a message."""
    host = {"Authorization": f"Bearer {ADMIN}"}
    body = {"object_type": "order", "object_id": "4711", "participants": ["ana"]}
    created = httpx.post(f"{served.url}/api/v1/management/dialogs", json=body, headers=host)
    dialog: str = created.json()["data"]["id"]
    ana = {"Authorization": f"Bearer {token('ana', SCOPES)}"}
    httpx.post(f"{served.url}/api/v1/dialogs/{dialog}/messages", json={"content": "hello"}, headers=ana)
    return dialog


@pytest.fixture(scope="session")
def api(served: Service, dialog: str) -> BaseSchema:
    """The description the service gives of itself."""
    return schemathesis.openapi.from_url(f"{served.url}/openapi.json")


OPERATIONS = [(method.upper(), path) for path, operations in describe()["paths"].items() for method in operations]


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=lambda part: part)
def test_every_answer_is_as_described_g17(api: BaseSchema, dialog: str, method: str, path: str) -> None:
    bearer = ADMIN if path.startswith("/api/v1/management") else token("ana", SCOPES)
    deletes_the_dialog = method == "DELETE" and path.endswith("{dialog_id}")

    @given(case=api[path][method].as_strategy())
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    def attempt(case: schemathesis.Case[Any]) -> None:
        if "{dialog_id}" in path and not deletes_the_dialog:
            case.path_parameters["dialog_id"] = dialog
        case.call_and_validate(headers={"Authorization": f"Bearer {bearer}"}, checks=CHECKS)

    attempt()
