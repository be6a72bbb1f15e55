"""What is found of one layer and one attribute. Light to import: pages read it of what was shipped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlleak_core.contract import Estimate
from mlleak_core.figures.scenes import LAYER_NAMES
from mlleak_core.language import mark, say
from mlleak_core.threat import Verdict

NEGLIGIBLE = 0.01
"""A gain in AUC smaller than this counts as none, however narrow its interval."""
USEFUL = 0.55
"""An AUC below this is of no use to anyone: nothing was made easier that still reads no better."""


class LiftVerdict(Verdict):
    """What training did to the neighbourhood of those who have an attribute."""

    NEARER = mark("drawn together")
    APART = mark("mixed again")
    SAME = mark("no nearer than before")


class LadderVerdict(Verdict):
    """What training did to an attribute in a layer."""

    CHANCE = mark("not told from chance")
    EASIER = mark("made easier to read")
    FORGOTTEN = mark("being forgotten")
    KEPT = mark("merely kept")


@dataclass(frozen=True, kw_only=True)
class Rung:
    """The judge's finding for one layer and attribute. Estimates carry 95% intervals; null: over shuffles.

    positives: held faces with the attribute, of `holders` people; people: whose label is known at all.
    random_init: of one untrained net; few_shot_random_init, lift_random_init: the mean over `controls` of
    them. few_shot_p, lift_p: that the trained net is one more of them; told: p stands among all rungs' p.
    """

    layer: str
    attribute: str
    auc: Estimate
    null: Estimate
    label_only: float
    random_init: Estimate
    few_shot: float
    few_shot_random_init: float
    few_shot_gain: Estimate
    few_shot_p: float
    lift: float
    lift_random_init: float
    lift_gain: Estimate
    lift_p: float
    gain: float
    controls: int
    positives: int
    holders: int
    people: int
    few_shot_told: bool = False
    lift_told: bool = False

    @property
    def verdict(self) -> LadderVerdict:
        """Taken from the intervals, and from the gain that stands after correction."""
        gain = self.few_shot_gain.value if self.few_shot_told else 0.0
        if self.auc.low <= self.null.high:
            return LadderVerdict.CHANCE
        if gain > NEGLIGIBLE and self.few_shot >= USEFUL:
            return LadderVerdict.EASIER
        if gain < -NEGLIGIBLE and self.few_shot_random_init >= USEFUL:
            return LadderVerdict.FORGOTTEN
        return LadderVerdict.KEPT

    @property
    def lift_verdict(self) -> LiftVerdict:
        """Taken from the gain in lift, where it stands after correction."""
        if not self.lift_told:
            return LiftVerdict.SAME
        return LiftVerdict.NEARER if self.lift_gain.value > 0 else LiftVerdict.APART

    def row(self) -> dict[str, Any]:
        """The flat form that the command line prints."""
        return {
            "layer": self.layer,
            "attribute": self.attribute,
            "auc": self.auc.value,
            "low": self.auc.low,
            "high": self.auc.high,
            "n": self.auc.n,
            "people": self.people,
            "positives": self.positives,
            "bearers": self.holders,
            "null_auc": self.null.value,
            "null_low": self.null.low,
            "null_high": self.null.high,
            "label_only_auc": self.label_only,
            "random_init_auc": self.random_init.value,
            "random_init_low": self.random_init.low,
            "random_init_high": self.random_init.high,
            "few_shot_auc": self.few_shot,
            "few_shot_random_init_auc": self.few_shot_random_init,
            "few_shot_gain_low": self.few_shot_gain.low,
            "few_shot_gain_high": self.few_shot_gain.high,
            "few_shot_gain_p": self.few_shot_p,
            "untrained_nets": self.controls,
            "neighbour_lift": self.lift,
            "neighbour_lift_random_init": self.lift_random_init,
            "neighbour_lift_gain_low": self.lift_gain.low,
            "neighbour_lift_gain_high": self.lift_gain.high,
            "neighbour_lift_gain_p": self.lift_p,
            "neighbours": self.lift_verdict.words,
            "gain": self.gain,
            "verdict": self.verdict.words,
        }

    def line(self) -> dict[str, str]:
        """A row of the page's table, in words."""
        return {
            mark("layer"): say(LAYER_NAMES.get(self.layer, self.layer)),
            mark("40 photos, AUC"): f"{self.few_shot:.2f}",
            mark("40 photos, before training"): f"{self.few_shot_random_init:.2f}",
            mark("gain"): _between(self.few_shot_gain, "+.3f"),
            mark("all photos, AUC"): _between(self.auc),
            mark("all photos, before training"): _between(self.random_init),
            mark("labels shuffled"): _between(self.null),
            mark("gender label alone"): f"{self.label_only:.2f}",
            mark("neighbours"): f"{self.lift:.2f}",
            mark("neighbours, before training"): f"{self.lift_random_init:.2f}",
            mark("verdict"): self.verdict.words,
        }


def _between(estimate: Estimate, form: str = ".2f") -> str:
    """A value with its interval."""
    return f"{estimate.value:{form}} [{estimate.low:{form}}, {estimate.high:{form}}]"
