"""Webhooks for tests of the doors: made, and attempted by hand."""

from datetime import timedelta
from uuid import UUID

from mtchat_core.chat import Ports
from mtchat_core.domain.webhooks import DeliveryState, EndpointId, Outcome, Receipt, letters
from tests.builders import a_dialog_id
from tests.http.world import World

URL = "https://erp.example/hooks"
SECRET = "a-secret-of-the-host"
WORKER, HOUR = a_dialog_id(), timedelta(hours=1)


async def carry(ports: Ports, endpoint: str, *, attempts: int = 1, receipt: Receipt, state: DeliveryState) -> str:
    """Attempt what is next for an endpoint, and return the delivery's id."""
    id_, store = EndpointId(UUID(endpoint)), ports.webhooks
    await store.lease(WORKER, ttl=HOUR, running=[])
    await store.relay(WORKER, id_, letters, ttl=HOUR, wait=timedelta(), limit=100)
    due = (await store.due(id_, under_way=[], limit=1))[0]
    outcome = Outcome(
        number=due.number, dialog_id=due.dialog_id, state=state, attempts=attempts, wait=HOUR, receipt=receipt
    )
    await store.settle(WORKER, id_, [outcome], ttl=HOUR, log_all=True)
    return str(due.id)


async def create(world: World, name: str = "erp", **fields: object) -> str:
    made = await world.host.data("POST", "/webhooks", {"name": name, "url": URL, "secrets": [SECRET], **fields})
    webhook: str = made["id"]
    return webhook
