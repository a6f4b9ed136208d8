"""The program, as an operator meets it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import jwt
import pytest

from tests.asking import ADMIN, SECRET
from tests.journeys.service import Service

PROGRAM = Path(sys.executable).parent / "mtchat"
ROOT = Path(__file__).parents[2]


def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program with nothing in its environment but *environment*."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [str(PROGRAM), *arguments],
        env={**kept, **environment},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "command", ["serve", "worker", "migrate", "webhooks", "jobs", "doctor", "token", "demo", "openapi"]
)
def test_help_teaches_every_command(tmp_path: Path, command: str) -> None:
    overview = run("--help", cwd=tmp_path)
    helped = run(command, "--help", cwd=tmp_path)

    assert command in overview.stdout
    assert helped.returncode == 0
    assert len(helped.stdout.splitlines()) > 5


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({}, "ADMIN_API_TOKEN"),
        ({"ADMIN_API_TOKEN": ADMIN}, "JWT_SECRET"),
        ({"JWT_SECRET": SECRET}, "ADMIN_API_TOKEN"),
        ({"ADMIN_API_TOKEN": ADMIN, "JWT_SECRET": "short"}, "JWT_SECRET"),
        ({"ADMIN_API_TOKEN": ADMIN, "JWT_SECRET": SECRET}, "DATABASE_URL"),
        ({"ADMIN_API_TOKEN": ADMIN, "JWT_SECRET": SECRET, "PORT": "x"}, "PORT"),
    ],
    ids=["nothing", "no key", "no admin token", "short secret", "no database", "bad port"],
)
def test_serve_refuses_to_start_and_names_the_variable(
    tmp_path: Path, environment: dict[str, str], named: str
) -> None:
    refused = run("serve", cwd=tmp_path, **environment)

    assert refused.returncode != 0
    assert named in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_token_speaks_for_the_person_with_their_scopes(tmp_path: Path) -> None:
    made = run("token", "ana", "--scope0", "nordwind", "--hours", "2", cwd=tmp_path, JWT_SECRET=SECRET)

    claims = jwt.decode(made.stdout.strip(), SECRET, algorithms=["HS256"])
    assert claims["sub"] == "ana"
    assert claims["scopes"]["scope_level0"] == ["nordwind"]


def test_the_published_description_is_the_one_the_program_gives(tmp_path: Path) -> None:
    described = run("openapi", cwd=tmp_path)

    published = json.loads((ROOT / "docs" / "openapi.json").read_text())
    assert json.loads(described.stdout) == published, "doors changed: run `make openapi`"


def test_doctor_says_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    ill = run("doctor", cwd=tmp_path)
    unreachable = run(
        "doctor",
        cwd=tmp_path,
        ADMIN_API_TOKEN=ADMIN,
        JWT_SECRET=SECRET,
        DATABASE_URL="postgresql://nobody@127.0.0.1:1/none",
    )

    assert ill.returncode == 1
    assert "ADMIN_API_TOKEN" in ill.stdout
    assert unreachable.returncode == 1
    assert "DATABASE_URL" in unreachable.stdout


def test_doctor_and_migrate_bring_a_database_into_shape(tmp_path: Path, empty_database: str) -> None:
    settings = {"ADMIN_API_TOKEN": ADMIN, "JWT_SECRET": SECRET, "DATABASE_URL": empty_database}

    before = run("doctor", cwd=tmp_path, **settings)
    migrated = run("migrate", cwd=tmp_path, **settings)
    again = run("migrate", cwd=tmp_path, **settings)
    after = run("doctor", cwd=tmp_path, **settings)

    assert "mtchat migrate" in before.stdout
    assert (migrated.returncode, again.returncode) == (0, 0), migrated.stderr + again.stderr
    assert after.returncode == 0, after.stdout
    assert "up to date" in after.stdout
    assert "no webhook parked or dead" in after.stdout


def test_doctor_looks_at_the_folder_for_files(tmp_path: Path, empty_database: str) -> None:
    folder, occupied = tmp_path / "files", tmp_path / "file"
    occupied.touch()
    settings = {
        "ADMIN_API_TOKEN": ADMIN,
        "JWT_SECRET": SECRET,
        "DATABASE_URL": empty_database,
        "PUBLIC_URL": "http://127.0.0.1:1",
    }
    run("migrate", cwd=tmp_path, **settings)

    before = run("doctor", cwd=tmp_path, STORAGE_DIR=str(folder), **settings)
    folder.mkdir()
    ready = run("doctor", cwd=tmp_path, STORAGE_DIR=str(folder), **settings)
    useless = run("doctor", cwd=tmp_path, STORAGE_DIR=str(occupied), **settings)

    assert "warn STORAGE_DIR is not there yet" in before.stdout
    assert "ok   STORAGE_DIR can be written to, and has room for" in ready.stdout
    assert "warn Nothing of ours answers at PUBLIC_URL" in ready.stdout
    assert (before.returncode, ready.returncode) == (0, 0)
    assert "FAIL STORAGE_DIR can't be written to" in useless.stdout
    assert "no webhook parked or dead" in useless.stdout
    assert useless.returncode == 1


def test_serve_says_why_it_cannot_keep_files(tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.touch()
    settings = {"ADMIN_API_TOKEN": ADMIN, "JWT_SECRET": SECRET, "PUBLIC_URL": "http://127.0.0.1:1"}

    refused = run("serve", "--memory", "--port", "0", cwd=tmp_path, STORAGE_DIR=str(occupied), **settings)

    assert refused.returncode != 0
    assert "STORAGE_DIR can't be used" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_memory_serves_and_says_that_nothing_survives(tmp_path: Path) -> None:
    with Service("serve", "--memory", log=tmp_path / "log") as service:
        answer = httpx.get(f"{service.url}/health")

    assert answer.json()["status"] == "ok"
    assert "nothing survives" in service.logged()


def test_insecure_modes_are_loud(tmp_path: Path) -> None:
    log = tmp_path / "log"

    insecure = {"ADMIN_API_TOKEN": "", "JWT_SECRET": "", "ALLOW_OPEN_MANAGEMENT": "true"}
    with Service("serve", "--memory", log=log, ALLOW_INSECURE_USER_ID="true", **insecure) as service:
        ready = httpx.get(f"{service.url}/health/ready").json()
        open_door = httpx.get(f"{service.url}/api/v1/management/dialogs")
        anyone = httpx.get(f"{service.url}/api/v1/dialogs", params={"user_id": "ana"})

    assert len(ready["insecure"]) == 3
    assert service.logged().count('"event":"INSECURE"') == 3
    assert (open_door.status_code, anyone.status_code) == (200, 200)
