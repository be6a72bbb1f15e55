"""Rules for updates literally, in plain loops: what each says."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from mlleak_core.defences import on_updates as rules

Matrix = np.ndarray[Any, np.dtype[np.float64]]
P = 6
ROOT = torch.linspace(0.5, 1.5, P, dtype=torch.float64)


def length(a: Matrix) -> float:
    return sum(float(x) ** 2 for x in a) ** 0.5


def cosine(a: Matrix, b: Matrix) -> float:
    return sum(float(x * y) for x, y in zip(a, b, strict=True)) / (length(a) * length(b))


def mean_by(updates: Matrix, counts: Any) -> Matrix:
    total: Matrix = np.zeros(updates.shape[1])
    for update, count in zip(updates, counts, strict=True):
        total = total + update * count
    return total / sum(counts)


def slow_trimmed(cut: Callable[[int], int]) -> Callable[[Matrix, Matrix], Matrix]:
    def rule(updates: Matrix, claims: Matrix) -> Matrix:
        cut_off = cut(len(updates))
        columns = (sorted(column)[cut_off : len(updates) - cut_off] for column in updates.T.tolist())
        return np.array([statistics.fmean(column) for column in columns])

    return rule


def slow_clipped(updates: Matrix, claims: Matrix) -> Matrix:
    return mean_by(np.array([u * min(1, 2 / length(u)) for u in updates]), [1] * len(updates))


def slow_ranking(updates: Matrix, malicious: int) -> list[int]:
    """Blanchard's scores: the sum over the k - f - 2 nearest others, as the best choice of so many."""
    k, scores = len(updates), []
    for i in range(k):
        squares = [length(updates[i] - updates[j]) ** 2 for j in range(k) if j != i]
        scores.append(min(sum(chosen) for chosen in itertools.combinations(squares, k - malicious - 2)))
    return sorted(range(k), key=lambda i: scores[i])


def slow_multi_krum(updates: Matrix, claims: Matrix) -> Matrix:
    best = slow_ranking(updates, 1)[:3]
    return mean_by(updates[best], [1, 1, 1])


def slow_weighted_krum(updates: Matrix, claims: Matrix) -> Matrix:
    best = slow_ranking(updates, 1)[:3]
    return mean_by(updates[best], claims[best])


def slow_weiszfeld(updates: Matrix, claims: Matrix) -> Matrix:
    """Moves through the space itself, not through mixtures."""
    at = mean_by(updates, claims)
    for _ in range(3000):
        at = mean_by(updates, [c / max(1e-6, length(u - at)) for u, c in zip(updates, claims, strict=True)])
    return at


def slow_fltrust(updates: Matrix, claims: Matrix) -> Matrix:
    root = ROOT.numpy()
    trust = [max(0.0, cosine(u, root)) for u in updates]
    return mean_by(np.array([u * length(root) / length(u) for u in updates]), trust)


def slow_flame(updates: Matrix, claims: Matrix) -> Matrix:
    """Grows a radius until a crowd of more than half hangs together, each with at least one neighbour."""
    k, lengths = len(updates), [length(u) for u in updates]
    away = np.array([[1 - cosine(a, b) for b in updates] for a in updates])
    nearest = [min(away[i][j] for j in range(k) if j != i) for i in range(k)]
    reach = np.array([[max(away[i, j], nearest[i], nearest[j]) for j in range(k)] for i in range(k)])
    for radius in sorted(set(reach.flatten())):
        groups = [{i} for i in range(k)]
        for i, j in itertools.combinations(range(k), 2):
            if reach[i, j] <= radius:
                joined = next(g for g in groups if i in g) | next(g for g in groups if j in g)
                groups = [g for g in groups if not g & joined] + [joined]
        kept = max(groups, key=len)
        if len(kept) > k // 2:
            break
    middle = statistics.median(lengths)
    shortened = [updates[i] * min(1, middle / lengths[i]) for i in sorted(kept)]
    return mean_by(np.array(shortened), [1] * len(kept))


def slow_outliers(updates: Matrix, claims: Matrix) -> Matrix:
    def within(scores: list[float]) -> list[bool]:
        middle = statistics.median(scores)
        spread = 1.4826 * statistics.median([abs(s - middle) for s in scores])
        return [s <= middle + 3.5 * spread for s in scores]

    k = len(updates)
    long = within([length(u) for u in updates])
    others = [[1 - cosine(updates[i], updates[j]) for j in range(k) if j != i] for i in range(k)]
    astray = within([statistics.median(away) for away in others])
    kept = [a and b for a, b in zip(long, astray, strict=True)]
    return mean_by(updates[kept], [1] * sum(kept))


TWINS: list[tuple[Any, Callable[[Matrix, Matrix], Matrix]]] = [
    (rules.ClaimedMean(), mean_by),
    (rules.EqualMean(), lambda u, c: mean_by(u, [1] * len(u))),
    (rules.ClippedMean(2.0), slow_clipped),
    (rules.Median(), slow_trimmed(lambda k: (k - 1) // 2)),
    (rules.TrimmedMean(0.25), slow_trimmed(lambda k: k // 4)),
    (rules.Krum(1), lambda u, c: u[slow_ranking(u, 1)[0]]),
    (rules.MultiKrum(1, 3), slow_multi_krum),
    (rules.MultiKrum(1, 3, weighted=True), slow_weighted_krum),
    (rules.GeometricMedian(), slow_weiszfeld),
    (rules.GeometricMedian(weighted=False), lambda u, c: slow_weiszfeld(u, np.ones(len(u)))),
    (rules.FLTrust(lambda: ROOT), slow_fltrust),
    (rules.Flame(noise=0.0), slow_flame),
    (rules.WithoutOutliers(), slow_outliers),
]
