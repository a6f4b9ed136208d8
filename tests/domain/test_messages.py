"""What people say."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtchat_core.domain.errors import BadRequest, InvalidInput
from mtchat_core.domain.ids import MessageId, UserId
from mtchat_core.domain.messages import (
    Direction,
    Draft,
    Message,
    NotMessageAuthor,
    Window,
    first_unread,
    idempotency_key,
    require_visible,
)
from mtchat_core.domain.receipts import ReadMark
from tests.builders import ANN, BO, SECOND, START, a_message, a_message_id


def a_page(*authors: UserId | None) -> list[Message]:
    return [a_message(by=by, seq=seq) for seq, by in enumerate(authors, start=1)]


def first(page: list[Message], mark: ReadMark, unread: int = 1) -> int | None:
    found = first_unread(page, reader=ANN, mark=mark, unread=unread)
    return next((message.seq for message in page if message.id == found), None)


def test_the_first_unread_message_is_the_first_by_somebody_else_after_the_mark() -> None:
    page = a_page(BO, ANN, BO, None, ANN, BO)

    assert first(page, ReadMark(seq=1)) == 3
    assert first(page, ReadMark(seq=3)) == 6
    assert first(page, ReadMark(seq=6)) is None


def test_nothing_is_first_when_nothing_is_unread() -> None:
    assert first(a_page(BO, BO), ReadMark(), unread=0) is None
    assert first([], ReadMark()) is None


def test_a_newcomers_history_begins_with_whatever_is_there() -> None:
    assert first(a_page(None, BO), ReadMark(counted=-1)) == 1
    assert first(a_page(ANN, BO), ReadMark(counted=-1)) == 1


def test_somebody_added_to_an_empty_dialog_has_no_unread_history() -> None:
    assert first(a_page(None, BO), ReadMark()) == 2


@given(st.lists(st.sampled_from([ANN, BO, None]), max_size=8), st.integers(1, 9))
def test_the_first_unread_message_agrees_with_counting(authors: list[UserId | None], read: int) -> None:
    page = a_page(*authors)
    unread = [message.seq for message in page if message.seq > read and message.sender_id == BO]

    assert first(page, ReadMark(seq=read), len(unread)) == (unread[0] if unread else None)


def test_only_the_author_may_touch_a_message() -> None:
    a_message(by=ANN).require_author(ANN)

    for message in (a_message(by=BO), a_message(by=UserId("Ann")), a_message(by=None)):
        with pytest.raises(NotMessageAuthor) as refusal:
            message.require_author(ANN)
        assert refusal.value.message.startswith("Forbidden")


def test_editing_changes_the_content_and_says_when() -> None:
    message = a_message(content="typo", at=START)

    edited = message.edited("fixed", at=START + SECOND)

    assert (edited.content, edited.last_edited_at) == ("fixed", START + SECOND)
    assert (edited.id, edited.seq, edited.sent_at, message.content) == (message.id, 1, START, "typo")


def test_a_fingerprint_tells_drafts_apart() -> None:
    target = a_message_id()
    drafts = [Draft("a"), Draft("b"), Draft("a", reply_to=target), Draft(""), Draft(f"{target}\na"), Draft("я")]

    assert all(len(draft.fingerprint()) == 16 for draft in drafts)
    assert len({draft.fingerprint() for draft in drafts}) == len(drafts)
    assert Draft("a", target, "k").fingerprint() == Draft("a", target, "another").fingerprint()


@pytest.mark.parametrize("key", ["k", "!~", "x" * 255, "a:b/c"])
def test_a_key_is_visible_ascii(key: str) -> None:
    assert idempotency_key(key) == key


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "я", "a\n", "\x00", "a\x7f", "é"])
def test_another_key_is_refused_b66(key: str) -> None:
    with pytest.raises(BadRequest):
        idempotency_key(key)


@pytest.mark.parametrize("content", ["", " ", "<p></p>", "<p><br></p>", "&nbsp;", "<p>\u200b</p>"])
def test_a_message_has_to_show_something(content: str) -> None:
    with pytest.raises(InvalidInput):
        require_visible(content)


def test_a_visible_message_is_left_alone() -> None:
    assert require_visible("<p> x </p>") == "<p> x </p>"


@pytest.mark.parametrize(("asked", "given_limit"), [(-1, 1), (0, 1), (1, 1), (100, 100), (101, 100), (10**9, 100)])
def test_a_page_holds_1_to_100_messages_b38(asked: int, given_limit: int) -> None:
    assert Window(limit=asked).limit == given_limit


def test_a_page_around_shows_half_of_it_before() -> None:
    windows = [Window(Direction.AROUND, MessageId(a_message_id()), limit) for limit in (1, 2, 3, 50)]

    assert [window.before for window in windows] == [0, 1, 1, 25]
    assert all(a.before <= b.before for a, b in itertools.pairwise(windows))
