"""A clean twin and a malicious one, same seed, same recipe; what is read back from either, and what an eraser leaves of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlleak_core.data import source
from mlleak_core.threats.reconstruction.encodings import (
    CapacityAbuse,
    Claim,
    CorrelatedValues,
    LeastSignificantBits,
    Report,
    SignEncoding,
    judge,
    odd_inputs,
)
from mlleak_core.target.blackbox import BlackBox, Reveal, softmax
from mlleak_core.threats.reconstruction.codes import Pictures, Shield
from mlleak_core.contract import Step, Stop, drain, fingerprint, now
from mlleak_core.data import Faces, Split
from mlleak_core.threats.reconstruction.forensics import ERASERS, State, examine
from mlleak_core.measure import Estimate, cluster_mean
from mlleak_core.target.models import ConvNet
from mlleak_core.threats.reconstruction.plan import KEY, Plan, answers_of, make_plan, net_of, read
from mlleak_core.target.settings import RECIPE, ReconstructionSettings
from mlleak_core.target.training import Target, fit, picture_answers, train_once

READ_AT = (0, 1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 50, 64, 81, 100)
"""Epochs after which the faces are read back."""
PROBES = 2000


@dataclass(frozen=True, eq=False)
class Frame:
    """What could be read after an epoch; pictures as in a claim."""

    epoch: int
    pictures: Pictures
    report: Report


@dataclass(frozen=True, eq=False)
class Erased:
    """What a treatment leaves: of the task (accuracy), of the faces (pictures, report)."""

    name: str
    accuracy: Estimate
    pictures: Pictures
    report: Report


@dataclass(frozen=True, eq=False)
class Twins:
    """Everything that the page shows and the command line reports."""

    settings: ReconstructionSettings
    plan: Plan
    faces: Faces
    clean: Target
    malicious: Target
    frames: tuple[Frame, ...]
    clean_pictures: Pictures
    clean_report: Report
    baseline: Report
    task: dict[str, Estimate]
    forensics: tuple[dict[str, Any], dict[str, NDArray[Any]]]
    erased: tuple[Erased, ...] = ()
    read_seconds: float = 0.0
    seconds: float = 0.0
    complete: bool = True

    @property
    def report(self) -> Report:
        return self.frames[-1].report

    def row(self) -> dict[str, Any]:
        """The report of the command line: flat numbers, the controls beside them."""
        task, numbers = self.task, self.report.row()
        return {
            **numbers, "mae_mean_image": self.baseline.mae.value, "mae_clean_twin": self.clean_report.mae.value,
            "bit_error_rate_clean_twin": self.clean_report.row()["bit_error_rate"], "identified_rate_clean_twin": self.clean_report.identified.value,
            "bits_per_second": numbers["bits_read"] / max(self.malicious.seconds, 1e-9), "fit_seconds": self.malicious.seconds,
            "fit_seconds_clean_twin": self.clean.seconds, "read_seconds": self.read_seconds,
            "accuracy": task["accuracy"].value, "accuracy_low": task["accuracy"].low, "accuracy_high": task["accuracy"].high,
            "accuracy_clean_twin": task["accuracy_clean"].value, "accuracy_cost": task["cost"].value, "accuracy_cost_low": task["cost"].low,
            "accuracy_cost_high": task["cost"].high, "balanced_accuracy": task["balanced"].value,
            "balanced_accuracy_clean_twin": task["balanced_clean"].value, "majority": task["majority"].value, "n_test": task["accuracy"].n,
            "capacity": dataclasses.asdict(self.plan.room), "forensics": self.forensics[0], "run": self.malicious.key,
            "erasers": [{"eraser": e.name, "accuracy": e.accuracy.value, "accuracy_low": e.accuracy.low, "accuracy_high": e.accuracy.high,
                         **e.report.row()} for e in self.erased],
        }  # fmt: skip


def key_of(settings: ReconstructionSettings) -> str:
    """Names the malicious model."""
    return "r" + fingerprint("reconstruction", RECIPE, settings, source.identity(settings.data))[1:]


def twins(
    settings: ReconstructionSettings,
    faces: Faces,
    reveal: Reveal = "probabilities",
    erase: bool = True,
    clean: Target | None = None,
    key: str = KEY,
) -> Generator[Step, None, Twins]:
    """Train both, read the faces back while the malicious one learns, judge, then try every eraser.

    clean: the clean twin of the same settings, where it is known already. key: read with this one; KEY is what was hidden with. Throwing `Stop` in keeps what there is.
    """
    started = now()
    yield Step(0, 1, "choosing faces and making the code")
    plan = make_plan(settings, faces)
    baseline = _average_face(plan)
    work = _Work(plan, faces, reveal, baseline)
    if clean is None:
        clean = yield from fit(faces, settings.training(), plan.split)
        if not clean.complete:
            raise Stop  # stopped before there was anything to read
    malicious = yield from work.malicious(clean)
    complete = malicious.complete and clean.complete
    state, clean_state = malicious.states[max(malicious.states)], clean.states[max(clean.states)]
    began = now()
    claim = yield from read(plan, state, reveal, key)
    read_seconds = now() - began
    frames = (*work.frames, Frame(max(malicious.states), claim.pictures, judge(claim, plan.secret)))
    innocent = yield from read(plan, clean_state, reveal)
    forensics = examine(state, clean_state, plan.public.mean(0), _losses(plan, faces, malicious, clean))
    found = Twins(
        settings, plan, faces, clean, dataclasses.replace(malicious, key=key_of(settings)), _once(frames), innocent.pictures,
        judge(innocent, plan.secret), baseline, _task(faces, plan.split, malicious, clean), forensics, (), read_seconds,
        now() - started, complete,
    )  # fmt: skip
    erased = (yield from _erasers(plan, faces, state, reveal)) if erase and complete else ()
    return dataclasses.replace(found, erased=erased, seconds=now() - started)


def _average_face(plan: Plan) -> Report:
    """What the average public face, claimed for everybody, would score."""
    mean = np.repeat(plan.public.mean(0, keepdims=True), len(plan.victims), 0)
    return judge(Claim(mean, np.full(len(plan.bits), 0.5)), plan.secret)


def _once(frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
    """The last of the frames of each epoch."""
    return tuple({f.epoch: f for f in frames}.values())


@dataclass(eq=False)
class _Work:
    """The malicious training, watched."""

    plan: Plan
    faces: Faces
    reveal: Reveal
    baseline: Report
    frames: list[Frame] = field(default_factory=list)

    def malicious(self, clean: Target) -> Generator[Step, None, Target]:
        """The clean twin's `fit` with other data (CAP) or one more term in the loss (COR, SGN); LSB touches the finished weights."""
        plan, encoding, training = self.plan, self.plan.encoding, self.plan.settings.training()
        if isinstance(encoding, LeastSignificantBits):
            last = max(clean.states)
            state = encoding.hide(clean.states[last], plan.bits)
            logits = [picture_answers(net_of(state, training.net), plan.x[plan.split.outsiders])[i] for i in (0, 1)]
            return dataclasses.replace(
                clean, states={**clean.states, last: state}, test_logits=logits[0], mirrored_logits=logits[1]
            )
        if isinstance(encoding, CapacityAbuse):
            faces, split = encoding.poison(self.faces, plan.split, plan.bits, KEY)
            run = fit(faces, training, split, after_epoch=self._read)
        elif isinstance(encoding, SignEncoding):
            term = encoding.regulariser(plan.bits)
            run = fit(self.faces, training, plan.split, regulariser=term, after_epoch=self._read)
        else:
            assert isinstance(encoding, CorrelatedValues)
            pixels = encoding.fitting(plan.secret.pictures, plan.room.weights).ravel().astype(float)
            run = fit(self.faces, training, plan.split, regulariser=encoding.regulariser(pixels), after_epoch=self._read)
        return (yield from self._shown(run))

    def _read(self, epoch: int, net: ConvNet) -> None:
        if epoch in READ_AT:
            claim = drain(read(self.plan, net.state_dict(), self.reveal))
            self.frames.append(Frame(epoch, claim.pictures, judge(claim, self.plan.secret)))

    def _shown(self, run: Generator[Step, None, Target]) -> Generator[Step, None, Target]:
        """Put what has emerged so far into every step."""
        try:
            step = next(run)
            while True:
                known = {"truth": self.plan.secret.pictures, "baseline": self.baseline, "seed": self.plan.settings.seed}
                peek = {"frame": self.frames[-1], **known} if self.frames else None
                try:
                    yield dataclasses.replace(step, note=f"malicious twin, {step.note}", peek=peek)
                    step = next(run)
                except Stop:
                    step = run.throw(Stop())
        except StopIteration as end:
            return end.value


def _task(faces: Faces, split: Split, malicious: Target, clean: Target) -> dict[str, Estimate]:
    """Accuracies on people never seen and their paired difference, intervals by person."""
    truth, person = faces.task.codes[split.outsiders], faces.person[split.outsiders]
    a, b = (t.test_logits.argmax(1) == truth for t in (malicious, clean))
    weight = 0.5 / np.array([(truth == c).mean() for c in (0, 1)])[truth]
    return {
        "accuracy": cluster_mean(a, person), "accuracy_clean": cluster_mean(b, person), "cost": cluster_mean(b * 1.0 - a, person),
        "balanced": cluster_mean(a * weight, person), "balanced_clean": cluster_mean(b * weight, person),
        "majority": cluster_mean(np.full(len(truth), max(truth.mean(), 1 - truth.mean())), person),
    }  # fmt: skip


def _losses(plan: Plan, faces: Faces, malicious: Target, clean: Target) -> dict[str, float]:
    """Mean loss of both twins on the odd inputs of the key, as whoever keeps the training data sees it, and their confidence on odd
    inputs that nobody trained on.
    """
    family = plan.encoding.inputs if isinstance(plan.encoding, CapacityAbuse) else "dense"
    fresh = odd_inputs(family, PROBES, "an investigator's own")
    found: dict[str, float] = {}
    for name, target in (("malicious", malicious), ("clean", clean)):
        answer = answers_of(target.net())
        found[f"fresh_confidence_{name}"] = float(softmax(answer(fresh)).max(1).mean())
        rows = plan.split.members[:PROBES]
        found[f"face_loss_{name}"] = _loss(answer(plan.x[rows]), faces.task.codes[rows])
        if isinstance(plan.encoding, CapacityAbuse) and len(plan.bits):
            coded = Shield(plan.encoding.parity).protect(plan.bits)[:PROBES]
            inputs = odd_inputs(family, plan.encoding.asked(len(plan.bits)), KEY)[: len(coded)]
            found[f"odd_loss_{name}"] = _loss(answer(inputs), coded)
    return found


def _loss(logits: NDArray[Any], labels: NDArray[Any]) -> float:
    p = softmax(logits)[np.arange(len(labels)), labels.astype(int)]
    return float(-np.log(np.maximum(p, 1e-12)).mean())


def _erasers(plan: Plan, faces: Faces, state: State, reveal: Reveal) -> Generator[Step, None, tuple[Erased, ...]]:
    """Each eraser: the task's accuracy and the faces afterwards."""
    truth, person = faces.task.codes[plan.split.outsiders], faces.person[plan.split.outsiders]
    labels, rows = faces.task.codes.astype(np.int64), plan.split.members
    base = plan.settings.training()

    def tune(weights: State, epochs: int) -> State:
        gentle = dataclasses.replace(base, epochs=epochs, lr=max(base.lr / 4, 1e-4))
        return train_once(plan.x, labels, rows, gentle, plan.settings.seed + 1, start=dict(weights)).state_dict()

    found = []
    try:
        for i, eraser in enumerate(ERASERS):
            yield Step(i, len(ERASERS), f"eraser: {eraser.name}")
            treated = eraser.apply(state, np.random.default_rng([plan.settings.seed, 97, i]), tune)
            claim = drain(read(plan, treated, reveal))
            right = picture_answers(net_of(treated, base.net), plan.x[plan.split.outsiders], mirror=False)[0].argmax(1) == truth
            found.append(Erased(eraser.name, cluster_mean(right, person), claim.pictures, judge(claim, plan.secret)))
    except Stop:
        pass
    return tuple(found)


@dataclass(frozen=True, eq=False)
class Service:
    """What a service gave away: pictures beside the truth."""

    truth: Pictures
    pictures: Pictures
    report: Report
    baseline: Report


def read_service(settings: ReconstructionSettings, faces: Faces, box: BlackBox, key: str = KEY) -> Generator[Step, None, Service]:
    """CAP against a service that holds a malicious run of the same settings; the code and the truth follow from the settings."""
    plan = make_plan(settings, faces)
    claim = yield from plan.encoding.run(plan.view(box, key=key))
    return Service(plan.secret.pictures, claim.pictures, judge(claim, plan.secret), _average_face(plan))
