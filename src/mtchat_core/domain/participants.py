"""The people in a dialog: joining, being added, leaving, and what each keeps to themselves."""

from datetime import datetime
from enum import Enum

from attrs import evolve, field, frozen

from mtchat_core.domain import markup, text
from mtchat_core.domain.errors import BadRequest, ChatError, InvalidInput, Kind
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.domain.receipts import ReadMark

MAX_NAME = 200
MAX_COMPANY = 200
MAX_EMAIL = 254
MAX_PHONE = 50
MAX_PARTICIPANTS_PER_CALL = 1000


class NotParticipant(ChatError):
    """The person does not take part in the dialog (or there is no such dialog: no telling)."""

    code, kind = "NOT_PARTICIPANT", Kind.DENIED
    says = "Forbidden: only participants of the dialog can do this."


class AlreadyParticipant(BadRequest):
    """The person joins a dialog they are in already."""

    says = "You already take part in this dialog."


class JoinedAs(Enum):
    """How somebody came in: added by the host, or by joining."""

    PARTICIPANT = "participant"
    JOINED = "joined"


@frozen
class Profile:
    """What a person shows of themselves in one dialog. Stored as given; clients escape it."""

    display_name: str
    company: str | None = None
    email: str | None = None
    phone: str | None = None

    def without_contacts(self) -> "Profile":
        """Return the profile as somebody sees it who has not joined."""
        return evolve(self, email=None, phone=None)


def profile(
    display_name: str, company: str | None = None, email: str | None = None, phone: str | None = None
) -> Profile:
    """Check a profile.

    Raises:
        InvalidInput: a blank name, or a field over its length (name and company 200, e-mail 254,
            phone 50 characters).
    """
    name = markup.strip_bidi(text.bounded("display_name", display_name, at_most=MAX_NAME))
    if not markup.is_visible(name):
        raise InvalidInput("display_name must not be blank.")
    return Profile(
        display_name=name,
        company=text.optional("company", company, at_most=MAX_COMPANY),
        email=text.optional("email", email, at_most=MAX_EMAIL),
        phone=text.optional("phone", phone, at_most=MAX_PHONE),
    )


def nameless(user: UserId) -> Profile:
    """Return the profile of somebody who gave no name: they show by their id."""
    return profile(user[:MAX_NAME])


@frozen
class Participant:
    """One person in one dialog."""

    dialog_id: DialogId
    user_id: UserId
    profile: Profile
    joined_as: JoinedAs
    joined_at: datetime
    mark: ReadMark = field(factory=ReadMark)
    notifications_enabled: bool = True
    is_archived: bool = False
    is_pinned: bool = False
    unarchived_at: datetime | None = None
    """When the person last took it out of the archive by hand: auto-archiving waits from there."""
    reminded_seq: int | None = None
    """Up to which message the person was reminded, until they have read it."""

    def archived(self) -> "Participant":
        """Put the dialog into the person's archive."""
        return evolve(self, is_archived=True)

    def unarchived(self, *, at: datetime) -> "Participant":
        """Take the dialog out of the person's archive."""
        return evolve(self, is_archived=False, unarchived_at=at)

    def pinned(self, *, on: bool) -> "Participant":
        """Keep the dialog on top of the person's list, or no longer."""
        return evolve(self, is_pinned=on)

    def notified(self, *, on: bool) -> "Participant":
        """Let the person be reminded of unread messages, or no longer."""
        return evolve(self, notifications_enabled=on)


@frozen
class Invitation:
    """Somebody the host adds: who, and how they show."""

    user_id: UserId
    profile: Profile


def invitations(people: tuple[Invitation, ...]) -> tuple[Invitation, ...]:
    """Return the people of one call, the first entry of a repeated person winning.

    Raises:
        InvalidInput: more than 1000 of them.
    """
    if len(people) > MAX_PARTICIPANTS_PER_CALL:
        raise InvalidInput(f"participants holds too many entries: at most {MAX_PARTICIPANTS_PER_CALL} per call.")
    first: dict[UserId, Invitation] = {}
    for person in people:
        first.setdefault(person.user_id, person)
    return tuple(first.values())
