"""From settings to options and back, and the desk that the options ask for."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from mlleak_core.contract import BadInput, Choice, Knob, Settings, knobs
from mlleak_core.server.desk import Desk, Machine
from mlleak_core.target.blackbox import Remote

DEVICES = ("auto", "cpu", "cuda", "mps")


class Parser(argparse.ArgumentParser):
    """argparse with one clear line instead of a usage dump, and options written out."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{**options, "allow_abbrev": False})

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"mlleak: {message}. Try {self.prog} --help.\n")


def report_option(parser: Parser) -> None:
    """Where a command's JSON goes."""
    parser.add_argument(
        "--json", default="-", metavar="PATH|-", help="where the report goes (default standard output)"
    )


def knob_names(settings: type) -> list[str]:
    """Of the knobs that are options."""
    return [knob.name for knob in _offered(settings)]


def _offered(settings: type) -> list[Knob]:
    """The knobs that are options: all but whole settings within settings."""
    return [knob for knob in knobs(settings) if not issubclass(knob.kind, Settings)]


def knob_options(parser: Parser, settings: type, catalogue: Sequence[str] = ()) -> None:
    """An option a knob. catalogue: the attacks to choose from."""
    for knob in _offered(settings):
        name = f"--{knob.name.replace('_', '-')}"
        text = f"{knob.help} (default {knob.default})".replace("%", "%%")
        if knob.kind is bool:
            parser.add_argument(name, action=argparse.BooleanOptionalAction, default=knob.default, help=text)
            continue
        choices = knob.rule.options if isinstance(knob.rule, Choice) else None
        if knob.name == "attack" and choices is None:
            choices = tuple(catalogue)
        parser.add_argument(name, type=knob.kind, default=knob.default, choices=choices, help=text)


def settings_of(options: argparse.Namespace, kind: type) -> Any:
    """The settings of a command. A knob that was given and does not apply beside the others is refused."""
    made = kind(**{knob.name: getattr(options, knob.name) for knob in _offered(kind)})
    for knob in _offered(kind):
        if not made.applies(knob) and _was_given(options, knob):
            beside = ", ".join(f"--{w.name} {getattr(made, w.name)}" for w in knob.when)
            expected = f"--{knob.name.replace('_', '-')} only where it means something"
            raise BadInput(expected, f"it beside {beside}", "Leave it out.")
    return made


def _was_given(options: argparse.Namespace, knob: Knob) -> bool:
    names = (f"--{knob.name.replace('_', '-')}", f"--no-{knob.name.replace('_', '-')}")
    return any(word.partition("=")[0] in names for word in options.given)


def desk_of(options: argparse.Namespace) -> Desk:
    """With the device, the cluster and the service that were asked for."""
    from mlleak_core.target.models import pick_device

    endpoint = getattr(options, "endpoint", "")
    service = (lambda: Remote(endpoint, options.key)) if endpoint else None
    machine = Machine(
        device=str(pick_device(getattr(options, "device", "cpu"))), cluster=getattr(options, "cluster", "")
    )
    return Desk(machine=machine, service=service)
