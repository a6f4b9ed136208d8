"""What jobs find out about files, through the doors that people use."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Literal

import pytest
from attrs import define, evolve, field

from mtchat_adapters.memory.pictures import MemoryThumbnailer
from mtchat_adapters.memory.scanning import MemoryScanner
from mtchat_adapters.memory.storage import MemoryStorage
from mtchat_core.chat import Chat, Habits, Ports
from mtchat_core.domain.attachments import Attachment, AttachmentNotFound, FileClaim, FileState, thumbnail_key
from mtchat_core.domain.errors import InvalidInput, ServiceUnavailable
from mtchat_core.domain.events import AttachmentUpdated
from mtchat_core.domain.ids import DialogId, MessageId
from mtchat_core.domain.messages import Draft, Message
from mtchat_core.ports.pictures import MOST_BYTES, Picture
from mtchat_core.ports.storage import StoredObject
from mtchat_core.use_cases.files import FileTerms
from mtchat_core.use_cases.inspection import AT_ONCE, LEASE, WAITS
from tests.builders import ANN, BO, SECOND, FakeClock, open_dialog
from tests.use_cases.conftest import Overheard

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
UPLOAD = timedelta(minutes=5)
PHOTO, THUMBNAIL = b"a photo", b"RIFF....WEBP"
DRAWN = Picture(4000, 3000, THUMBNAIL)


class Shaky(MemoryStorage):
    """Storage that does not answer for a while, forgets, or lets its upload links serve again."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.is_down = False
        self.fails_to_read: set[str] = set()
        self.after_write: Callable[[], Any] | None = None

    async def stat(self, key: str) -> StoredObject | None:
        self._require_up()
        return await super().stat(key)

    async def read(self, key: str, *, at_most: int) -> bytes | None:
        self._require_up()
        if key in self.fails_to_read:
            raise ServiceUnavailable
        return await super().read(key, at_most=at_most)

    async def write(self, key: str, body: bytes, *, content_type: str) -> None:
        self._require_up()
        await super().write(key, body, content_type=content_type)
        if self.after_write is not None:
            await self.after_write()

    async def delete(self, keys: Sequence[str]) -> None:
        self._require_up()
        await super().delete(keys)

    async def drop_parts(self, key: str, parts_id: str) -> None:
        self._require_up()
        await super().drop_parts(key, parts_id)

    def _require_up(self) -> None:
        if self.is_down:
            raise ServiceUnavailable


@define
class House:
    """A chat with files, and all that can be done to it from outside."""

    chat: Chat
    ports: Ports
    clock: FakeClock
    storage: Shaky
    thumbnailer: MemoryThumbnailer
    scanner: MemoryScanner
    dialog: DialogId
    overheard: Overheard = field(factory=Overheard)

    async def send(
        self,
        body: bytes = PHOTO,
        *,
        filename: str = "a.jpg",
        content_type: str = "image/jpeg",
        count: int = 1,
    ) -> Message:
        """Upload and send as a person does."""
        claims: list[FileClaim] = []
        for _ in range(count):
            place = await self.chat.files.reserve(
                ANN, self.dialog, filename=filename, content_type=content_type, size_bytes=len(body)
            )
            self.storage.put(place.url, body, content_type=content_type)
            claims.append(FileClaim(place.upload.key, filename, content_type, len(body)))
        return await self.chat.messages.send(ANN, self.dialog, Draft("<p>see</p>", files=tuple(claims)))

    async def files(self) -> list[Attachment]:
        """Return every file that is in the dialog's list, newest first."""
        return [filed.attachment for filed in (await self.chat.files.page(BO, self.dialog)).files]

    async def file(self) -> Attachment:
        """Return the only one."""
        (file,) = await self.files()
        return file

    async def message(self, message: MessageId) -> Message:
        """Read a message as somebody else."""
        return await self.chat.messages.get(BO, self.dialog, message)

    async def url(self, file: Attachment) -> str | None:
        """Ask for a file's link, as somebody else."""
        try:
            return (await self.chat.files.link(BO, file.id)).url
        except AttachmentNotFound:
            return None

    @property
    def told(self) -> list[AttachmentUpdated]:
        """What people were told about files."""
        return [event for event in self.overheard.events if isinstance(event, AttachmentUpdated)]

    def exchange(self, file: Attachment, body: bytes) -> None:
        """Put other bytes where the file was, as whoever kept an upload link can in some storages."""
        self.storage._keep(file.key, body, file.content_type)  # pyright: ignore[reportPrivateUsage]


async def a_house(
    ports: Ports,
    clock: FakeClock,
    *,
    scan: Literal["hold", "flag"] | None = None,
    draws: bool = True,
    links_serve_once: bool = True,
    has_storage: bool = True,
) -> House:
    storage = Shaky(clock)
    storage.upload_links_serve_once = links_serve_once
    thumbnailer, scanner = MemoryThumbnailer({PHOTO: DRAWN}), MemoryScanner()
    ports = evolve(ports, storage=storage if has_storage else None, thumbnailer=thumbnailer, scanner=scanner)
    chat = Chat.over(ports, Habits(files=FileTerms(upload_ttl=UPLOAD, scan=scan, draws=draws)))
    house = House(chat, ports, clock, storage, thumbnailer, scanner, await open_dialog(ports, ANN, BO))
    ports.broker.listen(house.overheard.append)
    return house


def is_small(key: str) -> bool:
    return key.endswith(".webp")


# Small pictures


async def test_a_picture_gets_a_small_one_and_everybody_is_told(ports: Ports, clock: FakeClock) -> None:
    house = await a_house(ports, clock)
    sent = await house.send()

    assert await house.chat.inspection.inspect_due() == 1

    file = await house.file()
    assert (file.width, file.height, file.state) == (4000, 3000, FileState.AVAILABLE)
    link = await house.chat.files.link(BO, file.id)
    assert link.thumbnail_url is not None
    assert house.storage.get(link.thumbnail_url) == THUMBNAIL
    (told,) = house.told
    assert (told.message.id, told.attachment_id) == (sent.id, file.id)
    assert told.message.attachments == (file,)
    assert (await house.message(sent.id)).attachments == (file,)
    assert await house.chat.inspection.inspect_due() == 0


@pytest.mark.parametrize(
    ("body", "filename", "content_type"),
    [(b"no photo", "a.jpg", "image/jpeg"), (PHOTO, "a.svg", "image/svg+xml"), (PHOTO, "a.pdf", "application/pdf")],
)
async def test_what_is_no_picture_stays_as_it_is_and_nobody_is_told_f28(
    ports: Ports, clock: FakeClock, body: bytes, filename: str, content_type: str
) -> None:
    house = await a_house(ports, clock)
    await house.send(body, filename=filename, content_type=content_type)
    before = await house.file()

    await house.chat.inspection.inspect_due()
    clock.advance(DAY)

    assert await house.chat.inspection.inspect_due() == 0
    assert (await house.file(), house.told) == (before, [])
    assert await house.url(before)


async def test_a_picture_that_is_too_large_is_not_even_read(ports: Ports, clock: FakeClock) -> None:
    house = await a_house(ports, clock)
    await house.send(bytes(MOST_BYTES + 1))
    house.storage.fails_to_read.add((await house.file()).key)

    await house.chat.inspection.inspect_due()

    assert house.chat.inspection.counts["postponed"] == 0


async def test_without_thumbnails_nothing_is_looked_into(ports: Ports, clock: FakeClock) -> None:
    house = await a_house(ports, clock, draws=False)
    await house.send()

    assert await house.chat.inspection.inspect_due() == 0
    assert (await house.file()).thumbnail_key is None


async def test_without_a_storage_nothing_is_done(ports: Ports, clock: FakeClock) -> None:
    house = await a_house(ports, clock, has_storage=False)

    assert await house.chat.inspection.inspect_due() == 0
    assert await house.chat.retention.prune(clock.now()) is False


async def test_a_message_that_is_deleted_meanwhile_leaves_no_small_picture_behind(
    ports: Ports, clock: FakeClock
) -> None:
    house = await a_house(ports, clock)
    sent = await house.send()

    async def delete() -> None:
        await house.chat.messages.delete(ANN, house.dialog, sent.id)

    house.storage.after_write = delete
    await house.chat.inspection.inspect_due()

    assert not any(map(is_small, house.storage.keys()))
    assert house.told == []


async def test_a_dialog_that_is_deleted_meanwhile_leaves_no_small_picture_behind(
    ports: Ports, clock: FakeClock
) -> None:
    house = await a_house(ports, clock)
    await house.send()

    async def delete() -> None:
        await house.chat.dialogs.delete(house.dialog)

    house.storage.after_write = delete
    await house.chat.inspection.inspect_due()

    assert not any(map(is_small, house.storage.keys()))


# Scanning


async def test_a_held_file_opens_once_it_is_found_clean(ports: Ports, clock: FakeClock) -> None:
    house = await a_house(ports, clock, scan="hold")
    await house.send()
    held = await house.file()
    assert (held.state, await house.url(held)) == (FileState.SCANNING, None)

    await house.chat.inspection.inspect_due()

    file = await house.file()
    assert (file.state, file.width) == (FileState.AVAILABLE, 4000)
    assert await house.url(file)
    assert len(house.told) == 1, "once, of both"


async def test_the_scanner_gets_at_what_nobody_else_does_and_only_for_minutes(
    ports: Ports, clock: FakeClock
) -> None:
    house = await a_house(ports, clock, scan="hold")
    await house.send()

    await house.chat.inspection.inspect_due()

    (link,) = house.scanner.asked
    assert house.storage.get(link) == PHOTO
    clock.advance(5 * MINUTE)
    with pytest.raises(InvalidInput):
        house.storage.get(link)


@pytest.mark.parametrize(
    ("scan", "state", "is_open"), [("hold", FileState.BLOCKED, False), ("flag", FileState.FLAGGED, True)]
)
async def test_a_harmful_file_is_blocked_or_flagged(
    ports: Ports, clock: FakeClock, scan: Literal["hold", "flag"], state: FileState, is_open: bool
) -> None:
    house = await a_house(ports, clock, scan=scan)
    house.scanner.harmful.add("evil.exe.pdf")
    await house.send(b"evil", filename="evil.exe.pdf", content_type="application/pdf")
    assert (await house.url(await house.file()) is not None) is is_open

    await house.chat.inspection.inspect_due()

    file = await house.file()
    assert file.state is state
    assert (await house.url(file) is not None) is is_open
    assert [event.message.attachments[0].state for event in house.told] == [state]


async def test_no_small_picture_is_made_of_a_blocked_one(ports: Ports, clock: FakeClock) -> None:
    house = await a_house(ports, clock, scan="hold")
    house.scanner.harmful.add("a.jpg")
    await house.send()

    await house.chat.inspection.inspect_due()

    assert (await house.file()).thumbnail_key is None
    assert len(house.storage.keys()) == 1


async def test_a_clean_file_that_everybody_may_see_already_is_no_news(ports: Ports, clock: FakeClock) -> None:
    house = await a_house(ports, clock, scan="flag")
    await house.send(b"plan", filename="plan.pdf", content_type="application/pdf")

    await house.chat.inspection.inspect_due()

    assert (len(house.scanner.asked), house.told) == (1, [])


async def test_a_file_is_held_until_the_scanner_answers_again(ports: Ports, clock: FakeClock) -> None:
    house = await a_house(ports, clock, scan="hold")
    house.scanner.is_up = False
    await house.send()

    await house.chat.inspection.inspect_due()
    assert (await house.file()).state is FileState.SCANNING
    assert await house.chat.inspection.inspect_due() == 0, "it waits a little"

    house.scanner.is_up = True
    clock.advance(WAITS[0])
    await house.chat.inspection.inspect_due()
    assert (await house.file()).state is FileState.AVAILABLE


async def test_what_was_held_opens_once_nothing_is_scanned_any_more(ports: Ports, clock: FakeClock) -> None:
    house = await a_house(ports, clock, scan="hold")
    await house.send()
    without = Chat.over(house.ports)

    await without.inspection.inspect_due()

    assert (await house.file()).state is FileState.AVAILABLE


async def test_people_get_a_clean_file_though_its_small_picture_has_to_wait(
    ports: Ports, clock: FakeClock
) -> None:
    house = await a_house(ports, clock, scan="hold")
    await house.send()
    file = await house.file()
    house.storage.fails_to_read.add(file.key)

    await house.chat.inspection.inspect_due()
    assert (await house.file()).state is FileState.AVAILABLE

    house.storage.fails_to_read.clear()
    clock.advance(LEASE)
    await house.chat.inspection.inspect_due()
    assert (await house.file()).width == 4000
    assert len(house.scanner.asked) == 1, "nobody is asked twice"


# What is exchanged, missing or poisonous


async def test_a_file_that_was_exchanged_before_the_first_look_is_blocked_f26(
    ports: Ports, clock: FakeClock
) -> None:
    house = await a_house(ports, clock)
    sent = await house.send()
    house.exchange(await house.file(), b"a phOto")

    await house.chat.inspection.inspect_due()

    file = await house.file()
    assert (file.state, file.thumbnail_key, await house.url(file)) == (FileState.BLOCKED, None, None)
    assert [event.message.id for event in house.told] == [sent.id]


async def test_a_file_that_is_exchanged_before_its_upload_link_ends_is_found_out_f26(
    ports: Ports, clock: FakeClock
) -> None:
    house = await a_house(ports, clock, links_serve_once=False)
    await house.send()
    await house.chat.inspection.inspect_due()
    house.exchange(await house.file(), b"a phOto")

    clock.advance(UPLOAD + MINUTE - SECOND)
    assert await house.chat.inspection.inspect_due() == 0, "the link may still serve"
    clock.advance(SECOND)
    assert await house.chat.inspection.inspect_due() == 1

    file = await house.file()
    assert (file.state, await house.url(file)) == (FileState.BLOCKED, None)


async def test_an_honest_file_is_looked_at_once_more_and_never_again_f26(ports: Ports, clock: FakeClock) -> None:
    house = await a_house(ports, clock, draws=False, links_serve_once=False)
    await house.send()
    assert await house.chat.inspection.inspect_due() == 1

    clock.advance(UPLOAD + MINUTE)
    assert await house.chat.inspection.inspect_due() == 1
    for _ in range(3):
        clock.advance(DAY)
        assert await house.chat.inspection.inspect_due() == 0
    assert (await house.file()).state is FileState.AVAILABLE
    assert house.told == []


async def test_where_upload_links_serve_once_nobody_looks_twice(ports: Ports, clock: FakeClock) -> None:
    house = await a_house(ports, clock)
    await house.send()
    await house.chat.inspection.inspect_due()

    clock.advance(DAY)

    assert await house.chat.inspection.inspect_due() == 0


async def test_a_file_that_is_missing_is_given_up_in_the_end_and_stays_as_it_is(
    ports: Ports, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    house = await a_house(ports, clock, scan="hold")
    await house.send()
    await house.storage.delete([(await house.file()).key])

    looks = 0
    for _ in range(200):
        looks += await house.chat.inspection.inspect_due()
        clock.advance(HOUR)

    assert looks == len(WAITS) + 1
    assert (await house.file()).state is FileState.SCANNING
    assert (house.chat.inspection.counts["given_up"], house.told) == (1, [])
    assert any(record.levelno == logging.WARNING for record in caplog.records)


async def test_a_poisonous_file_keeps_no_other_waiting_f3(
    ports: Ports, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = await a_house(ports, clock)
    for n in range(6):
        await house.send(PHOTO, filename=f"{n}.jpg")
    poison = {file.key for file in await house.files() if file.filename in ("0.jpg", "1.jpg", "2.jpg")}
    stat = house.storage.stat

    async def breaks(key: str) -> StoredObject | None:
        if key in poison:
            raise ZeroDivisionError
        return await stat(key)

    monkeypatch.setattr(house.storage, "stat", breaks)

    assert await house.chat.inspection.inspect_due() == 6

    drawn = {file.filename for file in await house.files() if file.thumbnail_key is not None}
    assert drawn == {"3.jpg", "4.jpg", "5.jpg"}


async def test_a_storage_that_is_down_is_waited_for_f24(ports: Ports, clock: FakeClock) -> None:
    house = await a_house(ports, clock)
    await house.send(count=3)
    house.storage.is_down = True
    for wait in WAITS[:3]:
        assert await house.chat.inspection.inspect_due() == 3
        clock.advance(wait)

    house.storage.is_down = False
    assert await house.chat.inspection.inspect_due() == 3
    assert all(file.thumbnail_key for file in await house.files())


@define
class Slow:
    """A thumbnailer that notices how many pictures it has at once."""

    at_once: int = 0
    most_at_once: int = 0

    async def draw(self, body: bytes) -> Picture | None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        for _ in range(10):
            await asyncio.sleep(0)
        self.at_once -= 1
        return DRAWN


async def test_a_few_files_are_looked_into_at_once_and_no_more_than_asked_for(
    ports: Ports, clock: FakeClock
) -> None:
    house = await a_house(ports, clock)
    slow = Slow()
    chat = Chat.over(evolve(house.ports, thumbnailer=slow))
    await house.send(count=9)

    assert await chat.inspection.inspect_due(4) == 4
    assert slow.most_at_once == AT_ONCE
    assert await chat.inspection.inspect_due(100) == 5


async def test_two_workers_share_the_files_and_each_is_drawn_once(ports: Ports, clock: FakeClock) -> None:
    house = await a_house(ports, clock)
    await house.send(count=8)
    other = Chat.over(house.ports)

    await asyncio.gather(house.chat.inspection.inspect_due(), other.inspection.inspect_due())

    assert house.chat.inspection.counts["drawn"] + other.inspection.counts["drawn"] == 8
    assert len(house.told) == 8


async def test_a_worker_that_dies_over_a_file_leaves_it_to_others_f2(ports: Ports, clock: FakeClock) -> None:
    house = await a_house(ports, clock)
    await house.send()
    await house.ports.file_work.take(1, lease=LEASE)
    assert await house.chat.inspection.inspect_due() == 0

    clock.advance(LEASE)

    assert await house.chat.inspection.inspect_due() == 1
    assert (await house.file()).thumbnail_key is not None


# Sweeping


async def test_what_was_never_sent_is_deleted_after_a_day_f27(ports: Ports, clock: FakeClock) -> None:
    house = await a_house(ports, clock)
    place = await house.chat.files.reserve(
        ANN, house.dialog, filename="a.jpg", content_type="image/jpeg", size_bytes=len(PHOTO)
    )
    house.storage.put(place.url, PHOTO, content_type="image/jpeg")
    await house.chat.retention.prune(clock.advance(DAY - SECOND))
    assert house.storage.keys() == [place.upload.key]

    await house.chat.retention.prune(clock.advance(2 * SECOND))

    assert house.storage.keys() == []
    assert house.chat.retention.counts["files"] == 1
    assert (await house.ports.file_work.backlog()).leftovers == 0
    claim = FileClaim(place.upload.key, "a.jpg", "image/jpeg", len(PHOTO))
    with pytest.raises(InvalidInput):
        await house.chat.messages.send(ANN, house.dialog, Draft("<p>late</p>", files=(claim,)))


async def test_an_upload_in_parts_that_never_ended_is_dropped_f27(ports: Ports, clock: FakeClock) -> None:
    house = await a_house(ports, clock)
    begun = await house.chat.files.begin_parts(
        ANN, house.dialog, filename="a.zip", content_type="application/zip", size_bytes=20 * 1024 * 1024
    )
    parts_id = begun.upload.parts_id
    assert parts_id is not None

    await house.chat.retention.prune(clock.advance(DAY + SECOND))

    assert await house.storage.parts(begun.upload.key, parts_id) is None


async def test_files_of_a_deleted_message_are_deleted_with_their_small_pictures_f27(
    ports: Ports, clock: FakeClock
) -> None:
    house = await a_house(ports, clock)
    sent = await house.send(count=2)
    await house.chat.inspection.inspect_due()
    kept = await house.send()
    assert len(house.storage.keys()) == 5

    await house.chat.messages.delete(ANN, house.dialog, sent.id)
    await house.chat.retention.prune(clock.advance(HOUR + SECOND))

    assert house.storage.keys() == [kept.attachments[0].key]


async def test_a_small_picture_that_came_too_late_goes_with_its_file_f27(ports: Ports, clock: FakeClock) -> None:
    house = await a_house(ports, clock)
    sent = await house.send()
    await house.storage.write(thumbnail_key(sent.attachments[0].key), THUMBNAIL, content_type="image/webp")
    await house.chat.messages.delete(ANN, house.dialog, sent.id)

    await house.chat.retention.prune(clock.advance(HOUR + SECOND))

    assert house.storage.keys() == []


async def test_while_the_storage_is_down_leftovers_stay_and_the_rest_is_pruned_f24_f27(
    ports: Ports, clock: FakeClock
) -> None:
    house = await a_house(ports, clock)
    sent = await house.send()
    await house.chat.messages.delete(ANN, house.dialog, sent.id)
    house.storage.is_down = True
    clock.advance(10 * DAY)

    assert await house.chat.retention.prune(clock.now()) is False
    assert house.chat.retention.counts["events"] > 0
    assert (await house.ports.file_work.backlog()).leftovers == 1

    house.storage.is_down = False
    await house.chat.retention.prune(clock.now())
    assert (house.storage.keys(), (await house.ports.file_work.backlog()).leftovers) == ([], 0)


async def test_a_sweep_goes_on_until_nothing_is_left_f27(ports: Ports, clock: FakeClock) -> None:
    house = await a_house(ports, clock)
    for _ in range(41):
        sent = await house.send(count=10, body=b"x", filename="a.bin", content_type="")
        await house.chat.messages.delete(ANN, house.dialog, sent.id)
    clock.advance(HOUR + SECOND)

    rounds = 1
    while await house.chat.retention.prune(clock.now()):
        rounds += 1

    assert (rounds, house.storage.keys()) == (3, [])
