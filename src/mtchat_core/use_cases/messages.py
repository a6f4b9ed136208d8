"""People say things, and read what was said."""

from collections.abc import Sequence

from attrs import frozen

from mtchat_core.domain import markup
from mtchat_core.domain.attachments import require_claims
from mtchat_core.domain.dialogs import DialogNotFound, NotFound
from mtchat_core.domain.errors import BadRequest, Forbidden, InvalidInput
from mtchat_core.domain.events import MessageDeleted, MessageEdited, MessageSent
from mtchat_core.domain.ids import DialogId, MessageId, UserId
from mtchat_core.domain.messages import (
    Draft,
    Edit,
    Message,
    MessageNotFound,
    Origin,
    Outgoing,
    Page,
    Window,
    idempotency_key,
    require_visible,
)
from mtchat_core.domain.participants import NotParticipant
from mtchat_core.domain.system_messages import Notice
from mtchat_core.ports.clock import Clock
from mtchat_core.ports.ids import IdSource
from mtchat_core.ports.inbox import Inbox
from mtchat_core.ports.markup import Sanitizer
from mtchat_core.ports.messages import MessageLog, Transcript
from mtchat_core.use_cases.announcing import Announcer
from mtchat_core.use_cases.files import Files
from mtchat_core.use_cases.transaction import Transaction


class _SaidBefore(Exception):
    """The key made a message already: what this transaction did is undone."""

    def __init__(self, message: Message | None) -> None:
        super().__init__()
        self.message = message


@frozen
class Messages:
    """What is said in dialogs."""

    transaction: Transaction
    log: MessageLog
    transcript: Transcript
    inbox: Inbox
    sanitizer: Sanitizer
    tell: Announcer
    files: Files
    clock: Clock
    ids: IdSource

    async def send(
        self, sender: UserId, dialog: DialogId, draft: Draft, *, origin: Origin = Origin.CHAT
    ) -> Message:
        """Say something. The hot path: decide here, then one call, then announce.

        Raises:
            DialogNotFound: there is no such dialog.
            Forbidden: the sender is not in.
            InvalidInput: over 50,000 characters, blank without a file, or a reply to a message of another dialog.
            BadRequest: a malformed key, or files that can't be (`require_claims`).
            FilesOff: files, where no storage is configured.
            UploadUnknown, UploadDiffers: a file that was not uploaded as announced, or serves already.
            IdempotencyKeyReused: the key came with another message.
            MessageNotFound: the key's message has been deleted since.
        Source: docs/guide/chat.md, "Send".
        """
        try:
            claims = require_claims(draft.files, dialog)
            content = await self._readable(draft.content, has_files=bool(claims))
        except (InvalidInput, BadRequest):
            await self._require_participant(sender, dialog)
            raise
        files = await self.files.arrived(sender, dialog, claims) if claims else ()
        outgoing = Outgoing(
            id=MessageId(self.ids.new()),
            dialog_id=dialog,
            sender_id=sender,
            content=content,
            reply_to=draft.reply_to,
            key=None if draft.key is None else idempotency_key(draft.key),
            fingerprint=draft.fingerprint(),
            origin=origin,
            files=files,
        )
        posted = await self.log.append(outgoing)
        self.tell(posted.recorded)
        return posted.message

    async def post(self, sender: UserId, dialog: DialogId, draft: Draft) -> Message:
        """Let the host say something in a participant's name.

        Raises:
            NotFound: there is no such dialog.
            NotParticipant: the person is not in.
            And what `send` refuses about the draft.
        """
        try:
            return await self.send(sender, dialog, draft, origin=Origin.MANAGEMENT)
        except DialogNotFound:
            raise NotFound from None
        except Forbidden:
            raise NotParticipant("Forbidden: the sender does not take part. Add them first.") from None

    async def announce(self, dialog: DialogId, notice: Notice, *, key: str | None = None) -> Message:
        """Let the host speak in the system's voice: a typed business event, or plain text.

        Unread counts stay as they are; nobody is reminded. The same *key* with the same notice
        within 24 hours returns the first message.
        Raises:
            NotFound: there is no such dialog.
            BadRequest: a malformed key.
            IdempotencyKeyReused: the key came with another notice.
            IdempotencyConflict: the first request with the key is still under way.
            MessageNotFound: the key's message has been deleted since.
        """
        try:
            async with self.transaction() as tx:
                if await tx.dialogs.lock(dialog) is None:
                    raise NotFound
                message = await tx.messages.say(dialog, notice.content)
                if key is not None:
                    fingerprint = notice.fingerprint(dialog)
                    made = await tx.keys.claim(idempotency_key(key), fingerprint=fingerprint, made=message.id)
                    if made != message.id:
                        raise _SaidBefore(await tx.messages.get(dialog, MessageId(made)))
                tx.record(MessageSent(dialog_id=dialog, message=message, origin=Origin.MANAGEMENT))
        except _SaidBefore as before:
            if before.message is None:
                raise MessageNotFound from None
            return before.message
        return message

    async def page(self, reader: UserId, dialog: DialogId, window: Window) -> Page:
        """Read one page of messages, oldest first.

        Raises:
            Forbidden: the reader is not in, or there is no such dialog.
        """
        page = await self.transcript.page(dialog, reader, window)
        if page is None:
            raise Forbidden
        return page

    async def get(self, reader: UserId, dialog: DialogId, message: MessageId) -> Message:
        """Read one message.

        Raises:
            Forbidden: the reader is not in, or there is no such dialog.
            MessageNotFound: there is no such message in the dialog.
        """
        found = await self.transcript.get(dialog, reader, message)
        if found is None:
            raise MessageNotFound
        return found

    async def history(self, reader: UserId, dialog: DialogId, message: MessageId) -> Sequence[Edit]:
        """Read the earlier wordings of a message, oldest first.

        Raises:
            Forbidden: the reader is not in, or there is no such dialog.
            MessageNotFound: there is no such message in the dialog.
        """
        edits = await self.transcript.history(dialog, reader, message)
        if edits is None:
            raise MessageNotFound
        return edits

    async def edit(self, author: UserId, dialog: DialogId, message: MessageId, content: str) -> Message:
        """Change what one said; the earlier wording stays readable in the history.

        Raises:
            Forbidden: the author is not in (any more), or there is no such dialog.
            MessageNotFound: there is no such message in the dialog.
            NotMessageAuthor: somebody else wrote it, or the system did.
            InvalidInput: over 50,000 characters, or blank without a file.
        """
        try:
            readable = await self._readable(content, has_files=True)
        except InvalidInput:
            (await self.get(author, dialog, message)).require_author(author)
            raise
        async with self.transaction() as tx:
            if await tx.dialogs.lock(dialog) is None or await tx.participants.get(dialog, author) is None:
                raise Forbidden
            kept = await tx.messages.get(dialog, message)
            if kept is None:
                raise MessageNotFound
            kept.require_author(author)
            require_visible(readable, has_files=bool(kept.attachments))
            now = self.clock.now()
            edited = kept.edited(readable, at=now)
            await tx.messages.edit(edited, previous=Edit(kept.content, now))
            tx.record(MessageEdited(dialog_id=dialog, message=edited))
        return edited

    async def delete(self, author: UserId, dialog: DialogId, message: MessageId) -> None:
        """Delete what one said, for everybody and for good. Unread counts follow.

        Raises:
            Forbidden: the author is not in (any more), or there is no such dialog.
            MessageNotFound: there is no such message in the dialog.
            NotMessageAuthor: somebody else wrote it, or the system did.
        """
        async with self.transaction() as tx:
            if await tx.dialogs.lock(dialog) is None or await tx.participants.get(dialog, author) is None:
                raise Forbidden
            kept = await tx.messages.get(dialog, message)
            if kept is None:
                raise MessageNotFound
            kept.require_author(author)
            older = await tx.messages.delete(kept)
            await tx.participants.forget_message(kept, older=older)
            tx.record(MessageDeleted(dialog_id=dialog, message_id=message))

    async def _readable(self, content: str, *, has_files: bool) -> str:
        return require_visible(await self.sanitizer.clean(markup.check(content)), has_files=has_files)

    async def _require_participant(self, sender: UserId, dialog: DialogId) -> None:
        """Keep the order of refusals: who may not write here learns nothing about their text."""
        entry = await self.inbox.entry(sender, None, dialog)
        if entry is None:
            raise DialogNotFound
        if entry.standing is None:
            raise Forbidden
