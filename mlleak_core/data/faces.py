"""The one interface of all face sources: pictures, people, a task label, attribute labels, provenance."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import BadInput
from mlleak_core.language import say

SIDE = 64
"""Every source delivers its pictures as SIDE x SIDE RGB."""

UNKNOWN = -1


@dataclass(frozen=True, eq=False)
class Labels:
    """One labelling of the faces: `codes` [n] index `classes`; UNKNOWN where the data set says nothing.

    An ordered labelling (tone, age) names with `upper` the half from class `cut` upwards, so that it can be
    probed.
    """

    name: str
    classes: tuple[str, ...]
    codes: NDArray[np.int8]
    cut: int = 0
    upper: str = ""

    def binaries(self) -> dict[str, NDArray[np.int8]]:
        """The yes/no questions this labelling answers: name -> [n] of 0, 1 or UNKNOWN."""
        known = self.codes != UNKNOWN
        if len(self.classes) == 2:
            return {self.classes[1]: self.codes}
        if self.upper:
            return {self.upper: np.where(known, self.codes >= self.cut, UNKNOWN).astype(np.int8)}
        return {
            name: np.where(known, self.codes == code, UNKNOWN).astype(np.int8)
            for code, name in enumerate(self.classes)
        }


@dataclass(frozen=True)
class Provenance:
    """Where the pictures come from, on what terms, and what their labels are and are not."""

    title: str
    origin: str
    terms: str
    labels_are: str
    labels_are_not: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Faces:
    """A face data set.

    images [n, SIDE, SIDE, 3] uint8; person [n] indexes `people`; task is binary and never UNKNOWN.
    """

    name: str
    images: NDArray[np.uint8]
    person: NDArray[np.int64]
    people: tuple[str, ...]
    task: Labels
    attributes: tuple[Labels, ...]
    headline: tuple[str, ...]
    provenance: Provenance
    targets: dict[str, NDArray[np.int8]] = field(init=False)

    def __post_init__(self) -> None:
        n = len(self.images)
        for labels in (self.task, *self.attributes):
            if labels.codes.shape != (n,):
                raise ValueError(f"{labels.name}: expected {n} labels, got {labels.codes.shape}")
        object.__setattr__(self, "targets", {k: v for a in self.attributes for k, v in a.binaries().items()})

    def __len__(self) -> int:
        return len(self.images)

    def target(self, name: str) -> NDArray[np.int8]:
        """The yes/no labels [n] called `name` (case does not matter)."""
        for known, codes in self.targets.items():
            if known.lower() == name.lower():
                return codes
        raise BadInput(
            say("an attribute of {name}: {known}", name=self.name, known=", ".join(self.targets)),
            repr(name),
            say("Choose one of these."),
        )

    def labelling(self, name: str) -> Labels:
        """The attribute labelling called `name`."""
        for labels in self.attributes:
            if labels.name == name:
                return labels
        raise BadInput(
            say("a labelling: {known}", known=", ".join(a.name for a in self.attributes)),
            repr(name),
            say("Choose one of these."),
        )

    def subset(self, rows: NDArray[np.int64]) -> Faces:
        """The same data set restricted to `rows`."""

        def take(labels: Labels) -> Labels:
            return Labels(labels.name, labels.classes, labels.codes[rows], labels.cut, labels.upper)

        return Faces(
            self.name,
            self.images[rows],
            self.person[rows],
            self.people,
            take(self.task),
            tuple(take(a) for a in self.attributes),
            self.headline,
            self.provenance,
        )
