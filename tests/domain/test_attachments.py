"""What may be a file, what it is called, and how far it is trusted."""

import re
from uuid import UUID

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from mtchat_core.domain.attachments import (
    DRAWABLE,
    KINDS,
    MAX_BYTES,
    MAX_FILENAME,
    FileClaim,
    FileKind,
    FileState,
    FileTooLarge,
    UnsupportedFileType,
    clean_filename,
    object_key,
    require_claims,
    require_key,
    require_size,
    require_type,
    thumbnail_key,
)
from mtchat_core.domain.errors import BadRequest, InvalidInput
from mtchat_core.domain.ids import DialogId
from tests.builders import a_dialog_id, an_attachment

DIALOG = DialogId(UUID("0197c0de-0000-7000-8000-0000000000a1"))
ANOTHER = "0197c0de-0000-7000-8000-0000000000a2"
"""Written out: tests on two cores have to be called the same on both."""


@given(st.text(max_size=300))
def test_a_clean_name_is_one_line_without_folders_and_stays_as_it_is_b57(filename: str) -> None:
    try:
        clean = clean_filename(filename)
    except InvalidInput:
        return

    assert 1 <= len(clean) <= MAX_FILENAME
    assert clean == clean.strip()
    assert not re.search(r"[\x00-\x1f\x7f-\x9f/\\\u202a-\u202e\u2066-\u2069]", clean)
    assert clean not in (".", "..")
    assert clean_filename(clean) == clean


@given(st.text(max_size=50))
def test_a_key_holds_nothing_of_the_name_but_a_harmless_extension_b54(filename: str) -> None:
    id_ = a_dialog_id()

    key = object_key(DIALOG, id_, filename)

    assert re.fullmatch(rf"dialogs/{DIALOG}/{id_}\.[a-z0-9]{{1,16}}", key)
    assert require_key(key, DIALOG) == key
    assert require_key(thumbnail_key(key), DIALOG) == f"{key}.thumbnail.webp"


@pytest.mark.parametrize(
    "key",
    [
        "",
        f"/dialogs/{DIALOG}/a",
        f"dialogs/{DIALOG}",
        f"dialogs/{DIALOG}/../a",
        f"dialogs/{DIALOG}/%2E%2e/a",
        f"dialogs/{DIALOG}/a\x00",
        f"dialogs/{DIALOG}/a\ud800",
        f"dialogs/{ANOTHER}/a",
        f"dialogs/{DIALOG}/{'a' * 512}",
    ],
)
def test_a_key_that_leads_elsewhere_is_refused_b54(key: str) -> None:
    with pytest.raises(InvalidInput):
        require_key(key, DIALOG)


def test_every_kind_has_types_and_what_is_drawn_is_an_image() -> None:
    assert set(KINDS.values()) == set(FileKind)
    assert {KINDS[content_type] for content_type in DRAWABLE} == {FileKind.IMAGE}


@pytest.mark.parametrize("content_type", KINDS)
def test_documented_types_may_be_sent_exactly_so_b55(content_type: str) -> None:
    assert require_type(content_type) == content_type
    for other in (f"{content_type}; charset=utf-8", f" {content_type}", content_type.upper() or "*/*"):
        with pytest.raises(UnsupportedFileType):
            require_type(other)


def test_sizes_are_within_bounds_b56() -> None:
    assert [require_size(size) for size in (1, MAX_BYTES)] == [1, MAX_BYTES]
    for size in (-1, 0, MAX_BYTES + 1):
        with pytest.raises(FileTooLarge):
            require_size(size)


@pytest.mark.parametrize("content_type", ["", "text/html", "image/svg+xml", "text/xml", "application/json"])
def test_what_may_hold_a_script_is_only_ever_saved_b58(content_type: str) -> None:
    assert not an_attachment(content_type=content_type).shows_in_place


@pytest.mark.parametrize("content_type", ["image/png", "application/pdf", "video/mp4", "audio/ogg"])
def test_what_browsers_show_without_harm_is_shown(content_type: str) -> None:
    assert an_attachment(content_type=content_type).shows_in_place


def test_nobody_gets_at_a_file_that_is_held_or_blocked() -> None:
    file = an_attachment()

    assert [state for state in FileState if evolve(file, state=state).is_open] == [
        FileState.AVAILABLE,
        FileState.FLAGGED,
    ]


def test_claims_are_cleaned_and_keep_their_order() -> None:
    claims = tuple(FileClaim(f"dialogs/{DIALOG}/{n}.pdf", f"../{n}.pdf", "", 1) for n in range(10))

    kept = require_claims(claims, DIALOG)

    assert [claim.filename for claim in kept] == [f"{n}.pdf" for n in range(10)]
    assert require_claims((), DIALOG) == ()
    for too_many in ((*claims, claims[0]), (claims[0], claims[0])):
        with pytest.raises(BadRequest):
            require_claims(too_many, DIALOG)
