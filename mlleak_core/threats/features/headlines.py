"""What Home says of a ladder. Light: no torch."""

from __future__ import annotations

from mlleak_core.threat import Figure, Headline
from mlleak_core.threats.features.drawings import Drawings
from mlleak_core.threats.features.facts import place
from mlleak_core.threats.features.rungs import Rung

AUC_IS = (
    "AUC: the chance that a random face that has it scores above one that has not. .50 is a coin, "
    "1.00 is every time."
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
            title=(
                f"**Nobody asked for {rung.attribute.lower()}. Training made it easier to read "
                f"from {place(rung.layer)}** than from nets that were never trained."
            ),
            figures=(
                Figure(f"{rung.few_shot_random_init:.2f}", "AUC before training"),
                Figure(f"{rung.few_shot:.2f}", f"after, from {place(rung.layer)}", hot=True),
                Figure(f"{answer.few_shot:.2f}", "from its answer"),
            ),
            findings=(self.finding(rung),),
            picture=self.scene(self.about.owner[rung.attribute], layer=rung.layer),
            small=f"From {self.photos} labelled photos. " + AUC_IS,
        )

    def _alike(self, attribute: str) -> Headline:
        labelling = self.about.owner[attribute]
        thing = labelling.lower()
        return Headline(
            title=(
                "**One layer at a time: what the net sees as alike.** "
                f"Colour is {thing}; nobody ever told it."
            ),
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
        answer, where = self.rungs_of(rung.attribute)[-1], place(rung.layer)
        labelling = self.about.owner[rung.attribute]
        a_class = rung.attribute in self.about.classes[labelling]
        thing = f"the label {rung.attribute}" if a_class else labelling.lower()
        says = "hides" if answer.auc.low <= 0.5 else "says little of"
        below = "One layer below" if rung.layer == "hidden" else f"In {where}"
        return Headline(
            title=f"**Its answer {says} {thing}. {below}, it is all there**",
            figures=(
                Figure(f"{answer.auc.value:.2f}", "AUC from the answer"),
                Figure(f"{rung.auc.value:.2f}", f"from {where}", hot=True),
            ),
            findings=(self.finding(answer), self.finding(rung)),
            small="Whether training put it there or merely kept it, the Features page measures against nets "
            "that were never trained.",
        )
