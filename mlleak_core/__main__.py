"""Everything without a browser: `mlleak list | train | report | rehearse | serve | federate | ship |
handouts | classroom | app`, and a command for every threat.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from types import ModuleType

from mlleak_core import disk
from mlleak_core.commands import (
    app,
    attack,
    calibrate,
    classroom,
    federate,
    handouts,
    listing,
    rehearse,
    report,
    serve,
    ship,
    train,
)
from mlleak_core.commands.options import Parser
from mlleak_core.contract import BadInput, Diverged
from mlleak_core.target.blackbox import Refused
from mlleak_core.threat import Threat, discover


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it worked, 2 when what was asked for cannot be done."""
    given = attack.sent_on(list(sys.argv[1:] if arguments is None else arguments))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(
            errors="backslashreplace"
        )  # a terminal without an ellipsis is no reason to stop
    try:
        options, rest = _parser(given).parse_known_args(given)
        if rest and not getattr(options, "passes_on", False):
            _parser(given).error(f"unrecognized arguments: {' '.join(rest)}")
        options.rest = rest
        return int(options.command(options))
    except (BadInput, Diverged, Refused) as problem:
        print(f"mlleak: {problem}", file=sys.stderr)
    except OSError as problem:
        print(f"mlleak: cannot use {disk.refused(problem)}", file=sys.stderr)
    except KeyboardInterrupt:
        print("mlleak: stopped", file=sys.stderr)
    except Exception as problem:  # noqa: BLE001  one clear line, whatever breaks
        if os.environ.get("MLLEAK_DEBUG"):
            raise
        name = type(problem).__name__
        print(
            f"mlleak: something in the program broke ({name}: {problem}). MLLEAK_DEBUG=1 shows where.",
            file=sys.stderr,
        )
    return 2


def _parser(given: Sequence[str]) -> Parser:
    """All commands; only the options of the one that was given are made, since attacks are slow to import."""
    parser = Parser(prog="mlleak", description="What are machine-learning models hiding?")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    wanted = next((word for word in given if not word.startswith("-")), "")

    def add(name: str, words: str, command: ModuleType, *of: Threat) -> None:
        sub = commands.add_parser(name, help=words)
        sub.set_defaults(command=command.run, given=given)
        if name == wanted:
            command.options(sub, *of)

    add("list", "what can be run, and on which data", listing)
    add("train", "train the target and report how well it does its task", train)
    for found in discover():
        add(found.card.slug, found.card.question, attack, found)
    add("report", "a kept run or an exhibit as one HTML file to take away", report)
    add("serve", "a prediction service for a run, to be attacked over HTTP", serve)
    add("federate", "a joint training over a network, with an attacker in it", federate)
    add("calibrate", "how often verdicts are wrong where nothing is there", calibrate)
    add("rehearse", "compute and keep what a demo on some data shows", rehearse)
    add("ship", "compute the exhibits that come with the program anew", ship)
    add("handouts", "what a teacher prints: cards, sheets, notes, as HTML", handouts)
    add("classroom", "the page on which a class joins by phone; `app` starts it, too", classroom)
    add("app", "open the app in the browser; further options are Streamlit's", app)
    return parser


if __name__ == "__main__":
    sys.exit(main())
