"""Each rule against a slow twin in plain loops; what must not change it; what it must refuse."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor, nn

from mlleak_core.contract import BadInput, Diverged
from mlleak_core.defences.aggregator import Aggregator
from mlleak_core.defences.distances import cosine_distances, squared_distances
from mlleak_core.defences.on_updates import (
    CATALOGUE,
    ClaimedMean,
    ClippedMean,
    EqualMean,
    Flame,
    FLTrust,
    GeometricMedian,
    Krum,
    Median,
    MultiKrum,
    TrimmedMean,
    WithoutOutliers,
    krum_scores,
)
from mlleak_core.target.federated import Federation, FederationSettings
from tests.defences.slow_twins import (
    ROOT,
    TWINS,
    Matrix,
    P,
    length,
    slow_ranking,
)


def crowd(k: int, seed: int, malicious: int = 1) -> tuple[Tensor, Tensor]:
    """Honest updates that agree by and large, and malicious ones, long and astray, at places of their own."""
    rng = np.random.default_rng(seed)
    updates = 1 + rng.normal(0, 0.5, (k, P))
    updates[rng.choice(k, malicious, replace=False)] = rng.normal(-4, 3, (malicious, P))
    return torch.from_numpy(updates), torch.from_numpy(rng.integers(1, 50, k).astype(np.float64))


RULES = [rule for rule, _ in TWINS]
BY_COORDINATE = (Median, TrimmedMean)
each = pytest.mark.parametrize("rule", RULES, ids=lambda r: r.title)


@pytest.mark.parametrize(("rule", "twin"), TWINS, ids=[rule.title for rule in RULES])
def test_it_does_what_its_slow_twin_does(rule, twin):
    for k, seed in itertools.product((5, 8, 11), range(3)):
        updates, claims = crowd(k, seed)
        step = rule(updates, claims)
        np.testing.assert_allclose(step, twin(updates.numpy(), claims.numpy()), rtol=0, atol=1e-7)
        single = rule(updates.float(), claims.float())
        assert single.dtype == torch.float32
        np.testing.assert_allclose(single, step, atol=1e-5)


def test_every_rule_of_the_catalogue_has_a_twin_and_acts_on_the_aggregate_alone():
    assert {type(rule) for rule in RULES} == {type(rule) for rule in CATALOGUE.values()}
    assert {rule.place() for rule in RULES} == {"aggregate"}
    assert all(rule.slug == slug and rule.title and rule.why for slug, rule in CATALOGUE.items())
    assert len({rule.title for rule in CATALOGUE.values()}) == len(CATALOGUE)


def test_many_coordinates_are_taken_piece_by_piece_without_a_seam(rng):
    updates, claims = torch.from_numpy(rng.normal(0, 1, (7, 9000))), torch.ones(7)
    difference = updates[:, None] - updates[None]
    np.testing.assert_allclose(squared_distances(updates), difference.square().sum(2), rtol=1e-12)
    np.testing.assert_allclose(Median()(updates, claims), np.median(updates.numpy(), axis=0), atol=1e-15)
    np.testing.assert_allclose(EqualMean()(updates, claims), updates.mean(0), atol=1e-15)
    root = torch.from_numpy(rng.normal(0, 1, 9000))
    trust = torch.nn.functional.cosine_similarity(updates, root[None]).clamp_min(0)
    weights = FLTrust(lambda: root).weights(updates, claims) * updates.norm(dim=1) / root.norm()
    np.testing.assert_allclose(weights, trust / trust.sum(), atol=1e-12)


def test_the_geometric_median_is_where_the_sum_of_distances_is_least():
    updates, claims = crowd(9, 4, malicious=3)

    def total(point: Matrix) -> float:
        return float(sum(c * length(u - point) for u, c in zip(updates.numpy(), claims.numpy(), strict=True)))

    found = minimize(
        total, updates.mean(0).numpy(), method="Nelder-Mead", options={"maxiter": 20000, "fatol": 0}
    )
    step = GeometricMedian()(updates, claims).numpy()
    assert total(step) <= total(found.x) + 1e-9
    np.testing.assert_allclose(step, found.x, atol=1e-3)


# --- what must not change the answer, and what must change it in step


@each
def test_the_order_of_the_participants_does_not_matter(rule):
    updates, claims = crowd(9, 1, malicious=2)
    order = torch.from_numpy(np.random.default_rng(0).permutation(9))
    torch.testing.assert_close(rule(updates[order], claims[order]), rule(updates, claims))
    torch.testing.assert_close(
        rule.weights(updates[order], claims[order]), rule.weights(updates, claims)[order]
    )


@each
def test_a_common_offset_moves_the_step_as_far(rule):
    if isinstance(rule, ClippedMean | FLTrust | Flame | WithoutOutliers):
        return  # these measure from the joint model
    updates, claims = crowd(9, 2, malicious=2)
    offset = 1e7 * torch.linspace(-1, 1, P, dtype=torch.float64)
    torch.testing.assert_close(
        rule(updates + offset, claims) - offset, rule(updates, claims), atol=1e-7, rtol=0
    )


@each
def test_scale_carries_over(rule):
    updates, claims = crowd(9, 3, malicious=2)
    for scale in (1e-3, 1e4):
        fitting = replace(rule, norm=2.0 * scale) if isinstance(rule, ClippedMean) else rule
        expected = rule(updates, claims) * (
            1 if isinstance(rule, FLTrust) else scale
        )  # it has a length of its own
        torch.testing.assert_close(fitting(updates * scale, claims), expected, rtol=1e-4, atol=1e-7 * scale)


@each
def test_the_weights_make_the_step_and_say_who_was_kept(rule):
    updates, claims = crowd(9, 5, malicious=2)
    weights = rule.weights(updates, claims)
    assert weights.shape == (9,)
    assert weights.dtype == torch.float64
    assert (weights >= 0).all()
    assert torch.equal(rule.whom(updates, claims), weights > 0)
    if isinstance(rule, BY_COORDINATE):
        assert float(weights.sum()) == pytest.approx(1)
    else:
        torch.testing.assert_close(weights @ updates, rule(updates, claims))


def test_of_equal_values_in_the_middle_none_comes_first():
    updates = torch.tensor([[1.0, 0.0], [2.0, 0.0], [2.0, 0.0], [2.0, 5.0], [3.0, 9.0]])
    expected = torch.tensor([0 + 1 / 3, 1 / 3 + 1 / 3, 1 / 3 + 1 / 3, 1 / 3, 0], dtype=torch.float64) / 2
    torch.testing.assert_close(Median().weights(updates, torch.ones(5)), expected)
    assert Median().whom(updates, torch.ones(5)).tolist() == [True, True, True, True, False]


@each
def test_updates_that_are_all_the_same_are_the_step(rule):
    same, claims = ROOT.expand(7, P).clone() * 0.1, torch.ones(7)
    expected = ROOT if isinstance(rule, FLTrust) else ROOT * 0.1
    torch.testing.assert_close(rule(same, claims), expected)


@each
def test_nothing_sent_is_no_step(rule):
    step = rule(torch.zeros(7, P), torch.ones(7))
    assert torch.equal(step, torch.zeros(P))


@each
def test_one_long_update_moves_means_without_bound_and_nothing_else(rule):
    updates, claims = crowd(11, 6, malicious=0)
    quiet = rule(updates, claims)
    updates[4] *= -1e6
    moved = float((rule(updates, claims) - quiet).norm())
    assert (moved > 1e4) == isinstance(rule, ClaimedMean | EqualMean)
    assert moved > 1e4 or moved < 2
    if isinstance(rule, Krum | MultiKrum | FLTrust | Flame | WithoutOutliers):
        assert not rule.whom(updates, claims)[4]


@each
def test_a_lie_about_records_moves_only_who_believes_claims(rule):
    updates, claims = crowd(9, 7, malicious=0)
    lie = claims.clone()
    liar = int(rule.whom(updates, claims).nonzero()[0])
    lie[liar] = 1e9
    believes = isinstance(rule, ClaimedMean) or getattr(rule, "weighted", False)
    assert torch.equal(rule(updates, lie), rule(updates, claims)) != believes
    if believes:
        torch.testing.assert_close(rule(updates, lie), updates[liar], atol=1e-4, rtol=0)


def test_outliers_can_be_told_by_one_sign_alone():
    updates, claims = crowd(9, 8, malicious=0)
    updates[2] *= 50
    updates[6] = -updates[6]
    out = {
        by: (~WithoutOutliers(by).whom(updates, claims)).nonzero().flatten().tolist()
        for by in ("norm", "cosine", "both")
    }
    assert out == {"norm": [2], "cosine": [6], "both": [2, 6]}


def test_an_update_of_nothing_has_no_direction():
    away = cosine_distances(torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 2.0], [-1.0, 0.0]]))
    expected = [[0, 0.5, 0.5, 0.5], [0.5, 0, 1, 2], [0.5, 1, 0, 1], [0.5, 2, 1, 0]]
    torch.testing.assert_close(away, torch.tensor(expected, dtype=torch.float64))


# --- model replacement


@pytest.mark.parametrize("rate", [1.0, 0.25])
@pytest.mark.parametrize("rule", [ClaimedMean(), EqualMean()])
@pytest.mark.parametrize("k", [2, 7, 100])
def test_gamma_replaces_the_model_however_many_take_part(rule, k, rate):
    """L = gamma (X - G) + G: one round, and the joint model is X (Bagdasaryan et al. 2020, equation 3)."""
    rng = np.random.default_rng(k)
    updates, wanted = torch.zeros(k, P, dtype=torch.float64), torch.from_numpy(rng.normal(0, 1, P))
    claims = torch.from_numpy(rng.integers(1, 99, k).astype(np.float64))
    updates[k // 2] = rule.gamma(k // 2, claims, rate) * wanted
    torch.testing.assert_close(rate * rule(updates, claims), wanted)


def test_gamma_of_a_liar_is_one():
    assert ClaimedMean().gamma(1, torch.tensor([9.0, 1e12, 9.0])) == pytest.approx(1)
    assert EqualMean().gamma(1, torch.tensor([9.0, 1e12, 9.0])) == pytest.approx(3)


@each
def test_what_looks_at_the_updates_has_no_gamma(rule):
    gamma = rule.gamma(0, torch.ones(7))
    assert (gamma is not None) == isinstance(rule, ClaimedMean | EqualMean)


# --- noise


def test_noise_is_new_in_each_round_the_same_in_the_same_and_as_large_as_said():
    updates, claims = torch.ones(4, 20_000), torch.ones(4)
    noisy, quiet = ClippedMean(3.0, noise=0.8, seed=5), ClippedMean(3.0)(updates, claims)
    before = torch.get_rng_state()
    first, again, second = (noisy.in_round(n)(updates, claims) - quiet for n in (0, 0, 1))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(first, again)
    assert abs(float(torch.corrcoef(torch.stack([first, second]))[0, 1])) < 0.05
    assert float(first.std()) == pytest.approx(0.8 * 3.0 / 4, rel=0.03)
    other = replace(noisy, seed=6).in_round(0)(updates, claims) - quiet
    assert abs(float(torch.corrcoef(torch.stack([first, other]))[0, 1])) < 0.05


def test_the_noise_of_flame_is_a_share_of_the_median_norm():
    updates = torch.ones(5, 10_000) * torch.tensor([1.0, 2.0, 3.0, 4.0, 50.0])[:, None]
    rule = Flame(noise=0.01).in_round(3)
    noise = rule(updates, torch.ones(5)) - replace(rule, noise=0.0)(updates, torch.ones(5))
    assert float(noise.std()) == pytest.approx(0.01 * 3 * 100, rel=0.03)


@pytest.mark.parametrize("rule", [ClippedMean(noise=1.0), Flame()])
def test_noise_without_a_round_is_refused(rule):
    updates, claims = crowd(7, 0)
    with pytest.raises(BadInput, match="in_round"):
        rule(updates, claims)
    assert rule.weights(updates, claims).shape == (7,)


def test_a_seed_means_nothing_without_noise():
    assert ClippedMean(seed=3) == ClippedMean(seed=4)
    assert ClippedMean(noise=1.0, seed=3) != ClippedMean(noise=1.0, seed=4)


def test_a_federation_tells_its_aggregator_the_round():
    torch_rng = torch.Generator().manual_seed(0)
    shares = [(torch.randn(8, 3, generator=torch_rng), torch.arange(8) % 2) for _ in range(4)]
    rule = ClippedMean(0.1, noise=2.0)
    federation = Federation(nn.Linear(3, 2), shares, FederationSettings(rounds=2, batch=4), aggregate=rule)
    rounds = [federation.round(number) for number in range(2)]
    for number, seen in enumerate(rounds):
        expected = seen.before + rule.in_round(number)(seen.updates, seen.claims)
        torch.testing.assert_close(seen.after, expected)


# --- numbers of others, and a fault of others


def test_the_test_values_of_flower():
    """Of its own tests (release 1.42, server/strategy: aggregate_test, fedmedian_test, krum_test,
    multikrum_test). Two of these reckon with more malicious ones than Krum's proof allows, which we refuse:
    there the scores are compared.
    """
    layer = torch.tensor([[1.0, 2, 3, 4, 5, 6, 7, 8, 9, 10]]).expand(2, 10)
    torch.testing.assert_close(ClaimedMean()(layer, torch.tensor([1.0, 2.0])), layer[0])
    claims = torch.full((3,), 5.0)
    columns = [torch.tensor(values)[:, None].expand(3, 4) for values in ((0.2, 1.0, 0.5), (0.2, 0.7, 1.0))]
    torch.testing.assert_close(Median()(columns[0], claims), torch.full((4,), 0.5))
    assert int(krum_scores(columns[1].double(), 1).argsort(stable=True)[0]) == 1
    best = krum_scores(torch.tensor([0.2, 0.5, 1.0])[:, None].expand(3, 4), 1).argsort(stable=True)[:2]
    assert sorted(best.tolist()) == [0, 1]  # their mean is Flower's .35


FLOWER = [
    (ClaimedMean(), [-0.034166666667, 0.025, 0.1475, 0.081111111111]),
    (Median(), [0.105, -0.195, 0.29, 0.045]),
    (TrimmedMean(0.125), [0.105, -0.1, 0.281666666667, 0.041666666667]),
    (TrimmedMean(0.2), [0.105, -0.1, 0.281666666667, 0.041666666667]),
    (TrimmedMean(0.3), [0.105, -0.195, 0.29, 0.045]),
    (Krum(1), [0.11, -0.22, 0.31, 0.04]),
    (Krum(2), [0.1, -0.2, 0.3, 0.05]),
    (MultiKrum(1, 3, weighted=True), [0.121538461538, -0.2, 0.321538461538, 0.034615384615]),
    (MultiKrum(2, 5, weighted=True), [0.105909090909, -0.2, 0.311363636364, 0.046363636364]),
]


@pytest.mark.parametrize(("rule", "expected"), FLOWER)
def test_what_flower_makes_of_eight_updates(rule, expected):
    """`aggregate`, `aggregate_median`, `aggregate_trimmed_avg`, `aggregate_krum` of Flower 1.42 on these."""
    updates = [[0.1, -0.2, 0.3, 0.05], [0.12, -0.25, 0.28, 0.0], [0.09, -0.18, 0.35, 0.07]]
    updates += [[0.11, -0.22, 0.31, 0.04], [0.5, 0.6, -0.7, 0.8], [0.08, -0.21, 0.27, 0.06]]
    updates += [[-0.9, 0.4, 0.2, -0.3], [0.13, -0.19, 0.33, 0.03]]
    step = rule(torch.tensor(updates, dtype=torch.float64), torch.arange(10.0, 90, 10))
    np.testing.assert_allclose(step, expected, atol=1e-6)


def test_krum_on_float32_weights_picks_whom_krum_on_updates_does_not():
    """Honest updates just below half a unit in the last place of the weights: three in ten are rounded up, so
    that honest models lie further from each other than from a malicious one that went the other way.
    """
    rng, unit = np.random.default_rng(0), 2.0**-13  # between neighbouring float32 from 1024 on
    updates = torch.from_numpy(rng.normal(0.475, 0.05, (7, 400)) * unit)
    updates[3] = -0.4 * unit  # well away from all the others
    models = (1025 + updates).float().numpy()
    apart = np.array([[float(np.sum((a - b) ** 2)) for b in models] for a in models])
    assert np.sort(apart, 1)[:, 1:5].sum(1).argmin() == 3
    truly = slow_ranking(updates.numpy(), 1)
    assert truly[0] != 3
    assert truly[-1] == 3
    for precise in (updates, updates.float()):
        assert Krum(1).whom(precise, torch.ones(7)).nonzero().flatten().tolist() == truly[:1]


# --- what is refused


@each
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_none_is_named(rule, value):
    updates, claims = crowd(8, 0)
    updates[5, 2] = value
    for ask in (rule, rule.weights, rule.whom):
        with pytest.raises(Diverged, match="place 5"):
            ask(updates, claims)


@each
def test_shapes_and_claims_are_checked(rule):
    updates, claims = crowd(8, 0)
    bad = [(updates[0], claims), (updates[:0], claims[:0]), (updates[:, :0], claims), (updates, claims[:7])]
    bad += [(updates, claims[:, None]), (updates.long(), claims), (updates, -claims), (updates, 0 * claims)]
    bad += [(updates, claims * float("nan")), (updates, claims * float("inf"))]
    for sent, claimed in bad:
        with pytest.raises(BadInput):
            rule(sent, claimed)


def test_what_cannot_be_is_said_in_a_sentence():
    updates, claims = crowd(6, 0)
    sayings: list[tuple[Aggregator, str]] = [
        (TrimmedMean(0.5), "more than 6 updates"),
        (Krum(2), "at least 7 updates; got 6"),
        (MultiKrum(1, 6), "keep at most 5 updates; got 6"),
        (FLTrust(), "Give FLTrust its root"),
        (FLTrust(lambda: ROOT[:2]), "root update of 6 numbers"),
    ]
    for rule, words in sayings:
        with pytest.raises(BadInput, match=words):
            rule(updates, claims)
    for rule in (Flame(noise=0.0), WithoutOutliers()):
        with pytest.raises(BadInput, match="at least 3 updates"):
            rule(updates[:2], claims[:2])
    with pytest.raises(Diverged, match="server's own"):
        FLTrust(lambda: ROOT * float("nan"))(updates, claims)
    with pytest.raises(BadInput, match="a participant who counts"):
        ClaimedMean().gamma(0, torch.tensor([0.0, 3.0]))
    with pytest.raises(BadInput, match="a record behind"):
        MultiKrum(1, 1, weighted=True)(updates, torch.where(MultiKrum(1, 1).whom(updates, claims), 0.0, 1.0))


def test_a_step_too_large_for_its_type_is_no_step():
    root = torch.full((P,), 1e300, dtype=torch.float64)
    with pytest.raises(Diverged, match="the step"):
        FLTrust(lambda: root)(torch.ones(3, P), torch.ones(3))


def test_knobs_are_checked_and_make_the_key():
    wrong: list[Callable[[], Any]] = [
        lambda: TrimmedMean(0.6),
        lambda: Krum(-1),
        lambda: ClippedMean(0.0),
        lambda: MultiKrum(1, 0),
        lambda: WithoutOutliers("mood"),
    ]
    for make in wrong:
        with pytest.raises(BadInput):
            make()
    assert Krum(2).as_dict() == {"malicious": 2}
    assert FLTrust(lambda: ROOT).as_dict() == {}


def test_nobody_is_trusted_whose_update_points_away_from_the_servers():
    step = FLTrust(lambda: ROOT)(-ROOT.expand(4, P).clone(), torch.ones(4))
    assert torch.equal(step, torch.zeros(P, dtype=torch.float64))
