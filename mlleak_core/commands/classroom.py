"""Serve the page on which a class joins by phone."""

from __future__ import annotations

import argparse
import sys

from mlleak_core.commands.options import Parser
from mlleak_core.server import wishes


def options(parser: Parser) -> None:
    host, port = wishes.classroom_host(), wishes.classroom_port()
    parser.add_argument("--host", default=host, help=f"(MLLEAK_CLASSROOM_HOST, default {host})")
    parser.add_argument("--port", type=int, default=port, help=f"(MLLEAK_CLASSROOM_PORT, default {port})")
    parser.add_argument("--beside", action="store_true", help="stop when standard input ends")


def run(options: argparse.Namespace) -> int:
    from mlleak_core.classroom.doors import serve

    until = sys.stdin.buffer if options.beside else None
    serve(options.host, options.port, lambda words: print(words, file=sys.stderr, flush=True), until)
    return 0
