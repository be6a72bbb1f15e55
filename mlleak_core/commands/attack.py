"""Run a threat: every one has a command of its own."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path

from mlleak_core.commands.options import (
    DEVICES,
    Parser,
    desk_of,
    knob_names,
    knob_options,
    report_option,
    settings_of,
)
from mlleak_core.commands.report import WRITERS, ending, take_away
from mlleak_core.commands.results import write
from mlleak_core.contract import drain
from mlleak_core.rehearsal import whole
from mlleak_core.report.contents import Report
from mlleak_core.server.terminal import progress
from mlleak_core.threat import Threat, discover, imported, threat


def options(parser: Parser, found: Threat) -> None:
    catalogue = (*found.catalogue(), "all") if "attack" in knob_names(found.settings) else ()
    knob_options(parser, found.settings, catalogue)
    parser.set_defaults(threat=found.card.slug)
    sent = [f"--attack {attack}: `mlleak {' '.join(words)}`" for attack, words in found.sends_on]
    parser.epilog = "; ".join(sent)
    add = parser.add_argument
    add("--device", default="auto", choices=DEVICES, help="where to train (default auto)")
    add(
        "--cluster",
        default=os.environ.get("MLLEAK_CLUSTER", ""),
        metavar="tcp://…",
        help="a Dask scheduler (MLLEAK_CLUSTER)",
    )
    if found.remote:
        add(
            "--endpoint",
            default="",
            metavar="URL",
            help="attack a service started with `serve` on the same settings",
        )
        add("--key", default="", help="the service's API key")
    if found.scores:
        add(
            "--scores",
            default="",
            metavar="FILE.csv",
            help="audit a model trained elsewhere, from a table of its answers",
        )
    for artefact in found.writes:
        add(f"--{artefact.name}", default="", metavar=artefact.metavar, help=artefact.help)
    add("--report", default="", metavar="FILE", help=f"write a report to take away: {', '.join(WRITERS)}")
    report_option(parser)


def sent_on(given: Sequence[str]) -> list[str]:
    """The command line of the room that keeps the attack, where the one that was asked only knows of it."""
    rooms = {found.card.slug: found.sends_on for found in discover()}
    for attack, words in rooms.get(given[0] if given else "", ()):
        for at, word in enumerate(given):
            if given[at : at + 2] == ["--attack", attack] or word == f"--attack={attack}":
                rest = given[at + (1 if "=" in word else 2) :]
                return [*words, *given[1:at], *rest]
    return list(given)


def run(options: argparse.Namespace) -> int:
    """Run a threat: what its page does, with a report instead of pictures."""
    found = threat(options.threat)
    settings = settings_of(options, found.settings)
    kind = ending(options.report) if options.report else ""
    started, desk = time.perf_counter(), desk_of(options)
    table = getattr(options, "scores", "")
    run = imported(found.scores)(Path(table), settings, desk) if table else found.start(settings, desk)
    try:
        with progress() as on_step:
            result = drain(run, on_step)
            exhibit = drain(whole(result, desk), on_step) if kind else result.exhibit()
    finally:
        desk.close()
    for artefact in found.writes:
        path = getattr(options, artefact.name.replace("-", "_"))
        if path:
            Path(path).write_bytes(result.artefact(artefact.name))
    findings = [finding.row() for finding in exhibit.findings()]
    shown = {"scores": table} if table else settings.as_dict()
    if kind:
        take_away(Report(found, exhibit.labelled("live", "live"), _beside(options)), options.report, kind)
    write(options.json, found.card.slug, settings, shown, started, {**result.row(), "findings": findings})
    return 0


def _beside(options: argparse.Namespace) -> tuple[str, ...]:
    """What was given that is no setting and yet decides what is attacked; never the key."""
    scores, endpoint = getattr(options, "scores", ""), getattr(options, "endpoint", "")
    attack = ("--attack", options.attack) if scores else ()
    return (
        *(("--scores", scores, *attack) if scores else ()),
        *(("--endpoint", endpoint, "--key", "KEY") if endpoint else ()),
    )
