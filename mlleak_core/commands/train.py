"""Train the target."""

from __future__ import annotations

import argparse
import time

from mlleak_core.commands.options import DEVICES, Parser, desk_of, knob_options, report_option, settings_of
from mlleak_core.commands.results import write
from mlleak_core.contract import drain
from mlleak_core.server.terminal import progress
from mlleak_core.target.settings import TrainSettings


def options(parser: Parser) -> None:
    knob_options(parser, TrainSettings)
    parser.add_argument("--device", default="auto", choices=DEVICES, help="where to train (default auto)")
    report_option(parser)


def run(options: argparse.Namespace) -> int:
    settings = settings_of(options, TrainSettings)
    started, desk = time.perf_counter(), desk_of(options)
    with progress() as on_step:
        target = drain(desk.target(settings), on_step)
        faces = drain(desk.faces(settings.data), on_step)
    from mlleak_core.target.training import choose_faces

    shown = {**settings.as_dict(), "recipe": target.recipe, "run": target.key}
    write(options.json, "train", settings, shown, started, target.report(choose_faces(faces, settings)))
    return 0
