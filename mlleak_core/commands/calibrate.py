"""How often verdicts are wrong where nothing is there."""

from __future__ import annotations

import argparse
import dataclasses
import time

from mlleak_core.commands.options import Parser, report_option
from mlleak_core.commands.results import print_json
from mlleak_core.contract import drain
from mlleak_core.server.desk import Desk
from mlleak_core.server.terminal import progress


def options(parser: Parser) -> None:
    add = parser.add_argument
    add("nulls", nargs="*", metavar="NULL", help="which (default all; a wrong name lists them)")
    add("--draws", type=int, default=0, help="draws of each; 0 = as many as a full calibration makes")
    add("--seed", type=int, default=0)
    add("--save", action="store_true", help="write the rates where pages look for them")
    report_option(parser)


def run(options: argparse.Namespace) -> int:
    from mlleak_core import calibrate

    desk, rates, started = Desk(), [], time.perf_counter()
    try:
        with progress() as on_step:
            for null in calibrate.chosen(options.nulls):
                rates.append(drain(calibrate.calibrate(null, desk, options.draws, options.seed), on_step))
                if options.save:
                    calibrate.save(rates[-1:])
    finally:
        desk.close()
    report = {
        "seed": options.seed,
        "seconds": time.perf_counter() - started,
        "rates": [dataclasses.asdict(rate) for rate in rates],
    }
    print_json(options.json, report)
    return 0
