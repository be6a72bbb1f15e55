"""The bet: which of two models carries faces? Light: no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import Estimate
from mlleak_core.figures.sheets import stacked
from mlleak_core.language import mark, say
from mlleak_core.measure import proportion
from mlleak_core.threat import Asked, Question, Truth
from mlleak_core.threats.reconstruction.facts import TEASED, Facts, Task
from mlleak_core.threats.reconstruction.readings import between

FAR_BELOW = 20
"""Steps of accuracy between which the axis of the curves begins: 5 points."""
BEFORE = mark(
    "Above: {count} photos that one of these two models was trained on. Below: what was read out of it, "
    "{by}. Pixel error {error:.1f} of 255 {interval}, n = {n}; the average face is off by {average:.1f}. "
    "Seed {seed}, {source}."
)
RIGHT = mark(
    "You bet on model {bet}. **Right**: it is model **{letter}**. With one bet in two, luck is enough; look "
    "for yourself below."
)
WRONG = mark("You bet on model {bet}. **No**: it is model **{letter}**.")
ASK = mark(
    "One of two models carries {faces} of its training faces. Above: {count} of them; below: what was read "
    "out of it. Which model is it?"
)
OPTION = mark("Model {letter}: right on {share:.1%} {interval}")
SHOWN = mark("{count} training faces, and below them what was read out of the model")
TRUTH = mark("It is model {letter}. Accuracy does not show it; with two models, luck is enough.")
FOUND = mark("{share:.0%} of the faces' owners found among {photos:,} photos, {by}")


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


class Bet(Facts):
    """Both models as their owner sees them, what a visitor and a class are asked, and what came of it."""

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

    def before_the_bet(self) -> str:
        """What came out of one of the two, without saying of which."""
        last = self.last
        count = min(TEASED, len(self.about.names))
        return say(
            BEFORE,
            count=count,
            by=self.encoding.by(last.queries),
            error=last.mae.value,
            interval=between(last.mae, ".2f"),
            n=last.faces,
            average=self.average.mae.value,
            seed=self.about.settings.seed,
            source=self._from(),
        )

    def _from(self) -> str:
        """Its source in words."""
        if self.source == f"shipped {self.about.made}":
            return say("shipped {date}", date=self.about.made)
        return say(self.source)

    def hears(self, bet: str) -> str:
        """What a visitor hears who bet on a model."""
        letter = self.about.malicious_is
        return say(RIGHT if bet == letter else WRONG, bet=bet, letter=letter)

    def class_question(self) -> Question | None:
        """Which of the two models carries faces; nothing where only a service is known."""
        models, count = self.models(), min(TEASED, len(self.about.names))
        if not models:
            return None
        return Question(
            title=say("Which model carries faces?"),
            ask=say(ASK, faces=len(self.about.names), count=count),
            kind=Asked.ONE,
            options=tuple(_option(model.letter, model.accuracy) for model in models),
            picture=stacked(self.atlas, (0, self.last.row), count),
            alt=say(SHOWN, count=count),
        )

    def class_truth(self) -> Truth:
        """Which it was; who has the twins' answers reads the faces, who has accuracies guesses."""
        last, letter = self.last, self.about.malicious_is
        return Truth(
            right=("AB".index(letter),),
            sentence=say(TRUTH, letter=letter),
            attacker=say(
                FOUND,
                share=last.identified.value,
                photos=last.candidates,
                by=self.encoding.by(last.queries),
            ),
        )


def _option(letter: str, accuracy: Estimate) -> str:
    """A model as a class may choose it."""
    return say(OPTION, letter=letter, share=accuracy.value, interval=between(accuracy, ".1%"))
