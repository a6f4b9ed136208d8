"""The web SDK as the service hands it out: everybody may have it, and everybody can check what they got."""

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from mtchat_app.cli import main
from mtchat_app.http import sdk
from mtchat_app.http.assets import Assets
from tests.http.world import World

SCRIPT, CHUNK, STYLE = b"(() => {})()\n" * 100, b"export const editor = 1\n", b".mtchat{}\n"


def integrity(body: bytes) -> str:
    return "sha384-" + base64.b64encode(hashlib.sha384(body).digest()).decode()


@pytest.fixture
def built(tmp_path: Path) -> Assets:
    """A folder as the build leaves it, and a file beside it that is nobody's business."""
    folder = tmp_path / "sdk"
    folder.mkdir()
    files = {"mt-chat.js": SCRIPT, "editor-0aB_-x9Z.js": CHUNK, "mtchat.css": STYLE}
    for name, body in files.items():
        (folder / name).write_bytes(body)
    (folder / "mt-chat.js.gz").write_bytes(gzip.compress(SCRIPT))
    listed = {name: {"integrity": integrity(body)} for name, body in files.items()}
    (folder / "manifest.json").write_text(json.dumps({"version": "1.2.3", "files": listed}))
    (folder / "unlisted.js").write_text("secret")
    (tmp_path / "outside.js").write_text("secret")
    return Assets(folder)


@pytest.fixture
def served(world: World, built: Assets) -> Iterator[World]:
    """The service, with that folder."""
    usual, world.app.state["sdk"] = world.app.state["sdk"], built
    yield world
    world.app.state["sdk"] = usual


async def test_the_script_is_for_everybody_and_is_what_its_hash_says(served: World) -> None:
    answer = await served.client.get("/sdk/mt-chat.js", headers={"Origin": "https://shop.example"})
    by_version = await served.client.get("/sdk/mt-chat.js?v=12345678")
    manifest = (await served.client.get("/sdk/manifest.json")).json()

    assert by_version.content == SCRIPT
    assert (answer.status_code, answer.content) == (200, SCRIPT)
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers.get_list("access-control-allow-origin") == ["*"]
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert manifest["files"]["mt-chat.js"]["integrity"] == integrity(SCRIPT)
    assert manifest["version"] == "1.2.3"


async def test_names_with_a_hash_are_kept_forever_and_the_others_are_looked_at_again(served: World) -> None:
    chunk = await served.client.get("/sdk/editor-0aB_-x9Z.js")
    entries = [await served.client.get(f"/sdk/{name}") for name in ("mt-chat.js", "mtchat.css", "manifest.json")]

    assert chunk.headers["cache-control"] == "public, max-age=31536000, immutable"
    for entry in entries:
        assert entry.headers["cache-control"] == "public, max-age=300"
        known = {"If-None-Match": entry.headers["etag"]}
        again = await served.client.get(entry.request.url.path, headers=known)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == entry.headers["etag"]


@pytest.mark.parametrize(
    ("accepts", "encoding"),
    [("gzip, br", "gzip"), ("br", None), ("gzip;q=0", None), ("GZIP ; q=0.5", "gzip"), ("", None)],
)
async def test_a_browser_gets_the_packed_file_if_there_is_one_it_takes(
    served: World, accepts: str, encoding: str | None
) -> None:
    answer = await served.client.get("/sdk/mt-chat.js", headers={"Accept-Encoding": accepts})

    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.content == SCRIPT


@pytest.mark.parametrize(
    "name",
    [
        "nothing.js",
        "unlisted.js",
        "mt-chat.js.gz",
        "..%2Foutside.js",
        "%2e%2e%2foutside.js",
        "..%5coutside.js",
        "a/outside.js",
        "",
    ],
)
async def test_what_the_manifest_does_not_list_is_not_there(served: World, name: str) -> None:
    answer = await served.client.get(f"/sdk/{name}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert "secret" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


async def test_without_a_build_the_answer_says_how_to_get_one(world: World, tmp_path: Path) -> None:
    usual, world.app.state["sdk"] = world.app.state["sdk"], Assets(tmp_path)
    answer = await world.client.get("/sdk/mt-chat.js")
    world.app.state["sdk"] = usual

    assert answer.status_code == 404
    assert "make web" in answer.json()["error"]["message"]


async def test_head_asks_without_the_body_and_other_methods_are_refused(served: World) -> None:
    head = await served.client.head("/sdk/mt-chat.js")
    post = await served.client.post("/sdk/mt-chat.js", json={})

    assert (head.status_code, head.content) == (200, b"")
    assert (post.status_code, post.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_the_command_prints_a_tag_that_can_be_pasted(built: Assets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk, "FILES", built)

    said = CliRunner().invoke(main, ["sdk", "--url", "https://chat.example/"])

    assert said.exit_code == 0, said.output
    tag = re.fullmatch(
        r'<script src="([^"]+)" integrity="([^"]+)" crossorigin="anonymous" defer></script>\n', said.output
    )
    assert tag is not None, said.output
    assert re.fullmatch(r"https://chat\.example/sdk/mt-chat\.js\?v=[0-9a-f]{8}", tag[1])
    assert tag[2] == integrity(SCRIPT)


def test_the_command_says_how_to_build_what_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk, "FILES", Assets(tmp_path))

    said = CliRunner().invoke(main, ["sdk"])

    assert said.exit_code == 1
    assert "make web" in said.output
