"""The blind baseline: can members be told apart without asking the model at all? Light: no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from mlleak_core import measure
from mlleak_core.contract import Estimate
from mlleak_core.seeds import stream

Floats = NDArray[np.float64]
Members = NDArray[np.bool_]
FOLDS = 5
PENALTY = 10.0
"""Of the ridge regression, on standardised features."""
PERMUTATIONS = 1999
ENOUGH = 10
"""Permutations that do as well, after which no more are drawn (Besag & Clifford 1991)."""
AT_A_TIME = 100


@dataclass(frozen=True, eq=False)
class Blind:
    """scores [n] from the records alone; auc: of membership; p: that a random draw of members does as well.

    drawn: the members were drawn here, at random by construction.
    """

    scores: Floats
    auc: Estimate
    p: float
    drawn: bool


def blind_baseline(
    features: Floats, member: Members, person: NDArray[np.int64], *, drawn: bool, seed: int = 0
) -> Blind:
    """A classifier that never queries the model, cross-fitted over people, and its permutation test.

    features [n, d]; whole people change sides, as they were drawn. Where it beats chance, members and others
    differ in distribution. Its own interval is too narrow to say so: cross-fitted scores hang together.
    """
    groups = np.unique(person, return_inverse=True)[1]
    folds = stream(seed, "folds of the blind baseline").permutation(int(groups.max()) + 1)[groups] % FOLDS
    scores = _cross_fitted(features, member[:, None], folds)[:, 0]
    reached = _areas(scores[:, None], member[:, None])[0]
    return Blind(
        scores=scores,
        auc=measure.auc_with_interval(scores, member, person),
        p=_p_value(reached, features, member, groups, folds, seed),
        drawn=drawn,
    )


def _p_value(
    reached: float,
    features: Floats,
    member: Members,
    groups: NDArray[np.int64],
    folds: NDArray[np.int64],
    seed: int,
) -> float:
    """Sequential Monte Carlo: the share of permutations that reach as high."""
    dice = stream(seed, "permutations of the blind baseline")
    share = np.bincount(groups, member) / np.bincount(groups)
    done = as_well = 0
    while done < PERMUTATIONS and as_well < ENOUGH:
        count = min(AT_A_TIME, PERMUTATIONS - done)
        dealt = dice.permuted(np.tile(share, (count, 1)), axis=1)[:, groups].T >= 0.5
        as_well += int((_areas(_cross_fitted(features, dealt, folds), dealt) >= reached).sum())
        done += count
    return as_well / done if as_well >= ENOUGH else (1 + as_well) / (1 + done)


def _cross_fitted(features: Floats, member: Members, folds: NDArray[np.int64]) -> Floats:
    """Ridge regression on each column of `member` [n, k], said of the fold that was left out: [n, k]."""
    said = np.zeros(member.shape)
    for fold in range(FOLDS):
        out = folds == fold
        if not out.any() or out.all():
            continue
        x, target = features[~out], member[~out].astype(float)
        mean, spread = x.mean(0), np.maximum(x.std(0), 1e-9)
        x = (x - mean) / spread
        gram = x.T @ x + PENALTY * np.eye(x.shape[1])
        weights = np.linalg.solve(gram, x.T @ (target - target.mean(0)))
        said[out] = (features[out] - mean) / spread @ weights
    return said


def _areas(scores: Floats, member: Members) -> Floats:
    """AUC of each column [k] (Mann & Whitney 1947); ties count one half."""
    count = member.sum(0)
    wins = np.where(member, rankdata(scores, axis=0), 0.0).sum(0) - count * (count + 1) / 2
    return np.asarray(wins / np.maximum(count * (len(member) - count), 1))
