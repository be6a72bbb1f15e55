"""How alike faces read back are to the true ones: the ruler of every judge who has pictures to compare."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from mlleak_core.contract import Estimate
from mlleak_core.data import Faces
from mlleak_core.measure import mean_with_interval, proportion, ssim

SIDE = 32
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in a grey value (ITU-R BT.601)."""

Pictures = NDArray[np.float32]
"""[n, c, 32, 32] in 0 to 255, c being 1 (grey) or 3."""
Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


def prepare(pictures: NDArray[np.uint8], colour: bool) -> Pictures:
    """Pictures [n, 3, 32, 32] as a code takes them: in colour, or in grey of whole numbers."""
    x = pictures.astype(np.float32)
    return x if colour else np.round(np.einsum("ncij,c->nij", x, LUMA))[:, None].astype(np.float32)


def one_photo_each(faces: Faces, rows: Rows, rng: np.random.Generator, count: int) -> Rows:
    """One photo of each of at most `count` people among `rows`, in random order."""
    order = rng.permutation(rows)
    _, first = np.unique(faces.person[order], return_index=True)
    return order[np.sort(first)][:count]


def names_of(faces: Faces, owner: Sequence[int] | Rows) -> tuple[str, ...]:
    """The names of people, as a page writes them."""
    return tuple(faces.people[p].replace("_", " ") for p in owner)


@dataclass(frozen=True, eq=False)
class Truth:
    """For a judge alone: the true pictures [n, c, 32, 32] with their owners [n], and all the photos that one
    could be, [m, c, 32, 32], with theirs [m].
    """

    pictures: Pictures
    owner: Rows
    candidates: Pictures
    candidate_owner: Rows

    @functools.cached_property
    def gallery(self) -> tuple[Pictures, Pictures]:
        """The candidates' average [d], and each one's difference from it, scaled to length one [m, d]."""
        flat = self.candidates.reshape(len(self.candidates), -1)
        average = flat.mean(0)
        return average, _unit(flat - average)

    @property
    def chance(self) -> float:
        """The mean share of the candidates that are an owner's: how often a guess finds him."""
        return float(np.mean([(self.candidate_owner == owner).mean() for owner in self.owner]))

    def nearest(self, pictures: Pictures) -> Rows:
        """For each picture the candidate with the highest correlation once the average is taken off, [n]."""
        average, known = self.gallery
        return np.asarray((_unit(pictures.reshape(len(pictures), -1) - average) @ known.T).argmax(1))


@dataclass(frozen=True, eq=False, kw_only=True)
class Likeness:
    """How good a reading is. mae: mean absolute pixel error, 0 to 255. ssim: 1 is equal. identified: share of
    faces whose nearest photo among all candidates is the owner's. errors [n]: each face's mae; found [n]: its
    owner was.
    """

    mae: Estimate
    ssim: Estimate
    identified: Estimate
    candidates: int
    errors: Floats
    found: NDArray[np.bool_]

    def row(self) -> dict[str, Any]:
        """Flat numbers for tables, JSON and the command line."""
        return {
            "mae": self.mae.value,
            "mae_low": self.mae.low,
            "mae_high": self.mae.high,
            "ssim": self.ssim.value,
            "ssim_low": self.ssim.low,
            "ssim_high": self.ssim.high,
            "identified_rate": self.identified.value,
            "identified_low": self.identified.low,
            "identified_high": self.identified.high,
            "faces": len(self.errors),
            "candidates": self.candidates,
        }


def compare(pictures: Pictures, truth: Truth) -> Likeness:
    """Measure pictures [n, c, 32, 32] against the truth, face by face."""
    count = len(truth.pictures)
    errors = np.abs(pictures - truth.pictures).reshape(count, -1).mean(1).astype(float)
    alike = np.array([ssim(a, b) for a, b in zip(pictures, truth.pictures, strict=True)])
    found = truth.candidate_owner[truth.nearest(pictures)] == truth.owner
    return Likeness(
        mae=mean_with_interval(errors),
        ssim=mean_with_interval(alike),
        identified=proportion(int(found.sum()), count),
        candidates=len(truth.candidates),
        errors=errors,
        found=found,
    )


def assign(pictures: Pictures, truth: Pictures) -> Rows:
    """Which picture is meant for each truth, [n]: the assignment of least total error."""
    cost = np.abs(truth[:, None] - pictures[None]).mean((2, 3, 4))
    return np.asarray(linear_sum_assignment(cost)[1])


def repeated(picture: Pictures, count: int) -> Pictures:
    """One picture [c, 32, 32], such as the average public face, claimed for everybody."""
    return np.repeat(picture[None], count, 0)


def _unit(rows: Pictures) -> Pictures:
    """Rows scaled to length one; an empty one stays."""
    return np.asarray(rows / np.sqrt(np.maximum(np.einsum("nd,nd->n", rows, rows), 1e-18))[:, None])
