"""Lines side by side differ by more than their colour."""

from __future__ import annotations

import numpy as np

from mlleak_core.figures.look import DASHES
from mlleak_core.figures.roc import Curve, loglog


def curve(number: int) -> Curve:
    rates = np.linspace(0.001, 1, 50)
    parts = {"fpr": rates, "tpr": rates, "low": rates, "high": rates}
    return Curve(title=f"attack {number}", colour="#000000", **parts)


def test_curves_of_one_colour_are_told_apart_by_their_dashes():
    figure = loglog([curve(number) for number in range(len(DASHES))])
    lines = [trace.line.dash for trace in figure.data if (trace.name or "").startswith("attack")]
    guessing = next(trace.line.dash for trace in figure.data if trace.name == "guessing")
    assert len({*lines, guessing}) == len(DASHES) + 1
