"""The class attacks its own histogram: what do the bars before and after one more phone tell of it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlleak_core.seeds import stream
from mlleak_core.threat import Asked, Question

EPSILONS = (0.1, 0.3, 1.0, 3.0, 10.0)
"""Budgets to choose from."""
DRAWS = 200
"""Of the noise, for each phone."""
SURE = 1e6
"""Log odds of what is seen without noise."""
Bets = NDArray[np.int64]
Shares = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Leak:
    """How much of a bet is read right, on average over all phones, each being the last one in turn.

    exact: from exact bars; noisy: from bars with noise of `epsilon`; guess: from the others' bars alone.
    scale: by how much one phone can move the bars, which is what the noise is made for.
    """

    phones: int
    epsilon: float
    scale: int
    exact: float
    noisy: float
    guess: float


def scale_of(question: Question) -> int:
    """By how much one phone can move the bars, all together."""
    return question.most if question.kind is Asked.MANY else 1


def noise(rng: np.random.Generator, epsilon: float, scale: int, shape: Any) -> Bets:
    """Two-sided geometric noise: a count that one phone moves by `scale` is then ε-private for a phone."""
    stops = -np.expm1(-epsilon / scale)
    return np.asarray(rng.geometric(stops, shape) - rng.geometric(stops, shape), np.int64)


def leak(question: Question, bets: Bets, epsilon: float, seed: int = 0) -> Leak:
    """Attack every phone's bet in turn; bets [phones, bars], 1 where a phone stands in a bar.

    The attacker knows the bars before that phone, and sees those after it: exactly, or with noise whose law
    they know. They claim what is likeliest, given both and how the others bet.
    """
    scale, rng = scale_of(question), stream(seed, "noise on a histogram")
    others = (bets.sum(0) - bets + 0.5) / len(bets)
    disturbed = bets[None] + noise(rng, epsilon, scale, (DRAWS, *bets.shape))

    def right(difference: Bets, weight: float) -> float:
        return _right(question, difference, weight, others, bets)

    return Leak(
        phones=len(bets),
        epsilon=epsilon,
        scale=scale,
        exact=right(bets, SURE),
        noisy=right(disturbed, epsilon / scale),
        guess=right(bets, 0.0),
    )


def _right(question: Question, difference: Bets, weight: float, others: Shares, bets: Bets) -> float:
    """Share of single answers that are read right: of every bar, or of the one that was chosen.

    difference: of the bars after and before; weight: the log odds that one more or less stands for.
    """
    told = weight * np.where(difference > 0, 1.0, -1.0)
    if question.kind is Asked.MANY:
        claimed = told + np.log(others / (1 - np.minimum(others, 0.99))) > 0
        return float((claimed == bets.astype(bool)).mean())
    chosen = np.argmax(told + np.log(others), -1)
    return float((chosen == np.argmax(bets, -1)).mean())


def as_bets(places: Sequence[Sequence[int]], bars: int) -> Bets:
    """Bets [phones, bars] from the bars that each phone stands in."""
    found = np.zeros((len(places), bars), np.int64)
    for phone, stands in enumerate(places):
        found[phone, list(stands)] = 1
    return found
