"""How the core refuses: a stable code, the sort of trouble, and a sentence that helps."""

from datetime import timedelta
from enum import Enum
from typing import ClassVar


class Kind(Enum):
    """The sort of trouble a refusal is; doors translate it once into their own terms."""

    INVALID = "invalid"
    DENIED = "denied"
    MISSING = "missing"
    CONFLICT = "conflict"
    REUSED = "reused"
    GONE = "gone"
    UNAVAILABLE = "unavailable"


class ChatError(Exception):
    """A refusal that a caller can understand and act on.

    `code` never changes once published. `says` is the default sentence; an instance may carry
    a more precise one. No refusal ever repeats what the caller sent.
    """

    code: ClassVar[str]
    kind: ClassVar[Kind]
    says: ClassVar[str] = ""

    def __init__(self, message: str | None = None, *, retry_after: timedelta | None = None) -> None:
        self.message = message or self.says
        self.retry_after = retry_after
        super().__init__(self.message)


class InvalidInput(ChatError):
    """A value breaks a rule of the domain: too long, blank, not a link."""

    code, kind = "INVALID_INPUT", Kind.INVALID


class BadRequest(ChatError):
    """The request makes no sense as a whole: a missing scope header, joining twice."""

    code, kind = "BAD_REQUEST", Kind.INVALID


class Forbidden(ChatError):
    """The caller may not do this here."""

    code, kind = "FORBIDDEN", Kind.DENIED
    says = "Forbidden: you do not take part in this dialog."


class ServiceUnavailable(ChatError):
    """Something we depend on does not answer; the same request may work shortly."""

    code, kind = "SERVICE_UNAVAILABLE", Kind.UNAVAILABLE
    says = "The service can't reach its database right now. Try again shortly."
