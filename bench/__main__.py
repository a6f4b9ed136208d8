"""`python -m bench`: measure, print ratios, keep them."""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop

from bench import files, links, nodes, pictures, reading, report, sending, sockets, starting, webhooks
from bench.processes import allow_open_files
from bench.rows import Row
from bench.sizes import FULL, QUICK, Sizes
from bench.stage import Stage, tell
from mtchat_adapters.embedded.postgres import EmbeddedPostgres
from mtchat_app.http import log

GROUPS = (sending, sockets, starting, nodes, webhooks, reading, links, files, pictures)
ROWS = sorted((name for group in GROUPS for name in group.ROWS), key=lambda name: int(name[1:]))

_DESCRIPTION = """\
Measure MTChat beside floors: what the same work costs at least, in the same run, on the same machine.
Times depend on the machine, ratios hold: throughput should have a high ratio, time and memory a low one.

It starts a durable PostgreSQL of its own in a temporary folder, the real service (mtchat serve, mtchat worker)
and the floors as processes of their own, and removes everything at the end. Nothing here fails because it is slow.
"""
_EPILOG = """\
examples:
  python -m bench                                     everything
  python -m bench --rows P1,P4                        two rows
  python -m bench --quick                             small sizes, seconds: shows that it works, not how fast
  python -m bench --write docs/performance.md --plot docs/performance.svg

docs/performance.md says what each row means.
"""


def main() -> None:
    """Measure and print."""
    options = _options(sys.argv[1:])
    if not sys.platform.startswith("linux"):
        sys.exit("The benchmark reads processor time and memory from /proc: run it on Linux.")
    allow_open_files()
    log.configure("error", "console")
    sizes = QUICK if options.quick else FULL
    on = report.machine(is_durable=sizes.is_durable)
    tell(on)
    began = time.monotonic()
    rows: list[Row] = []
    try:
        _measure(sizes, frozenset(options.rows), rows)
    finally:
        rows.sort(key=lambda row: int(row.id.split()[0][1:]))
        print(report.table(rows))
        tell(f"{time.monotonic() - began:.0f} s in all. {on}")
        if options.json is not None:
            options.json.write_text(report.as_json(rows, on))
    if options.plot is not None:
        options.plot.write_text(report.picture(rows, on))
    if options.write is not None:
        report.write_into(options.write, rows, on)


def _measure(sizes: Sizes, wanted: frozenset[str], rows: list[Row]) -> None:
    """Add every wanted row to *rows*, each as soon as it is there."""
    with (
        tempfile.TemporaryDirectory(prefix="mtchat-bench-") as folder,
        EmbeddedPostgres(Path(folder) / "postgres", durable=sizes.is_durable, on_progress=tell) as server,
    ):
        uvloop.run(_collect(Stage(server, sizes, Path(folder)), wanted, rows))


async def _collect(stage: Stage, wanted: frozenset[str], rows: list[Row]) -> None:
    for group in GROUPS:
        if wanted & set(group.ROWS):
            async for row in group.measure(stage, wanted):
                rows.append(row)
                tell(f"    {row.id} {row.ratio:.2f} {row.verdict}".rstrip())
                if row.seen:
                    tell(f"      {report.details(row)}")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, fsync off: for tests")
    parser.add_argument(
        "--rows", type=_rows, default=ROWS, metavar="P1,P4", help=f"only these of {', '.join(ROWS)}"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep everything that was seen")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the ratios against their targets, as SVG")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="replace the rows measured on a page")
    return parser.parse_args(arguments)


def _rows(text: str) -> list[str]:
    wanted = [name.strip().upper() for name in text.split(",") if name.strip()]
    if not wanted or set(wanted) - set(ROWS):
        raise argparse.ArgumentTypeError(f"name some of {', '.join(ROWS)}, separated by commas")
    return wanted


if __name__ == "__main__":
    main()
