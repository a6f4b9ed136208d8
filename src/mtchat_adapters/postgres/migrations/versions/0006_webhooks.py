"""Webhooks: endpoints, what is to be delivered to them, and every attempt."""

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Nothing yet."""
