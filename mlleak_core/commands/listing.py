"""What can be run, and on which data."""

from __future__ import annotations

import argparse

from mlleak_core.commands.options import Parser
from mlleak_core.data.source import SOURCES
from mlleak_core.threat import discover


def options(_: Parser) -> None:
    """It has none."""


def run(_: argparse.Namespace) -> int:
    for kind in ("faces", "records", "texts", "lines"):
        shown = [s.spelling for s in SOURCES if s.kind == kind and not s.private]
        print(f"data, {kind}  " + "  ".join(shown))
    print("train  Train the target: a gender classifier.")
    for found in discover():
        print(f"{found.card.slug}  {found.card.question} ({'; '.join(found.card.papers)})")
    return 0
