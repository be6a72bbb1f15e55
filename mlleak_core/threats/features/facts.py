"""What a ladder's exhibit keeps, and what is read off it at once. Light: no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from numpy.typing import NDArray

from mlleak_core.contract import Estimate
from mlleak_core.figures.scenes import LAYER_NAMES
from mlleak_core.language import mark, say
from mlleak_core.threat import Exhibit
from mlleak_core.threats.features.card import FeaturesSettings
from mlleak_core.threats.features.rungs import LadderVerdict, Rung

if TYPE_CHECKING:
    from mlleak_core.data import Faces


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
class Facts(Exhibit):
    """arrays: `history_*`, a number an epoch; with maps also `map/epoch/layer` and `linear/epoch/layer`,
    int16 [n, 2], `label/labelling` and `task`, int8 [n], and `person`, int64 [n]. atlas: the faces on them.
    """

    about: About
    About: ClassVar[type] = About
    picture: ClassVar[str] = "jpg"

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

    def _ordered(self) -> tuple[str, ...]:
        """The attributes, the one to begin with first."""
        first = self.first()
        return first, *(name for name in self.about.attributes if name != first)

    @property
    def photos(self) -> str:
        """How many labelled photos a few-shot probe gets, in words."""
        count = 2 * self.about.settings.shots
        return say("forty") if count == 40 else str(count)


def owners(faces: Faces) -> dict[str, str]:
    """Attribute -> the labelling that it is read off."""
    return {name: labels.name for labels in reversed(faces.attributes) for name in labels.binaries()}


FROM = {
    "pixels": mark("from the pixels"),
    "hidden": mark("from the hidden layer"),
    "logits": mark("from the answer"),
}


def out_of(layer: str) -> str:
    """Where something is read, in a sentence."""
    return say(FROM.get(layer, mark("from {layer}")), layer=say(LAYER_NAMES[layer]))
