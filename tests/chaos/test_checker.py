"""The checker objects to what it is there for: each test plants one violation in a history that is well."""

from datetime import UTC, datetime

import pytest
from attrs import evolve

from tests.chaos.checker import Verdict, judge
from tests.chaos.final import Final, Kept, Logged, Standing
from tests.chaos.history import Call, Connection, Frame, History, Resumed

D, OTHER = "dialog-1", "dialog-2"
NAMES = {"d1": D, "d2": OTHER}


def moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def a_send(by: str, id_: str, seq: int, at: float, key: str | None = None) -> Call:
    text = f"canary-d1-{seq}"
    answer = {"id": id_, "seq": seq}
    return Call(by, "send", D, at - 0.1, at + 0.1, [200], content=text, key=key, answer=answer)


def a_page(by: str, *shown: tuple[str, int], at: float) -> Call:
    page = [{"id": id_, "seq": seq, "sent_at": moment(10.0 + seq).isoformat()} for id_, seq in shown]
    return Call(by, "page", D, at, at + 0.1, [200], answer=page, seen=frozenset({"d1"}))


@pytest.fixture
def history() -> History:
    """Ann and Bo talk; Cy was there for the first message alone."""
    return History(
        names=NAMES,
        calls=[
            a_send("ann", "m1", 1, 11.0, key="k"),
            Call("host", "remove", D, 11.2, 11.4, [204], target="cy"),
            a_send("bo", "m2", 2, 12.0),
            a_send("ann", "m3", 3, 13.0),
            Call("bo", "delete", D, 13.4, 13.6, [204], target="m2"),
            a_page("ann", ("m1", 1), ("m3", 3), at=15.0),
            Call("bo", "send", D, 16.0, 16.1, [403], content="canary-d1-9"),
        ],
        connections=[
            Connection(
                "bo",
                9.5,
                [
                    Frame("message.new", D, 4, frozenset({"d1"})),
                    Frame("participant.left", D, 5),
                    Frame("message.new", D, 6, frozenset({"d1"})),
                    Frame("message.new", D, 7, frozenset({"d1"})),
                    Frame("message.deleted", D, 8),
                ],
                lasted=True,
            ),
            Connection(
                "cy", 10.5, [Frame("message.new", D, 4, frozenset({"d1"})), Frame("participant.left", D, 5)]
            ),
        ],
    )


@pytest.fixture
def final() -> Final:
    """What the database holds after it."""
    return Final(
        messages={
            "m1": Kept("m1", D, 1, "ann", "k", "canary-d1-1", moment(11.0)),
            "m3": Kept("m3", D, 3, "ann", None, "canary-d1-3", moment(13.0)),
        },
        deleted={"m2": Kept("m2", D, 2, "bo")},
        numbers={D: (3, 8)},
        log={
            D: [
                *(
                    Logged(seq, "participant.joined", 9.0, user=user, joined_as="participant")
                    for seq, user in enumerate(("ann", "bo", "cy"), 1)
                ),
                Logged(4, "message.new", 11.0, "m1"),
                Logged(5, "participant.left", 11.3, user="cy"),
                Logged(6, "message.new", 12.0, "m2"),
                Logged(7, "message.new", 13.0, "m3"),
                Logged(8, "message.deleted", 13.5, "m2"),
            ]
        },
        people={(D, "ann"): Standing(3, False, 0), (D, "bo"): Standing(2, False, 1)},
        told={(D, "ann"): 0, (D, "bo"): 1},
    )


def test_what_is_well_is_left_alone(history: History, final: Final) -> None:
    assert judge(history, final).violations() == []


def test_an_answered_message_that_is_not_there_is_lost_g1(history: History, final: Final) -> None:
    history.calls.append(a_send("bo", "m4", 4, 14.0))

    assert len(judge(history, final).lost) == 1


def test_an_answered_message_whose_text_is_another_is_lost_g1(history: History, final: Final) -> None:
    final.messages["m1"] = evolve(final.messages["m1"], content="something else")

    assert len(judge(history, final).lost) == 1


@pytest.mark.parametrize(
    "call",
    [
        Call("ann", "edit", D, 14.0, 14.1, [200], content="canary-d1-77", target="m1"),
        Call("ann", "delete", D, 14.0, 14.1, [204], target="m1"),
        Call("bo", "read", D, 14.0, 14.1, [200], target="m3"),
        Call("cy", "join", D, 14.0, 14.1, [200]),
        Call("ann", "leave", D, 14.0, 14.1, [200]),
    ],
    ids=lambda call: call.action,
)
def test_any_other_answered_change_that_is_not_there_is_lost_g1(
    history: History, final: Final, call: Call
) -> None:
    history.calls.append(call)

    assert len(judge(history, final).lost) == 1


def test_what_nobody_answered_may_be_there_or_not_g1(history: History, final: Final) -> None:
    history.calls.append(Call("bo", "send", D, 14.0, 14.1, [0, 503], content="canary-d1-8", key="lost"))

    assert judge(history, final).violations() == []


def test_one_key_with_two_messages_is_doubled_g3(history: History, final: Final) -> None:
    final.deleted["m2"] = evolve(final.deleted["m2"], sender="ann", key="k")

    assert judge(history, final).doubled


def test_one_text_with_two_messages_is_doubled_g3(history: History, final: Final) -> None:
    final.messages["m3"] = evolve(final.messages["m3"], content="canary-d1-1")

    assert judge(history, final).doubled


def test_one_key_answered_with_two_messages_is_doubled_g3(history: History, final: Final) -> None:
    again = a_send("ann", "m3", 1, 14.0, key="k")
    history.calls.append(again)

    assert judge(history, final).doubled


def test_what_was_refused_and_is_there_is_found_g2(history: History, final: Final) -> None:
    final.wordings["m3"] = ["canary-d1-3"]
    final.messages["m3"] = evolve(final.messages["m3"], content="canary-d1-9")

    assert judge(history, final).kept_anyway


def _gap_in_messages(final: Final) -> None:
    final.messages["m3"] = evolve(final.messages["m3"], seq=4)


def _ids_against_seq(final: Final) -> None:
    final.messages["m0"] = evolve(final.messages.pop("m3"), id="m0")


def _time_goes_back(final: Final) -> None:
    final.messages["m3"] = evolve(final.messages["m3"], sent_at=moment(10.0))


def _gap_in_events(final: Final) -> None:
    del final.log[D][2]


def _unannounced(final: Final) -> None:
    final.log[D][3] = Logged(4, "dialog.updated", 11.0)


def _late_transaction(final: Final) -> None:
    final.log[D][2:] = [evolve(row, xid=7) for row in final.log[D][2:]]
    final.log[D][1] = evolve(final.log[D][1], xid=8)


@pytest.mark.parametrize(
    "plant",
    [_gap_in_messages, _ids_against_seq, _time_goes_back, _gap_in_events, _unannounced, _late_transaction],
)
def test_numbers_that_disagree_are_out_of_order_g4(history: History, final: Final, plant: object) -> None:
    assert callable(plant)
    plant(final)

    assert judge(history, final).disordered


@pytest.mark.parametrize(
    "page",
    [
        a_page("ann", ("m3", 3), ("m1", 1), at=15.0),
        a_page("ann", ("m1", 3), at=15.0),
        a_page("ann", ("m1", 1), at=15.0),
        a_page("ann", ("m1", 1), ("m0", 2), ("m3", 3), at=15.0),
    ],
    ids=["backwards", "another number", "older than what was answered", "a message nobody kept"],
)
def test_a_page_that_disagrees_is_out_of_order_g4(history: History, final: Final, page: Call) -> None:
    history.calls.append(page)

    assert judge(history, final).disordered


def test_a_page_with_a_hole_is_out_of_order_g4(history: History, final: Final) -> None:
    final.messages["m2"] = evolve(final.deleted.pop("m2"), content="canary-d1-2", sent_at=moment(12.0))
    history.calls.pop(4)
    del final.log[D][7]
    final.numbers[D] = (3, 7)
    history.connections.clear()
    final.people[D, "bo"] = Standing(2, False, 1)

    assert [one for one in judge(history, final).disordered if "hole" in one]


def test_a_send_that_overtakes_an_answered_one_is_out_of_order_g4(history: History, final: Final) -> None:
    history.calls[2].began, history.calls[2].ended = 13.2, 13.3

    assert [one for one in judge(history, final).disordered if "overtook" in one]


def _frames(history: History, *frames: Frame) -> None:
    history.connections[0].frames[:] = frames


def test_a_socket_that_hears_twice_or_backwards_is_out_of_order_g4(history: History, final: Final) -> None:
    frames = history.connections[0].frames
    _frames(history, *frames, frames[-1])

    assert judge(history, final).disordered


@pytest.mark.parametrize("left_out", [0, 1, 3], ids=["the first", "a departure", "a message"])
def test_a_silent_hole_is_missed_g5(history: History, final: Final, left_out: int) -> None:
    del history.connections[0].frames[left_out]

    assert judge(history, final).missed


def test_last_words_that_do_not_come_are_missed_g5(history: History, final: Final) -> None:
    _frames(history, *history.connections[0].frames[:3])

    assert len(judge(history, final).missed) == 1


def test_a_message_deleted_before_it_could_be_fetched_is_not_missed_g5(history: History, final: Final) -> None:
    del history.connections[0].frames[2]

    assert judge(history, final).violations() == []


def _torn(history: History, *, heard: int, greeted_at: float, again_from: int) -> Connection:
    """Tear bo's connection after so many frames; the one that goes on is sent those from a place in the list."""
    first = history.connections[0]
    frames = list(first.frames)
    first.frames[:], first.lasted = frames[:heard], False
    resumed = Resumed(first, 11.1)
    went_on = Connection("bo", greeted_at, frames[again_from:], lasted=again_from < 4, resumed=resumed)
    history.connections.append(went_on)
    return went_on


@pytest.mark.parametrize("again_from", [1, 2], ids=["with one of them again", "with what was missed"])
def test_a_connection_that_goes_on_where_another_ended_is_well_g5(
    history: History, final: Final, again_from: int
) -> None:
    _torn(history, heard=2, greeted_at=13.2, again_from=again_from)

    assert judge(history, final).violations() == []


@pytest.mark.parametrize("again_from", [3, 4])
def test_a_hole_between_a_cursor_and_the_connection_that_goes_on_from_it_is_missed_g5(
    history: History, final: Final, again_from: int
) -> None:
    _torn(history, heard=1, greeted_at=13.2, again_from=again_from)

    missed = judge(history, final).missed

    # The message that was deleted meanwhile may be left out.
    assert len(missed) == again_from - 2


def test_who_starts_afresh_has_missed_nothing_silently_g5(history: History, final: Final) -> None:
    _torn(history, heard=1, greeted_at=13.2, again_from=4).resumed = None

    assert judge(history, final).violations() == []


def test_what_comes_again_on_the_same_connection_is_out_of_order_g5(history: History, final: Final) -> None:
    went_on = _torn(history, heard=2, greeted_at=13.2, again_from=2)
    went_on.frames.insert(1, went_on.frames[0])

    assert judge(history, final).disordered


@pytest.mark.parametrize(
    ("back_at", "told", "holes"),
    [(11.5, True, 0), (11.5, False, 1), (19.5, False, 0)],
    ids=["told of it", "not told of it", "in again"],
)
def test_who_was_removed_while_away_is_told_so_and_no_more_g5(
    history: History, final: Final, back_at: float, told: bool, holes: int
) -> None:
    cy, log = history.connections[1], final.log[D]
    cy.frames[:] = []
    log.append(Logged(9, "participant.joined", 19.0, user="cy", joined_as="participant"))
    log.append(Logged(10, "message.read", 19.2, "m1", user="ann"))
    final.numbers[D] = (3, 10)
    final.people[D, "cy"] = Standing(3, False, 0)
    frames = [Frame("participant.left", D, 5), Frame("participant.joined", D, 9), Frame("message.read", D, 10)]
    resumed = Resumed(cy, 10.5)
    history.connections.append(Connection("cy", back_at, frames if told else frames[1:], resumed=resumed))

    missed = judge(history, final).missed

    assert len(missed) == holes


def test_who_came_and_went_twice_while_away_is_told_of_both_goings_and_no_more_g5(
    history: History, final: Final
) -> None:
    cy, log = history.connections[1], final.log[D]
    cy.frames[:] = []
    log.append(Logged(9, "participant.joined", 19.0, user="cy", joined_as="participant"))
    log.append(Logged(10, "message.read", 19.2, "m1", user="ann"))
    log.append(Logged(11, "participant.left", 19.4, user="cy"))
    final.numbers[D] = (3, 11)
    frames = [Frame("participant.left", D, 5), Frame("participant.left", D, 11)]
    history.connections.append(Connection("cy", 19.5, frames, resumed=Resumed(cy, 10.5)))

    assert judge(history, final).missed == []


def test_a_reminder_is_nothing_a_socket_hears_g12(history: History, final: Final) -> None:
    final.log[D].append(Logged(9, "notification.pending", 14.0, "m3", reminded={"bo": 1}))
    final.numbers[D] = (3, 9)
    silent = judge(history, final).violations()
    history.connections[0].frames.append(Frame("notification.pending", D, 9))

    assert silent == []
    assert len(judge(history, final).leaked) == 1


def test_an_answer_with_a_text_for_somebody_who_has_left_is_a_leak_g8(history: History, final: Final) -> None:
    history.calls.append(Call("cy", "list", "", 11.5, 11.6, [200], seen=frozenset({"d1"})))

    assert len(judge(history, final).leaked) == 1


def test_an_answer_while_somebody_was_leaving_is_no_leak_g8(history: History, final: Final) -> None:
    history.calls.append(Call("cy", "list", "", 11.3, 11.6, [200], seen=frozenset({"d1"})))

    assert judge(history, final).leaked == []


def test_an_answer_to_a_stranger_is_a_leak_g8(history: History, final: Final) -> None:
    history.calls.append(Call("eve", "list", "", 11.5, 11.6, [200], seen=frozenset({"d1"})))

    assert len(judge(history, final).leaked) == 1


@pytest.mark.parametrize(
    "frame",
    [
        Frame("message.new", D, 6, frozenset({"d1"})),
        Frame("message.new", D, 9, frozenset({"d1"})),
        Frame("participant.left", D, 5, frozenset({"d2"})),
    ],
    ids=["after leaving", "not in the log", "a text of another dialog"],
)
def test_a_frame_that_should_not_have_come_is_a_leak_g8(history: History, final: Final, frame: Frame) -> None:
    if frame.seq == 5:
        history.connections[1].frames.pop()
    history.connections[1].frames.append(frame)

    assert len(judge(history, final).leaked) == 1


def test_a_text_in_the_log_is_a_leak_g20(history: History, final: Final) -> None:
    history.logged = '{"event":"request","body":"canary-d1-1"}'

    assert len(judge(history, final).leaked) == 1


def test_unread_counts_that_drift_are_miscounted_g7(history: History, final: Final) -> None:
    final.told[D, "bo"] = 2
    by_answer = judge(history, final).miscounted
    final.told[D, "bo"], final.people[D, "bo"] = 1, Standing(2, False, 0)
    by_tables = judge(history, final).miscounted

    assert (len(by_answer), len(by_tables)) == (1, 1)


def test_people_and_archives_that_drift_are_miscounted_g7(history: History, final: Final) -> None:
    final.people[D, "bo"] = Standing(2, True, 1)
    archive = judge(history, final).miscounted
    del final.people[D, "bo"]
    people = judge(history, final).miscounted

    assert (len(archive), len(people)) == (1, 1)


def test_a_failure_is_a_violation_and_unavailability_is_not_g17(history: History, final: Final) -> None:
    history.calls.append(Call("bo", "unread", D, 14.0, 14.1, [503]))
    history.calls.append(Call("bo", "unread", D, 14.0, 14.1, [500]))

    assert judge(history, final) == Verdict(failed=["unread was answered with 500"])
