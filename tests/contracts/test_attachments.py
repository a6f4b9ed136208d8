"""Files of messages: places given out, files sent, and what is left to be done about them."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest
from attrs import evolve

from mtchat_core.chat import Chat, Ports
from mtchat_core.domain.attachments import (
    Attachment,
    Filed,
    FileKind,
    FilePage,
    FileQuotaExceeded,
    FileState,
    UploadUnknown,
    thumbnail_key,
)
from mtchat_core.domain.dialogs import DialogNotFound
from mtchat_core.domain.errors import Forbidden
from mtchat_core.domain.events import AttachmentUpdated, MessageSent, Withdrawn
from mtchat_core.domain.ids import AttachmentId, DialogId, MessageId, UserId
from mtchat_core.domain.messages import Message, MessageNotFound, ReplyTargetUnknown, Window
from mtchat_core.ports.attachments import FileBacklog, Leftover
from mtchat_core.ports.unit_of_work import UnitOfWork
from tests.builders import (
    ANN,
    BO,
    CY,
    SECOND,
    FakeClock,
    a_dialog_id,
    a_message_id,
    a_sent_file,
    an_attachment,
    an_outgoing,
    an_upload,
    locked,
    open_dialog,
    remove_person,
    say,
    send_files,
    unread,
)
from tests.elapsing import Elapse

HOUR = timedelta(hours=1)
DAY = 24 * HOUR
LEASE = timedelta(minutes=5)


async def page_of(
    ports: Ports,
    dialog: DialogId,
    *,
    reader: UserId = ANN,
    kind: FileKind | None = None,
    before: AttachmentId | None = None,
    limit: int = 50,
) -> FilePage:
    page = await ports.attachments.page(reader, dialog, kind=kind, before=before, limit=limit)
    assert page is not None
    return page


async def read(ports: Ports, message: Message, reader: UserId = ANN) -> Message | None:
    return await ports.transcript.get(message.dialog_id, reader, message.id)


async def change(
    ports: Ports, dialog: DialogId, file: Attachment, look_again_in: timedelta | None = None
) -> Message:
    """Keep what was found out about a file, and log it."""
    async with locked(ports, dialog) as tx:
        message = await tx.files.change(dialog, file, look_again_in=look_again_in)
        assert message is not None
        tx.record(AttachmentUpdated(dialog_id=dialog, message=message, attachment_id=file.id))
    return message


@asynccontextmanager
async def undone(ports: Ports, dialog: DialogId) -> AsyncIterator[UnitOfWork]:
    """Open a transaction that fails in the end."""
    with suppress(ZeroDivisionError):
        async with locked(ports, dialog) as tx:
            yield tx
            raise ZeroDivisionError


async def delete(ports: Ports, message: Message) -> None:
    async with locked(ports, message.dialog_id) as tx:
        await tx.messages.delete(message)


async def delete_dialog(ports: Ports, dialog: DialogId) -> None:
    async with locked(ports, dialog) as tx:
        await tx.dialogs.delete(dialog)


async def require(ports: Ports, message: Message) -> Message:
    found = await read(ports, message)
    assert found is not None
    return found


async def leftover_keys(ports: Ports, clock: FakeClock) -> list[str]:
    """Return what is to be deleted now, with places that nothing was sent from for a day."""
    found = await ports.file_work.leftovers(unsent_before=clock.now() - DAY, limit=100)
    return sorted(leftover.key for leftover in found)


# Places


async def test_a_place_is_found_by_the_person_it_was_given_to_b54(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    elsewhere = await open_dialog(ports, ANN)
    upload = an_upload(dialog, filename="план.pdf", parts_id=None)

    await ports.uploads.reserve(upload, quota_bytes=None)

    assert await ports.uploads.find(ANN, dialog, [upload.key, "unknown"]) == (upload,)
    assert await ports.uploads.get(ANN, upload.key) == upload
    assert await ports.uploads.find(BO, dialog, [upload.key]) == ()
    assert await ports.uploads.find(ANN, elsewhere, [upload.key]) == ()
    assert await ports.uploads.find(ANN, dialog, []) == ()
    assert await ports.uploads.get(BO, upload.key) is None
    assert await ports.uploads.get(ANN, "unknown") is None


async def test_places_are_given_to_participants_alone_b54(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)

    for user, where, refusal in ((BO, dialog, Forbidden), (ANN, a_dialog_id(), DialogNotFound)):
        upload = an_upload(where, by=user)
        with pytest.raises(refusal):
            await ports.uploads.reserve(upload, quota_bytes=1)
        with pytest.raises(refusal):
            await ports.uploads.find(user, where, [upload.key])
        assert await ports.uploads.get(user, upload.key) is None


async def test_an_upload_in_parts_is_remembered_until_it_has_them_all(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    upload = an_upload(dialog)
    await ports.uploads.reserve(upload, quota_bytes=None)

    await ports.uploads.note_parts(upload.key, "parts-1")
    assert await ports.uploads.get(ANN, upload.key) == evolve(upload, parts_id="parts-1")

    await ports.uploads.note_parts(upload.key, None)
    assert await ports.uploads.get(ANN, upload.key) == upload
    await ports.uploads.note_parts("unknown", "parts-2")


async def test_all_that_a_person_has_sent_and_reserved_counts_towards_their_quota(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    elsewhere = await open_dialog(ports, ANN)
    sent = await send_files(ports, elsewhere, an_upload(elsewhere, size_bytes=60))
    await send_files(ports, dialog, an_upload(dialog, by=BO, size_bytes=900), by=BO)
    await ports.uploads.reserve(an_upload(dialog, size_bytes=30), quota_bytes=90)

    too_much = an_upload(dialog, size_bytes=11)
    with pytest.raises(FileQuotaExceeded):
        await ports.uploads.reserve(too_much, quota_bytes=100)
    assert await ports.uploads.get(ANN, too_much.key) is None
    await ports.uploads.reserve(an_upload(dialog, size_bytes=10), quota_bytes=100)

    await delete(ports, sent)
    await ports.uploads.reserve(too_much, quota_bytes=100)


async def test_reserving_at_once_gets_nobody_beyond_their_quota(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)

    outcomes = await asyncio.gather(
        *(ports.uploads.reserve(an_upload(dialog, size_bytes=10), quota_bytes=40) for _ in range(8)),
        return_exceptions=True,
    )

    assert [type(outcome) for outcome in outcomes if outcome is not None] == [FileQuotaExceeded] * 4


# Sending


async def test_a_message_comes_with_its_files_wherever_it_is_read(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    [first] = await say(ports, dialog, "1")
    uploads = an_upload(dialog, filename="a.png", content_type="image/png"), an_upload(dialog, filename="б")

    sent = await send_files(ports, dialog, *uploads)
    await say(ports, dialog, "3")

    assert [(file.key, file.filename, file.content_type) for file in sent.attachments] == [
        (upload.key, upload.filename, upload.content_type) for upload in uploads
    ]
    assert {(file.size_bytes, file.etag, file.state) for file in sent.attachments} == {
        (4, "etag", FileState.AVAILABLE)
    }
    page = await ports.transcript.page(dialog, BO, Window())
    assert page is not None
    assert [message.attachments for message in page.messages] == [(), sent.attachments, ()]
    assert page.messages[1] == sent
    assert await read(ports, sent, BO) == sent
    assert await read(ports, first, BO) == first
    logged = await ports.events.of_dialog(dialog, after=0, limit=10)
    assert logged[1].event == MessageSent(dialog_id=dialog, message=sent)
    stream = await ports.events.stream(None, limit=10)
    assert sent in [entry.event.message for entry in stream.events if isinstance(entry.event, MessageSent)]
    async with locked(ports, dialog) as tx:
        assert await tx.messages.get(dialog, sent.id) == sent
    assert await unread(ports, dialog, BO) == 3


async def test_a_place_serves_once_b54(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    upload = an_upload(dialog)
    first = await send_files(ports, dialog, upload)

    with pytest.raises(UploadUnknown):
        await ports.log.append(an_outgoing(dialog, files=[a_sent_file(upload)]))

    assert await ports.uploads.get(ANN, upload.key) is None
    page = await ports.transcript.page(dialog, ANN, Window())
    assert page is not None
    assert page.messages == (first,)


@pytest.mark.parametrize(
    "whose", ["the same twice", "somebody else's", "another dialog's", "nobody's", "half of them"]
)
async def test_a_place_of_somebody_else_or_somewhere_else_serves_nothing_b54(ports: Ports, whose: str) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    elsewhere = await open_dialog(ports, ANN)
    own, bos, far = an_upload(dialog), an_upload(dialog, by=BO), an_upload(elsewhere)
    for upload in (own, bos, far):
        await ports.uploads.reserve(upload, quota_bytes=None)
    used = {
        "the same twice": [own, own],
        "somebody else's": [bos],
        "another dialog's": [far],
        "nobody's": [an_upload(dialog)],
    }
    files = [a_sent_file(upload) for upload in used.get(whose, [own, bos])]

    with pytest.raises(UploadUnknown):
        await ports.log.append(an_outgoing(dialog, files=files, key="k"))

    page = await ports.transcript.page(dialog, ANN, Window())
    assert page is not None
    assert page.messages == ()
    assert await ports.events.of_dialog(dialog, after=0, limit=10) == ()
    assert (await page_of(ports, dialog)).files == ()
    assert await ports.uploads.find(ANN, dialog, [own.key]) == (own,)
    assert await ports.uploads.find(BO, dialog, [bos.key]) == (bos,)
    await ports.log.append(an_outgoing(dialog, files=[a_sent_file(own)], key="k"))


async def test_who_may_not_send_uses_up_no_place(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    upload = an_upload(dialog, by=BO)
    await ports.uploads.reserve(upload, quota_bytes=None)

    with pytest.raises(ReplyTargetUnknown):
        await ports.log.append(an_outgoing(dialog, by=BO, files=[a_sent_file(upload)], reply_to=a_message_id()))
    await remove_person(ports, dialog, BO)
    with pytest.raises(Forbidden):
        await ports.log.append(an_outgoing(dialog, by=BO, files=[a_sent_file(upload)]))
    with pytest.raises(DialogNotFound):
        await ports.log.append(an_outgoing(a_dialog_id(), files=[a_sent_file(upload)]))

    assert await ports.uploads.get(BO, upload.key) == upload


async def test_the_same_key_returns_the_first_message_with_its_files(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    upload = an_upload(dialog)
    await ports.uploads.reserve(upload, quota_bytes=None)
    first = await ports.log.append(an_outgoing(dialog, key="k", files=[a_sent_file(upload)]))

    again = await ports.log.append(an_outgoing(dialog, key="k", files=[a_sent_file(upload)]))

    assert again.message == first.message
    assert again.recorded == ()
    assert len(again.message.attachments) == 1

    await delete(ports, first.message)
    with pytest.raises(MessageNotFound):
        await ports.log.append(an_outgoing(dialog, key="k", files=[a_sent_file(upload)]))


async def test_of_two_sends_of_the_same_file_at_once_one_wins_b54(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    for _ in range(5):
        upload = an_upload(dialog)
        await ports.uploads.reserve(upload, quota_bytes=None)

        outcomes = await asyncio.gather(
            *(ports.log.append(an_outgoing(dialog, files=[a_sent_file(upload)])) for _ in range(4)),
            return_exceptions=True,
        )

        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Posted"] + ["UploadUnknown"] * 3
    page = await ports.transcript.page(dialog, ANN, Window())
    assert page is not None
    assert [message.seq for message in page.messages] == [1, 2, 3, 4, 5]
    assert {len(message.attachments) for message in page.messages} == {1}


async def test_the_same_send_at_once_is_one_message(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    upload = an_upload(dialog)
    await ports.uploads.reserve(upload, quota_bytes=None)

    posted = await asyncio.gather(
        *(ports.log.append(an_outgoing(dialog, key="k", files=[a_sent_file(upload)])) for _ in range(4))
    )

    assert len({one.message.id for one in posted}) == 1
    assert [len(one.message.attachments) for one in posted] == [1] * 4
    assert sum(len(one.recorded) for one in posted) == 1


async def test_sends_with_and_without_files_at_once_are_numbered_without_a_gap(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    uploads = [an_upload(dialog) for _ in range(5)]
    for upload in uploads:
        await ports.uploads.reserve(upload, quota_bytes=None)

    await asyncio.gather(
        *(ports.log.append(an_outgoing(dialog)) for _ in uploads),
        *(ports.log.append(an_outgoing(dialog, files=[a_sent_file(upload)])) for upload in uploads),
    )

    page = await ports.transcript.page(dialog, ANN, Window())
    assert page is not None
    assert [message.seq for message in page.messages] == list(range(1, 11))
    assert [entry.seq for entry in await ports.events.of_dialog(dialog, after=0, limit=100)] == list(range(1, 11))
    assert sorted(len(message.attachments) for message in page.messages) == [0] * 5 + [1] * 5


# Finding


async def test_a_file_is_found_by_participants_alone_g19(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    [file] = (await send_files(ports, dialog, an_upload(dialog))).attachments

    assert await ports.attachments.get(BO, file.id) == file
    assert await ports.attachments.get(CY, file.id) is None
    assert await ports.attachments.get(ANN, an_attachment().id) is None

    await remove_person(ports, dialog, BO)
    assert await ports.attachments.get(BO, file.id) is None
    assert await ports.attachments.page(BO, dialog, kind=None, before=None, limit=1) is None
    assert await ports.attachments.page(ANN, a_dialog_id(), kind=None, before=None, limit=1) is None


async def test_a_dialogs_files_are_listed_newest_first_in_pages(ports: Ports) -> None:
    dialog, elsewhere = await open_dialog(ports, ANN, BO), await open_dialog(ports, ANN)
    assert await page_of(ports, dialog) == FilePage((), has_more=False)
    await say(ports, dialog, "no file")
    sent = [
        await send_files(ports, dialog, an_upload(dialog), an_upload(dialog)),
        await send_files(ports, dialog, an_upload(dialog, by=BO), by=BO),
    ]
    await send_files(ports, elsewhere, an_upload(elsewhere))
    newest_first = [file for message in sent for file in message.attachments][::-1]

    page = await page_of(ports, dialog, limit=2)
    rest = await page_of(ports, dialog, limit=2, before=page.files[-1].attachment.id)

    assert [filed.attachment for filed in (*page.files, *rest.files)] == newest_first
    assert (page.has_more, rest.has_more) == (True, False)
    brought = sent[1]
    assert page.files[0] == Filed(newest_first[0], brought.id, BO, "Bo", brought.sent_at)
    assert not (await page_of(ports, dialog, limit=3)).has_more


async def test_files_are_listed_by_kind(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    of_kind = {
        FileKind.IMAGE: "image/svg+xml",
        FileKind.VIDEO: "video/mp4",
        FileKind.AUDIO: "audio/ogg",
        FileKind.ARCHIVE: "application/zip",
        FileKind.DOCUMENT: "",
    }
    for content_type in of_kind.values():
        await send_files(ports, dialog, an_upload(dialog, content_type=content_type))

    for kind, content_type in of_kind.items():
        page = await page_of(ports, dialog, kind=kind)
        assert [filed.attachment.content_type for filed in page.files] == [content_type]
        assert (await page_of(ports, dialog, kind=kind, before=page.files[0].attachment.id)).files == ()


# What is found out


async def test_what_is_found_out_about_a_file_is_told_with_its_message(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    sent = await send_files(ports, dialog, an_upload(dialog), an_upload(dialog))
    first, second = sent.attachments
    found_out = evolve(
        first, width=640, height=480, thumbnail_key=thumbnail_key(first.key), state=FileState.FLAGGED
    )

    changed = await change(ports, dialog, found_out)

    assert changed == evolve(sent, attachments=(found_out, second))
    assert await read(ports, sent, BO) == changed
    assert await ports.attachments.get(BO, first.id) == found_out
    assert [filed.attachment for filed in (await page_of(ports, dialog)).files] == [second, found_out]
    logged = await ports.events.of_dialog(dialog, after=0, limit=10)
    assert [entry.event for entry in logged] == [
        MessageSent(dialog_id=dialog, message=changed),
        AttachmentUpdated(dialog_id=dialog, message=changed, attachment_id=first.id),
    ]


async def test_what_was_sent_stays_whatever_is_found_out(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    sent = await send_files(ports, dialog, an_upload(dialog))
    [file] = sent.attachments

    await change(ports, dialog, evolve(file, key="other", filename="other", etag="other", size_bytes=9))

    assert await read(ports, sent) == sent


async def test_a_file_that_is_gone_or_lies_elsewhere_can_not_change(ports: Ports) -> None:
    dialog, elsewhere = await open_dialog(ports, ANN), await open_dialog(ports, ANN)
    sent = await send_files(ports, elsewhere, an_upload(elsewhere))

    async with locked(ports, dialog) as tx:
        for file in (*sent.attachments, an_attachment(dialog)):
            assert await tx.files.change(dialog, file, look_again_in=None) is None


async def test_a_change_that_is_not_committed_never_was(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    sent = await send_files(ports, dialog, an_upload(dialog), are_seen_later=True)
    [file] = sent.attachments

    async with undone(ports, dialog) as tx:
        await tx.files.change(dialog, evolve(file, state=FileState.BLOCKED), look_again_in=None)

    assert await read(ports, sent) == sent
    assert (await ports.file_work.backlog()).unseen == 1


async def test_what_was_found_out_about_a_file_that_is_gone_says_nothing_any_more(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    sent = await send_files(ports, dialog, an_upload(dialog))
    await change(ports, dialog, sent.attachments[0])

    await delete(ports, sent)

    logged = await ports.events.of_dialog(dialog, after=0, limit=10)
    assert [entry.event for entry in logged] == [Withdrawn(dialog_id=dialog)] * 2


async def test_an_edit_leaves_the_files_where_they_are(chat: Chat) -> None:
    dialog = await open_dialog(chat.ports, ANN)
    sent = await send_files(chat.ports, dialog, an_upload(dialog))

    edited = await chat.messages.edit(ANN, dialog, sent.id, "another text")

    assert edited.attachments == sent.attachments
    assert await chat.messages.get(ANN, dialog, sent.id) == edited


async def test_whoever_reads_on_sees_what_whoever_begins_sees_g22(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    cursor = await ports.events.latest()
    seen: dict[MessageId, Message] = {}
    rng = random.Random(5)
    sent = [await send_files(ports, dialog, *(an_upload(dialog) for _ in range(n))) for n in range(1, 4)]
    for _ in range(12):
        message = rng.choice(sent)
        file = rng.choice(message.attachments)
        await change(ports, dialog, evolve(file, width=rng.randrange(1, 9), state=rng.choice(list(FileState))))
    await delete(ports, sent[0])

    stretch = await ports.events.missed(BO, cursor, limit=100, only_settled=False)
    for entry in stretch.events:
        if isinstance(entry.event, MessageSent | AttachmentUpdated):
            seen[entry.event.message.id] = entry.event.message

    page = await ports.transcript.page(dialog, BO, Window())
    assert page is not None
    assert tuple(seen[id_] for id_ in sorted(seen)) == page.messages
    assert len(page.messages) == 2


# What is to be looked at


async def test_files_that_are_to_be_seen_are_taken_once_the_longest_waiting_first(
    ports: Ports, elapse: Elapse
) -> None:
    dialog = await open_dialog(ports, ANN)
    first = await send_files(ports, dialog, an_upload(dialog), are_seen_later=True)
    await elapse(SECOND)
    second = await send_files(ports, dialog, an_upload(dialog), are_seen_later=True)
    await send_files(ports, dialog, an_upload(dialog))
    assert await ports.file_work.backlog() == FileBacklog(unseen=2, late=0, leftovers=0)

    taken = await ports.file_work.take(1, lease=LEASE)
    rest = await ports.file_work.take(9, lease=LEASE)

    assert [(one.message_id, one.attachment) for one in (*taken, *rest)] == [
        (first.id, first.attachments[0]),
        (second.id, second.attachments[0]),
    ]
    assert {(one.dialog_id, one.tries) for one in (*taken, *rest)} == {(dialog, 0)}
    assert await ports.file_work.take(9, lease=LEASE) == ()

    await elapse(LEASE)
    assert len(await ports.file_work.take(9, lease=LEASE)) == 2


async def test_files_are_taken_once_however_many_ask(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    await send_files(ports, dialog, *(an_upload(dialog) for _ in range(10)), are_seen_later=True)

    taken = await asyncio.gather(*(ports.file_work.take(3, lease=LEASE) for _ in range(8)))

    ids = [one.attachment.id for some in taken for one in some]
    assert len(ids) == len(set(ids))


async def test_a_try_that_came_to_nothing_is_counted_until_one_comes_to_something(
    ports: Ports, elapse: Elapse
) -> None:
    dialog = await open_dialog(ports, ANN)
    [file] = (await send_files(ports, dialog, an_upload(dialog), are_seen_later=True)).attachments
    for tries in range(3):
        [unseen] = await ports.file_work.take(9, lease=LEASE)
        assert unseen.tries == tries
        await ports.file_work.postpone(file.id, wait=HOUR)
        assert await ports.file_work.take(9, lease=LEASE) == ()
        await elapse(HOUR)

    await change(ports, dialog, file, look_again_in=HOUR)
    assert await ports.file_work.take(9, lease=LEASE) == ()
    await elapse(HOUR)
    [unseen] = await ports.file_work.take(9, lease=LEASE)
    assert unseen.tries == 0

    await change(ports, dialog, file, look_again_in=None)
    await ports.file_work.postpone(file.id, wait=HOUR)
    await elapse(2 * HOUR)
    assert await ports.file_work.take(9, lease=LEASE) == ()
    assert await ports.file_work.backlog() == FileBacklog(0, 0, 0)


async def test_a_file_that_waits_for_more_than_a_minute_is_late(ports: Ports, elapse: Elapse) -> None:
    dialog = await open_dialog(ports, ANN)
    await send_files(ports, dialog, an_upload(dialog), are_seen_later=True)

    await elapse(timedelta(minutes=2))

    assert await ports.file_work.backlog() == FileBacklog(unseen=1, late=1, leftovers=0)


async def test_nobody_looks_at_a_file_that_is_gone(ports: Ports) -> None:
    dialog, elsewhere = await open_dialog(ports, ANN), await open_dialog(ports, ANN)
    sent = await send_files(ports, dialog, an_upload(dialog), are_seen_later=True)
    await send_files(ports, elsewhere, an_upload(elsewhere), are_seen_later=True)

    await delete(ports, sent)
    await delete_dialog(ports, elsewhere)

    assert await ports.file_work.take(9, lease=LEASE) == ()
    await ports.file_work.postpone(sent.attachments[0].id, wait=HOUR)
    assert (await ports.file_work.backlog()).unseen == 0


# What is to be deleted


async def test_the_files_of_a_deleted_message_are_left_to_be_deleted_once_no_link_can_bring_them_back(
    ports: Ports, elapse: Elapse, clock: FakeClock
) -> None:
    dialog = await open_dialog(ports, ANN)
    sent = await send_files(ports, dialog, an_upload(dialog), an_upload(dialog))
    first, second = sent.attachments
    await change(ports, dialog, evolve(first, thumbnail_key=thumbnail_key(first.key)))
    await send_files(ports, dialog, an_upload(dialog))

    await delete(ports, await require(ports, sent))

    assert await ports.attachments.get(ANN, first.id) is None
    assert len((await page_of(ports, dialog)).files) == 1
    assert await leftover_keys(ports, clock) == []
    assert (await ports.file_work.backlog()).leftovers == 3
    await elapse(HOUR + SECOND)
    keys = sorted([first.key, thumbnail_key(first.key), second.key])
    assert await leftover_keys(ports, clock) == keys
    assert await leftover_keys(ports, clock) == keys

    await ports.file_work.forget(keys[:2])
    assert await leftover_keys(ports, clock) == keys[2:]
    await ports.file_work.forget(keys)
    assert await leftover_keys(ports, clock) == []


async def test_an_older_message_leaves_its_files_at_once(ports: Ports, elapse: Elapse, clock: FakeClock) -> None:
    dialog = await open_dialog(ports, ANN)
    sent = await send_files(ports, dialog, an_upload(dialog))
    await elapse(HOUR + SECOND)

    await delete(ports, sent)

    assert await leftover_keys(ports, clock) == [sent.attachments[0].key]


async def test_a_deleted_dialog_leaves_all_its_files(ports: Ports, elapse: Elapse, clock: FakeClock) -> None:
    dialog, elsewhere = await open_dialog(ports, ANN), await open_dialog(ports, ANN)
    sent = [await send_files(ports, dialog, an_upload(dialog)) for _ in range(3)]
    await send_files(ports, elsewhere, an_upload(elsewhere))

    await delete_dialog(ports, dialog)
    await elapse(HOUR + SECOND)

    assert await leftover_keys(ports, clock) == sorted(message.attachments[0].key for message in sent)
    assert len((await page_of(ports, elsewhere)).files) == 1


async def test_a_deletion_that_is_not_committed_leaves_nothing(
    ports: Ports, elapse: Elapse, clock: FakeClock
) -> None:
    dialog = await open_dialog(ports, ANN)
    sent = await send_files(ports, dialog, an_upload(dialog))

    async with undone(ports, dialog) as tx:
        await tx.messages.delete(sent)
    await elapse(2 * HOUR)

    assert await leftover_keys(ports, clock) == []
    assert len((await page_of(ports, dialog)).files) == 1


async def test_places_that_nothing_was_sent_from_end_and_are_left_to_be_deleted_f27(
    ports: Ports, elapse: Elapse, clock: FakeClock
) -> None:
    dialog, gone = await open_dialog(ports, ANN), await open_dialog(ports, ANN)
    old = an_upload(dialog, at=clock.now(), parts_id="parts-1")
    orphan = an_upload(gone, at=clock.now())
    for upload in (old, orphan):
        await ports.uploads.reserve(upload, quota_bytes=None)
    await delete_dialog(ports, gone)
    await elapse(DAY)
    new = an_upload(dialog, at=clock.now())
    await ports.uploads.reserve(new, quota_bytes=None)
    await elapse(SECOND)

    found = await ports.file_work.leftovers(unsent_before=clock.now() - DAY, limit=100)

    assert sorted(found, key=lambda left: left.key) == sorted(
        [Leftover(old.key, "parts-1"), Leftover(orphan.key)], key=lambda left: left.key
    )
    assert await ports.uploads.get(ANN, old.key) is None
    with pytest.raises(UploadUnknown):
        await ports.log.append(an_outgoing(dialog, files=[a_sent_file(old)]))
    await ports.log.append(an_outgoing(dialog, files=[a_sent_file(new)]))


async def test_no_more_leftovers_are_returned_than_asked_for_and_none_is_lost(
    ports: Ports, elapse: Elapse, clock: FakeClock
) -> None:
    dialog = await open_dialog(ports, ANN)
    sent = await send_files(ports, dialog, *(an_upload(dialog) for _ in range(4)))
    for _ in range(5):
        await ports.uploads.reserve(an_upload(dialog, at=clock.now()), quota_bytes=None)
    await delete(ports, sent)
    await elapse(DAY + SECOND)
    forgotten: list[str] = []

    for _ in range(5):
        found = await ports.file_work.leftovers(unsent_before=clock.now() - DAY, limit=2)
        assert len(found) <= 2
        await ports.file_work.forget([leftover.key for leftover in found])
        forgotten += [leftover.key for leftover in found]

    assert len(set(forgotten)) == len(forgotten) == 9
    assert await leftover_keys(ports, clock) == []
