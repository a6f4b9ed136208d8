"""People send files and get at them: places to put them, links to fetch them, lists to find them."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from attrs import Factory, define, evolve, frozen

from mtchat_core.domain import text
from mtchat_core.domain.attachments import (
    DRAWABLE,
    MAX_PAGE,
    Attachment,
    AttachmentNotFound,
    FileClaim,
    FileKind,
    FilePage,
    FilesOff,
    FileState,
    SentFile,
    Upload,
    UploadDiffers,
    UploadUnknown,
    clean_filename,
    object_key,
    require_size,
    require_type,
)
from mtchat_core.domain.errors import BadRequest, Forbidden
from mtchat_core.domain.ids import AttachmentId, DialogId, UserId
from mtchat_core.ports.attachments import Attachments, Uploads
from mtchat_core.ports.clock import Clock
from mtchat_core.ports.ids import IdSource
from mtchat_core.ports.storage import ObjectStorage, Part

PARTS_FROM: Final = 16 * 1024 * 1024
"""From this size on, a file may be uploaded in parts."""
PART_BYTES: Final = 8 * 1024 * 1024
_REMEMBERED_LINKS = 50_000
_EPOCH = datetime.fromtimestamp(0, UTC)


@frozen(kw_only=True)
class FileTerms:
    """How files are handled; the settings explain each of them."""

    upload_ttl: timedelta = timedelta(seconds=300)
    download_ttl: timedelta = timedelta(seconds=3600)
    quota_bytes: int | None = None
    draws: bool = True
    """Whether small pictures are made."""
    scan: Literal["hold", "flag"] | None = None
    """Whether files are looked into, and whether nobody gets at them until then."""
    keep_unsent: timedelta = timedelta(hours=24)


@frozen
class Link:
    """Where to fetch a file and its small picture, until when; "" where nobody may, None where there is none."""

    url: str
    thumbnail_url: str | None
    expires_at: datetime


@define(eq=False)
class Links:
    """Makes links. A file has the same link for half of its life, on every node, so that browsers keep it."""

    storage: ObjectStorage | None
    clock: Clock
    ttl: timedelta
    _at: datetime = _EPOCH
    _made: dict[AttachmentId, tuple[object, Link]] = Factory(dict[AttachmentId, tuple[object, Link]])
    """Each with what may change about a file."""

    def of(self, attachment: Attachment) -> Link:
        """Return the link of *attachment*, which whoever asks must be entitled to."""
        now, half = self.clock.now(), self.ttl / 2
        if not self._at <= now < self._at + half or len(self._made) > _REMEMBERED_LINKS:
            self._at = _EPOCH + (now - _EPOCH) // half * half
            self._made.clear()
        found_out = (attachment.thumbnail_key, attachment.state)
        made = self._made.get(attachment.id)
        if made is None or made[0] != found_out:
            made = self._made[attachment.id] = (found_out, self._make(attachment))
        return made[1]

    def _make(self, file: Attachment) -> Link:
        expires_at = self._at + self.ttl
        if self.storage is None or not file.is_open:
            return Link("", None, expires_at)
        url = self.storage.download_link(
            file.key,
            filename=file.filename,
            content_type=file.content_type,
            inline=file.shows_in_place,
            at=self._at,
            ttl=self.ttl,
        )
        thumbnail = file.thumbnail_key and self.storage.download_link(
            file.thumbnail_key,
            filename="thumbnail.webp",
            content_type="image/webp",
            inline=True,
            at=self._at,
            ttl=self.ttl,
        )
        return Link(url, thumbnail, expires_at)


@frozen
class Place:
    """Where to put a file: one PUT with exactly the announced type and length."""

    upload: Upload
    url: str


@frozen
class PartLink:
    """Where to put one part of a file: one PUT of exactly so many bytes."""

    number: int
    size_bytes: int
    url: str


@frozen
class Parts:
    """An upload in parts: what has arrived, and where to put what has not."""

    upload: Upload
    arrived: tuple[Part, ...]
    missing: tuple[PartLink, ...]
    expires_at: datetime


@frozen
class Files:
    """What people do with files."""

    uploads: Uploads
    attachments: Attachments
    storage: ObjectStorage | None
    links: Links
    clock: Clock
    ids: IdSource
    terms: FileTerms

    @property
    def is_on(self) -> bool:
        """Whether this chat keeps files."""
        return self.storage is not None

    async def reserve(
        self, user: UserId, dialog: DialogId, *, filename: str, content_type: str, size_bytes: int
    ) -> Place:
        """Give out a place for one file.

        Raises:
            FilesOff: no storage is configured.
            UnsupportedFileType: a type that can't be sent.
            FileTooLarge: no bytes, or more than 100 MiB.
            InvalidInput: a name that can't be.
            DialogNotFound: there is no such dialog.
            Forbidden: the person does not take part.
            FileQuotaExceeded: it is more than the host lets them have.
        """
        storage = self._storage()
        upload = await self._reserved(user, dialog, filename, content_type, size_bytes)
        url = storage.upload_link(
            upload.key,
            content_type=content_type,
            size_bytes=size_bytes,
            at=upload.created_at,
            ttl=self.terms.upload_ttl,
        )
        return Place(upload, url)

    async def begin_parts(
        self, user: UserId, dialog: DialogId, *, filename: str, content_type: str, size_bytes: int
    ) -> Parts:
        """Give out places for the parts of one large file.

        Raises:
            BadRequest: it is below 16 MiB.
            And what `reserve` refuses.
        """
        storage = self._storage()
        require_type(content_type)
        if require_size(size_bytes) < PARTS_FROM:
            raise BadRequest(f"Files below {PARTS_FROM} bytes are uploaded in one piece.")
        upload = await self._reserved(user, dialog, filename, content_type, size_bytes)
        parts_id = await storage.begin_parts(upload.key, content_type=content_type)
        await self.uploads.note_parts(upload.key, parts_id)
        return self._parts(evolve(upload, parts_id=parts_id), ())

    async def parts(self, user: UserId, key: str) -> Parts:
        """Say how far an upload in parts has come, with fresh links for what is missing.

        Raises:
            FilesOff: no storage is configured.
            UploadUnknown: no such upload of this person is under way.
            ServiceUnavailable: the storage does not answer.
        """
        upload, parts_id = await self._in_parts(user, key)
        arrived = await self._storage().parts(key, parts_id)
        if arrived is None:
            raise UploadUnknown
        return self._parts(upload, arrived)

    async def join_parts(self, user: UserId, key: str) -> None:
        """Make one file of the parts: it can be sent then. Once more changes nothing.

        Raises:
            UploadDiffers: a part is missing, or has another size than announced.
            And what `parts` refuses.
        """
        storage = self._storage()
        if (upload := await self._place(user, key)) is None:
            raise UploadUnknown
        if upload.parts_id is None:
            return
        arrived = await storage.parts(key, upload.parts_id)
        if arrived is not None:
            progress = self._parts(upload, arrived)
            if progress.missing:
                raise UploadDiffers
            await storage.join_parts(key, upload.parts_id, progress.arrived)
        elif await storage.stat(key) is None:
            # Had somebody joined them and been cut off before noting it, the file would be there.
            raise UploadUnknown
        await self.uploads.note_parts(key, None)

    async def drop_parts(self, user: UserId, key: str) -> None:
        """Give up an upload in parts; an unknown one changes nothing.

        Raises:
            FilesOff: no storage is configured.
            ServiceUnavailable: the storage does not answer.
        """
        storage = self._storage()
        upload = await self._place(user, key)
        if upload is not None and upload.parts_id is not None:
            await storage.drop_parts(key, upload.parts_id)

    async def arrived(self, sender: UserId, dialog: DialogId, claims: Sequence[FileClaim]) -> tuple[SentFile, ...]:
        """Return what a message names as its files, each held against what the storage has.

        What was never given out, or has served, is left to the moment the message is kept: only then is
        it known whether the same message was sent before.
        Raises:
            FilesOff: no storage is configured.
            DialogNotFound: there is no such dialog.
            Forbidden: the sender does not take part.
            UploadDiffers: not there, or of another type or size than announced.
            ServiceUnavailable: the storage does not answer.
        """
        storage = self._storage()
        given = {up.key: up for up in await self.uploads.find(sender, dialog, [claim.key for claim in claims])}
        kept = await asyncio.gather(*(storage.stat(claim.key) for claim in claims if claim.key in given))
        found = dict(zip((claim.key for claim in claims if claim.key in given), kept, strict=True))
        sent: list[SentFile] = []
        for claim in claims:
            etag = ""
            if (upload := given.get(claim.key)) is not None:
                is_there = found[claim.key]
                if is_there is None or not upload.agrees(claim) or upload.parts_id is not None:
                    raise UploadDiffers
                # A storage names a type of its own where it was told none.
                is_same_type = is_there.content_type == claim.content_type or not claim.content_type
                if is_there.size_bytes != claim.size_bytes or not is_same_type:
                    raise UploadDiffers
                etag = is_there.etag
            sent.append(self._sent(claim, etag))
        return tuple(sent)

    async def link(self, reader: UserId, attachment: AttachmentId) -> Link:
        """Return where to fetch a file.

        Raises:
            FilesOff: no storage is configured.
            AttachmentNotFound: there is none, or it is none of the reader's business, or nobody may have it.
        """
        self._storage()
        found = await self.attachments.get(reader, attachment)
        if found is None or not found.is_open:
            raise AttachmentNotFound
        return self.links.of(found)

    async def page(
        self,
        reader: UserId,
        dialog: DialogId,
        *,
        kind: FileKind | None = None,
        before: AttachmentId | None = None,
        limit: int = 50,
    ) -> FilePage:
        """Return a dialog's files, newest first; *limit* is held to 1 to 100.

        Raises:
            Forbidden: the reader is not in, or there is no such dialog.
        """
        limit = max(1, min(limit, MAX_PAGE))
        page = await self.attachments.page(reader, dialog, kind=kind, before=before, limit=limit)
        if page is None:
            raise Forbidden
        return page

    def _storage(self) -> ObjectStorage:
        if self.storage is None:
            raise FilesOff
        return self.storage

    async def _reserved(
        self, user: UserId, dialog: DialogId, filename: str, content_type: str, size_bytes: int
    ) -> Upload:
        require_type(content_type)
        require_size(size_bytes)
        own_name, id_, now = clean_filename(filename), self.ids.new(), self.clock.now()
        upload = Upload(
            id=id_,
            key=object_key(dialog, id_, own_name),
            dialog_id=dialog,
            user_id=user,
            filename=own_name,
            content_type=content_type,
            size_bytes=size_bytes,
            created_at=now,
            link_until=now + self.terms.upload_ttl,
        )
        await self.uploads.reserve(upload, quota_bytes=self.terms.quota_bytes)
        return upload

    async def _place(self, user: UserId, key: str) -> Upload | None:
        return await self.uploads.get(user, key) if text.is_clean(key) else None

    async def _in_parts(self, user: UserId, key: str) -> tuple[Upload, str]:
        self._storage()
        upload = await self._place(user, key)
        if upload is None or upload.parts_id is None:
            raise UploadUnknown
        return upload, upload.parts_id

    def _parts(self, upload: Upload, arrived: Sequence[Part]) -> Parts:
        now, parts_id = self.clock.now(), upload.parts_id
        assert parts_id is not None
        sizes = {
            number: min(PART_BYTES, upload.size_bytes - begin)
            for number, begin in enumerate(range(0, upload.size_bytes, PART_BYTES), 1)
        }
        whole = tuple(part for part in arrived if sizes.get(part.number) == part.size_bytes)
        there = {part.number for part in whole}
        missing = tuple(
            PartLink(
                number,
                size,
                self._storage().part_link(
                    upload.key, parts_id, number=number, size_bytes=size, at=now, ttl=self.terms.upload_ttl
                ),
            )
            for number, size in sizes.items()
            if number not in there
        )
        return Parts(upload, whole, missing, now + self.terms.upload_ttl)

    def _sent(self, claim: FileClaim, etag: str) -> SentFile:
        is_drawn = self.terms.draws and claim.content_type in DRAWABLE
        links_last = self.storage is not None and not self.storage.upload_links_serve_once
        is_seen = is_drawn or self.terms.scan is not None or links_last
        return SentFile(
            id=AttachmentId(self.ids.new()),
            key=claim.key,
            filename=claim.filename,
            content_type=claim.content_type,
            size_bytes=claim.size_bytes,
            etag=etag,
            state=FileState.SCANNING if self.terms.scan == "hold" else FileState.AVAILABLE,
            is_seen_later=is_seen,
        )
