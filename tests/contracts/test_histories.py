"""Whatever people do in whatever order: what is kept agrees with a naive model, and with the log.

Proves G4 (numbers without gaps), G7 (unread counts never drift, marks never go back) and G22 (what
was before, and the events since, make what is now) over every adapter.
"""

from collections.abc import Sequence
from uuid import UUID

from attrs import define, evolve, field
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtchat_core.chat import Chat
from mtchat_core.domain.attachments import Attachment
from mtchat_core.domain.errors import ChatError
from mtchat_core.domain.events import (
    AttachmentUpdated,
    DialogArchived,
    DialogMuted,
    DialogPinned,
    DialogUnarchived,
    DialogUnmuted,
    DialogUnpinned,
    DialogUpdated,
    MessageDeleted,
    MessageEdited,
    MessageRead,
    MessageSent,
    ParticipantJoined,
    ParticipantLeft,
    Recorded,
)
from mtchat_core.domain.ids import DialogId, MessageId, UserId
from mtchat_core.domain.inbox import Unread
from mtchat_core.domain.messages import Direction, Draft, Message, MessageType, Window
from mtchat_core.domain.scopes import AccessScope, UserScope
from mtchat_core.domain.system_messages import notice
from mtchat_core.ports.dialogs import Details
from mtchat_core.ports.realtime import Announcement
from tests.builders import a_dialog_id, a_new_dialog, a_profile, an_invitation, uploaded

WELCOME, HELD = AccessScope(([], [], [])), UserScope(([], [], []))
EVERYTHING = Window(Direction.AFTER, MessageId(UUID(int=0)), limit=100)

CHANGES = [
    "send",
    "send_again",
    "send_files",
    "find_out",
    "reply",
    "edit",
    "delete",
    "read",
    "announce",
    "describe",
]
COMINGS = ["join", "leave", "add", "remove"]
VIEWS = ["archive", "unarchive", "pin", "unpin", "mute", "unmute"]
FOR_ANYBODY = {"join", "add", "remove", "announce", "describe", "find_out"}


@define
class Person:
    """One person in one dialog, the naive way."""

    unread: set[MessageId] = field(factory=set[MessageId])
    read_seq: int = 0
    read: MessageId | None = None
    is_archived: bool = False
    is_pinned: bool = False
    is_muted: bool = False


@define
class Story:
    """One dialog, the naive way: what is unread is a set of messages."""

    chat: Chat
    id: DialogId
    overheard: list[Announcement]
    said: list[Message] = field(factory=list[Message])
    people: dict[UserId, Person] = field(factory=dict[UserId, Person])

    @property
    def log(self) -> list[Recorded]:
        """What was announced of this dialog."""
        recorded = [one for one in self.overheard if isinstance(one, Recorded)]
        return [one for one in recorded if one.event.dialog_id == self.id]

    def refuses(self, action: str, user: UserId, n: int) -> bool:
        """Tell whether the chat has to refuse."""
        if user not in self.people:
            return action not in FOR_ANYBODY
        is_foreign = action in ("edit", "delete") and self.pick(user, n).sender_id != user
        return is_foreign or action == "join"

    def pick(self, user: UserId, n: int) -> Message:
        """Choose a message, often one of the person's own."""
        own = [message for message in self.said if message.sender_id == user]
        return own[n % len(own)] if own and n % 4 else self.said[n % len(self.said)]

    def hear(self, message: Message) -> None:
        """Somebody said something, or the system did."""
        self.said.append(message)
        if message.type is MessageType.SYSTEM:
            return
        for user, person in self.people.items():
            person.is_archived = False
            if user == message.sender_id:
                person.unread, person.read_seq, person.read = set(), message.seq, message.id
            else:
                person.unread.add(message.id)

    def hear_the_system(self) -> None:
        """Take what the system said last from what was announced."""
        self.hear([one.event.message for one in self.log if isinstance(one.event, MessageSent)][-1])

    async def send(self, user: UserId, n: int) -> None:
        self.hear(await self.chat.messages.send(user, self.id, Draft(str(n))))

    async def reply(self, user: UserId, n: int) -> None:
        target = self.pick(user, n)
        self.hear(await self.chat.messages.send(user, self.id, Draft(str(n), target.id)))

    async def send_again(self, user: UserId, n: int) -> None:
        draft = Draft(str(n), key=str(a_dialog_id()))
        self.hear(await self.chat.messages.send(user, self.id, draft))
        assert await self.chat.messages.send(user, self.id, draft) == self.said[-1]

    async def send_files(self, user: UserId, n: int) -> None:
        files = [await uploaded(self.chat, self.id, by=user) for _ in range(1 + n % 2)]
        draft = Draft(str(n) if n % 3 else "", key=str(a_dialog_id()), files=tuple(files))
        self.hear(await self.chat.messages.send(user, self.id, draft))
        assert await self.chat.messages.send(user, self.id, draft) == self.said[-1]

    async def find_out(self, user: UserId, n: int) -> None:
        looked_at = next((message for message in self.said if message.attachments), None)
        if looked_at is None:
            return
        file = evolve(looked_at.attachments[n % len(looked_at.attachments)], width=n, height=n)
        async with self.chat.messages.transaction() as tx:
            await tx.dialogs.lock(self.id)
            changed = await tx.files.change(self.id, file, look_again_in=None)
            assert changed is not None
            tx.record(AttachmentUpdated(dialog_id=self.id, message=changed, attachment_id=file.id))
        self.said[self.said.index(looked_at)] = changed

    async def edit(self, user: UserId, n: int) -> None:
        message = self.pick(user, n)
        edited = await self.chat.messages.edit(user, self.id, message.id, f"{n}, edited")
        self.said[self.said.index(message)] = edited

    async def delete(self, user: UserId, n: int) -> None:
        doomed = self.pick(user, n)
        await self.chat.messages.delete(user, self.id, doomed.id)
        older = max((one.id for one in self.said if one.id < doomed.id), default=None)
        self.said.remove(doomed)
        self.said = [evolve(one, reply_to_id=None) if one.reply_to_id == doomed.id else one for one in self.said]
        for person in self.people.values():
            person.unread.discard(doomed.id)
            person.read = older if person.read == doomed.id else person.read

    async def read(self, user: UserId, n: int) -> None:
        target = self.said[n % len(self.said)]
        await self.chat.receipts.mark_read(user, self.id, target.id)
        me = self.people[user]
        if target.seq > me.read_seq or (target.seq == me.read_seq and me.read is None):
            me.read_seq, me.read = target.seq, target.id
            me.unread &= {
                one.id for one in self.said if one.seq > target.seq and one.sender_id not in (None, user)
            }

    async def announce(self, user: UserId, n: int) -> None:
        self.hear(await self.chat.messages.announce(self.id, notice(str(n))))

    async def describe(self, user: UserId, n: int) -> None:
        await self.chat.dialogs.describe(self.id, lambda about: evolve(about, title=str(n)))

    async def join(self, user: UserId, n: int) -> None:
        await self.chat.participants.join(self.id, user, HELD, a_profile())
        self.people[user] = Person(unread={message.id for message in self.said})
        self.hear_the_system()

    async def leave(self, user: UserId, n: int) -> None:
        await self.chat.participants.leave(self.id, user)
        del self.people[user]
        self.hear_the_system()

    async def add(self, user: UserId, n: int) -> None:
        newest = (await self.chat.dialogs.get(self.id)).dialog.tally.last_seq
        await self.chat.participants.add(self.id, [an_invitation(user)])
        self.people.setdefault(user, Person(read_seq=newest))

    async def remove(self, user: UserId, n: int) -> None:
        await self.chat.participants.remove(self.id, user)
        self.people.pop(user, None)

    async def archive(self, user: UserId, n: int) -> None:
        await self.chat.inbox.archive(self.id, user)
        self.people[user].is_archived = True

    async def unarchive(self, user: UserId, n: int) -> None:
        await self.chat.inbox.unarchive(self.id, user)
        self.people[user].is_archived = False

    async def pin(self, user: UserId, n: int) -> None:
        await self.chat.inbox.pin(self.id, user, on=True)
        self.people[user].is_pinned = True

    async def unpin(self, user: UserId, n: int) -> None:
        await self.chat.inbox.pin(self.id, user, on=False)
        self.people[user].is_pinned = False

    async def mute(self, user: UserId, n: int) -> None:
        await self.chat.inbox.notify(self.id, user, on=False)
        self.people[user].is_muted = True

    async def unmute(self, user: UserId, n: int) -> None:
        await self.chat.inbox.notify(self.id, user, on=True)
        self.people[user].is_muted = False

    async def goes_on(self, action: str, user: UserId, n: int) -> None:
        """Act, and expect a refusal exactly where the rules refuse, without a trace."""
        before = await self.chat.dialogs.get(self.id)
        is_refused = self.refuses(action, user, n)
        try:
            await getattr(self, action)(user, n)
        except ChatError:
            assert is_refused
            assert await self.chat.dialogs.get(self.id) == before
        else:
            assert not is_refused
            self.agrees_with(await self.chat.dialogs.get(self.id), before)

    def agrees_with(self, kept: Details, before: Details) -> None:
        """Compare what is kept with this story."""
        tally = kept.dialog.tally
        marks = {person.user_id: (person.joined_at, person.mark.seq) for person in before.participants}
        assert {person.user_id for person in kept.participants} == self.people.keys()
        for person in kept.participants:
            told = self.people[person.user_id]
            assert person.mark.unread(tally) == tally.user_messages - person.mark.counted == len(told.unread)
            assert (person.mark.seq, person.mark.message_id) == (told.read_seq, told.read)
            joined_at, mark = marks.get(person.user_id, (None, 0))
            assert joined_at != person.joined_at or person.mark.seq >= mark
            assert (person.is_archived, person.is_pinned) == (told.is_archived, told.is_pinned)
            assert person.notifications_enabled == (not told.is_muted)
        system = sum(message.type is MessageType.SYSTEM for message in self.said)
        assert (tally.user_messages, tally.system_messages) == (len(self.said) - system, system)
        newest = max(self.said, key=lambda message: message.seq, default=None)
        assert tally.last_message_id == (newest and newest.id)
        assert tally.last_message_at == (newest and newest.sent_at)

    async def ends(self) -> None:
        """Compare what everybody can read with this story, and with the log."""
        kept = await self.chat.dialogs.get(self.id)
        log = await self.chat.ports.events.of_dialog(self.id, after=0, limit=1000)
        assert [entry.seq for entry in log] == list(range(1, kept.dialog.tally.event_seq + 1))
        assert [(entry.id, entry.seq) for entry in log] == [(entry.id, entry.seq) for entry in self.log]
        assert [one.seq for one in self.said] == sorted({one.seq for one in self.said})
        assert [one.id for one in self.said] == sorted({one.id for one in self.said})
        assert [one.sent_at for one in self.said] == sorted(one.sent_at for one in self.said)
        for user in self.people:
            page = await self.chat.messages.page(user, self.id, EVERYTHING)
            assert list(page.messages) == self.said[:100]
        Retold.by(self.log).agrees_with(self, kept)


@define
class Retold:
    """A dialog as somebody knows it who heard every event and asked for nothing."""

    people: dict[UserId, Person] = field(factory=dict[UserId, Person])
    contents: dict[MessageId, str] = field(factory=dict[MessageId, str])
    files: dict[MessageId, tuple[Attachment, ...]] = field(factory=dict[MessageId, tuple[Attachment, ...]])
    seqs: dict[MessageId, int] = field(factory=dict[MessageId, int])
    title: str | None = None

    @classmethod
    def by(cls, log: Sequence[Recorded]) -> "Retold":
        """Follow the events."""
        retold = cls()
        for recorded in log:
            retold.follow(recorded)
        return retold

    def follow(self, recorded: Recorded) -> None:
        """Follow one event."""
        match recorded.event:
            case MessageSent(message=message):
                self.contents[message.id], self.seqs[message.id] = message.content, message.seq
                self.files[message.id] = message.attachments
                if message.sender_id is not None:
                    self.people[message.sender_id].read_seq = message.seq
            case MessageEdited(message=message):
                self.contents[message.id] = message.content
            case AttachmentUpdated(message=message):
                self.files[message.id] = message.attachments
            case MessageDeleted(message_id=gone):
                del self.contents[gone], self.files[gone]
            case MessageRead(user_id=user, message_id=read):
                self.people[user].read_seq = self.seqs[read]
            case ParticipantJoined(user_id=user):
                self.people[user] = Person()
            case ParticipantLeft(user_id=user):
                del self.people[user]
            case DialogUpdated(dialog=dialog):
                self.title = dialog.about.title
            case DialogArchived(people=people) | DialogUnarchived(people=people):
                for user in people:
                    self.people[user].is_archived = isinstance(recorded.event, DialogArchived)
            case DialogPinned(people=people) | DialogUnpinned(people=people):
                for user in people:
                    self.people[user].is_pinned = isinstance(recorded.event, DialogPinned)
            case DialogMuted(people=people) | DialogUnmuted(people=people):
                for user in people:
                    self.people[user].is_muted = isinstance(recorded.event, DialogMuted)
            case _:
                raise AssertionError(recorded)

    def agrees_with(self, story: Story, kept: Details) -> None:
        """Compare with what is kept."""
        assert self.contents == {message.id: message.content for message in story.said}
        assert self.files == {message.id: message.attachments for message in story.said}
        assert self.title in (None, kept.dialog.about.title)
        assert self.people.keys() == story.people.keys()
        for user, person in self.people.items():
            told = story.people[user]
            assert (person.is_archived, person.is_pinned) == (told.is_archived, told.is_pinned)
            assert person.is_muted == told.is_muted
            assert person.read_seq in (0, told.read_seq)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    acts=st.lists(
        st.tuples(
            st.sampled_from(CHANGES) | st.sampled_from(COMINGS) | st.sampled_from(VIEWS),
            st.integers(0, 1),
            st.integers(0, 3),
            st.integers(0, 1000),
        ),
        max_size=40,
    )
)
async def test_every_history_agrees_with_its_story_and_with_its_log_g4_g7_g22(
    chat: Chat, acts: list[tuple[str, int, int, int]]
) -> None:
    overheard: list[Announcement] = []
    unlisten = chat.ports.broker.listen(overheard.append)
    people = [UserId(f"{name} {a_dialog_id()}") for name in ("ann", "bo", "cy", "di")]
    stories = [
        Story(chat, (await chat.dialogs.create(a_new_dialog(*invited, scopes=[WELCOME]))).id, overheard)
        for invited in (people[:2], ())
    ]
    stories[0].hear_the_system()
    stories[0].people = {user: Person(read_seq=1) for user in people[:2]}

    for action, which, who, n in acts:
        story = stories[which]
        if story.said or action not in ("reply", "edit", "delete", "read"):
            await story.goes_on(action, people[who], n)

    unlisten()
    for story in stories:
        await story.ends()
    for user in people:
        mine = [len(me.unread) for story in stories if (me := story.people.get(user)) and not me.is_archived]
        assert await chat.receipts.unread(user) == Unread(sum(mine), sum(count > 0 for count in mine))
