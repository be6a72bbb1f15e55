"""Write what a teacher prints."""

from __future__ import annotations

import argparse
import sys

from mlleak_core import disk
from mlleak_core.commands.options import Parser
from mlleak_core.language import ENGLISH, languages, speaking


def options(parser: Parser) -> None:
    parser.add_argument("--to", required=True, metavar="FOLDER", help="where they are written")
    words = f"the language of what is printed (default {ENGLISH})"
    parser.add_argument("--language", default=ENGLISH, choices=tuple(languages()), help=words)


def run(options: argparse.Namespace) -> int:
    from mlleak_core.handouts.sheets import handouts

    folder = disk.given(options.to)
    folder.mkdir(parents=True, exist_ok=True)
    with speaking(options.language):
        sheets = handouts()
    for each in sheets:
        (folder / each.name).write_bytes(each.write())
    print(f"wrote {len(sheets)} files into {folder}", file=sys.stderr)
    return 0
