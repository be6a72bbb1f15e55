"""Serve a run's predictions over HTTP."""

from __future__ import annotations

import argparse
import os
import sys

from mlleak_core.commands.options import Parser
from mlleak_core.defences.on_output import REVEALS


def options(parser: Parser) -> None:
    parser.add_argument("run", help="the run's name, as `train` or a threat prints it")
    parser.add_argument(
        "--reveal", default="probabilities", choices=REVEALS, help="what it shows (default probabilities)"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8700)
    key = os.environ.get("MLLEAK_SERVICE_KEY", "")
    parser.add_argument("--key", default=key, help="API key that callers must send (MLLEAK_SERVICE_KEY)")
    parser.add_argument(
        "--per-minute", type=int, default=0, help="queries a minute, all callers together; 0 = no limit"
    )


def run(options: argparse.Namespace) -> int:
    from mlleak_core.target.service import app, serve

    application = app(options.run, options.reveal, options.key, options.per_minute)
    where = f"http://{options.host}:{options.port}"
    words = f"serving {options.run} on {where}, revealing {options.reveal}"
    serve(application, options.host, options.port, lambda: print(words, file=sys.stderr, flush=True))
    return 0
