"""Compute the exhibits that come with the program."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mlleak_core.commands.options import Parser
from mlleak_core.contract import Settings, drain
from mlleak_core.rehearsal import whole
from mlleak_core.server.desk import Desk
from mlleak_core.server.terminal import progress
from mlleak_core.sweeps import sweep
from mlleak_core.threat import SHIPPED, Threat, discover, threat


def options(parser: Parser) -> None:
    slugs = [found.card.slug for found in discover()]
    parser.add_argument(
        "threats", nargs="*", metavar="THREAT", help=f"which: {', '.join(slugs)} (default all)"
    )
    parser.add_argument("--to", default=str(SHIPPED), metavar="FOLDER", help="where they are written")
    parser.add_argument("--swept", action="store_true", help="only what becomes of a number as dials turn")
    words = "only the numbers of what was rehearsed on DATA, without a picture or a name"
    parser.add_argument("--on", default="", metavar="DATA", help=words)


def run(options: argparse.Namespace) -> int:
    wanted = [threat(slug) for slug in options.threats] or list(discover())
    desk, folder = Desk(), Path(options.to)
    if options.on:
        return _ship_numbers(options.on, wanted, folder)
    try:
        for found in wanted:
            _sweep(found, desk, folder)
            for settings in () if options.swept else found.shipped:
                _shipped(found, settings, desk, folder)
        if not options.threats and not options.swept:
            desk.courses.ship([found.card.slug for found in wanted])
    finally:
        desk.close()
    print(f"wrote {folder}", file=sys.stderr)
    return 0


def _ship_numbers(data: str, wanted: Sequence[Threat], folder: Path) -> int:
    from mlleak_core import elsewhere, rehearsal

    asked = [(found, rehearsal.shown_on(found, data)) for found in wanted]
    kept = [(found, rehearsal.kept(found, settings)) for found, settings in asked if settings]
    told = elsewhere.tell(data, [(found.card.slug, exhibit) for found, exhibit in kept if exhibit])
    told.save(folder)
    print(f"wrote {len(told.told)} findings of {len(kept)} threats into {folder}", file=sys.stderr)
    return 0


def _shipped(found: Threat, settings: Settings, desk: Desk, folder: Path = SHIPPED) -> None:
    """Compute one exhibit and write it where the program looks for it."""
    with progress() as on_step:
        result = drain(desk.timed(found.card.slug, settings, found.start(settings, desk)), on_step)
        exhibit = drain(whole(result, desk), on_step)
    exhibit.save(folder, found.shipped_name(settings))


def _sweep(found: Threat, desk: Desk, folder: Path) -> None:
    """Turn its dials, where it has some."""
    if found.swept:
        with progress() as on_step:
            drain(sweep(found, desk), on_step).save(found, folder)
