"""Write what a teacher prints."""

from __future__ import annotations

import argparse
import sys

from mlleak_core import disk
from mlleak_core.commands.options import Parser


def options(parser: Parser) -> None:
    parser.add_argument("--to", required=True, metavar="FOLDER", help="where they are written")


def run(options: argparse.Namespace) -> int:
    from mlleak_core.handouts.sheets import handouts

    folder = disk.given(options.to)
    folder.mkdir(parents=True, exist_ok=True)
    for each in handouts():
        (folder / each.name).write_bytes(each.write())
    print(f"wrote {len(handouts())} files into {folder}", file=sys.stderr)
    return 0
