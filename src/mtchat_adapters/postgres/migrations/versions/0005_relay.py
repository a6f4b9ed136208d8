"""Events beyond one process: which history a cursor belongs to, and how far back it reaches."""

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Nothing yet."""
