"""The shipped ladder is what the program computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlleak_core.contract import drain
from mlleak_core.figures.sheets import quantise
from mlleak_core.server.desk import Desk
from mlleak_core.threat import threat


@pytest.mark.timeout(1200)
def test_the_shipped_run_is_computed_not_written():
    """Another processor rounds otherwise, and training amplifies it: AUCs may then move, counts may not."""
    found = threat("features")
    kept: Any = found.shipped_exhibits()[0]
    desk = Desk()
    result = drain(found.start(found.shipped[0], desk))
    made = drain(result.shipped_exhibit(desk))
    for name in (
        "settings",
        "epochs",
        "layers",
        "attributes",
        "classes",
        "owner",
        "task_name",
        "task_classes",
    ):
        assert getattr(kept.about, name) == getattr(made.about, name), name
    assert kept.task().accuracy.n == made.task().accuracy.n
    assert kept.task().accuracy.value == pytest.approx(made.task().accuracy.value, abs=0.025)
    assert len(kept.about.rungs) == len(made.about.rungs)
    for rung, again in zip(kept.about.rungs, made.about.rungs, strict=True):
        old, new, where = rung.row(), again.row(), (rung.layer, rung.attribute)
        for column in ("layer", "attribute", "n", "people", "positives", "bearers"):
            assert old[column] == new[column], (*where, column)
        # what two numbers still carry by the way is the luck of rounding
        leeway = 0.2 if rung.layer == "logits" else 0.12
        for column in AUCS:
            assert old[column] == pytest.approx(new[column], abs=leeway), (*where, column)
    for name in ("task", "person", "label/Skin tone"):
        np.testing.assert_array_equal(kept.arrays[name], made.arrays[name])
    assert set(kept.arrays) == set(made.arrays)


AUCS = ("auc", "random_init_auc", "few_shot_auc", "few_shot_random_init_auc", "label_only_auc")


def test_coordinates_survive_quantising(rng):
    points = rng.normal(size=(500, 2)).astype(np.float32)
    back = quantise(points).astype(float)
    assert np.corrcoef(points[:, 0], back[:, 0])[0, 1] > 0.999
