"""What `pip install mtchat` brings: the service with its web SDK, so that nobody who installs it needs Node."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BUILT = ("sdk", "demo_pages")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that has built nothing yet."""
    folder = tmp_path / "checkout"
    made = shutil.ignore_patterns("__pycache__", *BUILT)
    shutil.copytree(ROOT / "src", folder / "src", ignore=made)
    for name in ("pyproject.toml", "hatch_build.py", "README.md", ".gitignore"):
        shutil.copy(ROOT / name, folder)
    return folder


def make_wheel(checkout: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)


def test_a_wheel_holds_the_web_sdk_the_demo_and_what_the_database_needs(checkout: Path) -> None:
    for folder in BUILT:
        (checkout / "src" / "mtchat_app" / folder).mkdir()
        for name in ("mt-chat.js", "mt-chat.js.br", "editor-0aB_-x9Z.js"):
            (checkout / "src" / "mtchat_app" / folder / name).write_text("export {}")
        (checkout / "src" / "mtchat_app" / folder / "manifest.json").write_text(json.dumps({"files": {}}))

    said = make_wheel(checkout)

    assert said.returncode == 0, said.stderr
    [wheel] = (checkout / "dist").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for folder in BUILT:
        inside = {name.rpartition("/")[2] for name in names if name.startswith(f"mtchat_app/{folder}/")}
        assert inside == {"mt-chat.js", "mt-chat.js.br", "editor-0aB_-x9Z.js", "manifest.json"}
    assert any(name.startswith("mtchat_adapters/postgres/migrations/") for name in names)
    assert {name.partition("/")[0] for name in names} == {
        "mtchat_core",
        "mtchat_adapters",
        "mtchat_app",
        "mtchat-0.1.0.dist-info",
    }


def test_a_wheel_without_the_web_sdk_is_not_made_and_says_what_to_do(checkout: Path) -> None:
    said = make_wheel(checkout)

    assert said.returncode != 0
    assert "make web" in said.stderr
    assert not list(checkout.glob("dist/*.whl"))
