"""What follows from the intervals of a ladder, in sentences. Light: no torch."""

from __future__ import annotations

from mlleak_core.figures.scenes import LAYER_NAMES
from mlleak_core.threat import Conclusion
from mlleak_core.threats.features.facts import Facts
from mlleak_core.threats.features.rungs import LadderVerdict

WORDS = {
    LadderVerdict.EASIER: "training *made it easier to read*",
    LadderVerdict.KEPT: "it was already in the pixels and *merely kept*",
    LadderVerdict.FORGOTTEN: "training is *forgetting it*",
    LadderVerdict.CHANCE: "it *cannot be told from chance*",
}
SMALL = (
    "Intervals: 95%, of trained minus untrained, over test people, draws and untrained nets. What is called "
    "a gain or a loss stands after correction over all layers and attributes (Benjamini & Hochberg, 5%). "
    "Low layers see brightness, light and background; reading tone there needs no learning."
)


class Conclusions(Facts):
    """What training did to an attribute, one at a time."""

    def conclusion(self, attribute: str) -> Conclusion:
        """Taken from the intervals: the layer where training changed most, then the answer."""
        chosen, answer = self.telling(attribute), self.rungs_of(attribute)[-1]
        low, high = chosen.few_shot_gain.low, chosen.few_shot_gain.high
        sentence = (
            f"{attribute}: with {self.photos} labelled photos, {LAYER_NAMES[chosen.layer]} gives it away at "
            f"{chosen.few_shot:.2f}, {chosen.controls} untrained nets at {chosen.few_shot_random_init:.2f} "
            f"(gain [{low:+.3f}, {high:+.3f}]): {WORDS[chosen.verdict]}. "
            f"In the answer itself ({answer.few_shot:.2f}), {WORDS[answer.verdict].replace('*', '')}."
        )
        return Conclusion(chosen.verdict, sentence, SMALL)

    def conclusions(self) -> tuple[Conclusion, ...]:
        """Of every attribute, the telling one first."""
        return tuple(self.conclusion(attribute) for attribute in self._ordered())
