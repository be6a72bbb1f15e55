"""The bet: which layer gives an attribute away best? Light: no torch."""

from __future__ import annotations

from mlleak_core.figures.scenes import LAYER_NAMES
from mlleak_core.language import mark, say
from mlleak_core.threat import Asked, Question, Truth
from mlleak_core.threats.features.facts import Facts, out_of

CLOSE = 0.005
"""A bet whose layer reads this little worse than the best one's AUC was right."""
RIGHT = mark("You were right. Best: {best}, AUC {auc:.2f} from {photos} photos.")
WRONG = mark("You said {layer}, {short:.2f} below it. Best: {best}, AUC {auc:.2f} from {photos} photos.")
ASK = mark(
    "The net was taught one thing: {task}. Somebody has {photos} photos, labelled “{attribute}” or not. From "
    "which layer can they read that label best?"
)
PROBED = mark("AUC {auc:.2f} from {photos} photos; on the answer {answer:.2f}")
PROBES = {
    "pixels": mark("probe on the pixels: {found}"),
    "hidden": mark("probe on the hidden layer: {found}"),
    "logits": mark("probe on the answer: {found}"),
}


class Bet(Facts):
    """What a visitor hears, what a class is asked, and the truth."""

    def bet(self, attribute: str, layer: str) -> str:
        """What a visitor hears who said that `layer` gives the attribute away best."""
        best = self.best(attribute)
        short = best.few_shot - self.rung(layer, attribute).few_shot
        return say(
            RIGHT if short < CLOSE else WRONG,
            layer=say(LAYER_NAMES[layer]),
            short=short,
            best=say(LAYER_NAMES[best.layer]),
            auc=best.few_shot,
            photos=self.photos,
        )

    def class_question(self) -> Question:
        """The layer that gives the first attribute away."""
        about, attribute = self.about, self.first()
        return Question(
            title=say("Which layer tells?"),
            ask=say(ASK, task=say(about.task_name), photos=self.photos, attribute=say(attribute)),
            kind=Asked.ONE,
            options=tuple(say(LAYER_NAMES[layer]) for layer in about.layers),
        )

    def class_truth(self) -> Truth:
        """The layers that read it as well as the best one."""
        layers, best = self.about.layers, self.best(self.first())
        rungs = [self.rung(layer, best.attribute) for layer in layers]
        right = tuple(i for i, rung in enumerate(rungs) if best.few_shot - rung.few_shot < CLOSE)
        return Truth(
            right=right,
            sentence=say(
                "“{attribute}” is read best {place}.",
                attribute=say(best.attribute),
                place=out_of(best.layer),
            ),
            attacker=say(
                PROBES.get(best.layer, mark("probe on {layer}: {found}")),
                layer=say(LAYER_NAMES[best.layer]),
                found=say(PROBED, auc=best.few_shot, photos=self.photos, answer=rungs[-1].few_shot),
            ),
        )
