"""What a model file looks like from within: the histogram of its weights, a scan for pictures among them."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
from numpy.typing import NDArray

from mlleak_core.figures.look import BLUE, ORANGE, PLAIN
from mlleak_core.language import say

LEGEND = {"orientation": "h", "y": -0.3}
HEIGHT = 260


def weights(bins: NDArray[Any], malicious: NDArray[Any], clean: NDArray[Any]) -> go.Figure:
    """Histograms of the weights of both twins; bins [k + 1], densities [k]."""
    figure, centre = go.Figure(), (bins[1:] + bins[:-1]) / 2
    for values, colour, name, dash in (
        (clean, BLUE, say("clean twin"), "dash"),
        (malicious, ORANGE, say("malicious twin"), "solid"),
    ):
        line = {"color": colour, "dash": dash, "width": 2.5}
        figure.add_scatter(x=centre, y=values, mode="lines", name=name, line=line)
    density = {"title": say("density"), "showticklabels": False}
    figure.update_layout(height=HEIGHT, legend=LEGEND, xaxis={"title": say("weight")}, yaxis=density, **PLAIN)
    return figure


def scan(malicious: NDArray[Any], clean: NDArray[Any]) -> go.Figure:
    """Correlation of each picture-sized stretch of weights with the average public face, [k]."""
    figure = go.Figure()
    for values, colour, name, symbol in (
        (clean, BLUE, say("clean twin"), "circle"),
        (malicious, ORANGE, say("malicious twin"), "triangle-up"),
    ):
        marker = {"color": colour, "symbol": symbol, "size": 7, "opacity": 0.75}
        figure.add_scatter(y=values, mode="markers", name=name, marker=marker)
    figure.update_layout(
        height=HEIGHT,
        legend=LEGEND,
        xaxis={"title": say("stretch of weights, in file order")},
        yaxis={"title": say("correlation"), "range": [-1.05, 1.05]},
        **PLAIN,
    )
    return figure
