"""The API against its own description: whatever is sent, the answer is as described and never a 5xx (G17)."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.asking import ADMIN, SCOPES, token
from tests.fuzzing import SEED, TIMES
from tests.journeys.service import Service

PHASES = "examples,coverage,fuzzing,stateful"
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,allow_header_conformance,unsupported_method"
)
EXAMPLES = 8

KEYS = """
[[operations]]
include-path-regex = "^/api/v1/management/"
headers = {{ Authorization = "Bearer {admin}" }}

[[operations]]
include-path-regex = "^/api/v1/(dialogs|unread|search|events|upload|attachments)"
headers = {{ Authorization = "Bearer {ana}" }}
parameters = {{ "path.dialog_id" = "{dialog}" }}
"""
"""Who asks at which door; people ask about a dialog they are in."""


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


def test_every_answer_is_as_described_in_every_phase_g17(served: Service, dialog: str, tmp_path: Path) -> None:
    keys = tmp_path / "schemathesis.toml"
    keys.write_text(KEYS.format(admin=ADMIN, ana=token("ana", SCOPES), dialog=dialog))

    run = subprocess.run(
        [
            str(Path(sys.executable).parent / "schemathesis"),
            *("--config-file", str(keys), "run", f"{served.url}/openapi.json"),
            *("--phases", PHASES, "--checks", CHECKS, "--warnings", "off", "--continue-on-failure"),
            *("--max-examples", str(EXAMPLES * TIMES), "--seed", str(SEED)),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )

    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr[-2000:]
    assert "✅ Stateful" in run.stdout
    assert '"status":500' not in served.logged()
