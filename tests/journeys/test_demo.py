"""The demo: everything it prints works as printed."""

import re
import subprocess
from pathlib import Path

import httpx

from tests.journeys.service import Service

_PARTING = "@@@@"


def test_every_line_of_the_demo_works_as_printed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with Service("demo", "--data", str(tmp_path / "data"), log=log, port_option="--port") as service:
        card = service.logged()
        tokens = re.findall(r"^  [A-Z]+=[^$\s]+$", card, re.MULTILINE)
        commands = re.findall(r"^  (?:curl|[A-Z]+=\$).*?(?=^  \S|^$)", card, re.MULTILINE | re.DOTALL)
        answers = _pasted(tokens, commands)
        sent = re.findall(r'"url":"([^"]+)"', answers[4])
        plan = httpx.get(sent[0])
        page = httpx.get(_link(card))

    assert card.index("/demo") < card.index("/docs"), "the page is what a newcomer opens first"
    assert "mt-chat.js" in page.text or "make web" in page.text
    assert {line.strip().partition("=")[0] for line in tokens} == {"ADMIN", "ANA", "BO", "CY", "EVE"}
    assert len(answers) == 9
    assert answers[2] == ""
    assert "Thursday it is." in answers[4]
    assert (plan.text, plan.headers["content-type"]) == ("Door 3 please", "text/plain")
    assert '"status":"joined"' in answers[6]
    assert '"FORBIDDEN"' in answers[7]
    assert all('"error"' not in answer for number, answer in enumerate(answers) if number != 7)


def _link(card: str) -> str:
    found = re.search(r"^  Open this +(\S+)$", card, re.MULTILINE)
    assert found is not None
    return found[1]


def _pasted(tokens: list[str], commands: list[str]) -> list[str]:
    """Paste one command after the other into a shell, and return what each curl answers."""
    parted = [f"{command}echo {_PARTING}\n" if command.startswith("  curl") else command for command in commands]
    script = "\n".join([*tokens, *parted])
    done = subprocess.run(["sh", "-ec", script], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.split(f"{_PARTING}\n")[:-1]
