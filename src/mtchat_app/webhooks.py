"""Webhooks as an operator reads them at the terminal."""

from collections.abc import Sequence
from uuid import UUID

from mtchat_app.tables import columns, instant
from mtchat_core.domain.webhooks import (
    Attempt,
    Delivery,
    DeliveryId,
    DeliveryNotFound,
    DeliveryState,
    Endpoint,
    NotReplayable,
    WebhookNotFound,
)
from mtchat_core.use_cases.webhooks import Webhooks

NEWEST = 20
"""Deliveries shown with a webhook."""

_Found = tuple[Endpoint, Delivery, tuple[Attempt, ...]]


async def overview(webhooks: Webhooks) -> str:
    """Return a table of every webhook."""
    rows = [
        (
            one.name,
            one.state.value,
            str(one.pending),
            str(one.dead),
            instant(one.last_success_at),
            _failed(one),
            one.url,
        )
        for one in await webhooks.endpoints()
    ]
    if not rows:
        return "There are no webhooks: set WEBHOOK_URL and WEBHOOK_SECRET, or add one by the Management API."
    return _table(("NAME", "STATE", "PENDING", "DEAD", "LAST SUCCESS", "LAST FAILURE", "URL"), rows)


async def details(webhooks: Webhooks, what: str) -> str:
    """Return a webhook with its newest deliveries, or a delivery with its attempts.

    Raises:
        WebhookNotFound: *what* names neither.
    """
    endpoints = await webhooks.endpoints()
    if endpoint := _named(endpoints, what):
        return await _webhook(webhooks, endpoint)
    if found := await _deliveries(webhooks, endpoints, what):
        return "\n\n".join(map(_delivery, found))
    raise WebhookNotFound("No webhook has this name or id, and no delivery this id. See `mtchat webhooks list`.")


async def resume(webhooks: Webhooks, name: str) -> str:
    """Go on with a webhook, and say so.

    Raises:
        WebhookNotFound: there is none.
    """
    endpoint = await webhooks.resume(_one(await webhooks.endpoints(), name).id)
    return f"{endpoint.name} is {endpoint.state.value}; {endpoint.pending} deliveries wait."


async def replay(webhooks: Webhooks, delivery: str | None, name: str | None) -> str:
    """Send one dead letter or all of them again, and say how many.

    Raises:
        WebhookNotFound: no webhook has this *name*.
        DeliveryNotFound: no webhook has this *delivery*.
        NotReplayable: it is no dead letter.
    """
    endpoints = await webhooks.endpoints()
    if name is not None:
        endpoints = (_one(endpoints, name),)
    if delivery is None:
        count = sum([await webhooks.replay_dead(endpoint.id) for endpoint in endpoints])
        return f"{count} dead letters will be sent again."
    found = await _deliveries(webhooks, endpoints, delivery)
    if not found:
        raise DeliveryNotFound("No delivery has this id.")
    dead = [(endpoint, one) for endpoint, one, _ in found if one.state is DeliveryState.DEAD]
    if not dead:
        raise NotReplayable
    for endpoint, one in dead:
        await webhooks.replay(endpoint.id, one.id)
    return f"It will be sent again to {', '.join(endpoint.name for endpoint, _ in dead)}."


def _named(endpoints: Sequence[Endpoint], name: str) -> Endpoint | None:
    return next((one for one in endpoints if name in (one.name, str(one.id))), None)


def _one(endpoints: Sequence[Endpoint], name: str) -> Endpoint:
    if (endpoint := _named(endpoints, name)) is None:
        raise WebhookNotFound("No webhook has this name or id. See `mtchat webhooks list`.")
    return endpoint


async def _deliveries(webhooks: Webhooks, endpoints: Sequence[Endpoint], id_: str) -> list[_Found]:
    """Return what every endpoint knows of a delivery: the same event has the same id at all of them."""
    try:
        delivery = DeliveryId(UUID(id_))
    except ValueError:
        return []
    found: list[_Found] = []
    for endpoint in endpoints:
        try:
            found.append((endpoint, *await webhooks.delivery(endpoint.id, delivery)))
        except DeliveryNotFound:
            continue
    return found


async def _webhook(webhooks: Webhooks, endpoint: Endpoint) -> str:
    facts = [
        ("id", str(endpoint.id)),
        ("url", endpoint.url),
        ("from", "the settings" if endpoint.source.value == "settings" else "the Management API"),
        ("state", f"{endpoint.state.value} ({endpoint.why})" if endpoint.why else endpoint.state.value),
        ("events", "all" if endpoint.events is None else ", ".join(endpoint.events)),
        ("pending", str(endpoint.pending)),
        ("dead", str(endpoint.dead)),
        ("last success", instant(endpoint.last_success_at)),
        ("last failure", _failed(endpoint)),
    ]
    newest = await webhooks.deliveries(endpoint.id, state=None, before=None, limit=NEWEST)
    rows = [
        (str(one.id), one.type, one.state.value, str(one.attempts), instant(one.created_at), _next(one))
        for one in newest
    ]
    head = "\n".join([endpoint.name, *_aligned(facts)])
    if not rows:
        return f"{head}\n\nNothing was to be delivered yet."
    return f"{head}\n\n{_table(('DELIVERY', 'EVENT', 'STATE', 'ATTEMPTS', 'SINCE', 'NEXT ATTEMPT'), rows)}"


def _delivery(found: _Found) -> str:
    endpoint, delivery, attempts = found
    facts = [
        ("webhook", endpoint.name),
        ("event", delivery.type),
        ("dialog", f"{delivery.dialog_id}, event {delivery.seq}"),
        ("state", delivery.state.value),
        ("attempts", str(delivery.attempts)),
        ("since", instant(delivery.created_at)),
        ("next attempt", _next(delivery)),
    ]
    rows = [(instant(one.at), one.failure or f"HTTP {one.status}", f"{one.milliseconds} ms") for one in attempts]
    head = "\n".join([str(delivery.id), *_aligned(facts)])
    return f"{head}\n\n{_table(('ATTEMPT', 'ANSWER', 'TOOK'), rows)}" if rows else head


def _next(delivery: Delivery) -> str:
    return instant(delivery.due_at) if delivery.state is DeliveryState.PENDING else "-"


def _failed(endpoint: Endpoint) -> str:
    if endpoint.last_failure_at is None:
        return "-"
    return f"{instant(endpoint.last_failure_at)} {endpoint.last_failure}"


def _aligned(facts: Sequence[tuple[str, str]]) -> list[str]:
    width = max(len(name) for name, _ in facts)
    return [f"  {name:<{width}}  {value}" for name, value in facts]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(columns([head, *rows]))
