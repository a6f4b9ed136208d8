"""People send files and get at them: what is refused, in which order, and what is kept."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from mtchat_adapters.memory.storage import MemoryStorage
from mtchat_core.chat import Chat, Habits, Ports
from mtchat_core.domain.attachments import (
    MAX_BYTES,
    AttachmentNotFound,
    FileClaim,
    FileQuotaExceeded,
    FilesOff,
    FileState,
    FileTooLarge,
    UnsupportedFileType,
    UploadDiffers,
    UploadUnknown,
    thumbnail_key,
)
from mtchat_core.domain.dialogs import DialogNotFound
from mtchat_core.domain.errors import BadRequest, ChatError, Forbidden, InvalidInput, ServiceUnavailable
from mtchat_core.domain.events import MessageSent
from mtchat_core.domain.ids import AttachmentId, DialogId, UserId
from mtchat_core.domain.messages import BlankMessage, Draft, IdempotencyKeyReused, Message, Window
from mtchat_core.ports.storage import StoredObject
from mtchat_core.use_cases.files import PART_BYTES, PARTS_FROM, FileTerms, Parts
from tests.builders import (
    ANN,
    BO,
    CY,
    SECOND,
    FakeClock,
    a_dialog_id,
    a_new_dialog,
    locked,
    uploaded,
)
from tests.use_cases.conftest import Overheard

PDF = "application/pdf"
A_FILM = PARTS_FROM + 5
"""Bytes of a file that comes in three parts."""


class Bucket(MemoryStorage):
    """A storage that may be down, and that names a type of its own where it was told none."""

    is_down = False

    async def stat(self, key: str) -> StoredObject | None:
        """Tell what is there, if it can."""
        if self.is_down:
            raise ServiceUnavailable
        found = await super().stat(key)
        return evolve(found, content_type=found.content_type or "binary/octet-stream") if found else None


@pytest.fixture
def bucket(clock: FakeClock) -> Bucket:
    """Where the files are."""
    return Bucket(clock)


@pytest.fixture
def ports(memory_ports: Ports, bucket: Bucket) -> Ports:
    """Every port, in memory."""
    return evolve(memory_ports, storage=bucket)


@pytest.fixture
def chat_without_files(ports: Ports) -> Chat:
    """The same chat with no storage."""
    return Chat.over(evolve(ports, storage=None))


@pytest.fixture
async def dialog(chat: Chat, overheard: Overheard) -> DialogId:
    """A dialog of Ann and Bo."""
    dialog = (await chat.dialogs.create(a_new_dialog(ANN, BO))).id
    overheard.clear()
    return dialog


def under(ports: Ports, terms: FileTerms) -> Chat:
    return Chat.over(ports, Habits(files=terms))


def a_claim(
    dialog: DialogId,
    *,
    key: str | None = None,
    filename: str = "plan.pdf",
    content_type: str = PDF,
    size_bytes: int = 4,
) -> FileClaim:
    return FileClaim(key or f"dialogs/{dialog}/unknown.pdf", filename, content_type, size_bytes)


async def send(
    chat: Chat, dialog: DialogId, *files: FileClaim, by: UserId = ANN, text: str = "", key: str | None = None
) -> Message:
    return await chat.messages.send(by, dialog, Draft(text, key=key, files=files))


async def said(chat: Chat, dialog: DialogId) -> Sequence[Message]:
    page = await chat.messages.page(ANN, dialog, Window())
    return tuple(message for message in page.messages if message.sender_id is not None)


# Places


async def test_a_place_takes_exactly_what_was_announced_g19_f26(
    chat: Chat, bucket: Bucket, dialog: DialogId
) -> None:
    place = await chat.files.reserve(ANN, dialog, filename="plan.pdf", content_type=PDF, size_bytes=4)

    for body, content_type in ((b"plans", PDF), (b"plan", "text/html")):
        with pytest.raises(InvalidInput):
            bucket.put(place.url, body, content_type=content_type)
    bucket.put(place.url, b"plan", content_type=PDF)

    assert bucket.keys() == [place.upload.key]


@pytest.mark.parametrize(
    ("filename", "kept", "extension"),
    [
        ("../../etc/passwd", "passwd", "passwd"),
        ("C:\\plans\\a.PDF", "a.PDF", "pdf"),
        ('a"b\r\nSet-Cookie: x.pdf', 'a"bSet-Cookie: x.pdf', "pdf"),
        ("invoice\u202efdp.exe", "invoicefdp.exe", "exe"),
        ("счёт.xlsx", "счёт.xlsx", "xlsx"),
        ("archive.tar.gz ", "archive.tar.gz", "gz"),
        ("a.%2e%2e", "a.%2e%2e", "bin"),
        ("name.", "name", "name"),
    ],
)
async def test_a_name_is_cleaned_and_leads_nowhere_b57(
    chat: Chat, dialog: DialogId, filename: str, kept: str, extension: str
) -> None:
    upload = (await chat.files.reserve(ANN, dialog, filename=filename, content_type=PDF, size_bytes=4)).upload

    assert upload.filename == kept
    assert upload.key == f"dialogs/{dialog}/{upload.id}.{extension}"


@pytest.mark.parametrize("filename", ["", " ", "..", "/", "a" * 256, "\x00", "\x07"])
async def test_a_name_that_is_none_is_refused_b57(chat: Chat, dialog: DialogId, filename: str) -> None:
    with pytest.raises(InvalidInput):
        await chat.files.reserve(ANN, dialog, filename=filename, content_type=PDF, size_bytes=4)


@pytest.mark.parametrize("size", [0, -1, MAX_BYTES + 1])
async def test_a_place_for_nothing_or_too_much_is_refused_b56(chat: Chat, dialog: DialogId, size: int) -> None:
    with pytest.raises(FileTooLarge):
        await chat.files.reserve(ANN, dialog, filename="a", content_type=PDF, size_bytes=size)


@pytest.mark.parametrize("content_type", ["text/plain; charset=utf-8", "Image/png", "application/x-sh", " "])
async def test_a_place_for_an_odd_type_is_refused_b55(chat: Chat, dialog: DialogId, content_type: str) -> None:
    with pytest.raises(UnsupportedFileType):
        await chat.files.reserve(ANN, dialog, filename="a", content_type=content_type, size_bytes=4)


async def test_places_are_for_participants_alone_g19(chat: Chat, dialog: DialogId) -> None:
    for user, where, refusal in ((CY, dialog, Forbidden), (ANN, a_dialog_id(), DialogNotFound)):
        with pytest.raises(refusal):
            await chat.files.reserve(user, where, filename="a", content_type=PDF, size_bytes=4)
        with pytest.raises(refusal):
            await chat.files.begin_parts(user, where, filename="a", content_type=PDF, size_bytes=A_FILM)


async def test_nobody_gets_more_room_than_the_host_gives(ports: Ports, dialog: DialogId) -> None:
    chat = under(ports, FileTerms(quota_bytes=9))
    sent = await send(chat, dialog, await uploaded(chat, dialog))
    await uploaded(chat, dialog)

    with pytest.raises(FileQuotaExceeded):
        await uploaded(chat, dialog)

    await uploaded(chat, dialog, by=BO)
    await chat.messages.delete(ANN, dialog, sent.id)
    await uploaded(chat, dialog)


# Sending


async def test_a_file_goes_with_a_message_under_the_name_it_is_sent_with(
    chat: Chat, bucket: Bucket, dialog: DialogId, overheard: Overheard
) -> None:
    claim = await uploaded(chat, dialog)

    sent = await send(chat, dialog, evolve(claim, filename="../другой план.pdf"), text="here it is")

    [file] = sent.attachments
    assert (file.key, file.filename, file.content_type, file.size_bytes) == (
        claim.key,
        "другой план.pdf",
        PDF,
        4,
    )
    there = await bucket.stat(claim.key)
    assert there is not None
    assert file.etag == there.etag
    assert await said(chat, dialog) == (sent,)
    assert overheard.events == [MessageSent(dialog_id=dialog, message=sent)]


async def test_a_file_needs_no_text_but_a_message_without_files_does(chat: Chat, dialog: DialogId) -> None:
    sent = await send(chat, dialog, await uploaded(chat, dialog), text="<p></p>")
    with pytest.raises(BlankMessage):
        await send(chat, dialog, text="<p></p>")

    edited = await chat.messages.edit(ANN, dialog, sent.id, "")
    bare = await send(chat, dialog, text="text")
    with pytest.raises(BlankMessage):
        await chat.messages.edit(ANN, dialog, bare.id, "")

    assert edited.attachments == sent.attachments


async def test_a_file_of_a_type_nobody_knows_is_sent_as_such(chat: Chat, dialog: DialogId) -> None:
    claim = await uploaded(chat, dialog, content_type="", filename="core")

    [file] = (await send(chat, dialog, claim)).attachments

    assert file.content_type == ""
    assert not file.shows_in_place


BAD_CLAIMS: dict[str, tuple[dict[str, Any], type[ChatError]]] = {
    "up and away": ({"key": "dialogs/../x.pdf"}, InvalidInput),
    "hidden dots": ({"key": "dialogs/%2E%2e/x.pdf"}, InvalidInput),
    "nul": ({"key": "dialogs/\x00"}, InvalidInput),
    "another dialog's": ({"key": f"dialogs/{a_dialog_id()}/x.pdf"}, InvalidInput),
    "not ours": ({"key": "x.pdf"}, InvalidInput),
    "odd type": ({"content_type": "text/plain; charset=utf-8"}, BadRequest),
    "no size": ({"size_bytes": 0}, BadRequest),
    "too large": ({"size_bytes": MAX_BYTES + 1}, BadRequest),
    "no name": ({"filename": "/"}, InvalidInput),
}


@pytest.mark.parametrize(("changed", "refusal"), BAD_CLAIMS.values(), ids=BAD_CLAIMS)
async def test_a_claim_that_can_not_be_is_refused_b54_b55_b56(
    chat: Chat, dialog: DialogId, changed: dict[str, Any], refusal: type[ChatError]
) -> None:
    with pytest.raises(refusal):
        await send(chat, dialog, a_claim(dialog, **changed), text="text")

    assert await said(chat, dialog) == ()


async def test_eleven_files_or_one_twice_are_refused_b59(chat: Chat, dialog: DialogId) -> None:
    files = [await uploaded(chat, dialog) for _ in range(11)]

    for too_many in (files, [files[0], files[0]]):
        with pytest.raises(BadRequest):
            await send(chat, dialog, *too_many)

    assert len((await send(chat, dialog, *files[:10])).attachments) == 10


async def test_who_may_not_write_here_learns_nothing_about_their_files(chat: Chat, dialog: DialogId) -> None:
    for user, where, refusal in ((CY, dialog, Forbidden), (ANN, a_dialog_id(), DialogNotFound)):
        for claim in (a_claim(where), a_claim(where, key="../x"), a_claim(where, size_bytes=0)):
            with pytest.raises(refusal):
                await send(chat, where, claim, by=user, text="x" * 50_001)


async def test_files_are_looked_at_before_the_text(chat: Chat, dialog: DialogId) -> None:
    with pytest.raises(BadRequest):
        await send(chat, dialog, a_claim(dialog, size_bytes=0), text="x" * 50_001)


async def test_a_file_that_is_not_what_was_announced_is_refused_f26(
    chat: Chat, bucket: Bucket, dialog: DialogId
) -> None:
    never_put = (await chat.files.reserve(ANN, dialog, filename="a", content_type=PDF, size_bytes=4)).upload
    claim = await uploaded(chat, dialog)
    exchanged = await uploaded(chat, dialog)
    await bucket.write(exchanged.key, b"another one", content_type=PDF)
    retyped = await uploaded(chat, dialog)
    await bucket.write(retyped.key, b"plan", content_type="text/html")

    for differs in (
        a_claim(dialog, key=never_put.key),
        evolve(claim, size_bytes=5),
        evolve(claim, content_type="image/png"),
        evolve(claim, content_type=""),
        exchanged,
        retyped,
    ):
        with pytest.raises(UploadDiffers):
            await send(chat, dialog, differs)

    assert await said(chat, dialog) == ()
    await send(chat, dialog, claim)


async def test_a_file_of_somebody_else_or_sent_before_is_refused_b54(chat: Chat, dialog: DialogId) -> None:
    anns, bos = await uploaded(chat, dialog), await uploaded(chat, dialog, by=BO)
    await send(chat, dialog, anns)

    for claim in (anns, bos, a_claim(dialog)):
        with pytest.raises(UploadUnknown):
            await send(chat, dialog, claim, text="text")

    assert len(await said(chat, dialog)) == 1


async def test_a_repeated_send_with_a_key_answers_with_the_first_message_g3(chat: Chat, dialog: DialogId) -> None:
    claim, other = await uploaded(chat, dialog), await uploaded(chat, dialog)
    first = await send(chat, dialog, claim, key="k")

    assert await send(chat, dialog, claim, key="k") == first
    for files in ([other], [claim, other], []):
        with pytest.raises(IdempotencyKeyReused):
            await send(chat, dialog, *files, text="" if files else "text", key="k")
    await send(chat, dialog, other)


async def test_without_a_storage_text_goes_and_files_are_off_g14(
    chat: Chat, chat_without_files: Chat, dialog: DialogId
) -> None:
    claim = await uploaded(chat, dialog)
    sent = await send(chat, dialog, claim)
    off = chat_without_files

    assert not off.files.is_on
    await send(off, dialog, text="text")
    for refused in (
        send(off, dialog, a_claim(dialog), text="text"),
        off.files.reserve(ANN, dialog, filename="a", content_type=PDF, size_bytes=4),
        off.files.begin_parts(ANN, dialog, filename="a", content_type=PDF, size_bytes=A_FILM),
        off.files.parts(ANN, claim.key),
        off.files.join_parts(ANN, claim.key),
        off.files.drop_parts(ANN, claim.key),
        off.files.link(ANN, sent.attachments[0].id),
    ):
        with pytest.raises(FilesOff):
            await refused
    assert [len(message.attachments) for message in await said(off, dialog)] == [1, 0]
    assert off.files.links.of(sent.attachments[0]).url == ""
    assert len((await off.files.page(ANN, dialog)).files) == 1


async def test_while_the_storage_is_down_text_goes_and_what_was_sent_before_is_answered_f24(
    chat: Chat, bucket: Bucket, dialog: DialogId
) -> None:
    sent_before, claim = await uploaded(chat, dialog), await uploaded(chat, dialog)
    first = await send(chat, dialog, sent_before, key="k")
    bucket.is_down = True

    with pytest.raises(ServiceUnavailable):
        await send(chat, dialog, claim, text="text")
    assert await send(chat, dialog, sent_before, key="k") == first
    text = await send(chat, dialog, text="text")

    assert await said(chat, dialog) == (first, text)
    bucket.is_down = False
    await send(chat, dialog, claim)


@pytest.mark.parametrize(
    ("terms", "content_type", "serves_once", "state", "is_seen"),
    [
        (FileTerms(), PDF, True, FileState.AVAILABLE, False),
        (FileTerms(), "image/png", True, FileState.AVAILABLE, True),
        (FileTerms(), "image/svg+xml", True, FileState.AVAILABLE, False),
        (FileTerms(draws=False), "image/png", True, FileState.AVAILABLE, False),
        (FileTerms(), PDF, False, FileState.AVAILABLE, True),
        (FileTerms(scan="flag"), PDF, True, FileState.AVAILABLE, True),
        (FileTerms(scan="hold"), PDF, True, FileState.SCANNING, True),
    ],
)
async def test_a_file_is_looked_at_later_where_there_is_something_to_see(
    ports: Ports,
    bucket: Bucket,
    dialog: DialogId,
    terms: FileTerms,
    content_type: str,
    serves_once: bool,
    state: FileState,
    is_seen: bool,
) -> None:
    bucket.upload_links_serve_once = serves_once
    chat = under(ports, terms)

    [file] = (await send(chat, dialog, await uploaded(chat, dialog, content_type=content_type))).attachments

    assert file.state is state
    assert len(await ports.file_work.take(9, lease=SECOND)) == is_seen


# In parts


async def begun(chat: Chat, dialog: DialogId) -> Parts:
    return await chat.files.begin_parts(
        ANN, dialog, filename="film.mp4", content_type="video/mp4", size_bytes=A_FILM
    )


def put_parts(bucket: Bucket, parts: Parts, *numbers: int) -> None:
    for part in parts.missing:
        if part.number in numbers:
            bucket.put(part.url, b"x" * part.size_bytes, content_type="")


def film(parts: Parts) -> FileClaim:
    return FileClaim(parts.upload.key, "film.mp4", "video/mp4", A_FILM)


async def test_a_large_file_comes_in_parts_and_goes_on_where_it_was_cut_off(
    chat: Chat, bucket: Bucket, dialog: DialogId, clock: FakeClock
) -> None:
    parts = await begun(chat, dialog)
    key = parts.upload.key
    assert [(part.number, part.size_bytes) for part in parts.missing] == [
        (1, PART_BYTES),
        (2, PART_BYTES),
        (3, 5),
    ]
    put_parts(bucket, parts, 2)

    for unfinished in (chat.files.join_parts(ANN, key), send(chat, dialog, film(parts))):
        with pytest.raises(UploadDiffers):
            await unfinished
    clock.advance(timedelta(hours=2))
    parts = await chat.files.parts(ANN, key)
    assert [part.number for part in parts.arrived] == [2]
    assert [part.number for part in parts.missing] == [1, 3]
    assert parts.expires_at > clock.now()
    put_parts(bucket, parts, 1, 3)

    await chat.files.join_parts(ANN, key)
    await chat.files.join_parts(ANN, key)
    sent = await send(chat, dialog, film(parts))

    assert sent.attachments[0].size_bytes == A_FILM
    with pytest.raises(UploadUnknown):
        await chat.files.join_parts(ANN, key)


async def test_joining_that_was_cut_off_before_it_was_noted_is_taken_up_again(
    chat: Chat, bucket: Bucket, dialog: DialogId
) -> None:
    parts = await begun(chat, dialog)
    put_parts(bucket, parts, 1, 2, 3)
    arrived = (await chat.files.parts(ANN, parts.upload.key)).arrived
    assert parts.upload.parts_id is not None
    await bucket.join_parts(parts.upload.key, parts.upload.parts_id, arrived)

    await chat.files.join_parts(ANN, parts.upload.key)

    await send(chat, dialog, film(parts))


async def test_joining_at_once_makes_one_file(chat: Chat, bucket: Bucket, dialog: DialogId) -> None:
    parts = await begun(chat, dialog)
    put_parts(bucket, parts, 1, 2, 3)

    await asyncio.gather(*(chat.files.join_parts(ANN, parts.upload.key) for _ in range(4)))

    await send(chat, dialog, film(parts))


async def test_parts_are_for_large_files_of_known_types(chat: Chat, dialog: DialogId) -> None:
    for size, content_type, refusal in (
        (PARTS_FROM - 1, PDF, BadRequest),
        (MAX_BYTES + 1, PDF, FileTooLarge),
        (A_FILM, "application/x-sh", UnsupportedFileType),
    ):
        with pytest.raises(refusal):
            await chat.files.begin_parts(ANN, dialog, filename="a", content_type=content_type, size_bytes=size)


async def test_parts_are_nobody_elses_g19(chat: Chat, bucket: Bucket, dialog: DialogId) -> None:
    parts = await begun(chat, dialog)
    key = parts.upload.key
    in_one_piece = await uploaded(chat, dialog)

    for refused in (
        chat.files.parts(BO, key),
        chat.files.join_parts(BO, key),
        chat.files.parts(ANN, in_one_piece.key),
        chat.files.parts(ANN, "unknown"),
        chat.files.join_parts(ANN, "unknown"),
        chat.files.join_parts(ANN, "\x00"),
        chat.files.parts(ANN, "\ud800"),
    ):
        with pytest.raises(UploadUnknown):
            await refused
    await chat.files.drop_parts(BO, key)
    await chat.files.drop_parts(ANN, "\x00")
    assert (await chat.files.parts(ANN, key)).upload == parts.upload


async def test_an_upload_in_parts_that_was_given_up_is_over(chat: Chat, bucket: Bucket, dialog: DialogId) -> None:
    parts = await begun(chat, dialog)
    put_parts(bucket, parts, 1, 2, 3)

    for _ in range(2):
        await chat.files.drop_parts(ANN, parts.upload.key)
    await chat.files.drop_parts(ANN, "unknown")

    for over in (chat.files.parts(ANN, parts.upload.key), chat.files.join_parts(ANN, parts.upload.key)):
        with pytest.raises(UploadUnknown):
            await over
    with pytest.raises(UploadDiffers):
        await send(chat, dialog, film(parts))


# Getting at them


async def test_participants_alone_get_a_link_g19(
    chat: Chat, bucket: Bucket, dialog: DialogId, clock: FakeClock
) -> None:
    [file] = (await send(chat, dialog, await uploaded(chat, dialog))).attachments

    link = await chat.files.link(BO, file.id)

    assert bucket.get(link.url) == b"plan"
    assert link.thumbnail_url is None
    assert link.expires_at > clock.now()
    for reader, id_ in ((CY, file.id), (ANN, AttachmentId(a_dialog_id()))):
        with pytest.raises(AttachmentNotFound):
            await chat.files.link(reader, id_)
    await chat.participants.leave(dialog, BO)
    with pytest.raises(AttachmentNotFound):
        await chat.files.link(BO, file.id)


@pytest.mark.parametrize("state", FileState)
async def test_only_files_that_are_open_have_links(
    chat: Chat, ports: Ports, dialog: DialogId, state: FileState
) -> None:
    [file] = (await send(chat, dialog, await uploaded(chat, dialog, content_type="image/png"))).attachments
    drawn = evolve(file, state=state, thumbnail_key=thumbnail_key(file.key))
    async with locked(ports, dialog) as tx:
        await tx.files.change(dialog, drawn, look_again_in=None)

    link = chat.files.links.of(drawn)

    if state in (FileState.AVAILABLE, FileState.FLAGGED):
        assert link.url
        assert link.thumbnail_url
        assert await chat.files.link(ANN, file.id) == link
    else:
        assert (link.url, link.thumbnail_url) == ("", None)
        with pytest.raises(AttachmentNotFound):
            await chat.files.link(ANN, file.id)


async def test_a_link_is_the_same_for_half_its_life_and_always_good_for_the_other_half(
    chat: Chat, ports: Ports, bucket: Bucket, dialog: DialogId, clock: FakeClock
) -> None:
    [file] = (await send(chat, dialog, await uploaded(chat, dialog))).attachments
    half = FileTerms().download_ttl / 2
    another_node = Chat.over(ports)
    links = [chat.files.links.of(file)]

    for _ in range(60):
        clock.advance(half / 20)
        links.append(chat.files.links.of(file))
        assert another_node.files.links.of(file) == links[-1]
        assert half <= links[-1].expires_at - clock.now() <= 2 * half
        assert bucket.get(links[-1].url) == b"plan"

    assert len(set(links)) == 4


async def test_what_is_found_out_about_a_file_shows_in_its_link_at_once(chat: Chat, dialog: DialogId) -> None:
    [file] = (await send(chat, dialog, await uploaded(chat, dialog))).attachments
    assert chat.files.links.of(file).url

    assert chat.files.links.of(evolve(file, state=FileState.BLOCKED)).url == ""


async def test_a_dialogs_files_are_listed_for_participants_alone_g19(chat: Chat, dialog: DialogId) -> None:
    sent = [await send(chat, dialog, await uploaded(chat, dialog)) for _ in range(3)]

    for limit, shown in ((-1, 1), (0, 1), (2, 2), (1000, 3)):
        page = await chat.files.page(BO, dialog, limit=limit)
        assert [filed.message_id for filed in page.files] == [message.id for message in sent[::-1]][:shown]
        assert page.has_more == (shown < 3)
    for reader, where in ((CY, dialog), (ANN, a_dialog_id())):
        with pytest.raises(Forbidden):
            await chat.files.page(reader, where)
