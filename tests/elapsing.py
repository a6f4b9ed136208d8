"""Time passes at once: a clock in memory moves on, and what PostgreSQL keeps moves into its past."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from mtchat_adapters.postgres import PostgresStore
from mtchat_adapters.postgres.session import Trips, statement

Elapse = Callable[[timedelta], Awaitable[None]]

_INSTANTS = {
    "dialogs": ("created_at", "active_at", "last_message_at", "reminder_since", "reminder_due"),
    "messages": ("sent_at",),
    "participants": ("joined_at", "unarchived_at"),
    "events": ("at",),
    "idempotency_keys": ("created_at",),
    "reminder_failures": ("due_at",),
    "uploads": ("created_at", "link_until"),
    "attachments": ("sent_at", "look_due"),
    "storage_leftovers": ("due_at",),
    "schedules": ("due_at", "leased_until", "started_at", "finished_at"),
}
_UPDATES = [
    f"update {table} set {', '.join(f'{name} = {name} - cast(:by as interval)' for name in names)}"
    for table, names in _INSTANTS.items()
]
_PASS = statement(
    "with " + ", ".join(f"u{n} as ({update})" for n, update in enumerate(_UPDATES[:-1])) + f" {_UPDATES[-1]}"
)


async def make_older(store: PostgresStore, by: timedelta) -> None:
    """Have everything in the database happened earlier."""
    await Trips(store.pool).all(_PASS, {"by": by})
