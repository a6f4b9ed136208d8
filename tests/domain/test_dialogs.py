"""What a host may say about a dialog."""

from datetime import timedelta
from typing import cast

import pytest
from attrs import evolve

from mtchat_core.domain.dialogs import About, Json, ObjectRef, Tally, about, object_ref
from mtchat_core.domain.errors import InvalidInput
from tests.builders import START, a_dialog


def nested(levels: int) -> Json:
    value: Json = 1
    for _ in range(levels):
        value = [value]
    return value


def test_an_object_is_named_by_the_host() -> None:
    assert object_ref("quote", "RFQ-88/1 ") == ObjectRef("quote", "RFQ-88/1 ")
    assert object_ref("x" * 100, "я" * 255)


@pytest.mark.parametrize(
    ("object_type", "object_id"),
    [("", "1"), ("quote", ""), ("x" * 101, "1"), ("quote", "x" * 256), ("a\x00", "1"), ("quote", "\ud800")],
)
def test_an_unusable_object_is_refused(object_type: str, object_id: str) -> None:
    with pytest.raises(InvalidInput, match=r"object_(type|id) "):
        object_ref(object_type, object_id)


def test_everything_about_a_dialog_is_optional() -> None:
    assert about(None, None, None) == About(None, None, None)
    assert about("", None, []) == About("", None, [])


def test_titles_have_up_to_500_characters() -> None:
    assert about("я" * 500, None, None).title == "я" * 500

    with pytest.raises(InvalidInput, match="title is too long"):
        about("x" * 501, None, None)


@pytest.mark.parametrize(
    "url",
    [
        "https://erp.example",
        "http://localhost:8080/rfq?id=1&x=%20#top",
        "HTTPS://ERP.example/ПУТЬ",
        "https://[::1]/",
        "https://e/" + "x" * 2038,
    ],
)
def test_links_lead_to_the_web(url: str) -> None:
    assert about(None, url, None).object_url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/rfq/88",
        "//erp.example/",
        "erp.example",
        "javascript:alert(1)",
        "JaVaScRiPt://erp.example/%0aalert(1)",
        "java\tscript:alert(1)",
        "data:text/html,x",
        "ftp://erp.example/",
        "https:erp.example",
        "https:///path",
        "https://",
        "https://?x",
        "https://[::1",
        " https://erp.example",
        "https://erp.example/a b",
        "https://erp.example/\n",
        "https://erp.example\\@evil.example",
        "https://erp.example/\x7f",
        "https://e/" + "x" * 2039,
        "https://e/\x00",
    ],
)
def test_other_links_are_refused_b50(url: str) -> None:
    with pytest.raises(InvalidInput, match="object_url"):
        about(None, url, None)


@pytest.mark.parametrize("meta", [None, True, 0, 1.5, "текст", [], {}, {"a": [1, {"b": None}]}], ids=repr)
def test_meta_is_any_json(meta: Json) -> None:
    assert about(None, None, meta).meta == meta


def test_meta_is_nested_up_to_20_levels_b52() -> None:
    assert about(None, None, nested(20))
    assert about(None, None, {"a": nested(19)})

    for too_deep in (nested(21), {"a": nested(20)}, nested(900)):
        with pytest.raises(InvalidInput, match="meta is nested too deeply: at most 20 levels"):
            about(None, None, too_deep)


def test_meta_has_up_to_16_kib_of_json_b52() -> None:
    assert about(None, None, "x" * (16 * 1024 - 2))
    assert about(None, None, "я" * (8 * 1024 - 1))

    for too_large in ("x" * (16 * 1024 - 1), "я" * 8 * 1024, [1] * 9000):
        with pytest.raises(InvalidInput, match="meta is too large: at most 16384 bytes"):
            about(None, None, too_large)


@pytest.mark.parametrize("meta", ["\x00", {"a": ["b\x00"]}, {"\x00": 1}, [{"a": {"\ud800": 1}}]], ids=repr)
def test_meta_holds_only_what_can_be_stored(meta: Json) -> None:
    with pytest.raises(InvalidInput, match="meta contains a character"):
        about(None, None, meta)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_meta_holds_only_numbers_json_knows(number: float) -> None:
    with pytest.raises(InvalidInput, match="meta"):
        about(None, None, {"a": [number]})


def test_json_tells_true_from_one() -> None:
    assert About(meta={"a": True}) != About(meta={"a": 1})
    assert About(meta=1) != About(meta=1.0)
    assert About(meta=cast(Json, {"a": 1, "b": [2]})) == About(meta=cast(Json, {"b": [2], "a": 1}))


def test_a_dialog_was_active_when_it_was_made_or_last_spoken_in() -> None:
    dialog = a_dialog(at=START)
    later = START + timedelta(hours=1)

    assert dialog.active_at == START
    assert evolve(dialog, tally=Tally(last_message_at=later)).active_at == later


def test_describing_keeps_everything_else() -> None:
    dialog = evolve(a_dialog(), tally=Tally(last_seq=3))

    described = dialog.described(About("new"))

    assert described.about == About("new")
    assert evolve(described, about=dialog.about) == dialog
