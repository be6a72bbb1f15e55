"""Measures against slow, obviously right twins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats
from sklearn.metrics import roc_auc_score

from mlleak_core import measure
from mlleak_core.contract import drain
from mlleak_core.threat import imported
from mlleak_core.threats import coverage

small = hnp.arrays(float, st.integers(1, 12), elements=st.integers(-3, 3).map(float))


@given(small, small)
def test_placements_count_wins_and_half_ties(positive, negative):
    v10, v01 = measure.placements(positive, negative)
    wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    np.testing.assert_allclose(v10, wins.mean(1))
    np.testing.assert_allclose(v01, wins.mean(0))


def test_auc_agrees_with_scikit_learn_and_batches(rng):
    scores, truth = rng.normal(size=(3, 200)).round(1), rng.random(200) < 0.3
    np.testing.assert_allclose(measure.auc(scores, truth), [roc_auc_score(truth, s) for s in scores])


def test_auc_rises_with_suspicion():
    assert measure.auc([0.1, 0.9], [False, True]) == 1.0


def test_auc_interval_covers_its_truth_with_clustered_people(rng):
    """Forty people with five photos each; the true AUC is known from a large draw."""

    def draw(people):
        who = np.repeat(np.arange(people), 5)
        truth = (np.arange(people) % 2 == 0)[who]
        return truth * 1.0 + rng.normal(size=people)[who] + 0.5 * rng.normal(size=len(who)), truth, who

    scores, truth, _ = draw(20000)
    real = float(measure.auc(scores, truth))
    found = [measure.auc_with_interval(*draw(60)) for _ in range(300)]
    cover = np.mean([e.low <= real <= e.high for e in found])
    assert 0.90 <= cover <= 0.99
    blind = [measure.auc_with_interval(s, t, np.arange(len(t))) for s, t, _ in (draw(60) for _ in range(200))]
    assert np.mean([e.low <= real <= e.high for e in blind]) < 0.85, (
        "ignoring people must make the intervals too narrow"
    )


def test_a_gain_over_controls_is_zero_for_equal_scores_and_finds_a_planted_one(rng):
    truth, who = np.arange(300) % 3 == 0, np.arange(300) // 2
    base = rng.normal(size=(9, 8, 300))
    same = measure.auc_gain_over_controls(base[0], base[:1], truth, who)
    assert (same.gain.value, same.gain.low, same.gain.high, same.p) == (0.0, 0.0, 0.0, 1.0)
    found = measure.auc_gain_over_controls(base[0] + truth, base[1:], truth, who)
    assert 0 < found.gain.low < found.gain.value < found.gain.high and found.p < 0.001
    null = measure.auc_gain_over_controls(base[0], base[1:], truth, who)
    assert null.gain.low < 0 < null.gain.high and null.p > 0.05


def test_controls_that_differ_much_allow_no_claim_from_one_of_them(rng):
    """Nets whose skill varies by far more than people do: one more of them is told apart in 5% or less."""
    truth, who = np.arange(400) < 200, np.arange(400)
    wrong = 0
    for _ in range(200):
        skill = rng.normal(1.0, 0.5, (10, 1, 1))
        scores = skill * truth + rng.normal(size=(10, 5, 400))
        wrong += measure.auc_gain_over_controls(scores[0], scores[1:], truth, who).p < 0.05
    assert wrong <= 18
    blind = measure.auc_gain_over_controls(scores[0] + 2 * truth, scores[1:], truth, who)
    assert blind.p < 0.05


def test_a_mean_gain_over_controls_adds_people_and_controls(rng):
    who = np.repeat(np.arange(50), 2)
    controls = rng.normal(size=(8, 1)) + rng.normal(size=(8, 100))
    found = measure.mean_gain_over_controls(np.zeros(100), controls, who)
    people = measure.cluster_mean(-controls.mean(0), who)
    between = controls.mean(1).var(ddof=1) * (1 + 1 / 8)
    assert found.gain.value == pytest.approx(-controls.mean())
    assert found.gain.high - found.gain.low > people.high - people.low
    assert found.gain.high - found.gain.low > 2 * 2.3 * np.sqrt(between) * 0.9


def test_placements_row_by_row_are_those_of_all_rows_together(rng):
    """One row with ties, one without."""
    pos = np.stack([rng.normal(size=40), rng.integers(0, 5, 40)]).astype(np.float32)
    neg = np.stack([rng.normal(size=60), rng.integers(0, 5, 60)]).astype(np.float32)
    together = measure.placements(pos, neg)
    for row in range(2):
        for all_rows, alone in zip(together, measure.placements(pos[row], neg[row]), strict=True):
            np.testing.assert_allclose(all_rows[row], alone, atol=1e-12)
    v10, v01 = measure.placements([-np.inf, 0.0], [-np.inf, 1.0])
    assert (v10.tolist(), v01.tolist()) == ([0.25, 0.5], [0.75, 0.0])


def test_clopper_pearson_golden():
    """None of 500 still allows 0.74 per cent."""
    assert measure.proportion(0, 500).high == pytest.approx(0.00735, abs=2e-4)
    with pytest.raises(ValueError, match="successes"):
        measure.proportion(3, 2)


def test_phi_is_the_correlation_and_its_interval_covers_zero_for_independent_labels(rng):
    a, b = rng.integers(0, 2, 800), rng.integers(0, 2, 800)
    phi = measure.cramers_v(a, b, np.arange(800))
    assert phi.value == pytest.approx(np.corrcoef(a, b)[0, 1])
    assert phi.low < 0 < phi.high
    assert measure.cramers_v(a, 1 - a, np.arange(800)).value == pytest.approx(-1)


def test_cramers_v_is_one_for_a_copy(rng):
    a = rng.integers(0, 4, 300)
    assert measure.cramers_v(a, a, np.arange(300)).value == pytest.approx(1)


def test_cluster_mean_widens_when_people_repeat(rng):
    values = np.repeat(rng.normal(size=30), 10)
    together = measure.cluster_mean(values, np.repeat(np.arange(30), 10))
    apart = measure.cluster_mean(values, np.arange(300))
    assert together.high - together.low > 2 * (apart.high - apart.low)


@pytest.mark.parametrize(("value", "within"), [(1.0, measure.SHARE), (0.0, measure.DIFFERENCE)])
def test_a_mean_of_equal_values_is_as_sure_as_there_are_clusters(value, within):
    found = measure.cluster_mean(np.full(300, value), np.repeat(np.arange(100), 3), within)
    unseen = 1 - measure.proportion(100, 100).low
    assert found.high == pytest.approx(min(value + unseen, within[1])) and found.value == value
    assert found.low == pytest.approx(value - unseen * (value - within[0]))


def test_the_interval_of_a_mean_stays_where_its_values_can_be():
    almost = measure.cluster_mean(np.arange(20) > 0, np.arange(20), measure.SHARE)
    assert almost.low < almost.value < almost.high == 1


def test_the_interval_of_a_rare_difference_holds_it(rng):
    """One person in two hundred differs; most draws of fifty show none of them."""
    draws = (rng.random((400, 50)) < 0.005).astype(float)
    found = [measure.cluster_mean(draw, np.arange(50), measure.DIFFERENCE) for draw in draws]
    assert np.mean([one.low <= 0.005 <= one.high for one in found]) >= 0.95


def test_balanced_accuracy_of_the_commoner_class_is_a_half():
    assert measure.balanced_accuracy([1, 1, 1, 1], [1, 1, 1, 0]) == 0.5


def test_tpr_at_fpr_is_the_mixture_drawn_one_by_one():
    """The oracle draws where the true threshold lies among the negatives, then the rate, many times."""
    rng = np.random.default_rng(3)
    pos, neg = rng.normal(1, 1, 300), rng.normal(0, 1, 300)
    found = measure.tpr_at_fpr(np.r_[pos, neg], np.arange(600) < 300, 0.01)
    down = np.r_[np.inf, np.sort(neg)[::-1]]
    drawn = []
    for above in rng.binomial(300, 0.01, 100_000):
        share = ((pos > down[above]).mean() + (pos > down[above + 1]).mean()) / 2
        drawn.append(rng.beta(300 * share + 0.5, 300 * (1 - share) + 0.5))
    assert np.allclose([found.low, found.high], np.quantile(drawn, [0.025, 0.975]), atol=0.004)


def test_tpr_at_fpr_counts_a_person_once():
    rng = np.random.default_rng(4)
    scores, truth = np.r_[rng.normal(1, 1, 400), rng.normal(0, 1, 400)], np.arange(800) < 400
    once = measure.tpr_at_fpr(scores, truth, 0.01, np.arange(800))
    thrice = measure.tpr_at_fpr(np.repeat(scores, 3), np.repeat(truth, 3), 0.01, np.repeat(np.arange(800), 3))
    naive = measure.tpr_at_fpr(np.repeat(scores, 3), np.repeat(truth, 3), 0.01)
    assert np.isclose(thrice.high - thrice.low, once.high - once.low, rtol=0.25)
    assert naive.high - naive.low < 0.8 * (thrice.high - thrice.low)


@pytest.mark.parametrize(
    "null", [null for null in coverage.NULLS if null.interval], ids=lambda null: null.key
)
def test_intervals_cover_what_they_say(null):
    """A short calibration: with 300 draws a rate of 5% shows 28 or more once in 1,000 times."""
    wrong = drain(imported(null.draw)(300, 5, None))
    assert sum(wrong) < 28, f"{null.claim}: {sum(wrong)} of 300"


@pytest.mark.parametrize("pairs", [5, 35, 400])
def test_where_nothing_is_out_of_order_an_interval_still_has_a_width(pairs):
    """The truth may lie below one: of so many pairs apart from one another all are in order with 2.5%."""
    scores, truth = np.r_[np.ones(pairs), np.zeros(2 * pairs)], np.r_[np.ones(pairs), np.zeros(2 * pairs)]
    found = measure.auc_with_interval(scores, truth, np.arange(3 * pairs))
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low**pairs == pytest.approx(0.025)
    upside_down = measure.auc_with_interval(-scores, truth, np.arange(3 * pairs))
    assert (upside_down.value, upside_down.low) == (0.0, 0.0)
    assert upside_down.high == pytest.approx(1 - found.low)


def test_records_of_one_person_are_one_pair():
    scores = truth = np.r_[np.ones(40), np.zeros(40)]
    people = np.r_[np.repeat(np.arange(4), 10), np.arange(4, 44)]
    assert measure.auc_with_interval(scores, truth, people).low == pytest.approx(measure.in_order(4))


def test_the_interval_of_a_perfect_auc_covers(rng):
    """Laws of an AUC of .99, few records: in most draws nothing is out of order, and [1, 1] would miss."""
    shift = np.sqrt(2) * stats.norm.ppf(0.99)
    truth, missed = np.r_[np.ones(12), np.zeros(12)], 0
    for _ in range(400):
        scores = np.r_[rng.normal(shift, size=12), rng.normal(size=12)]
        found = measure.auc_with_interval(scores, truth, np.arange(24))
        missed += not found.low <= 0.99 <= found.high
    assert missed <= 0.05 * 400
