"""Compute and keep what a demo shows."""

from __future__ import annotations

import argparse
import sys

from mlleak_core.commands.options import Parser, report_option
from mlleak_core.commands.results import print_json
from mlleak_core.contract import drain
from mlleak_core.server.desk import Desk
from mlleak_core.server.terminal import progress


def options(parser: Parser) -> None:
    parser.add_argument("--data", default="lfw", help="on which data, by its name in `list` (default lfw)")
    parser.add_argument("--seed", type=int, default=0)
    report_option(parser)


def run(options: argparse.Namespace) -> int:
    from mlleak_core import rehearsal

    desk = Desk()
    try:
        with progress() as on_step:
            found = drain(rehearsal.rehearse(options.data, desk, options.seed), on_step)
    finally:
        desk.close()
    for each in found:
        print(f"{each.threat.card.title}: {each.seconds:.0f} s live on this machine", file=sys.stderr)
    print_json(options.json, rehearsal.report(found))
    return 0
