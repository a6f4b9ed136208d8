"""The host looks after its webhooks: where it is told, what of, and what became of it."""

from typing import Annotated, Any, Literal
from uuid import UUID

from attrs import evolve
from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, Meta, Struct, UnsetType

from mtchat_app import addresses
from mtchat_app.http.cursors import read_number, write_number
from mtchat_app.http.envelope import Data, Listed, described
from mtchat_app.http.views import Instant
from mtchat_core.chat import Chat
from mtchat_core.domain.errors import InvalidInput
from mtchat_core.domain.webhooks import (
    MAX_NAME,
    MAX_SECRETS,
    MAX_URL,
    TYPES,
    Attempt,
    Delivery,
    DeliveryId,
    DeliveryState,
    Endpoint,
    EndpointId,
    EndpointState,
)

Name = Annotated[
    str, described("Up to 100 characters, its own among webhooks.", min_length=1, max_length=MAX_NAME)
]
Url = Annotated[
    str,
    described(
        "An http(s) address without a user name; never one of a metadata service or of this link.",
        max_length=MAX_URL,
        examples=["https://erp.example.com/hooks/mtchat"],
    ),
]
Events = Annotated[list[str] | None, Meta(description=f"Some of {', '.join(TYPES)}; null for all.")]
Secrets = Annotated[
    list[str],
    described(
        "One secret, or two while it is changed, the new one first: 16 to 255 characters each.",
        max_items=MAX_SECRETS,
    ),
]
State = Literal["pending", "delivered", "dead", "dropped"]


class CreateWebhook(Struct, kw_only=True, frozen=True):
    """A new endpoint."""

    name: Name
    url: Url
    events: Events = None
    secrets: Secrets | UnsetType = UNSET


class ChangeWebhook(Struct, kw_only=True, frozen=True):
    """What to change; absent keys stay as they are."""

    name: Name | UnsetType = UNSET
    url: Url | UnsetType = UNSET
    events: Events | UnsetType = UNSET
    secrets: Secrets | UnsetType = UNSET
    state: Annotated[
        Literal["active", "disabled"] | UnsetType,
        Meta(description="disabled: nothing is sent, and nothing forgotten; active goes on where it stopped."),
    ] = UNSET

    def of(self, kept: Endpoint) -> Endpoint:
        """Return *kept* with the changes."""
        if self.state is not UNSET:
            kept = evolve(kept, state=EndpointState(self.state), why=None)
        if self.events is not UNSET:
            kept = evolve(kept, events=None if self.events is None else tuple(self.events))
        return evolve(
            kept,
            name=kept.name if self.name is UNSET else self.name,
            url=kept.url if self.url is UNSET else _checked(self.url),
            secrets=kept.secrets if self.secrets is UNSET else tuple(self.secrets),
        )


class WebhookView(Struct, kw_only=True, frozen=True):
    """An endpoint; its secrets are never shown again."""

    id: Annotated[UUID, Meta(description="UUIDv7.")]
    name: Annotated[str, Meta(description="`settings` for the one of WEBHOOK_URL.")]
    url: Annotated[str, Meta(description="Where it is told.")]
    events: Annotated[list[str] | None, Meta(description="What of; null for everything.")]
    source: Annotated[Literal["settings", "api"], Meta(description="Who looks after it.")]
    state: Annotated[
        Literal["active", "parked", "disabled"],
        Meta(description="parked: it answered 410 Gone, and waits for `resume`."),
    ]
    why: Annotated[str | None, Meta(description="Why it is not active.")]
    created_at: Instant
    last_success_at: Instant | None
    last_failure_at: Instant | None
    last_failure: Annotated[str | None, Meta(description="What went wrong last, like `HTTP 500`.")]
    pending: Annotated[int, Meta(description="Deliveries that wait, counted up to 10,000.")]
    dead: Annotated[int, Meta(description="Dead letters, counted up to 10,000.")]
    secrets: Annotated[
        list[str] | UnsetType, Meta(description="Only in the answer that made it: keep it now.")
    ] = UNSET

    @classmethod
    def of(cls, endpoint: Endpoint, *, with_secrets: bool = False) -> "WebhookView":
        """Show *endpoint*."""
        return cls(
            id=endpoint.id,
            name=endpoint.name,
            url=endpoint.url,
            events=None if endpoint.events is None else list(endpoint.events),
            source=endpoint.source.value,
            state=endpoint.state.value,
            why=endpoint.why,
            created_at=endpoint.created_at,
            last_success_at=endpoint.last_success_at,
            last_failure_at=endpoint.last_failure_at,
            last_failure=endpoint.last_failure,
            pending=endpoint.pending,
            dead=endpoint.dead,
            secrets=list(endpoint.secrets) if with_secrets else UNSET,
        )


class DeliveryView(Struct, kw_only=True, frozen=True):
    """One event on its way to one endpoint. What it says is not shown."""

    id: Annotated[UUID, Meta(description="What the receiver sees as webhook-id.")]
    type: Annotated[str, Meta(description="Like message.new.")]
    dialog_id: Annotated[UUID, Meta(description="Where it happened.")]
    seq: Annotated[int, Meta(description="The event's number within the dialog.")]
    recipient_id: Annotated[str | None, Meta(description="Whom a notification is for.")]
    state: Annotated[State, Meta(description="dropped: nobody needs the reminder any more.")]
    attempts: Annotated[int, Meta(description="How often it was tried.")]
    due_at: Annotated[Instant | None, Meta(description="When it is tried next; null when it is over.")]
    created_at: Instant
    finished_at: Instant | None

    @classmethod
    def of(cls, delivery: Delivery) -> "DeliveryView":
        """Show *delivery*."""
        return cls(**_fields(delivery))


class AttemptView(Struct, kw_only=True, frozen=True):
    """How one attempt went."""

    at: Instant
    status: Annotated[int | None, Meta(description="The receiver's answer; null when there was none.")]
    failure: Annotated[str | None, Meta(description="Why there was none.")]
    milliseconds: Annotated[int, Meta(description="How long it took.")]

    @classmethod
    def of(cls, attempt: Attempt) -> "AttemptView":
        """Show *attempt*."""
        return cls(
            at=attempt.at, status=attempt.status, failure=attempt.failure, milliseconds=attempt.milliseconds
        )


class DeliveryDetailsView(DeliveryView, kw_only=True, frozen=True):
    """A delivery with its attempts."""

    attempt_log: Annotated[list[AttemptView], Meta(description="Every attempt that was kept, oldest first.")]

    @classmethod
    def detailed(cls, delivery: Delivery, attempts: tuple[Attempt, ...]) -> "DeliveryDetailsView":
        """Show *delivery* and its *attempts*."""
        return cls(**_fields(delivery), attempt_log=[AttemptView.of(attempt) for attempt in attempts])


class ReplayedView(Struct, frozen=True):
    """How many dead letters are sent again."""

    replayed: Annotated[int, Meta(description="Dead letters that are due again.")]


def _fields(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "type": delivery.type,
        "dialog_id": delivery.dialog_id,
        "seq": delivery.seq,
        "recipient_id": delivery.recipient,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "due_at": delivery.due_at if delivery.state is DeliveryState.PENDING else None,
        "created_at": delivery.created_at,
        "finished_at": delivery.finished_at,
    }


def _checked(url: str) -> str:
    try:
        return addresses.check(url)
    except ValueError as error:
        raise InvalidInput(f"url {error}") from None


@post("/webhooks", status_code=200, tags=["Webhooks"])
async def create_webhook(data: JSONBody[CreateWebhook], chat: NamedDependency[Chat]) -> Data[WebhookView]:
    """Add an endpoint, told of what happens from now on; without secrets it gets one, shown only here."""
    secrets = None if data.secrets is UNSET else data.secrets
    made = await chat.webhooks.create(name=data.name, url=_checked(data.url), events=data.events, secrets=secrets)
    return Data(WebhookView.of(made, with_secrets=True))


@get("/webhooks", tags=["Webhooks"])
async def list_webhooks(chat: NamedDependency[Chat]) -> Data[list[WebhookView]]:
    """List every endpoint, oldest first."""
    return Data([WebhookView.of(endpoint) for endpoint in await chat.webhooks.endpoints()])


@get("/webhooks/{webhook_id:str}", tags=["Webhooks"])
async def get_webhook(webhook_id: FromPath[UUID], chat: NamedDependency[Chat]) -> Data[WebhookView]:
    """Show an endpoint."""
    return Data(WebhookView.of(await chat.webhooks.get(EndpointId(webhook_id))))


@patch("/webhooks/{webhook_id:str}", tags=["Webhooks"])
async def change_webhook(
    webhook_id: FromPath[UUID], data: JSONBody[ChangeWebhook], chat: NamedDependency[Chat]
) -> Data[WebhookView]:
    """Change an endpoint of the API; the one of the settings is changed in the environment."""
    return Data(WebhookView.of(await chat.webhooks.change(EndpointId(webhook_id), data.of)))


@delete("/webhooks/{webhook_id:str}", status_code=204, tags=["Webhooks"])
async def delete_webhook(webhook_id: FromPath[UUID], chat: NamedDependency[Chat]) -> None:
    """Forget an endpoint and all that was for it; an unknown one changes nothing."""
    await chat.webhooks.remove(EndpointId(webhook_id))


@post("/webhooks/{webhook_id:str}/resume", status_code=200, tags=["Webhooks"])
async def resume_webhook(webhook_id: FromPath[UUID], chat: NamedDependency[Chat]) -> Data[WebhookView]:
    """Go on with a parked endpoint where it stopped."""
    return Data(WebhookView.of(await chat.webhooks.resume(EndpointId(webhook_id))))


@post("/webhooks/{webhook_id:str}/replay", status_code=200, tags=["Webhooks"])
async def replay_dead(webhook_id: FromPath[UUID], chat: NamedDependency[Chat]) -> Data[ReplayedView]:
    """Send every dead letter again, with the same id and bytes."""
    return Data(ReplayedView(await chat.webhooks.replay_dead(EndpointId(webhook_id))))


@get("/webhooks/{webhook_id:str}/deliveries", tags=["Webhooks"])
async def list_deliveries(
    webhook_id: FromPath[UUID],
    chat: NamedDependency[Chat],
    wanted: Annotated[State | None, QueryParameter(name="state", description="Only those in this state.")] = None,
    limit: Annotated[int, QueryParameter(description="Deliveries per page, 1 to 100; others are clamped.")] = 50,
    cursor: Annotated[str | None, QueryParameter(description="next_cursor of the page before.")] = None,
) -> Listed[DeliveryView]:
    """List what is, or was, on its way to an endpoint, newest first."""
    before = None if cursor is None else read_number(cursor)
    limit = max(1, min(limit, 100))
    state = None if wanted is None else DeliveryState(wanted)
    found = await chat.webhooks.deliveries(EndpointId(webhook_id), state=state, before=before, limit=limit)
    return Listed(
        [DeliveryView.of(delivery) for delivery in found],
        next_cursor=write_number(found[-1].number) if len(found) == limit else None,
    )


@get("/webhooks/{webhook_id:str}/deliveries/{delivery_id:str}", tags=["Webhooks"])
async def get_delivery(
    webhook_id: FromPath[UUID], delivery_id: FromPath[UUID], chat: NamedDependency[Chat]
) -> Data[DeliveryDetailsView]:
    """Show a delivery with its attempts."""
    found, attempts = await chat.webhooks.delivery(EndpointId(webhook_id), DeliveryId(delivery_id))
    return Data(DeliveryDetailsView.detailed(found, attempts))


@post("/webhooks/{webhook_id:str}/deliveries/{delivery_id:str}/replay", status_code=200, tags=["Webhooks"])
async def replay_delivery(
    webhook_id: FromPath[UUID], delivery_id: FromPath[UUID], chat: NamedDependency[Chat]
) -> Data[ReplayedView]:
    """Send one dead letter again, with the same id and bytes."""
    await chat.webhooks.replay(EndpointId(webhook_id), DeliveryId(delivery_id))
    return Data(ReplayedView(1))
