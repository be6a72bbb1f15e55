"""How sure an answer is of the true class, on the scales that attacks compare. Light: no torch.

phi is the scale of Carlini et al. (S&P 2022): on it the answers of many shadows are about Gaussian.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mlleak_core.target.blackbox import LEAST_PROBABILITY

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


def phi(logp: Floats, y: Rows) -> Floats:
    """log p_y - log(1 - p_y) of log probabilities [..., n, c]: [..., n] (Carlini et al., eq. 5)."""
    picked = log_true(logp, y)
    others = np.where(np.arange(logp.shape[-1]) == y[:, None], -np.inf, logp)
    return np.asarray(picked - special.logsumexp(others, axis=-1))


def log_true(logp: Floats, y: Rows) -> Floats:
    """log p_y: [..., n]."""
    at = np.broadcast_to(y[:, None], (*logp.shape[:-1], 1))
    return np.asarray(np.take_along_axis(logp, at, -1)[..., 0])


def log_probabilities(probabilities: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(probabilities, LEAST_PROBABILITY)))
