"""Every threat without a browser: `python -m mlleak_core list | train | features | ship`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from mlleak_core import contract
from mlleak_core.contract import BadInput, Choice, Diverged, Step
from mlleak_core.data import SOURCES
from mlleak_core.settings import TrainSettings


class _Parser(argparse.ArgumentParser):
    """argparse with one clear line instead of a usage dump."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"mlleak: {message}. Try {self.prog} --help.\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it worked, 2 when what was asked for cannot be done."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except (BadInput, Diverged) as problem:
        print(f"mlleak: {problem}", file=sys.stderr)
    except OSError as problem:
        print(f"mlleak: cannot use {problem.filename or 'a file'}: {problem.strerror or problem}", file=sys.stderr)
    except KeyboardInterrupt:
        print("mlleak: stopped", file=sys.stderr)
    return 2


def _parser() -> _Parser:
    parser = _Parser(prog="python -m mlleak_core", description="What are machine-learning models hiding?")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    commands.add_parser("list", help="what can be run, and on which data").set_defaults(command=_list)
    train = commands.add_parser("train", help="train the target and report how well it does its task")
    _training_options(train)
    train.set_defaults(command=_train)
    features = commands.add_parser("features", help="read attributes nobody asked for off every layer")
    _training_options(features)
    features.add_argument("--attributes", default="", help="comma-separated; default: the data set's headline attributes")
    from mlleak_core.attacks.features import LayerLadder

    _knob_options(features, LayerLadder, skip=("seed",))
    features.set_defaults(command=_features)
    ship = commands.add_parser("ship", help="compute the run that comes with the program anew")
    ship.set_defaults(command=_ship)
    return parser


def _training_options(parser: argparse.ArgumentParser) -> None:
    _knob_options(parser, TrainSettings)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"), help="where to train (default auto)")
    parser.add_argument("--json", default="-", metavar="PATH|-", help="where the report goes (default standard output)")


def _knob_options(parser: argparse.ArgumentParser, settings: type, skip: tuple[str, ...] = ()) -> None:
    for knob in contract.knobs(settings):
        if knob.name in skip:
            continue
        text = f"{knob.help} (default {knob.default})".replace("%", "%%")
        name = f"--{knob.name.replace('_', '-')}"
        if knob.kind is bool:
            parser.add_argument(name, action=argparse.BooleanOptionalAction, default=knob.default, help=text)
        else:
            choices = knob.rule.options if isinstance(knob.rule, Choice) else None
            parser.add_argument(name, type=knob.kind, default=knob.default, choices=choices, help=text)


def _settings(options: argparse.Namespace, kind: type) -> Any:
    return kind(**{knob.name: getattr(options, knob.name) for knob in contract.knobs(kind)})


def _list(_: argparse.Namespace) -> int:
    print("data   " + "  ".join(SOURCES))
    print("train  Train the target: a gender classifier.")
    for threat in contract.discover():
        print(f"{threat.CARD.slug}  {threat.CARD.question} ({'; '.join(threat.CARD.papers)})")
    return 0


def _train(options: argparse.Namespace) -> int:
    from mlleak_core.runs import Store
    from mlleak_core.training import fit, open_faces

    settings = _settings(options, TrainSettings)
    started = time.perf_counter()
    faces = contract.drain(open_faces(settings), _bar)
    target = contract.drain(fit(faces, settings, device=_device(options)), _bar)
    _keep(Store().save, target)
    _write(
        options.json,
        "train",
        settings,
        {**settings.as_dict(), "recipe": target.recipe, "run": target.key},
        started,
        target.report(faces),
    )
    return 0


def _features(options: argparse.Namespace) -> int:
    from mlleak_core.attacks.features import LayerLadder, analyse
    from mlleak_core.training import fit, open_faces

    settings, attack = _settings(options, TrainSettings), _settings(options, LayerLadder)
    started = time.perf_counter()
    faces = contract.drain(open_faces(settings), _bar)
    wanted = [a.strip() for a in options.attributes.split(",") if a.strip()] or list(faces.headline)
    canonical = {name.lower(): name for name in faces.targets}
    names = [canonical.get(a.lower(), a) for a in wanted]
    for name in names:
        faces.target(name)
    target = contract.drain(fit(faces, settings, device=_device(options)), _bar)
    report = contract.drain(analyse(target, faces, names, attack), _bar)
    body = {
        "task": target.report(faces), "layers": [r.row() for r in report.rungs], "people": report.people,
        "correlation": {k: vars(v) for k, v in report.correlation.items()}, "ladder_seconds": report.seconds,
    }  # fmt: skip
    _write(options.json, "features", settings, {**settings.as_dict(), **attack.as_dict()}, started, body)
    return 0


def _ship(_: argparse.Namespace) -> int:
    from mlleak_core import shipped

    shipped.write(shipped.make())
    print(f"wrote {shipped.FOLDER}", file=sys.stderr)
    return 0


def _device(options: argparse.Namespace) -> str:
    from mlleak_core.models import pick_device

    return str(pick_device(options.device))


def _keep(save: Callable[[Any], Any], target: Any) -> None:
    try:
        save(target)
    except OSError as problem:
        print(f"\nmlleak: the run was not kept: {problem.strerror or problem}", file=sys.stderr)


def _bar(step: Step) -> None:
    """A progress bar on standard error, only where somebody watches."""
    if sys.stderr.isatty():
        share = step.done / max(step.total, 1)
        print(f"\r{'█' * int(24 * share):24s} {share:4.0%} {step.note:40.40s}", end="", file=sys.stderr, flush=True)


def _write(path: str, threat: str, settings: TrainSettings, shown: dict[str, Any], started: float, report: Any) -> None:
    result = {
        "threat": threat, "data": settings.data, "seed": settings.seed, "settings": shown,
        "seconds": time.perf_counter() - started, "report": report,
    }  # fmt: skip
    text = json.dumps(result, indent=1)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if path == "-":
        print(text)
    else:
        Path(path).write_text(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
