"""Membership inference: planted leaks, nulls, signs, oracles, and the known faults of well-known tools."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats

from mlleak_core import measure
from mlleak_core.attacks import membership
from mlleak_core.threats.membership.attacks import (
    ATTACKS,
    BASE,
    RMIA,
    LabelOnly,
    LiRA,
    LossThreshold,
    LtIqr,
    Refs,
    Seen,
    View,
    judge,
    phi,
    truth_of,
)
from mlleak_core.target.blackbox import Local, Refused, revealed, softmax
from mlleak_core.contract import BadInput, drain
from mlleak_core.target.fleet import Fleet, Pool, draw_members
from mlleak_core.measure import Estimate

N, M, K = 600, 120, 12


def world(strength: float, classes: int = 3, seed: int = 0):
    """Records of differing difficulty; a model gives its members `strength` more logit. No net is trained."""
    rng = np.random.default_rng(seed)
    public = np.zeros(N + M, bool)
    public[N:] = True
    x = rng.normal(size=(N + M, 6)).astype(np.float32)
    y = rng.integers(0, classes, N + M)
    pool = Pool(x, y, np.arange(N + M), public, classes, "planted")
    hard = rng.normal(2, 2, N + M)

    def logits(inside, noise):
        z = noise.normal(0, 0.6, (N + M, classes))
        z[np.arange(N + M), y] += hard + strength * inside
        return z.astype(np.float32)

    inside = np.stack([pool.members(seed, i) for i in range(K)])
    fleet = Fleet(
        tuple(range(K)), inside, np.stack([logits(m, np.random.default_rng([seed, i]))[None] for i, m in enumerate(inside)]), 1.0
    )
    member = pool.members(seed, -1)
    table = logits(member, np.random.default_rng([seed, 99]))
    index = {x[i].tobytes(): i for i in range(len(x))}

    def answer(inputs):
        far = np.array([index.get(v.tobytes(), -1) for v in inputs])
        z = table[far].copy()
        for row in np.flatnonzero(far < 0):  # a changed copy: as sure as its nearest original, less the change
            near = int(((x - inputs[row]) ** 2).sum(1).argmin())
            z[row] = table[near] * 0.5
        return z

    view = membership.stage(
        pool, fleet, Local(answer, classes), trace=rng.gamma(2, 1, (5, N + M)) + 3 * strength * member * np.arange(5)[:, None]
    )
    truth = truth_of(view.x, view.y, member[:N], np.arange(N))
    return view, truth, member[:N]


@pytest.fixture(scope="module")
def leak():
    return world(2.0)


@pytest.fixture(scope="module")
def null():
    return world(0.0)


@pytest.mark.parametrize("name", [n for n in ATTACKS if n != "label-only"])
def test_every_attack_finds_a_planted_leak_and_points_the_right_way(leak, name):
    view, truth, _ = leak
    report = judge(name, drain(ATTACKS[name].run(view)), truth)
    assert report.auc.low > 0.53, "higher must mean member"
    assert report.shuffled.low < 0.5 < report.shuffled.high
    assert "void" not in report.row()["verdict"]


@pytest.mark.parametrize("name", [n for n in ATTACKS if n != "label-only"])
def test_no_attack_beats_the_null(null, name):
    view, truth, _ = null
    report = judge(name, drain(ATTACKS[name].run(view)), truth)
    assert report.auc.value == pytest.approx(0.5, abs=0.07)
    assert report.tpr_1pct.low < 0.03
    if report.named.any():
        assert report.named.sum() < 6


def test_label_only_sees_robustness_and_nothing_else():
    rng = np.random.default_rng(1)
    member = rng.random(400) < 0.5
    x = np.where(member, 3.0, 0.15)[:, None] * np.ones((400, 4), np.float32) + rng.normal(0, 0.02, (400, 4)).astype(np.float32)
    box = Local(lambda v: np.column_stack([-v.mean(1), v.mean(1)]) * 9, 2, "label")
    refs = Refs(np.zeros((2, 1, 400, 2)), np.zeros((2, 1, 0, 2)), np.zeros((2, 400), bool))
    view = View(box, x.astype(np.float32), np.ones(400, np.int64), x[:0], np.zeros(0, np.int64), refs)
    claim = drain(LabelOnly(copies=12).run(view))
    assert claim.queries == box.queries == 12 * 400
    assert measure.auc(claim.scores, member) > 0.9


def test_lt_iqr_is_for_the_training_side_alone(leak):
    view, _, member = leak
    scores = drain(LtIqr().run(view)).scores
    assert measure.auc(scores, member) > 0.6
    with pytest.raises(BadInput, match="training side"):
        drain(LtIqr().run(dataclasses.replace(view, trace=None)))


def test_phi_is_the_log_odds():
    z = np.random.default_rng(0).normal(size=(5, 7, 4))
    y = np.arange(7) % 4
    p = softmax(z)
    ours = phi(np.log(p), y)
    for i in range(5):
        for j in range(7):
            assert ours[i, j] == pytest.approx(np.log(p[i, j, y[j]] / (1 - p[i, j, y[j]])))


def test_lira_is_two_gaussians_written_out(leak):
    view, _, _ = leak
    seen = Seen(view.refs.logp[0], view.refs.z_logp[0])
    refs = view.refs.without(0)
    ours = LiRA().score(seen, refs, view)
    own, target = phi(refs.logp[:, 0], view.y), phi(seen.logp[0], view.y)
    residuals = {side: [] for side in (True, False)}
    for side, kept in residuals.items():
        freedom = 0
        for i in range(N):
            values = own[refs.inside[:, i] == side, i]
            kept.append(values - values.mean() if len(values) else values)
            freedom += max(len(values) - 1, 0)
        residuals[side] = np.sqrt((np.concatenate(kept) ** 2).sum() / freedom)
    for i in (0, 17, 333):
        ins, outs = own[refs.inside[:, i], i], own[~refs.inside[:, i], i]
        slow = stats.norm.logpdf(target[i], ins.mean(), residuals[True]) - stats.norm.logpdf(
            target[i], outs.mean(), residuals[False]
        )
        assert ours[i] == pytest.approx(slow, rel=1e-6)


def test_the_out_variance_never_sees_in_scores(leak):
    """A known fault: OUT variance computed from IN scores."""
    view, _, _ = leak
    seen = Seen(view.refs.logp[0], view.refs.z_logp[0])
    refs = view.refs.without(0)
    wild = np.where(refs.inside[:, None, :, None], refs.logp - 50 * np.random.default_rng(0).random(refs.logp.shape), refs.logp)
    spoiled = Refs(wild, refs.z_logp, refs.inside)
    np.testing.assert_allclose(LiRA(online=False).score(seen, refs, view), LiRA(online=False).score(seen, spoiled, view))


def test_rmia_and_base_written_out(leak):
    view, _, _ = leak
    seen, refs = Seen(view.refs.logp[0], view.refs.z_logp[0]), view.refs.without(0)
    base, rmia = BASE().score(seen, refs, view), RMIA().score(seen, refs, view)
    p, own = np.exp(seen.logp[0][np.arange(N), view.y]), np.exp(refs.logp[:, 0][:, np.arange(N), view.y])
    z, z_own = np.exp(seen.z_logp[0][np.arange(M), view.z_y]), np.exp(refs.z_logp[:, 0][:, np.arange(M), view.z_y]).mean(0)
    for i in (3, 50, 401):
        assert base[i] == pytest.approx(np.log(p[i] / own[:, i].mean()))
        out = own[~refs.inside[:, i], i].mean()
        ratio = p[i] / (0.65 * out + 0.35)
        beaten = np.mean([ratio >= zr for zr in z / (0.65 * z_own + 0.35)])
        assert rmia[i] == pytest.approx(beaten, abs=1e-5)


def test_the_population_of_rmia_is_never_trained_on():
    """A known fault: z drawn from members."""
    group, public = np.arange(200), np.arange(200) >= 180
    for index in range(-1, 20):
        assert not draw_members(group, public, 0.5, 3, index)[public].any()


def test_the_target_draws_like_any_shadow_so_its_draw_is_not_given_away():
    """A balanced design would give it away: members of the target would be rarer among the shadows."""
    group, public = np.arange(4000), np.zeros(4000, bool)
    target = draw_members(group, public, 0.5, 0, -1)
    shadows = np.stack([draw_members(group, public, 0.5, 0, i) for i in range(16)])
    auc = measure.auc_with_interval(-shadows.mean(0), target, group)
    assert auc.low < 0.5 < auc.high


def test_people_are_in_or_out_as_a_whole():
    group = np.repeat(np.arange(50), 4)
    inside = draw_members(group, np.zeros(200, bool), 0.5, 1, 0)
    assert {inside[group == g].sum() for g in range(50)} == {0, 4}


def test_quantile_targets_are_floats(leak):
    """A known fault: quantile regression on integer-cast targets."""
    view, _, _ = leak
    scores = drain(ATTACKS["quantile"].run(view)).scores
    assert len(np.unique(scores)) > 0.9 * N


def test_scores_belong_to_this_model_not_to_the_last_one_of_that_size(leak, null):
    """A known fault: signals cached by row count and reused for another model."""
    one, two = (drain(LossThreshold().run(v)).scores for v in (leak[0], null[0]))
    assert not np.allclose(one, two)


def test_the_attack_never_reads_the_truth(leak):
    view, truth, _ = leak
    before = drain(LiRA().run(view)).scores
    flipped = dataclasses.replace(truth, member=~truth.member)
    after = drain(LiRA().run(view)).scores
    np.testing.assert_array_equal(before, after)
    assert judge("lira", drain(LiRA().run(view)), flipped).auc.value < 0.5
    assert "member" not in {f.name for f in dataclasses.fields(View)}


def test_p_values_of_outsiders_are_valid(null):
    view, _, member = null
    p = drain(BASE().run(view)).p_values
    assert (p[~member] <= 0.1).mean() < 0.15


def test_a_blind_baseline_that_wins_voids_the_result(leak):
    view, truth, member = leak
    shifted = np.where(member[:, None], view.x + 1.0, view.x)
    void = truth_of(shifted, view.y, member, np.arange(N))
    assert void.blind.low > 0.5
    assert judge("loss", drain(LossThreshold().run(view)), void).row()["verdict"].startswith("void")


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


def test_what_a_service_hides_is_hidden_from_the_attack():
    p = np.array([[0.7123, 0.2, 0.0877], [0.1, 0.3, 0.6]])
    assert revealed(p, "label").tolist() == [[1, 0, 0], [0, 0, 1]]
    np.testing.assert_allclose(revealed(p, "top1")[0], [0.7123, 0.14385, 0.14385])
    np.testing.assert_allclose(revealed(p, "rounded").sum(1), 1)
    box = Local(lambda x: np.zeros((len(x), 2)), 2, budget=10)
    box.ask(np.zeros((8, 1)))
    with pytest.raises(Refused, match="budget of 10"):
        box.ask(np.zeros((3, 1)))
    assert box.queries == 8


def test_verdict_words(leak):
    view, truth, _ = leak
    report = judge("lira", drain(LiRA().run(view)), truth)
    say = lambda **kw: membership.verdict(dataclasses.replace(report, **kw))  # noqa: E731
    assert "guessing" in say(auc=Estimate(0.52, 0.49, 0.55, N))
    assert "names nobody" in say(tpr_1pct=Estimate(0.012, 0.005, 0.03, N))
    assert "at 1% false alarms" in say(tpr_1pct=Estimate(0.2, 0.15, 0.25, N))
