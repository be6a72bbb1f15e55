"""What Home says of a ladder. Light: no torch."""

from __future__ import annotations

from mlleak_core.figures.scenes import LAYER_NAMES
from mlleak_core.language import mark, say
from mlleak_core.threat import Figure, Headline
from mlleak_core.threats.features.drawings import Drawings
from mlleak_core.threats.features.facts import out_of
from mlleak_core.threats.features.rungs import Rung

GAINED = mark(
    "**Nobody asked for {attribute}. Training made it easier to read {place}** than from nets that were "
    "never trained."
)
PHOTOS = mark(
    "From {photos} labelled photos. AUC: the chance that a random face that has it scores above one that has "
    "not. .50 is a coin, 1.00 is every time."
)
ALIKE = mark(
    "**One layer at a time: what the net sees as alike.** Colour is {labelling}; nobody ever told it."
)
HIDES, HIDES_CLASS = mark("Its answer hides {label}."), mark("Its answer hides the label {label}.")
LITTLE_OF = mark("Its answer says little of {label}.")
LITTLE_OF_CLASS = mark("Its answer says little of the label {label}.")
BELOW = {
    "hidden": mark("One layer below, it is all there"),
    "pixels": mark("In the pixels, it is all there"),
}
SMALL = mark(
    "Whether training put it there or merely kept it, the Features page measures against nets that were "
    "never trained."
)

CLEAR, LITTLE = 0.95, 0.7
"""Bounds of an AUC's interval from where on all is there, and up to where little is said."""


class Headlines(Drawings):
    """What training made easier to read or what the net sees as alike, and what its answer hides."""

    def headlines(self) -> tuple[Headline, ...]:
        """What training made easier to read, or else what the net sees as alike; what its answer hides."""
        rung, covered = self.strongest(), self._covered()
        first = self._gained(rung) if rung else self._alike(self.about.attributes[0])
        return (first, self._hidden(covered)) if covered else (first,)

    def _gained(self, rung: Rung) -> Headline:
        answer = self.rungs_of(rung.attribute)[-1]
        return Headline(
            title=say(GAINED, attribute=say(rung.attribute.lower()), place=out_of(rung.layer)),
            figures=(
                Figure(f"{rung.few_shot_random_init:.2f}", say("AUC before training")),
                Figure(f"{rung.few_shot:.2f}", say("after, {place}", place=out_of(rung.layer)), hot=True),
                Figure(f"{answer.few_shot:.2f}", say("from its answer")),
            ),
            findings=(self.finding(rung),),
            picture=self.scene(self.about.owner[rung.attribute], layer=rung.layer),
            small=say(PHOTOS, photos=self.photos),
        )

    def _alike(self, attribute: str) -> Headline:
        labelling = self.about.owner[attribute]
        return Headline(
            title=say(ALIKE, labelling=say(labelling.lower())),
            findings=(self.finding(self.rung("conv3", attribute)),),
            picture=self.scene(labelling, layer="conv3"),
        )

    def _covered(self) -> Rung | None:
        """Of the labelling that the data set is known for: the layer nearest to the answer from which it is
        read nearly without fault, while the answer says little; None where there is none.
        """
        about, known = self.about, self.about.owner[self.about.attributes[0]]
        found = []
        for attribute in (name for name in about.attributes if about.owner[name] == known):
            *inner, answer = self.rungs_of(attribute)
            clear = [rung for rung in inner if rung.auc.low >= CLEAR]
            if clear and answer.auc.high <= LITTLE:
                found.append((answer.auc.high, clear[-1]))
        return min(found, key=lambda each: each[0])[1] if found else None

    def _hidden(self, rung: Rung) -> Headline:
        answer = self.rungs_of(rung.attribute)[-1]
        below = BELOW.get(rung.layer, mark("In {layer}, it is all there"))
        below = say(below, layer=say(LAYER_NAMES[rung.layer]))
        return Headline(
            title=say("**{answer} {below}**", answer=self._silent(answer), below=below),
            figures=(
                Figure(f"{answer.auc.value:.2f}", say("AUC from the answer")),
                Figure(f"{rung.auc.value:.2f}", out_of(rung.layer), hot=True),
            ),
            findings=(self.finding(answer), self.finding(rung)),
            small=say(SMALL),
        )

    def _silent(self, answer: Rung) -> str:
        """What the answer keeps to itself, in a sentence."""
        labelling, hides = self.about.owner[answer.attribute], answer.auc.low <= 0.5
        if answer.attribute in self.about.classes[labelling]:
            return say(HIDES_CLASS if hides else LITTLE_OF_CLASS, label=say(answer.attribute))
        return say(HIDES if hides else LITTLE_OF, label=say(labelling.lower()))
