"""Open the app in the browser."""

from __future__ import annotations

import argparse

from mlleak_core.commands.options import Parser


def options(parser: Parser) -> None:
    parser.set_defaults(passes_on=True)


def run(options: argparse.Namespace) -> int:
    from mlleak_core.server.browser import serve_app

    return serve_app(options.rest)
