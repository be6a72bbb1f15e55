"""A dot a run, the chosen one larger and in another colour, its interval upwards."""

from __future__ import annotations

import numpy as np

from mlleak_core.contract import Estimate
from mlleak_core.figures.trail import Dot, trail


def test_every_run_is_a_dot_and_the_chosen_one_stands_out():
    dots = [Dot(f"run {i}", 100.0 * i, Estimate(0.01 * i, 0.0, 0.1, 50)) for i in range(3)]
    figure = trail(dots, 1, across={"title": "bits"}, upwards={"title": "cost"}, level=0.0)
    (shown,) = figure.data
    assert list(shown.text) == ["run 0", "run 1", "run 2"]
    assert shown.marker.size[1] > shown.marker.size[0] == shown.marker.size[2]
    assert shown.marker.color[1] != shown.marker.color[0]
    np.testing.assert_allclose(shown.error_y.array, [0.1, 0.09, 0.08])
