"""Synthetic faces: independent labels, nobody twice, the same for the same seed, quick."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from mlleak_core.contract import drain
from mlleak_core.data import synthetic
from mlleak_core.data.source import load
from mlleak_core.measure import cramers_v


@pytest.fixture(scope="module")
def labels():
    return synthetic.draw_photos(synthetic.draw_people(4000, seed=8), 1, seed=8)[1]


@pytest.mark.parametrize(
    ("one", "other"), list(combinations(["gender", "tone", "age", "glasses", "smile", "hat"], 2))
)
def test_labels_are_independent(labels, one, other):
    table = np.zeros((10, 10))
    np.add.at(table, (labels[one].astype(int), labels[other].astype(int)), 1)
    table = table[table.sum(1) > 0][:, table.sum(0) > 0]
    expected = table.sum(1, keepdims=True) * table.sum(0) / table.sum()
    chi2 = ((table - expected) ** 2 / expected).sum()
    freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
    assert chi2 < freedom + 6 * np.sqrt(2 * freedom)


def test_gender_and_tone_are_uncorrelated_in_the_embedded_set():
    faces = drain(load("synthetic"))
    phi = cramers_v(faces.task.codes, faces.target("Darker tone"), faces.person)
    assert phi.low < 0 < phi.high
    assert len(faces) == 5000
    assert len(np.unique(faces.person)) == 1250


def test_the_same_seed_paints_the_same_faces():
    people = synthetic.draw_people(5, seed=1)
    one, two = (drain(synthetic.paint_all(synthetic.draw_photos(people, 2, seed=1)[0])) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_photos_of_a_person_are_alike_but_not_equal(faces):
    first, second = faces.images[0].astype(float), faces.images[1].astype(float)
    assert np.abs(first - second).mean() > 3
    assert faces.person[0] == faces.person[1]


@pytest.mark.parametrize("tone", range(10))
def test_every_tone_keeps_its_features_readable(tone):
    """Eyes must stand out from the skin on every step of the scale: contrast inside the eye box against the
    cheek's grain.
    """
    people = {k: v[:60].copy() for k, v in synthetic.draw_people(60, seed=2).items()}
    people["tone"][:] = tone
    people["skin"] = synthetic._skin(people["tone"], np.random.default_rng(0))
    params, _ = synthetic.draw_photos(people, 1, seed=2)
    face = drain(synthetic.paint_all(params)).mean(-1)
    eyes, cheek = face[:, 30:36, 20:44], face[:, 40:44, 22:28]
    assert (eyes.max((1, 2)) - eyes.min((1, 2))).mean() > 60
    assert (eyes.std((1, 2)) > cheek.std((1, 2))).mean() > 0.85


def test_five_thousand_faces_in_ten_seconds(quickest):
    params, _ = synthetic.draw_photos(synthetic.draw_people(1250, seed=0), 4, seed=0)
    drain(synthetic.paint_all(params[:4]))
    assert quickest(lambda: drain(synthetic.paint_all(params))) < 10
