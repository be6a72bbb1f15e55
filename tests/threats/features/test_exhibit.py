"""What a page is told of a ladder: the choosing, the words, the pictures."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from mlleak_core.contract import Estimate, drain
from mlleak_core.figures.ladder import MEASURES, ladder
from mlleak_core.threat import threat
from mlleak_core.threats.features.card import FeaturesSettings
from mlleak_core.threats.features.run import run
from mlleak_core.threats.features.rungs import LadderVerdict


@pytest.fixture(scope="module")
def shipped():
    return threat("features").shipped_exhibits()[0]


@pytest.fixture
def told(shipped):
    """The shipped exhibit with rungs of Hat changed: layer -> what is changed."""

    def change(**layers):
        rungs = tuple(
            dataclasses.replace(r, **layers.get(r.layer, {})) if r.attribute == "Hat" else r
            for r in shipped.about.rungs
        )
        return dataclasses.replace(shipped, about=dataclasses.replace(shipped.about, rungs=rungs))

    return change


EASIER = {
    "auc": Estimate(0.9, 0.85, 0.95, 100),
    "null": Estimate(0.5, 0.4, 0.6, 20),
    "few_shot": 0.8,
    "few_shot_random_init": 0.6,
    "few_shot_gain": Estimate(0.2, 0.1, 0.3, 100),
    "few_shot_told": True,
}
KEPT = EASIER | {"few_shot": 0.95, "few_shot_gain": Estimate(0.0, -0.1, 0.1, 100), "few_shot_told": False}
CHANCE = EASIER | {"auc": Estimate(0.5, 0.4, 0.6, 100)}


def test_the_layer_where_training_changed_most_is_the_telling_one(told):
    exhibit = told(pixels=EASIER, conv1=KEPT, conv2=KEPT, conv3=EASIER, hidden=KEPT, logits=CHANCE)
    assert exhibit.telling("Hat").layer == "conv3", "pixels and answer are no inner layers"
    conclusion = exhibit.conclusion("Hat")
    assert conclusion.verdict is LadderVerdict.EASIER
    assert "conv 3 gives it away at 0.80, 12 untrained nets at 0.60" in conclusion.sentence
    assert "training *made it easier to read*" in conclusion.sentence
    assert conclusion.sentence.endswith("it cannot be told from chance.")
    assert exhibit.findings()[24].key == "Hat/conv3", "it comes first of its attribute"


def test_where_training_made_nothing_easier_the_best_layer_is_told(told):
    best = KEPT | {"few_shot": 0.97}
    exhibit = told(conv1=KEPT, conv2=best, conv3=CHANCE, hidden=CHANCE, logits=CHANCE)
    assert exhibit.telling("Hat").layer == "conv2"
    assert "merely kept" in exhibit.conclusion("Hat").sentence


def test_a_bet_is_right_when_it_is_as_good_as_the_best(told):
    exhibit = told(
        pixels=CHANCE | {"few_shot": 0.5},
        conv1=KEPT,
        conv2=KEPT | {"few_shot": 0.953},
        conv3=CHANCE,
        hidden=CHANCE,
        logits=CHANCE,
    )
    words = "Best: conv 2, AUC 0.95 from forty photos."
    assert exhibit.bet("Hat", "conv1") == f"You were right. {words}"
    assert exhibit.bet("Hat", "pixels") == f"You said pixels, 0.45 below it. {words}"


def test_a_scene_hides_what_is_to_be_guessed_and_is_made_once(shipped):
    shown, hidden = shipped.scene("Age group"), shipped.scene("Age group", revealed=False)
    assert hidden.codes is None and shown.name != hidden.name
    np.testing.assert_array_equal(shown.codes, shipped.arrays["label/Age group"])
    assert shown is shipped.scene("Age group")
    assert shipped.scene().attribute == next(iter(shipped.about.classes))


def test_home_says_no_more_than_the_interval(shipped):
    def answer(low, high):
        rungs = tuple(
            dataclasses.replace(r, auc=Estimate((low + high) / 2, low, high, 100))
            if (r.attribute, r.layer) == ("Darker tone", "logits")
            else r
            for r in shipped.about.rungs
        )
        changed = dataclasses.replace(shipped, about=dataclasses.replace(shipped.about, rungs=rungs))
        return changed.headlines()[1].title

    assert "hides skin tone" in answer(0.45, 0.6)
    assert "says little of skin tone" in answer(0.55, 0.7)
    seen = shipped.headlines()[0]
    strongest = shipped.strongest()
    assert strongest is not None and strongest.attribute == shipped.first() == "Glasses"
    assert (seen.picture.layer, seen.picture.attribute) == (strongest.layer, "Glasses")
    calm = tuple(dataclasses.replace(r, few_shot_told=False) for r in shipped.about.rungs)
    without = dataclasses.replace(shipped, about=dataclasses.replace(shipped.about, rungs=calm))
    assert without.first() == "Darker tone" and "alike" in without.headlines()[0].title


def test_a_live_exhibit_has_no_maps_and_the_same_numbers(desk, target):
    settings = FeaturesSettings(**target.settings.as_dict(), attributes="Hat", draws=5, nulls=5)
    result = drain(run(settings, desk))
    exhibit = result.exhibit()
    assert not exhibit.atlas and all(name.startswith("history_") for name in exhibit.arrays)
    assert [r.row() for r in exhibit.rungs_of("Hat")] == result.row()["layers"]
    assert exhibit.task().accuracy.value == result.row()["task"]["accuracy"]
    assert exhibit.history().keys() == target.history.keys()
    assert all(finding.missing() == () for finding in exhibit.findings())


@pytest.mark.parametrize("measure", MEASURES)
def test_the_chart_shows_both_nets_and_the_interval_of_their_difference(shipped, measure):
    rungs, shown = shipped.rungs_of("Glasses"), MEASURES[measure]
    lines = {trace.name: trace for trace in ladder(rungs, measure).data}
    after, before = lines["after training"], lines["before training"]
    assert list(after.x) == ["pixels", "conv 1", "conv 2", "conv 3", "hidden", "answer"]
    np.testing.assert_allclose(before.y, [shown.control(r) for r in rungs])
    if shown.gain is not None:
        top = np.array(after.y) + np.array(after.error_y.array)
        wanted = [max(shown.control(r) + shown.gain(r).high, shown.ours(r)) for r in rungs]
        np.testing.assert_allclose(top, wanted)
    assert ("labels shuffled" in lines) is shown.auc
    assert ("95% interval" in lines) is (shown.interval is not None)


def test_the_exhibit_is_light_to_import():
    code = (
        "import sys, mlleak_core.threats.features.exhibit; assert not {'torch', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
