"""The bet: which layer gives an attribute away best? Light: no torch."""

from __future__ import annotations

from mlleak_core.figures.scenes import LAYER_NAMES
from mlleak_core.threat import Asked, Question, Truth
from mlleak_core.threats.features.facts import Facts, place

CLOSE = 0.005
"""A bet whose layer reads this little worse than the best one's AUC was right."""


class Bet(Facts):
    """What a visitor hears, what a class is asked, and the truth."""

    def bet(self, attribute: str, layer: str) -> str:
        """What a visitor hears who said that `layer` gives the attribute away best."""
        best = self.best(attribute)
        short = best.few_shot - self.rung(layer, attribute).few_shot
        text = "You were right." if short < CLOSE else f"You said {LAYER_NAMES[layer]}, {short:.2f} below it."
        where = f"Best: {LAYER_NAMES[best.layer]}, AUC {best.few_shot:.2f}"
        return f"{text} {where} from {self.photos} photos."

    def class_question(self) -> Question:
        """The layer that gives the first attribute away."""
        about, attribute = self.about, self.first()
        return Question(
            title="Which layer tells?",
            ask=(
                f"The net was taught one thing: {about.task_name}. Somebody has {self.photos} photos, "
                f"labelled “{attribute}” or not. From which layer can they read that label best?"
            ),
            kind=Asked.ONE,
            options=tuple(LAYER_NAMES[layer] for layer in about.layers),
        )

    def class_truth(self) -> Truth:
        """The layers that read it as well as the best one."""
        layers, best = self.about.layers, self.best(self.first())
        rungs = [self.rung(layer, best.attribute) for layer in layers]
        right = tuple(i for i, rung in enumerate(rungs) if best.few_shot - rung.few_shot < CLOSE)
        return Truth(
            right=right,
            sentence=f"“{best.attribute}” is read best from {place(best.layer)}.",
            attacker=(
                f"probe on {place(best.layer)}: AUC {best.few_shot:.2f} from {self.photos} photos; "
                f"on the answer {rungs[-1].few_shot:.2f}"
            ),
        )
