"""Places in the log as opaque text."""

from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mtchat_core.domain.cursors import Cursor, EventCursorUnknown
from mtchat_core.domain.ids import DialogId

CURSORS = st.builds(
    Cursor,
    st.from_regex(r"[0-9a-z-]{1,60}", fullmatch=True),
    st.integers(0, 2**64 - 1),
    st.uuids().map(DialogId),
    st.integers(1, 2**63 - 1),
)


@given(cursor=CURSORS)
def test_a_cursor_comes_back_as_it_was_written(cursor: Cursor) -> None:
    between = Cursor(cursor.history, cursor.xid)

    assert Cursor.read(str(cursor)) == cursor
    assert Cursor.read(str(between)) == between


@given(text=st.text() | st.from_regex(r"[0-9a-z-]{1,3}\.[0-9]+(\.[0-9a-f]{32}\.[0-9]+)?"))
@example(text="a.1\n")
@example(text=f"a.{2**64}")
@example(text=f"a.1.{UUID(int=1).hex}.{2**63}")
@example(text="a.1" + "0" * 5000)
def test_whatever_is_read_is_a_cursor_or_refused_b39(text: str) -> None:
    try:
        cursor = Cursor.read(text)
    except EventCursorUnknown:
        return
    assert cursor.xid < 2**64
    assert cursor.seq < 2**63


@pytest.mark.parametrize("text", ["", ".", "a", "a.", ".1", "A.1", "a.1.2", "a.1.2.3", "\u0661.1", "a.\u0661"])
def test_what_is_no_cursor_is_refused_b39(text: str) -> None:
    with pytest.raises(EventCursorUnknown):
        Cursor.read(text)
