"""Everything without a browser: `mlleak list | train | report | rehearse | serve | federate | ship |
handouts | classroom | app`, and a command for every threat.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import json
import os
import sys
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from mlleak_core import disk
from mlleak_core.contract import BadInput, Choice, Diverged, Knob, Settings, Step, drain, knobs
from mlleak_core.data.source import SOURCES
from mlleak_core.defences.on_output import REVEALS
from mlleak_core.report import contents
from mlleak_core.report.contents import Report, finite
from mlleak_core.server import wishes
from mlleak_core.server.desk import Desk, Machine
from mlleak_core.server.terminal import progress
from mlleak_core.target.blackbox import Refused, Remote
from mlleak_core.target.settings import TrainSettings
from mlleak_core.threat import SHIPPED, Exhibit, Threat, discover, imported, threat

Command = Callable[[argparse.Namespace], int]
FLOWER = "127.0.0.1:9092"
DEVICES = ("auto", "cpu", "cuda", "mps")


class _Parser(argparse.ArgumentParser):
    """argparse with one clear line instead of a usage dump, and options written out."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{**options, "allow_abbrev": False})

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"mlleak: {message}. Try {self.prog} --help.\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it worked, 2 when what was asked for cannot be done."""
    given = list(sys.argv[1:] if arguments is None else arguments)
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


def _parser(given: Sequence[str]) -> _Parser:
    """All commands; only the options of the one that was given are made, since attacks are slow to import."""
    parser = _Parser(prog="mlleak", description="What are machine-learning models hiding?")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    wanted = next((word for word in given if not word.startswith("-")), "")

    def add(name: str, words: str, options: Callable[[_Parser], None], command: Command) -> None:
        sub = commands.add_parser(name, help=words)
        sub.set_defaults(command=command, given=given)
        if name == wanted:
            options(sub)

    add("list", "what can be run, and on which data", lambda _: None, _list)
    add("train", "train the target and report how well it does its task", _train_options, _train)
    for found in discover():
        add(found.card.slug, found.card.question, lambda sub, f=found: _threat_options(sub, f), _attack)  # type: ignore[misc]
    add("report", "a kept run or an exhibit as one HTML file to take away", _take_options, _take)
    add("serve", "a prediction service for a run, to be attacked over HTTP", _serve_options, _serve)
    add("federate", "a joint training over a network, with an attacker in it", _federate_options, _federate)
    add("calibrate", "how often verdicts are wrong where nothing is there", _calibrate_options, _calibrate)
    add("rehearse", "compute and keep what a demo on some data shows", _rehearse_options, _rehearse)
    add("ship", "compute the exhibits that come with the program anew", _ship_options, _ship)
    add("handouts", "what a teacher prints: cards, sheets, notes, as HTML", _handout_options, _handouts)
    add("classroom", "the page on which a class joins by phone; `app` starts it, too", _class_options, _class)
    add("app", "open the app in the browser; further options are Streamlit's", _app_options, _app)
    return parser


def _train_options(parser: _Parser) -> None:
    _knob_options(parser, TrainSettings)
    parser.add_argument("--device", default="auto", choices=DEVICES, help="where to train (default auto)")
    _report_option(parser)


def _threat_options(parser: _Parser, found: Threat) -> None:
    catalogue = (*found.catalogue(), "all") if "attack" in _names(found.settings) else ()
    _knob_options(parser, found.settings, catalogue)
    parser.set_defaults(threat=found.card.slug)
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
    _report_option(parser)


def _take_options(parser: _Parser) -> None:
    names = [found.shipped_name(settings) for found in discover() for settings in found.shipped]
    words = f"a training's name, an exhibit's JSON file, or one of {', '.join(names)}"
    parser.add_argument("run", metavar="RUN", help=words)
    parser.add_argument("--out", default="", metavar="FILE.html", help="the report (default RUN.html)")
    parser.add_argument("--png", default="", metavar="FILE.png", help="the finding as a picture")
    parser.add_argument("--json", default="", metavar="FILE.json|-", help="all of it as JSON")


def _serve_options(parser: _Parser) -> None:
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


def _federate_options(parser: _Parser) -> None:
    roles = parser.add_subparsers(required=True, metavar="serve|join", dest="role", parser_class=_Parser)
    serve = roles.add_parser("serve", help="lead the training")
    serve.add_argument("--address", default=FLOWER, metavar="HOST:PORT", help=f"where (default {FLOWER})")
    serve.add_argument("--weights", default="", metavar="FILE.safetensors", help="keep the joint model")
    join = roles.add_parser("join", help="take part; number 0 attacks")
    join.add_argument("--participant", type=int, required=True, metavar="K", help="its number, 0 attacks")
    join.add_argument("--server", default=FLOWER, metavar="HOST:PORT", help=f"who leads (default {FLOWER})")
    for role, wait in ((serve, 600.0), (join, 30.0)):
        words = f"seconds to wait for the other side (default {wait:g})"
        role.add_argument("--wait", type=float, default=wait, metavar="SECONDS", help=words)
        _knob_options(role, _federated().settings)
        _report_option(role)


def _federated() -> Threat:
    return next(found for found in discover() if found.join)


def _ship_options(parser: _Parser) -> None:
    slugs = [found.card.slug for found in discover()]
    parser.add_argument(
        "threats", nargs="*", metavar="THREAT", help=f"which: {', '.join(slugs)} (default all)"
    )
    parser.add_argument("--to", default=str(SHIPPED), metavar="FOLDER", help="where they are written")
    words = "only the numbers of what was rehearsed on DATA, without a picture or a name"
    parser.add_argument("--on", default="", metavar="DATA", help=words)


def _rehearse_options(parser: _Parser) -> None:
    parser.add_argument("--data", default="lfw", help="on which data, by its name in `list` (default lfw)")
    parser.add_argument("--seed", type=int, default=0)
    _report_option(parser)


def _calibrate_options(parser: _Parser) -> None:
    add = parser.add_argument
    add("nulls", nargs="*", metavar="NULL", help="which (default all; a wrong name lists them)")
    add("--draws", type=int, default=0, help="draws of each; 0 = as many as a full calibration makes")
    add("--seed", type=int, default=0)
    add("--save", action="store_true", help="write the rates where pages look for them")
    _report_option(parser)


def _handout_options(parser: _Parser) -> None:
    parser.add_argument("--to", required=True, metavar="FOLDER", help="where they are written")


def _class_options(parser: _Parser) -> None:
    host, port = wishes.classroom_host(), wishes.classroom_port()
    parser.add_argument("--host", default=host, help=f"(MLLEAK_CLASSROOM_HOST, default {host})")
    parser.add_argument("--port", type=int, default=port, help=f"(MLLEAK_CLASSROOM_PORT, default {port})")
    parser.add_argument("--beside", action="store_true", help="stop when standard input ends")


def _app_options(parser: _Parser) -> None:
    parser.set_defaults(passes_on=True)


def _report_option(parser: _Parser) -> None:
    parser.add_argument(
        "--json", default="-", metavar="PATH|-", help="where the report goes (default standard output)"
    )


def _names(settings: type) -> list[str]:
    return [knob.name for knob in _offered(settings)]


def _offered(settings: type) -> list[Knob]:
    """The knobs that are options: all but whole settings within settings."""
    return [knob for knob in knobs(settings) if not issubclass(knob.kind, Settings)]


def _knob_options(parser: _Parser, settings: type, catalogue: Sequence[str] = ()) -> None:
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


def _settings(options: argparse.Namespace, kind: type) -> Any:
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


def _list(_: argparse.Namespace) -> int:
    for kind in ("faces", "records", "texts", "lines"):
        shown = [s.spelling for s in SOURCES if s.kind == kind and not s.private]
        print(f"data, {kind}  " + "  ".join(shown))
    print("train  Train the target: a gender classifier.")
    for found in discover():
        print(f"{found.card.slug}  {found.card.question} ({'; '.join(found.card.papers)})")
    return 0


def _train(options: argparse.Namespace) -> int:
    settings = _settings(options, TrainSettings)
    started, desk = time.perf_counter(), _desk(options)
    with progress() as on_step:
        target = drain(desk.target(settings), on_step)
        faces = drain(desk.faces(settings.data), on_step)
    from mlleak_core.target.training import choose_faces

    shown = {**settings.as_dict(), "recipe": target.recipe, "run": target.key}
    _write(options.json, "train", settings, shown, started, target.report(choose_faces(faces, settings)))
    return 0


def _attack(options: argparse.Namespace) -> int:
    """Run a threat: what its page does, with a report instead of pictures."""
    found = threat(options.threat)
    settings = _settings(options, found.settings)
    kind = _ending(options.report) if options.report else ""
    started, desk = time.perf_counter(), _desk(options)
    table = getattr(options, "scores", "")
    run = imported(found.scores)(Path(table), settings, desk) if table else found.start(settings, desk)
    try:
        with progress() as on_step:
            result = drain(run, on_step)
            exhibit = drain(_whole(result, desk), on_step) if kind else result.exhibit()
    finally:
        desk.close()
    for artefact in found.writes:
        path = getattr(options, artefact.name.replace("-", "_"))
        if path:
            Path(path).write_bytes(result.artefact(artefact.name))
    findings = [finding.row() for finding in exhibit.findings()]
    shown = {"scores": table} if table else settings.as_dict()
    if kind:
        _take_away(Report(found, exhibit.labelled("live", "live"), _beside(options)), options.report, kind)
    _write(options.json, found.card.slug, settings, shown, started, {**result.row(), "findings": findings})
    return 0


def _beside(options: argparse.Namespace) -> tuple[str, ...]:
    """What was given that is no setting and yet decides what is attacked; never the key."""
    scores, endpoint = getattr(options, "scores", ""), getattr(options, "endpoint", "")
    attack = ("--attack", options.attack) if scores else ()
    return (
        *(("--scores", scores, *attack) if scores else ()),
        *(("--endpoint", endpoint, "--key", "KEY") if endpoint else ()),
    )


def _take(options: argparse.Namespace) -> int:
    """Write the report of a run that is there: shipped, kept, or in a file."""
    report = _found(options.run)
    asked = {".html": options.out, ".png": options.png, ".json": options.json}
    if not any(asked.values()):
        asked[".html"] = f"{Path(options.run).stem}.html"
    for ending, path in asked.items():
        if path:
            _take_away(report, path, ending)
    return 0


def _found(name: str) -> Report:
    """The report of what is called so. Raises BadInput."""
    if name.endswith(".json"):
        return contents.kept(Path(name))
    return contents.shipped(name) or _trained(name)


def _trained(key: str) -> Report:
    """Of a kept training: what the threat finds in it that opens the Train page's nets. Raises BadInput."""
    desk = Desk()
    if not key.isalnum() or not desk.store.has(key):
        names = [found.shipped_name(settings) for found in discover() for settings in found.shipped]
        expected = f"a kept training, an exhibit's JSON file, or one of {', '.join(names)}"
        remedy = "Other runs write their report themselves: add --report FILE.html to their command."
        raise BadInput(expected, repr(key[:80]), remedy)
    found = next(found for found in discover() if issubclass(found.settings, TrainSettings))
    settings = found.settings(**desk.store.load(key).settings.as_dict())
    try:
        with progress() as on_step:
            result = drain(found.start(settings, desk), on_step)
            exhibit = drain(_whole(result, desk), on_step)
    finally:
        desk.close()
    return Report(found, exhibit.labelled(key, "live"))


WRITERS = {".html": "report.page:page", ".png": "report.picture:picture", ".json": "report.contents:as_json"}
"""What a report is written by, by the ending of its file."""


def _ending(path: str) -> str:
    """Which kind of report a file is to be. Raises BadInput."""
    kind = Path(path).suffix.lower()
    if kind not in WRITERS:
        raise BadInput(f"a file that ends in {', '.join(WRITERS)}", repr(path[-80:]), "Name it so.")
    return kind


def _take_away(report: Report, path: str, kind: str) -> None:
    """Write a report of a kind; - is standard output."""
    written = imported(f"mlleak_core.{WRITERS[kind]}")(report)
    if path == "-":
        print(written.decode(), end="")
        return
    Path(path).write_bytes(written)
    print(f"wrote {path}", file=sys.stderr)


def _desk(options: argparse.Namespace) -> Desk:
    from mlleak_core.target.models import pick_device

    endpoint = getattr(options, "endpoint", "")
    service = (lambda: Remote(endpoint, options.key)) if endpoint else None
    machine = Machine(
        device=str(pick_device(getattr(options, "device", "cpu"))), cluster=getattr(options, "cluster", "")
    )
    return Desk(machine=machine, service=service)


def _serve(options: argparse.Namespace) -> int:
    from mlleak_core.target.service import app, serve

    application = app(options.run, options.reveal, options.key, options.per_minute)
    where = f"http://{options.host}:{options.port}"
    words = f"serving {options.run} on {where}, revealing {options.reveal}"
    serve(application, options.host, options.port, lambda: print(words, file=sys.stderr, flush=True))
    return 0


def _federate(options: argparse.Namespace) -> int:
    """Lead a joint training or take part in it, until it is over."""
    found, started = _federated(), time.perf_counter()
    settings = _settings(options, found.settings)
    with progress() as on_step:
        if options.role == "serve":
            report = _led(found, settings, options, on_step)
        else:
            faces, join = drain(_desk(options).faces(settings.data), on_step), imported(found.join)
            report = join(settings, faces, options.participant, options.server, options.wait, on_step)
    _write(options.json, found.card.slug, settings, settings.as_dict(), started, report)
    return 0


def _led(found: Threat, settings: Settings, options: argparse.Namespace, on_step: Any) -> dict[str, Any]:
    served = imported(found.serve)(settings, options.address, options.wait, on_step)
    if options.weights:
        disk.write_tensors(Path(options.weights), {"weights": served.weights.numpy()})
    return {"rounds": len(served.took_part), "took_part": served.took_part, "loss": served.loss}


def _ship(options: argparse.Namespace) -> int:
    wanted = [threat(slug) for slug in options.threats] or list(discover())
    desk, folder = Desk(), Path(options.to)
    if options.on:
        return _ship_numbers(options.on, wanted, folder)
    try:
        for found in wanted:
            for settings in found.shipped:
                ship(found, settings, desk, folder)
        if not options.threats:
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
    print(f"wrote {len(told.told)} of {len(kept)} into {folder}", file=sys.stderr)
    return 0


def ship(found: Threat, settings: Settings, desk: Desk, folder: Path = SHIPPED) -> None:
    """Compute one exhibit and write it where the program looks for it."""
    with progress() as on_step:
        result = drain(desk.timed(found.card.slug, settings, found.start(settings, desk)), on_step)
        exhibit = drain(_whole(result, desk), on_step)
    exhibit.save(folder, found.shipped_name(settings))


def _whole(result: Any, desk: Desk) -> Generator[Step, None, Exhibit]:
    """A result's exhibit with all that it can show; of some that is more than a page draws at once."""
    more = getattr(result, "shipped_exhibit", None)
    return (yield from more(desk)) if more else result.exhibit()  # type: ignore[no-any-return]


def _rehearse(options: argparse.Namespace) -> int:
    from mlleak_core import rehearsal

    desk = Desk()
    try:
        with progress() as on_step:
            found = drain(rehearsal.rehearse(options.data, desk, options.seed), on_step)
    finally:
        desk.close()
    for each in found:
        print(f"{each.threat.card.title}: {each.seconds:.0f} s live on this machine", file=sys.stderr)
    _print(options.json, rehearsal.report(found))
    return 0


def _calibrate(options: argparse.Namespace) -> int:
    from mlleak_core import calibrate

    desk, rates, started = Desk(), [], time.perf_counter()
    try:
        with progress() as on_step:
            for null in calibrate.chosen(options.nulls):
                rates.append(drain(calibrate.calibrate(null, desk, options.draws, options.seed), on_step))
                if options.save:
                    calibrate.save(rates[-1:])
    finally:
        desk.close()
    report = {
        "seed": options.seed,
        "seconds": time.perf_counter() - started,
        "rates": [dataclasses.asdict(rate) for rate in rates],
    }
    _print(options.json, report)
    return 0


def _handouts(options: argparse.Namespace) -> int:
    from mlleak_core.handouts.sheets import handouts

    folder = disk.given(options.to)
    folder.mkdir(parents=True, exist_ok=True)
    for each in handouts():
        (folder / each.name).write_bytes(each.write())
    print(f"wrote {len(handouts())} files into {folder}", file=sys.stderr)
    return 0


def _class(options: argparse.Namespace) -> int:
    from mlleak_core.classroom.doors import serve

    until = sys.stdin.buffer if options.beside else None
    serve(options.host, options.port, lambda words: print(words, file=sys.stderr, flush=True), until)
    return 0


def _app(options: argparse.Namespace) -> int:
    from mlleak_core.server.browser import serve_app

    return serve_app(options.rest)


def _write(path: str, slug: str, settings: Any, shown: dict[str, Any], started: float, report: Any) -> None:
    result = {
        "threat": slug,
        "data": settings.data,
        "seed": settings.seed,
        "settings": shown,
        "seconds": time.perf_counter() - started,
        "report": report,
    }
    _print(path, result)


def _print(path: str, result: dict[str, Any]) -> None:
    text = json.dumps(finite(result), indent=1, allow_nan=False)
    if path == "-":
        print(text)
    else:
        Path(path).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
