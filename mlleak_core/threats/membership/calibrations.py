"""A record's answers, held in many ways against what shadows say of it. Light: no torch.

Sources: difficulty calibration, Watson et al. (ICLR 2022); several calibrations at once, He et al. (CCS
2024); the ratios of Carlini et al. (S&P 2022) and Lassila et al. (2025).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlleak_core.threats.membership.confidence import Floats, Rows, log_true, phi
from mlleak_core.threats.membership.likelihood import gaussian, log_ratio
from mlleak_core.threats.membership.relative import over_the_mean, tempered
from mlleak_core.threats.membership.view import Refs

OVER_THE_MEAN = (0.5, 1.0, 2.0, 3.0, 4.0, 6.0)
"""Temperatures at which answers are held against the shadows' mean, as BASE does."""
TEMPERED = (2.0, 4.0)
"""Those at which log p_y is held against its Gaussians, as LiRA does phi."""


def calibrations(logp: Floats, refs: Refs, y: Rows) -> Floats:
    """Of answers logp [n, c] to records of classes y [n]: [n, 27]. NaN where no shadow can say."""
    own, out = refs.logp[:, 0], ~refs.inside
    parts = [
        _beside(phi(logp, y), phi(own, y), out),
        *(_of_logarithms(logp, own, out, y, t) for t in TEMPERED),
        *(over_the_mean(logp, own, y, t)[:, None] for t in OVER_THE_MEAN),
        _hardness(own, out, y),
    ]
    return np.column_stack(parts)


def _of_logarithms(logp: Floats, own: Floats, out: NDArray[np.bool_], y: Rows, temperature: float) -> Floats:
    target, shadows = (log_true(tempered(said, temperature), y) for said in (logp, own))
    return _beside(target, shadows, out)[:, 1:3]


def _beside(target: Floats, own: Floats, out: NDArray[np.bool_]) -> Floats:
    """A score [n] and the shadows' own [k, n]: itself, its log ratio, its distance to the means and the ends
    of those that had the record and of those that had not, and these.
    """
    (in_mean,), _ = gaussian(own[:, None], ~out[:, None])
    (out_mean,), _ = gaussian(own[:, None], out[:, None])
    ratio = log_ratio(target[None], own[:, None], ~out[:, None], like=1.0)[0]  # the means tell trees the rest
    most, least = np.where(out, own, -np.inf).max(0), np.where(out, np.inf, own).min(0)
    most, least = (np.where(np.isfinite(end), end, np.nan) for end in (most, least))
    spread = _spread(own, out)
    ends = (np.quantile(own, q, axis=0, method="nearest") for q in (0.0, 0.5, 1.0))
    distances = target - out_mean, target - most, target - least
    return np.column_stack([target, ratio, *distances, in_mean, out_mean, spread, most, least, *ends])


def _spread(own: Floats, out: NDArray[np.bool_]) -> Floats:
    """Deviation [n] of what shadows say that had not the record; of all where fewer than two had not."""
    some = out.sum(0) > 1
    spread = np.full(own.shape[1], own.std())
    spread[some] = np.nanstd(np.where(out, own, np.nan)[:, some], axis=0, ddof=1)
    return spread


def _hardness(own: Floats, out: NDArray[np.bool_], y: Rows) -> Floats:
    """What p_y shadows give that had the record, and that had not; how many of these are wrong; the class."""
    sure = np.exp(log_true(own, y))
    had, had_not = (np.where(w.any(0), (sure * w).sum(0) / w.sum(0).clip(1), np.nan) for w in (~out, out))
    wrong = ((own.argmax(-1) != y) & out).sum(0) / out.sum(0).clip(1)
    return np.column_stack([had, had_not, wrong, y])
