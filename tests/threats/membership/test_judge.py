"""Membership inference judged: what is claimed of scores, and what is not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mlleak_core import measure
from mlleak_core.contract import Estimate, drain
from mlleak_core.threats.membership.blind import blind_baseline
from mlleak_core.threats.membership.judge import (
    MembershipVerdict,
    Truth,
    judge,
    strongest,
    tail_test,
    truth_of,
)
from mlleak_core.threats.membership.likelihood import LiRA
from mlleak_core.threats.membership.relative import BASE
from mlleak_core.threats.membership.thresholds import LossThreshold
from mlleak_core.threats.membership.view import Claim
from tests.threats.membership.conftest import N


def test_the_tail_test_is_one_percent_where_nothing_is_there(leak, null):
    def tail(case):
        view, truth, _ = case
        return tail_test(drain(LossThreshold().run(view)).scores, truth)

    assert tail(null).low <= 0.01 <= tail(null).high
    assert tail(leak).value > 0.02


def test_the_strongest_is_chosen_and_pays_for_it(leak):
    view, truth, _ = leak
    alone, among = (judge("lira", drain(LiRA().run(view)), truth, among=m) for m in (1, 10))
    assert (alone.auc_among, alone.tpr_1pct_among) == (alone.auc, alone.tpr_1pct)
    assert among.auc_among.low < among.auc.low and among.auc_among.high > among.auc.high
    assert among.tpr_1pct_among.low < among.tpr_1pct.low
    weak = judge("loss", drain(LossThreshold().run(view)), truth)
    assert strongest([weak, alone]) is alone


def test_the_strongest_is_that_of_which_most_is_certain(leak):
    view, truth, _ = leak
    report = judge("lira", drain(LiRA().run(view)), truth)

    def finds(value, low):
        found = Estimate(value, low, 0.3, 500)
        return dataclasses.replace(report, tpr_1pct=found, tpr_1pct_among=found)

    sure, lucky, unsure = finds(0.08, 0.02), finds(0.12, 0.006), finds(0.1, 0.009)
    assert strongest([lucky, sure, unsure]) is sure
    assert strongest([unsure, lucky]) is lucky, "nothing is certain of either"
    assert strongest([dataclasses.replace(sure, tpr_1pct=None, tpr_1pct_among=None), unsure]) is unsure


def test_a_table_from_outside_is_void_only_where_the_attack_is_no_better_than_blind(leak):
    """Members of one class alone: the label tells them apart, and loss must say more than that."""
    rng = np.random.default_rng(0)
    member = np.arange(400) < 200
    label = (rng.random(400) < np.where(member, 0.8, 0.2)).astype(float)
    blind = blind_baseline(label[:, None], member, np.arange(400), drawn=False)
    truth = Truth(member, np.arange(400), blind)
    assert blind.p <= 0.001
    useless = judge("loss", Claim(rng.normal(size=400), None, 0), truth)
    better = judge("loss", Claim(rng.normal(size=400) + 3 * member, None, 0), truth)
    assert useless.verdict is MembershipVerdict.VOID and better.verdict is MembershipVerdict.FINDS
    drawn = dataclasses.replace(better, drawn=True)
    assert drawn.verdict is MembershipVerdict.VOID, "a draw that is none voids all"


def test_the_permutation_test_says_chance_of_chance():
    """Under no difference the p-value is at most .05 in about one case in twenty."""
    rng = np.random.default_rng(1)
    features = rng.normal(size=(200, 5))
    found = [
        blind_baseline(features, rng.random(200) < 0.5, np.arange(200) // 2 * 2, drawn=True, seed=i).p
        for i in range(60)
    ]
    assert np.mean(np.array(found) <= 0.05) <= 0.15 and np.median(found) > 0.2


def test_p_values_of_outsiders_are_valid(null):
    view, _, member = null
    p = drain(BASE().run(view)).p_values
    assert (p[~member] <= 0.1).mean() < 0.15


def test_a_blind_baseline_that_wins_voids_the_result(leak):
    view, truth, member = leak
    shifted = np.where(member[:, None], view.x + 1.0, view.x)
    void = truth_of(shifted, view.y, member, np.arange(N))
    assert void.blind.p <= 0.001
    report = judge("loss", drain(LossThreshold().run(view)), void)
    assert report.verdict is MembershipVerdict.VOID
    assert report.row()["verdict"].startswith("void")


def test_tpr_at_low_fpr_counts_and_knows_what_it_cannot_claim():
    rng = np.random.default_rng(0)
    truth = np.repeat([True, False], [300, 500])
    scores = rng.normal(size=800) + truth
    found = measure.tpr_at_fpr(scores, truth, 0.01)
    cut = np.sort(scores[~truth])[::-1][5]
    assert found.value == (scores[truth] > cut).mean()
    assert ((scores[~truth] > cut).mean()) <= 0.01
    assert found.low < found.value < found.high
    assert measure.tpr_at_fpr(scores, truth, 0.001) is None, "500 outsiders cannot support 0.1%"
    assert measure.tpr_at_fpr(np.ones(800), truth, 0.01).value == 0
    assert measure.threshold_at_fpr(scores, truth, 0.01) == cut
    assert measure.threshold_at_fpr(scores, truth, 0.001) is None


def test_roc_is_scikit_learns():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    truth, scores = rng.random(400) < 0.4, np.round(rng.normal(size=400), 1)
    curve = measure.roc(scores, truth, 100_000)
    assert np.trapezoid(curve.tpr, curve.fpr) == pytest.approx(roc_auc_score(truth, scores))
    assert (curve.low <= curve.tpr).all() and (curve.tpr <= curve.high).all()


def test_precision_and_false_discoveries():
    assert measure.positive_predictive_value(0.084, 0.001, 0.5) == pytest.approx(0.988, abs=0.001)
    assert measure.positive_predictive_value(0.084, 0.001, 0.01) == pytest.approx(0.46, abs=0.01)
    assert measure.benjamini_hochberg([0.001, 0.2, 0.011, 0.9], 0.1).tolist() == [True, False, True, False]
    assert not measure.benjamini_hochberg([0.5, 0.6], 0.1).any()


def test_verdict_words(leak):
    view, truth, _ = leak
    report = judge("lira", drain(LiRA().run(view)), truth)
    say = lambda **kw: dataclasses.replace(report, **kw).verdict.words  # noqa: E731
    assert "guessing" in say(auc=Estimate(0.52, 0.49, 0.55, N))
    assert "finds nobody" in say(tpr_1pct=Estimate(0.012, 0.005, 0.03, N))
    assert "at 1% false alarms" in say(tpr_1pct=Estimate(0.2, 0.15, 0.25, N))


def test_the_line_and_the_names_are_two_things(leak):
    """The line is the judge's ruler; the names are what the attacker can say by himself."""
    view, truth, member = leak
    claim = drain(LiRA().run(view))
    report = judge("lira", claim, truth)
    above = claim.scores > report.line
    assert above[member].mean() == report.tpr_1pct.value
    assert above[~member].mean() <= 0.01
    np.testing.assert_array_equal(report.named, measure.benjamini_hochberg(claim.p_values, 0.1))
    assert report.named_count == report.named.sum() == report.row()["named"]
    blindfolded = dataclasses.replace(truth, member=~member)
    again = judge("lira", claim, blindfolded)
    np.testing.assert_array_equal(again.named, report.named, "names need no truth")
    assert again.line != report.line, "the line does"
