"""Every promise, fault and bad input of the guarantees has a test that names its id."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

_ID = re.compile(r"(?<=_)[gfb][0-9]+(?=_|$)")


def _numbered(letter: str, *numbers: int | range) -> Iterator[str]:
    for number in numbers:
        yield from (f"{letter}{n}" for n in ([number] if isinstance(number, int) else number))


REQUIRED = (
    *_numbered("G", range(1, 19), range(20, 23)),
    *_numbered("F", range(1, 24), range(29, 35), 36),
    *_numbered("B", range(1, 54), range(60, 69)),
)
"""G promises, F faults, B bad inputs."""

LATER: Mapping[str, str] = {
    "B54": "attachment keys come with attachments",
    "B55": "attachment types come with attachments",
    "B56": "attachment sizes come with attachments",
    "B57": "file names come with attachments",
    "B58": "active file types come with attachments",
    "B59": "the number of files comes with attachments",
}
"""Ids that nothing can prove yet, each with its reason."""


def proofs() -> dict[str, list[str]]:
    """Return the tests that name each id, as file::function."""
    found: dict[str, list[str]] = {}
    root = Path(__file__).parent
    for path in sorted(root.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for name in _ID.findall(node.name):
                    found.setdefault(name.upper(), []).append(f"{path.relative_to(root)}::{node.name}")
    return found


@pytest.fixture(scope="module")
def proven() -> dict[str, list[str]]:
    return proofs()


@pytest.mark.parametrize("promise", REQUIRED)
def test_every_promise_is_named_by_a_test(proven: dict[str, list[str]], promise: str) -> None:
    assert proven.get(promise), f"no test names {promise}"


def test_what_is_promised_for_later_is_not_there_yet(proven: dict[str, list[str]]) -> None:
    arrived = {name: proven[name] for name in LATER if name in proven}

    assert not arrived, "take these ids out of LATER"
