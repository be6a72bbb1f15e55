"""Probes and the ladder: slow oracles, planted attributes, null attributes, and who may read the truth."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge as SkRidge

from mlleak_core import measure
from mlleak_core.contract import BadInput, Estimate, drain
from mlleak_core.target.models import ConvNet, as_input
from mlleak_core.target.settings import TrainSettings
from mlleak_core.target.training import shrink
from mlleak_core.threats.features import judge as judges
from mlleak_core.threats.features import ladder, probes
from mlleak_core.threats.features.card import FeaturesSettings
from mlleak_core.threats.features.judge import judge
from mlleak_core.threats.features.ladder import LayerLadder, Side, View
from mlleak_core.threats.features.run import analyse, run, stage, wanted
from mlleak_core.threats.features.rungs import LadderVerdict, Rung
from mlleak_core.threats.features.taps import untrained

QUICK = LayerLadder(draws=10, nulls=20, controls=8)


@pytest.mark.parametrize("shape", [(60, 15), (15, 60)])
def test_ridge_in_both_forms_is_scikit_learns(shape, rng):
    x, y = torch.tensor(rng.normal(size=shape)), torch.tensor(rng.normal(size=(shape[0], 2)))
    y = y - y.mean(0)
    ridge = probes.Ridge(x)
    ours = ridge.scores(x, ridge.weights(y, 0.1)).numpy()
    scaled = ((x - x.mean(0)) / ridge.scale).numpy()
    theirs = (
        SkRidge(alpha=float(0.1 * ridge.unit), fit_intercept=False).fit(scaled, y.numpy()).predict(scaled)
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_few_shot_is_a_ridge_on_each_draw(rng, monkeypatch):
    monkeypatch.setattr(probes, "AT_ONCE", 2 * 10 * 30)  # two draws at a time
    aux, held = (
        torch.tensor(rng.normal(size=(50, 30))).float(),
        torch.tensor(rng.normal(size=(7, 30))).float(),
    )
    shots = np.stack([rng.permutation(50)[:10] for _ in range(3)])
    ours = probes.few_shot(aux, held, shots)
    for row, draw in zip(ours, shots, strict=True):
        x = aux[torch.tensor(draw)]
        mean = x.mean(0)
        unit = float(((x - mean) ** 2).sum(1).mean())
        model = SkRidge(alpha=probes.FEW_SHOT_PENALTY * unit, fit_intercept=False).fit(
            (x - mean).numpy(), [-1] * 5 + [1] * 5
        )
        np.testing.assert_allclose(row, model.predict((held - mean).numpy()), atol=1e-4)


def test_draws_are_of_labelled_people_and_shared_between_attributes(rng):
    person = np.arange(600) // 2
    labels = {"rare": (person < 60).astype(np.int8), "half": (rng.random(600) < 0.5).astype(np.int8)}
    labels["half"][::7] = -1
    attack = LayerLadder()
    orders = [rng.permutation(600) for _ in range(attack.draws)]
    drawn = {a: attack._shots(codes, person, orders) for a, codes in labels.items()}
    for a, codes in labels.items():
        for row in drawn[a]:
            assert (codes[row] == np.repeat([0, 1], attack.shots)).all(), a
            assert all(len(set(person[part].tolist())) == attack.shots for part in np.split(row, 2))
    assert len({tuple(row) for row in drawn["half"].tolist()}) == attack.draws, "each draw is another one"
    apart = sum(len(set(rows.ravel().tolist())) for rows in drawn.values())
    assert len({row for rows in drawn.values() for row in rows.ravel().tolist()}) < 0.85 * apart


@pytest.fixture(scope="module")
def planted():
    """Two layers of noise; in the upper one, training planted `marked`. `null` is nowhere."""
    rng = np.random.default_rng(5)
    m, n = 600, 400
    labels = {
        k: {s: rng.integers(0, 2, c).astype(np.int8) for s, c in (("aux", m), ("held", n))}
        for k in ("marked", "null")
    }

    def side(strength, rng=rng):
        found = {}
        for s, c in (("aux", m), ("held", n)):
            noise = rng.normal(size=(c, 40)).astype(np.float32)
            above = noise.copy()
            above[:, :10] += strength * (labels["marked"][s][:, None] - 0.5)
            found[s] = {"pixels": torch.tensor(noise), "conv1": torch.tensor(above)}
        return Side(**found)

    def untrained(number, rows):
        found = side(0.0, np.random.default_rng(100 + number))
        return Side({layer: x[torch.from_numpy(rows)] for layer, x in found.aux.items()}, found.held)

    task = {s: rng.integers(0, 2, c).astype(np.int8) for s, c in (("aux", m), ("held", n))}
    view = View(
        trained=side(1.0),
        untrained=untrained,
        aux_person=np.arange(m) // 2,
        aux_task=task["aux"],
        aux_labels={k: v["aux"] for k, v in labels.items()},
        held_task=task["held"],
        held_rows=np.arange(n),
    )
    return view, {k: v["held"] for k, v in labels.items()}


class HeldFaces:
    """Just enough of a data set for the judge."""

    def __init__(self, labels, task):
        self.labels = labels
        self.person = np.arange(len(task)) // 2
        self.task = type("Task", (), {"codes": task})

    def target(self, name):
        return self.labels[name]


def test_a_planted_attribute_is_found_and_a_null_is_not(planted):
    view, truth = planted
    held: Any = HeldFaces(truth, view.held_task)
    report = judge(drain(QUICK.run(view)), held, view.held_rows, QUICK)
    marked, null = report.rung("conv1", "marked"), report.rung("conv1", "null")
    assert marked.auc.low > 0.8
    assert marked.few_shot_gain.low > 0.1
    assert marked.lift_gain.low > 0
    assert marked.gain > 0.2
    assert marked.verdict is LadderVerdict.EASIER
    assert null.auc.low < 0.5 < null.auc.high
    assert null.few_shot_gain.low < 0 < null.few_shot_gain.high
    assert null.verdict is LadderVerdict.CHANCE
    assert report.rung("pixels", "marked").verdict is LadderVerdict.CHANCE
    for rung in report.rungs:
        assert rung.null.low < 0.5 < rung.null.high
        assert abs(rung.label_only - 0.5) < 0.1


def test_higher_scores_mean_the_attribute(planted):
    view, truth = planted
    claim = drain(QUICK.run(view))
    reading = claim.readings["conv1", "marked"]
    yes = truth["marked"] == 1
    assert reading.scores[yes].mean() > reading.scores[~yes].mean()
    assert reading.few_shot[:, yes].mean() > reading.few_shot[:, ~yes].mean()


def test_the_attacker_sees_no_held_attribute(faces, target):
    view = stage(target, faces, ["Glasses"])
    names = {f.name for f in dataclasses.fields(View)}
    assert names == {"trained", "untrained", "aux_person", "aux_task", "aux_labels", "held_task", "held_rows"}
    assert len(view.aux_labels["Glasses"]) == len(target.split.members)
    assert not set(faces.person[target.split.outsiders]) & set(view.aux_person)


def test_the_claim_does_not_change_when_held_truth_does(faces, target):
    before = drain(QUICK.run(stage(target, faces, ["Smile"]))).readings["conv1", "Smile"].scores
    altered = faces.subset(np.arange(len(faces)))
    altered.target("Smile")[target.split.outsiders] ^= 1
    after = drain(QUICK.run(stage(target, altered, ["Smile"]))).readings["conv1", "Smile"].scores
    np.testing.assert_array_equal(before, after)


def test_the_ladder_of_a_real_run_has_every_rung_and_repeats_itself(faces, target):
    report = drain(analyse(target, faces, ["Darker tone", "Hat"], QUICK))
    assert len(report.rungs) == 12
    assert report.rung("conv1", "Darker tone").auc.low > 0.75, "seventeen people, all in order"
    again = drain(analyse(target, faces, ["Darker tone", "Hat"], QUICK))
    assert [r.row() for r in report.rungs] == [r.row() for r in again.rungs]


def test_neighbour_lift_against_a_naive_count(rng):
    n = 80
    near = np.argsort(rng.normal(size=(n, n)), axis=1)
    truth, person = (rng.random(n) < 0.3).astype(np.int8), np.arange(n) // 4
    (ours, _), found = judges._lift(near, near[None], truth, person)
    shares = []
    for i in np.flatnonzero(truth == 1):
        others = [j for j in near[i] if person[j] != person[i]][:15]
        shares.append(truth[others].mean())
    assert ours == pytest.approx(np.mean(shares) / truth.mean())
    assert found.gain.value == 0 and found.p == 1


def test_threshold_is_the_best_balanced_cut(rng):
    scores = rng.normal(size=200)
    labels = (scores + rng.normal(size=200) > 0).astype(np.int8)
    cut = ladder._threshold(scores.astype(np.float32), labels)
    ours = measure.balanced_accuracy(scores > cut, labels)
    assert ours >= max(measure.balanced_accuracy(scores > c, labels) for c in scores) - 0.011


def rung(**changes) -> Rung:
    e = Estimate
    base: dict[str, Any] = {
        "layer": "conv2",
        "attribute": "x",
        "auc": e(0.8, 0.75, 0.85, 100),
        "null": e(0.5, 0.45, 0.55, 20),
        "label_only": 0.5,
        "random_init": e(0.7, 0.6, 0.8, 100),
        "few_shot": 0.7,
        "few_shot_random_init": 0.65,
        "few_shot_gain": e(0.05, 0.01, 0.09, 100),
        "few_shot_p": 0.001,
        "few_shot_told": True,
        "controls": 12,
        "lift": 1.5,
        "lift_random_init": 1.2,
        "lift_gain": e(0.3, 0.1, 0.5, 30),
        "lift_p": 0.02,
        "gain": 0.1,
        "positives": 30,
        "holders": 12,
        "people": 80,
    }
    return Rung(**(base | changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "made easier to read"),
        ({"few_shot_told": False}, "merely kept"),
        ({"few_shot": 0.54, "few_shot_random_init": 0.5}, "merely kept"),
        (
            {"few_shot_gain": Estimate(-0.05, -0.09, -0.01, 100), "few_shot_random_init": 0.54},
            "merely kept",
        ),
        ({"few_shot_gain": Estimate(-0.05, -0.09, -0.01, 100)}, "being forgotten"),
        ({"few_shot_gain": Estimate(-0.001, -0.0015, -0.0005, 100)}, "merely kept"),
        ({"auc": Estimate(0.56, 0.52, 0.60, 100)}, "not told from chance"),
    ],
)
def test_the_verdict_comes_from_the_intervals(changes, words):
    assert rung(**changes).verdict.words == words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "no nearer than before"),
        ({"lift_told": True}, "drawn together"),
        ({"lift_told": True, "lift_gain": Estimate(-0.3, -0.5, -0.1, 30)}, "mixed again"),
    ],
)
def test_neighbours_have_a_verdict_of_their_own(changes, words):
    assert rung(**changes).lift_verdict.words == words


def test_gains_are_corrected_over_all_rungs_that_can_differ():
    """One gain at .03 stands alone, and falls among nineteen others; the pixels count for nothing."""
    pixels = rung(layer="pixels", few_shot_p=1.0, lift_p=1.0)
    alone, _ = judges.corrected([rung(few_shot_p=0.03, lift_p=0.5), pixels])
    crowd = judges.corrected([rung(few_shot_p=0.03), *[rung(few_shot_p=0.9)] * 19])
    assert alone.few_shot_told and not alone.lift_told and not crowd[0].few_shot_told


def test_an_untrained_net_is_normalised_on_the_faces_and_is_another_each_time(faces):
    pictures, like = shrink(faces), ConvNet("conv-3", torch.Generator())
    first, again, other = (untrained(like, pictures, 0, number) for number in (0, 0, 1))
    assert all(torch.equal(again.state_dict()[name], value) for name, value in first.state_dict().items())
    assert not torch.equal(first.convs[0].weight, other.convs[0].weight)
    found = first.norms[0](torch.nn.functional.max_pool2d(first.convs[0](as_input(pictures)), 2))
    assert found.mean((0, 2, 3)).abs().max() < 0.01 and (found.std((0, 2, 3)) - 1).abs().max() < 0.02
    assert not first.training


def test_one_seed_is_one_number(desk, target, faces):
    """The seed of the settings fixes the draws as well, so that page and command line say the same."""
    settings = FeaturesSettings(**target.settings.as_dict(), attributes="hat", draws=5, nulls=5)
    found = drain(run(settings, desk))
    again, other = (
        drain(analyse(target, faces, ["Hat"], LayerLadder(seed=seed, draws=5, nulls=5))) for seed in (1, 0)
    )
    assert settings.seed == 1 and found.report.rungs == again.rungs
    for ours, theirs in zip(again.rungs, other.rungs, strict=True):
        assert ours.auc == theirs.auc
        assert ours.null != theirs.null
    assert {finding.seed for finding in found.exhibit().findings()} == {1}
    assert list(found.row()) == ["task", "layers", "correlation", "ladder_seconds"]


def test_few_shot_draws_and_shuffled_labels_have_streams_of_their_own(planted):
    """More shuffled labellings change neither the draws nor those that were there before."""
    view, _ = planted
    few = drain(LayerLadder(draws=5, nulls=5).run(view)).readings["conv1", "marked"]
    more = drain(LayerLadder(draws=5, nulls=10).run(view)).readings["conv1", "marked"]
    np.testing.assert_array_equal(few.few_shot, more.few_shot)
    np.testing.assert_allclose(few.null, more.null[:5], atol=1e-5)


def test_attributes_are_asked_for_by_name_with_or_without_commas(faces):
    assert wanted(faces, FeaturesSettings()) == faces.headline
    assert wanted(faces, FeaturesSettings(attributes=" hat, Darker TONE,")) == ("Hat", "Darker tone")
    with pytest.raises(BadInput, match="moustache"):
        wanted(faces, FeaturesSettings(attributes="moustache"))
    asked = FeaturesSettings.asking(TrainSettings(), ["Hat"], 'long, "fair" hair')
    assert asked.names() == ("Hat", 'long, "fair" hair')
    assert FeaturesSettings.asking(TrainSettings(), faces.headline, "Hat") == FeaturesSettings()


def test_an_attribute_of_one_class_is_refused(faces, target):
    view = stage(target, faces, ["Hat"])
    empty = dataclasses.replace(view, aux_labels={"Hat": np.zeros_like(view.aux_labels["Hat"])})
    with pytest.raises(BadInput, match="Hat"):
        drain(QUICK.run(empty))
