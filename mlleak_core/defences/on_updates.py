"""How a server makes one step out of many updates, some of which may be malicious.

Rules act on updates, never on weights: among float32 weights the differences that they look at are rounded
away. Steps, lengths and distances are computed in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, final

import torch
from torch import Tensor

from mlleak_core.contract import BadInput, Choice, Diverged, Range
from mlleak_core.defences.aggregator import Aggregator, CoordinateRule, Linear, Noisy
from mlleak_core.defences.distances import (
    TINY,
    cosine_distances,
    norms,
    products,
    squared_distances,
)
from mlleak_core.language import say

NORM, COSINE, BOTH = "norm", "cosine", "both"


@final
@dataclass(frozen=True)
class ClaimedMean(Linear):
    """Federated averaging: everybody counts by the records claimed (McMahan et al. 2017, algorithm 1)."""

    slug: ClassVar[str] = "mean"
    why: ClassVar[str] = "believes what everybody says"

    @property
    def title(self) -> str:
        return say("mean, by records claimed")

    def shares(self, claims: Tensor) -> Tensor:
        return _alike_or_claimed(claims, claimed=True)


@final
@dataclass(frozen=True)
class EqualMean(Linear):
    """Everybody counts alike (synchronous SGD)."""

    slug: ClassVar[str] = "equal"
    why: ClassVar[str] = "does not ask who has how much"

    @property
    def title(self) -> str:
        return say("mean, everybody alike")

    def shares(self, claims: Tensor) -> Tensor:
        return _alike_or_claimed(claims, claimed=False)


@final
@dataclass(frozen=True)
class ClippedMean(Noisy):
    """Updates are shortened to a norm, averaged alike, and noise is added: z * norm / k on a coordinate.

    Sources: Sun et al. 2019, section 4 (as a defence); McMahan et al., ICLR 2018, algorithm 1 (privacy). The
    unit of privacy is a participant; what z is worth says `accounting.epsilon`.
    """

    slug: ClassVar[str] = "clip"
    why: ClassVar[str] = "lets nobody move the model far"
    norm: Annotated[float, Range(1e-6, 1e6, 0.1, "The longest update that counts in full.")] = 1.0
    noise: Annotated[float, Range(0.0, 100.0, 0.1, "Noise multiplier z: of the norm, on the sum.")] = 0.0

    @property
    def title(self) -> str:
        if self.noise:
            return say("clip to {norm:g}, noise {noise:g}", norm=self.norm, noise=self.noise)
        return say("clip to {norm:g}", norm=self.norm)

    def factors(self, updates: Tensor, claims: Tensor) -> Tensor:
        return _clipping(norms(updates), self.norm) / len(updates)

    def deviation(self, updates: Tensor) -> float:
        return self.noise * self.norm / len(updates)


@final
@dataclass(frozen=True)
class Median(CoordinateRule):
    """Coordinate by coordinate the middle one, or the mean of the two (Yin et al. 2018, definition 1)."""

    slug: ClassVar[str] = "median"
    why: ClassVar[str] = "asks the one in the middle, number by number"

    @property
    def title(self) -> str:
        return say("median")

    def cut(self, k: int) -> int:
        return (k - 1) // 2


@final
@dataclass(frozen=True)
class TrimmedMean(CoordinateRule):
    """Coordinate by coordinate, without the largest and the smallest (Yin et al. 2018, definition 2)."""

    slug: ClassVar[str] = "trimmed"
    why: ClassVar[str] = "drops the extremes, number by number"
    share: Annotated[float, Range(0.0, 0.5, 0.05, "Left out at each end, of all updates.")] = 0.2

    @property
    def title(self) -> str:
        return say("trimmed mean, {share:.0%} a side", share=self.share)

    def cut(self, k: int) -> int:
        return math.floor(self.share * k + 1e-9)  # .29 of 100 is 29


@final
@dataclass(frozen=True)
class Krum(Aggregator):
    """The one update that is nearest to its k - f - 2 nearest (Blanchard et al. 2017, section 4)."""

    slug: ClassVar[str] = "krum"
    why: ClassVar[str] = "follows one update alone, the one in the thick of the crowd"
    malicious: Annotated[int, Range(0, 498, 1, "Malicious updates it reckons with, f.")] = 1

    @property
    def title(self) -> str:
        return f"Krum, f = {self.malicious}"

    def factors(self, updates: Tensor, claims: Tensor) -> Tensor:
        best = _best_by_krum(updates, self.malicious, 1)
        return _only(best, torch.ones_like(claims))


@final
@dataclass(frozen=True)
class MultiKrum(Aggregator):
    """The mean of the m updates that Krum likes best (Blanchard et al. 2017, section 5).

    weighted: some implementations let the records claimed count among these, which a lie can use.
    """

    slug: ClassVar[str] = "multi-krum"
    why: ClassVar[str] = "averages only the thick of the crowd"
    malicious: Annotated[int, Range(0, 498, 1, "Malicious updates it reckons with, f.")] = 1
    kept: Annotated[int, Range(1, 1000, 1, "Updates that are averaged, m.")] = 3
    weighted: Annotated[bool, "Count them by the records claimed."] = False

    @property
    def title(self) -> str:
        return say("Multi-Krum, f = {malicious}, best {kept}", malicious=self.malicious, kept=self.kept)

    def factors(self, updates: Tensor, claims: Tensor) -> Tensor:
        best = _best_by_krum(updates, self.malicious, self.kept)
        return _only(best, claims if self.weighted else torch.ones_like(claims))


@final
@dataclass(frozen=True)
class GeometricMedian(Aggregator):
    """The point with the least sum of distances: smoothed Weiszfeld (RFA; Pillutla et al. 2019, algorithm 2).

    Every iterate is a mixture of the updates, so that the distances among these are all that it takes.
    """

    slug: ClassVar[str] = "rfa"
    why: ClassVar[str] = "pulls everybody's way alike, however far they are"
    weighted: Annotated[bool, "Count by the records claimed, as published; a lie can use that."] = True
    smoothing: Annotated[float, Range(1e-12, 1.0, 1e-6, "Shorter distances count as this one.")] = 1e-6

    @property
    def title(self) -> str:
        return say("geometric median") if self.weighted else say("geometric median, everybody alike")

    def factors(self, updates: Tensor, claims: Tensor) -> Tensor:
        shares, squares = _alike_or_claimed(claims, claimed=self.weighted), squared_distances(updates)
        mix = shares
        for _ in range(1000):
            before, pulls = mix, shares / _from_mixture(mix, squares).clamp_min(self.smoothing)
            mix = pulls / pulls.sum()
            if (mix - before).abs().max() < 1e-13:
                break
        return mix


@final
@dataclass(frozen=True)
class FLTrust(Aggregator):
    """Updates count by their cosine to an update of the server's own, at its length (Cao et al. 2021,
    algorithm 2).

    root: gives that update [p], computed anew in every round from clean records. Nobody counts where all
    point away from it.
    """

    slug: ClassVar[str] = "fltrust"
    why: ClassVar[str] = "has a few clean records of its own to compare with"
    root: Callable[[], Tensor] | None = field(default=None, compare=False, repr=False)

    @property
    def title(self) -> str:
        return "FLTrust"

    def as_dict(self) -> dict[str, Any]:
        """Nothing: where the root update comes from stands in the settings of the run."""
        return {}

    def factors(self, updates: Tensor, claims: Tensor) -> Tensor:
        root = self._root(updates.shape[1])
        length, lengths = float(root.norm()), norms(updates).clamp_min(TINY)
        trust = (products(updates, root) / lengths / max(length, TINY)).clamp_min(0)
        return trust / trust.sum().clamp_min(TINY) * length / lengths

    def _root(self, p: int) -> Tensor:
        if self.root is None:
            raise BadInput(say("an update of the server's own"), say("none"), say("Give FLTrust its root."))
        root = self.root().double()
        if root.shape != (p,):
            expected = say("a root update of {p:,} numbers", p=p)
            got = say("one of shape {shape}", shape=tuple(root.shape))
            raise BadInput(expected, got, say("Compute it on the same net."))
        if not torch.isfinite(root).all():
            raise Diverged(say("the server's own update is no finite number"))
        return root


@final
@dataclass(frozen=True)
class Flame(Noisy):
    """The tightest cluster of more than half by cosine, shortened to the median norm, averaged, with noise
    (Nguyen et al. 2022, algorithm 1; here by the updates' cosines, not the models').
    """

    slug: ClassVar[str] = "flame"
    why: ClassVar[str] = "listens to the majority that points one way, and drowns the rest in noise"
    noise: Annotated[float, Range(0.0, 10.0, 0.001, "Deviation of the noise, of the median norm.")] = 0.001

    @property
    def title(self) -> str:
        return say("FLAME, noise {noise:g}", noise=self.noise)

    def factors(self, updates: Tensor, claims: Tensor) -> Tensor:
        _at_least(3, updates)
        kept, lengths = _majority(cosine_distances(updates)).double(), norms(updates)
        return kept / kept.sum() * _clipping(lengths, _middle(lengths))

    def deviation(self, updates: Tensor) -> float:
        return self.noise * _middle(norms(updates)) if self.noise else 0.0


@final
@dataclass(frozen=True)
class WithoutOutliers(Aggregator):
    """The mean without those that are too long, or point elsewhere: by the median and the median absolute
    deviation of the norms and of each one's median cosine distance (modified z; Iglewicz & Hoaglin 1993).
    """

    slug: ClassVar[str] = "outliers"
    why: ClassVar[str] = "leaves out who stands apart from the crowd"
    by: Annotated[str, Choice((NORM, COSINE, BOTH), "Too long, pointing elsewhere, or either.")] = BOTH
    bar: Annotated[float, Range(0.5, 20.0, 0.5, "Deviations above the median that are allowed.")] = 3.5

    @property
    def title(self) -> str:
        if self.by == BOTH:
            return say("without outliers")
        return say("without the longest") if self.by == NORM else say("without the strays")

    def factors(self, updates: Tensor, claims: Tensor) -> Tensor:
        _at_least(3, updates)
        kept = torch.ones(len(updates), dtype=torch.bool)
        if self.by != COSINE:
            kept &= self._within(norms(updates))
        if self.by != NORM:
            kept &= self._within(_middle_of_others(cosine_distances(updates)))
        return kept.double() / kept.sum()

    def _within(self, scores: Tensor) -> Tensor:
        middle = _middle(scores)
        return scores <= middle + self.bar * 1.4826 * _middle((scores - middle).abs())


CATALOGUE: dict[str, Any] = {
    a.slug: a
    for a in (
        ClaimedMean(),
        EqualMean(),
        ClippedMean(),
        Median(),
        TrimmedMean(),
        Krum(),
        MultiKrum(),
        GeometricMedian(),
        FLTrust(),
        Flame(),
        WithoutOutliers(),
    )
}
"""slug -> aggregator, from the most trusting on. FLTrust is still to be given its root."""


def krum_scores(updates: Tensor, nearest: int) -> Tensor:
    """Sum of the squared distances to the `nearest` others [k]: the lower, the thicker the crowd."""
    squares = squared_distances(updates).fill_diagonal_(math.inf)
    return squares.sort(1).values[:, :nearest].sum(1)


def _best_by_krum(updates: Tensor, malicious: int, count: int) -> Tensor:
    """Places of the `count` best [count]; of equals the first."""
    _at_least(2 * malicious + 3, updates)  # section 4: else the malicious can be a crowd of their own
    honest = len(updates) - malicious
    if count > honest:
        expected = say("to keep at most {honest} updates", honest=honest)
        raise BadInput(expected, str(count), say("Keep no more than are honest."))
    return krum_scores(updates, honest - 2).argsort(stable=True)[:count]


def _only(places: Tensor, counts: Tensor) -> Tensor:
    """Shares by counts [k] among those at `places`; of nobody else."""
    kept = torch.zeros(len(counts), dtype=torch.float64)
    kept[places] = counts[places].double()
    if not kept.sum() > 0:
        expected = say("a record behind an update that is kept")
        raise BadInput(expected, say("none"), say("Count everybody alike."))
    return kept / kept.sum()


def _alike_or_claimed(claims: Tensor, *, claimed: bool) -> Tensor:
    counts = claims.double() if claimed else torch.ones(len(claims), dtype=torch.float64)
    return counts / counts.sum()


def _from_mixture(mix: Tensor, squares: Tensor) -> Tensor:
    """Distances of the point that mixes points by `mix` [k] to each of them, from their squared distances."""
    to_each = squares @ mix
    return (to_each - mix @ to_each / 2).clamp_min(0).sqrt()


def _majority(distances: Tensor) -> Tensor:
    """Who is in the tightest cluster of more than half, by distances [k, k] -> bool [k]."""
    from sklearn.cluster import HDBSCAN

    # Two samples are the paper's one: scikit-learn counts the point itself.
    cluster = HDBSCAN(
        min_cluster_size=len(distances) // 2 + 1,
        min_samples=2,
        metric="precomputed",
        allow_single_cluster=True,
        copy=True,
    )
    return torch.from_numpy(cluster.fit(distances.numpy()).labels_ >= 0)


def _middle_of_others(distances: Tensor) -> Tensor:
    """The median of each one's distances to the others, without its own, from [k, k] to [k]."""
    others = distances[~torch.eye(len(distances), dtype=torch.bool)].view(len(distances), -1)
    return others.quantile(0.5, dim=1)


def _middle(values: Tensor) -> float:
    return float(values.quantile(0.5))


def _clipping(lengths: Tensor, longest: float) -> Tensor:
    """By what to shorten each [k]; nothing is made longer."""
    return (longest / lengths.clamp_min(TINY)).clamp_max(1)


def _at_least(least: int, updates: Tensor) -> None:
    if len(updates) < least:
        remedy = say("Let more take part, or reckon with fewer malicious ones.")
        raise BadInput(say("at least {least} updates", least=least), str(len(updates)), remedy)
