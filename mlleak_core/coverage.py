"""How often the intervals of `measure` miss a truth that is known, by drawing data from a known law."""

from __future__ import annotations

from collections.abc import Callable, Generator

import numpy as np

from mlleak_core import measure
from mlleak_core.contract import Estimate, Step
from mlleak_core.seeds import stream
from mlleak_core.threat import Desk, Null

NOMINAL = 0.05
SIDES = (100, 300, 1000, 3000)
"""Records a side, in turn."""


def missed_auc(draws: int, seed: int, desk: Desk) -> Generator[Step, None, list[bool]]:
    """Two normal laws one apart: the AUC is Phi(1 / sqrt 2)."""
    del desk
    from scipy.stats import norm

    truth = float(norm.cdf(1 / np.sqrt(2)))

    def one(rng: np.random.Generator, n: int) -> Estimate:
        scores = np.concatenate([rng.normal(1, 1, n), rng.normal(0, 1, n)])
        return measure.auc_with_interval(scores, np.arange(2 * n) < n, np.arange(2 * n))

    return (yield from _missed(draws, seed, one, truth))


def _missed(
    draws: int, seed: int, one: Callable[[np.random.Generator, int], Estimate], truth: float
) -> Generator[Step, None, list[bool]]:
    """Whether the interval of `one(rng, n)` leaves the truth out, draw by draw."""
    wrong = []
    for draw in range(draws):
        if draw % 50 == 0:
            yield Step(draw, draws, "drawing")
        found = one(stream(seed, "draws of a null", draw), SIDES[draw % len(SIDES)])
        wrong.append(not found.low <= truth <= found.high)
    return wrong


HERE = "mlleak_core.coverage"
NULLS = (
    Null(
        key="interval-auc",
        situation="draws from two known laws, 100 to 3,000 records a side",
        claim="the interval of the AUC misses the truth",
        allowed=NOMINAL,
        draw=f"{HERE}:missed_auc",
        draws=1000,
        interval=True,
    ),
)
