"""The API against its own description: whatever is sent, the answer is as described and never a 5xx (G17)."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.asking import ADMIN, SCOPES, token
from tests.journeys.service import Service

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


schema = schemathesis.pytest.from_fixture("api")


@schema.parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_every_answer_is_as_described_g17(case: schemathesis.Case, dialog: str) -> None:
    is_management = case.path.startswith("/api/v1/management")
    bearer = ADMIN if is_management else token("ana", SCOPES)
    deletes = case.method == "DELETE" and case.path.endswith("{dialog_id}")
    if "dialog_id" in (case.path_parameters or {}) and not deletes:
        case.path_parameters["dialog_id"] = dialog
    case.call_and_validate(headers={"Authorization": f"Bearer {bearer}"}, checks=CHECKS)
