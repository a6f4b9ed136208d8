"""Where new ids come from."""

from typing import Protocol
from uuid import UUID


class IdSource(Protocol):
    """New UUIDv7 values (RFC 9562), rising within this process."""

    def new(self) -> UUID:
        """Return an id nobody has had before."""
        ...
