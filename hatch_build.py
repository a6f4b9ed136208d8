"""A wheel carries the web SDK, so that whoever installs it needs no Node."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WebIsBuilt(BuildHookInterface):  # type: ignore[type-arg]
    """Refuse to make a wheel that lacks what the service would serve."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - as hooks are called
        """Look before the wheel is made; a checkout that is installed to be worked on may build later."""
        app = Path(self.root) / "src" / "mtchat_app"
        is_built = all((app / name / "manifest.json").is_file() for name in ("sdk", "demo_pages"))
        if version != "editable" and not is_built:
            raise RuntimeError("The web SDK has not been built: say `make web` first, then install again.")
