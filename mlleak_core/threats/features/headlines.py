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


class Headlines(Drawings):
    """What training made easier to read or what the net sees as alike, and what its answer hides."""

    def headlines(self) -> tuple[Headline, ...]:
        """What training made easier to read, or else what the net sees as alike; what its answer hides."""
        rung, attribute = self.strongest(), self.about.attributes[0]
        return self._gained(rung) if rung else self._alike(attribute), self._hidden(attribute)

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

    def _hidden(self, attribute: str) -> Headline:
        hidden, answer = self.rungs_of(attribute)[-2:]
        thing = self.about.owner[attribute].lower()
        says = "hides" if answer.auc.low <= 0.5 else "says little of"
        return Headline(
            title=f"**Its answer {says} {thing}. One layer below, it is all there**",
            figures=(
                Figure(f"{answer.auc.value:.2f}", "AUC from the answer"),
                Figure(f"{hidden.auc.value:.2f}", "from the hidden layer", hot=True),
            ),
            findings=(self.finding(answer), self.finding(hidden)),
            small="Whether training put it there or merely kept it, the Features page measures against nets "
            "that were never trained.",
        )
