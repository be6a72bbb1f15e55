"""What was claimed of a batch, and the judge, who alone knows its photos. Light to import: no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import Estimate
from mlleak_core.language import mark
from mlleak_core.measure import mean_with_interval
from mlleak_core.threat import Verdict
from mlleak_core.threats.likeness import Likeness, Pictures, Rows, Truth, assign, compare, repeated

EXACT = 0.5
"""A largest error below this: every pixel of eight bits is the true one."""
Bits = NDArray[np.int8]


class InversionVerdict(Verdict):
    """Whether the photos came out."""

    EXACT = mark("the photos come out exactly")
    THEIRS = mark("the photos that come out are recognisably theirs")
    MATCHED = mark("the gradient matches, the photos do not: matching is not reconstruction")


@dataclass(frozen=True, eq=False, kw_only=True)
class Claim:
    """What was found: pictures [n, 3, 32, 32] in 0 to 255, in no order; what each is said to show [n], by
    label; the gradient's cosine distance; a note in words.
    """

    pictures: Pictures
    labels: Mapping[str, Bits] = field(default_factory=dict)
    distance: float = 0.0
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Read:
    """One label of a batch. read, true: yes or no, photo by photo; true is None where the data set does not
    say. usual: what most of the attacker's own photos have.
    """

    name: str
    read: tuple[bool, ...]
    true: tuple[bool | None, ...]
    usual: bool

    def right(self, usual: bool = False) -> tuple[float, ...]:
        """For each photo 1 or 0, NaN where nobody knows. usual: had he claimed that of all."""
        said = (self.usual,) * len(self.read) if usual else self.read
        pairs = zip(said, self.true, strict=True)
        return tuple(float("nan") if true is None else float(claim == true) for claim, true in pairs)


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


def labels_read(
    claim: Claim, order: Rows, true: Mapping[str, Bits], own: Mapping[str, Bits]
) -> tuple[Read, ...]:
    """What was said of the photos, in their order, beside what the data set says [n], -1 unknown; without
    labels of which it says nothing.
    """
    return tuple(
        Read(
            name=name,
            read=tuple(bool(bit) for bit in bits[order]),
            true=tuple(None if code < 0 else bool(code) for code in true[name]),
            usual=bool((own[name] == 1).sum() > (own[name] == 0).sum()),
        )
        for name, bits in claim.labels.items()
        if (true[name] >= 0).any()
    )


def share_right(read: tuple[Read, ...], usual: bool = False) -> Estimate:
    """The share of labels that are right, photos being what is drawn. usual: had he said the commonest."""
    marks = np.array([label.right(usual) for label in read])
    known = marks[:, ~np.isnan(marks).all(0)]
    each = mean_with_interval(np.nanmean(known, 0))
    return Estimate(each.value, max(each.low, 0.0), min(each.high, 1.0), each.n)


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
