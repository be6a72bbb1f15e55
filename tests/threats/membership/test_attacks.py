"""Membership inference: planted leaks, nulls, signs, oracles, and the known faults of well-known tools."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats

from mlleak_core import measure
from mlleak_core.contract import BadInput, drain
from mlleak_core.defences.on_output import revealed
from mlleak_core.seeds import stream
from mlleak_core.target.blackbox import Local, Refused, softmax
from mlleak_core.target.fleet import draw_members
from mlleak_core.target.kinds import PICTURES, TABLES
from mlleak_core.threats.membership.attacks import CATALOGUE, chosen
from mlleak_core.threats.membership.confidence import phi
from mlleak_core.threats.membership.judge import (
    MembershipVerdict,
    judge,
)
from mlleak_core.threats.membership.label_only import LabelOnly
from mlleak_core.threats.membership.learned import RAPID
from mlleak_core.threats.membership.likelihood import LIKE, BaVarIA, LiRA, _borrowed, gaussian
from mlleak_core.threats.membership.relative import BASE, RMIA
from mlleak_core.threats.membership.thresholds import LossThreshold
from mlleak_core.threats.membership.training_log import LtIqr
from mlleak_core.threats.membership.view import Refs, Seen, View
from tests.threats.membership.conftest import M, N, world

SCORED = [slug for slug in CATALOGUE if slug != "label-only"]


@pytest.mark.parametrize("name", SCORED)
def test_every_attack_finds_a_planted_leak_and_points_the_right_way(leak, name):
    view, truth, _ = leak
    report = judge(name, drain(CATALOGUE[name].run(view)), truth)
    assert report.auc.low > 0.53, "higher must mean member"
    assert report.shuffled.low < 0.5 < report.shuffled.high
    assert report.verdict is not MembershipVerdict.VOID


@pytest.mark.parametrize("name", SCORED)
def test_no_attack_beats_the_null(null, name):
    view, truth, _ = null
    report = judge(name, drain(CATALOGUE[name].run(view)), truth)
    assert report.auc.value == pytest.approx(0.5, abs=0.07)
    assert report.tpr_1pct.low < 0.03
    if report.named.any():
        assert report.named.sum() < 6


def test_label_only_sees_robustness_and_nothing_else():
    rng = np.random.default_rng(1)
    member = rng.random(400) < 0.5
    x = np.where(member, 3.0, 0.15)[:, None] * np.ones((400, 4), np.float32) + rng.normal(
        0, 0.02, (400, 4)
    ).astype(np.float32)
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
    assert LtIqr().slug not in CATALOGUE, "it is no attack"
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


def _of_like_mean(own, which, i, like=LIKE):
    """Variance within the records whose mean is nearest to record i's, by a fifth of all on either side."""
    means = [own[which[:, j], j].mean() if which[:, j].any() else None for j in range(own.shape[1])]
    usual = np.median([m for m in means if m is not None])
    order = sorted(range(len(means)), key=lambda j: usual if means[j] is None else means[j])
    place, reach = order.index(i), round(like * len(order))
    squares = freedom = 0
    for j in order[max(0, place - reach) : place + reach + 1]:
        values = own[which[:, j], j]
        if len(values):
            squares, freedom = squares + ((values - values.mean()) ** 2).sum(), freedom + len(values) - 1
    return squares / freedom


def test_lira_is_two_gaussians_written_out(leak):
    view, _, _ = leak
    seen = Seen(view.refs.logp[0], view.refs.z_logp[0])
    refs = view.refs.without(0)
    ours, offline = (LiRA(online=online).score(seen, refs, view) for online in (True, False))
    own, target = phi(refs.logp[:, 0], view.y), phi(seen.logp[0], view.y)

    def law(i, which, like=LIKE):
        values = own[which[:, i], i]
        deviation = np.sqrt(_of_like_mean(own, which, i, like) * (1 + 1 / len(values)))
        return stats.norm(values.mean(), deviation)

    for i in (0, 17, 333):
        slow = law(i, refs.inside).logpdf(target[i]) - law(i, ~refs.inside).logpdf(target[i])
        assert ours[i] == pytest.approx(slow, rel=1e-6)
        assert offline[i] == pytest.approx(law(i, ~refs.inside, like=1.0).logcdf(target[i]), rel=1e-6)


def test_variances_are_of_records_of_like_mean(rng):
    """Records that are answered surely vary more: one variance for all would blur both kinds."""
    means = np.repeat([0.0, 10.0], 300)
    own = rng.normal(means, np.repeat([1.0, 4.0], 300), (16, 600))
    _, spread = gaussian(own[:, None], np.ones((16, 1, 600), bool))
    assert np.median(spread[0, :300]) == pytest.approx(1.03, rel=0.1)
    assert np.median(spread[0, 300:]) == pytest.approx(4.12, rel=0.1)


def test_the_out_variance_never_sees_in_scores(leak):
    """A known fault: OUT variance computed from IN scores."""
    view, _, _ = leak
    seen = Seen(view.refs.logp[0], view.refs.z_logp[0])
    refs = view.refs.without(0)
    wild = np.where(
        refs.inside[:, None, :, None],
        refs.logp - 50 * np.random.default_rng(0).random(refs.logp.shape),
        refs.logp,
    )
    spoiled = Refs(wild, refs.z_logp, refs.inside)
    np.testing.assert_allclose(
        LiRA(online=False).score(seen, refs, view), LiRA(online=False).score(seen, spoiled, view)
    )


def test_rmia_and_base_written_out(leak):
    view, _, _ = leak
    seen, refs = Seen(view.refs.logp[0], view.refs.z_logp[0]), view.refs.without(0)
    base, rmia = (attack.score(seen, refs, view) for attack in (BASE(temperature=1.0), RMIA(temperature=1.0)))
    warm = BASE(temperature=3.0).score(seen, refs, view)
    p, own = np.exp(seen.logp[0][np.arange(N), view.y]), np.exp(refs.logp[:, 0][:, np.arange(N), view.y])
    z, z_own = (
        np.exp(seen.z_logp[0][np.arange(M), view.z_y]),
        np.exp(refs.z_logp[:, 0][:, np.arange(M), view.z_y]).mean(0),
    )
    for i in (3, 50, 401):
        assert base[i] == pytest.approx(np.log(p[i] / own[:, i].mean()))
        cool, cool_own = (softmax(z[..., i, :] / 3)[..., view.y[i]] for z in (seen.logp[0], refs.logp[:, 0]))
        assert warm[i] == pytest.approx(np.log(cool / cool_own.mean()))
        out = own[~refs.inside[:, i], i].mean()
        ratio = p[i] / (0.65 * out + 0.35)
        beaten = np.mean([ratio >= zr for zr in z / (0.65 * z_own + 0.35)])
        assert rmia[i] == pytest.approx(beaten, abs=1e-5)


def test_bavaria_is_the_ratio_of_two_posteriors_integrated_by_hand(leak):
    """The predictive density, by brute force over mean and variance of a normal-inverse-gamma posterior."""
    view, _, _ = leak
    seen, refs = Seen(view.refs.logp[0], view.refs.z_logp[0]), view.refs.without(0)
    kappa, alpha = 1.0, 2.0
    ours = BaVarIA(kappa=kappa, alpha=alpha).score(seen, refs, view)
    own, target = phi(refs.logp[:, 0], view.y), phi(seen.logp[0], view.y)
    rng = np.random.default_rng(0)

    def density(i: int, which: np.ndarray) -> float:
        count = which.sum(0)
        means = np.where(which, own, 0).sum(0) / np.maximum(count, 1)
        within = _of_like_mean(own, which, i)
        variance = 1 / rng.gamma(alpha, 1 / (alpha * within), 200_000)
        mean = rng.normal(means[count > 0].mean(), np.sqrt(variance / kappa))
        seen_here = own[which[:, i], i]
        weight = np.exp(sum(stats.norm.logpdf(v, mean, np.sqrt(variance)) for v in seen_here))
        return float((weight * stats.norm.pdf(target[i], mean, np.sqrt(variance))).sum() / weight.sum())

    for i in (3, 50, 401):
        slow = np.log(density(i, refs.inside)) - np.log(density(i, ~refs.inside))
        assert ours[i] == pytest.approx(slow, abs=0.15)


def test_pmia_borrows_from_records_as_hard(leak):
    """Its IN statistics at a record are those of about sixty neighbours in difficulty, written out."""
    view, _, _ = leak
    own, inside = phi(view.refs.logp[:, 0], view.y), view.refs.inside
    hard = np.where(inside, 0, own).sum(0) / np.maximum((~inside).sum(0), 1)
    middle, spread = _borrowed(hard, own, inside)
    order = np.argsort(hard, kind="stable")
    for place in (100, 300, 500):
        near = order[place - 30 : place + 30]
        said = own[:, near][inside[:, near]]
        assert middle[order[place]] == pytest.approx(np.median(said), abs=0.4)
        assert spread[order[place]] == pytest.approx(said.std(), rel=0.25)


def test_constants_are_chosen_on_own_shadows_and_never_on_the_target(leak):
    view, _, _ = leak
    asked: list[int] = []

    def watched(x):
        asked.append(len(x))
        return np.zeros((len(x), 3))

    deaf = dataclasses.replace(view, box=Local(watched, 3))
    for attack in (BASE(), RMIA(), BaVarIA()):
        chosen_ones = attack.tuned(deaf)
        assert chosen_ones in attack.candidates() and not asked
        strengths = [other.strength(view) for other in attack.candidates()]
        assert chosen_ones.strength(view) == max(strengths)
    assert BASE(temperature=3.0).tuned(view) == BASE(temperature=3.0), "a choice of one's own stands"
    two = dataclasses.replace(view, refs=Refs(*(a[:2] for a in vars(view.refs).values())))
    assert BASE().tuned(two).temperature == 2.0, "two shadows choose nothing"


def test_rapid_takes_from_the_mirror_image_how_this_target_takes_to_a_record(rng):
    inside = rng.random((9, 600)) < 0.5
    taste = rng.normal(0, 1.5, (9, 600))  # of each model for each record, the same for its mirror image
    phis = np.stack([taste + inside, taste], axis=1) + rng.normal(0, 0.3, (9, 2, 600))
    logp = np.stack([-np.logaddexp(0, -phis), -np.logaddexp(0, phis)], axis=-1)
    view = View(None, np.zeros((600, 3, 32, 32), np.uint8), np.zeros(600, np.int64), None, None, None)
    refs = Refs(logp[1:], logp[1:, :, :0], inside[1:])
    found = [
        measure.auc(RAPID().score(Seen(logp[0, :q], logp[0, :q, :0]), refs, view), inside[0]) for q in (1, 2)
    ]
    assert found[0] < 0.75 and found[1] > 0.9, found


def test_who_compares_asks_for_the_mirror_image_only_where_training_did(leak):
    both = dataclasses.replace(leak[0].refs, logp=np.repeat(leak[0].refs.logp, 2, axis=1))
    for taught, asked in ((1, 1), (2, 2)):
        view = dataclasses.replace(leak[0], refs=both, taught=taught)
        assert [attack.looks(view) for attack in (LiRA(), BASE(), RAPID())] == [asked, 1, 2]


def test_rapid_never_learns_from_the_shadow_that_poses(leak):
    """Where membership is shuffled, what it says of the shadows that pose is chance."""
    view, _, _ = leak
    found = [measure.auc(scores, inside) for scores, inside in RAPID()._posing(view)]
    assert min(found) > 0.55
    noise = np.random.default_rng(0).permuted(view.refs.inside, axis=1)
    lost = dataclasses.replace(view, refs=dataclasses.replace(view.refs, inside=noise))
    assert np.mean(
        [measure.auc(scores, inside) for scores, inside in RAPID()._posing(lost)]
    ) == pytest.approx(0.5, abs=0.05)


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
    scores = drain(CATALOGUE["quantile"].run(view)).scores
    assert len(np.unique(scores)) > 0.9 * N


def test_scores_belong_to_this_model_not_to_the_last_one_of_that_size(leak, null):
    """A known fault: signals cached by row count and reused for another model."""
    one, two = (drain(LossThreshold().run(v)).scores for v in (leak[0], null[0]))
    assert not np.allclose(one, two)


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_attack_never_reads_the_truth(name):
    """The same world with another truth: the view is equal to the last bit, so the claim must be."""
    claims, truths = [], []
    for flip in (False, True):
        view, truth, _ = world(2.0, flipped=flip)
        claims.append(drain(CATALOGUE[name].run(view)))
        truths.append(truth)
    assert (truths[0].member == ~truths[1].member).all()
    np.testing.assert_array_equal(claims[0].scores, claims[1].scores)
    aucs = [judge(name, claims[0], truth).auc.value for truth in truths]
    assert sum(aucs) == pytest.approx(1), "the judge is the one who reads it"
    assert not {"member", "truth", "inside"} & {f.name for f in dataclasses.fields(View)}


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


def test_an_unknown_attack_is_refused_and_the_known_are_named():
    assert chosen("all") == tuple(CATALOGUE)
    assert chosen("base-2") == ("base-2",)
    with pytest.raises(BadInput, match=r"lira, lira-offline, .*all; got 'magic'"):
        chosen("magic")


def test_configured_attacks_say_what_they_are():
    assert [LiRA().title, LiRA(online=False).title] == ["LiRA", "LiRA, offline"]
    assert [BASE().slug, BASE(references=2).slug, BASE(references=5).title] == [
        "base",
        "base-2",
        "BASE, 5 references",
    ]
    assert len({attack.colour for attack in CATALOGUE.values()}) == len(CATALOGUE)
    assert [slug for slug, attack in CATALOGUE.items() if attack.quick] == ["lira", "base", "loss"]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: LiRA(online="yes"),  # type: ignore[arg-type]
        lambda: RMIA(gamma=0.5),
        lambda: RMIA(a=2.0),
        lambda: BASE(references=-1),
        lambda: LabelOnly(copies=1),
        lambda: LabelOnly(seed=-1),
    ],
)
def test_knobs_are_checked_on_construction(wrong):
    with pytest.raises(BadInput):
        wrong()


def test_an_attack_that_lacks_a_population_says_so(leak):
    view = leak[0]
    none = dataclasses.replace(view, z_x=view.z_x[:0], z_y=view.z_y[:0])
    with pytest.raises(BadInput, match="records that nobody trained on, for RMIA"):
        drain(RMIA().run(none))


def test_changed_copies_go_farther_and_farther_and_keep_their_kind():
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (5, 3, 32, 32), dtype=np.uint8)
    copies = list(PICTURES.changed(pictures, 9, stream(0, "changed copies")))
    np.testing.assert_array_equal(copies[0], pictures)
    np.testing.assert_array_equal(copies[1], pictures[..., ::-1])
    assert len(copies) == 9 and all(c.dtype == np.uint8 for c in copies)
    marks = (rng.random((50, 40)) < 0.2).astype(np.float32)
    flips = [np.abs(c - marks).mean() for c in TABLES.changed(marks, 6, stream(0, "changed copies"))]
    assert flips[0] == 0 and flips[-1] == pytest.approx(0.15, abs=0.03) and flips == sorted(flips)
    reals = rng.normal(size=(50, 40)).astype(np.float32)
    far = [(c - reals).std() for c in TABLES.changed(reals, 6, stream(0, "changed copies"))]
    assert far[0] == 0 and far[-1] == pytest.approx(1, abs=0.1) and far == sorted(far)
    assert [len(kind.views(x)) for kind, x in ((PICTURES, pictures), (TABLES, reals))] == [2, 1]


def test_a_mirror_image_is_asked_only_of_models_that_saw_mirror_images():
    from mlleak_core.threats.membership.card import MembershipSettings
    from mlleak_core.threats.membership.pool import recipe_for, views_of

    assert views_of(recipe_for(MembershipSettings())) == 1, "the leaky preset does not mirror"
    assert views_of(recipe_for(MembershipSettings(preset="full"))) == 2
    assert views_of(recipe_for(MembershipSettings(data="clinic"))) == 1
