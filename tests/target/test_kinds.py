"""Pictures and tables behind one protocol: what was fitted answers, what was not is another net."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from mlleak_core.target import kinds
from mlleak_core.target.kinds import KINDS, Recipe, by_name, kind_of, of_inputs
from mlleak_core.target.settings import TableSettings, TrainSettings

PICTURES = TrainSettings(epochs=20, lr=0.004, augment=False, mixup=0.0, net="strided-3 narrow")
TABLES = TableSettings(epochs=60, hidden=8)
EACH = pytest.mark.parametrize("recipe", [PICTURES, TABLES], ids=["pictures", "tables"])


def records(recipe: Recipe) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    if isinstance(recipe, TableSettings):
        return (rng.normal(size=(200, 5)) + 2 * y[:, None]).astype(np.float32), y
    return (rng.integers(0, 120, (200, 3, 32, 32)) + 90 * y[:, None, None, None]).astype(np.uint8), y


@EACH
def test_a_recipe_its_records_and_its_name_mean_one_kind(recipe):
    kind = kind_of(recipe)
    assert of_inputs(records(recipe)[0]) is kind is by_name(kind.name)
    assert kind.name == type(recipe).__name__, "as kept files and folders call it"
    with pytest.raises(KeyError):
        by_name("Sounds")


@EACH
def test_what_was_fitted_answers_and_was_watched(recipe):
    (x, y), kind, seen = records(recipe), kind_of(recipe), []
    members = np.arange(150)
    weights = kind.fit(x, y, members, recipe, 7, 2, lambda answer: seen.append(answer(x[:4])))
    answer = kind.answers(weights, recipe.as_dict())
    assert len(seen) == recipe.epochs and seen[0].shape == (4, 2)
    assert (answer(x).argmax(1) == y).mean() > 0.8
    before = kind.untrained(x, recipe, 7, 2)
    assert not np.allclose(before(x), answer(x))
    np.testing.assert_allclose(seen[-1], answer(x[:4]), rtol=0.05, atol=0.1)  # watched in low precision


@EACH
def test_a_shadow_is_the_net_fitted_alone_on_all_views(recipe):
    (x, y), kind = records(recipe), kind_of(recipe)
    rows = [np.arange(0, 150), np.arange(50, 200)]
    logits = kind.shadows(x, y, rows, recipe, [1, 2], 2)
    views = kind.views(x)
    assert logits.shape == (2, len(views), 200, 2)
    alone = kind.answers(kind.fit(x, y, rows[1], recipe, 2, 2, lambda _: None), recipe.as_dict())
    for shown, view in zip(logits[1], views, strict=True):
        np.testing.assert_allclose(alone(view), shown, atol=1e-4)
    np.testing.assert_array_equal(views[0], x)


def test_every_recipe_has_a_kind():
    assert set(KINDS) == {TrainSettings, TableSettings}


def test_it_is_light_to_import():
    code = f"import sys, {kinds.__name__}, mlleak_core.target.fleet; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
