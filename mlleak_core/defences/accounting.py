"""What noise on clipped updates is worth: an account of differential privacy over rounds. Light to import."""

from __future__ import annotations

import math

import numpy as np

from mlleak_core.contract import BadInput
from mlleak_core.language import say

ORDERS = (*(1 + x / 10 for x in range(1, 100)), *range(11, 65), 128, 256, 512)
"""Rényi orders that are tried."""


def epsilon(noise_multiplier: float, rounds: int, share: float, delta: float) -> float:
    """What so many rounds of `ClippedMean` tell of one participant's presence: epsilon at delta, from above.

    share: of the participants that take part in a round, each by a coin of its own; a fixed number drawn in
    each round is customarily accounted alike, but not covered by the theorem. Sources: Rényi divergence of
    the sampled Gaussian, Mironov, Talwar & Zhang 2019, section 3; conversion, Canonne, Kamath & Steinke 2020,
    proposition 12. Infinite without noise. Raises BadInput.
    """
    if not noise_multiplier >= 0 or rounds < 0 or not 0 <= share <= 1 or not 0 < delta < 1:
        got = {"noise": noise_multiplier, "rounds": rounds, "share": share, "delta": delta}
        raise BadInput(
            say("noise and rounds of at least 0, a share of 0 to 1, a delta between 0 and 1"),
            say("{noise:g}, {rounds}, {share:g} and {delta:g}", **got),
            say("Correct them."),
        )
    if not rounds or not share:
        return 0.0
    if not noise_multiplier:
        return math.inf
    return max(0.0, min(_epsilon(order, noise_multiplier, rounds, share, delta) for order in ORDERS))


def _epsilon(order: float, noise: float, rounds: int, share: float, delta: float) -> float:
    conversion = math.log1p(-1 / order) - (math.log(delta) + math.log(order)) / (order - 1)
    return rounds * renyi(order, noise, share) + conversion


def renyi(order: float, noise: float, share: float) -> float:
    """Rényi divergence of one round: share N(1, noise²) + (1 - share) N(0, noise²) against N(0, noise²).

    By the trapezoidal rule, which converges exponentially here: the integrand is analytic to within
    pi * noise² of the real line, and falls off like a normal density outside 0 to `order`.
    """
    if share == 1 or noise < 0.1:
        return order / (2 * noise**2)  # of everybody, which is never less; the grid would be too fine
    width = min(noise / 4, noise**2 / 2)
    z = np.arange(-12 * noise, order + 12 * noise, width)
    mixed = np.logaddexp(math.log1p(-share), math.log(share) + (2 * z - 1) / (2 * noise**2))
    heights = order * mixed - z**2 / (2 * noise**2)
    area = float(np.exp(heights - heights.max()).sum()) * width / (noise * math.sqrt(2 * math.pi))
    return (math.log(area) + float(heights.max())) / (order - 1)
