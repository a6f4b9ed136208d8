"""The demo: everything it prints works as printed."""

import re
import shlex
import subprocess
from pathlib import Path

from tests.journeys.service import Service


def test_every_line_of_the_demo_works_as_printed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with Service("demo", "--data", str(tmp_path / "data"), log=log, port_option="--port") as service:
        card = service.logged()
        tokens = dict(re.findall(r"^  ([A-Z]+)=(\S+)$", card, re.MULTILINE))
        lines = re.findall(r"^  curl .*?(?<!\\)$", card, re.MULTILINE | re.DOTALL)
        answers = [_run(line, tokens) for line in lines]
        page = _run(f"curl -si {_link(card)}", {})

    assert card.index("/demo") < card.index("/docs"), "the page is what a newcomer opens first"
    assert "mt-chat.js" in page or "make web" in page
    assert set(tokens) == {"ADMIN", "ANA", "BO", "CY", "EVE"}
    assert len(answers) == 7
    assert "Thursday it is." in answers[2]
    assert '"status":"joined"' in answers[4]
    assert '"FORBIDDEN"' in answers[5]
    assert all('"error"' not in answer for number, answer in enumerate(answers) if number != 5)


def _link(card: str) -> str:
    found = re.search(r"^  Open this +(\S+)$", card, re.MULTILINE)
    assert found is not None
    return found[1]


def _run(line: str, tokens: dict[str, str]) -> str:
    for name, token in tokens.items():
        line = line.replace(f"${name}", token)
    words = shlex.split(line.replace("\\\n", " "))
    return subprocess.run(words, capture_output=True, text=True, timeout=20, check=True).stdout
