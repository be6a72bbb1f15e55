"""The account of noise: against sums, integrals and exact answers, and beside other accountants."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, special, stats

from mlleak_core.contract import BadInput
from mlleak_core.defences.accounting import epsilon, renyi


@pytest.mark.parametrize("order", [2, 5, 12, 63])
@pytest.mark.parametrize(("noise", "share"), [(1.1, 0.01), (2.0, 0.05), (0.5, 0.3), (8.0, 0.9)])
def test_at_whole_orders_it_is_a_finite_sum(order, noise, share):
    """Mironov, Talwar & Zhang 2019, section 3.3, whole orders."""
    terms = [
        math.log(math.comb(order, j))
        + (order - j) * math.log1p(-share)
        + j * math.log(share)
        + (j * j - j) / (2 * noise**2)
        for j in range(order + 1)
    ]
    assert renyi(order, noise, share) == pytest.approx(special.logsumexp(terms) / (order - 1), rel=1e-7)


@pytest.mark.parametrize("order", [1.1, 2.5, 7.3])
@pytest.mark.parametrize(("noise", "share"), [(1.0, 0.1), (0.3, 0.2), (3.0, 0.02)])
def test_at_broken_orders_it_is_the_integral(order, noise, share):
    def height(z: float) -> float:
        mixed = np.logaddexp(math.log1p(-share), math.log(share) + (2 * z - 1) / (2 * noise**2))
        return math.exp(float(stats.norm.logpdf(z, 0, noise)) + order * mixed)

    area, _ = integrate.quad(height, -14 * noise, order + 14 * noise, epsrel=1e-12, points=[0, order])
    assert renyi(order, noise, share) == pytest.approx(math.log(area) / (order - 1), rel=1e-6)


@pytest.mark.parametrize(("noise", "rounds"), [(0.8, 50), (5.0, 10), (30.0, 400)])
def test_where_everybody_takes_part_it_is_close_above_the_exact_answer(noise, rounds):
    """Balle & Wang 2018, theorem 8: T rounds are one with the noise divided by the square root of T."""
    mu, found = math.sqrt(rounds) / noise, epsilon(noise, rounds, 1.0, 1e-5)

    def delta(eps: float) -> float:
        return float(special.ndtr(mu / 2 - eps / mu) - math.exp(eps + special.log_ndtr(-mu / 2 - eps / mu)))

    assert delta(found) <= 1e-5
    assert delta(0.9 * found) > 1e-5


def test_beside_other_accountants():
    """dp-accounting's RdpAccountant with these orders (its best are whole ones here); Opacus said 5.65."""
    assert epsilon(0.8, 50, 1.0, 1e-5) == pytest.approx(79.710058425056, rel=1e-9)
    assert epsilon(2.0, 300, 0.05, 1e-6) == pytest.approx(2.38708717416736, rel=1e-9)
    assert epsilon(1.1, 10_000, 0.01, 1e-5) == pytest.approx(5.65, abs=0.03)


def test_more_noise_fewer_rounds_and_smaller_shares_tell_less():
    usual = epsilon(1.0, 100, 0.1, 1e-5)
    assert epsilon(2.0, 100, 0.1, 1e-5) < usual < epsilon(1.0, 200, 0.1, 1e-5)
    assert epsilon(1.0, 100, 0.05, 1e-5) < usual < epsilon(1.0, 100, 0.1, 1e-6)
    assert usual < epsilon(1.0, 100, 1.0, 1e-5)
    assert epsilon(0.099, 1, 0.5, 1e-5) >= epsilon(0.101, 1, 0.5, 1e-5)


def test_the_ends():
    assert epsilon(0.0, 3, 0.5, 1e-5) == math.inf
    assert epsilon(1.0, 0, 0.5, 1e-5) == 0
    assert epsilon(1.0, 5, 0.0, 1e-5) == 0
    assert epsilon(1e6, 1, 0.5, 0.5) == 0


@pytest.mark.parametrize(
    "wrong",
    [(-1, 1, 0.5, 1e-5), (math.nan, 1, 0.5, 1e-5), (1, -1, 0.5, 1e-5), (1, 1, 1.5, 1e-5), (1, 1, 0.5, 0)],
)
def test_what_means_nothing_is_refused(wrong):
    with pytest.raises(BadInput):
        epsilon(*wrong)
