"""Measures with their intervals. Plain numpy; each function names its definition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats
from scipy.optimize import brentq

from mlleak_core.contract import Estimate

Floats = NDArray[np.float64]
Z95 = 1.959963984540054
SHARE, DIFFERENCE = (0.0, 1.0), (-1.0, 1.0)
"""Within what a share lies, and the difference of two."""


def proportion(successes: int, n: int) -> Estimate:
    """A rate with its exact interval (Clopper & Pearson 1934)."""
    if not 0 <= successes <= n or n == 0:
        raise ValueError(f"expected 0 <= successes <= n with n > 0; got {successes} of {n}")
    low = stats.beta.ppf(0.025, successes, n - successes + 1) if successes else 0.0
    high = stats.beta.ppf(0.975, successes + 1, n - successes) if successes < n else 1.0
    return Estimate(successes / n, float(low), float(high), n)


def placements(positive: ArrayLike, negative: ArrayLike) -> tuple[Floats, Floats]:
    """For each positive the share of negatives it beats, and for each negative the share of positives that
    beat it.

    Ties count one half. Shapes [..., m] and [..., k]; leading axes are batched.
    Source: structural components of DeLong, DeLong & Clarke-Pearson (1988).
    """
    pos, neg = np.asarray(positive), np.asarray(negative)
    m, k = pos.shape[-1], neg.shape[-1]
    both = np.concatenate([pos, neg], axis=-1)
    order = np.argsort(both, axis=-1)
    ranked = np.take_along_axis(both, order, -1)
    first = order < m
    negatives, positives = _below(~first, ranked), _below(first, ranked)
    beaten = np.empty(both.shape)
    np.put_along_axis(beaten, order, np.where(first, negatives / k, positives / m), -1)
    return beaten[..., :m], 1.0 - beaten[..., m:]


def _below(counted: NDArray[np.bool_], ranked: NDArray[Any]) -> Floats:
    """How many of the `counted` stand below each of the `ranked` values; those that tie count one half."""
    upto = counted.cumsum(-1)
    new = ranked[..., 1:] != ranked[..., :-1]
    if new.all():
        return upto - counted
    at, edge = np.arange(ranked.shape[-1]), np.ones((*ranked.shape[:-1], 1), bool)
    start = np.maximum.accumulate(np.where(np.concatenate([edge, new], -1), at, 0), -1)
    end = np.where(np.concatenate([new, edge], -1), at, at[-1])
    end = np.minimum.accumulate(end[..., ::-1], -1)[..., ::-1]
    before = np.take_along_axis(upto - counted, start, -1)
    return (before + np.take_along_axis(upto, end, -1)) / 2


def auc(scores: ArrayLike, truth: ArrayLike) -> Floats:
    """Area under the ROC curve: the chance that a positive scores above a negative. `scores` [..., n],
    `truth` [n].
    """
    scores, truth = np.asarray(scores, float), np.asarray(truth, bool)
    v10, _ = placements(scores[..., truth], scores[..., ~truth])
    return np.asarray(v10.mean(-1))


def _cluster_variance(
    v10: Floats, v01: Floats, cluster_pos: NDArray[Any], cluster_neg: NDArray[Any]
) -> float:
    ids, codes = np.unique(np.concatenate([cluster_pos, cluster_neg]), return_inverse=True)
    pos, neg = codes[: len(v10)], codes[len(v10) :]
    sum10 = np.bincount(pos, v10 - v10.mean(), minlength=len(ids))
    sum01 = np.bincount(neg, v01 - v01.mean(), minlength=len(ids))
    influence = sum10 / len(v10) + sum01 / len(v01)
    count = len(ids)
    return float((influence**2).sum() * count / max(count - 1, 1))


def auc_with_interval(
    scores: ArrayLike, truth: ArrayLike, cluster: ArrayLike, level: float = 0.95
) -> Estimate:
    """AUC with a 95% interval, or another `level`; all records of a cluster (a person) count as one draw.

    Source: Obuchowski (1997), the clustered form of DeLong et al. (1988); the interval is taken on the logit.
    Where nothing is out of order it has no spread: then `in_order`.
    """
    scores, truth, cluster = np.asarray(scores, float), np.asarray(truth, bool), np.asarray(cluster)
    v10, v01 = placements(scores[truth], scores[~truth])
    value = float(v10.mean())
    deviation = np.sqrt(_cluster_variance(v10, v01, cluster[truth], cluster[~truth]))
    reach = Z95 if level == 0.95 else float(stats.norm.isf((1 - level) / 2))
    if deviation == 0 and value in (0.0, 1.0):
        pairs = min(len(np.unique(cluster[truth])), len(np.unique(cluster[~truth])))
        least = in_order(pairs, level)
        return Estimate(value, *((least, 1.0) if value else (0.0, 1 - least)), int(len(scores)))
    low, high = _logit_interval(value, deviation, reach)
    return Estimate(value, low, high, int(len(scores)))


def in_order(pairs: int, level: float = 0.95) -> float:
    """The least AUC that goes with so many pairs apart from one another, each in order: the lower end of the
    exact interval of a share (Clopper & Pearson 1934).
    """
    return float(((1 - level) / 2) ** (1 / max(pairs, 1)))


def _logit_interval(value: float, deviation: float, reach: float) -> tuple[float, float]:
    if value <= 0.0 or value >= 1.0:
        return max(0.0, value - reach * deviation), min(1.0, value + reach * deviation)
    logit, spread = np.log(value / (1 - value)), reach * deviation / (value * (1 - value))
    return float(1 / (1 + np.exp(spread - logit))), float(1 / (1 + np.exp(-spread - logit)))


@dataclass(frozen=True)
class Contrast:
    """A number minus the mean of the same number in controls.

    of_controls: that mean; p: how often, two-sided, one more control would lie this far from the others.
    """

    gain: Estimate
    of_controls: float
    p: float


def auc_gain_over_controls(
    ours: NDArray[Any], controls: NDArray[Any], truth: ArrayLike, cluster: ArrayLike
) -> Contrast:
    """Mean AUC of `ours` [r, n] minus that of `controls` [c, r, n], over r draws that both share.

    Three sources of chance are added: the test people (clustered DeLong on the placements, averaged over the
    draws), the draws (variance of the mean), and which control it is.
    """
    truth, cluster = np.asarray(truth, bool), np.asarray(cluster)
    a10, a01 = placements(ours[:, truth], ours[:, ~truth])
    b10, b01 = placements(controls[..., truth], controls[..., ~truth])
    per_draw = a10.mean(1) - b10.mean((0, 2))
    c10, c01 = a10.mean(0) - b10.mean((0, 1)), a01.mean(0) - b01.mean((0, 1))
    people = _cluster_variance(c10, c01, cluster[truth], cluster[~truth])
    draws = float(per_draw.var(ddof=1) / len(per_draw)) if len(per_draw) > 1 else 0.0
    parts = ((people, len(np.unique(cluster)) - 1), (draws, len(per_draw) - 1))
    return _contrast(float(a10.mean()), b10.mean((1, 2)), parts, truth.size)


def mean_gain_over_controls(ours: ArrayLike, controls: ArrayLike, cluster: ArrayLike) -> Contrast:
    """Mean of `ours` [n] minus that of `controls` [c, n]: chance of people, and of which control it is."""
    ours, controls = np.asarray(ours, float), np.asarray(controls, float)
    _, codes = np.unique(cluster, return_inverse=True)
    people = (_cluster_mean_variance(ours - controls.mean(0), codes), int(codes.max()))
    return _contrast(float(ours.mean()), controls.mean(1), (people,), len(ours))


def _contrast(ours: float, controls: Floats, parts: tuple[tuple[float, int], ...], n: int) -> Contrast:
    """Student's t with the degrees of freedom of Welch (1947). parts: other variances and their degrees.

    The controls' variance counts 1 + 1/c times: `ours` is one draw, their mean is of c (prediction interval).
    """
    c, theirs = len(controls), float(controls.mean())
    value = ours - theirs
    between = (float(controls.var(ddof=1)) * (1 + 1 / c) if c > 1 else 0.0, c - 1)
    variances, degrees = np.array([between, *parts]).T
    total = float(variances.sum())
    if total <= 0:
        return Contrast(Estimate(value, value, value, n), theirs, float(value == 0))
    freedom = max(1.0, total**2 / float((variances**2 / np.maximum(degrees, 1)).sum()))
    deviation = np.sqrt(total)
    reach = float(stats.t.ppf(0.975, freedom) * deviation)
    p = float(2 * stats.t.sf(abs(value) / deviation, freedom))
    return Contrast(Estimate(value, value - reach, value + reach, n), theirs, p)


def cluster_mean(
    values: ArrayLike, cluster: ArrayLike, within: tuple[float, float] = (-np.inf, np.inf)
) -> Estimate:
    """Mean over records with a 95% interval that treats each cluster as one draw (ratio estimator, Student's
    t).

    within: the least and the greatest a value can be. Where all are equal there is no spread; what none of so
    many clusters showed may still be in some (`in_order`), and be as far off as it can.
    """
    values, cluster = np.asarray(values, float), np.asarray(cluster)
    _, codes = np.unique(cluster, return_inverse=True)
    count, (least, greatest) = int(codes.max()) + 1, within
    value, deviation = float(values.mean()), np.sqrt(_cluster_mean_variance(values, codes))
    if not np.ptp(values) and np.isfinite(within).all():
        unseen = 1 - in_order(count)
        low, high = (value + unseen * (end - value) for end in within)
    else:
        reach = stats.t.ppf(0.975, max(count - 1, 1)) * deviation
        low, high = value - reach, value + reach
    return Estimate(value, float(max(low, least)), float(min(high, greatest)), int(len(values)))


def _cluster_mean_variance(values: Floats, codes: NDArray[Any]) -> float:
    """codes [n]: each record's cluster, from 0 without gaps."""
    count = int(codes.max()) + 1
    influence = np.bincount(codes, values - values.mean(), minlength=count) / len(values)
    return float((influence**2).sum() * count / max(count - 1, 1))


def cramers_v(first: ArrayLike, second: ArrayLike, cluster: ArrayLike, seed: int = 0) -> Estimate:
    """Association of two labellings; for two binary ones the signed phi coefficient (Pearson), else Cramer's
    V (1946).

    The 95% interval resamples clusters (people) 400 times; being a distance from zero, V is biased upwards.
    """
    a, b = (np.unique(np.asarray(v), return_inverse=True)[1] for v in (first, second))
    _, codes = np.unique(np.asarray(cluster), return_inverse=True)
    rows, cols, count = int(a.max()) + 1, int(b.max()) + 1, int(codes.max()) + 1
    cells = np.zeros((count, rows * cols))
    np.add.at(cells, (codes, a * cols + b), 1.0)
    value = float(_association(cells.sum(0)[None], rows, cols)[0])
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(count, np.full(count, 1 / count), size=400)
    low, high = np.nanquantile(_association(weights @ cells, rows, cols), [0.025, 0.975])
    return Estimate(value, float(low), float(high), int(len(a)))


def _association(tables: Floats, rows: int, cols: int) -> Floats:
    t = tables.reshape(-1, rows, cols)
    n, r, c = t.sum((1, 2)), t.sum(2), t.sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        if rows == cols == 2:
            return (t[:, 0, 0] * t[:, 1, 1] - t[:, 0, 1] * t[:, 1, 0]) / np.sqrt(r.prod(1) * c.prod(1))
        expected = r[:, :, None] * c[:, None, :] / n[:, None, None]
        chi2 = np.nansum((t - expected) ** 2 / expected, axis=(1, 2))
        return np.sqrt(chi2 / (n * max(min(rows, cols) - 1, 1)))


def balanced_accuracy(predicted: ArrayLike, truth: ArrayLike) -> float:
    """Mean over the classes of the share recalled (Brodersen et al. 2010)."""
    predicted, truth = np.asarray(predicted), np.asarray(truth)
    return float(np.mean([(predicted[truth == c] == c).mean() for c in np.unique(truth)]))


def mean_with_interval(values: ArrayLike) -> Estimate:
    """Mean with Student's 95% interval; the interval of a single value is all there is, so it is left wide
    open.
    """
    values = np.asarray(values, float)
    value, n = float(values.mean()), len(values)
    reach = float(stats.t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n)) if n > 1 else float("inf")
    return Estimate(value, value - reach, value + reach, n)


def ssim(first: ArrayLike, second: ArrayLike) -> float:
    """Structural similarity of two pictures [c, h, w] in 0 to 255, averaged over channels.

    Source: Wang, Bovik, Sheikh & Simoncelli (2004): Gaussian window of 1.5 pixels, 11 wide, K1 = .01, K2 =
    .03.
    """
    from scipy.ndimage import gaussian_filter

    def blur(x: Floats) -> Floats:
        return np.stack([gaussian_filter(channel, 1.5, truncate=3.5) for channel in x])

    a, b = np.asarray(first, float), np.asarray(second, float)
    one, two = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b, both = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2, blur(a * b) - mean_a * mean_b
    top, bottom = (
        (2 * mean_a * mean_b + one) * (2 * both + two),
        (mean_a**2 + mean_b**2 + one) * (var_a + var_b + two),
    )
    return float((top / bottom)[:, 5:-5, 5:-5].mean())


def trustworthiness(source: ArrayLike, shown: ArrayLike, neighbours: int = 15) -> float:
    """How far a map's neighbours are neighbours in the source (Venna & Kaski 2001), by scikit-learn."""
    from sklearn.manifold import trustworthiness as venna_kaski

    return float(venna_kaski(np.asarray(source), np.asarray(shown), n_neighbors=neighbours))


@dataclass(frozen=True, eq=False)
class Roc:
    """An ROC curve: false and true positive rates, both [k] rising, with a pointwise 95% band of the
    latter.
    """

    fpr: Floats
    tpr: Floats
    low: Floats
    high: Floats


def roc(scores: ArrayLike, truth: ArrayLike, points: int = 120) -> Roc:
    """The ROC of `scores` [n] against `truth` [n], thinned to `points` evenly on a log axis of false
    positives.

    Ties are walked over whole. The band is Clopper and Pearson's on the true positive rate at each threshold.
    """
    scores, truth = np.asarray(scores, float), np.asarray(truth, bool)
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    hits, alarms = np.cumsum(truth[order])[ends], np.cumsum(~truth[order])[ends]
    m, k = int(truth.sum()), int((~truth).sum())
    wanted = np.unique(np.r_[0, np.geomspace(1, max(k, 1), points).astype(int)])
    keep = (
        np.arange(len(ends))
        if len(ends) <= points
        else np.unique(np.searchsorted(alarms, wanted, side="right") - 1)
    )
    keep = keep[keep >= 0]
    hits, alarms = np.r_[0, hits[keep]], np.r_[0, alarms[keep]]
    low = np.where(hits > 0, stats.beta.ppf(0.025, np.maximum(hits, 1), m - hits + 1), 0.0)
    high = np.where(hits < m, stats.beta.ppf(0.975, hits + 1, np.maximum(m - hits, 1)), 1.0)
    return Roc(alarms / k, hits / m, low, high)


def threshold_at_fpr(scores: ArrayLike, truth: ArrayLike, fpr: float) -> float | None:
    """The strictest threshold that negatives cross, by lying above it, at a rate of at most `fpr` < 1.

    None where `fpr` cannot be resolved: one false positive among the negatives would already exceed it.
    """
    scores, truth = np.asarray(scores, float), np.asarray(truth, bool)
    negatives = np.sort(scores[~truth])[::-1]
    allowed = int(np.floor(fpr * len(negatives) + 1e-9))
    return float(negatives[allowed]) if allowed else None


def tpr_at_fpr(
    scores: ArrayLike,
    truth: ArrayLike,
    fpr: float,
    cluster: ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate | None:
    """True positive rate above `threshold_at_fpr`, with a 95% interval (or another `level`); None where there
    is none such.

    The threshold was chosen on the same negatives, and the interval includes that choice: the number of
    negatives above the true threshold is binomial, and for each such number the rate has Jeffreys' Beta law
    (Brown, Cai & DasGupta 2001, section 4.3); the interval is that of the mixture. Records of one `cluster`
    (a person) count as fewer, by Kish's design effect (1965).
    """
    scores, truth = np.asarray(scores, float), np.asarray(truth, bool)
    line = threshold_at_fpr(scores, truth, fpr)
    if line is None:
        return None
    group = np.arange(len(scores)) if cluster is None else np.asarray(cluster)
    hits = scores > line
    value, m = float(hits[truth].mean()), int(truth.sum())
    alone = m / _design_effect(hits[truth], group[truth])
    others = int((~truth).sum()) / _design_effect(hits[~truth], group[~truth])
    share, weight = _shares_above(scores[truth], scores[~truth], fpr, others)
    a, b = share * alone + 0.5, (1 - share) * alone + 0.5
    low, high = (_mixture_quantile(a, b, weight, q) for q in ((1 - level) / 2, (1 + level) / 2))
    return Estimate(value, min(low, value), max(high, value), m)


def _shares_above(positive: Floats, negative: Floats, fpr: float, others: float) -> tuple[Floats, Floats]:
    """Shares of positives above where the true threshold may lie, and how likely each is; `others` negatives
    count as independent.
    """
    count = max(round(others), 1)
    number = np.arange(int(stats.binom.ppf(1 - 1e-6, count, fpr)) + 1)
    down = np.r_[np.inf, np.sort(negative)[::-1]]
    place = np.minimum(np.stack([number, number + 1]) * len(negative) / count, len(negative))
    ranked = np.sort(positive)
    above = 1 - np.searchsorted(ranked, down[np.round(place).astype(int)], side="right") / len(ranked)
    return np.asarray(above.mean(0)), np.asarray(stats.binom.pmf(number, count, fpr))


def _mixture_quantile(a: Floats, b: Floats, weight: Floats, q: float) -> float:
    """Quantile of a mixture of Beta laws."""
    weight = weight / weight.sum()
    return float(brentq(lambda x: float(weight @ special.betainc(a, b, x)) - q, 0.0, 1.0, xtol=1e-6))


def _design_effect(hit: NDArray[np.bool_], cluster: NDArray[Any]) -> float:
    """By how much clusters widen the variance of a share; at least one."""
    codes = np.unique(cluster, return_inverse=True)[1]
    share, count = hit.mean(), int(codes.max()) + 1
    if count == len(hit) or not 0 < share < 1:
        return 1.0
    together = np.bincount(codes, hit - share, minlength=count)
    return max(1.0, float((together**2).sum() / (len(hit) * share * (1 - share))))


def advantage(scores: ArrayLike, truth: ArrayLike) -> float:
    """The largest TPR - FPR over all thresholds (Yeom et al. 2018; Youden's J)."""
    curve = roc(scores, truth, 10_000)
    return float((curve.tpr - curve.fpr).max())


def positive_predictive_value(tpr: float, fpr: float, base_rate: float) -> float:
    """The share of members among those named, when `base_rate` of all records are members (Bayes)."""
    named = base_rate * tpr + (1 - base_rate) * fpr
    return base_rate * tpr / named if named else float("nan")


def benjamini_hochberg(p_values: ArrayLike, rate: float) -> NDArray[np.bool_]:
    """Which hypotheses are rejected at false-discovery rate `rate` (Benjamini & Hochberg 1995)."""
    p = np.asarray(p_values, float)
    order = np.argsort(p)
    passed = np.flatnonzero(p[order] <= rate * np.arange(1, len(p) + 1) / len(p))
    named = np.zeros(len(p), bool)
    if len(passed):
        named[order[: passed[-1] + 1]] = True
    return named
