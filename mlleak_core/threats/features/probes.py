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
AT_ONCE = 2_000_000
"""Numbers gathered at a time: memory of this size is used again, larger arrays are faulted in each time."""

ROUNDING = 1e-6
"""Differences within this share of the largest value are what single precision rounds off: nothing tells
these rows apart.
"""


def centred(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Rows [..., n, d] without their mean; all 0 where they are alike but for rounding. out: x or None."""
    rounded = ROUNDING * _largest(x)
    apart = torch.sub(x, x.mean(-2, keepdim=True), out=out)
    alike = _largest(apart) <= rounded
    return apart.masked_fill_(alike, 0.0) if alike.any() else apart


def alike(x: Tensor) -> bool:
    """Whether nothing but rounding tells the rows of x [n, d] apart."""
    spread = x.amax(0) - x.amin(0)
    return bool(spread.max() <= 2 * ROUNDING * _largest(x))


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
        self.x = x.div_(self.scale)
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
        weights = weights / self.scale
        return activations @ weights - self.mean @ weights


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
    at_once = max(1, AT_ONCE // (shots.shape[1] * aux.shape[1]))
    fits = [_fitted(aux[part], penalty) for part in torch.from_numpy(shots).split(at_once)]
    weights, offsets = (torch.cat(parts) for parts in zip(*fits, strict=True))
    return (held @ weights.T - offsets).T.contiguous().numpy()  # type: ignore[no-any-return]


def _fitted(x: Tensor, penalty: float) -> tuple[Tensor, Tensor]:
    """Weights [r, d] and offsets [r] of probes on photos [r, 2s, d], which are overwritten."""
    r, count, _ = x.shape
    mean = x.mean(1, keepdim=True)
    x = centred(x, out=x)
    gram = x @ x.transpose(1, 2)
    unit = gram.diagonal(dim1=1, dim2=2).mean(1).clamp_min(1e-12)
    gram = gram + (penalty * unit)[:, None, None] * torch.eye(count)
    target = torch.cat([-torch.ones(count // 2), torch.ones(count // 2)]).expand(r, count)[..., None]
    weights = (torch.linalg.solve(gram, target).transpose(1, 2) @ x).squeeze(1)
    return weights, (mean.squeeze(1) * weights).sum(1)
