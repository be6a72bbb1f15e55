"""Charts of the file: a mark for every treatment and window, the house's colours, intervals drawn."""

from __future__ import annotations

import numpy as np

from mlleak_core.contract import Estimate
from mlleak_core.figures.histogram import scan, weights
from mlleak_core.figures.look import BLUE, ORANGE
from mlleak_core.figures.treatments import Treatment, treatments


def test_every_treatment_has_a_mark_for_task_and_leak():
    rows = [Treatment(n, Estimate(0.9, 0.8, 0.95, 100), Estimate(0.5, 0.2, 0.7, 16)) for n in "abc"]
    task, leak = treatments(rows).data
    assert list(task.y) == list(leak.y) == ["a", "b", "c"]
    assert (task.marker.color, leak.marker.color) == (BLUE, ORANGE)
    assert task.marker.symbol != leak.marker.symbol, "shape is the second channel"
    np.testing.assert_allclose(leak.error_x.array, 0.2)
    np.testing.assert_allclose(leak.error_x.arrayminus, 0.3)


def test_histogram_and_scan_show_both_twins(rng):
    bins = np.linspace(-1, 1, 5)
    for figure in (weights(bins, rng.random(4), rng.random(4)), scan(rng.random(7), rng.random(7))):
        assert {trace.name for trace in figure.data} == {"clean twin", "malicious twin"}
    np.testing.assert_allclose(
        weights(bins, rng.random(4), rng.random(4)).data[0].x, [-0.75, -0.25, 0.25, 0.75]
    )
