"""A data card: what is in a data set, how its labels hang together, what they are and are not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import Estimate
from mlleak_core.data.faces import UNKNOWN, Faces, Provenance
from mlleak_core.measure import cramers_v, proportion
from mlleak_core.seeds import stream


@dataclass(frozen=True)
class Association:
    """How strongly the task label and one attribute go together; `measure` is phi or V."""

    attribute: str
    measure: str
    estimate: Estimate
    share: Estimate | None


@dataclass(frozen=True)
class DataCard:
    """The facts of a data set that stand beside every result drawn from it."""

    name: str
    faces: int
    people: int
    most_photos: int
    task: str
    balance: dict[str, int]
    associations: tuple[Association, ...]
    provenance: Provenance


def describe(faces: Faces) -> DataCard:
    """Count and measure a data set."""
    task = faces.task
    counts = np.bincount(task.codes, minlength=len(task.classes))
    return DataCard(
        name=faces.name,
        faces=len(faces),
        people=len(np.unique(faces.person)),
        most_photos=int(np.bincount(faces.person).max()),
        task=task.name,
        balance={c: int(n) for c, n in zip(task.classes, counts, strict=True)},
        associations=tuple(_association(faces, a.name, a.codes, len(a.classes)) for a in faces.attributes),
        provenance=faces.provenance,
    )


def _association(faces: Faces, name: str, codes: NDArray[np.int8], classes: int) -> Association:
    known = codes != UNKNOWN
    estimate = cramers_v(faces.task.codes[known], codes[known], faces.person[known])
    share = proportion(int((codes[known] == 1).sum()), int(known.sum())) if classes == 2 else None
    return Association(name, "φ" if classes == 2 else "V", estimate, share)


def contact_sheet(faces: Faces, attribute: str, columns: int = 10, seed: int = 0) -> NDArray[np.uint8]:
    """Faces sorted by an attribute, a row a class: [rows * side, columns * side, 3] uint8."""
    labels = faces.labelling(attribute)
    rng = stream(seed, "contact sheet")
    rows = []
    for code in range(len(labels.classes)):
        pool = np.flatnonzero(labels.codes == code)
        if len(pool):
            rows.append(np.concatenate(list(faces.images[np.resize(rng.permutation(pool), columns)]), axis=1))
    return np.concatenate(rows)
