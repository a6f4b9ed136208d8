"""The checker objects to webhooks that are not as promised: each test plants one violation in what is well."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve

from tests.chaos.final import Final, Kept, Logged
from tests.chaos.history import History, Post
from tests.chaos.webhooks import judge_webhooks, unreminded

D, OTHER, SECRET = "dialog-1", "dialog-2", "a secret"


def signed(body: bytes) -> str:
    return "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


def a_post(id_: str, event: str, at: float, *, status: int = 200, **payload: object) -> Post:
    body = json.dumps({"id": id_, "type": event, "payload": {"dialog_id": D, **payload}}).encode()
    return Post(at, id_, event, signed(body), body, status)


def of_message(number: int, seq: int, at: float, *, status: int = 200) -> Post:
    message = {"id": f"m{number}", "content": f"canary-d1-{number}"}
    return a_post(f"w{seq}", "message.new", at, status=status, seq=seq, message=message)


def a_reminder(user: str, unread: int, at: float, *, number: int = 3, seq: int = 8) -> Post:
    message = {"id": f"m{number}", "content": f"canary-d1-{number}"}
    told: dict[str, Any] = {"message": message, "recipient_id": user, "unread_count": unread}
    return a_post(f"w{seq}-{user}", "notification.pending", at, seq=seq, **told)


@pytest.fixture
def history() -> History:
    """Ann, Bo and Cy; Cy joined by himself. The second message failed three times, and came after the third."""
    return History(
        names={"d1": D, "d2": OTHER},
        posts=[
            of_message(1, 3, 11.1),
            of_message(2, 4, 12.1, status=500),
            of_message(2, 4, 12.2, status=0),
            of_message(2, 4, 12.3, status=429),
            a_post("w6", "participant.joined", 12.6, seq=6, user_id="cy"),
            of_message(2, 4, 13.4),
            of_message(3, 7, 13.5),
            a_reminder("bo", 1, 15.1),
            a_reminder("cy", 3, 15.1),
        ],
        webhook_secret=SECRET,
        reminds_after=(2.0, 4.0),
    )


@pytest.fixture
def final() -> Final:
    return Final(
        messages={"s": Kept("s", D, 4, None, None, "Cy joined.", datetime.fromtimestamp(12.5, UTC))}
        | {
            f"m{n}": Kept(f"m{n}", D, n, who, None, f"canary-d1-{n}", datetime.fromtimestamp(10.0 + n, UTC))
            for n, who in ((1, "ann"), (2, "bo"), (3, "ann"))
        },
        log={
            D: [
                *(
                    Logged(seq, "participant.joined", 9.0, user=user, joined_as="participant", origin="management")
                    for seq, user in enumerate(("ann", "bo"), 1)
                ),
                Logged(3, "message.new", 11.0, "m1", origin="chat"),
                Logged(4, "message.new", 12.0, "m2", origin="chat"),
                Logged(5, "message.new", 12.5, "s", origin="chat"),
                Logged(6, "participant.joined", 12.5, user="cy", joined_as="joined", origin="chat"),
                Logged(7, "message.new", 13.0, "m3", origin="chat"),
                Logged(8, "notification.pending", 15.0, "m3", reminded={"bo": 1, "cy": 3}),
            ]
        },
    )


def test_what_is_well_is_left_alone(history: History, final: Final) -> None:
    told = judge_webhooks(history, final)

    assert [*told.doubled, *told.disordered, *told.leaked, *told.untold, *told.mistold] == []


def test_coming_again_with_the_same_bytes_is_well_g11(history: History, final: Final) -> None:
    history.posts.append(evolve(history.posts[0], at=16.0))

    test_what_is_well_is_left_alone(history, final)


@pytest.mark.parametrize(
    "left_out", [0, 4, 5, 8], ids=["a message", "a joining", "the last attempt", "a reminder"]
)
def test_what_never_arrived_is_untold_g11(history: History, final: Final, left_out: int) -> None:
    del history.posts[left_out]

    assert len(judge_webhooks(history, final).untold) == 1


def test_a_deleted_message_need_not_arrive_g11(history: History, final: Final) -> None:
    final.deleted["m1"] = evolve(final.messages.pop("m1"), content=None, sent_at=None)
    final.log[D][7].reminded["cy"] = 2
    del history.posts[0]

    assert judge_webhooks(history, final).untold == []


@pytest.mark.parametrize(
    "after",
    [
        Logged(9, "message.read", 15.2, "m3", user="cy"),
        Logged(9, "participant.left", 15.2, user="cy"),
        Logged(9, "dialog.muted", 15.2, people=frozenset({"cy"})),
    ],
    ids=lambda row: row.type,
)
def test_a_reminder_that_is_pointless_by_now_need_not_arrive_f15(
    history: History, final: Final, after: Logged
) -> None:
    del history.posts[8]
    final.log[D].append(after)

    assert judge_webhooks(history, final).untold == []


def test_one_event_under_two_ids_is_doubled_g11(history: History, final: Final) -> None:
    history.posts.append(a_post("w9", "participant.joined", 16.0, seq=6, user_id="cy"))

    assert len(judge_webhooks(history, final).doubled) == 1


def test_one_id_with_two_bodies_is_doubled_g11(history: History, final: Final) -> None:
    history.posts.append(a_post("w6", "participant.joined", 16.0, seq=6, user_id="cy", more=1))

    assert len(judge_webhooks(history, final).doubled) == 1


def test_overtaking_what_has_not_failed_three_times_is_out_of_order_g11(history: History, final: Final) -> None:
    del history.posts[2]

    assert len(judge_webhooks(history, final).disordered) == 1


def test_overtaking_what_was_never_tried_is_out_of_order_g11(history: History, final: Final) -> None:
    history.posts[0] = evolve(history.posts[0], at=12.15)

    assert len(judge_webhooks(history, final).disordered) == 1


def test_overtaking_what_may_have_failed_unseen_is_well_g11(history: History, final: Final) -> None:
    del history.posts[2]
    history.absences.append((12.15, 12.25))

    assert judge_webhooks(history, final).disordered == []


def test_another_secret_is_mistold_g11(history: History, final: Final) -> None:
    history.posts[0] = evolve(history.posts[0], signature="sha256=00")

    assert len(judge_webhooks(history, final).mistold) == 1


@pytest.mark.parametrize(
    "post",
    [
        of_message(4, 9, 16.0),
        of_message(1, 5, 16.0),
        of_message(4, 3, 11.1),
        a_post("w1", "participant.joined", 16.0, seq=1, user_id="ann"),
        a_post("w6", "participant.joined", 12.6, seq=6, user_id="bo"),
        a_post("w6", "participant.joined", 12.6, user_id="cy"),
        a_reminder("ann", 1, 16.0),
        a_reminder("bo", 2, 16.0),
        a_reminder("bo", 1, 16.0, number=2),
    ],
    ids=[
        "not in the log",
        "at another number",
        "another message",
        "what the host did",
        "another person",
        "without a number",
        "a reminder for nobody in it",
        "another count",
        "a reminder of another message",
    ],
)
def test_what_is_not_so_is_mistold_g11(history: History, final: Final, post: Post) -> None:
    history.posts.append(post)

    assert judge_webhooks(history, final).mistold


def test_a_text_that_nobody_said_is_mistold_g11(history: History, final: Final) -> None:
    final.messages["m1"] = evolve(final.messages["m1"], content="canary-d1-77")

    assert len(judge_webhooks(history, final).mistold) == 1


def test_a_text_of_another_dialog_is_a_leak_g8(history: History, final: Final) -> None:
    history.posts.append(a_post("w6", "participant.joined", 12.7, seq=6, user_id="cy", title="canary-d2-1"))

    assert len(judge_webhooks(history, final).leaked) == 1


@pytest.mark.parametrize(("at", "early"), [(14.4, 2), (15.0, 0)], ids=["before the delay", "after it"])
def test_a_reminder_before_its_delay_is_mistold_g12(history: History, final: Final, at: float, early: int) -> None:
    final.log[D][7] = evolve(final.log[D][7], at=at)

    assert len(judge_webhooks(history, final).mistold) == early


def test_a_reminder_may_come_at_the_longest_delay_although_people_talk_g12(history: History, final: Final) -> None:
    history.reminds_after = (2.0, 3.5)
    final.log[D][7] = evolve(final.log[D][7], at=14.5, reminded={"cy": 3})
    del history.posts[7]

    assert judge_webhooks(history, final).mistold == []


@pytest.mark.parametrize(
    "reminded",
    [{"ann": 1, "bo": 1, "cy": 3}, {"bo": 2, "cy": 3}, {"bo": 1, "cy": 3, "eve": 1}],
    ids=["who has nothing unread", "another count", "who is not in"],
)
def test_a_reminder_of_what_is_not_so_is_mistold_g12(
    history: History, final: Final, reminded: dict[str, int]
) -> None:
    final.log[D][7] = evolve(final.log[D][7], reminded=reminded)

    assert judge_webhooks(history, final).mistold


def test_two_reminders_of_the_same_are_mistold_g12(history: History, final: Final) -> None:
    final.log[D].append(evolve(final.log[D][7], seq=9, at=17.0, reminded={"bo": 1}))

    assert len(judge_webhooks(history, final).mistold) == 1


def test_who_was_not_reminded_of_the_last_words_is_untold_g12(history: History, final: Final) -> None:
    del final.log[D][7]
    del history.posts[7:]

    assert unreminded(final, D) == ["bo", "cy"]
    assert len(judge_webhooks(history, final).untold) == 2


@pytest.mark.parametrize(
    "after",
    [
        Logged(8, "message.read", 13.2, "m3", user="bo"),
        Logged(8, "dialog.muted", 13.2, people=frozenset({"bo"})),
        Logged(8, "participant.left", 13.2, user="bo"),
    ],
    ids=lambda row: row.type,
)
def test_who_has_read_left_or_wants_none_need_not_be_reminded_g12(final: Final, after: Logged) -> None:
    final.log[D][7] = after

    assert unreminded(final, D) == ["cy"]
