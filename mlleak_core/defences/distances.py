"""Lengths and distances of many long vectors, in float64, a few thousand coordinates at a time.

Distances come from differences: |a|² + |b|² - 2ab loses what small updates differ in beside large weights.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

WIDTH = 4096
"""Coordinates at a time: a hundred rows of them stay in a processor's cache."""
TINY = torch.finfo(torch.float64).tiny
"""Stands in for a length of zero where something is divided by it."""


def combined(factors: Tensor, updates: Tensor) -> Tensor:
    """The sum of updates [k, p] times factors [k], float64 [p]."""
    return torch.cat([factors @ part for part in _parts(updates)])


def norms(updates: Tensor) -> Tensor:
    """Lengths of updates [k, p], float64 [k]."""
    return torch.linalg.vector_norm(updates, dim=1, dtype=torch.float64)


def squared_distances(updates: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Of each two of updates [k, p], from their differences, float64 [k, k]; each divided by its length [k]
    before, if these are given.
    """
    k = len(updates)
    found = torch.zeros(k * (k - 1) // 2, dtype=torch.float64)
    for part in _parts(updates):
        found += functional.pdist(part if lengths is None else part / lengths[:, None]).square()
    square = torch.zeros(k, k, dtype=torch.float64)
    square[tuple(torch.triu_indices(k, k, 1))] = found
    return square + square.T


def cosine_distances(updates: Tensor) -> Tensor:
    """One minus the cosine of each two of updates [k, p], float64 [k, k]; beside a zero one it is a half."""
    return squared_distances(updates, norms(updates).clamp_min(TINY)) / 2


def products(updates: Tensor, vector: Tensor) -> Tensor:
    """Of each of updates [k, p] with a vector [p] in float64, float64 [k]."""
    found = torch.zeros(len(updates), dtype=torch.float64)
    for part, own in zip(_parts(updates), vector.split(WIDTH), strict=True):
        found += part @ own
    return found


def _parts(updates: Tensor) -> Iterator[Tensor]:
    """A few thousand coordinates at a time, in float64 [k, WIDTH]."""
    for part in updates.split(WIDTH, 1):
        yield part.double()
