"""What was run or shipped, as a file to take away."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mlleak_core.commands.options import Parser
from mlleak_core.contract import BadInput, drain
from mlleak_core.rehearsal import whole
from mlleak_core.report import contents
from mlleak_core.report.contents import Report
from mlleak_core.server.desk import Desk
from mlleak_core.server.terminal import progress
from mlleak_core.target.settings import TrainSettings
from mlleak_core.threat import discover, imported

WRITERS = {".html": "report.page:page", ".png": "report.picture:picture", ".json": "report.contents:as_json"}
"""What a report is written by, by the ending of its file."""


def options(parser: Parser) -> None:
    names = [found.shipped_name(settings) for found in discover() for settings in found.shipped]
    words = f"a training's name, an exhibit's JSON file, or one of {', '.join(names)}"
    parser.add_argument("run", metavar="RUN", help=words)
    parser.add_argument("--out", default="", metavar="FILE.html", help="the report (default RUN.html)")
    parser.add_argument("--png", default="", metavar="FILE.png", help="the finding as a picture")
    parser.add_argument("--json", default="", metavar="FILE.json|-", help="all of it as JSON")


def run(options: argparse.Namespace) -> int:
    """Write the report of a run that is there: shipped, kept, or in a file."""
    report = _found(options.run)
    asked = {".html": options.out, ".png": options.png, ".json": options.json}
    if not any(asked.values()):
        asked[".html"] = f"{Path(options.run).stem}.html"
    for kind, path in asked.items():
        if path:
            take_away(report, path, kind)
    return 0


def _found(name: str) -> Report:
    """The report of what is called so. Raises BadInput."""
    if name.endswith(".json"):
        return contents.kept(Path(name))
    return contents.shipped(name) or _trained(name)


def _trained(key: str) -> Report:
    """Of a kept training: what the threat finds in it that opens the Train page's nets. Raises BadInput."""
    desk = Desk()
    if not key.isalnum() or not desk.store.has(key):
        names = [found.shipped_name(settings) for found in discover() for settings in found.shipped]
        expected = f"a kept training, an exhibit's JSON file, or one of {', '.join(names)}"
        remedy = "Other runs write their report themselves: add --report FILE.html to their command."
        raise BadInput(expected, repr(key[:80]), remedy)
    found = next(found for found in discover() if issubclass(found.settings, TrainSettings))
    settings = found.settings(**desk.store.load(key).settings.as_dict())
    try:
        with progress() as on_step:
            result = drain(found.start(settings, desk), on_step)
            exhibit = drain(whole(result, desk), on_step)
    finally:
        desk.close()
    return Report(found, exhibit.labelled(key, "live"))


def ending(path: str) -> str:
    """Which kind of report a file is to be. Raises BadInput."""
    kind = Path(path).suffix.lower()
    if kind not in WRITERS:
        raise BadInput(f"a file that ends in {', '.join(WRITERS)}", repr(path[-80:]), "Name it so.")
    return kind


def take_away(report: Report, path: str, kind: str) -> None:
    """Write a report of a kind; - is standard output."""
    written = imported(f"mlleak_core.{WRITERS[kind]}")(report)
    if path == "-":
        print(written.decode(), end="")
        return
    Path(path).write_bytes(written)
    print(f"wrote {path}", file=sys.stderr)
