"""Readable defaults: a test names only what it is about."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from attrs import evolve

from mtchat_adapters.memory.storage import MemoryStorage
from mtchat_adapters.system.ids import SystemIds
from mtchat_core.chat import Chat, Ports
from mtchat_core.domain.attachments import Attachment, FileClaim, SentFile, Upload, object_key
from mtchat_core.domain.dialogs import About, Dialog, Json, ObjectRef
from mtchat_core.domain.ids import AttachmentId, DialogId, MessageId, ScopeId, UserId
from mtchat_core.domain.inbox import Entry
from mtchat_core.domain.messages import Message, MessageType, Origin, Outgoing
from mtchat_core.domain.participants import Invitation, JoinedAs, Participant, Profile
from mtchat_core.domain.receipts import ReadMark
from mtchat_core.domain.scopes import AccessScope, UserScope
from mtchat_core.ports.dialogs import KeptScope
from mtchat_core.ports.unit_of_work import UnitOfWork
from mtchat_core.use_cases.dialogs import NewDialog
from mtchat_core.use_cases.files import Links

ANN, BO, CY, DI = UserId("ann"), UserId("bo"), UserId("cy"), UserId("di")
EVERYBODY = (ANN, BO, CY, DI)
NAMES: Mapping[UserId, str] = {ANN: "Ann", BO: "Bo", CY: "Cy", DI: "Di"}

START = datetime(2031, 5, 4, 10, 0, 0, 123456, tzinfo=UTC)
SECOND = timedelta(seconds=1)
QUOTE = ObjectRef("quote", "RFQ-88")

PLANNERS = AccessScope((["org-7"], ["planning"], []))
A_PLANNER = UserScope((["org-7", "org-8"], ["planning"], ["chat.read"]))
A_STRANGER = UserScope((["org-9"], ["planning"], ["chat.read"]))

_ids = SystemIds()


class FakeClock:
    """A Clock that stands still until a test moves it."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now

    def now(self) -> datetime:
        """Return the instant the test has set."""
        return self._now

    def set(self, now: datetime) -> None:
        """Jump to *now*, which may lie in the past."""
        self._now = now

    def advance(self, by: timedelta = SECOND) -> datetime:
        """Move on, or back, and return the new instant."""
        self._now += by
        return self._now


def no_links() -> Links:
    """Return the links of a chat that keeps no files."""
    return Links(None, FakeClock(), timedelta(hours=1))


def a_dialog_id() -> DialogId:
    """Return an id no dialog has."""
    return DialogId(_ids.new())


def a_message_id() -> MessageId:
    """Return an id no message has, above those returned before."""
    return MessageId(_ids.new())


def a_profile(display_name: str = "Ann", company: str | None = None) -> Profile:
    """Return a profile with everything filled in but, by default, the company."""
    return Profile(display_name, company, f"{display_name.lower()}@example.com", "+7 900 000-00-00")


def a_dialog(
    *,
    id: DialogId | None = None,  # noqa: A002 - the field's own name
    about: ObjectRef = QUOTE,
    title: str | None = "Quote RFQ-88",
    object_url: str | None = None,
    meta: Json = None,
    by: UserId | None = ANN,
    at: datetime = START,
) -> Dialog:
    """Return a dialog about a quote, empty so far."""
    return Dialog(id or a_dialog_id(), about, About(title, object_url, meta), created_by=by, created_at=at)


def a_participant(
    dialog: DialogId | None = None,
    *,
    by: UserId = ANN,
    profile: Profile | None = None,
    joined_as: JoinedAs = JoinedAs.PARTICIPANT,
    at: datetime = START,
    mark: ReadMark | None = None,
    is_archived: bool = False,
    is_pinned: bool = False,
    notifications_enabled: bool = True,
) -> Participant:
    """Return a person in a dialog, added by the host, with nothing unread."""
    return Participant(
        dialog_id=dialog or a_dialog_id(),
        user_id=by,
        profile=profile or a_profile(NAMES.get(by, by)[:200]),
        joined_as=joined_as,
        joined_at=at,
        mark=mark or ReadMark(),
        is_archived=is_archived,
        is_pinned=is_pinned,
        notifications_enabled=notifications_enabled,
    )


def a_message(
    *,
    dialog: DialogId | None = None,
    by: UserId | None = ANN,
    seq: int = 1,
    content: str = "<p>hello</p>",
    at: datetime = START,
) -> Message:
    """Return a kept message; without an author it is the system's."""
    return Message(
        id=a_message_id(),
        dialog_id=dialog or a_dialog_id(),
        seq=seq,
        sender_id=by,
        sender_name=None if by is None else NAMES.get(by, by),
        content=content,
        sent_at=at,
        type=MessageType.SYSTEM if by is None else MessageType.USER,
    )


def an_outgoing(
    dialog: DialogId,
    *,
    by: UserId = ANN,
    content: str = "<p>hello</p>",
    id: MessageId | None = None,  # noqa: A002 - the field's own name
    reply_to: MessageId | None = None,
    key: str | None = None,
    fingerprint: bytes = b"the same payload",
    origin: Origin = Origin.CHAT,
    files: Sequence[SentFile] = (),
) -> Outgoing:
    """Return a message that is about to be appended."""
    return Outgoing(
        id=id or a_message_id(),
        dialog_id=dialog,
        sender_id=by,
        content=content,
        reply_to=reply_to,
        key=key,
        fingerprint=fingerprint,
        origin=origin,
        files=tuple(files),
    )


def an_upload(
    dialog: DialogId,
    *,
    by: UserId = ANN,
    filename: str = "plan.pdf",
    content_type: str = "application/pdf",
    size_bytes: int = 4,
    at: datetime = START,
    parts_id: str | None = None,
) -> Upload:
    """Return a place in the storage that is about to be given out."""
    id_ = _ids.new()
    return Upload(
        id=id_,
        key=object_key(dialog, id_, filename),
        dialog_id=dialog,
        user_id=by,
        filename=filename,
        content_type=content_type,
        size_bytes=size_bytes,
        created_at=at,
        link_until=at + timedelta(minutes=5),
        parts_id=parts_id,
    )


def a_sent_file(upload: Upload, *, is_seen_later: bool = False) -> SentFile:
    """Return what was put into that place, on its way with a message."""
    return SentFile(
        id=AttachmentId(_ids.new()),
        key=upload.key,
        filename=upload.filename,
        content_type=upload.content_type,
        size_bytes=upload.size_bytes,
        etag="etag",
        is_seen_later=is_seen_later,
    )


def an_attachment(
    dialog: DialogId | None = None, *, filename: str = "plan.pdf", content_type: str = "application/pdf"
) -> Attachment:
    """Return a file of a message."""
    upload = an_upload(dialog or a_dialog_id(), filename=filename, content_type=content_type)
    return a_sent_file(upload).kept()


def an_invitation(user: UserId = ANN, company: str | None = None) -> Invitation:
    """Return a person the host adds."""
    return Invitation(user, a_profile(NAMES.get(user, user)[:200], company))


def a_new_dialog(
    *people: UserId,
    about: ObjectRef = QUOTE,
    title: str | None = "Quote RFQ-88",
    meta: Json = None,
    scopes: Iterable[AccessScope] = (),
) -> NewDialog:
    """Return what a host asks to have created for *people*."""
    return NewDialog(about, About(title, None, meta), tuple(an_invitation(user) for user in people), tuple(scopes))


def kept(*scopes: AccessScope, at: datetime = START) -> tuple[KeptScope, ...]:
    """Return *scopes* as they are kept."""
    return tuple(KeptScope(ScopeId(_ids.new()), scope, at) for scope in scopes)


async def open_dialog(
    ports: Ports,
    *people: UserId | Participant,
    about: ObjectRef = QUOTE,
    title: str | None = "Quote RFQ-88",
    scopes: Sequence[AccessScope] = (),
    at: datetime = START,
    id: DialogId | None = None,  # noqa: A002 - the field's own name
) -> DialogId:
    """Keep a dialog with *people* in it, straight through the ports: no message, no event."""
    dialog = a_dialog(id=id, about=about, title=title, at=at)
    async with ports.units.begin() as tx:
        await tx.dialogs.add(dialog)
        await tx.dialogs.set_scopes(dialog.id, kept(*scopes, at=at))
        await tx.participants.add([_in(dialog.id, person) for person in people])
    return dialog.id


@asynccontextmanager
async def locked(ports: Ports, dialog: DialogId) -> AsyncIterator[UnitOfWork]:
    """Open a transaction that holds *dialog*."""
    async with ports.units.begin() as tx:
        assert await tx.dialogs.lock(dialog) is not None
        yield tx


async def add_person(ports: Ports, dialog: DialogId, person: UserId | Participant) -> None:
    """Put one more person into a dialog."""
    async with locked(ports, dialog) as tx:
        await tx.participants.add([_in(dialog, person)])


async def remove_person(ports: Ports, dialog: DialogId, user: UserId) -> None:
    """Take a person out of a dialog."""
    async with locked(ports, dialog) as tx:
        assert await tx.participants.remove(dialog, user) is not None


async def say(ports: Ports, dialog: DialogId, *contents: str, by: UserId = ANN) -> list[Message]:
    """Append messages, one after the other."""
    return [(await ports.log.append(an_outgoing(dialog, by=by, content=content))).message for content in contents]


async def send_files(
    ports: Ports, dialog: DialogId, *uploads: Upload, by: UserId = ANN, are_seen_later: bool = False
) -> Message:
    """Give out places and send what was put there, in one message."""
    for upload in uploads:
        await ports.uploads.reserve(upload, quota_bytes=None)
    files = [a_sent_file(upload, is_seen_later=are_seen_later) for upload in uploads]
    return (await ports.log.append(an_outgoing(dialog, by=by, files=files))).message


async def uploaded(
    chat: Chat,
    dialog: DialogId,
    *,
    by: UserId = ANN,
    filename: str = "plan.pdf",
    content_type: str = "application/pdf",
    body: bytes = b"plan",
) -> FileClaim:
    """Upload a file to the storage in memory, as a browser would, and return what a message calls it."""
    place = await chat.files.reserve(
        by, dialog, filename=filename, content_type=content_type, size_bytes=len(body)
    )
    assert isinstance(chat.ports.storage, MemoryStorage)
    chat.ports.storage.put(place.url, body, content_type=content_type)
    return FileClaim(place.upload.key, filename, content_type, len(body))


async def announce(ports: Ports, dialog: DialogId, content: str = '{"event":"notice"}') -> Message:
    """Let the system say something."""
    async with locked(ports, dialog) as tx:
        return await tx.messages.say(dialog, content)


async def participant(ports: Ports, dialog: DialogId, user: UserId) -> Participant:
    """Read one participant as kept."""
    async with locked(ports, dialog) as tx:
        found = await tx.participants.get(dialog, user)
    assert found is not None
    return found


async def entry_of(ports: Ports, reader: UserId, dialog: DialogId, scopes: UserScope | None = None) -> Entry:
    """Read a dialog as *reader* sees it."""
    found = await ports.inbox.entry(reader, scopes, dialog)
    assert found is not None
    return found


async def unread(ports: Ports, dialog: DialogId, reader: UserId) -> int:
    """Read how much *reader* has unread in one dialog."""
    standing = (await entry_of(ports, reader, dialog)).standing
    assert standing is not None
    return standing.unread_count


def _in(dialog: DialogId, person: UserId | Participant) -> Participant:
    if isinstance(person, Participant):
        return evolve(person, dialog_id=dialog)
    return a_participant(dialog, by=person)
