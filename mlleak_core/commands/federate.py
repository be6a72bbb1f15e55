"""Train jointly over a network."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from mlleak_core import disk
from mlleak_core.commands.options import Parser, desk_of, knob_options, report_option, settings_of
from mlleak_core.commands.results import write
from mlleak_core.contract import drain
from mlleak_core.data.source import is_texts
from mlleak_core.server.terminal import progress
from mlleak_core.threat import Threat, discover, imported

FLOWER = "127.0.0.1:9092"


def options(parser: Parser) -> None:
    roles = parser.add_subparsers(required=True, metavar="serve|join", dest="role", parser_class=Parser)
    serve = roles.add_parser("serve", help="lead the training")
    serve.add_argument("--address", default=FLOWER, metavar="HOST:PORT", help=f"where (default {FLOWER})")
    serve.add_argument("--weights", default="", metavar="FILE.safetensors", help="keep the joint model")
    join = roles.add_parser("join", help="take part; number 0 attacks")
    join.add_argument("--participant", type=int, required=True, metavar="K", help="its number, 0 attacks")
    join.add_argument("--server", default=FLOWER, metavar="HOST:PORT", help=f"who leads (default {FLOWER})")
    for role, wait in ((serve, 600.0), (join, 30.0)):
        words = f"seconds to wait for the other side (default {wait:g})"
        role.add_argument("--wait", type=float, default=wait, metavar="SECONDS", help=words)
        knob_options(role, _federated().settings)
        report_option(role)


def _federated() -> Threat:
    return next(found for found in discover() if found.join)


def run(options: argparse.Namespace) -> int:
    """Lead a joint training or take part in it, until it is over."""
    found, started = _federated(), time.perf_counter()
    settings = settings_of(options, found.settings)
    with progress() as on_step:
        if options.role == "serve":
            report = _led(found, settings, options, on_step)
        else:
            sample, join = _opened(settings.data, options, on_step), imported(found.join)
            report = join(settings, sample, options.participant, options.server, options.wait, on_step)
    write(options.json, found.card.slug, settings, settings.as_dict(), started, report)
    return 0


def _opened(data: str, options: argparse.Namespace, on_step: Any) -> Any:
    desk = desk_of(options)
    return drain((desk.texts if is_texts(data) else desk.faces)(data), on_step)


def _led(found: Threat, settings: Any, options: argparse.Namespace, on_step: Any) -> dict[str, Any]:
    data = settings.data
    vocabulary = _opened(data, options, on_step).vocabulary if is_texts(data) else ()
    served = imported(found.serve)(settings, vocabulary, options.address, options.wait, on_step)
    if options.weights:
        disk.write_tensors(Path(options.weights), {"weights": served.weights.numpy()})
    return {"rounds": len(served.took_part), "took_part": served.took_part, "loss": served.loss}
