"""Run npm, or a tool of web/node_modules, with the Node that builds (build.py): web/with_node.py vitest run."""

import os
import subprocess
import sys
from pathlib import Path

from build import WEB, find_node

TOOLS = {
    "vitest": "vitest/vitest.mjs",
    "playwright": "@playwright/test/cli.js",
}


def main(name: str, *arguments: str) -> int:
    """Run the tool of that *name*, and return its exit code."""
    node, npm = find_node()
    environment = {
        **os.environ,
        "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "MTCHAT_NPM": str(npm),
        "MTCHAT_BIN": os.environ.get("MTCHAT_BIN", str(Path(sys.executable).parent / "mtchat")),
    }
    tool = npm if name == "npm" else WEB / "node_modules" / TOOLS[name]
    return subprocess.run([str(node), str(tool), *arguments], cwd=WEB, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
