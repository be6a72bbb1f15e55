"""A clean twin and a malicious one, same seed and recipe: what is read back, and what an eraser leaves."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import BadInput, Estimate, Step, Stop, drain, fingerprint, now, relay
from mlleak_core.data import Faces, Split, source
from mlleak_core.defences.on_weights import ERASERS, State
from mlleak_core.figures.sheets import poster, strips
from mlleak_core.language import mark, say
from mlleak_core.measure import DIFFERENCE, SHARE, cluster_mean
from mlleak_core.seeds import stream
from mlleak_core.target.blackbox import BlackBox
from mlleak_core.target.models import ConvNet
from mlleak_core.target.settings import RECIPE, run_key
from mlleak_core.target.training import Target, fit, picture_answers, train_once
from mlleak_core.threat import Desk
from mlleak_core.threats.likeness import Pictures, names_of, repeated
from mlleak_core.threats.reconstruction.card import KEY, ReconstructionSettings
from mlleak_core.threats.reconstruction.encodings import CATALOGUE, Workshop
from mlleak_core.threats.reconstruction.exhibit import ReconstructionExhibit
from mlleak_core.threats.reconstruction.facts import About, Seconds, Task, Traces
from mlleak_core.threats.reconstruction.forensics import ask, examine
from mlleak_core.threats.reconstruction.judge import Claim, Report, judge, verdict
from mlleak_core.threats.reconstruction.plan import Plan, make_plan, net_of, read
from mlleak_core.threats.reconstruction.readings import CLEAN, EPOCH, ERASED, MEAN, Glimpse, Reading, reading

READ_AT = (0, 1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 50, 64, 81, 100)
"""Epochs after which the faces are read back."""
Shown = list[tuple[Reading, Pictures]]


@dataclass(frozen=True, eq=False, kw_only=True)
class Frame:
    """What could be read after an epoch; pictures as in a claim."""

    epoch: int
    pictures: Pictures
    report: Report


@dataclass(frozen=True, eq=False, kw_only=True)
class Erased:
    """What a treatment leaves: of the task (accuracy), of the faces (pictures, report)."""

    title: str
    accuracy: Estimate
    pictures: Pictures
    report: Report


@dataclass(frozen=True, eq=False, kw_only=True)
class Twins:
    """A finished run: both twins, what was read of either, what gave it away, what was tried against it."""

    settings: ReconstructionSettings
    plan: Plan
    faces: Faces
    clean: Target
    malicious: Target
    frames: tuple[Frame, ...]
    clean_pictures: Pictures
    clean_report: Report
    baseline: Report
    task: Task
    traces: Traces
    arrays: dict[str, NDArray[np.float32]]
    erased: tuple[Erased, ...] = ()
    read_seconds: float
    seconds: float
    complete: bool

    @property
    def report(self) -> Report:
        return self.frames[-1].report

    def row(self) -> dict[str, Any]:
        """The report of the command line: flat numbers, the controls beside them."""
        numbers, traces = self.report.row(), dataclasses.asdict(self.traces)
        return {
            **numbers,
            "mae_mean_image": self.baseline.mae.value,
            "mae_clean_twin": self.clean_report.mae.value,
            "bit_error_rate_clean_twin": self.clean_report.row()["bit_error_rate"],
            "identified_rate_clean_twin": self.clean_report.identified.value,
            "bits_per_second": numbers["bits_read"] / max(self.malicious.seconds, 1e-9),
            "fit_seconds": self.malicious.seconds,
            "fit_seconds_clean_twin": self.clean.seconds,
            "read_seconds": self.read_seconds,
            **self._task_row(),
            "capacity": dataclasses.asdict(self.plan.room),
            "forensics": {name: value for name, value in traces.items() if value is not None},
            "run": self.malicious.key,
            "erasers": [{"eraser": e.title, **_row(e.accuracy), **e.report.row()} for e in self.erased],
        }

    def _task_row(self) -> dict[str, Any]:
        task = self.task
        return {
            **_row(task.accuracy),
            "accuracy_clean_twin": task.accuracy_clean.value,
            "accuracy_cost": task.cost.value,
            "accuracy_cost_low": task.cost.low,
            "accuracy_cost_high": task.cost.high,
            "balanced_accuracy": task.balanced.value,
            "balanced_accuracy_clean_twin": task.balanced_clean.value,
            "majority": task.majority.value,
            "n_test": task.accuracy.n,
        }

    def artefact(self, name: str) -> bytes:
        """The truth above what was read back, as a PNG."""
        return _gallery(name, self.plan, self.frames[-1].pictures)

    def exhibit(self) -> ReconstructionExhibit:
        """Every reading, small."""
        arrays: dict[str, Any] = dict(self.arrays)
        for name, target in (("malicious", self.malicious), ("clean", self.clean)):
            arrays |= {f"{name}/{k}": v.astype(np.float32) for k, v in target.history.items()}
        shown = self._shown()
        about = _about(
            self.plan,
            self.faces,
            shown,
            task=self.task,
            traces=self.traces,
            verdict=verdict(self.report, self.clean_report, self.baseline),
            complete=self.complete,
            run=self.malicious.key,
            seconds=self._seconds(),
        )
        return ReconstructionExhibit(about=about, arrays=arrays, atlas=_atlas(self.plan, shown))

    def _seconds(self) -> Seconds:
        trained = (self.malicious.seconds, self.clean.seconds)
        return Seconds(malicious=trained[0], clean=trained[1], read=self.read_seconds, all=self.seconds)

    def _shown(self) -> Shown:
        """All readings in the order of the atlas."""
        shown: Shown = []
        for frame in self.frames:
            made = reading(EPOCH, f"epoch {frame.epoch}", frame.report, len(shown) + 1, epoch=frame.epoch)
            shown.append((made, frame.pictures))
        title = mark("the clean twin, read the same way")
        shown.append((reading(CLEAN, title, self.clean_report, len(shown) + 1), self.clean_pictures))
        shown.append(_average(self.plan, self.baseline, len(shown) + 1))
        for erased in self.erased:
            row = len(shown) + 1
            made = reading(ERASED, erased.title, erased.report, row, accuracy=erased.accuracy)
            shown.append((made, erased.pictures))
        return shown


def _row(accuracy: Estimate) -> dict[str, float]:
    return {"accuracy": accuracy.value, "accuracy_low": accuracy.low, "accuracy_high": accuracy.high}


def _average(plan: Plan, baseline: Report, row: int) -> tuple[Reading, Pictures]:
    pictures = repeated(plan.average, len(plan.victims))
    return reading(MEAN, mark("the average public face"), baseline, row), pictures


def _atlas(plan: Plan, shown: Shown) -> bytes:
    return strips([plan.secret.pictures, *(pictures for _, pictures in shown)])


def _gallery(name: str, plan: Plan, pictures: Pictures) -> bytes:
    if name != "gallery":
        raise BadInput("a file that can be written: gallery", repr(name), "Choose this one.")
    return poster(plan.secret.pictures, pictures)


def _about(plan: Plan, faces: Faces, shown: Shown, **more: Any) -> About:
    """What is known of every reading, of twins or of a service."""
    settings = plan.settings
    return About(
        made=datetime.date.today().isoformat(),
        settings=settings,
        title=faces.provenance.title,
        classes=faces.task.classes,
        names=names_of(faces, plan.secret.owner),
        views=tuple(made for made, _ in shown),
        room=plan.room,
        n_train=len(plan.split.members),
        n_added=plan.encoding.added(len(plan.bits)),
        n_public=len(plan.public),
        malicious_is="AB"[int(stream(settings.seed, "which twin is A").integers(2))],
        **more,
    )


def key_of(settings: ReconstructionSettings) -> str:
    """Names the malicious model: by what changes its weights, not by how it is read or treated afterwards."""
    made = dataclasses.replace(settings, reveal="probabilities", decode_key=KEY, erase=False)
    return "r" + fingerprint("reconstruction", RECIPE, made, source.identity(settings.data))[1:]


def run(settings: ReconstructionSettings, desk: Desk) -> Generator[Step, None, Twins | Asked]:
    """Train both twins and read them, or ask a service that holds the malicious one. Raises BadInput."""
    if desk.remote and not CATALOGUE[settings.attack].asks:
        raise BadInput(
            "--attack cap with --endpoint",
            settings.attack,
            "The other attacks need the model file, not a service.",
        )
    faces = yield from desk.faces(settings.data)
    if desk.service is not None:
        return (yield from read_service(settings, faces, desk.service))
    key = f"twin-{run_key(settings.training())}"
    found = yield from twins(settings, faces, desk.recall(key))
    if found.clean.complete:
        desk.remember(key, found.clean, settings.data)
    problem = desk.keep(settings.data, lambda store: store.save(found.malicious))
    if problem:
        note = say("the malicious twin could not be kept on disk: {problem}", problem=problem)
        yield Step(1, 1, note)
    return found


def twins(
    settings: ReconstructionSettings, faces: Faces, clean: Target | None = None
) -> Generator[Step, None, Twins]:
    """Train both, read the faces back while the malicious one learns, judge, then try every eraser if asked.

    clean: the clean twin of the same settings, where it is known already. Throwing `Stop` in keeps what there
    is.
    """
    started = now()
    yield Step(0, 1, say("choosing faces and making the code"))
    plan = make_plan(settings, faces)
    work = _Work(plan=plan, faces=faces, baseline=_average_face(plan))
    if clean is None:
        clean = yield from fit(faces, settings.training(), plan.split)
        if not clean.complete:
            raise Stop  # stopped before there was anything to read
    malicious = yield from work.malicious(clean)
    found = yield from _read_both(work, malicious, clean, started)
    if settings.erase and found.complete:
        found = dataclasses.replace(found, erased=(yield from _erasers(found)))
    return dataclasses.replace(found, seconds=now() - started)


def _read_both(work: _Work, malicious: Target, clean: Target, started: float) -> Generator[Step, None, Twins]:
    """What is in the finished twins."""
    plan, settings = work.plan, work.plan.settings
    last = max(malicious.states)
    state, clean_state = malicious.states[last], clean.states[max(clean.states)]
    began = now()
    claim = yield from read(plan, state, settings.reveal, settings.decode_key)
    read_seconds = now() - began
    final = Frame(epoch=last, pictures=claim.pictures, report=judge(claim, plan.secret))
    innocent = yield from read(plan, clean_state, settings.reveal)
    numbers, arrays = examine(state, clean_state, plan.average)
    return Twins(
        settings=settings,
        plan=plan,
        faces=work.faces,
        clean=clean,
        malicious=dataclasses.replace(malicious, key=key_of(settings)),
        frames=_once((*work.frames, final)),
        clean_pictures=innocent.pictures,
        clean_report=judge(innocent, plan.secret),
        baseline=work.baseline,
        task=_task(work.faces, plan.split, malicious, clean),
        traces=Traces(**{**numbers, **ask(plan, work.faces, malicious, clean)}),
        arrays=arrays,
        read_seconds=read_seconds,
        seconds=now() - started,
        complete=malicious.complete and clean.complete,
    )


def _average_face(plan: Plan) -> Report:
    """What the average public face, claimed for everybody, would score."""
    pictures = repeated(plan.average, len(plan.victims))
    return judge(Claim(pictures=pictures, probabilities=np.full(len(plan.bits), 0.5)), plan.secret)


def _once(frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
    """The last of the frames of each epoch."""
    return tuple({f.epoch: f for f in frames}.values())


@dataclass(eq=False, kw_only=True)
class _Work:
    """The malicious training, watched."""

    plan: Plan
    faces: Faces
    baseline: Report
    frames: list[Frame] = field(default_factory=list)

    def malicious(self, clean: Target) -> Generator[Step, None, Target]:
        """The malicious twin, as its encoding makes it; what has emerged so far is put into every step."""
        plan = self.plan
        shop = Workshop(
            faces=self.faces, split=plan.split, learn=self._learn, clean=clean, answers=self._answers
        )
        return (yield from relay(plan.encoding.train(plan.hidden, shop), self._shown))

    def _learn(self, faces: Faces, split: Split, **more: Any) -> Generator[Step, None, Target]:
        """The clean twin's `fit` with its settings, watched."""
        return fit(faces, self.plan.settings.training(), split, after_epoch=self._read, **more)

    def _answers(self, state: State) -> NDArray[np.float32]:
        return picture_answers(net_of(state, self.plan.settings.net), self.plan.x[self.plan.split.outsiders])

    def _read(self, epoch: int, net: ConvNet) -> None:
        if epoch in READ_AT:
            claim = drain(read(self.plan, net.state_dict(), self.plan.settings.reveal))
            report = judge(claim, self.plan.secret)
            self.frames.append(Frame(epoch=epoch, pictures=claim.pictures, report=report))

    def _shown(self, step: Step) -> Step:
        peek = {"glimpse": self._glimpse(self.frames[-1])} if self.frames else None
        return dataclasses.replace(step, note=say("malicious twin, {note}", note=step.note), peek=peek)

    def _glimpse(self, frame: Frame) -> Glimpse:
        return Glimpse(
            epoch=frame.epoch,
            truth=self.plan.secret.pictures,
            pictures=frame.pictures,
            report=frame.report,
            baseline=self.baseline,
            seed=self.plan.settings.seed,
        )


def _task(faces: Faces, split: Split, malicious: Target, clean: Target) -> Task:
    """Accuracies on people never seen and their paired difference, intervals by person."""
    truth, person = faces.task.codes[split.outsiders], faces.person[split.outsiders]
    a, b = (t.test_logits.argmax(1) == truth for t in (malicious, clean))
    weight = 0.5 / np.array([(truth == c).mean() for c in (0, 1)])[truth]
    commoner = np.full(len(truth), max(truth.mean(), 1 - truth.mean()))
    return Task(
        accuracy=cluster_mean(a, person, SHARE),
        accuracy_clean=cluster_mean(b, person, SHARE),
        cost=cluster_mean(b * 1.0 - a, person, DIFFERENCE),
        balanced=cluster_mean(a * weight, person),
        balanced_clean=cluster_mean(b * weight, person),
        majority=cluster_mean(commoner, person),
    )


def _erasers(found: Twins) -> Generator[Step, None, tuple[Erased, ...]]:
    """Each eraser: the task's accuracy and the faces afterwards. `Stop` keeps those that were tried."""
    tried: list[Erased] = []
    state = found.malicious.states[max(found.malicious.states)]
    try:
        for i, eraser in enumerate(ERASERS):
            yield Step(i, len(ERASERS), say("eraser: {treatment}", treatment=say(eraser.title)))
            rng = stream(found.settings.seed, "erasers", i)
            treated = eraser.on_weights(state, rng, lambda weights, epochs: _tuned(found, weights, epochs))
            tried.append(_after(found, eraser.title, treated))
    except Stop:
        pass
    return tuple(tried)


def _tuned(found: Twins, weights: State, epochs: int) -> State:
    """The model after some more epochs on the clean training data, at a quarter of the rate."""
    base, plan = found.settings.training(), found.plan
    gentle = dataclasses.replace(base, epochs=epochs, lr=max(base.lr / 4, 1e-4))
    labels = found.faces.task.codes.astype(np.int64)
    seed = found.settings.seed + 1
    net = train_once(plan.x, labels, plan.split.members, gentle, seed, start=dict(weights))
    return net.state_dict()


def _after(found: Twins, title: str, treated: State) -> Erased:
    """What a treatment leaves of the task and of the faces."""
    plan, rows = found.plan, found.plan.split.outsiders
    claim = drain(read(plan, treated, found.settings.reveal))
    said = picture_answers(net_of(treated, found.settings.net), plan.x[rows], mirror=False)[0].argmax(1)
    right = said == found.faces.task.codes[rows]
    return Erased(
        title=title,
        accuracy=cluster_mean(right, found.faces.person[rows], SHARE),
        pictures=claim.pictures,
        report=judge(claim, plan.secret),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class Asked:
    """What a service gave away."""

    plan: Plan
    faces: Faces
    pictures: Pictures
    report: Report
    baseline: Report
    seconds: float

    def row(self) -> dict[str, Any]:
        """The report of the command line."""
        return {**self.report.row(), "mae_mean_image": self.baseline.mae.value}

    def artefact(self, name: str) -> bytes:
        """The truth above what was read back, as a PNG."""
        return _gallery(name, self.plan, self.pictures)

    def exhibit(self) -> ReconstructionExhibit:
        """The reading beside the average face; of the model itself nothing is known."""
        title, epochs = mark("the service"), self.plan.settings.epochs
        shown = [(reading(EPOCH, title, self.report, 1, epoch=epochs), self.pictures)]
        shown.append(_average(self.plan, self.baseline, 2))
        about = _about(
            self.plan,
            self.faces,
            shown,
            task=None,
            traces=None,
            verdict=verdict(self.report, self.baseline, self.baseline),
            complete=True,
            run="",
            seconds=Seconds(malicious=0.0, clean=0.0, read=self.seconds, all=self.seconds),
        )
        return ReconstructionExhibit(about=about, arrays={}, atlas=_atlas(self.plan, shown))


def read_service(
    settings: ReconstructionSettings, faces: Faces, box: BlackBox
) -> Generator[Step, None, Asked]:
    """Ask a service that holds a malicious run of these settings; code and truth follow from the settings."""
    started = now()
    plan = make_plan(settings, faces)
    claim = yield from plan.encoding.run(plan.view(box, key=settings.decode_key))
    return Asked(
        plan=plan,
        faces=faces,
        pictures=claim.pictures,
        report=judge(claim, plan.secret),
        baseline=_average_face(plan),
        seconds=now() - started,
    )
