"""How well a trained net does its own task, on people it has never seen, and where it errs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlleak_core.contract import Estimate
from mlleak_core.data import Faces
from mlleak_core.measure import proportion
from mlleak_core.seeds import stream
from mlleak_core.target.training import Target

SHOWN = 8


@dataclass(frozen=True)
class Said:
    """What the net said of one face: its row in the data set, the class, and how sure it was."""

    row: int
    answer: str
    sure: float


@dataclass(frozen=True, kw_only=True)
class TaskReport:
    """The task's numbers. majority: what saying always the commoner class would get; mistakes: how many in
    all.
    """

    accuracy: Estimate
    balanced: float
    majority: float
    members: int
    mistakes: int
    surest_mistakes: tuple[Said, ...]
    some_right: tuple[Said, ...]

    @property
    def gain(self) -> float:
        """Points of accuracy over always the commoner class."""
        return 100 * (self.accuracy.value - self.majority)


def report(target: Target, faces: Faces) -> TaskReport:
    """Count what the net says of the test faces."""
    numbers, rows = target.report(faces), target.split.outsiders
    z = target.test_logits.astype(float)
    said = z.argmax(1)
    sure = 1 / (1 + np.exp(-np.abs(z[:, 1] - z[:, 0])))
    wrong = said != faces.task.codes[rows]
    surest = np.argsort(np.where(wrong, -sure - 1, -sure))[: min(SHOWN, int(wrong.sum()))]
    others = stream(0, "faces shown as right").permutation(np.flatnonzero(~wrong))[:SHOWN]

    def told(chosen: np.ndarray) -> tuple[Said, ...]:
        return tuple(Said(int(rows[i]), faces.task.classes[said[i]], float(sure[i])) for i in chosen)

    return TaskReport(
        accuracy=proportion(int((~wrong).sum()), len(wrong)),
        balanced=float(numbers["balanced_accuracy"]),
        majority=float(numbers["majority"]),
        members=len(target.split.members),
        mistakes=int(wrong.sum()),
        surest_mistakes=told(surest),
        some_right=told(others),
    )
