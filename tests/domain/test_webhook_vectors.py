"""The guide's vectors and its receiver are true."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from mtchat_core.domain import webhooks
from mtchat_core.domain.webhooks import DeliveryId, sign, verify

GUIDE = (Path(__file__).parents[2] / "docs" / "guide" / "webhooks.md").read_text()
[VECTORS] = [
    json.loads(block) for block in re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL) if "signatures" in block
]
[RECEIVER] = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
BODY = VECTORS["body"].encode()
AT = datetime.fromtimestamp(int(VECTORS["webhook-timestamp"]), UTC)


@pytest.mark.parametrize("vector", VECTORS["signatures"])
def test_the_vectors_of_the_guide_are_what_we_send_and_believe(vector: dict[str, str]) -> None:
    id_ = DeliveryId(UUID(VECTORS["webhook-id"]))
    headers = {
        name: vector.get(name) or VECTORS[name]
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
    }

    request = sign(BODY, event="message.new", id=id_, secrets=[vector["secret"]], at=AT)

    assert request.headers.items() >= {**headers, "X-Webhook-Signature": vector["X-Webhook-Signature"]}.items()
    assert verify(BODY, headers, [vector["secret"]], now=AT).type == "message.new"


def test_the_receiver_of_the_guide_works(capsys: pytest.CaptureFixture[str]) -> None:
    room: dict[str, Any] = {}
    exec(RECEIVER, room)  # it is our own guide
    id_ = DeliveryId(UUID(VECTORS["webhook-id"]))
    request = sign(BODY, event="message.new", id=id_, secrets=["the current secret"], at=datetime.now(UTC))

    assert room["receive"](BODY, dict(request.headers)) == 204
    assert VECTORS["webhook-id"] in capsys.readouterr().out
    assert room["receive"](BODY + b" ", dict(request.headers)) == 400


def test_the_guide_names_every_event() -> None:
    for kind in webhooks.TYPES:
        assert f"| `{kind}` |" in GUIDE
