"""New ids, made on this machine."""

from uuid import UUID

from attrs import frozen
from uuid_utils import compat


@frozen
class SystemIds:
    """IdSource as UUIDv7 from the machine's clock and randomness."""

    def new(self) -> UUID:
        """Return an id above every one returned before by this process."""
        return compat.uuid7()
