"""Messages: the hot path of sending, changes inside a transaction, and reading in pages."""

import asyncio
import itertools
from datetime import timedelta
from uuid import UUID

import pytest
from attrs import evolve

from mtchat_core.chat import Ports
from mtchat_core.domain.dialogs import DialogNotFound, Tally
from mtchat_core.domain.errors import ChatError, Forbidden
from mtchat_core.domain.events import DialogUnarchived, MessageSent
from mtchat_core.domain.ids import DialogId, MessageId, UserId
from mtchat_core.domain.messages import (
    Direction,
    Edit,
    IdempotencyKeyReused,
    Message,
    MessageNotFound,
    MessageType,
    Origin,
    Outgoing,
    Page,
    ReplyTargetUnknown,
    Window,
)
from mtchat_core.domain.receipts import ReadMark
from mtchat_core.ports.messages import Posted
from tests.builders import (
    ANN,
    BO,
    CY,
    DI,
    SECOND,
    START,
    FakeClock,
    a_dialog_id,
    a_message_id,
    a_participant,
    a_profile,
    add_person,
    an_outgoing,
    announce,
    entry_of,
    locked,
    open_dialog,
    participant,
    remove_person,
    say,
    unread,
)


async def page_of(ports: Ports, dialog: DialogId, reader: UserId = ANN, window: Window | None = None) -> Page:
    page = await ports.transcript.page(dialog, reader, window or Window(limit=100))
    assert page is not None
    return page


async def tally_of(ports: Ports, dialog: DialogId) -> Tally:
    details = await ports.directory.details(dialog)
    assert details is not None
    return details.dialog.tally


async def delete(ports: Ports, message: Message) -> MessageId | None:
    async with locked(ports, message.dialog_id) as tx:
        older = await tx.messages.delete(message)
        await tx.participants.forget_message(message, older=older)
    return older


async def outcome(ports: Ports, outgoing: Outgoing) -> Posted | ChatError:
    try:
        return await ports.log.append(outgoing)
    except ChatError as refusal:
        return refusal


# Sending


async def test_a_message_is_kept_as_it_was_decided(ports: Ports) -> None:
    dialog = await open_dialog(ports, a_participant(profile=a_profile("Анна")), BO)
    content = '<p>It\'s 100% \\ "fine" \u2028 🙂 {x} $1 :name</p>'
    outgoing = an_outgoing(dialog, content=content, key="k-1")

    posted = await ports.log.append(outgoing)

    assert posted.message == Message(
        id=outgoing.id,
        dialog_id=dialog,
        seq=1,
        sender_id=ANN,
        sender_name="Анна",
        content=content,
        sent_at=posted.message.sent_at,
        client_message_id="k-1",
    )
    assert posted.message.sent_at.utcoffset() == timedelta(0)
    assert (await page_of(ports, dialog)).messages == (posted.message,)


async def test_a_message_has_one_event_and_it_carries_the_message(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO)

    chat = await ports.log.append(an_outgoing(dialog))
    management = await ports.log.append(an_outgoing(dialog, origin=Origin.MANAGEMENT))

    assert [(one.seq, one.event) for one in (*chat.recorded, *management.recorded)] == [
        (1, MessageSent(dialog_id=dialog, message=chat.message, origin=Origin.CHAT)),
        (2, MessageSent(dialog_id=dialog, message=management.message, origin=Origin.MANAGEMENT)),
    ]
    assert await ports.events.of_dialog(dialog, after=0, limit=10) == (*chat.recorded, *management.recorded)
    assert (await tally_of(ports, dialog)).event_seq == 2


async def test_a_message_may_be_as_long_as_the_rules_allow(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)

    [message] = await say(ports, dialog, "&amp;" * 50_000)

    assert await ports.transcript.get(dialog, ANN, message.id) == message


async def test_sending_to_an_unknown_dialog_is_refused(ports: Ports) -> None:
    with pytest.raises(DialogNotFound):
        await ports.log.append(an_outgoing(a_dialog_id()))


@pytest.mark.parametrize("stranger", [BO, UserId("Ann"), UserId("ann ")])
async def test_who_is_not_in_cannot_send(ports: Ports, stranger: UserId) -> None:
    dialog = await open_dialog(ports, ANN)

    with pytest.raises(Forbidden):
        await ports.log.append(an_outgoing(dialog, by=stranger))


async def test_who_left_cannot_send_any_more_not_even_again(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    await ports.log.append(an_outgoing(dialog, by=BO, key="k"))
    await remove_person(ports, dialog, BO)

    for key in (None, "k"):
        with pytest.raises(Forbidden):
            await ports.log.append(an_outgoing(dialog, by=BO, key=key))


async def test_a_refused_message_changes_nothing_g2(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, a_participant(by=BO, is_archived=True))
    await ports.log.append(an_outgoing(dialog, key="k"))
    async with locked(ports, dialog) as tx:
        await tx.participants.save(a_participant(dialog, by=BO, is_archived=True))
    before = await _everything(ports, dialog)

    for refused in (
        an_outgoing(dialog, by=CY),
        an_outgoing(dialog, reply_to=a_message_id()),
        an_outgoing(dialog, key="k", fingerprint=b"another payload!"),
    ):
        assert isinstance(await outcome(ports, refused), ChatError)

    assert await _everything(ports, dialog) == before


async def _everything(ports: Ports, dialog: DialogId) -> object:
    return (
        await ports.directory.details(dialog),
        await ports.transcript.page(dialog, ANN, Window()),
        await ports.events.of_dialog(dialog, after=0, limit=100),
    )


async def test_sending_reads_everything_for_the_sender(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    _, theirs = await say(ports, dialog, "1", "2", by=BO)
    await announce(ports, dialog)

    [mine] = await say(ports, dialog, "3")

    assert (await participant(ports, dialog, ANN)).mark == ReadMark(seq=4, message_id=mine.id, counted=3)
    assert (await participant(ports, dialog, BO)).mark == ReadMark(seq=2, message_id=theirs.id, counted=2)
    assert [await unread(ports, dialog, user) for user in (ANN, BO)] == [0, 1]


async def test_sending_leaves_the_marks_of_others_alone(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO, CY)
    before = [await participant(ports, dialog, user) for user in (BO, CY)]

    await say(ports, dialog, "1", "2")

    assert [await participant(ports, dialog, user) for user in (BO, CY)] == before
    assert [await unread(ports, dialog, user) for user in (ANN, BO, CY)] == [0, 2, 2]


async def test_sending_takes_the_dialog_out_of_every_archive_and_says_so_first(ports: Ports) -> None:
    archived = [a_participant(by=user, is_archived=True, is_pinned=True) for user in (DI, BO, ANN)]
    dialog = await open_dialog(ports, *archived, CY)

    posted = await ports.log.append(an_outgoing(dialog))

    assert [(one.seq, one.event) for one in posted.recorded] == [
        (1, DialogUnarchived(dialog_id=dialog, people=[ANN, BO, DI])),
        (2, MessageSent(dialog_id=dialog, message=posted.message)),
    ]
    assert await ports.events.of_dialog(dialog, after=0, limit=10) == posted.recorded
    for user in (BO, DI):
        assert await participant(ports, dialog, user) == a_participant(dialog, by=user, is_pinned=True)
    assert not (await participant(ports, dialog, ANN)).is_archived
    assert (await participant(ports, dialog, ANN)).unarchived_at is None


async def test_the_next_message_finds_nothing_to_unarchive(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, a_participant(by=BO, is_archived=True))
    await say(ports, dialog, "1")

    posted = await ports.log.append(an_outgoing(dialog))

    assert [type(one.event) for one in posted.recorded] == [MessageSent]


async def test_fifty_concurrent_messages_are_numbered_without_gaps_in_rising_order_g4(ports: Ports) -> None:
    people = [UserId(f"user-{n}") for n in range(5)]
    dialog = await open_dialog(ports, ANN, *people)

    posted = await asyncio.gather(
        *(ports.log.append(an_outgoing(dialog, by=people[n % 5], content=str(n))) for n in range(50))
    )

    by_seq = sorted((one.message for one in posted), key=lambda message: message.seq)
    assert [message.seq for message in by_seq] == list(range(1, 51))
    assert {message.content for message in by_seq} == {str(n) for n in range(50)}
    assert all(a.id < b.id and a.sent_at <= b.sent_at for a, b in itertools.pairwise(by_seq))
    assert (await page_of(ports, dialog)).messages == tuple(by_seq)
    assert sorted(entry.seq for one in posted for entry in one.recorded) == list(range(1, 51))
    log = await ports.events.of_dialog(dialog, after=0, limit=100)
    assert [getattr(entry.event, "message", None) for entry in log] == by_seq
    assert await unread(ports, dialog, ANN) == 50


async def test_every_message_of_a_crowd_has_its_own_outcome(ports: Ports) -> None:
    dialogs = [await open_dialog(ports, ANN, BO) for _ in range(3)]
    elsewhere = (await say(ports, dialogs[0], "elsewhere"))[0]
    await ports.log.append(an_outgoing(dialogs[0], key="taken"))
    crowd: list[tuple[Outgoing, type[Posted] | type[ChatError]]] = []
    for n in range(10):
        dialog = dialogs[n % 3]
        crowd += [
            (an_outgoing(dialog, content=f"good {n}"), Posted),
            (an_outgoing(dialog, by=CY), Forbidden),
            (an_outgoing(a_dialog_id()), DialogNotFound),
            (an_outgoing(dialogs[1], by=BO, reply_to=elsewhere.id), ReplyTargetUnknown),
            (an_outgoing(dialogs[0], key="taken", fingerprint=b"another payload!"), IdempotencyKeyReused),
            (an_outgoing(dialogs[0], by=BO, reply_to=elsewhere.id, content=f"reply {n}"), Posted),
        ]

    outcomes = await asyncio.gather(*(outcome(ports, outgoing) for outgoing, _ in crowd))

    assert [type(one) for one in outcomes] == [expected for _, expected in crowd]
    for (outgoing, _), one in zip(crowd, outcomes, strict=True):
        if isinstance(one, Posted):
            assert (one.message.dialog_id, one.message.content) == (outgoing.dialog_id, outgoing.content)
            assert (one.message.sender_id, one.message.reply_to_id) == (outgoing.sender_id, outgoing.reply_to)
    for dialog in dialogs:
        seqs = [message.seq for message in (await page_of(ports, dialog)).messages]
        assert seqs == list(range(1, len(seqs) + 1))
    assert sum([len((await page_of(ports, dialog)).messages) for dialog in dialogs]) == 22


async def test_ids_rise_even_when_the_candidate_falls_behind_g4(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    old, recent = a_message_id(), a_message_id()
    first = (await ports.log.append(an_outgoing(dialog, id=recent))).message

    second = (await ports.log.append(an_outgoing(dialog, id=old))).message
    third = (await ports.log.append(an_outgoing(dialog, id=old))).message
    fourth = (await ports.log.append(an_outgoing(dialog, id=recent))).message

    assert first.id == recent
    assert recent < second.id < third.id < fourth.id
    assert (await page_of(ports, dialog)).messages == (first, second, third, fourth)


async def test_ids_rise_past_the_end_of_a_millisecond(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    last_of_its_millisecond = MessageId(UUID("0197c0de-0000-7fff-bfff-ffffffffffff"))
    await ports.log.append(an_outgoing(dialog, id=last_of_its_millisecond))

    behind = an_outgoing(dialog, id=MessageId(UUID("0197c0dd-0000-7000-8000-000000000000")))
    second = (await ports.log.append(behind)).message
    third = (await ports.log.append(behind)).message

    assert last_of_its_millisecond < second.id < third.id
    assert second.id.version == third.id.version == 7
    assert (await page_of(ports, dialog)).messages[1:] == (second, third)


async def test_ids_rise_above_what_a_faster_clock_gave_and_above_what_was_deleted(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    ahead = MessageId(UUID("0297c0de-0000-7000-8000-000000000000"))
    await delete(ports, (await ports.log.append(an_outgoing(dialog, id=ahead))).message)

    system = await announce(ports, dialog)
    [message] = await say(ports, dialog, "hello")

    assert ahead < system.id < message.id
    assert [system.seq, message.seq] == [2, 3]


async def test_times_never_fall_behind_when_the_clock_does_f32(ports: Ports, clock: FakeClock) -> None:
    dialog = await open_dialog(ports, ANN)
    [first] = await say(ports, dialog, "1")

    clock.advance(-120 * SECOND)
    [second] = await say(ports, dialog, "2")
    third = await announce(ports, dialog)
    clock.advance(121 * SECOND)
    [fourth] = await say(ports, dialog, "4")

    times = [message.sent_at for message in (first, second, third, fourth)]
    assert times == sorted(times)


# Sending again


async def test_the_same_send_again_returns_the_first_message_and_changes_nothing(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    first = await ports.log.append(an_outgoing(dialog, key="k"))
    await say(ports, dialog, "between", by=BO)
    before = await _everything(ports, dialog)

    again = await ports.log.append(an_outgoing(dialog, key="k"))

    assert again == Posted(first.message)
    assert await _everything(ports, dialog) == before


async def test_the_same_send_again_does_not_unarchive(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    await ports.log.append(an_outgoing(dialog, key="k"))
    async with locked(ports, dialog) as tx:
        await tx.participants.save(a_participant(dialog, by=BO, is_archived=True))

    await ports.log.append(an_outgoing(dialog, key="k"))

    assert (await participant(ports, dialog, BO)).is_archived


async def test_twenty_parallel_identical_sends_make_one_message_g3(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO)

    posted = await asyncio.gather(*(ports.log.append(an_outgoing(dialog, key="k")) for _ in range(20)))

    assert len({one.message for one in posted}) == 1
    assert sorted(len(one.recorded) for one in posted) == [0] * 19 + [1]
    assert (await page_of(ports, dialog)).messages == (posted[0].message,)
    assert await unread(ports, dialog, BO) == 1
    assert (await tally_of(ports, dialog)).event_seq == 1


async def test_of_parallel_sends_with_one_key_and_different_payloads_one_wins(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)

    outcomes = await asyncio.gather(
        *(
            outcome(ports, an_outgoing(dialog, key="k", content=str(n), fingerprint=bytes([n]) * 16))
            for n in range(10)
        )
    )

    assert sorted(type(one).__name__ for one in outcomes) == ["IdempotencyKeyReused"] * 9 + ["Posted"]
    assert len((await page_of(ports, dialog)).messages) == 1


async def test_a_key_belongs_to_one_sender_in_one_dialog(ports: Ports) -> None:
    one, other = await open_dialog(ports, ANN, BO), await open_dialog(ports, ANN)

    sent = [
        await ports.log.append(an_outgoing(one, key="k")),
        await ports.log.append(an_outgoing(one, key="k", by=BO)),
        await ports.log.append(an_outgoing(other, key="k")),
        await ports.log.append(an_outgoing(one, key="K")),
    ]

    assert len({posted.message.id for posted in sent}) == 4
    assert all(posted.recorded for posted in sent)


async def test_messages_without_a_key_are_never_the_same(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)

    await say(ports, dialog, "same", "same")

    assert len((await page_of(ports, dialog)).messages) == 2


async def test_a_key_with_another_payload_is_refused(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    await ports.log.append(an_outgoing(dialog, key="k"))

    with pytest.raises(IdempotencyKeyReused):
        await ports.log.append(an_outgoing(dialog, key="k", fingerprint=b"another payload!"))


async def test_a_late_retry_does_not_bring_a_deleted_message_back_f16(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    sent = await ports.log.append(an_outgoing(dialog, key="k"))
    await delete(ports, sent.message)

    with pytest.raises(MessageNotFound):
        await ports.log.append(an_outgoing(dialog, key="k"))
    with pytest.raises(IdempotencyKeyReused):
        await ports.log.append(an_outgoing(dialog, key="k", fingerprint=b"another payload!"))

    assert (await page_of(ports, dialog)).messages == ()


async def test_a_retry_returns_the_message_as_it_reads_now(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    sent = await ports.log.append(an_outgoing(dialog, key="k"))
    edited = sent.message.edited("changed", at=START)
    async with locked(ports, dialog) as tx:
        await tx.messages.edit(edited, previous=Edit(sent.message.content, START))

    again = await ports.log.append(an_outgoing(dialog, key="k"))

    assert again == Posted(edited)


# Replying


async def test_a_reply_names_the_message_it_answers(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    [question] = await say(ports, dialog, "?")
    system = await announce(ports, dialog)

    answers = [
        (await ports.log.append(an_outgoing(dialog, reply_to=target))).message
        for target in (question.id, system.id)
    ]

    assert [answer.reply_to_id for answer in answers] == [question.id, system.id]
    assert (await page_of(ports, dialog)).messages[2:] == tuple(answers)


async def test_a_reply_to_nothing_here_is_refused_b33(ports: Ports) -> None:
    dialog, other = await open_dialog(ports, ANN), await open_dialog(ports, ANN)
    [elsewhere] = await say(ports, other, "?")
    [deleted] = await say(ports, dialog, "?")
    await delete(ports, deleted)

    for target in (elsewhere.id, deleted.id, a_message_id()):
        with pytest.raises(ReplyTargetUnknown):
            await ports.log.append(an_outgoing(dialog, reply_to=target))


async def test_a_retried_reply_is_fine_although_its_target_is_gone(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    [question] = await say(ports, dialog, "?")
    answer = await ports.log.append(an_outgoing(dialog, reply_to=question.id, key="k"))
    await delete(ports, question)

    again = await ports.log.append(an_outgoing(dialog, reply_to=question.id, key="k"))

    assert again.message == evolve(answer.message, reply_to_id=None)


# Changing


async def test_the_system_speaks_in_its_own_voice_and_nobody_has_it_unread(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, a_participant(by=BO, is_archived=True))
    [before] = await say(ports, dialog, "1")
    async with locked(ports, dialog) as tx:
        await tx.participants.save(a_participant(dialog, by=BO, is_archived=True))

    system = await announce(ports, dialog, '{"event":"notice","text":"<b>"}')

    assert system == Message(
        id=system.id,
        dialog_id=dialog,
        seq=2,
        sender_id=None,
        sender_name=None,
        content='{"event":"notice","text":"<b>"}',
        sent_at=system.sent_at,
        type=MessageType.SYSTEM,
    )
    assert system.id > before.id
    assert system.id.version == 7
    assert (await page_of(ports, dialog)).messages == (before, system)
    assert [await unread(ports, dialog, user) for user in (ANN, BO)] == [0, 1]
    assert (await participant(ports, dialog, BO)).is_archived


async def test_a_message_is_found_in_its_own_dialog_only(ports: Ports) -> None:
    dialog, other = await open_dialog(ports, ANN), await open_dialog(ports, ANN)
    [message] = await say(ports, dialog, "hello")

    async with locked(ports, dialog) as tx:
        assert await tx.messages.get(dialog, message.id) == message
        assert await tx.messages.get(dialog, a_message_id()) is None
    async with locked(ports, other) as tx:
        assert await tx.messages.get(other, message.id) is None
    assert await ports.transcript.get(other, ANN, message.id) is None


async def test_an_edited_message_keeps_its_place_and_its_history(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    first, second = await say(ports, dialog, "one", "two")
    once, twice = first.edited("uno", at=START + SECOND), first.edited("eins", at=START + 2 * SECOND)

    async with locked(ports, dialog) as tx:
        await tx.messages.edit(once, previous=Edit("one", START + SECOND))
    async with locked(ports, dialog) as tx:
        await tx.messages.edit(twice, previous=Edit("uno", START + 2 * SECOND))

    assert (await page_of(ports, dialog)).messages == (twice, second)
    assert await ports.transcript.get(dialog, BO, first.id) == twice
    assert list(await ports.transcript.history(dialog, BO, first.id) or ()) == [
        Edit("one", START + SECOND),
        Edit("uno", START + 2 * SECOND),
    ]
    assert list(await ports.transcript.history(dialog, BO, second.id) or ()) == []
    assert await unread(ports, dialog, BO) == 2


async def test_an_edited_newest_message_shows_in_the_list(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    [message] = await say(ports, dialog, "one")

    async with locked(ports, dialog) as tx:
        await tx.messages.edit(message.edited("uno", at=START), previous=Edit("one", START))

    preview = (await entry_of(ports, ANN, dialog)).last_message
    assert preview is not None
    assert preview.content == "uno"


async def test_a_deleted_message_is_gone_with_its_history_and_its_quotes(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    first, doomed = await say(ports, dialog, "1", "2")
    reply = (await ports.log.append(an_outgoing(dialog, reply_to=doomed.id))).message
    async with locked(ports, dialog) as tx:
        await tx.messages.edit(doomed.edited("two", at=START), previous=Edit("2", START))

    older = await delete(ports, doomed)

    assert older == first.id
    assert (await page_of(ports, dialog)).messages == (first, evolve(reply, reply_to_id=None))
    assert await ports.transcript.get(dialog, ANN, doomed.id) is None
    assert await ports.transcript.history(dialog, ANN, doomed.id) is None
    async with locked(ports, dialog) as tx:
        assert await tx.messages.get(dialog, doomed.id) is None


async def test_the_counts_and_the_newest_message_follow_a_deletion(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    first, second, third = await say(ports, dialog, "1", "2", "3")

    assert await delete(ports, second) == first.id
    assert await tally_of(ports, dialog) == Tally(3, 3, 2, 0, third.id, third.sent_at)
    assert await unread(ports, dialog, BO) == 2

    assert await delete(ports, third) == first.id
    assert await tally_of(ports, dialog) == Tally(3, 3, 1, 0, first.id, first.sent_at)
    preview = (await entry_of(ports, ANN, dialog)).last_message
    assert preview is not None
    assert preview.id == first.id

    assert await delete(ports, first) is None
    assert await tally_of(ports, dialog) == Tally(3, 3, 0, 0, None, None)
    assert (await entry_of(ports, ANN, dialog)).last_message is None
    assert await unread(ports, dialog, BO) == 0


async def test_the_nearest_older_message_may_be_the_systems(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    system = await announce(ports, dialog)
    [message] = await say(ports, dialog, "hello")

    assert await delete(ports, message) == system.id
    assert await tally_of(ports, dialog) == Tally(2, 1, 0, 1, system.id, system.sent_at)


async def test_numbers_are_not_given_twice_after_a_deletion(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    first, second = await say(ports, dialog, "1", "2")
    await delete(ports, second)

    [third] = await say(ports, dialog, "3")

    assert third.seq == 3
    assert third.id > second.id
    assert (await page_of(ports, dialog)).messages == (first, third)


async def test_unread_messages_are_those_of_other_people_after_a_number(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    for by in (ANN, BO, ANN):
        await say(ports, dialog, "hello", by=by)
    await announce(ports, dialog)
    await say(ports, dialog, "hello", by=BO)

    async with locked(ports, dialog) as tx:
        assert [await tx.messages.count_unread(dialog, ANN, after=n) for n in range(6)] == [2, 2, 1, 1, 1, 0]
        assert [await tx.messages.count_unread(dialog, BO, after=n) for n in range(6)] == [2, 1, 1, 0, 0, 0]
        assert await tx.messages.count_unread(dialog, CY, after=0) == 4


# Reading


async def test_only_who_is_in_reads_g8(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    [message] = await say(ports, dialog, "secret")
    await remove_person(ports, dialog, BO)

    for reader, where in ((BO, dialog), (CY, dialog), (ANN, a_dialog_id())):
        assert await ports.transcript.page(where, reader, Window()) is None
        with pytest.raises(Forbidden):
            await ports.transcript.get(where, reader, message.id)
        with pytest.raises(Forbidden):
            await ports.transcript.history(where, reader, message.id)


async def test_an_empty_dialog_is_an_empty_page(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)

    for direction in Direction:
        window = Window(direction, None if direction is Direction.LATEST else a_message_id())
        assert await page_of(ports, dialog, ANN, window) == Page((), False, False)


def expected_page(messages: list[Message], window: Window) -> tuple[list[Message], bool, bool]:
    """Read a page the naive way."""
    cursor = window.cursor
    older = [one for one in messages if cursor is not None and one.id < cursor]
    newer = [one for one in messages if cursor is not None and one.id > cursor]
    from_cursor = [one for one in messages if cursor is not None and one.id >= cursor]
    match window.direction:
        case Direction.LATEST:
            shown = messages[-window.limit :]
        case Direction.BEFORE:
            shown = older[-window.limit :]
        case Direction.AFTER:
            shown = newer[: window.limit]
        case Direction.AROUND:
            half = window.limit // 2
            shown = (older[-half:] if half else []) + from_cursor[: half + 1]
    if shown:
        return shown, shown[0] is not messages[0], shown[-1] is not messages[-1]
    is_at_the_beginning = window.direction is Direction.BEFORE
    return shown, not is_at_the_beginning, is_at_the_beginning


@pytest.mark.parametrize("direction", list(Direction))
async def test_pages_show_what_they_say_with_truthful_flags(ports: Ports, direction: Direction) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    below = a_message_id()
    sent: list[Message] = []
    gaps: list[MessageId] = []
    for n in range(9):
        sent += await say(ports, dialog, str(n), by=(ANN, BO)[n % 2])
        gaps.append(a_message_id())
    await delete(ports, sent[4])
    left = [message for message in sent if message is not sent[4]]
    cursors = [None] if direction is Direction.LATEST else [below, *gaps, *(message.id for message in sent)]

    for cursor, limit in itertools.product(cursors, (1, 2, 3, 4, 5, 7, 8, 9, 50)):
        window = Window(direction, cursor, limit)
        page = await page_of(ports, dialog, ANN, window)
        shown, before, after = expected_page(left, window)
        assert list(page.messages) == shown, window
        assert (page.has_more_before, page.has_more_after) == (before, after), window


async def test_around_shows_half_before_and_half_from_the_message_on(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    sent = await say(ports, dialog, *(str(n) for n in range(120)))

    page = await page_of(ports, dialog, ANN, Window(Direction.AROUND, sent[60].id))

    assert list(page.messages) == sent[35 : 61 + 25]


async def test_pages_walk_through_the_whole_dialog(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    sent = await say(ports, dialog, *(str(n) for n in range(25)))

    back = await page_of(ports, dialog, ANN, Window(limit=7))
    walked = list(back.messages)
    while back.has_more_before:
        back = await page_of(ports, dialog, ANN, Window(Direction.BEFORE, walked[0].id, limit=7))
        walked = [*back.messages, *walked]
    forth = await page_of(ports, dialog, ANN, Window(Direction.AROUND, sent[0].id, limit=1))
    strolled = list(forth.messages)
    while forth.has_more_after:
        forth = await page_of(ports, dialog, ANN, Window(Direction.AFTER, strolled[-1].id, limit=7))
        strolled += forth.messages

    assert walked == sent
    assert strolled == sent


async def test_the_first_unread_message_is_seen_from_the_page(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    read, mine = (await say(ports, dialog, "1", by=BO))[0], (await say(ports, dialog, "2"))[0]
    await announce(ports, dialog)
    third, fourth = await say(ports, dialog, "3", "4", by=BO)

    async def first(window: Window) -> MessageId | None:
        return (await page_of(ports, dialog, ANN, window)).first_unread

    assert await first(Window()) == third.id
    assert await first(Window(limit=1)) == fourth.id
    assert await first(Window(Direction.AFTER, third.id)) == fourth.id
    assert await first(Window(Direction.BEFORE, third.id)) is None
    assert await first(Window(Direction.BEFORE, fourth.id)) == third.id
    assert await first(Window(Direction.AROUND, mine.id)) is None
    assert (await page_of(ports, dialog, BO, Window(Direction.AFTER, read.id))).first_unread is None


async def test_a_newcomer_starts_reading_where_the_page_starts(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    system = await announce(ports, dialog)
    await say(ports, dialog, "1", "2")
    await add_person(ports, dialog, a_participant(by=BO, mark=ReadMark(counted=-1)))

    page = await page_of(ports, dialog, BO)

    assert page.first_unread == system.id
    assert await unread(ports, dialog, BO) == 3


async def test_who_has_read_everything_has_no_first_unread(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    await say(ports, dialog, "1", by=BO)
    await say(ports, dialog, "2", by=ANN)

    assert (await page_of(ports, dialog, ANN)).first_unread is None


async def test_deleting_what_was_read_leaves_the_rest_unread_g7(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    one, two = await say(ports, dialog, "1", "2", by=ANN)
    await say(ports, dialog, "mine", by=BO)
    three = (await say(ports, dialog, "3", by=ANN))[0]

    await delete(ports, one)
    assert await unread(ports, dialog, BO) == 1
    await delete(ports, two)
    assert await unread(ports, dialog, BO) == 1
    await delete(ports, three)
    assert await unread(ports, dialog, BO) == 0
