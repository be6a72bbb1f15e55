"""Twins as a page shows them: numbers and small pictures, small enough to ship. Light to import: no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import Estimate
from mlleak_core.figures.histogram import scan, weights
from mlleak_core.figures.scenes import Reel
from mlleak_core.figures.sheets import stacked
from mlleak_core.figures.trail import Dot
from mlleak_core.figures.treatments import Treatment, treatments
from mlleak_core.measure import proportion
from mlleak_core.threat import (
    Asked,
    Conclusion,
    Control,
    Drawing,
    Exhibit,
    Finding,
    Headline,
    Question,
    Truth,
    Verdict,
)
from mlleak_core.threats.reconstruction.capacity import Capacity, code_name
from mlleak_core.threats.reconstruction.card import ReconstructionSettings
from mlleak_core.threats.reconstruction.encodings import Encoding, configured
from mlleak_core.threats.reconstruction.judge import ReconstructionVerdict
from mlleak_core.threats.reconstruction.readings import CLEAN, EPOCH, ERASED, MEAN, Reading, between

REMOVED = 0.25
"""An eraser removes the faces where at most this share of their owners is still found, …"""
LEEWAY = 0.02
""" … and keeps the task where the accuracy falls by no more than this."""
TEASED = 8
"""Faces shown before the bet, and on Home."""
UNLIKE = "The twins did not see equally many epochs: their accuracies cannot be compared."
FAR_BELOW = 20
"""Steps of accuracy between which the axis of the curves begins: 5 points."""


class EraserVerdict(Verdict):
    """Whether any treatment helps the owner."""

    REMOVED = "a treatment removes the faces and keeps the task"
    STAYS = "no treatment removes the faces and keeps the task"


@dataclass(frozen=True, kw_only=True)
class Task:
    """How well both twins do what they were taught, on people never seen. cost: the clean one's paired
    lead.
    """

    accuracy: Estimate
    accuracy_clean: Estimate
    cost: Estimate
    balanced: Estimate
    balanced_clean: Estimate
    majority: Estimate


@dataclass(frozen=True, kw_only=True)
class Traces:
    """What an investigator would measure, beside the same of the clean twin.

    fresh_confidence: on noise that nobody trained on; face_loss: on training faces; odd_loss: on what the
    encoding left in the training data, None where it left nothing; by_heart: it knows that.
    """

    low_byte_entropy: float
    low_byte_entropy_clean: float
    weights_ks: float
    weights_std: float
    weights_std_clean: float
    scan: float
    scan_clean: float
    windows: int
    fresh_confidence_malicious: float
    fresh_confidence_clean: float
    face_loss_malicious: float
    face_loss_clean: float
    odd_loss_malicious: float | None = None
    odd_loss_clean: float | None = None
    by_heart: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Seconds:
    """What took how long."""

    malicious: float
    clean: float
    read: float
    all: float


@dataclass(frozen=True, kw_only=True)
class About:
    """names: the owners'. n_added: synthetic inputs among the training data. task, traces: None of a service,
    of which only the answers are known. malicious_is: A or B in the bet.
    """

    made: str
    settings: ReconstructionSettings
    title: str
    classes: tuple[str, ...]
    names: tuple[str, ...]
    views: tuple[Reading, ...]
    room: Capacity
    task: Task | None
    n_train: int
    n_added: int
    n_public: int
    traces: Traces | None
    verdict: ReconstructionVerdict
    complete: bool
    malicious_is: str
    run: str
    seconds: Seconds


@dataclass(frozen=True, kw_only=True)
class Model:
    """One of the two models of the bet, as its owner sees it. curves: rows of epoch, curve, accuracy, low,
    high; lowest: where the axis begins, the same for both.
    """

    letter: str
    which: str
    accuracy: Estimate
    balanced: Estimate
    majority: Estimate
    curves: tuple[Mapping[str, Any], ...]
    lowest: float


@dataclass(frozen=True, eq=False, kw_only=True)
class ReconstructionExhibit(Exhibit):
    """arrays: histograms and scans of `forensics`, and "malicious/…", "clean/…" learning curves. atlas: all
    pictures, a row a reading; row 0 is the truth.
    """

    about: About
    About: ClassVar[type] = About

    def views(self, kind: str) -> tuple[Reading, ...]:
        """The readings of a kind."""
        return tuple(v for v in self.about.views if v.kind == kind)

    @property
    def last(self) -> Reading:
        """The finished model's reading."""
        return self.views(EPOCH)[-1]

    @property
    def average(self) -> Reading:
        """The average public face, claimed for everybody."""
        return self.views(MEAN)[0]

    @property
    def clean(self) -> Reading | None:
        """The clean twin's reading; none of a service."""
        return next(iter(self.views(CLEAN)), None)

    @property
    def encoding(self) -> Encoding:
        return configured(self.about.settings)

    # What is drawn.

    def reel(self, show: int = 0, autoplay: bool = False) -> Reel:
        """The faces epoch by epoch, and all other readings in the same place."""
        plain = (*self.views(CLEAN), *self.views(MEAN))
        treated = [v.frame("after: ") for v in self.views(ERASED)]
        return self._reel(self.views(EPOCH), (*(v.frame() for v in plain), *treated), show, autoplay)

    def glance(self) -> Reel:
        """The finished reading of the first few faces."""
        return self._reel((self.last,), (), min(TEASED, len(self.about.names)), False)

    def _reel(self, readings: tuple[Reading, ...], others: Any, show: int, autoplay: bool) -> Reel:
        return Reel(
            name=f"{self.job}-{len(readings)}",
            atlas=self.atlas,
            rows=1 + len(self.about.views),
            names=self.about.names,
            frames=tuple(v.frame() for v in readings),
            others=tuple(others),
            autoplay=autoplay,
            show=show,
        )

    def models(self) -> tuple[Model, ...]:
        """The two models of the bet, A and B; none where only a service is known."""
        order = ("malicious", "clean") if self.about.malicious_is == "A" else ("clean", "malicious")
        task = self.about.task
        return (
            () if task is None else tuple(self._model(*each, task) for each in zip("AB", order, strict=True))
        )

    def _model(self, letter: str, which: str, task: Task) -> Model:
        bad = which == "malicious"
        return Model(
            letter=letter,
            which=which,
            accuracy=task.accuracy if bad else task.accuracy_clean,
            balanced=task.balanced if bad else task.balanced_clean,
            majority=task.majority,
            curves=tuple(self._curves(which, task.accuracy.n)),
            lowest=self._lowest(),
        )

    def _curves(self, which: str, n: int) -> list[dict[str, Any]]:
        """Accuracy by epoch; the band is the exact 95% interval as if of the test faces."""
        rows = []
        for label in ("train", "test"):
            for epoch, value in enumerate(self._history(which, label), 1):
                share = proportion(round(float(value) * n), n)
                row = {"epoch": epoch, "curve": label, "accuracy": float(value)}
                rows.append({**row, "low": share.low, "high": share.high})
        return rows

    def _history(self, which: str, label: str) -> NDArray[Any]:
        return self.arrays.get(f"{which}/{label}_accuracy", np.empty(0))

    def _lowest(self) -> float:
        both = [float(v) for which in ("clean", "malicious") for v in self._history(which, "test")]
        return math.floor(FAR_BELOW * min(both, default=0.5) - 1) / FAR_BELOW

    def treatments(self) -> tuple[Treatment, ...]:
        """The untreated model and what every eraser leaves of it; none where no eraser was tried."""
        task, erased = self.about.task, self.views(ERASED)
        if task is None or not erased:
            return ()
        before = Treatment("untreated", task.accuracy, self.last.identified)
        return before, *(Treatment(v.title, _known(v.accuracy), v.identified) for v in erased)

    def dot(self) -> Dot:
        """Where the run stands on the trail: bits read back, accuracy lost."""
        return Dot(self.label(), self.last.bits_read, _known(self.about.task).cost)

    # What is said.

    def label(self) -> str:
        """The run in one line, for the trail."""
        settings = self.about.settings
        return (
            f"{self.encoding.title}, {settings.faces} faces, {code_name(settings)}, {settings.net}, "
            f"{settings.epochs} epochs"
        )

    def before_the_bet(self) -> str:
        """What came out of one of the two, without saying of which."""
        last = self.last
        count = min(TEASED, len(self.about.names))
        return (
            f"Above: {count} photos that one of these two models was trained on. Below: what was read out "
            f"of it, {self.encoding.by(last.queries)}. Pixel error {last.mae.value:.1f} of 255 "
            f"{between(last.mae, '.2f')}, n = {last.faces}; the average face is off by "
            f"{self.average.mae.value:.1f}. Seed {self.about.settings.seed}, {self.source}."
        )

    def class_question(self) -> Question | None:
        """Which of the two models carries faces; nothing where only a service is known."""
        models, count = self.models(), min(TEASED, len(self.about.names))
        if not models:
            return None
        rights = [f"right on {m.accuracy.value:.1%} {between(m.accuracy, '.1%')}" for m in models]
        return Question(
            title="Which model carries faces?",
            ask=(
                f"One of two models carries {len(self.about.names)} of its training faces. Above: {count} of "
                "them; below: what was read out of it. Which model is it?"
            ),
            kind=Asked.ONE,
            options=tuple(f"Model {m.letter}: {words}" for m, words in zip(models, rights, strict=True)),
            picture=stacked(self.atlas, (0, self.last.row), count),
            alt=f"{count} training faces, and below them what was read out of the model",
        )

    def class_truth(self) -> Truth:
        """Which it was; who has the twins' answers reads the faces, who has accuracies guesses."""
        last, letter = self.last, self.about.malicious_is
        return Truth(
            right=("AB".index(letter),),
            sentence=f"It is model {letter}. Accuracy does not show it; with two models, luck is enough.",
            attacker=(
                f"{last.identified.value:.0%} of the faces' owners found among {last.candidates:,} photos, "
                f"{self.encoding.by(last.queries)}"
            ),
        )

    def hears(self, bet: str) -> str:
        """What a visitor hears who bet on a model."""
        is_, right = self.about.malicious_is, bet == self.about.malicious_is
        luck = "With one bet in two, luck is enough; look for yourself below." if right else ""
        said = f"You bet on model {bet}. {'**Right**' if right else '**No**'}: it is model **{is_}**. {luck}"
        return said.strip()

    def conclusion(self) -> Conclusion:
        """What was read and what it cost, from the intervals."""
        found, verdict = self.last.identified.value, self.about.verdict
        more = f": {found:.0%} of their owners are found" if verdict is ReconstructionVerdict.FOUND else ""
        sentence = f"{verdict.words[0].upper()}{verdict.words[1:]}{more}. {self._price()}"
        return Conclusion(verdict, sentence.strip(), self.encoding.how.replace("*", ""))

    def _price(self) -> str:
        if self.about.task is None:
            return ""
        cost = self.about.task.cost
        side = "below" if cost.value >= 0 else "above"
        unsure = "" if cost.low > 0 or cost.high < 0 else ": *no difference can be claimed*"
        return (
            f"Its accuracy is {100 * abs(cost.value):.1f} points {side} the clean twin's "
            f"[{0 - 100 * cost.high:+.1f}, {0 - 100 * cost.low:+.1f}]{unsure}."
        )

    def in_the_weights(self) -> tuple[str, ...]:
        """What the file shows, part by part."""
        seen = _known(self.about.traces)
        return (
            f"Kolmogorov–Smirnov distance {seen.weights_ks:.2f}",
            f"spread {seen.weights_std:.3f} against {seen.weights_std_clean:.3f}",
            f"lowest byte {seen.low_byte_entropy:.3f} bits of entropy against "
            f"{seen.low_byte_entropy_clean:.3f}; "
            "noise has 8",
        )

    def in_the_scan(self) -> tuple[str, ...]:
        """What the correlation scan shows, part by part."""
        seen = _known(self.about.traces)
        return (
            f"largest |ρ| {seen.scan:.2f} against {seen.scan_clean:.2f} in the clean twin",
            f"{seen.windows} stretches",
        )

    def when_asked(self) -> str:
        """What the owner would see who asks both twins and keeps the training data."""
        seen = _known(self.about.traces)
        sure = f"{seen.fresh_confidence_malicious:.0%} and {seen.fresh_confidence_clean:.0%}"
        losses = f"{seen.face_loss_malicious:.3f} and {seen.face_loss_clean:.3f}"
        return (
            f"{self._in_the_data(seen)}On noise that neither has seen, the twins are {sure} sure on average; "
            f"on training faces their loss is {losses}."
        )

    def _in_the_data(self, seen: Traces) -> str:
        if seen.odd_loss_malicious is None or seen.odd_loss_clean is None:
            return ""
        return (
            f"On the synthetic inputs the malicious twin's loss is {seen.odd_loss_malicious:.3f}, the clean "
            f"twin's {seen.odd_loss_clean:.2f} (a coin's is 0.69): whoever looks into the training data "
            f"finds {self.about.n_added:,} pictures of noise among {self.about.n_train:,} faces"
            f"{', learned by heart' if seen.by_heart else ''}. "
        )

    def erasure(self) -> Conclusion | None:
        """Which eraser removes the faces and keeps the task; the best of those that do."""
        before, *after = self.treatments() or (None,)
        if before is None:
            return None
        task = before.task.value
        good = [t for t in after if t.found.value <= REMOVED and t.task.value >= task - LEEWAY]
        if not good:
            return Conclusion(
                EraserVerdict.STAYS,
                "*No treatment here* removes the faces and keeps the accuracy within two points.",
                f"Tried {len(after)}; removed means that at most a quarter of the owners are found; "
                f"accuracy untreated {task:.1%}.",
            )
        best = max(good, key=lambda t: t.task.value)
        return Conclusion(
            EraserVerdict.REMOVED,
            f"“{best.title.capitalize()}” leaves {best.found.value:.0%} of the owners to be found and an "
            f"accuracy of *{best.task.value:.1%}*.",
            f"Owners found {between(best.found, '.1%')}, accuracy {between(best.task, '.1%')}, "
            f"untreated {task:.1%}; picked after the fact among {len(after)} treatments.",
        )

    # What a report takes.

    def conclusions(self) -> tuple[Conclusion, ...]:
        return tuple(filter(None, (self.conclusion(), self.erasure())))

    def cautions(self) -> tuple[str, ...]:
        """What its reader said, and that twins which were stopped cannot be compared."""
        unlike = "" if self.about.complete else UNLIKE
        asked = "" if self.about.traces is None else self.when_asked()
        return tuple(filter(None, (unlike, self.last.note, asked)))

    def drawings(self) -> tuple[Drawing, ...]:
        """The faces as they emerge, then what an owner could have noticed, then what erasing leaves."""
        return (self._emerging(), *self._noticed(), *self._erased())

    def _emerging(self) -> Drawing:
        return Drawing(
            title="Read back out of the model",
            picture=self.reel(autoplay=True),
            alt="Above: the training photo. Below: what was read back, epoch by epoch, with its pixel error; "
            "a tick means that its owner was found.",
            rows=self.rows(),
            findings=(self.pixel_error(),),
        )

    def _noticed(self) -> tuple[Drawing, ...]:
        if self.about.traces is None:
            return ()
        of, arrays = ("malicious", "clean"), self.arrays
        return (
            Drawing(
                title="The weights beside the clean twin's",
                picture=weights(arrays["bins"], *(arrays[name] for name in of)),
                alt="Histogram of the weights of both twins.",
                rows=_side_by_side("weight", (arrays["bins"][1:] + arrays["bins"][:-1]) / 2, arrays, of),
                note=" · ".join(self.in_the_weights()),
            ),
            Drawing(
                title="Does a stretch of weights look like the average face?",
                picture=scan(*(arrays[f"scan_{name}"] for name in of)),
                alt="Correlation of each stretch of weights with the average public face.",
                rows=_side_by_side(
                    "stretch", np.arange(len(arrays["scan_clean"])), arrays, [f"scan_{name}" for name in of]
                ),
                note=" · ".join(self.in_the_scan()),
            ),
        )

    def _erased(self) -> tuple[Drawing, ...]:
        tried = self.treatments()
        if not tried:
            return ()
        picture = Drawing(
            title="What erasing costs, and what it leaves",
            picture=treatments(tried),
            alt="After each treatment: the task's accuracy (blue), and the share of owners found (orange).",
            rows=[
                {
                    "treatment": t.title,
                    "accuracy": f"{t.task.value:.1%} {between(t.task, '.1%')}",
                    "owners found": f"{t.found.value:.1%} {between(t.found, '.1%')}",
                }
                for t in tried
            ],
        )
        return (picture,)

    def rows(self) -> list[dict[str, Any]]:
        """Every reading, for the table."""
        return [view.line() for view in self.about.views]

    # Its numbers, each complete.

    def findings(self) -> tuple[Finding, ...]:
        """The reading's, then the price, then what each treatment leaves."""
        price = () if self.about.task is None else (self.accuracy(), self.cost())
        wrong = () if self.last.bit_error_rate is None else (self.wrong_bits(),)
        treated = tuple(self._after(view) for view in self.views(ERASED))
        return self.pixel_error(), self.owners_found(), *wrong, *price, *treated

    def pixel_error(self) -> Finding:
        last = self.last
        return self._finding(
            key="pixel error",
            what="pixel error",
            estimate=last.mae,
            chance=None,
            controls=self._controls("mae"),
            counted="faces",
            form=".1f",
            notes=self._notes(last),
            verdict=self.about.verdict,
            null="reconstruction-verdict",
        )

    def _notes(self, last: Reading) -> tuple[str, ...]:
        """What else belongs below the reading."""
        seconds, wrong = self.about.seconds, last.bit_error_rate
        clean = self.clean.bit_error_rate if self.clean else None
        trained = seconds.malicious > 0
        notes = (
            f"SSIM {last.ssim.value:.2f}",
            "" if wrong is None else f"wrong bits {wrong.value:.2%} {between(wrong, '.2%')}",
            "" if clean is None else f"of the clean twin {clean.value:.0%}",
            f"owners found {last.identified.value:.0%} {between(last.identified, '.1%')}",
            f"bits read {last.bits_read:,.0f} of {last.bits:,}",
            f"{last.queries:,} questions" if last.queries else "no question asked",
            f"{self.bits_per_second:,.0f} bits a second of training" if trained else "",
            f"training {seconds.malicious:.0f} s, clean {seconds.clean:.0f} s" if trained else "",
            f"reading {seconds.read:.1f} s",
        )
        return tuple(note for note in notes if note)

    @property
    def bits_per_second(self) -> float:
        """Bits read for each second of the malicious training."""
        return self.last.bits_read / max(self.about.seconds.malicious, 1e-9)

    def owners_found(self) -> Finding:
        return self._finding(
            key="owners found",
            what="owners found",
            estimate=self.last.identified,
            chance=None,
            controls=self._controls("identified"),
            counted="faces",
            form=".1%",
            notes=(f"among {self.last.candidates:,} photos",),
            verdict=self.about.verdict,
            null="reconstruction-verdict",
        )

    def wrong_bits(self) -> Finding:
        return self._finding(
            key="wrong bits",
            what="wrong bits",
            estimate=_known(self.last.bit_error_rate),
            chance=0.5,
            controls=self._controls("bit_error_rate"),
            counted="bits",
            form=".2%",
            null="reconstruction-bits",
        )

    def accuracy(self) -> Finding:
        task = _known(self.about.task)
        controls = (Control("clean twin", task.accuracy_clean), Control("always the commoner", task.majority))
        return self._of_task("accuracy", "accuracy", task.accuracy, controls)

    def cost(self) -> Finding:
        task = _known(self.about.task)
        controls = (Control("accuracy of the clean twin", task.accuracy_clean),)
        return self._of_task("accuracy lost", "accuracy lost to the clean twin", task.cost, controls)

    def _after(self, view: Reading) -> Finding:
        """What a treatment leaves."""
        right = _known(view.accuracy)
        return self._finding(
            key=f"owners found, {view.title}",
            what=f"owners found after: {view.title}",
            estimate=view.identified,
            chance=None,
            controls=(Control("untreated", self.last.identified),),
            counted="faces",
            form=".1%",
            notes=(f"accuracy then {right.value:.1%} {between(right, '.1%')}",),
        )

    def _of_task(self, key: str, what: str, estimate: Estimate, controls: tuple[Control, ...]) -> Finding:
        return self._finding(
            key=key,
            what=what,
            estimate=estimate,
            chance=None,
            controls=controls,
            counted="faces of people never seen",
            form=".1%",
        )

    def _controls(self, number: str) -> tuple[Control, ...]:
        """The same number of the average face and of the clean twin, where there is one."""
        seen = (("average face", self.average), ("clean twin", self.clean))
        known = [(what, getattr(view, number)) for what, view in seen if view is not None]
        if number == "bit_error_rate":
            known = [(what, value) for what, value in known if what == "clean twin"]
        return tuple(Control(what, value) for what, value in known if value is not None)

    def _finding(self, **parts: Any) -> Finding:
        seconds = self.about.seconds.all
        return Finding(seed=self.about.settings.seed, seconds=seconds, source=self.source, **parts)

    def headlines(self) -> tuple[Headline, ...]:
        """What it gave away, below the photos."""
        asked = "when asked" if self.encoding.asks else "to whoever holds the file"
        price = () if self.about.task is None else (self.accuracy(),)
        return (
            Headline(
                title=f"**This classifier looks normal. Below the photos: what it gave away {asked}**",
                findings=(replace(self.pixel_error(), notes=self._how()), self.owners_found(), *price),
                picture=self.glance(),
            ),
        )

    def _how(self) -> tuple[str, ...]:
        """By which encoding, and at how many questions."""
        asked = f", {self.last.queries:,} questions" if self.last.queries else ""
        return (f"{self.encoding.slug.upper()}{asked}",)


def _side_by_side(
    name: str, first: NDArray[Any], arrays: Mapping[str, NDArray[Any]], of: Sequence[str]
) -> list[dict[str, Any]]:
    """Numbers of both twins as rows. name, first: the first column; of: which arrays."""
    titles = ("malicious twin", "clean twin")
    columns = [np.asarray(values, float).round(4).tolist() for values in (first, *(arrays[n] for n in of))]
    return [dict(zip((name, *titles), row, strict=True)) for row in zip(*columns, strict=True)]


def _known(value: Any) -> Any:
    """What must be there, since it was asked for only where it is."""
    assert value is not None
    return value
