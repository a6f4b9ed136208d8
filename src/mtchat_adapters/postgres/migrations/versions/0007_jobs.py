"""Jobs: what runs when, and who was reminded of what."""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Nothing yet."""
