"""The event log: everything that happened, with texts as they are now."""

from datetime import timedelta

import pytest

from mtchat_core.chat import Chat, Ports
from mtchat_core.domain.cursors import Cursor, CursorExpired, EventCursorUnknown
from mtchat_core.domain.dialogs import About
from mtchat_core.domain.events import (
    DialogArchived,
    DialogDeleted,
    DialogMuted,
    DialogPinned,
    DialogUnarchived,
    DialogUnmuted,
    DialogUnpinned,
    DialogUpdated,
    Event,
    MessageDeleted,
    MessageEdited,
    MessageRead,
    MessageSent,
    NotificationCancelled,
    NotificationPending,
    ParticipantJoined,
    ParticipantLeft,
    Reminded,
    Withdrawn,
)
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.domain.messages import Draft, Edit, Origin
from mtchat_core.domain.participants import JoinedAs
from mtchat_core.ports import events as promises
from mtchat_core.ports.events import Head, Heads, Stretch
from tests.builders import (
    A_PLANNER,
    ANN,
    BO,
    CY,
    PLANNERS,
    SECOND,
    START,
    a_dialog_id,
    a_message_id,
    a_new_dialog,
    a_profile,
    an_invitation,
    announce,
    locked,
    open_dialog,
    say,
)


async def read(ports: Ports, dialog: DialogId, *, after: int = 0, limit: int = 100) -> list[tuple[int, Event]]:
    return [(entry.seq, entry.event) for entry in await ports.events.of_dialog(dialog, after=after, limit=limit)]


async def test_every_event_comes_back_as_it_was_recorded_g5(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    message = await announce(ports, dialog)
    everyone = [ANN, UserId("Ünï 'c' \"ode\" {,}\\")]
    recorded: list[Event] = [
        MessageSent(dialog_id=dialog, message=message, origin=Origin.MANAGEMENT),
        MessageEdited(dialog_id=dialog, message=message),
        MessageDeleted(dialog_id=dialog, message_id=a_message_id()),
        MessageRead(dialog_id=dialog, user_id=ANN, message_id=message.id),
        ParticipantJoined(
            dialog_id=dialog, user_id=everyone[1], joined_as=JoinedAs.JOINED, joined_at=START, origin=Origin.CHAT
        ),
        ParticipantJoined(
            dialog_id=dialog,
            user_id=ANN,
            joined_as=JoinedAs.PARTICIPANT,
            joined_at=START + SECOND,
            origin=Origin.MANAGEMENT,
        ),
        ParticipantLeft(dialog_id=dialog, user_id=ANN, left_at=START, origin=Origin.CHAT),
        DialogArchived(dialog_id=dialog, people=everyone),
        DialogUnarchived(dialog_id=dialog, people=everyone),
        DialogPinned(dialog_id=dialog, people=[BO]),
        DialogUnpinned(dialog_id=dialog, people=[BO]),
        DialogMuted(dialog_id=dialog, people=[BO]),
        DialogUnmuted(dialog_id=dialog, people=[]),
    ]

    async with locked(ports, dialog) as tx:
        tx.record(*recorded)

    assert await read(ports, dialog) == list(enumerate(recorded, start=1))
    assert [(entry.seq, entry.event) for entry in tx.recorded] == list(enumerate(recorded, start=1))


async def test_a_change_of_the_dialog_comes_back_with_what_it_is_about(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    async with locked(ports, dialog) as tx:
        kept = await tx.dialogs.lock(dialog)
        assert kept is not None
        described = kept.described(About("new", "https://erp.example/", {"a": [1, None]}))
        await tx.dialogs.describe(described)
        tx.record(DialogUpdated(dialog_id=dialog, dialog=described))

    [(_, event)] = await read(ports, dialog)

    assert isinstance(event, DialogUpdated)
    assert event.dialog.about == described.about
    assert (event.dialog.id, event.dialog.object, event.dialog.created_at) == (
        described.id,
        described.object,
        described.created_at,
    )


async def test_the_log_is_read_in_pieces(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    sent = await say(ports, dialog, *(str(n) for n in range(7)))
    whole = [(message.seq, MessageSent(dialog_id=dialog, message=message)) for message in sent]

    assert await read(ports, dialog, after=0, limit=3) == whole[:3]
    assert await read(ports, dialog, after=3, limit=3) == whole[3:6]
    assert await read(ports, dialog, after=6, limit=3) == whole[6:]
    assert await read(ports, dialog, after=7, limit=3) == []
    assert await read(ports, dialog, after=100, limit=3) == []


async def test_the_log_of_an_unknown_dialog_is_empty(ports: Ports) -> None:
    assert await read(ports, a_dialog_id()) == []


async def test_an_edited_message_reads_as_it_is_now(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    [message] = await say(ports, dialog, "typo")
    edited = message.edited("fixed", at=START)

    async with locked(ports, dialog) as tx:
        await tx.messages.edit(edited, previous=Edit("typo", START))
        tx.record(MessageEdited(dialog_id=dialog, message=edited))

    assert await read(ports, dialog) == [
        (1, MessageSent(dialog_id=dialog, message=edited)),
        (2, MessageEdited(dialog_id=dialog, message=edited)),
    ]


async def test_a_deleted_message_leaves_its_numbers_and_nothing_else(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    [doomed, kept] = await say(ports, dialog, "secret", "kept")

    async with locked(ports, dialog) as tx:
        edited = doomed.edited("still secret", at=START)
        await tx.messages.edit(edited, previous=Edit("secret", START))
        tx.record(MessageEdited(dialog_id=dialog, message=edited))
    async with locked(ports, dialog) as tx:
        await tx.messages.delete(edited)
        tx.record(MessageDeleted(dialog_id=dialog, message_id=doomed.id))

    log = await ports.events.of_dialog(dialog, after=0, limit=10)
    assert [entry.event for entry in log] == [
        Withdrawn(dialog_id=dialog),
        MessageSent(dialog_id=dialog, message=kept),
        Withdrawn(dialog_id=dialog),
        MessageDeleted(dialog_id=dialog, message_id=doomed.id),
    ]
    assert [entry.seq for entry in log] == [1, 2, 3, 4]
    assert "secret" not in repr(log)


async def test_the_log_outlives_its_dialog_without_its_texts(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    await say(ports, dialog, "secret")
    async with locked(ports, dialog) as tx:
        tx.record(DialogPinned(dialog_id=dialog, people=[ANN]))

    async with locked(ports, dialog) as tx:
        await tx.dialogs.delete(dialog)
        tx.record(DialogDeleted(dialog_id=dialog, people=[ANN]))

    assert await read(ports, dialog) == [
        (1, Withdrawn(dialog_id=dialog)),
        (2, DialogPinned(dialog_id=dialog, people=[ANN])),
        (3, DialogDeleted(dialog_id=dialog, people=[ANN])),
    ]


async def test_the_cursor_moves_with_the_log(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    before = await ports.events.latest()
    assert await ports.events.latest() == before

    await say(ports, dialog, "hello")

    assert await ports.events.latest() != before


# By cursor


def seqs(stretch: Stretch, dialog: DialogId | None = None) -> list[int]:
    return [one.seq for one in stretch.events if dialog in (None, one.event.dialog_id)]


def types(stretch: Stretch) -> list[str]:
    return [one.event.type for one in stretch.events]


async def test_everything_is_read_once_and_in_order_however_small_the_pieces_g5(ports: Ports) -> None:
    first, second = await open_dialog(ports, ANN), await open_dialog(ports, ANN)
    for n in range(4):
        await say(ports, first, str(n))
        await say(ports, second, str(n))
    async with locked(ports, first) as tx:
        tx.record(*(DialogPinned(dialog_id=first, people=[ANN]) for _ in range(5)))
    whole = await ports.events.stream(None, limit=100)

    pieces: list[Stretch] = []
    cursor: str | None = None
    while not pieces or pieces[-1].has_more:
        pieces.append(await ports.events.stream(cursor, limit=3))
        cursor = pieces[-1].cursor

    assert [one for piece in pieces for one in piece.events] == list(whole.events)
    assert len(whole.events) == 13
    assert not whole.has_more
    assert [len(piece.events) for piece in pieces] == [3, 3, 3, 3, 1]
    assert seqs(whole, first) == list(range(1, 10))
    assert seqs(whole, second) == list(range(1, 5))
    assert await ports.events.stream(cursor, limit=3) == Stretch((), whole.cursor, has_more=False)


async def test_a_cursor_lies_behind_what_was_logged_and_before_what_is(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    await say(ports, dialog, "before")
    cursor = await ports.events.latest()

    await say(ports, dialog, "after")

    assert seqs(await ports.events.stream(cursor, limit=10)) == [2]
    assert seqs(await ports.events.missed(ANN, cursor, limit=10)) == [2]
    assert (await ports.events.heads(cursor, limit=10)).heads == (Head(dialog, 2),)


async def test_heads_tell_where_something_happened_and_who_came(ports: Ports) -> None:
    cursor = await ports.events.latest()
    chat = Chat.over(ports)
    dialog = (await chat.dialogs.create(a_new_dialog(ANN, BO))).id
    await say(ports, dialog, "hello")

    found = await ports.events.heads(cursor, limit=100)
    pieces = [await ports.events.heads(cursor, limit=2)]
    pieces.append(await ports.events.heads(pieces[0].cursor, limit=2))

    log = await ports.events.of_dialog(dialog, after=0, limit=10)
    assert [(head.seq, head.joined) for head in found.heads] == [
        (one.seq, one.event.user_id if isinstance(one.event, ParticipantJoined) else None) for one in log
    ]
    assert {head.joined for head in found.heads} == {None, ANN, BO}
    assert found == Heads(found.heads, await ports.events.latest(), has_more=False)
    assert (pieces[0].heads + pieces[1].heads)[:4] == found.heads[:4]
    assert pieces[0].has_more
    chat.realtime.close()


async def test_several_dialogs_are_read_at_once_each_from_its_own_place(ports: Ports) -> None:
    first, second, other = [await open_dialog(ports, ANN) for _ in range(3)]
    for dialog in (first, second, other):
        await say(ports, dialog, "1", "2", "3")

    found = await ports.events.of_dialogs([(first, 1), (second, 2), (a_dialog_id(), 0)], limit=100)
    cut = await ports.events.of_dialogs([(first, 0), (second, 0)], limit=4)

    assert [one.seq for one in found if one.event.dialog_id == first] == [2, 3]
    assert [one.seq for one in found if one.event.dialog_id == second] == [3]
    assert len(found) == 3
    assert len(cut) == 4
    for dialog in (first, second):
        assert [one.seq for one in cut if one.event.dialog_id == dialog] in ([1, 2, 3], [1, 2], [1], [])
    assert await ports.events.of_dialogs([], limit=10) == ()


async def test_a_stretch_ends_where_its_texts_become_too_heavy(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    text = "\u0436" * 50_000
    fitting = promises.MOST_BYTES // len(text.encode())
    await say(ports, dialog, *(text for _ in range(fitting + 1)))

    for first in (
        await ports.events.stream(None, limit=1000),
        await ports.events.missed(ANN, the_beginning(await ports.events.latest()), limit=1000),
    ):
        assert seqs(first) == list(range(1, fitting + 1))
        assert first.has_more
        assert seqs(await ports.events.stream(first.cursor, limit=10)) == [fitting + 1]


def the_beginning(cursor: str) -> str:
    return str(Cursor(Cursor.read(cursor).history, 1))


@pytest.mark.parametrize(
    "junk",
    [
        "",
        "x",
        "memory:0",
        "a.b",
        "a.1.2",
        "a.-1",
        f"a.{2**64}",
        f"a.1.{'0' * 32}.{2**63}",
        "\u0661.\u0661",
        "a.1\n",
    ],
    ids=range(10),
)
async def test_a_cursor_that_is_none_is_refused_b39(ports: Ports, junk: str) -> None:
    for read in (
        ports.events.stream(junk, limit=1),
        ports.events.missed(ANN, junk, limit=1),
        ports.events.heads(junk, limit=1),
    ):
        with pytest.raises(EventCursorUnknown):
            await read


async def test_a_cursor_of_another_history_or_from_the_future_has_expired_g5(ports: Ports) -> None:
    now = Cursor.read(await ports.events.latest())

    for cursor in (Cursor("another", now.xid), Cursor(now.history, now.xid + 1_000_000)):
        for read in (
            ports.events.stream(str(cursor), limit=1),
            ports.events.missed(ANN, str(cursor), limit=1),
            ports.events.heads(str(cursor), limit=1),
        ):
            with pytest.raises(CursorExpired):
                await read


async def test_what_is_forgotten_is_gone_and_cursors_before_it_have_expired_g5(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    old = await ports.events.latest()
    await say(ports, dialog, "1", "2", "3")
    kept = await ports.events.latest()
    await say(ports, dialog, "4")
    never = START - timedelta(days=3650)
    always = (await ports.events.of_dialog(dialog, after=3, limit=1))[0].at + SECOND

    assert await ports.events.prune(never, limit=10) == 0
    assert seqs(await ports.events.stream(old, limit=10)) == [1, 2, 3, 4]
    assert await ports.events.prune(always, limit=2) == 2
    assert await ports.events.prune(always, limit=1) == 1

    for cursor in (old, the_beginning(kept)):
        with pytest.raises(CursorExpired):
            await ports.events.missed(ANN, cursor, limit=10)
    assert seqs(await ports.events.missed(ANN, kept, limit=10)) == [4]
    assert seqs(await ports.events.stream(None, limit=10)) == [4]
    [said] = await say(ports, dialog, "5")
    assert (await read(ports, dialog, after=0))[-1] == (5, MessageSent(dialog_id=dialog, message=said))
    assert await ports.events.prune(always + timedelta(days=3650), limit=10) == 2
    assert seqs(await ports.events.stream(None, limit=10)) == []


async def test_nothing_that_is_committed_stays_unsettled(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN)
    await say(ports, dialog, "hello")

    assert await ports.events.lag() == timedelta(0)


# What one person missed


async def missed(ports: Ports, user: UserId, cursor: str) -> list[str]:
    """Return the types of what a person missed, which is the same in pieces, and whether or not it is settled."""
    whole = await ports.events.missed(user, cursor, limit=100)
    assert not whole.has_more
    assert await ports.events.missed(user, cursor, limit=100, only_settled=False) == whole
    pieces = [await ports.events.missed(user, cursor, limit=1)]
    while pieces[-1].has_more:
        pieces.append(await ports.events.missed(user, pieces[-1].cursor, limit=1))
    assert [one for piece in pieces for one in piece.events] == list(whole.events)
    return types(whole)


async def test_a_person_missed_what_happened_in_their_dialogs_and_nothing_else_g5_g8(ports: Ports) -> None:
    mine, another = await open_dialog(ports, ANN, BO), await open_dialog(ports, BO)
    await say(ports, mine, "before")
    cursor = await ports.events.latest()

    await say(ports, mine, "one")
    await say(ports, another, "canary", by=BO)
    await say(ports, mine, "two", by=BO)

    found = await ports.events.missed(ANN, cursor, limit=100)
    assert [one.event.dialog_id for one in found.events] == [mine, mine]
    assert await missed(ports, ANN, cursor) == ["message.new", "message.new"]
    assert await missed(ports, CY, cursor) == []


async def test_other_peoples_own_business_is_not_missed_g8(ports: Ports) -> None:
    dialog = await open_dialog(ports, ANN, BO)
    [message] = await say(ports, dialog, "hello")
    cursor = await ports.events.latest()

    async with locked(ports, dialog) as tx:
        tx.record(
            DialogPinned(dialog_id=dialog, people=[BO]),
            DialogMuted(dialog_id=dialog, people=[ANN, BO]),
            DialogArchived(dialog_id=dialog, people=[BO]),
            NotificationPending(dialog_id=dialog, message=message, recipients=[Reminded(ANN, 1)]),
            NotificationCancelled(dialog_id=dialog, people=[ANN]),
            MessageRead(dialog_id=dialog, user_id=BO, message_id=message.id),
        )

    assert await missed(ports, ANN, cursor) == ["dialog.muted", "message.read"]
    assert await missed(ports, BO, cursor) == ["dialog.pinned", "dialog.muted", "dialog.archived", "message.read"]
    assert len((await ports.events.stream(cursor, limit=10)).events) == 6


async def test_who_came_missed_what_followed_and_nothing_from_before_g5(ports: Ports) -> None:
    chat = Chat.over(ports)
    dialog = (await chat.dialogs.create(a_new_dialog(ANN, scopes=[PLANNERS]))).id
    cursor = await ports.events.latest()
    await say(ports, dialog, "before")
    await chat.participants.join(dialog, BO, A_PLANNER, a_profile())
    await say(ports, dialog, "after")

    assert await missed(ports, BO, cursor) == ["participant.joined", "message.new"]
    assert await missed(ports, ANN, cursor) == ["message.new", "message.new", "participant.joined", "message.new"]
    chat.realtime.close()


async def test_who_left_missed_that_they_left_g5_g9(ports: Ports) -> None:
    chat = Chat.over(ports)
    left, removed, deleted = [(await chat.dialogs.create(a_new_dialog(ANN, BO))).id for _ in range(3)]
    cursor = await ports.events.latest()

    await say(ports, left, "before")
    await chat.participants.leave(left, BO)
    await say(ports, left, "canary")
    await chat.participants.remove(removed, BO)
    await chat.dialogs.delete(deleted)

    assert await missed(ports, BO, cursor) == ["participant.left", "participant.left", "dialog.deleted"]
    assert await missed(ports, CY, cursor) == []
    chat.realtime.close()


async def test_who_left_and_came_back_missed_their_last_stay_g5(ports: Ports) -> None:
    chat = Chat.over(ports)
    dialog = (await chat.dialogs.create(a_new_dialog(ANN, BO))).id
    cursor = await ports.events.latest()
    await say(ports, dialog, "first stay")
    await chat.participants.remove(dialog, BO)
    await say(ports, dialog, "canary")
    await chat.participants.add(dialog, [an_invitation(BO)])
    await say(ports, dialog, "second stay")
    later = await ports.events.latest()
    await say(ports, dialog, "after all")

    assert await missed(ports, BO, cursor) == ["participant.joined", "message.new", "message.new"]
    assert await missed(ports, BO, later) == ["message.new"]
    chat.realtime.close()


async def test_a_message_that_was_deleted_since_is_missed_without_its_text(ports: Ports) -> None:
    chat = Chat.over(ports)
    dialog = (await chat.dialogs.create(a_new_dialog(ANN, BO))).id
    cursor = await ports.events.latest()
    doomed = await chat.messages.send(ANN, dialog, Draft("secret"))
    await chat.messages.delete(ANN, dialog, doomed.id)

    found = await ports.events.missed(BO, cursor, limit=10)
    told = await chat.events.of_person(BO, cursor, limit=10)

    assert [type(one.event) for one in found.events] == [Withdrawn, MessageDeleted]
    assert types(told) == ["message.deleted"]
    assert types(await chat.events.of_everybody(cursor, limit=10)) == ["message.deleted"]
    assert "secret" not in repr(found)
    chat.realtime.close()
