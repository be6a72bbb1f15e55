"""What was claimed of a batch, and the judge, who alone knows its photos. Light to import: no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mlleak_core.language import mark
from mlleak_core.measure import mean_with_interval
from mlleak_core.threat import Verdict
from mlleak_core.threats.likeness import Likeness, Pictures, Rows, Truth, assign, compare, repeated

EXACT = 0.5
"""A largest error below this: every pixel of eight bits is the true one."""


class InversionVerdict(Verdict):
    """Whether the photos came out."""

    EXACT = mark("the photos come out exactly")
    THEIRS = mark("the photos that come out are recognisably theirs")
    MATCHED = mark("the gradient matches, the photos do not: matching is not reconstruction")


@dataclass(frozen=True, eq=False, kw_only=True)
class Claim:
    """What was found: pictures [n, 3, 32, 32] in 0 to 255, in no order; the gradient's cosine distance; a
    note in
    words.
    """

    pictures: Pictures
    distance: float = 0.0
    note: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class Report:
    """The judge's finding. order [n]: which picture is meant for each photo. baseline: the average public
    face,
    claimed for all. null: the same claim, held against another participant's photos.
    """

    found: Likeness
    order: Rows
    max_error: float
    baseline: Likeness
    null: Likeness
    verdict: InversionVerdict

    def row(self) -> dict[str, Any]:
        """Flat numbers for the command line."""
        return {
            **self.found.row(),
            "mae_mean_image": self.baseline.mae.value,
            "mae_other_participant": self.null.mae.value,
            "identified_rate_other_participant": self.null.identified.value,
            "max_error": self.max_error,
        }


def judge(claim: Claim, truth: Truth, other: Truth, average: Pictures) -> Report:
    """Compare what was found with the batch. Alone in reading the truth. A gradient knows no order, so the
    assignment of least error is taken, of the null as well.

    other: another participant's photos. average: the mean public face [3, 32, 32].
    """
    order = assign(claim.pictures, truth.pictures)
    found = compare(claim.pictures[order], truth)
    baseline = compare(repeated(average, len(truth.pictures)), truth)
    worst = float(np.abs(claim.pictures[order] - truth.pictures).max())
    return Report(
        found=found,
        order=order,
        max_error=worst,
        baseline=baseline,
        null=compare(claim.pictures[assign(claim.pictures, other.pictures)], other),
        verdict=verdict(found, baseline, worst, truth.chance),
    )


def verdict(found: Likeness, baseline: Likeness, max_error: float, chance: float) -> InversionVerdict:
    """Taken from two intervals: of the owners found, against the share of candidates that are an owner's; and
    of the error saved over the average face, paired by photo, of which a single photo has none.
    """
    if max_error < EXACT:
        return InversionVerdict.EXACT
    saved = mean_with_interval(baseline.errors - found.errors)
    closer = saved.low > 0 or saved.n == 1
    theirs = closer and found.identified.low > chance
    return InversionVerdict.THEIRS if theirs else InversionVerdict.MATCHED
