"""Linear probes: how well a labelling can be read off frozen activations (Alain & Bengio 2016).

Ridge regression on the labels, solved in closed form for many labellings at once, so that a ladder of layers,
attributes and shuffled-label nulls costs one factorisation a layer.
"""

from __future__ import annotations

import itertools

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

PENALTIES = (0.03, 0.3)
"""Ridge penalties tried, in units of the mean squared activation times the number of rows."""

FEW_SHOT_PENALTY = 0.3

ROUNDING = 1e-6
"""Differences within this share of the largest value are what single precision rounds off: nothing tells
these rows apart.
"""


def centred(x: Tensor) -> Tensor:
    """Rows [..., n, d] without their mean; all 0 where they are alike but for rounding."""
    apart = x - x.mean(-2, keepdim=True)
    alike = _largest(apart) <= ROUNDING * _largest(x)
    return apart.masked_fill_(alike, 0.0) if alike.any() else apart


def _largest(x: Tensor) -> Tensor:
    return torch.maximum(x.amax((-2, -1), keepdim=True), -x.amin((-2, -1), keepdim=True))


def signed(labels: NDArray[np.int8]) -> NDArray[np.float32]:
    """Labels of 0, 1 and unknown (-1) as centred targets; unknown rows pull nowhere."""
    known = labels >= 0
    centre = labels[known].mean() if known.any() else 0.0
    return np.where(known, labels - centre, 0.0).astype(np.float32)


class Ridge:
    """Ridge regression from activations [n, d], in the smaller of its two forms."""

    def __init__(self, activations: Tensor) -> None:
        self.mean = activations.mean(0)
        x = centred(activations)
        self.scale = x.square().mean().sqrt().clamp_min(1e-12)
        self.x = x / self.scale
        self.dual = x.shape[0] <= x.shape[1]
        self.gram = _gram(self.x.T if self.dual else self.x)
        self.unit = self.gram.diagonal().mean().clamp_min(1e-12)
        self.factors: dict[float, Tensor] = {}

    def weights(self, targets: Tensor, penalty: float) -> Tensor:
        """Weights [d, k] for targets [n, k]."""
        if penalty not in self.factors:
            system = self.gram.clone()
            system.diagonal().add_(penalty * self.unit)
            self.factors[penalty] = torch.linalg.cholesky(system)
        factor = self.factors[penalty]
        if self.dual:
            return self.x.T @ torch.cholesky_solve(targets, factor)
        return torch.cholesky_solve(self.x.T @ targets, factor)

    def scores(self, activations: Tensor, weights: Tensor) -> Tensor:
        """Scores [m, k] of other activations [m, d]."""
        return (activations - self.mean) / self.scale @ weights


def _gram(x: Tensor, blocks: int = 8) -> Tensor:
    """x' x, its lower blocks mirrored from the upper ones."""
    gram = x.new_empty(x.shape[1], x.shape[1])
    edges = [i * x.shape[1] // blocks for i in range(blocks + 1)]
    for start, end in itertools.pairwise(edges):
        gram[start:end, start:] = x[:, start:end].T @ x[:, start:]
        gram[end:, start:end] = gram[start:end, end:].T
    return gram


def few_shot(
    aux: Tensor, held: Tensor, shots: NDArray[np.int64], penalty: float = FEW_SHOT_PENALTY
) -> NDArray[np.float32]:
    """Scores [r, m] of r probes, each fitted on its own few photos.

    shots [r, 2s]: rows of `aux`, the first s without the attribute and the last s with it. Source of the
    idea: few-shot linear evaluation; the ridge is solved in its dual form, 2s unknowns a probe.
    """
    r, count = shots.shape
    x = aux[torch.from_numpy(shots)]
    mean = x.mean(1, keepdim=True)
    x = centred(x)
    gram = x @ x.transpose(1, 2)
    unit = gram.diagonal(dim1=1, dim2=2).mean(1).clamp_min(1e-12)
    gram = gram + (penalty * unit)[:, None, None] * torch.eye(count)
    target = torch.cat([-torch.ones(count // 2), torch.ones(count // 2)]).expand(r, count)[..., None]
    weights = (x.transpose(1, 2) @ torch.linalg.solve(gram, target)).squeeze(-1)
    return (held @ weights.T - (mean.squeeze(1) * weights).sum(1)).T.contiguous().numpy()  # type: ignore[no-any-return]
