"""Every threat without a browser: `python -m mlleak_core list | train | features | membership | reconstruction | serve | ship`."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from mlleak_core import contract
from mlleak_core.target.blackbox import Refused
from mlleak_core.contract import BadInput, Choice, Diverged, Step
from mlleak_core.data import SOURCES
from mlleak_core.target.settings import MembershipSettings, ReconstructionSettings, TrainSettings


class _Parser(argparse.ArgumentParser):
    """argparse with one clear line instead of a usage dump."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"mlleak: {message}. Try {self.prog} --help.\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it worked, 2 when what was asked for cannot be done."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except (BadInput, Diverged, Refused) as problem:
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
    from mlleak_core.threats.features.ladder import LayerLadder

    _knob_options(features, LayerLadder, skip=("seed",))
    features.set_defaults(command=_features)
    _membership_parser(commands)
    _reconstruction_parser(commands)
    ship = commands.add_parser("ship", help="compute the run that comes with the program anew")
    ship.set_defaults(command=_ship)
    return parser


def _membership_parser(commands: Any) -> None:
    from mlleak_core.threats.membership.attacks import ATTACKS
    from mlleak_core.target.blackbox import REVEALS

    membership = commands.add_parser("membership", help="was this record in the training set? shadows, attacks, controls")
    _knob_options(membership, MembershipSettings)
    membership.add_argument("--attack", default="lira", choices=(*ATTACKS, "all"), help="which attack (default lira)")
    membership.add_argument(
        "--reveal", default="probabilities", choices=REVEALS, help="what the service shows (default probabilities)"
    )
    membership.add_argument(
        "--endpoint", default="", metavar="URL", help="attack a service started with `serve` on the same settings"
    )
    membership.add_argument("--key", default="", help="the service's API key")
    membership.add_argument(
        "--cluster", default=os.environ.get("MLLEAK_CLUSTER", ""), metavar="tcp://…", help="a Dask scheduler (MLLEAK_CLUSTER)"
    )
    membership.add_argument(
        "--scores",
        default="",
        metavar="FILE.csv",
        help="audit a model trained elsewhere: record, member, label, logit_0 … or loss",
    )
    membership.add_argument(
        "--base-rate", type=float, default=0.5, help="share of members among those asked for, for the precision (default 0.5)"
    )
    membership.add_argument("--per-record", default="", metavar="FILE.csv", help="write every record's scores")
    membership.add_argument("--json", default="-", metavar="PATH|-", help="where the report goes (default standard output)")
    membership.set_defaults(command=_membership)
    serve = commands.add_parser("serve", help="a prediction service for a run, to be attacked over HTTP")
    serve.add_argument("run", help="the run's name, as `train` or `membership` print it")
    serve.add_argument("--reveal", default="probabilities", choices=REVEALS, help="what it shows (default probabilities)")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8700)
    serve.add_argument(
        "--key", default=os.environ.get("MLLEAK_SERVICE_KEY", ""), help="API key that callers must send (MLLEAK_SERVICE_KEY)"
    )
    serve.add_argument("--per-minute", type=int, default=0, help="queries a minute, all callers together; 0 = no limit")
    serve.set_defaults(command=_serve)


def _reconstruction_parser(commands: Any) -> None:
    from mlleak_core.target.blackbox import REVEALS

    reconstruction = commands.add_parser(
        "reconstruction", help="hide training faces in a model and read them back; gradient inversion"
    )
    _knob_options(reconstruction, ReconstructionSettings)
    reconstruction.add_argument(
        "--reveal", default="probabilities", choices=REVEALS, help="cap: what the service shows (default probabilities)"
    )
    reconstruction.add_argument(
        "--endpoint", default="", metavar="URL", help="cap: read a service started with `serve` back; nothing is trained"
    )
    reconstruction.add_argument("--key", default="", help="the service's API key")
    reconstruction.add_argument(
        "--decode-key", default=None, metavar="WORD", help="read back with another key than was hidden with"
    )
    reconstruction.add_argument("--gallery", default="", metavar="FILE.png", help="write the truth above what was read back")
    reconstruction.add_argument("--erase", action=argparse.BooleanOptionalAction, default=False, help="try every eraser too")
    reconstruction.add_argument("--json", default="-", metavar="PATH|-", help="where the report goes (default standard output)")
    reconstruction.set_defaults(command=_reconstruction)


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
    from mlleak_core.target.store import Store
    from mlleak_core.target.training import fit, open_faces

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
    from mlleak_core.threats.features.ladder import LayerLadder, analyse
    from mlleak_core.target.training import fit, open_faces

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
        "task": target.report(faces), "layers": [r.row() for r in report.rungs],
        "correlation": {k: vars(v) for k, v in report.correlation.items()}, "ladder_seconds": report.seconds,
    }  # fmt: skip
    _write(options.json, "features", settings, {**settings.as_dict(), **attack.as_dict()}, started, body)
    return 0


def _membership(options: argparse.Namespace) -> int:
    from mlleak_core.threats.membership import audit
    from mlleak_core.target import fleet
    from mlleak_core.threats.membership.attacks import ATTACKS
    from mlleak_core.target.blackbox import Remote

    if not 0 < options.base_rate < 1:
        raise BadInput("a base rate between 0 and 1", str(options.base_rate), "0.5 means that half are members.")
    if options.scores:
        return _membership_of_scores(options)
    started, settings = time.perf_counter(), _settings(options, MembershipSettings)
    names = tuple(ATTACKS) if options.attack == "all" else (options.attack,)
    box = Remote(options.endpoint, options.key) if options.endpoint else None
    reveal = box.reveal if box else options.reveal
    executor = fleet.cluster(options.cluster) if options.cluster else fleet.processes()
    try:
        result = contract.drain(audit.audit(settings, names=names, reveal=reveal, executor=executor, box=box), _bar)
    finally:
        fleet.close(executor)
    if result.skipped and not result.reports:
        raise Refused(next(iter(result.skipped.values())))
    if options.per_record:
        _per_record(Path(options.per_record), result)
    shared = {
        "target_train_accuracy": result.train_accuracy, "target_test_accuracy": result.test_accuracy, "shadows": result.shadows,
        "shadow_seconds": result.shadow_seconds, "run": result.run, "skipped": result.skipped, "lost": list(result.lost),
    }  # fmt: skip
    body = _reports(result.reports, shared, options.base_rate)
    _write(options.json, "membership", settings, {**settings.as_dict(), "reveal": reveal}, started, body)
    return 0


def _membership_of_scores(options: argparse.Namespace) -> int:
    """Audit a model that was trained elsewhere."""
    from mlleak_core.threats.membership.audit import audit_scores
    from mlleak_core.data.scores import read_scores

    started = time.perf_counter()
    found = audit_scores(read_scores(Path(options.scores)), options.seed)
    chosen = found if options.attack == "all" else {options.attack: found.get(options.attack)}
    if None in chosen.values():  # shadows are not to be had for a model that is not here
        chosen = {"loss": found["loss"]}
    settings = MembershipSettings(seed=options.seed)
    _write(options.json, "membership", settings, {"scores": options.scores}, started, _reports(chosen, {}, options.base_rate))
    return 0


def _reports(reports: dict[str, Any], shared: dict[str, Any], base_rate: float) -> dict[str, Any]:
    """One attack: its numbers; several: one report each, beside what they share."""
    from mlleak_core.measure import positive_predictive_value as precision

    rows = {name: report.row() for name, report in reports.items()}
    for row in rows.values():
        found = row["tpr_at_1pct"]
        row["precision_at_1pct"] = {"base_rate": base_rate, "value": None if found is None else precision(found, 0.01, base_rate)}
    return {**next(iter(rows.values())), **shared} if len(rows) == 1 else {**shared, "attacks": rows}


def _per_record(path: Path, result: Any) -> None:
    """A row a record: its name, the truth, whether each attack's false-discovery list names it, and every score."""
    import csv

    names = list(result.reports)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["record", "member", *names, *(f"{n}_named" for n in names)])
        for i, row in enumerate(result.rows):
            scores = [result.scores[n][i] for n in names]
            writer.writerow(
                [result.exhibit.names[row], int(result.member[i]), *scores, *(int(result.reports[n].named[i]) for n in names)]
            )


def _reconstruction(options: argparse.Namespace) -> int:
    from mlleak_core.data import source
    from mlleak_core.threats.reconstruction import exhibit as gallery, plan, twins
    from mlleak_core.threats.inversion import invert as participant
    from mlleak_core.target.store import Store

    started, settings = time.perf_counter(), _settings(options, ReconstructionSettings)
    if options.endpoint and settings.attack != "cap":
        raise BadInput("--attack cap with --endpoint", settings.attack, "The other attacks need the model file, not a service.")
    key = plan.KEY if options.decode_key is None else options.decode_key
    faces = contract.drain(source.load(settings.data), _bar)
    if settings.attack == "gradient":
        inverted = contract.drain(participant.invert(settings, faces), _bar)
        truth, pictures, body = inverted.truth, inverted.pictures, inverted.row()
    elif options.endpoint:
        from mlleak_core.target.blackbox import Remote

        remote = contract.drain(twins.read_service(settings, faces, Remote(options.endpoint, options.key), key), _bar)
        truth, pictures, body = remote.truth, remote.pictures, remote.report.row() | {"mae_mean_image": remote.baseline.mae.value}
    else:
        found = contract.drain(twins.twins(settings, faces, options.reveal, options.erase, key=key), _bar)
        _keep(Store().save, found.malicious)
        truth, pictures, body = found.plan.secret.pictures, found.frames[-1].pictures, found.row()
    if options.gallery:
        Path(options.gallery).write_bytes(gallery.poster(truth, pictures))
    _write(options.json, "reconstruction", settings, settings.as_dict(), started, body)
    return 0


def _serve(options: argparse.Namespace) -> int:
    from mlleak_core.target.service import app, serve

    application = app(options.run, options.reveal, options.key, options.per_minute)
    print(f"serving {options.run} on http://{options.host}:{options.port}, revealing {options.reveal}", file=sys.stderr)
    serve(application, options.host, options.port)
    return 0


def _ship(_: argparse.Namespace) -> int:
    from mlleak_core.threats.reconstruction import exhibit as gallery
    from mlleak_core.threats.features import exhibit as shipped
    from mlleak_core.threats.membership import exhibit as showcase

    shipped.write(shipped.make())
    showcase.write(showcase.make())
    gallery.write(gallery.make())
    print(f"wrote {shipped.FOLDER}", file=sys.stderr)
    return 0


def _device(options: argparse.Namespace) -> str:
    from mlleak_core.target.models import pick_device

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


def _finite(value: Any) -> Any:
    """Numbers that JSON cannot say (the interval of a single value is infinite) become null."""
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write(
    path: str,
    threat: str,
    settings: TrainSettings | MembershipSettings | ReconstructionSettings,
    shown: dict[str, Any],
    started: float,
    report: Any,
) -> None:
    result = {
        "threat": threat, "data": settings.data, "seed": settings.seed, "settings": shown,
        "seconds": time.perf_counter() - started, "report": report,
    }  # fmt: skip
    text = json.dumps(_finite(result), indent=1, allow_nan=False)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if path == "-":
        print(text)
    else:
        Path(path).write_text(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
