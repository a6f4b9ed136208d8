"""A person uploads files, fetches them, and finds them again; the bytes themselves go past us."""

from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, Meta, Struct, UnsetType

from mtchat_app.http.callers import Person
from mtchat_app.http.envelope import Data, described
from mtchat_app.http.limits import UPLOADS
from mtchat_app.http.views import AttachmentView, Instant, attachment_fields, given
from mtchat_core.chat import Chat
from mtchat_core.domain.attachments import MAX_BYTES, MAX_CONTENT_TYPE, MAX_FILENAME, Filed, FileKind, FilePage
from mtchat_core.domain.ids import AttachmentId, DialogId
from mtchat_core.use_cases.files import PART_BYTES, Files, Link, Links, Parts, Place

Seconds = Annotated[int, Meta(description="Seconds for which the links are good.", ge=0)]
Key = Annotated[str, Meta(description="Names the file when it is sent, once.")]
SearchedKey = Annotated[str, QueryParameter(name="s3_key", description="The key of the upload.")]


class AnnounceFile(Struct, kw_only=True, frozen=True):
    """A file somebody wants to send."""

    dialog_id: Annotated[UUID, Meta(description="The dialog to send it in.")]
    filename: Annotated[
        str, described("How it shows; folders are cut off.", min_length=1, max_length=MAX_FILENAME)
    ]
    content_type: Annotated[
        str,
        described(
            "One of the documented types, without parameters; empty for a file of no known type.",
            max_length=MAX_CONTENT_TYPE,
            examples=["image/png"],
        ),
    ]
    size: Annotated[int, described("Bytes, up to 100 MiB.", minimum=1, maximum=MAX_BYTES)]


class PlaceView(Struct, kw_only=True, frozen=True):
    """Where to put a file: one PUT of exactly its size, with its type as Content-Type."""

    upload_url: Annotated[str, Meta(description="Signed: it takes no other type or size, and no token.")]
    s3_key: Key
    expires_in: Seconds

    @classmethod
    def of(cls, place: Place) -> "PlaceView":
        """Show *place*."""
        upload = place.upload
        lasts = upload.link_until - upload.created_at
        return cls(upload_url=place.url, s3_key=upload.key, expires_in=lasts // timedelta(seconds=1))


class PartLinkView(Struct, kw_only=True, frozen=True):
    """Where to put one part: one PUT of exactly its size, without Content-Type."""

    part_number: Annotated[int, Meta(description="1, 2, 3...", ge=1)]
    size: Annotated[int, Meta(description="Bytes.", ge=1)]
    upload_url: Annotated[str, Meta(description="Signed: it takes no other size, and no token.")]


class PartView(Struct, kw_only=True, frozen=True):
    """A part that has arrived."""

    part_number: Annotated[int, Meta(description="1, 2, 3...", ge=1)]
    size: Annotated[int, Meta(description="Bytes.", ge=1)]


class PartsView(Struct, kw_only=True, frozen=True):
    """An upload in parts, as far as it has come."""

    s3_key: Key
    part_size: Annotated[int, Meta(description="Bytes of every part but the last.", ge=1)]
    parts: Annotated[list[PartLinkView], Meta(description="Those that are missing, in order.")]
    arrived: Annotated[list[PartView], Meta(description="Those that are there, in order.")]
    expires_in: Seconds

    @classmethod
    def of(cls, parts: Parts, files: Files) -> "PartsView":
        """Show *parts*."""
        return cls(
            s3_key=parts.upload.key,
            part_size=PART_BYTES,
            parts=[
                PartLinkView(part_number=part.number, size=part.size_bytes, upload_url=part.url)
                for part in parts.missing
            ],
            arrived=[PartView(part_number=part.number, size=part.size_bytes) for part in parts.arrived],
            expires_in=files.terms.upload_ttl // timedelta(seconds=1),
        )


class CompleteMultipart(Struct, kw_only=True, frozen=True):
    """An upload in parts that has them all."""

    s3_key: Key


class CompletedView(Struct, kw_only=True, frozen=True):
    """A file that can be sent now."""

    s3_key: Key


class LinkView(Struct, kw_only=True, frozen=True):
    """Where to fetch a file."""

    url: Annotated[str, Meta(description="Signed: whoever has it can fetch the file.")]
    thumbnail_url: Annotated[str | None, Meta(description="The small picture; null where there is none.")]
    expires_in: Seconds

    @classmethod
    def of(cls, link: Link, files: Files) -> "LinkView":
        """Show *link*, with what is left of it."""
        left = (link.expires_at - files.clock.now()) // timedelta(seconds=1)
        return cls(url=link.url, thumbnail_url=link.thumbnail_url, expires_in=left)


class FiledView(AttachmentView, kw_only=True, frozen=True):
    """A file with the message that brought it: `GET .../messages?around={message_id}` shows that in its place."""

    message_id: Annotated[UUID, Meta(description="The message it came with.")]
    sender_id: Annotated[str | None, Meta(description="Who sent it.")]
    sender_name: Annotated[str | UnsetType, Meta(description="The sender's name when sending; escape it.")] = UNSET
    sent_at: Instant

    @classmethod
    def filed(cls, filed: Filed, links: Links) -> "FiledView":
        """Show *filed*."""
        return cls(
            **attachment_fields(filed.attachment, links),
            message_id=filed.message_id,
            sender_id=filed.sender_id,
            sender_name=given(filed.sender_name),
            sent_at=filed.sent_at,
        )


class FilesView(Struct, kw_only=True, frozen=True):
    """Some of a dialog's files."""

    files: Annotated[list[FiledView], Meta(description="Newest first.")]
    has_more: Annotated[bool, Meta(description="Whether there are older ones.")]

    @classmethod
    def of(cls, page: FilePage, links: Links) -> "FilesView":
        """Show *page*."""
        return cls(files=[FiledView.filed(filed, links) for filed in page.files], has_more=page.has_more)


@post("/upload/presign", status_code=200, opt=UPLOADS, tags=["Files"])
async def presign_upload(
    data: JSONBody[AnnounceFile], caller: NamedDependency[Person], chat: NamedDependency[Chat]
) -> Data[PlaceView]:
    """Ask where to put a file. A message then names it by its `s3_key`."""
    place = await chat.files.reserve(
        caller.user_id,
        DialogId(data.dialog_id),
        filename=data.filename,
        content_type=data.content_type,
        size_bytes=data.size,
    )
    return Data(PlaceView.of(place))


@post("/upload/multipart", status_code=200, opt=UPLOADS, tags=["Files"])
async def begin_multipart(
    data: JSONBody[AnnounceFile], caller: NamedDependency[Person], chat: NamedDependency[Chat]
) -> Data[PartsView]:
    """Ask where to put the parts of a large file, of 16 MiB or more."""
    parts = await chat.files.begin_parts(
        caller.user_id,
        DialogId(data.dialog_id),
        filename=data.filename,
        content_type=data.content_type,
        size_bytes=data.size,
    )
    return Data(PartsView.of(parts, chat.files))


@get("/upload/multipart", tags=["Files"])
async def get_multipart(
    key: SearchedKey, caller: NamedDependency[Person], chat: NamedDependency[Chat]
) -> Data[PartsView]:
    """Go on with an upload in parts: which are there, and fresh links for those that are missing."""
    return Data(PartsView.of(await chat.files.parts(caller.user_id, key), chat.files))


@post("/upload/multipart/complete", status_code=200, tags=["Files"])
async def complete_multipart(
    data: JSONBody[CompleteMultipart], caller: NamedDependency[Person], chat: NamedDependency[Chat]
) -> Data[CompletedView]:
    """Make one file of the parts, once all are there. Once more changes nothing."""
    await chat.files.join_parts(caller.user_id, data.s3_key)
    return Data(CompletedView(s3_key=data.s3_key))


@delete("/upload/multipart", status_code=204, tags=["Files"])
async def abort_multipart(key: SearchedKey, caller: NamedDependency[Person], chat: NamedDependency[Chat]) -> None:
    """Give up an upload in parts."""
    await chat.files.drop_parts(caller.user_id, key)


@get("/attachments/{attachment_id:str}/url", tags=["Files"])
async def get_attachment_url(
    attachment_id: FromPath[UUID], caller: NamedDependency[Person], chat: NamedDependency[Chat]
) -> Data[LinkView]:
    """Ask where to fetch a file, when the link that came with its message has ended."""
    link = await chat.files.link(caller.user_id, AttachmentId(attachment_id))
    return Data(LinkView.of(link, chat.files))


@get("/dialogs/{dialog_id:str}/files", tags=["Files"])
async def list_files(
    dialog_id: FromPath[UUID],
    caller: NamedDependency[Person],
    chat: NamedDependency[Chat],
    kind: Annotated[
        Literal["image", "video", "audio", "document", "archive"] | None,
        QueryParameter(description="Files of this sort alone."),
    ] = None,
    limit: Annotated[int, QueryParameter(description="Files per page, 1 to 100; others are clamped.")] = 50,
    before: Annotated[UUID | None, QueryParameter(description="The page that follows this file's id.")] = None,
) -> Data[FilesView]:
    """List a dialog's files, the newest first."""
    page = await chat.files.page(
        caller.user_id,
        DialogId(dialog_id),
        kind=None if kind is None else FileKind(kind),
        before=None if before is None else AttachmentId(before),
        limit=limit,
    )
    return Data(FilesView.of(page, chat.files.links))
