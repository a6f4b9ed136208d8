"""Every promise, fault and bad input of the guarantees has a test that names its id."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

_ID = re.compile(r"(?<=_)[gfb][0-9]+(?=_|$)")


def _numbered(letter: str, *numbers: int | range) -> Iterator[str]:
    for number in numbers:
        yield from (f"{letter}{n}" for n in ([number] if isinstance(number, int) else number))


REQUIRED = (
    *_numbered("G", range(1, 23)),
    *_numbered("F", range(1, 35), 36),
    *_numbered("B", range(1, 69)),
)
"""G promises, F faults, B bad inputs."""


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
