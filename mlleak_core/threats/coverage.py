"""How often the intervals of `measure` miss a truth that is known, by drawing data from a known law."""

from __future__ import annotations

from collections.abc import Callable, Generator

import numpy as np

from mlleak_core import measure
from mlleak_core.contract import Estimate, Step
from mlleak_core.language import mark, say
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


def missed_tpr(draws: int, seed: int, desk: Desk) -> Generator[Step, None, list[bool]]:
    """Two normal laws one apart: the true positive rate at 1% false positives is Phi(1 - 2.326)."""
    del desk
    from scipy.stats import norm

    def one(rng: np.random.Generator, n: int) -> Estimate:
        scores = np.concatenate([rng.normal(1, 1, n), rng.normal(0, 1, n)])
        found = measure.tpr_at_fpr(scores, np.arange(2 * n) < n, 0.01)
        assert found is not None
        return found

    return (yield from _missed(draws, seed, one, float(norm.cdf(1 - norm.isf(0.01)))))


def claimed_tpr(draws: int, seed: int, desk: Desk) -> Generator[Step, None, list[bool]]:
    """Twice the same law: the true positive rate at 1% false positives is 1%."""
    del desk

    def one(rng: np.random.Generator, n: int) -> Estimate:
        found = measure.tpr_at_fpr(rng.normal(0, 1, 2 * n), np.arange(2 * n) < n, 0.01)
        assert found is not None
        return found

    return (yield from _missed(draws, seed, one, 0.01))


def missed_gain(draws: int, seed: int, desk: Desk) -> Generator[Step, None, list[bool]]:
    """Ten probes of a net, and of each of eight others that read the same: the gain in AUC is none.

    People have two photos; a net reads people, and photos, a little otherwise than the next.
    """
    del desk

    def one(rng: np.random.Generator, n: int) -> Estimate:
        truth, person = np.arange(2 * n) < n, np.arange(2 * n) // 2
        shared = rng.normal(truth, 1.0) + rng.normal(0, 0.5, n)[person]
        skill = rng.normal(0, 0.1, (9, 1, 1)) * truth + rng.normal(0, 0.3, (9, 1, n))[..., person]
        ours, *theirs = (shared + skill + rng.normal(0, 0.7, (9, 10, 2 * n))).astype(np.float32)
        return measure.auc_gain_over_controls(ours, np.stack(theirs), truth, person).gain

    return (yield from _missed(draws, seed, one, 0.0))


def missed_difference(draws: int, seed: int, desk: Desk) -> Generator[Step, None, list[bool]]:
    """Two nets that are right on the same share of photos, two photos a person: no difference."""
    del desk

    def one(rng: np.random.Generator, n: int) -> Estimate:
        person = np.arange(n) // 2
        level = rng.normal(1.0, 0.7, n)[person]
        right = rng.normal(level, 1.0, (2, n)) > 0
        return measure.cluster_mean(right[0].astype(float) - right[1], person, measure.DIFFERENCE)

    return (yield from _missed(draws, seed, one, 0.0))


def _missed(
    draws: int, seed: int, one: Callable[[np.random.Generator, int], Estimate], truth: float
) -> Generator[Step, None, list[bool]]:
    """Whether the interval of `one(rng, n)` leaves the truth out, draw by draw."""
    wrong = []
    for draw in range(draws):
        if draw % 50 == 0:
            yield Step(draw, draws, say("drawing"))
        found = one(stream(seed, "draws of a null", draw), SIDES[draw % len(SIDES)])
        wrong.append(not found.low <= truth <= found.high)
    return wrong


HERE = "mlleak_core.threats.coverage"
NULLS = (
    Null(
        key="interval-auc",
        situation=mark("draws from two known laws, 100 to 3,000 records a side"),
        claim=mark("the interval of the AUC misses the truth"),
        allowed=NOMINAL,
        draw=f"{HERE}:missed_auc",
        draws=1000,
        interval=True,
    ),
    Null(
        key="interval-tpr",
        situation=mark("draws from two known laws, 100 to 3,000 records a side"),
        claim=mark("the interval of the true positive rate at 1% false positives misses the truth"),
        allowed=NOMINAL,
        draw=f"{HERE}:missed_tpr",
        draws=1000,
        interval=True,
    ),
    Null(
        key="interval-tpr-null",
        situation=mark("members and others from one law, 100 to 3,000 a side"),
        claim=mark("the interval of the true positive rate at 1% false positives leaves 1% out"),
        allowed=NOMINAL,
        draw=f"{HERE}:claimed_tpr",
        draws=1000,
        interval=True,
    ),
    Null(
        key="interval-gain",
        situation=mark("probes of a net, and of eight others like it, 100 to 3,000 records a side"),
        claim=mark("the interval of the gain in AUC leaves zero out"),
        allowed=NOMINAL,
        draw=f"{HERE}:missed_gain",
        interval=True,
    ),
    Null(
        key="interval-difference",
        situation=mark("two nets that are right equally often, 100 to 3,000 photos"),
        claim=mark("the interval of the difference of accuracies leaves zero out"),
        allowed=NOMINAL,
        draw=f"{HERE}:missed_difference",
        draws=1000,
        interval=True,
    ),
)
