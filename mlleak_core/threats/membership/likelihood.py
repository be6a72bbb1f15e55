"""Likelihood ratios: is the target's answer likelier of a model that had the record? Light: no torch.

Sources: Carlini et al. (S&P 2022, LiRA); BaVarIA (2026); PMIA (NDSS 2026).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mlleak_core.contract import Range
from mlleak_core.language import mark
from mlleak_core.threats.membership.confidence import Floats, phi
from mlleak_core.threats.membership.score_attack import ScoreAttack
from mlleak_core.threats.membership.view import Refs, Seen, View

FEW_SHADOWS = 64
"""Below this many, LiRA pools its variances over records (Carlini et al., section VI-A: over all of them)."""
LIKE = 0.2
"""Share of the records, on either side by mean, from which a record's pooled variance comes."""
KAPPAS, ALPHAS = (0.3, 1.0, 3.0), (8.0, 2.0)
"""Prior weights that BaVarIA tries, the usual ones first."""
PROXIES = 60
"""Records, about, from which PMIA borrows."""


@final
@dataclass(frozen=True)
class LiRA(ScoreAttack):
    """The likelihood ratio attack, online or offline (Carlini et al. 2022, algorithm 1).

    Setting: black box, shadows. Per record, phi of the shadows that had it and of those that had not are two
    Gaussians; the score is the log ratio of their densities at the target's phi, summed over the record and
    its mirror image. Offline: how far above the second Gaussian, whose variance is then that of all records.
    Below 64 shadows variances are pooled over records of like mean, and take in that a mean of few is unsure.
    """

    views: ClassVar[int] = 2
    online: Annotated[bool, "Use the shadows that had the record too; offline, only those that had not."] = (
        True
    )

    @property
    def slug(self) -> str:  # type: ignore[override]
        return "lira" if self.online else "lira-offline"

    @property
    def title(self) -> str:  # type: ignore[override]
        return "LiRA" if self.online else mark("LiRA, offline")

    @property
    def why(self) -> str:  # type: ignore[override]
        both = mark("compares with shadows that had it and shadows that had not")
        return both if self.online else mark("compares with shadows that had not, only")

    @property
    def colour(self) -> str:  # type: ignore[override]
        return "#D55E00" if self.online else "#A0522D"

    @property
    def quick(self) -> bool:  # type: ignore[override]
        return self.online

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        target, own = phi(seen.logp, view.y), phi(refs.logp[:, : len(seen.logp)], view.y)
        inside = refs.inside[:, None]
        if not self.online:
            out_mean, out_sd = gaussian(own, ~inside, like=1.0)
            return np.asarray(special.log_ndtr((target - out_mean) / out_sd).sum(0))
        return np.asarray(log_ratio(target, own, inside).sum(0))


def log_ratio(target: Floats, own: Floats, inside: NDArray[np.bool_], like: float = LIKE) -> Floats:
    """How much likelier scores [q, n] are of a model that had the record, as logarithm, by the shadows' own
    [k, q, n]; inside [k, 1, n]; like: as in `gaussian`.
    """
    had, had_not = gaussian(own, inside, like), gaussian(own, ~inside, like)
    return _log_normal(target, *had) - _log_normal(target, *had_not)


def gaussian(own: Floats, which: NDArray[np.bool_], like: float = LIKE) -> tuple[Floats, Floats]:
    """Mean and deviation [q, n] over the shadows [k, q, n] picked by `which` [k, 1, n]; records without any
    get the others' mean. like: share of the records, on either side, that pool their variances.
    """
    count = np.maximum(which.sum(0), 1)
    picked = np.where(which, own, 0.0)
    mean = picked.sum(0) / count
    empty = ~np.broadcast_to(which.any(0), mean.shape)
    mean = np.where(empty, np.median(mean[~empty]) if (~empty).any() else 0.0, mean)
    residual = np.where(which, own - mean, 0.0)
    if len(own) >= FEW_SHADOWS:
        spread = np.sqrt((residual**2).sum(0) / np.maximum(count - 1, 1))
    else:
        pooled = _pooled(mean, (residual**2).sum(0), (which.sum(0) - 1).clip(0), like)
        spread = np.sqrt(pooled * (1 + 1 / count))  # predictive: the mean, too, is of so few
    return mean, np.maximum(spread, 1e-6)


def _pooled(mean: Floats, squares: Floats, freedom: NDArray[np.int64], like: float = LIKE) -> Floats:
    """Variance within records [q, n] over those of like mean, from squared residuals [q, n] and the degrees
    of freedom [1 or q, n] that they have.
    """
    place, reach = np.arange(mean.shape[-1]), max(1, round(like * mean.shape[-1]))
    low, high = (place - reach).clip(0), (place + reach + 1).clip(max=len(place))
    order = np.argsort(mean, axis=-1, kind="stable")

    def around(values: NDArray[Any]) -> Floats:
        ranked = np.take_along_axis(np.broadcast_to(values, mean.shape), order, -1)
        before = np.pad(ranked.cumsum(-1, dtype=float), ((0, 0), (1, 0)))
        return np.asarray(before[:, high] - before[:, low])

    found = np.empty_like(mean)
    np.put_along_axis(found, order, around(squares).clip(0) / np.maximum(around(freedom), 1), -1)
    return found


def _log_normal(x: Floats, mean: Floats, sd: Floats) -> Floats:
    return np.asarray(-0.5 * ((x - mean) / sd) ** 2 - np.log(sd))


@final
@dataclass(frozen=True)
class BaVarIA(ScoreAttack):
    """LiRA with a posterior for every record's Gaussians in place of pooled variances (BaVarIA, 2026).

    Setting: black box, shadows; gains most with few of them. Per record and world, a normal-inverse-gamma
    prior, its centre and scale from all records, meets the shadows' phi; the predictive law is Student's t,
    and the score the log ratio of the two densities at the target's phi (Murphy 2007, section 3).
    """

    slug: ClassVar[str] = "bavaria"
    title: ClassVar[str] = "BaVarIA"
    why: ClassVar[str] = mark("weighs what shadows say of it against what they say of all")
    colour: ClassVar[str] = "#AA4499"
    kappa: Annotated[
        float,
        Range(0.0, 20.0, 0.1, "Shadows that the prior mean is worth; 0 means as does best on own ones."),
    ] = 0.0
    alpha: Annotated[
        float, Range(0.0, 50.0, 0.5, "Half the shadows that the prior variance is worth; 0: as does best.")
    ] = 0.0

    def candidates(self) -> tuple[Self, ...]:
        kappas, alphas = (KAPPAS, ALPHAS)
        return tuple(
            replace(self, kappa=kappa, alpha=alpha)
            for kappa in ((self.kappa,) if self.kappa else kappas)
            for alpha in ((self.alpha,) if self.alpha else alphas)
        )

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        kappa, alpha = self.kappa or KAPPAS[0], self.alpha or ALPHAS[0]
        target, own = phi(seen.logp[0], view.y), phi(refs.logp[:, 0], view.y)
        had, not_had = (
            _predictive(target, own, which, kappa, alpha) for which in (refs.inside, ~refs.inside)
        )
        return had - not_had


def _predictive(x: Floats, own: Floats, which: NDArray[np.bool_], kappa: float, alpha: float) -> Floats:
    """log density at x [n] of the predictive Student t, from own [k, n] where `which` [k, n]."""
    n = which.sum(0)
    total = np.where(which, own, 0.0).sum(0)
    mean = total / np.maximum(n, 1)
    squares = np.where(which, (own - mean) ** 2, 0.0).sum(0)
    centre = float(mean[n > 0].mean()) if n.any() else 0.0
    spread = np.maximum(_pooled(mean[None], squares[None], (n - 1).clip(0)[None])[0], 1e-12)
    located = (kappa * centre + total) / (kappa + n)
    shape = alpha + n / 2
    rate = alpha * spread + squares / 2 + kappa * n * (mean - centre) ** 2 / (2 * (kappa + n))
    scale = np.sqrt(rate * (kappa + n + 1) / (shape * (kappa + n)))
    z = (x - located) / scale
    tail = -(2 * shape + 1) / 2 * np.log1p(z**2 / (2 * shape))
    return np.asarray(
        special.gammaln(shape + 0.5) - special.gammaln(shape) - np.log(shape) / 2 - np.log(scale) + tail
    )


@final
@dataclass(frozen=True)
class PMIA(ScoreAttack):
    """Offline LiRA that borrows what members look like from records of its own (PMIA, NDSS 2026).

    Setting: black box, shadows that had not the record. Gaussians of phi: OUT from these shadows; IN from the
    attacker's records that such shadows find as hard, by the shadows that had those. Score: the log ratio of
    their densities.
    """

    slug: ClassVar[str] = "pmia"
    title: ClassVar[str] = "PMIA"
    why: ClassVar[str] = mark("compares with shadows that had not, and with members as hard as this")
    colour: ClassVar[str] = "#8A8A2B"

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        target, own = phi(seen.logp[0], view.y), phi(refs.logp[:, 0], view.y)
        out_mean, out_sd = gaussian(own[:, None], ~refs.inside[:, None])
        in_mean, in_sd = _borrowed(out_mean[0], own, refs.inside)
        return _log_normal(target, in_mean, in_sd) - _log_normal(target, out_mean[0], out_sd[0])


def _borrowed(hard: Floats, own: Floats, inside: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Median and deviation of phi inside, both [n], over the PROXIES records nearest in `hard` [n]."""
    order = np.argsort(hard, kind="stable")
    n, middle, spread = len(hard), np.zeros(len(hard)), np.ones(len(hard))
    for block in np.array_split(np.arange(n), max(n // (PROXIES // 2), 1)):
        near = order[max(0, block[0] - PROXIES // 4) : block[-1] + PROXIES // 4 + 1]
        said = own[:, near][inside[:, near]]
        if len(said) > 1:
            middle[order[block]], spread[order[block]] = np.median(said), max(float(said.std()), 1e-6)
    return middle, spread
