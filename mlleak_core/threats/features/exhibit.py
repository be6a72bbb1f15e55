"""A ladder as a page shows it, and the maps that belong to the shipped one. Light to import: no torch."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import Estimate
from mlleak_core.figures.ladder import MEASURES, ladder
from mlleak_core.figures.scenes import LAYER_NAMES, Scene
from mlleak_core.figures.sheets import ATLAS_COLUMNS, SPRITE
from mlleak_core.threat import (
    Asked,
    Conclusion,
    Control,
    Drawing,
    Exhibit,
    Figure,
    Finding,
    Headline,
    Question,
    Truth,
)
from mlleak_core.threats.features.card import FeaturesSettings
from mlleak_core.threats.features.rungs import LadderVerdict, Rung

if TYPE_CHECKING:
    from mlleak_core.data import Faces

CLOSE = 0.005
"""A bet whose layer reads this little worse than the best one's AUC was right."""
WORDS = {
    LadderVerdict.EASIER: "training *made it easier to read*",
    LadderVerdict.KEPT: "it was already in the pixels and *merely kept*",
    LadderVerdict.FORGOTTEN: "training is *forgetting it*",
    LadderVerdict.CHANCE: "it *cannot be told from chance*",
}
UNMOVED = {LadderVerdict.CHANCE, LadderVerdict.KEPT}
SMALL = (
    "Intervals: 95%, of trained minus untrained, over test people, draws and untrained nets. What is called "
    "a gain or a loss stands after correction over all layers and attributes (Benjamini & Hochberg, 5%). "
    "Low layers see brightness, light and background; reading tone there needs no learning."
)
AUC_IS = (
    "AUC: the chance that a random face that has it scores above one that has not. .50 is a coin, "
    "1.00 is every time."
)


MAP = (
    "Near means alike to this layer. Axes, gaps and the size of clusters mean *nothing*; frames of one layer "
    "are turned onto each other, so a face that moves between epochs moved for the net. Trust the ladders, "
    "with their nulls, not the picture."
)


@dataclass(frozen=True, kw_only=True)
class Task:
    """How well the net does what it was taught, on people it has never seen. seconds: of its training."""

    accuracy: Estimate
    balanced: float
    majority: float
    members: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class About:
    """classes: labelling -> its classes; owner: attribute -> the labelling that it is read off."""

    made: str
    settings: FeaturesSettings
    attributes: tuple[str, ...]
    layers: tuple[str, ...]
    epochs: tuple[int, ...]
    task_name: str
    task_classes: tuple[str, ...]
    classes: dict[str, tuple[str, ...]]
    owner: dict[str, str]
    task: Task
    rungs: tuple[Rung, ...]
    correlation: dict[str, Estimate]
    seconds: float
    recipe: dict[str, Any]


@dataclass(frozen=True, eq=False, kw_only=True)
class FeaturesExhibit(Exhibit):
    """arrays: `history_*`, a number an epoch; with maps also `map/epoch/layer` and `linear/epoch/layer`,
    int16 [n, 2], `label/labelling` and `task`, int8 [n], and `person`, int64 [n]. atlas: the faces on them.
    """

    about: About
    About: ClassVar[type] = About
    picture: ClassVar[str] = "jpg"

    def opening(self) -> str:
        about = self.about
        return (
            f"A small neural net learned one thing: {about.task_name}, from drawn faces of nobody. "
            f"It is right on {about.task.accuracy.value:.0%} of people it never saw."
        )

    def task(self) -> Task:
        """What the net was taught, and how well."""
        return self.about.task

    def history(self) -> dict[str, NDArray[Any]]:
        """The curves of its training: name -> a number an epoch."""
        return {
            name.removeprefix("history_"): values
            for name, values in self.arrays.items()
            if name.startswith("history_")
        }

    def rungs_of(self, attribute: str) -> tuple[Rung, ...]:
        """One attribute's rungs, from the input upwards."""
        return tuple(r for r in self.about.rungs if r.attribute == attribute)

    def rung(self, layer: str, attribute: str) -> Rung:
        return next(r for r in self.rungs_of(attribute) if r.layer == layer)

    def best(self, attribute: str) -> Rung:
        """Where few labelled photos read the attribute best."""
        return max(self.rungs_of(attribute), key=lambda r: r.few_shot)

    def telling(self, attribute: str) -> Rung:
        """The inner layer where training made it easier most; if in none, where it is read best."""
        inner = [r for r in self.rungs_of(attribute) if r.layer not in {"pixels", "logits"}]
        easier = [r for r in inner if r.verdict is LadderVerdict.EASIER]
        if easier:
            return max(easier, key=lambda r: r.few_shot - r.few_shot_random_init)
        return max(inner, key=lambda r: r.few_shot)

    def strongest(self) -> Rung | None:
        """Of all that training made easier to read unasked, the most; None where there is nothing."""
        told = [self.telling(attribute) for attribute in self.about.attributes]
        easier = [rung for rung in told if rung.verdict is LadderVerdict.EASIER]
        return max(easier, key=lambda r: r.few_shot_gain.value, default=None)

    def first(self) -> str:
        """The attribute to begin with."""
        rung = self.strongest()
        return rung.attribute if rung else self.about.attributes[0]

    @property
    def photos(self) -> str:
        """How many labelled photos a few-shot probe gets, in words."""
        count = 2 * self.about.settings.shots
        return "forty" if count == 40 else str(count)

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
            sentence=f"“{best.attribute}” is read best from {_place(best.layer)}.",
            attacker=(
                f"probe on {_place(best.layer)}: AUC {best.few_shot:.2f} from {self.photos} photos; "
                f"on the answer {rungs[-1].few_shot:.2f}"
            ),
        )

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

    def finding(self, rung: Rung) -> Finding:
        """One rung with all that it needs to be believed."""
        phi, name = self.about.correlation[rung.attribute], rung.attribute
        return Finding(
            key=f"{name}/{rung.layer}",
            what=f"AUC of {name} from {_place(rung.layer)}",
            estimate=rung.auc,
            chance=0.5,
            controls=(
                Control("untrained net", rung.random_init),
                Control("shuffled labels", rung.null),
            ),
            counted=(
                f"faces of {rung.people} people, "
                f"of them {rung.positives} of {rung.holders} people labelled {name}"
            ),
            notes=(f"φ with the task {phi.value:+.3f} [{phi.low:.2f}, {phi.high:.2f}]",),
            seed=self.about.settings.seed,
            seconds=self.about.seconds,
            source=self.source,
            verdict=rung.verdict,
            null="features-null-attribute" if rung.verdict in UNMOVED else "features-verdict",
        )

    def taught(self) -> Finding:
        """How well the net does what it was taught."""
        task = self.about.task
        return Finding(
            key="task",
            what="test accuracy",
            estimate=task.accuracy,
            form=".1%",
            chance=task.majority,
            controls=(),
            counted="faces of people never seen",
            notes=(f"trained on {task.members:,}",),
            seed=self.about.settings.seed,
            seconds=task.seconds,
            source=self.source,
        )

    def findings(self) -> tuple[Finding, ...]:
        """Every rung, of each attribute the telling one first; and the task."""
        ordered = []
        for attribute in self.about.attributes:
            telling = self.telling(attribute)
            ordered += [telling, *(r for r in self.rungs_of(attribute) if r is not telling)]
        return (*(self.finding(rung) for rung in ordered), self.taught())

    def scene(self, labelling: str = "", revealed: bool = True, layer: str = "conv2") -> Scene:
        """The maps, coloured by one of the data set's labellings, the first if none is named."""
        return _scene(self, labelling or next(iter(self.about.classes)), revealed, layer)

    def conclusions(self) -> tuple[Conclusion, ...]:
        """Of every attribute, the telling one first."""
        return tuple(self.conclusion(attribute) for attribute in self._ordered())

    def mapped(self, maps: Mapping[str, NDArray[Any]], sheet: bytes) -> FeaturesExhibit:
        """The same ladder with the maps that were drawn beside it. sheet: the faces on them."""
        return replace(self, arrays={**self.arrays, **maps}, atlas=sheet)

    def _ordered(self) -> tuple[str, ...]:
        """The attributes, the one to begin with first."""
        first = self.first()
        return first, *(name for name in self.about.attributes if name != first)

    def drawings(self) -> tuple[Drawing, ...]:
        """The maps, where they are there, and every attribute's ladder."""
        return (*self._maps(), *(self._ladder(attribute) for attribute in self._ordered()))

    def _maps(self) -> tuple[Drawing, ...]:
        if not any(name.startswith("map/") for name in self.arrays):
            return ()
        labelling = self.about.owner[self.first()]
        words = (
            f"Faces the net never saw, placed by what a layer says about them, epoch by epoch; "
            f"colour: {labelling}."
        )
        scene = self.scene(labelling, layer=self.telling(self.first()).layer)
        return (Drawing(title="The map", picture=scene, alt=words, note=MAP),)

    def _ladder(self, attribute: str) -> Drawing:
        rungs, measure = self.rungs_of(attribute), next(iter(MEASURES))
        return Drawing(
            title=f"{attribute}, layer by layer",
            picture=ladder(rungs, measure),
            alt=f"How well {attribute} is read from each layer: the trained net, an untrained one, chance.",
            rows=[rung.row() for rung in rungs],
            findings=(self.finding(self.telling(attribute)),),
        )

    def headlines(self) -> tuple[Headline, ...]:
        """What training made easier to read, or else what the net sees as alike; what its answer hides."""
        rung, attribute = self.strongest(), self.about.attributes[0]
        return self._gained(rung) if rung else self._alike(attribute), self._hidden(attribute)

    def _gained(self, rung: Rung) -> Headline:
        answer = self.rungs_of(rung.attribute)[-1]
        return Headline(
            title=(
                f"**Nobody asked for {rung.attribute.lower()}. Training made it easier to read "
                f"from {_place(rung.layer)}** than from nets that were never trained."
            ),
            figures=(
                Figure(f"{rung.few_shot_random_init:.2f}", "AUC before training"),
                Figure(f"{rung.few_shot:.2f}", f"after, from {_place(rung.layer)}", hot=True),
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


def owners(faces: Faces) -> dict[str, str]:
    """Attribute -> the labelling that it is read off."""
    return {name: labels.name for labels in reversed(faces.attributes) for name in labels.binaries()}


def _place(layer: str) -> str:
    """A layer with its article, in a sentence."""
    return {"pixels": "the pixels", "hidden": "the hidden layer", "logits": "the answer"}.get(
        layer, LAYER_NAMES[layer]
    )


@functools.lru_cache(maxsize=32)
def _scene(exhibit: FeaturesExhibit, labelling: str, revealed: bool, layer: str) -> Scene:
    """Made once: pages ask for it at every rerun."""
    about = exhibit.about
    return scene_of(
        name=f"{exhibit.job}-{labelling}-{revealed}",
        arrays=exhibit.arrays,
        atlas=exhibit.atlas,
        layers=about.layers,
        epochs=about.epochs,
        task_classes=about.task_classes,
        classes=about.classes,
        labelling=labelling,
        revealed=revealed,
        layer=layer,
    )


def scene_of(
    *,
    name: str,
    arrays: Mapping[str, NDArray[Any]],
    atlas: bytes,
    layers: Sequence[str],
    epochs: Sequence[int],
    task_classes: Sequence[str],
    classes: Mapping[str, Sequence[str]],
    labelling: str,
    revealed: bool,
    layer: str = "conv2",
    people: Sequence[str] | None = None,
) -> Scene:
    """A map of faces from the arrays of an exhibit. revealed: whether the labelling's colours are shown."""
    frames: dict[str, NDArray[np.int16]] = {
        key: values for key, values in arrays.items() if key.startswith(("map/", "linear/"))
    }
    return Scene(
        name=name,
        frames=frames,
        layers=layers,
        epochs=epochs,
        task=arrays["task"],
        task_classes=task_classes,
        person=arrays["person"],
        atlas=atlas,
        sprite=SPRITE,
        columns=ATLAS_COLUMNS,
        attribute=labelling,
        classes=classes[labelling],
        codes=arrays[f"label/{labelling}"] if revealed else None,
        labels=[(label, shown, arrays[f"label/{label}"]) for label, shown in classes.items()],
        people=people,
        layer=layer,
    )
