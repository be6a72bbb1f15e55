"""One record under the microscope: a strip of shadows, those that had it above those that had not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from mlleak_core.figures.look import BLUE, GREEN, ORANGE, PLAIN
from mlleak_core.language import say


@dataclass(frozen=True, eq=False, kw_only=True)
class Strip:
    """phi [k]: the shadows' confidence in the record's class, as log odds; inside [k]: who had it; target:
    the target's own.
    """

    phi: NDArray[np.floating]
    inside: NDArray[np.bool_]
    target: float


def strip(shown: Strip) -> go.Figure:
    """The shadows as dots, their means as strokes, the target as a line across."""
    figure = go.Figure()
    _row(figure, 0, shown.phi[~shown.inside], BLUE, "circle", say("shadows without it"))
    _row(figure, 1, shown.phi[shown.inside], ORANGE, "triangle-up", say("shadows that had it"))
    mark = {"annotation_text": say("the target"), "annotation_position": "top"}
    figure.add_vline(x=shown.target, line={"color": GREEN, "width": 3}, **mark)
    rows = {"tickvals": [0, 1], "ticktext": [say("out"), say("in")]}
    figure.update_layout(
        PLAIN,
        height=270,
        margin={"l": 8, "r": 8, "t": 26, "b": 8},
        legend={"orientation": "h", "y": -0.42},
        xaxis={"title": say("confidence in the true class, φ = log p/(1−p)"), "zeroline": False},
        yaxis={"range": [-0.6, 1.6], "zeroline": False, "showgrid": False, **rows},
    )
    return figure


def _row(
    figure: go.Figure, row: int, values: NDArray[np.floating], colour: str, symbol: str, name: str
) -> None:
    """One kind of shadows, spread a little so that dots do not hide each other."""
    values = values.astype(float)
    spread = np.linspace(-0.25, 0.25, len(values)) if len(values) > 1 else np.zeros(len(values))
    marker = {"color": colour, "symbol": symbol, "size": 9, "opacity": 0.75}
    figure.add_scatter(x=values, y=row + spread, mode="markers", name=name, hoverinfo="x", marker=marker)
    if len(values):
        line, ends = {"color": colour, "width": 3}, [row - 0.38, row + 0.38]
        looks = {"mode": "lines", "showlegend": False, "hoverinfo": "skip"}
        figure.add_scatter(x=[values.mean()] * 2, y=ends, line=line, **looks)
