"""What follows from the intervals of a ladder, in sentences. Light: no torch."""

from __future__ import annotations

from mlleak_core.figures.scenes import LAYER_NAMES
from mlleak_core.language import mark, say
from mlleak_core.threat import Conclusion
from mlleak_core.threats.features.facts import Facts
from mlleak_core.threats.features.rungs import LadderVerdict

WORDS = {
    LadderVerdict.EASIER: mark("training *made it easier to read*"),
    LadderVerdict.KEPT: mark("it was already in the pixels and *merely kept*"),
    LadderVerdict.FORGOTTEN: mark("training is *forgetting it*"),
    LadderVerdict.CHANCE: mark("it *cannot be told from chance*"),
}
ANSWERS = {
    LadderVerdict.EASIER: mark("In the answer itself ({auc:.2f}), training made it easier to read."),
    LadderVerdict.KEPT: mark(
        "In the answer itself ({auc:.2f}), it was already in the pixels and merely kept."
    ),
    LadderVerdict.FORGOTTEN: mark("In the answer itself ({auc:.2f}), training is forgetting it."),
    LadderVerdict.CHANCE: mark("In the answer itself ({auc:.2f}), it cannot be told from chance."),
}
SENTENCE = mark(
    "{attribute}: with {photos} labelled photos, {layer} gives it away at {auc:.2f}, {nets} untrained nets "
    "at {untrained:.2f} (gain [{low:+.3f}, {high:+.3f}]): {words}. {answer}"
)
SMALL = mark(
    "Intervals: 95%, of trained minus untrained, over test people, draws and untrained nets. What is called "
    "a gain or a loss stands after correction over all layers and attributes (Benjamini & Hochberg, 5%). "
    "Low layers see brightness, light and background; reading tone there needs no learning."
)


class Conclusions(Facts):
    """What training did to an attribute, one at a time."""

    def conclusion(self, attribute: str) -> Conclusion:
        """Taken from the intervals: the layer where training changed most, then the answer."""
        chosen, answer = self.telling(attribute), self.rungs_of(attribute)[-1]
        sentence = say(
            SENTENCE,
            attribute=say(attribute),
            photos=self.photos,
            layer=say(LAYER_NAMES[chosen.layer]),
            auc=chosen.few_shot,
            nets=chosen.controls,
            untrained=chosen.few_shot_random_init,
            low=chosen.few_shot_gain.low,
            high=chosen.few_shot_gain.high,
            words=say(WORDS[chosen.verdict]),
            answer=say(ANSWERS[answer.verdict], auc=answer.few_shot),
        )
        return Conclusion(chosen.verdict, sentence, say(SMALL))

    def conclusions(self) -> tuple[Conclusion, ...]:
        """Of every attribute, the telling one first."""
        return tuple(self.conclusion(attribute) for attribute in self._ordered())
