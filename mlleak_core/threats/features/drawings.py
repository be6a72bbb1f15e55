"""The maps and the ladders as they are drawn. Light: no torch."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlleak_core.figures.ladder import MEASURES, ladder
from mlleak_core.figures.scenes import Scene
from mlleak_core.figures.sheets import ATLAS_COLUMNS, SPRITE
from mlleak_core.language import mark, say
from mlleak_core.threat import Drawing
from mlleak_core.threats.features.facts import Facts
from mlleak_core.threats.features.findings import Findings

MAP = mark(
    "Near means alike to this layer. Axes, gaps and the size of clusters mean *nothing*; frames of one layer "
    "are turned onto each other, so a face that moves between epochs moved for the net. Trust the ladders, "
    "with their nulls, not the picture."
)
PLACED = mark(
    "Faces the net never saw, placed by what a layer says about them, epoch by epoch; colour: {labelling}."
)
READ = mark("How well {attribute} is read from each layer: the trained net, an untrained one, chance.")


class Drawings(Findings):
    """The maps, where they are there, and a ladder an attribute."""

    def scene(self, labelling: str = "", revealed: bool = True, layer: str = "conv2") -> Scene:
        """The maps, coloured by one of the data set's labellings, the first if none is named."""
        return _scene(self, labelling or next(iter(self.about.classes)), revealed, layer)

    def drawings(self) -> tuple[Drawing, ...]:
        """The maps, where they are there, and every attribute's ladder."""
        return (*self._maps(), *(self._ladder(attribute) for attribute in self._ordered()))

    def _maps(self) -> tuple[Drawing, ...]:
        if not any(name.startswith("map/") for name in self.arrays):
            return ()
        labelling = self.about.owner[self.first()]
        words = say(PLACED, labelling=say(labelling))
        scene = self.scene(labelling, layer=self.telling(self.first()).layer)
        return (Drawing(title=say("The map"), picture=scene, alt=words, note=say(MAP)),)

    def _ladder(self, attribute: str) -> Drawing:
        rungs, measure = self.rungs_of(attribute), next(iter(MEASURES))
        return Drawing(
            title=say("{attribute}, layer by layer", attribute=say(attribute)),
            picture=ladder(rungs, measure),
            alt=say(READ, attribute=say(attribute)),
            rows=[rung.row() for rung in rungs],
            findings=(self.finding(self.telling(attribute)),),
        )


@functools.lru_cache(maxsize=32)
def _scene(exhibit: Facts, labelling: str, revealed: bool, layer: str) -> Scene:
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
